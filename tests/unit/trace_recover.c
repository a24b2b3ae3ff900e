// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trace_recover - chunks in any order, half overwritten, become a trace of the newest ones */
#include "tests/unit/helpers_events.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "user/trace/recover.h"

#include <cmocka.h> /* last: it has a macro named fail */

#define LIST   CLEANUP(event_list_free) struct event_list
#define CHUNKS 10

/* A file with its head and its chunks, each of one second with two switches */
struct parts {
	u8 *file;
	size_t size;
	struct trace_chunk_info chunks[CHUNKS];
	size_t head_bytes;
};

static void cut_up(struct parts *parts)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	const struct trace_chunk_info *chunks;
	struct err err = { 0 };
	LIST in = { 0 };

	for (u64 i = 0; i < CHUNKS; i++) {
		list_switch(&in, BEGIN_NS + i * SECOND + 1, 0, 0, 0, 42);
		list_switch(&in, BEGIN_NS + i * SECOND + 500, 0, 42, LEAVE_SLEEPING, 0);
	}
	write_trace("whole.trace", &in, 2, BEGIN_NS);
	parts->file = load_file("whole.trace", &parts->size);
	assert_int_equal(trace_reader_open(&reader, "whole.trace", &err), 0);
	assert_int_equal(trace_reader_chunks(reader, &chunks), CHUNKS);
	memcpy(parts->chunks, chunks, sizeof(parts->chunks));
	parts->head_bytes = (size_t)chunks[0].offset;
}

/* A file of the head and these chunks; -1: a hundred bytes of nothing, 100 + i: half of chunk i */
static void store(const struct parts *parts, const char *path, const int *order, size_t count)
{
	u8 *file = calloc(1, 2 * parts->size + 100 * count);
	size_t at = parts->head_bytes;

	memcpy(file, parts->file, at);
	for (size_t i = 0; i < count; i++) {
		const struct trace_chunk_info *chunk = &parts->chunks[max(order[i], 0) % 100];
		size_t bytes = order[i] >= 100 ? chunk->bytes / 2 : chunk->bytes;

		if (order[i] < 0) {
			at += 100;
			continue;
		}
		memcpy(file + at, parts->file + chunk->offset, bytes);
		at += bytes;
	}
	store_file(path, file, at);
	free(file);
}

static void gives(const int *order, size_t count, u64 from, u64 to)
{
	struct parts parts;
	struct recovered found;
	struct err err = { 0 };
	struct stat st;
	LIST out = { 0 };

	cut_up(&parts);
	store(&parts, "a.window", order, count);
	assert_int_equal(trace_recover(&found, "a.window", "a.trace", true, &err), 0);
	assert_int_equal(found.chunks, to - from + 1);
	assert_int_equal(found.events, 2 * (to - from + 1));
	read_file(&out, "a.trace");
	assert_int_equal(out.count, 2 * (to - from + 1));
	assert_int_equal(out.events[0].time_ns, BEGIN_NS + from * SECOND + 1);
	assert_int_equal(out.events[out.count - 1].time_ns, BEGIN_NS + to * SECOND + 500);
	assert_int_equal(stat("a.trace", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(parts.file);
}

#define GIVES(from, to, ...)                                 \
	do {                                                 \
		static const int order_[] = { __VA_ARGS__ }; \
		gives(order_, ARRAY_SIZE(order_), from, to); \
	} while (0)

static void chunks_in_order(void **state)
{
	GIVES(0, 3, 0, 1, 2, 3);
}

static void the_ring_has_gone_round(void **state)
{
	GIVES(3, 9, 7, 8, 9, 3, 4, 5, 6);
	GIVES(3, 9, 7, 8, 9, -1, 3, 4, 5, 6, -1);
}

static void a_chunk_was_half_overwritten(void **state)
{
	GIVES(4, 8, 7, 8, 103, 4, 5, 6);
}

static void the_newest_was_half_written(void **state)
{
	GIVES(4, 8, 8, 109, 4, 5, 6, 7);
}

static void what_lies_before_a_gap_is_left_out(void **state)
{
	GIVES(6, 8, 6, 7, 8, 1, 2, 3, 4);
}

static void the_same_chunk_twice_is_one(void **state)
{
	GIVES(2, 4, 2, 3, 3, 4, 2);
}

static void what_cannot_be_recovered_is_told(void **state)
{
	static const int nothing[] = { -1, 102, -1 };
	struct recovered found;
	struct parts parts;
	struct err err = { 0 };

	cut_up(&parts);
	store(&parts, "b.window", nothing, ARRAY_SIZE(nothing));
	assert_int_equal(trace_recover(&found, "b.window", "b.trace", true, &err), -ENODATA);
	assert_non_null(strstr(err.text, "b.window"));
	store_file("c.window", "something else", 14);
	assert_int_equal(trace_recover(&found, "c.window", "b.trace", true, &err), -EBADMSG);
	assert_int_equal(trace_recover(&found, "d.window", "b.trace", true, &err), -ENOENT);
	assert_int_equal(trace_recover(&found, "whole.trace", "whole.trace", false, &err), -EEXIST);
	free(parts.file);
}

static void damage_anywhere_does_no_harm(void **state)
{
	static const int order[] = { 7, 8, 9, -1, 3, 4, 5, 6 };
	struct random random = { 7 };
	struct parts parts;
	size_t size;
	u8 *file;

	cut_up(&parts);
	store(&parts, "e.window", order, ARRAY_SIZE(order));
	file = load_file("e.window", &size);
	for (int i = 0; i < 300; i++) {
		struct recovered found;
		struct err err = { 0 };
		u32 at = random_below(&random, (u32)size);
		u8 was = file[at];
		int r;

		file[at] ^= (u8)(1 + random_below(&random, 255));
		store_file("f.window", file, size);
		r = trace_recover(&found, "f.window", "f.trace", true, &err);
		assert_true(r == 0 || r == -EBADMSG || r == -ENODATA);
		if (!r)
			assert_true(found.chunks >= 1 && found.chunks <= 7);
		file[at] = was;
	}
	free(file);
	free(parts.file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(chunks_in_order),
		TEST(the_ring_has_gone_round),
		TEST(a_chunk_was_half_overwritten),
		TEST(the_newest_was_half_written),
		TEST(what_lies_before_a_gap_is_left_out),
		TEST(the_same_chunk_twice_is_one),
		TEST(what_cannot_be_recovered_is_told),
		TEST(damage_anywhere_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
