// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* helpers_damage - files that were damaged, or made by a liar */
#include "tests/unit/helpers_damage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "user/trace/head.h"

#include <cmocka.h> /* last: it has a macro named fail */

/* Opens and reads it all. Return: whether it could be opened. */
bool try_file(const char *path, struct event_list *out, struct trace_damage *damage)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	struct err err = { 0 };

	if (trace_reader_open(&reader, path, &err) < 0) {
		assert_true(err.text[0]);
		return false;
	}
	read_trace(out, reader, false);
	*damage = *trace_reader_damage(reader);
	return true;
}

/* A file of one chunk with the given payload, and a right checksum: a liar, not an accident. */
void store_hostile(const void *payload, size_t bytes, struct chunk_head head)
{
	struct buffer b = { 0 };

	assert_int_equal(head_put(&b, &some_info), 0);
	assert_int_equal(buffer_reserve(&b, CHUNK_HEAD_BYTES + bytes), 0);
	head.kind = head.kind ? head.kind : CHUNK_EVENTS;
	head.bytes = (u32)bytes;
	chunk_head_put(b.data + b.size, &head);
	if (bytes)
		memcpy(b.data + b.size + CHUNK_HEAD_BYTES, payload, bytes);
	chunk_seal(b.data + b.size, bytes);
	b.size += CHUNK_HEAD_BYTES + bytes;
	store_file("hostile.trace", b.data, b.size);
	buffer_free(&b);
}

void assert_bad_chunk(void)
{
	struct trace_damage damage;
	CLEANUP(event_list_free) struct event_list out = { 0 };

	assert_true(try_file("hostile.trace", &out, &damage));
	assert_int_equal(damage.bad_chunks, 1);
	assert_int_equal(out.count, 1); /* the loss */
}

void store_section(enum section type, const u8 *content, size_t bytes)
{
	struct buffer b = { 0 };

	buffer_varint(&b, type);
	buffer_bytes(&b, content, bytes);
	store_hostile(b.data, b.size, (struct chunk_head){ .raw_bytes = (u32)b.size });
	buffer_free(&b);
}
