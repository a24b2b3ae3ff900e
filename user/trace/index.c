// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* index - the last chunk of a file: where the others are, and the totals */
#include "user/trace/index.h"

#include <zstd.h>

#include "user/trace/format.h"
#include "user/trace/tables.h"

static int put_payload(struct buffer *raw, const struct trace_chunk_info *chunks, size_t count,
		       const struct trace_totals *totals)
{
	struct buffer section = { 0 };

	buffer_varint(&section, count);
	fields_put(&section, &chunk_fields, chunks, count);
	buffer_varint(raw, SECTION_CHUNKS);
	buffer_bytes(raw, section.data, section.size);
	raw->failed |= section.failed;
	buffer_reset(&section);
	if (totals) {
		fields_put(&section, &totals_fields, totals, 1);
		buffer_varint(raw, SECTION_TOTALS);
		buffer_bytes(raw, section.data, section.size);
		raw->failed |= section.failed;
	}
	buffer_free(&section);
	return raw->failed ? -ENOMEM : 0;
}

static int put_chunk(struct buffer *b, const struct buffer *raw, struct chunk_head *head)
{
	size_t most = ZSTD_compressBound(raw->size), bytes;

	if (buffer_reserve(b, CHUNK_HEAD_BYTES + most + FOOTER_BYTES))
		return -ENOMEM;
	bytes = ZSTD_compress(b->data + CHUNK_HEAD_BYTES, most, raw->data, raw->size, 1);
	if (ZSTD_isError(bytes))
		return -EIO;
	head->bytes = (u32)bytes;
	head->raw_bytes = (u32)raw->size;
	chunk_head_put(b->data, head);
	chunk_seal(b->data, bytes);
	b->size = CHUNK_HEAD_BYTES + bytes;
	return 0;
}

int index_put(struct buffer *b, const struct trace_chunk_info *chunks, size_t count,
	      const struct trace_totals *totals, u64 offset, u64 sequence)
{
	struct chunk_head head = { .kind = CHUNK_INDEX, .flags = CHUNK_ZSTD, .sequence = sequence };
	struct buffer raw = { 0 };
	struct footer footer;
	int r = put_payload(&raw, chunks, count, totals);

	if (count) {
		head.begin_ns = chunks[0].begin_ns;
		head.end_ns = max(chunks[count - 1].end_ns, head.begin_ns);
	}
	if (!r)
		r = put_chunk(b, &raw, &head);
	buffer_free(&raw);
	if (r < 0)
		return r;
	footer = (struct footer){ offset, offset + b->size + FOOTER_BYTES };
	footer_put(b->data + b->size, &footer);
	b->size += FOOTER_BYTES;
	return 0;
}

static int get_chunks(struct index *index, struct cursor *c, struct arena *arena)
{
	u64 count = cursor_varint(c);

	if (c->failed || count > (u64)(c->end - c->at))
		return -EBADMSG;
	index->chunks = arena_take(arena, (size_t)count * sizeof(*index->chunks));
	if (!index->chunks)
		return -ENOMEM;
	index->count = (size_t)count;
	return fields_get(c, &chunk_fields, index->chunks, index->count, arena);
}

static int get_totals(struct index *index, struct cursor *c, struct arena *arena)
{
	index->totals = arena_take(arena, sizeof(*index->totals));
	if (!index->totals)
		return -ENOMEM;
	return fields_get(c, &totals_fields, index->totals, 1, arena);
}

int index_get(struct index *index, const u8 *raw, size_t size, struct arena *arena)
{
	struct cursor c = { .at = raw, .end = raw + size };

	*index = (struct index){ 0 };
	while (c.at < c.end) {
		u64 type = cursor_varint(&c);
		struct cursor content = cursor_sub(&c);
		int r = 0;

		if (content.failed)
			return -EBADMSG;
		if (type == SECTION_CHUNKS)
			r = get_chunks(index, &content, arena);
		else if (type == SECTION_TOTALS)
			r = get_totals(index, &content, arena);
		if (r < 0)
			return r;
	}
	return 0;
}
