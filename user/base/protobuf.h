/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* protobuf - messages in the wire format of Protocol Buffers, field by field */
#ifndef TRACER_BASE_PROTOBUF_H
#define TRACER_BASE_PROTOBUF_H

#include "user/base/buffer.h"

/*
 * Fields are appended to a buffer; a message inside a message is made in a buffer of its own
 * and appended as bytes. As in proto3, numbers that are 0 and texts that are empty are left
 * out. Without memory the buffer has failed.
 */
void proto_u64(struct buffer *to, u32 field, u64 value);
/* Also when it is 0: for proto2, where that is not the same as nothing */
void proto_number(struct buffer *to, u32 field, u64 value);
void proto_fixed64(struct buffer *to, u32 field, u64 value);
void proto_double(struct buffer *to, u32 field, double value);
/* int64 and int32: negative numbers take ten bytes. Not for sint64. */
void proto_s64(struct buffer *to, u32 field, s64 value);
void proto_bool(struct buffer *to, u32 field, bool value);
void proto_bytes(struct buffer *to, u32 field, const void *data, size_t size);
void proto_text(struct buffer *to, u32 field, const char *text);
/* An element of a repeated field, also when it is empty: it counts */
void proto_item(struct buffer *to, u32 field, const void *data, size_t size);
/* repeated uint64 and int64, packed */
void proto_packed(struct buffer *to, u32 field, const u64 *values, size_t count);

/*
 * A message inside a message, written where it belongs; they nest. Also when it is empty.
 * Return of proto_begin(): for proto_end().
 */
size_t proto_begin(struct buffer *to, u32 field);
void proto_end(struct buffer *to, size_t begin);

#endif
