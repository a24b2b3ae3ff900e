// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trace_mapped - mappings are said again where they are needed and cost little */
#include "tests/unit/helpers_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define LIST CLEANUP(event_list_free) struct event_list

static void list_mapping(struct event_list *list, u64 time_ns, u32 tgid, u64 address,
			 const char *path)
{
	struct trace_mapping *mapping = (void *)list_add(list, time_ns, 0, EVENT_MAPPING)->mapping;

	mapping->tgid = tgid;
	mapping->address = address;
	mapping->bytes = 0x1000;
	mapping->build_id_bytes = 3;
	memcpy(mapping->build_id, "abc", 3);
	mapping->path = path;
}

/* Enough that mappings are told again */
static void much(struct event_list *list, u64 n, u32 tid)
{
	struct random r = { 7 + n };

	for (u64 i = 0; i < 2000; i++)
		list_syscall(list, BEGIN_NS + n * SECOND + i * 1000 + 1, 0, tid,
			     (u16)random_below(&r, 300))
			->syscall.duration_ns = random_below(&r, 900);
}

static size_t count_mapped(const struct event_list *list, u32 tgid, u64 address, const char *path)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct trace_mapping *m = list->events[i].mapping;

		if (list->events[i].kind != EVENT_MAPPING || m->tgid != tgid ||
		    m->address != address || strcmp(m->path, path) != 0)
			continue;
		assert_true(trace_event_is_restated(&list->events[i]));
		assert_int_equal(m->bytes, 0x1000);
		assert_int_equal(m->build_id_bytes, 3);
		assert_memory_equal(m->build_id, "abc", 3);
		count++;
	}
	return count;
}

static void mappings_are_restated_when_much_was_written(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	list_mapping(&in, BEGIN_NS + 2, 100, 0x400000, "/bin/server");
	list_mapping(&in, BEGIN_NS + 3, 100, 0x500000, "/lib/libc.so");
	much(&in, 1, 100);
	much(&in, 2, 100);
	read_from_chunk(&out, &in, 2);
	assert_int_equal(count_mapped(&out, 100, 0x400000, "/bin/server"), 1);
	assert_int_equal(count_mapped(&out, 100, 0x500000, "/lib/libc.so"), 1);
	assert_int_equal(count_restated(&out, EVENT_MAPPING), 2);
}

static void mappings_are_not_restated_where_they_would_be_most_of_the_file(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	for (u64 i = 0; i < 300; i++)
		list_mapping(&in, BEGIN_NS + 2 + i, 100, 0x400000 + i * 0x1000, "/bin/server");
	for (u64 n = 1; n < 6; n++)
		list_switch(&in, BEGIN_NS + n * SECOND + 1, 0, 100, LEAVE_SLEEPING, 0);
	read_from_chunk(&out, &in, 1);
	assert_int_equal(count_restated(&out, EVENT_MAPPING), 0);
}

static void a_process_that_the_chunk_does_not_name_has_no_mappings_there(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	list_thread(&in, BEGIN_NS + 1, 200, "other");
	list_mapping(&in, BEGIN_NS + 2, 100, 0x400000, "/bin/server");
	list_mapping(&in, BEGIN_NS + 3, 200, 0x400000, "/bin/other");
	much(&in, 1, 100);
	much(&in, 2, 100);
	read_from_chunk(&out, &in, 2);
	assert_int_equal(count_mapped(&out, 100, 0x400000, "/bin/server"), 1);
	assert_int_equal(count_restated(&out, EVENT_MAPPING), 1);
}

static void a_new_mapping_replaces_what_it_covers(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	list_mapping(&in, BEGIN_NS + 2, 100, 0x400000, "/bin/server");
	list_mapping(&in, BEGIN_NS + 3, 100, 0x400800, "/lib/plugin.so");
	much(&in, 1, 100);
	much(&in, 2, 100);
	read_from_chunk(&out, &in, 2);
	assert_int_equal(count_mapped(&out, 100, 0x400800, "/lib/plugin.so"), 1);
	assert_int_equal(count_restated(&out, EVENT_MAPPING), 1);
}

static void another_program_has_mappings_of_its_own(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	list_mapping(&in, BEGIN_NS + 2, 100, 0x400000, "/bin/server");
	list_exec(&in, BEGIN_NS + 3, 0, 100, 100);
	list_mapping(&in, BEGIN_NS + 4, 100, 0x800000, "/bin/next");
	much(&in, 1, 100);
	much(&in, 2, 100);
	read_from_chunk(&out, &in, 2);
	assert_int_equal(count_mapped(&out, 100, 0x800000, "/bin/next"), 1);
	assert_int_equal(count_restated(&out, EVENT_MAPPING), 1);
}

static void a_child_has_the_mappings_of_its_parent_and_takes_them_along(void **state)
{
	LIST in = { 0 }, out = { 0 };
	struct event_fork *child;

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	list_mapping(&in, BEGIN_NS + 2, 100, 0x400000, "/bin/server");
	child = (void *)list_fork(&in, BEGIN_NS + 3, 0, 100, 101, "child")->fork;
	child->tgid = 101;
	child->parent_tgid = 100;
	list_exit(&in, BEGIN_NS + 4, 0, 100);
	in.events[in.count - 1].exit.tgid = 100;
	in.events[in.count - 1].exit.last = 1;
	much(&in, 1, 101);
	much(&in, 2, 101);
	read_from_chunk(&out, &in, 2);
	assert_int_equal(count_mapped(&out, 101, 0x400000, "/bin/server"), 1);
	assert_int_equal(count_restated(&out, EVENT_MAPPING), 1);
}

static void all_mappings_are_told_on_demand(void **state)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *encoder = NULL;
	LIST in = { 0 };
	struct chunk few, all;
	struct err err = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	for (u64 i = 0; i < 300; i++)
		list_mapping(&in, BEGIN_NS + 2 + i, 100, 0x400000 + (i * i) * 0x1000, "/bin/x");
	assert_int_equal(chunk_encoder_new(&encoder, 8, BEGIN_NS, &err), 0);
	encode_range(encoder, &in, 0, in.count);
	assert_int_equal(chunk_finish(encoder, BEGIN_NS + SECOND, &few, &err), 0);
	assert_int_equal(chunk_finish(encoder, BEGIN_NS + 2 * SECOND, &few, &err), 0);
	assert_true(few.bytes < 300);
	chunk_tell_mappings(encoder);
	assert_int_equal(chunk_finish(encoder, BEGIN_NS + 3 * SECOND, &all, &err), 0);
	assert_true(all.bytes > 600);
	assert_int_equal(chunk_finish(encoder, BEGIN_NS + 4 * SECOND, &few, &err), 0);
	assert_true(few.bytes < 300);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mappings_are_restated_when_much_was_written),
		TEST(mappings_are_not_restated_where_they_would_be_most_of_the_file),
		TEST(a_process_that_the_chunk_does_not_name_has_no_mappings_there),
		TEST(a_new_mapping_replaces_what_it_covers),
		TEST(another_program_has_mappings_of_its_own),
		TEST(a_child_has_the_mappings_of_its_parent_and_takes_them_along),
		TEST(all_mappings_are_told_on_demand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
