// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* protobuf - messages in the wire format of Protocol Buffers, field by field */
#include "user/base/protobuf.h"

enum wire_type { WIRE_VARINT = 0, WIRE_BYTES = 2 };

static void key(struct buffer *to, u32 field, enum wire_type type)
{
	buffer_varint(to, (u64)field << 3 | type);
}

void proto_u64(struct buffer *to, u32 field, u64 value)
{
	if (!value)
		return;
	key(to, field, WIRE_VARINT);
	buffer_varint(to, value);
}

void proto_s64(struct buffer *to, u32 field, s64 value)
{
	proto_u64(to, field, (u64)value);
}

void proto_bool(struct buffer *to, u32 field, bool value)
{
	proto_u64(to, field, value);
}

void proto_item(struct buffer *to, u32 field, const void *data, size_t size)
{
	key(to, field, WIRE_BYTES);
	buffer_bytes(to, data, size);
}

void proto_bytes(struct buffer *to, u32 field, const void *data, size_t size)
{
	if (size)
		proto_item(to, field, data, size);
}

void proto_text(struct buffer *to, u32 field, const char *text)
{
	proto_bytes(to, field, text, strlen(text));
}

static size_t varint_size(u64 value)
{
	u8 room[VARINT_MAX];

	return (size_t)(varint_put(room, value) - room);
}

void proto_packed(struct buffer *to, u32 field, const u64 *values, size_t count)
{
	size_t size = 0;

	if (!count)
		return;
	for (size_t i = 0; i < count; i++)
		size += varint_size(values[i]);
	key(to, field, WIRE_BYTES);
	buffer_varint(to, size);
	for (size_t i = 0; i < count; i++)
		buffer_varint(to, values[i]);
}
