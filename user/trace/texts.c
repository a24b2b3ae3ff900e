// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* texts - the names that a chunk's events share, each written once and then called by number */
#include "user/trace/texts.h"

/* A program that makes up names must not fill a chunk with them. */
#define TEXTS_MAX       4096
#define TEXTS_BYTES_MAX (256U << 10)

static bool is_at(const struct texts *texts, u64 number, const char *text, size_t size)
{
	const u32 *begins = (const void *)texts->begins.data;
	struct cursor c = { texts->written.data + begins[number - 1],
			    texts->written.data + texts->written.size, false };

	return cursor_varint(&c) == size + 1 && !memcmp(c.at, text, size);
}

u32 texts_number(struct texts *texts, const char *text, size_t size)
{
	u64 hash = hash_bytes(text, size), *number = map_get(&texts->by_hash, hash);
	u32 begin = (u32)texts->written.size;

	if (number)
		return is_at(texts, *number, text, size) ? (u32)*number : 0;
	if (texts->count == TEXTS_MAX || size > TEXTS_BYTES_MAX - min(begin, TEXTS_BYTES_MAX))
		return 0;
	if (buffer_reserve(&texts->written, VARINT_MAX + size) ||
	    buffer_reserve(&texts->begins, sizeof(begin)))
		return 0;
	number = map_put(&texts->by_hash, hash);
	if (!number)
		return 0;
	buffer_varint(&texts->written, size + 1);
	buffer_append(&texts->written, text, size);
	buffer_append(&texts->begins, &begin, sizeof(begin));
	*number = ++texts->count;
	return texts->count;
}

void texts_put(const struct texts *texts, struct buffer *b)
{
	buffer_varint(b, texts->count);
	buffer_append(b, texts->written.data, texts->written.size);
}

void texts_next_chunk(struct texts *texts)
{
	map_clear(&texts->by_hash);
	buffer_reset(&texts->begins);
	buffer_reset(&texts->written);
	texts->count = 0;
}

void texts_free(struct texts *texts)
{
	map_free(&texts->by_hash);
	buffer_free(&texts->begins);
	buffer_free(&texts->written);
}
