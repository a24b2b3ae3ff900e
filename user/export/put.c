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

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
			    "25262728293031323334353637383940414243444546474849"
			    "50515253545556575859606162636465666768697071727374"
			    "75767778798081828384858687888990919293949596979899";

static inline u32 digit_count(u64 value)
{
	static const u64 powers[] = {
		0ULL,
		10ULL,
		100ULL,
		1000ULL,
		10000ULL,
		100000ULL,
		1000000ULL,
		10000000ULL,
		100000000ULL,
		1000000000ULL,
		10000000000ULL,
		100000000000ULL,
		1000000000000ULL,
		10000000000000ULL,
		100000000000000ULL,
		1000000000000000ULL,
		10000000000000000ULL,
		100000000000000000ULL,
		1000000000000000000ULL,
		10000000000000000000ULL,
	};
	/* log10(2) is about 1233 / 4096: this is right, or one too few. */
	u32 least = (64 - (u32)__builtin_clzll(value | 1)) * 1233 >> 12;

	return least + (value >= powers[least]);
}

/* Eight digits, in two halves that do not wait for each other */
static inline void put_eight(char *to, u32 value)
{
	u32 high = value / 10000, low = value % 10000;

	memcpy(to, pairs + high / 100 * 2, 2);
	memcpy(to + 2, pairs + high % 100 * 2, 2);
	memcpy(to + 4, pairs + low / 100 * 2, 2);
	memcpy(to + 6, pairs + low % 100 * 2, 2);
}

/* Written where they stay, from the last ones on. */
static inline void put_digits(char *to, u64 value, u32 count)
{
	u32 rest;

	while (count >= 8) {
		count -= 8;
		put_eight(to + count, (u32)(value % 100000000));
		value /= 100000000;
	}
	rest = (u32)value;
	while (count >= 2) {
		count -= 2;
		memcpy(to + count, pairs + rest % 100 * 2, 2);
		rest /= 100;
	}
	if (count)
		*to = (char)('0' + rest);
}

void put_integer(struct put *put, s64 value)
{
	u64 size = value < 0 ? -(u64)value : (u64)value;
	u32 count = digit_count(size);
	char *to = put_room(put, DIGITS_MAX);

	if (value < 0) {
		*to++ = '-';
		put->used++;
	}
	put_digits(to, size, count);
	put->used += count;
}

void put_micros(struct put *put, u64 ns)
{
	u64 whole = ns / 1000, below = ns % 1000;
	u32 count = digit_count(whole);
	char *to = put_room(put, DIGITS_MAX);

	put_digits(to, whole, count);
	put->used += count;
	if (!below)
		return;
	to[count] = '.';
	put_digits(to + count + 1, below, 3);
	put->used += 4;
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
