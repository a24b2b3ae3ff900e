// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trace_annotations - tasks, regions and logs in a trace, and what their names take */
#include "tests/unit/helpers_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "user/trace/fields.h"

#include <cmocka.h> /* last: it has a macro named fail */

#define LIST     CLEANUP(event_list_free) struct event_list
#define BEGIN_NS (1000 * NSEC_PER_SEC)

static struct trace_annotation *add(struct event_list *list, u64 ns, u16 kind, const char *name)
{
	struct trace_event *e = list_add(list, BEGIN_NS + ns, 0, kind);

	e->annotation.tid = 42;
	e->annotation.name = name;
	e->annotation.text = "";
	return &e->annotation;
}

static void all_come_back(const struct event_list *in, size_t per_chunk)
{
	LIST out = { 0 };

	write_trace("a.trace", in, per_chunk, BEGIN_NS);
	read_file(&out, "a.trace");
	assert_int_equal(in->count, out.count);
	for (size_t i = 0; i < in->count; i++)
		assert_true(same_event(&in->events[i], &out.events[i]));
}

static void a_task_comes_back_with_all_that_was_said_of_it(void **state)
{
	struct trace_annotation *a;
	double real = 0.1;
	LIST in = { 0 };

	a = add(&in, 1, EVENT_TASK_BEGIN, "checkout");
	a->task = 0xfedcba9876543210;
	a->value = 7;
	a = add(&in, 2, EVENT_TASK_ENTER, "");
	a->task = 0xfedcba9876543210;
	add(&in, 3, EVENT_REGION_BEGIN, "fetch");
	a = add(&in, 4, EVENT_LOG, "db");
	a->task = 0xfedcba9876543210;
	a->text = "42 rows, \xe2\x82\xac 3";
	a->flags = ANNOTATION_CUT_TEXT | ANNOTATION_NOT_UTF8;
	a = add(&in, 5, EVENT_COUNTER, "queue");
	a->value = (u64)-3;
	a = add(&in, 6, EVENT_COUNTER, "load");
	memcpy(&a->value, &real, sizeof(real));
	a->flags = ANNOTATION_REAL;
	a = add(&in, 7, EVENT_LINK, "");
	a->task = 0xfedcba9876543210;
	a->text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	add(&in, 8, EVENT_SNAPSHOT, "")->text = "slow";
	add(&in, 9, EVENT_REGION_END, "fetch")->flags = ANNOTATION_PROBED;
	add(&in, 10, EVENT_TASK_LEAVE, "");
	a = add(&in, 11, EVENT_TASK_END, "");
	a->task = 0xfedcba9876543210;
	all_come_back(&in, 100);
	all_come_back(&in, 1);
}

static void what_a_kind_does_not_say_is_empty_and_never_null(void **state)
{
	LIST in = { 0 }, out = { 0 };

	for (u16 kind = EVENT_TASK_BEGIN; kind <= EVENT_SNAPSHOT; kind++)
		add(&in, kind, kind, NULL)->text = NULL;
	write_trace("a.trace", &in, 100, BEGIN_NS);
	{
		CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
		const struct trace_event *e;
		struct err err = { 0 };
		int seen = 0;

		assert_int_equal(trace_reader_open(&reader, "a.trace", &err), 0);
		while (trace_reader_next(reader, &e, &err) == 1) {
			assert_string_equal(e->annotation.name, "");
			assert_string_equal(e->annotation.text, "");
			seen++;
		}
		assert_int_equal(seen, EVENT_SNAPSHOT - EVENT_TASK_BEGIN + 1);
	}
}

/* 20,000 names in one chunk are more than it numbers. */
static void more_names_than_a_chunk_numbers_come_back(void **state)
{
	LIST in = { 0 };

	for (u64 i = 0; i < 20000; i++) {
		char name[64];
		int size = snprintf(name, sizeof(name), "name %llu", (unsigned long long)i / 2);

		add(&in, i + 1, EVENT_REGION_BEGIN, arena_text(&in.arena, name, (size_t)size));
	}
	all_come_back(&in, 20000);
}

static void a_name_is_written_once_per_chunk(void **state)
{
	static const char *const names[] = { "parse_request_header", "authenticate_session",
					     "query_inventory_rows", "render_answer_page" };
	LIST in = { 0 };
	struct stat st;

	for (u64 i = 0; i < 40000; i++)
		add(&in, (i + 1) * 10000, i & 1 ? EVENT_REGION_END : EVENT_REGION_BEGIN,
		    names[i / 2 * 2654435761u >> 7 & 3]);
	all_come_back(&in, 10000);
	assert_int_equal(stat("a.trace", &st), 0);
	/* The low byte of the time, a number for the name, and what little else there is */
	assert_true(st.st_size < 3 * 40000);
}

static void a_number_beyond_the_texts_is_refused(void **state)
{
	static const char *const list[] = { "one" };
	const struct text_table texts = { list, 1 };
	struct trace_annotation a = { 0 };
	struct arena arena = { 0 };
	struct buffer b = { 0 };
	struct cursor c;

	for (u64 number = 0; number < 4; number++) {
		int r;

		buffer_reset(&b);
		buffer_varint(&b, zigzag(42)); /* tid */
		buffer_varint(&b, 0);          /* flags */
		buffer_varint(&b, number);
		if (!number)
			buffer_bytes(&b, "\0", 1);
		c = (struct cursor){ b.data, b.data + b.size, false };
		r = fields_get_named(&c, &event_fields[EVENT_REGION_BEGIN], &a, &texts, &arena);
		assert_int_equal(r, number > 1 ? -EBADMSG : 0);
		if (number == 1)
			assert_ptr_equal(a.name, list[0]);
	}
	buffer_free(&b);
	arena_free(&arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_task_comes_back_with_all_that_was_said_of_it),
		TEST(what_a_kind_does_not_say_is_empty_and_never_null),
		TEST(more_names_than_a_chunk_numbers_come_back),
		TEST(a_name_is_written_once_per_chunk),
		TEST(a_number_beyond_the_texts_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
