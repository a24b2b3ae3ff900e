// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trace_format - the example in FORMAT.md is a trace, and the one that our encoder makes */
#include "tests/unit/helpers_events.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/trace/batch.h"
#include "user/trace/format.h"
#include "user/trace/head.h"

#include <cmocka.h> /* last: it has a macro named fail */

#define LIST     CLEANUP(event_list_free) struct event_list
#define BEGIN_NS (1000 * NSEC_PER_SEC)

static u8 example[4096];
static size_t example_bytes;

/* The hexadecimal numbers in front of each '|' of the last code block. */
static int load_example(void **state)
{
	CLEANUP(fclose) FILE *file = fopen("user/trace/FORMAT.md", "re");
	char line[512];
	bool inside = false;

	if (!file)
		return -1; /* tests run in the directory of the Makefile */
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "```", 3) == 0)
			inside = !inside;
		for (char *at = line; inside && isxdigit(at[0]) && isxdigit(at[1]); at += 3) {
			char pair[3] = { at[0], at[1], 0 };

			example[example_bytes++] = (u8)strtoul(pair, NULL, 16);
		}
	}
	return example_bytes ? 0 : -1;
}

static void example_events(struct event_list *list)
{
	struct trace_event *e;

	list_thread(list, BEGIN_NS, 42, "loop");
	list_switch(list, BEGIN_NS + 1000, 0, 0, LEAVE_PREEMPTED, 42);
	e = list_syscall(list, BEGIN_NS + 3000, 0, 42, 1);
	e->syscall.duration_ns = 1500;
	e->syscall.result = 5;
	e = list_switch(list, BEGIN_NS + 3600, 0, 42, LEAVE_SLEEPING, 0);
	e->sw.wait_kind = WAIT_POLL;
	e->sw.syscall = 232;
	e->sw.object = 7;
}

static void the_example_reads_as_the_text_says(void **state)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	struct err err = { 0 };
	LIST want = { 0 }, out = { 0 };

	store_file("example.trace", example, example_bytes);
	assert_int_equal(trace_reader_open(&reader, "example.trace", &err), 0);
	assert_string_equal(trace_reader_info(reader)->tracer_version, "0.1.0");
	assert_string_equal(trace_reader_info(reader)->machine, "x86_64");
	assert_int_equal(trace_reader_info(reader)->start.wall_ns, 1700000000 * NSEC_PER_SEC);
	read_trace(&out, reader, true);
	assert_int_equal(trace_reader_damage(reader)->bad_chunks, 0);
	assert_int_equal(trace_reader_damage(reader)->bad_bytes, 0);
	assert_false(trace_reader_damage(reader)->bad_head);
	example_events(&want);
	assert_int_equal(out.count, want.count);
	for (size_t i = 0; i < out.count; i++)
		assert_true(same_event(&want.events[i], &out.events[i]));
}

/* Where the second section begins: the first one, the clocks, is different each time. */
static const u8 *behind_clocks(const u8 *payload)
{
	struct cursor c = { .at = payload, .end = payload + 64 };

	assert_int_equal(cursor_varint(&c), SECTION_CLOCK);
	assert_false(cursor_sub(&c).failed);
	return c.at;
}

static void the_encoder_makes_the_example(void **state)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *encoder = NULL;
	const u8 *want_payload = example + head_bytes(example) + CHUNK_HEAD_BYTES;
	const u8 *want = behind_clocks(want_payload), *made;
	struct chunk_head head, want_head;
	struct batch batch = { 0 };
	struct err err = { 0 };
	struct chunk chunk;
	LIST list = { 0 };

	example_events(&list);
	assert_int_equal(chunk_encoder_new(&encoder, 1, BEGIN_NS, &err), 0);
	encode_range(encoder, &list, 0, list.count);
	assert_int_equal(chunk_finish(encoder, BEGIN_NS + 5000, &chunk, &err), 0);
	assert_true(chunk_head_get(&head, chunk.data));
	assert_true(chunk_head_get(&want_head, want_payload - CHUNK_HEAD_BYTES));
	assert_int_equal(head.begin_ns, want_head.begin_ns);
	assert_int_equal(head.end_ns, want_head.end_ns);
	assert_int_equal(head.events, want_head.events);
	assert_int_equal(batch_inflate(&batch, &head, (const u8 *)chunk.data + CHUNK_HEAD_BYTES),
			 0);
	made = behind_clocks(batch.raw);
	assert_int_equal(batch.raw + head.raw_bytes - made,
			 want_payload + want_head.raw_bytes - want);
	assert_memory_equal(made, want, (size_t)(batch.raw + head.raw_bytes - made));
	batch_free(&batch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_example_reads_as_the_text_says),
		TEST(the_encoder_makes_the_example),
	};

	return cmocka_run_group_tests(tests, load_example, NULL);
}
