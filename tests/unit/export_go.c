// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* export_go - Go's execution trace says what the model says, in the words of Go */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/helpers_exported.h"
#include "tests/unit/unit.h"

#define US NSEC_PER_USEC

/* Stories */

static struct trace_event *blocks(struct event_list *list, u64 t, u32 tid, enum wait_kind kind,
				  u16 nr, u32 next)
{
	struct trace_event *e = list_switch(list, BEGIN_NS + t, 0, tid, LEAVE_SLEEPING, next);

	e->sw.wait_kind = kind;
	e->sw.syscall = nr;
	return e;
}

static void annotates(struct event_list *list, u64 t, u32 tid, u16 kind, u64 task, const char *name,
		      const char *text)
{
	struct trace_event *e = list_add(list, BEGIN_NS + t, 0, kind);

	e->annotation.tid = tid;
	e->annotation.task = task;
	e->annotation.name = name;
	e->annotation.text = text;
}

static const char small_story[] = "999995 M0 ProcStatus 4 2\n"
				  "999996 M0 ProcStart 4 1\n"
				  "999997 M0 GoCreate 101 'worker' '[found]'\n"
				  "999998 M0 ProcStop\n"
				  "999999 M101 ProcStart 4 2\n"
				  "1000000 M101 GoStart 101 1\n"
				  "1000001 M101 GoBlock 'sync' 'syscall_202 < worker'\n"
				  "1000002 M101 ProcStop\n"
				  "1000003 M0 ProcStart 4 3\n"
				  "1000004 M0 GoCreate 100 'main' '[found]'\n"
				  "1000005 M100 ProcStatus 0 2\n"
				  "1000006 M100 ProcStart 0 1\n"
				  "1000007 M100 GoStart 100 1\n"
				  "1000008 M100 ProcsChange 4 'main'\n"
				  "1001000 M100 TaskBegin 1 0 'checkout' 'main'\n"
				  "1002000 M100 RegionBegin 0 'lookup' 'main'\n"
				  "1003000 M100 Log 1 'cart' '3 items' 'main'\n"
				  "1004000 M100 GoUnblock 101 2 'main'\n"
				  "1005000 M100 GoBlock 'sync' 'syscall_202 < main'\n"
				  "1005001 M100 ProcStop\n"
				  "1005002 M101 ProcStart 0 2\n"
				  "1005003 M101 GoStart 101 3\n"
				  "1007000 M101 GoUnblock 100 2 'worker'\n"
				  "1008000 M101 SyscallBegin 3 'read < worker'\n"
				  "1008001 M101 ProcStop\n"
				  "1008002 M100 ProcStart 0 4\n"
				  "1008003 M100 GoStart 100 3\n"
				  "1009000 M100 RegionEnd 0 'lookup' 'main'\n"
				  "1010000 M100 TaskEnd 1 'main'\n"
				  "1012000 M101 SyscallEndBlocked\n"
				  "1013000 M100 GoStop 'preempted' 'main'\n"
				  "1013001 M100 ProcStop\n"
				  "1013002 M101 ProcStart 0 5\n"
				  "1013003 M101 GoStart 101 4\n"
				  "1015000 M101 GoDestroy\n"
				  "1015001 M101 ProcStop\n"
				  "1015002 M100 ProcStart 0 6\n"
				  "1015003 M100 GoStart 100 4\n";

/* Two threads on a CPU: a task with a region, a wait for the other one, one for a disk, a fork. */
static void the_events_of_a_small_story(void **state)
{
	CLEANUP(event_list_free) struct event_list list = { 0 };
	struct exported made;

	was_there(&list, MAIN, "main", LEAVE_RUNNING);
	was_there(&list, WORKER, "worker", LEAVE_SLEEPING);
	annotates(&list, 1 * US, MAIN, EVENT_TASK_BEGIN, 7, "checkout", "");
	annotates(&list, 2 * US, MAIN, EVENT_REGION_BEGIN, 0, "lookup", "");
	annotates(&list, 3 * US, MAIN, EVENT_LOG, 7, "cart", "3 items");
	list_waking(&list, BEGIN_NS + 4 * US, 0, WORKER, MAIN);
	blocks(&list, 5 * US, MAIN, WAIT_SYNC, SYS_FUTEX, WORKER);
	list_waking(&list, BEGIN_NS + 7 * US, 0, MAIN, WORKER);
	blocks(&list, 8 * US, WORKER, WAIT_DISK, SYS_READ, MAIN);
	annotates(&list, 9 * US, MAIN, EVENT_REGION_END, 0, "lookup", "");
	annotates(&list, 10 * US, MAIN, EVENT_TASK_END, 7, "", "");
	list_waking(&list, BEGIN_NS + 12 * US, 0, WORKER, WAKER_HARDIRQ << 28 | MAIN);
	list_switch(&list, BEGIN_NS + 13 * US, 0, MAIN, LEAVE_PREEMPTED, WORKER);
	list_exit(&list, BEGIN_NS + 14 * US, 0, WORKER);
	list_switch(&list, BEGIN_NS + 15 * US, 0, WORKER, LEAVE_DEAD, MAIN);
	write_trace("story.trace", &list, 1000, BEGIN_NS);
	is_exported(&made, "story.trace", NULL, UINT64_MAX, true);
	assert_string_equal(made.go.header, "go 1.22 trace");
	assert_string_equal(made.go.text, small_story);
	exported_free(&made);
}

/* Files and lines */

static const char *line_of(const struct exported *made, const char *words)
{
	const char *at = strstr(made->go.text, words), *begin = at;

	if (!at)
		broken("'%s' is not in:\n%s", words, made->go.text);
	while (begin > made->go.text && begin[-1] != '\n')
		begin--;
	return begin;
}

static u64 time_of(const struct exported *made, const char *words)
{
	return strtoull(line_of(made, words), NULL, 10) - NSEC_PER_MSEC;
}

static size_t count_of(const struct exported *made, const char *words)
{
	size_t count = 0;

	for (const char *at = made->go.text; (at = strstr(at, words)); at++)
		count++;
	return count;
}

static void every_kind_of_wait_has_a_reason_of_its_profile(void **state)
{
	static const struct {
		enum wait_kind kind;
		const char *line;
	} kinds[] = {
		{ WAIT_NETWORK, "GoBlock 'network' 'syscall_45 < main'" },
		{ WAIT_SYNC, "GoBlock 'sync' 'syscall_45 < main'" },
		{ WAIT_DISK, "SyscallBegin 2 'syscall_45 < main'" },
		{ WAIT_PIPE, "SyscallBegin 2 'syscall_45 < main'" },
		{ WAIT_OTHER, "SyscallBegin 2 'syscall_45 < main'" },
		{ WAIT_POLL, "GoBlock 'system goroutine wait' 'syscall_45 < main'" },
		{ WAIT_SLEEP, "GoBlock 'sleep' 'syscall_45 < main'" },
		{ WAIT_FAULT, "GoBlock 'unspecified' 'syscall_45 < main'" },
		{ WAIT_CHILD, "GoBlock 'unspecified' 'syscall_45 < main'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		CLEANUP(event_list_free) struct event_list list = { 0 };
		struct exported made;

		was_there(&list, MAIN, "main", LEAVE_RUNNING);
		blocks(&list, 5 * US, MAIN, kinds[i].kind, 45, 0);
		list_waking(&list, BEGIN_NS + 7 * US, 0, MAIN, 0);
		list_switch(&list, BEGIN_NS + 9 * US, 0, 0, 0, MAIN);
		write_trace("kind.trace", &list, 1000, BEGIN_NS);
		is_exported(&made, "kind.trace", NULL, UINT64_MAX, true);
		assert_int_equal(time_of(&made, kinds[i].line), 5 * US);
		exported_free(&made);
	}
}

static void who_woke_is_told_unless_it_was_no_thread(void **state)
{
	static const struct {
		u32 waker;
		const char *line;
	} wakers[] = {
		{ WORKER, "M101 GoUnblock 100 2 'worker'" },
		{ WAKER_SOFTIRQ << 28 | WORKER, "M0 GoUnblock 100 2 '[softirq] < worker'" },
		{ WAKER_HARDIRQ << 28 | WORKER, "M0 GoUnblock 100 2 '[interrupt]'" },
		{ 0, "M0 GoUnblock 100 2 '[idle]'" },
		{ 999, "M0 GoUnblock 100 2 'stranger'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wakers); i++) {
		CLEANUP(event_list_free) struct event_list list = { 0 };
		struct exported made;

		was_there(&list, MAIN, "main", LEAVE_RUNNING);
		was_there(&list, WORKER, "worker", LEAVE_PREEMPTED);
		list_name(&list, BEGIN_NS + 1, 999, "stranger")->name.flags = THREAD_FOREIGN;
		blocks(&list, 5 * US, MAIN, WAIT_SYNC, SYS_FUTEX, WORKER);
		list_waking(&list, BEGIN_NS + 7 * US, 0, MAIN, wakers[i].waker);
		list_switch(&list, BEGIN_NS + 9 * US, 0, WORKER, 0, MAIN);
		write_trace("waker.trace", &list, 1000, BEGIN_NS);
		is_exported(&made, "waker.trace", NULL, UINT64_MAX, true);
		assert_int_equal(time_of(&made, wakers[i].line), 7 * US);
		exported_free(&made);
	}
}

static void a_tid_that_comes_again_is_another_goroutine(void **state)
{
	static const u32 tids[] = { 500, 1000003 };
	static const char *const lines[] = { "GoCreate 500 ", "GoCreate 4194804 ",
					     "GoCreate 5194307 ", "GoCreate 9388611 " };

	for (size_t i = 0; i < ARRAY_SIZE(tids); i++) {
		CLEANUP(event_list_free) struct event_list list = { 0 };
		struct exported made;

		was_there(&list, MAIN, "main", LEAVE_RUNNING);
		for (u64 life = 0; life < 2; life++) {
			u64 t = BEGIN_NS + (1 + life * 10) * US;

			list_fork(&list, t, 0, MAIN, tids[i], "child");
			list_switch(&list, t + US, 0, MAIN, LEAVE_PREEMPTED, tids[i]);
			list_exit(&list, t + 2 * US, 0, tids[i]);
			list_switch(&list, t + 3 * US, 0, tids[i], LEAVE_DEAD, MAIN);
		}
		write_trace("again.trace", &list, 1000, BEGIN_NS);
		is_exported(&made, "again.trace", NULL, UINT64_MAX, true);
		/* Ids that go tool trace keeps for itself are never used. */
		line_of(&made, lines[2 * i]);
		assert_int_equal(count_of(&made, "M100 GoCreate"), 2);
		line_of(&made, lines[2 * i + 1]);
		assert_int_equal(made.go.gs, 3);
		assert_int_equal(count_of(&made, "GoDestroy"), 2);
		exported_free(&made);
	}
}

/* A region that ends before the one inside it takes that along; a filter begins where it does. */
static void regions_nest_and_what_is_older_begins_with_the_export(void **state)
{
	CLEANUP(event_list_free) struct event_list list = { 0 };
	struct export_options options = { .filter = { .from_ns = 20 * US, .to_ns = 60 * US } };
	struct exported made;
	struct err err = { 0 };
	const char *at;

	was_there(&list, MAIN, "main", LEAVE_RUNNING);
	annotates(&list, 1 * US, MAIN, EVENT_TASK_BEGIN, 7, "old task", "");
	annotates(&list, 2 * US, MAIN, EVENT_TASK_BEGIN, 8, "over before", "");
	annotates(&list, 3 * US, MAIN, EVENT_TASK_END, 8, "", "");
	annotates(&list, 10 * US, MAIN, EVENT_REGION_BEGIN, 0, "outer", "");
	annotates(&list, 11 * US, MAIN, EVENT_REGION_BEGIN, 0, "inner", "");
	annotates(&list, 12 * US, MAIN, EVENT_REGION_BEGIN, 0, "gone before", "");
	annotates(&list, 13 * US, MAIN, EVENT_REGION_END, 0, "gone before", "");
	annotates(&list, 30 * US, MAIN, EVENT_REGION_END, 0, "outer", "");
	annotates(&list, 40 * US, MAIN, EVENT_REGION_END, 0, "inner", "");
	annotates(&list, 45 * US, MAIN, EVENT_REGION_BEGIN, 0, "goes on", "");
	annotates(&list, 70 * US, MAIN, EVENT_TASK_END, 7, "", "");
	list_switch(&list, BEGIN_NS + 80 * US, 0, MAIN, LEAVE_PREEMPTED, 0);
	write_trace("regions.trace", &list, 1000, BEGIN_NS);
	is_exported(&made, "regions.trace", NULL, UINT64_MAX, true);
	assert_int_equal(time_of(&made, "TaskBegin 1 0 'old task'"), 1 * US);
	assert_int_equal(time_of(&made, "RegionBegin 0 'outer'"), 10 * US);
	assert_int_equal(time_of(&made, "TaskEnd 1"), 70 * US);
	at = line_of(&made, "RegionEnd 0 'inner'");
	assert_true(at < line_of(&made, "RegionEnd 0 'outer'"));
	assert_int_equal(count_of(&made, "RegionBegin 0 'inner'"), 2);
	exported_free(&made);

	made = (struct exported){ 0 };
	assert_int_equal(export_file(&made, "regions.trace", &options, UINT64_MAX, &err), 0);
	go_read(&made.go, made.data, made.size, true);
	assert_true(time_of(&made, "TaskBegin 1 0 'old task'") < 100);
	assert_true(line_of(&made, "RegionBegin 0 'outer'") <
		    line_of(&made, "RegionBegin 0 'inner'"));
	assert_int_equal(time_of(&made, "RegionEnd 0 'outer'"), 10 * US + 1);
	assert_int_equal(count_of(&made, "TaskEnd"), 0);
	assert_int_equal(count_of(&made, "before'"), 0);
	assert_int_equal(count_of(&made, "RegionBegin 0 'goes on'"), 1);
	exported_free(&made);
}

static void losses_are_told_in_the_file(void **state)
{
	CLEANUP(event_list_free) struct event_list list = { 0 };
	struct exported made;
	struct trace_event *e;

	was_there(&list, MAIN, "main", LEAVE_RUNNING);
	list_switch(&list, BEGIN_NS + 4 * US, 0, MAIN, LEAVE_PREEMPTED, 0);
	list_switch(&list, BEGIN_NS + 5 * US, 0, 0, 0, MAIN);
	e = list_add(&list, BEGIN_NS + 8 * US, 2, EVENT_LOSS);
	*(struct trace_loss *)(uintptr_t)e->loss = (struct trace_loss){
		.from_ns = BEGIN_NS + 6 * US,
		.to_ns = BEGIN_NS + 8 * US,
		.counts = { [CLASS_SCHED] = 17 },
	};
	list_switch(&list, BEGIN_NS + 9 * US, 0, 0, 0, MAIN);
	write_trace("losses.trace", &list, 1000, BEGIN_NS);
	is_exported(&made, "losses.trace", NULL, UINT64_MAX, true);
	assert_true(made.missing);
	line_of(&made, "Log 0 'losses' 'lost events on CPU 2: 17 sched' 'main'");
	/* Who comes onto its CPU had left it: nobody knows when. */
	assert_int_equal(
		time_of(&made, "GoBlock 'unspecified' '[not known: events were lost] < main'"),
		6 * US);
	exported_free(&made);
}

/* Readers take a file without an event for a broken one. */
static void an_export_of_nothing_is_a_trace_too(void **state)
{
	static const u32 nobody = 4711;
	CLEANUP(event_list_free) struct event_list list = { 0 };
	const struct export_options options = { .filter = { .tids = &nobody, .tid_count = 1 } };
	struct exported made = { 0 };
	struct err err = { 0 };

	was_there(&list, MAIN, "main", LEAVE_RUNNING);
	list_switch(&list, BEGIN_NS + US, 0, MAIN, LEAVE_PREEMPTED, 0);
	write_trace("nothing.trace", &list, 1000, BEGIN_NS);
	assert_int_equal(export_file(&made, "nothing.trace", &options, UINT64_MAX, &err), 0);
	go_read(&made.go, made.data, made.size, false);
	assert_int_equal(made.go.events, 1);
	assert_int_equal(made.go.gs, 0);
	exported_free(&made);
}

static void what_goes_wrong_is_told(void **state)
{
	CLEANUP(event_list_free) struct event_list list = { 0 };
	struct export_options options = { .header = "1.21" };
	struct exported made = { 0 };
	struct err err = { 0 };
	bool missing;
	FILE *full;

	was_there(&list, MAIN, "main", LEAVE_RUNNING);
	list_switch(&list, BEGIN_NS + US, 0, MAIN, LEAVE_PREEMPTED, 0);
	write_trace("small.trace", &list, 1000, BEGIN_NS);
	assert_int_equal(export_file(&made, "small.trace", &options, UINT64_MAX, &err), -EINVAL);
	assert_non_null(strstr(err.text, "1.21"));
	assert_non_null(strstr(err.hint, "1.22"));
	free(made.data);
	options.header = NULL;
	full = fopen("/dev/full", "we");
	assert_int_equal(go_export(full, "small.trace", &options, UINT64_MAX, &missing, &err),
			 -ENOSPC);
	fclose(full);
	assert_int_equal(export_file(&made, "none.trace", &options, UINT64_MAX, &err), -ENOENT);
	free(made.data);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(the_events_of_a_small_story),
		IN_FOLDER(every_kind_of_wait_has_a_reason_of_its_profile),
		IN_FOLDER(who_woke_is_told_unless_it_was_no_thread),
		IN_FOLDER(a_tid_that_comes_again_is_another_goroutine),
		IN_FOLDER(regions_nest_and_what_is_older_begins_with_the_export),
		IN_FOLDER(losses_are_told_in_the_file),
		IN_FOLDER(an_export_of_nothing_is_a_trace_too),
		IN_FOLDER(what_goes_wrong_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
