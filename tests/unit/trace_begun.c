// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trace_begun - tasks and regions that go on are told again by each chunk, and no others */
#include "tests/unit/helpers_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/trace/begun.h"

#include <cmocka.h> /* last: it has a macro named fail */

#define LIST CLEANUP(event_list_free) struct event_list

static void say(struct event_list *list, u64 ns, u16 cpu, u16 kind, u32 tid, u64 task,
		const char *name)
{
	struct trace_event *e = list_add(list, BEGIN_NS + ns, cpu, kind);

	e->annotation =
		(struct trace_annotation){ .tid = tid, .task = task, .name = name, .text = "" };
}

/* What fills the second number @nth, so that there is a chunk of it */
static void fill(struct event_list *list, u64 nth)
{
	list_switch(list, BEGIN_NS + nth * SECOND + SECOND / 2, 0, 42, LEAVE_SLEEPING, 0);
}

static const struct trace_annotation *restated(const struct event_list *list, u16 kind, u64 task,
					       const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct trace_event *e = &list->events[i];

		if (e->kind == kind && e->annotation.task == task &&
		    !strcmp(e->annotation.name, name) && e->annotation.flags & ANNOTATION_RESTATED)
			return &e->annotation;
	}
	return NULL;
}

static void what_goes_on_is_told_by_each_later_chunk(void **state)
{
	const struct trace_annotation *a;
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 42, "worker");
	say(&in, 10, 0, EVENT_TASK_BEGIN, 42, 7, "checkout");
	in.events[in.count - 1].annotation.value = 3;
	in.events[in.count - 1].annotation.flags = ANNOTATION_CUT_NAME;
	say(&in, 20, 0, EVENT_TASK_ENTER, 42, 7, "");
	say(&in, 30, 0, EVENT_REGION_BEGIN, 42, 0, "outer");
	say(&in, 40, 0, EVENT_REGION_BEGIN, 42, 0, "inner");
	for (u64 i = 0; i < 5; i++)
		fill(&in, i);
	read_from_chunk(&out, &in, 4);
	a = restated(&out, EVENT_TASK_BEGIN, 7, "checkout");
	assert_non_null(a);
	assert_int_equal(a->tid, 42);
	assert_int_equal(a->value, 3);
	assert_int_equal(a->since_ns, BEGIN_NS + 10);
	assert_int_equal(a->flags, ANNOTATION_CUT_NAME | ANNOTATION_RESTATED);
	a = restated(&out, EVENT_TASK_ENTER, 7, "");
	assert_int_equal(a->since_ns, BEGIN_NS + 20);
	assert_non_null(restated(&out, EVENT_REGION_BEGIN, 0, "outer"));
	assert_non_null(restated(&out, EVENT_REGION_BEGIN, 0, "inner"));
}

static size_t all_restated(const struct event_list *list)
{
	return count_restated(list, EVENT_TASK_BEGIN) + count_restated(list, EVENT_TASK_ENTER) +
	       count_restated(list, EVENT_REGION_BEGIN);
}

static void what_ended_is_told_by_the_chunk_of_its_end_and_not_later(void **state)
{
	LIST in = { 0 }, during = { 0 }, later = { 0 };

	list_thread(&in, BEGIN_NS + 1, 42, "worker");
	say(&in, 10, 0, EVENT_TASK_BEGIN, 42, 7, "checkout");
	say(&in, 20, 0, EVENT_TASK_ENTER, 42, 7, "");
	say(&in, 30, 0, EVENT_REGION_BEGIN, 42, 0, "outer");
	say(&in, 40, 0, EVENT_REGION_BEGIN, 42, 0, "inner");
	fill(&in, 0);
	/* "" ends the innermost one. */
	say(&in, SECOND + 10, 1, EVENT_REGION_END, 42, 0, "");
	say(&in, SECOND + 20, 1, EVENT_TASK_LEAVE, 42, 0, "");
	say(&in, SECOND + 30, 1, EVENT_REGION_END, 42, 0, "outer");
	say(&in, SECOND + 40, 1, EVENT_TASK_END, 42, 7, "");
	fill(&in, 1);
	fill(&in, 2);
	read_from_chunk(&during, &in, 1);
	assert_int_equal(all_restated(&during), 4);
	read_from_chunk(&later, &in, 2);
	assert_int_equal(all_restated(&later), 0);
}

static void an_end_that_is_read_before_its_begin_ends_it(void **state)
{
	LIST in = { 0 }, out = { 0 };

	/* encode_range() adds CPU by CPU: that of CPU 0 first, though it is later. */
	list_thread(&in, BEGIN_NS + 1, 42, "worker");
	say(&in, 10, 1, EVENT_TASK_BEGIN, 42, 7, "checkout");
	say(&in, 20, 1, EVENT_TASK_ENTER, 42, 7, "");
	say(&in, 30, 1, EVENT_REGION_BEGIN, 42, 0, "step");
	say(&in, 40, 0, EVENT_REGION_END, 42, 0, "step");
	say(&in, 50, 0, EVENT_TASK_LEAVE, 42, 7, "");
	say(&in, 60, 0, EVENT_TASK_END, 42, 7, "");
	/* A second one of the same names goes on. */
	say(&in, 70, 1, EVENT_REGION_BEGIN, 42, 0, "step");
	fill(&in, 0);
	fill(&in, 1);
	read_from_chunk(&out, &in, 1);
	assert_int_equal(all_restated(&out), 1);
	assert_int_equal(restated(&out, EVENT_REGION_BEGIN, 0, "step")->since_ns, BEGIN_NS + 70);
}

static u64 since_of_only_region(const struct event_list *list)
{
	u64 since_ns = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct trace_event *e = &list->events[i];

		if (e->kind != EVENT_REGION_BEGIN || !(e->annotation.flags & ANNOTATION_RESTATED))
			continue;
		assert_int_equal(since_ns, 0);
		since_ns = e->annotation.since_ns;
	}
	return since_ns;
}

/* A thread that goes from CPU to CPU, in regions of one name: in whatever order CPUs are read. */
static void of_regions_of_one_name_the_last_goes_on(void **state)
{
	for (u32 cpus = 0; cpus < 1 << 5; cpus++) {
		LIST in = { 0 }, out = { 0 };

		list_thread(&in, BEGIN_NS + 1, 42, "worker");
		for (u32 i = 0; i < 5; i++)
			say(&in, 10 + 10 * i, cpus >> i & 1,
			    i & 1 ? EVENT_REGION_END : EVENT_REGION_BEGIN, 42, 0, "step");
		for (u64 i = 0; i < 2; i++)
			fill(&in, i);
		read_from_chunk(&out, &in, 1);
		assert_int_equal(since_of_only_region(&out), BEGIN_NS + 50);
	}
}

static void an_exit_ends_what_the_thread_and_the_process_had(void **state)
{
	LIST in = { 0 }, thread_gone = { 0 }, all_gone = { 0 };

	list_thread(&in, BEGIN_NS + 1, 42, "worker");
	say(&in, 10, 0, EVENT_TASK_BEGIN, 42, 7, "checkout");
	say(&in, 20, 0, EVENT_TASK_ENTER, 42, 7, "");
	say(&in, 30, 0, EVENT_REGION_BEGIN, 42, 0, "step");
	list_exit(&in, BEGIN_NS + 40, 0, 42);
	in.events[in.count - 1].exit.tgid = 42;
	fill(&in, 0);
	fill(&in, 1);
	list_exit(&in, BEGIN_NS + SECOND + SECOND / 2 + 1, 0, 43);
	in.events[in.count - 1].exit.tgid = 42;
	in.events[in.count - 1].exit.last = 1;
	fill(&in, 2);
	read_from_chunk(&thread_gone, &in, 1);
	assert_int_equal(all_restated(&thread_gone), 1);
	assert_non_null(restated(&thread_gone, EVENT_TASK_BEGIN, 7, "checkout"));
	read_from_chunk(&all_gone, &in, 2);
	assert_int_equal(all_restated(&all_gone), 0);
}

static void the_same_number_in_two_processes_is_two_tasks(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 42, "one");
	list_thread(&in, BEGIN_NS + 2, 50, "two");
	say(&in, 10, 0, EVENT_TASK_BEGIN, 42, 7, "a");
	say(&in, 20, 0, EVENT_TASK_BEGIN, 50, 7, "b");
	say(&in, 30, 0, EVENT_TASK_END, 42, 7, "");
	fill(&in, 0);
	fill(&in, 1);
	read_from_chunk(&out, &in, 1);
	assert_int_equal(all_restated(&out), 1);
	assert_non_null(restated(&out, EVENT_TASK_BEGIN, 7, "b"));
}

static void too_many_are_told_once(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 42, "worker");
	for (u64 i = 0; i < BEGUN_MAX + 100; i++)
		say(&in, 10 + i, 0, EVENT_TASK_BEGIN, 42, i + 1, "a");
	for (u64 i = 0; i < BEGUN_MAX + 200; i++)
		say(&in, 100000 + i, 0, EVENT_REGION_END, 42, 0, "never begun");
	fill(&in, 0);
	fill(&in, 1);
	read_from_chunk(&out, &in, 1);
	assert_int_equal(all_restated(&out), BEGUN_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_goes_on_is_told_by_each_later_chunk),
		TEST(what_ended_is_told_by_the_chunk_of_its_end_and_not_later),
		TEST(an_end_that_is_read_before_its_begin_ends_it),
		TEST(of_regions_of_one_name_the_last_goes_on),
		TEST(an_exit_ends_what_the_thread_and_the_process_had),
		TEST(the_same_number_in_two_processes_is_two_tasks),
		TEST(too_many_are_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
