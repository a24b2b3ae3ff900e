/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* head - the begin of a file: what trace_info holds, as fields that a reader can skip */
#ifndef TRACER_TRACE_HEAD_H
#define TRACER_TRACE_HEAD_H

#include "user/base/buffer.h"
#include "user/base/err.h"
#include "user/trace/arena.h"
#include "user/trace/info.h"

/* Magic, version, fields. Return: 0 or -ENOMEM. */
int head_put(struct buffer *b, const struct trace_info *info);

/**
 * head_get() - the reverse
 * @info:  filled; what is missing is "" or 0
 * @bytes: as many as the head tells (head_bytes()), or fewer when the file is cut
 * @whole: set to whether the checksum is right and nothing is missing
 *
 * Return: 0 or -ENOMEM.
 */
int head_get(struct trace_info *info, const u8 *bytes, size_t size, struct arena *arena,
	     bool *whole);

/* Is it a trace, and one that we can read? Return: 0 or -EBADMSG with @err filled. */
int head_check(const u8 *bytes, size_t size, const char *path, struct err *err);

/* Length of the whole head, within TRACE_HEAD_MAX; TRACE_HEAD_BYTES when that is damaged. */
size_t head_bytes(const u8 bytes[]);

#endif
