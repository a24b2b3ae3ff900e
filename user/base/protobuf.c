// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* protobuf - messages in the wire format of Protocol Buffers, field by field */
#include "user/base/protobuf.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

static void key(struct buffer *to, u32 field, enum wire_type type)
{
	buffer_varint(to, (u64)field << 3 | type);
}

void proto_number(struct buffer *to, u32 field, u64 value)
{
	u8 *at;

	if (buffer_reserve(to, 2 * VARINT_MAX))
		return;
	at = varint_put(to->data + to->size, (u64)field << 3 | WIRE_VARINT);
	to->size = (size_t)(varint_put(at, value) - to->data);
}

void proto_u64(struct buffer *to, u32 field, u64 value)
{
	if (value)
		proto_number(to, field, value);
}

void proto_fixed64(struct buffer *to, u32 field, u64 value)
{
	u8 bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (u8)(value >> 8 * i);
	key(to, field, WIRE_FIXED64);
	buffer_append(to, bytes, sizeof(bytes));
}

void proto_double(struct buffer *to, u32 field, double value)
{
	u64 bits;

	memcpy(&bits, &value, sizeof(bits));
	proto_fixed64(to, field, bits);
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

size_t proto_begin(struct buffer *to, u32 field)
{
	key(to, field, WIRE_BYTES);
	/* Most are shorter than 128 bytes: their length is one byte. */
	buffer_varint(to, 0);
	return to->size;
}

void proto_end(struct buffer *to, size_t begin)
{
	u8 length[VARINT_MAX];
	size_t size, more;

	if (to->failed)
		return;
	size = to->size - begin;
	more = (size_t)(varint_put(length, size) - length) - 1;
	if (more) {
		if (buffer_reserve(to, more))
			return;
		memmove(to->data + begin + more, to->data + begin, size);
		to->size += more;
	}
	memcpy(to->data + begin - 1, length, more + 1);
}
