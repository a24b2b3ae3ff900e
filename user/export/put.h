/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* put - JSON on its way to a file, as fast as millions of rows want it */
#ifndef TRACER_EXPORT_PUT_H
#define TRACER_EXPORT_PUT_H

#include <stdio.h>
#include <string.h>

#include "user/base/util.h"

#define PUT_ROOM  (1u << 16)
#define PUT_SMALL 512 /* most bytes that are put at once, but for put_quoted() */

struct put {
	FILE *out;
	int error; /* negative errno of writing; nothing is written any more */
	u32 used;
	char room[PUT_ROOM];
};

/* Writes what is left. Return: 0, or what writing failed with. */
int put_flush(struct put *put);

/* Where @bytes, at most PUT_SMALL, may be written: then count them into used. */
static inline char *put_room(struct put *put, size_t bytes)
{
	if (unlikely(put->used + bytes > PUT_ROOM))
		put_flush(put);
	return put->room + put->used;
}

static inline void put_bytes(struct put *put, const char *text, size_t bytes)
{
	memcpy(put_room(put, bytes), text, bytes);
	put->used += (u32)bytes;
}

/* A text that needs no quotes, of at most PUT_SMALL bytes */
static inline void put_text(struct put *put, const char *text)
{
	put_bytes(put, text, strlen(text));
}

void put_integer(struct put *put, s64 value);
/* Nanoseconds as microseconds: 1234.567 */
void put_micros(struct put *put, u64 ns);
/* null for what is no number */
void put_real(struct put *put, double value);
/* A string of JSON, of any length; @text is UTF-8. */
void put_quoted(struct put *put, const char *text);

#endif
