/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* buffer - bytes that grow, and the integers that are written into them */
#ifndef TRACER_BASE_BUFFER_H
#define TRACER_BASE_BUFFER_H

#include <errno.h>
#include <string.h>

#include "user/base/util.h"

#define VARINT_MAX 10	/* bytes of the longest varint */

struct buffer {
	u8 *data;
	size_t size;	/* bytes in use */
	size_t room;	/* bytes allocated */
	bool failed;	/* an append found no memory; what was appended since is missing */
};

int buffer_grow(struct buffer *b, size_t more);

/* Makes room for @more bytes behind the used ones. Return: 0 or -ENOMEM (and sets failed). */
static inline int buffer_reserve(struct buffer *b, size_t more)
{
	return likely(b->room - b->size >= more) ? 0 : buffer_grow(b, more);
}

void buffer_append(struct buffer *b, const void *data, size_t size);
void buffer_free(struct buffer *b);

static inline void buffer_reset(struct buffer *b)
{
	b->size = 0;
	b->failed = false;
}

/* Unsigned LEB128. @to has room for VARINT_MAX bytes. Return: the byte after the last one. */
static inline u8 *varint_put(u8 *to, u64 value)
{
	while (value >= 0x80) {
		*to++ = (u8)value | 0x80;
		value >>= 7;
	}
	*to++ = (u8)value;
	return to;
}

static inline u64 zigzag(s64 value)
{
	return ((u64)value << 1) ^ -(u64)(value < 0);
}

static inline s64 unzigzag(u64 value)
{
	return (s64)(value >> 1) ^ -(s64)(value & 1);
}

static inline void buffer_varint(struct buffer *b, u64 value)
{
	if (buffer_reserve(b, VARINT_MAX))
		return;
	b->size = (size_t)(varint_put(b->data + b->size, value) - b->data);
}

/* A length and the bytes of it */
static inline void buffer_bytes(struct buffer *b, const void *data, size_t size)
{
	buffer_varint(b, size);
	buffer_append(b, data, size);
}

/*
 * Bytes that are read. A read past the end sets failed and yields zeros, so that a
 * decoder may read a whole record and ask once.
 */
struct cursor {
	const u8 *at;
	const u8 *end;
	bool failed;
};

static inline u64 cursor_varint(struct cursor *c)
{
	u64 value = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		u8 byte;

		if (c->at >= c->end)
			break;
		byte = *c->at++;
		if (shift == 63 && byte > 1)
			break;	/* more than 64 bits */
		value |= (u64)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	c->failed = true;
	return 0;
}

static inline s64 cursor_svarint(struct cursor *c)
{
	return unzigzag(cursor_varint(c));
}

static inline u8 cursor_u8(struct cursor *c)
{
	if (c->at >= c->end) {
		c->failed = true;
		return 0;
	}
	return *c->at++;
}

/* @size bytes where they lie; NULL (and failed) when there are fewer. */
static inline const u8 *cursor_take(struct cursor *c, u64 size)
{
	const u8 *at = c->at;

	if (size > (u64)(c->end - c->at)) {
		c->failed = true;
		return NULL;
	}
	c->at += size;
	return at;
}

/* A length and the bytes of it, as a cursor of its own (empty when failed) */
static inline struct cursor cursor_sub(struct cursor *c)
{
	u64 size = cursor_varint(c);
	const u8 *at = cursor_take(c, size);

	return at ? (struct cursor){ .at = at, .end = at + size } : (struct cursor){ .failed = true };
}

#endif
