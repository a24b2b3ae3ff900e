// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* put - JSON on its way to a file, as fast as millions of rows want it */
#include "user/export/put.h"

#include <errno.h>

#define DIGITS_MAX 24

int put_flush(struct put *put)
{
	size_t bytes = put->used;

	put->used = 0;
	errno = 0;
	if (!put->error && fwrite(put->room, 1, bytes, put->out) != bytes)
		put->error = errno ? -errno : -EIO;
	return put->error;
}

/* The digits end at @end. Return: where they begin. */
static inline char *digits(char *end, u64 value)
{
	do
		*--end = (char)('0' + value % 10);
	while (value /= 10);
	return end;
}

void put_integer(struct put *put, s64 value)
{
	char text[DIGITS_MAX], *end = text + sizeof(text);
	char *begin = digits(end, value < 0 ? -(u64)value : (u64)value);

	if (value < 0)
		*--begin = '-';
	put_bytes(put, begin, (size_t)(end - begin));
}

void put_micros(struct put *put, u64 ns)
{
	char text[DIGITS_MAX], *end = text + sizeof(text), *begin;
	u64 below = ns % 1000;

	if (!below) {
		begin = digits(end, ns / 1000);
	} else {
		begin = end;
		for (int i = 0; i < 3; i++, below /= 10)
			*--begin = (char)('0' + below % 10);
		*--begin = '.';
		begin = digits(begin, ns / 1000);
	}
	put_bytes(put, begin, (size_t)(end - begin));
}

void put_real(struct put *put, double value)
{
	char text[40];

	if (value - value != 0) {
		put_text(put, "null");
		return;
	}
	snprintf(text, sizeof(text), "%.17g", value);
	put_text(put, text);
}

static inline char *put_character(char *to, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";

	if (likely(c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)) {
		*to++ = (char)c;
	} else if (c == '"' || c == '\\') {
		*to++ = '\\';
		*to++ = (char)c;
	} else {
		memcpy(to, "\\u00", 4);
		to[4] = hex[c >> 4];
		to[5] = hex[c & 15];
		to += 6;
	}
	return to;
}

#define PIECE 64 /* characters, of which each becomes six bytes at most */

void put_quoted(struct put *put, const char *text)
{
	char *begin, *to;

	put_text(put, "\"");
	do {
		begin = to = put_room(put, PIECE * 6);
		for (int i = 0; *text && i < PIECE; i++)
			to = put_character(to, (unsigned char)*text++);
		put->used += (u32)(to - begin);
	} while (*text);
	put_text(put, "\"");
}
