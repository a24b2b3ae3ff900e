// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * export_go_random - whatever the events say, Go's readers accept what is exported
 *
 *	build/tests/unit/export_go_random			the tests
 *	build/tests/unit/export_go_random --write FOLDER	500 streams as 20 files, for Go's own tools
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/helpers_exported.h"
#include "tests/unit/unit.h"

#define STREAMS 500
#define EVENTS  600
#define TIDS    12
#define FILES   20
#define THREADS 2000
#define FIRST   1000 /* tid */

static u64 seed;

static u32 below(u32 limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (u32)(seed >> 20) % limit;
}

static u32 some_tid(void)
{
	return below(TIDS) ? MAIN + below(TIDS) : 0;
}

static void loses(struct event_list *list, u64 t)
{
	struct trace_event *e = list_add(list, t, (u16)below(3), EVENT_LOSS);
	struct trace_loss *loss = (struct trace_loss *)(uintptr_t)e->loss;

	loss->from_ns = t - below(50);
	loss->to_ns = t;
	loss->counts[below(CLASS_COUNT)] = 1 + below(9);
}

static void announces(struct event_list *list, u64 t)
{
	static const char *const names[] = { "lookup", "pay", "send", "" };
	struct trace_event *e =
		list_add(list, t, (u16)below(3), (u16)(EVENT_TASK_BEGIN + below(10)));

	e->annotation.tid = some_tid();
	e->annotation.task = below(6);
	e->annotation.value = below(6);
	e->annotation.name = names[below(ARRAY_SIZE(names))];
	e->annotation.text = below(2) ? "some text" : "";
}

static void waits(struct event_list *list, u64 t)
{
	struct trace_event *e = list_switch(list, t, (u16)below(3), some_tid(),
					    (u8)below(LEAVE_STATE_COUNT), some_tid());

	e->sw.wait_kind = (u8)below(WAIT_KIND_COUNT);
	e->sw.syscall = below(4) ? (u16)below(300) : SYSCALL_NONE;
	e->sw.object = below(3);
}

/* Any event about any thread, in any state */
static void nonsense(struct event_list *list, u64 t)
{
	u32 tid = some_tid(), other = some_tid();
	u16 cpu = (u16)below(3);
	struct trace_event *e;

	switch (below(28)) {
	case 0:
		was_there(list, tid, "found", (u8)below(LEAVE_STATE_COUNT));
		list->events[list->count - 1].time_ns = t;
		break;
	case 1: list_fork(list, t, cpu, other, tid, "child"); break;
	case 2: list_exit(list, t, cpu, tid); break;
	case 3: list_exec(list, t, cpu, tid, other); break;
	case 4: list_name(list, t, tid, below(2) ? "a" : "runtime.b"); break;
	case 5: loses(list, t); break;
	case 6: list_syscall(list, t, cpu, tid, (u16)below(300)); break;
	case 7:
		e = list_add(list, t, cpu, EVENT_SAMPLE);
		e->sample = (struct event_sample){ tid, below(5), below(5), 0 };
		break;
	case 8:
		e = list_add(list, t, cpu, EVENT_WAIT_STACK);
		e->wait_stack.tid = tid;
		e->wait_stack.moment = below(STACK_MOMENT_COUNT);
		e->wait_stack.user_stack = below(5);
		e->wait_stack.kernel_stack = below(5);
		break;
	case 9: list_object(list, t, 1 + below(3), (u16)below(9)); break;
	case 10:
	case 11:
	case 12:
	case 13: announces(list, t); break;
	case 14:
	case 15:
	case 16:
	case 17:
	case 18: list_waking(list, t, cpu, tid, other | below(5) << 28); break;
	default: waits(list, t);
	}
}

/* Streams one behind the other; each begins with threads that are there. */
static void write_nonsense(const char *path, u64 first, u32 streams)
{
	CLEANUP(event_list_free) struct event_list list = { 0 };
	u64 t = BEGIN_NS;

	for (u64 stream = first; stream < first + streams; stream++) {
		seed = (stream + 1) * 0x9e3779b97f4a7c15ULL;
		for (u32 tid = MAIN; tid < MAIN + TIDS; tid += 1 + below(3)) {
			was_there(&list, tid, "thread", (u8)below(LEAVE_STATE_COUNT));
			list.events[list.count - 1].time_ns = t;
		}
		for (int i = 0; i < EVENTS; i++) {
			t += below(3) ? below(3000) : below(30);
			nonsense(&list, t);
		}
	}
	write_trace(path, &list, 500, BEGIN_NS);
}

static void any_nonsense_is_accepted(void **state)
{
	static const char *const headers[] = { "1.22", "1.23", "1.25" };

	for (u32 stream = 0; stream < STREAMS; stream++) {
		const char *header = headers[stream % ARRAY_SIZE(headers)];
		u64 bytes = stream % 2 ? UINT64_MAX : 2000;
		struct exported made;
		struct truth truth;

		write_nonsense("random.trace", stream, 1);
		truth = truth_of("random.trace");
		is_exported(&made, "random.trace", header, bytes, false);
		assert_int_equal(made.go.generations > 1, bytes == 2000);
		assert_int_equal(made.missing, truth.losses > 0);
		/* Many events of one time are apart in the export. */
		assert_sums(&made.go, &truth, NSEC_PER_USEC);
		exported_free(&made);
	}
}

/* A baton goes round 2,000 threads. */
static void write_many(const char *path)
{
	CLEANUP(event_list_free) struct event_list list = { 0 };

	for (u32 i = 0; i < THREADS; i++)
		was_there(&list, FIRST + i, "worker", i ? LEAVE_SLEEPING : LEAVE_RUNNING);
	for (u32 i = 0; i < 10 * THREADS; i++) {
		u32 now = FIRST + i % THREADS, next = FIRST + (i + 1) % THREADS;
		u64 t = BEGIN_NS + 2 * i * NSEC_PER_USEC;
		struct trace_event *e;

		list_waking(&list, t + NSEC_PER_USEC, 0, next, now);
		e = list_switch(&list, t + 2 * NSEC_PER_USEC, 0, now, LEAVE_SLEEPING, next);
		e->sw.wait_kind = i % 3 ? WAIT_SYNC : WAIT_DISK;
		e->sw.syscall = SYS_FUTEX;
	}
	write_trace(path, &list, 5000, BEGIN_NS);
}

static void two_thousand_threads_fit_into_many_generations(void **state)
{
	struct exported made;
	struct truth truth;

	write_many("many.trace");
	truth = truth_of("many.trace");
	is_exported(&made, "many.trace", NULL, 100000, false);
	assert_in_range(made.go.generations, 5, 50);
	assert_int_equal(made.go.gs, THREADS);
	/* To create them takes 10 us beforehand: 5 on each side of the begin. */
	assert_sums(&made.go, &truth, NSEC_PER_USEC);
	for (int i = READ_NET; i <= READ_SYSCALL; i++)
		assert_int_equal(made.go.sums[i].count, truth.sums[i].count);
	exported_free(&made);
}

/* For Go's own readers: tests/live/test_go.py. Return: 0, or 1 for main(). */
static int write_file(const char *folder, const char *name, const char *trace, const char *header,
		      u64 generation_bytes)
{
	const struct export_options options = { .header = header };
	struct exported made = { 0 };
	struct err err = { 0 };
	char path[4096];

	if (export_file(&made, trace, &options, generation_bytes, &err) < 0) {
		fprintf(stderr, "export_go_random: %s\n", err.text);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/%s.out", folder, name);
	store_file(path, made.data, made.size);
	free(made.data);
	return 0;
}

static int write_files(const char *folder)
{
	char trace[4096], name[32];
	int failed = 0;

	snprintf(trace, sizeof(trace), "%s/random.trace", folder);
	for (u32 i = 0; i < FILES && !failed; i++) {
		write_nonsense(trace, STREAMS + i * (STREAMS / FILES), STREAMS / FILES);
		snprintf(name, sizeof(name), "random-%u", i);
		failed = write_file(folder, name, trace, i % 2 ? "1.23" : "1.22",
				    i % 4 < 2 ? UINT64_MAX : 20000);
	}
	write_many(trace);
	failed = failed ?: write_file(folder, "many", trace, "1.22", 1 << 20);
	unlink(trace);
	printf("%d\n", STREAMS);
	return failed;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--write"))
		return write_files(argv[2]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_nonsense_is_accepted, enter_directory,
						leave_directory),
		cmocka_unit_test_setup_teardown(two_thousand_threads_fit_into_many_generations,
						enter_directory, leave_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
