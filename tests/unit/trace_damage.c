// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trace_damage - a damaged or hostile file is read as far as it goes, and says what is missing */
#include "tests/unit/helpers_damage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <zstd.h>

#include "user/trace/format.h"

#include <cmocka.h> /* last: it has a macro named fail */

#define LIST      CLEANUP(event_list_free) struct event_list
#define BEGIN_NS  (1000 * NSEC_PER_SEC)
#define CHUNKS    4
#define PER_CHUNK 12

struct small_file {
	struct event_list in;
	u8 *data;
	size_t size;
	struct trace_chunk_info chunks[CHUNKS];
};

static void make_small_file(struct small_file *f)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	const struct trace_chunk_info *chunks;
	struct random r = { 9 };
	struct err err = { 0 };

	*f = (struct small_file){ 0 };
	list_random(&f->in, &r, CHUNKS * PER_CHUNK, 2, BEGIN_NS);
	write_trace("small.trace", &f->in, PER_CHUNK, BEGIN_NS);
	f->data = load_file("small.trace", &f->size);
	assert_int_equal(trace_reader_open(&reader, "small.trace", &err), 0);
	assert_int_equal(trace_reader_chunks(reader, &chunks), CHUNKS);
	memcpy(f->chunks, chunks, sizeof(f->chunks));
}

static void free_small_file(struct small_file *f)
{
	event_list_free(&f->in);
	free(f->data);
}

static bool says_damage(const struct trace_damage *d)
{
	return d->bad_chunks || d->bad_bytes || d->cut_bytes || d->no_index || d->no_end ||
	       d->bad_head;
}

static size_t count_unreadable(const struct event_list *list)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += list->events[i].kind == EVENT_LOSS &&
			 list->events[i].loss->unreadable == 1 && !list->events[i].loss->counts[0];
	return count;
}

static void a_file_cut_anywhere_reads_up_to_its_last_whole_chunk(void **state)
{
	struct small_file f;

	make_small_file(&f);
	for (size_t size = 0; size < f.size; size++) {
		struct trace_damage damage;
		LIST out = { 0 };
		size_t whole = 0;

		store_file("cut.trace", f.data, size);
		if (!try_file("cut.trace", &out, &damage)) {
			assert_true(size < TRACE_HEAD_BYTES);
			continue;
		}
		while (whole < CHUNKS && f.chunks[whole].offset + f.chunks[whole].bytes <= size)
			whole++;
		assert_int_equal(out.count, whole * PER_CHUNK);
		for (size_t i = 0; i < out.count; i++)
			assert_true(same_event(&f.in.events[i], &out.events[i]));
		assert_true(says_damage(&damage));
		assert_int_equal(damage.bad_chunks, 0);
	}
	free_small_file(&f);
}

static void a_flipped_bit_anywhere_is_survived_and_told(void **state)
{
	struct small_file f;

	make_small_file(&f);
	for (size_t at = 0; at < f.size; at++) {
		struct trace_damage damage;
		LIST out = { 0 };

		f.data[at] ^= (u8)(1 << at % 8);
		store_file("flipped.trace", f.data, f.size);
		f.data[at] ^= (u8)(1 << at % 8);
		if (!try_file("flipped.trace", &out, &damage)) {
			assert_true(at < 12); /* magic or version */
			continue;
		}
		assert_true(says_damage(&damage));
		/* At most the chunk that was hit is missing. */
		assert_true(out.count >= (CHUNKS - 1) * PER_CHUNK);
		for (size_t i = 0; i < out.count; i++)
			assert_true(out.events[i].kind < EVENT_KIND_COUNT);
	}
	free_small_file(&f);
}

static void a_damaged_chunk_becomes_a_loss_between_its_neighbours(void **state)
{
	struct trace_damage damage;
	LIST out = { 0 };
	struct small_file f;
	size_t at = 0;

	make_small_file(&f);
	f.data[f.chunks[1].offset + CHUNK_HEAD_BYTES + 5] ^= 0x40;
	store_file("bad.trace", f.data, f.size);
	assert_true(try_file("bad.trace", &out, &damage));
	assert_int_equal(damage.bad_chunks, 1);
	assert_int_equal(damage.bad_bytes, f.chunks[1].bytes);
	assert_false(damage.no_index);
	assert_int_equal(out.count, (CHUNKS - 1) * PER_CHUNK + 1);
	while (out.events[at].kind != EVENT_LOSS || !out.events[at].loss->unreadable ||
	       out.events[at].loss->from_ns != f.chunks[0].end_ns)
		assert_true(++at < out.count);
	assert_int_equal(out.events[at].loss->to_ns, f.chunks[2].begin_ns);
	assert_true(count_unreadable(&out) >= 1);
	free_small_file(&f);
}

static void garbage_between_chunks_is_passed_over(void **state)
{
	struct trace_damage damage;
	CLEANUP(free) u8 *longer = NULL;
	LIST out = { 0 };
	struct small_file f;
	size_t at;

	make_small_file(&f);
	at = f.chunks[2].offset;
	longer = calloc(1, f.size + 1000);
	memcpy(longer, f.data, at);
	memcpy(longer + at + 500, CHUNK_MAGIC, MAGIC_BYTES); /* no chunk behind it */
	memcpy(longer + at + 1000, f.data + at, f.size - at);
	store_file("longer.trace", longer, f.size + 1000);
	assert_true(try_file("longer.trace", &out, &damage));
	assert_int_equal(damage.bad_bytes, 1000);
	assert_true(damage.no_index);
	assert_false(damage.no_end);
	assert_int_equal(out.count, CHUNKS * PER_CHUNK + 1);
	free_small_file(&f);
}

static void two_traces_behind_one_another_are_read_as_one(void **state)
{
	struct trace_damage damage;
	CLEANUP(free) u8 *twice = NULL;
	LIST out = { 0 };
	struct small_file f;

	make_small_file(&f);
	twice = malloc(2 * f.size);
	memcpy(twice, f.data, f.size);
	memcpy(twice + f.size, f.data, f.size);
	store_file("twice.trace", twice, 2 * f.size);
	assert_true(try_file("twice.trace", &out, &damage));
	assert_int_equal(out.count, 2 * CHUNKS * PER_CHUNK);
	assert_int_equal(damage.bad_bytes, 0);
	free_small_file(&f);
}

static void a_section_longer_than_its_chunk_is_refused(void **state)
{
	static const u8 content[] = { SECTION_THREADS, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3 };

	store_hostile(content, sizeof(content),
		      (struct chunk_head){ .raw_bytes = sizeof(content) });
	assert_bad_chunk();
}

static void counts_that_the_bytes_cannot_hold_are_refused(void **state)
{
	static const u8 huge[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0 };
	static const u8 endless[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				      0xff, 0xff, 0xff, 0xff, 0xff };
	static const u8 sections[] = { SECTION_THREADS,   SECTION_OBJECTS, SECTION_SHAPES,
				       SECTION_ADDRESSES, SECTION_STREAMS, SECTION_STACKS,
				       SECTION_FRAMES };

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		store_section(sections[i], huge, sizeof(huge));
		assert_bad_chunk();
		store_section(sections[i], endless, sizeof(endless));
		assert_bad_chunk();
	}
}

static void a_stream_that_names_unknown_threads_or_shapes_is_refused(void **state)
{
	/* One shape (a waking by column), one stream of CPU 0 with one tag. */
	static const u8 wrong_shape[] = { SECTION_SHAPES,
					  6,
					  1,
					  2 * EVENT_WAKING,
					  0,
					  0,
					  0,
					  0,
					  SECTION_STREAMS,
					  11,
					  1,
					  0,
					  0,
					  1,
					  0,
					  0,
					  0,
					  0,
					  0,
					  0,
					  0,
					  SECTION_COLUMN,
					  1,
					  1 };
	static const u8 no_thread[] = { SECTION_SHAPES,
					6,
					1,
					2 * EVENT_WAKING,
					0,
					0,
					0,
					0,
					SECTION_STREAMS,
					11,
					1,
					0,
					0,
					1,
					1,
					1,
					0,
					2,
					0,
					0,
					0,
					SECTION_COLUMN,
					1,
					0,
					SECTION_COLUMN + 1,
					1,
					0,
					SECTION_COLUMN + 2,
					1,
					0,
					SECTION_COLUMN + 4,
					2,
					0,
					0 };
	static const u8 no_runner[] = { SECTION_SHAPES,
					6,
					1,
					2 * EVENT_SWITCH,
					2 * (SHAPE_PREV_RUNNING | SHAPE_NEXT_IDLE),
					0,
					0,
					0,
					SECTION_STREAMS,
					11,
					1,
					0,
					0,
					1,
					1,
					1,
					0,
					0,
					0,
					0,
					0,
					SECTION_COLUMN,
					1,
					0,
					SECTION_COLUMN + 1,
					1,
					0,
					SECTION_COLUMN + 2,
					1,
					0 };

	store_hostile(wrong_shape, sizeof(wrong_shape),
		      (struct chunk_head){ .raw_bytes = sizeof(wrong_shape), .events = 1 });
	assert_bad_chunk();
	store_hostile(no_thread, sizeof(no_thread),
		      (struct chunk_head){ .raw_bytes = sizeof(no_thread), .events = 1 });
	assert_bad_chunk();
	store_hostile(no_runner, sizeof(no_runner),
		      (struct chunk_head){ .raw_bytes = sizeof(no_runner), .events = 1 });
	assert_bad_chunk();
}

static void a_bomb_is_not_inflated_beyond_what_its_head_tells(void **state)
{
	size_t raw = 64 << 20, most = ZSTD_compressBound(raw), bytes;
	CLEANUP(free) u8 *zeros = calloc(1, raw);
	CLEANUP(free) u8 *packed = malloc(most);
	struct trace_damage damage;
	LIST out = { 0 };

	bytes = ZSTD_compress(packed, most, zeros, raw, 1);
	assert_false(ZSTD_isError(bytes));
	store_hostile(packed, bytes, (struct chunk_head){ .raw_bytes = 1000, .flags = CHUNK_ZSTD });
	assert_bad_chunk();
	/* Beyond the limit it is no chunk at all. */
	store_hostile(packed, bytes,
		      (struct chunk_head){ .raw_bytes = 64 << 20, .flags = CHUNK_ZSTD });
	assert_true(try_file("hostile.trace", &out, &damage));
	assert_true(damage.bad_bytes > 0);
}

static void a_chunk_of_an_unknown_kind_is_passed_over(void **state)
{
	struct trace_damage damage;
	LIST out = { 0 };

	store_hostile("abc", 3, (struct chunk_head){ .kind = 77, .raw_bytes = 3 });
	assert_true(try_file("hostile.trace", &out, &damage));
	assert_int_equal(damage.bad_chunks, 0);
	assert_int_equal(damage.bad_bytes, 0);
	assert_int_equal(out.count, 0);
}

static void random_payloads_are_survived(void **state)
{
	struct random r = { 4242 };
	u8 payload[300];

	for (unsigned int round = 0; round < 3000; round++) {
		size_t size = 1 + random_below(&r, sizeof(payload));
		struct trace_damage damage;
		LIST out = { 0 };

		for (size_t i = 0; i < size; i++)
			payload[i] =
				(u8)(random_below(&r, 2) ? random_below(&r, 34) : random_any(&r));
		store_hostile(payload, size,
			      (struct chunk_head){ .raw_bytes = (u32)size,
						   .events = random_below(&r, 3) });
		assert_true(try_file("hostile.trace", &out, &damage));
	}
}

/* Damage behind the checksum: what a liar with our own encoder could make. */
static void a_changed_payload_with_a_right_checksum_is_survived(void **state)
{
	struct small_file f;
	struct random r = { 99 };

	make_small_file(&f);
	for (unsigned int round = 0; round < 4000; round++) {
		const u8 *chunk = f.data + f.chunks[round % CHUNKS].offset;
		struct trace_damage damage;
		struct chunk_head head;
		LIST out = { 0 };
		CLEANUP(free) u8 *raw = NULL;

		assert_true(chunk_head_get(&head, chunk));
		raw = malloc(head.raw_bytes);
		assert_int_equal(
			ZSTD_decompress(raw, head.raw_bytes, chunk + CHUNK_HEAD_BYTES, head.bytes),
			head.raw_bytes);
		for (u32 n = 1 + random_below(&r, 3); n; n--)
			raw[random_below(&r, head.raw_bytes)] = (u8)random_any(&r);
		head.flags = 0;
		store_hostile(raw, head.raw_bytes, head);
		assert_true(try_file("hostile.trace", &out, &damage));
	}
	free_small_file(&f);
}

static void assert_refused(const void *data, size_t size, const char *text)
{
	struct trace_reader *reader = NULL;
	struct err err = { 0 };

	store_file("other", data, size);
	assert_int_equal(trace_reader_open(&reader, "other", &err), -EBADMSG);
	assert_null(reader);
	if (!strstr(err.text, text))
		fprintf(stderr, "%s\n", err.text);
	assert_non_null(strstr(err.text, text));
	assert_true(err.hint[0]);
}

static void a_file_that_is_no_trace_is_refused_by_name(void **state)
{
	struct trace_reader *reader = NULL;
	struct err err = { 0 };

	assert_refused("", 0, "empty");
	assert_refused("hello world, this is text", 25, "it begins with \"hello wo\"");
	assert_refused("\x1f\x8b\x08\0\0", 5, "a gzip file");
	assert_refused("\x7f"
		       "ELF\2\1\1",
		       7, "ELF");
	assert_refused("\x93TRACE\n\1\0\0", 10, "transfer as text");
	assert_refused(TRACE_MAGIC "\1\0", 10, "cut off in its head");
	assert_int_equal(trace_reader_open(&reader, "nowhere", &err), -ENOENT);
	assert_int_equal(trace_reader_open(&reader, ".", &err), -EISDIR);
	assert_int_equal(trace_reader_open(&reader, "/dev/null", &err), -EBADMSG);
}

static void a_newer_major_version_is_refused(void **state)
{
	struct small_file f;

	make_small_file(&f);
	put_le16(f.data + 8, TRACE_MAJOR + 1);
	assert_refused(f.data, f.size, "format version 2.0");
	free_small_file(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_cut_anywhere_reads_up_to_its_last_whole_chunk),
		TEST(a_flipped_bit_anywhere_is_survived_and_told),
		TEST(a_damaged_chunk_becomes_a_loss_between_its_neighbours),
		TEST(garbage_between_chunks_is_passed_over),
		TEST(two_traces_behind_one_another_are_read_as_one),
		TEST(a_section_longer_than_its_chunk_is_refused),
		TEST(counts_that_the_bytes_cannot_hold_are_refused),
		TEST(a_stream_that_names_unknown_threads_or_shapes_is_refused),
		TEST(a_bomb_is_not_inflated_beyond_what_its_head_tells),
		TEST(a_chunk_of_an_unknown_kind_is_passed_over),
		TEST(random_payloads_are_survived),
		TEST(a_changed_payload_with_a_right_checksum_is_survived),
		TEST(a_file_that_is_no_trace_is_refused_by_name),
		TEST(a_newer_major_version_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
