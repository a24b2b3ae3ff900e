// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* export_perfetto - a written story, and nonsense of every kind, by a reader of that format */
#include "user/export/export.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/helpers_elf.h"
#include "tests/unit/helpers_events.h"

/* Last: it has a macro fail() */
#include "tests/unit/unit.h"

#define STREAMS 240
#define EVENTS  400
#define TIDS    12

enum { MAIN = 100, WORKER = 101, CHILD = 102, STRANGER = 999 };

static int make_folder(void **state)
{
	return folder_make() ? 0 : -1;
}

static int remove_folder(void **state)
{
	folder_remove();
	return 0;
}

static const struct exporter *perfetto(void)
{
	const struct exporter *found = exporter_find("perfetto");

	assert_non_null(found);
	return found;
}

static void export_file(const char *path, const char *to, bool compress)
{
	const struct export_options options = { .compress = compress };
	CLEANUP(fclose) FILE *out = fopen(to, "we");
	struct err err = { 0 };
	bool missing;

	assert_non_null(out);
	if (perfetto()->write(out, path, &options, &missing, &err) < 0)
		print_error("%s: %s\n", path, err.text);
	assert_string_equal(err.text, "");
}

static bool has_reader(void)
{
	if (runs("command -v python3 >/dev/null"))
		return true;
	print_message("no python3: nothing has read the files\n");
	return false;
}

/* The times below count from the begin that some_info tells. */
static u64 at(u64 us)
{
	return BEGIN_NS + us * NSEC_PER_USEC;
}

static struct trace_annotation *announce(struct event_list *list, u64 us, u16 kind, u32 tid,
					 u64 task, const char *name)
{
	struct trace_event *e = list_add(list, at(us), tid == WORKER, kind);

	e->annotation = (struct trace_annotation){
		.tid = tid,
		.task = task,
		.name = name,
		.text = "",
	};
	return &e->annotation;
}

static void waits(struct event_list *list, u64 us, u16 cpu, u32 tid, enum wait_kind kind,
		  u16 syscall, u32 next)
{
	struct trace_event *e = list_switch(list, at(us), cpu, tid, LEAVE_SLEEPING, next);

	e->sw.wait_kind = (u8)kind;
	e->sw.syscall = syscall;
}

static void calls(struct event_list *list, u64 us, u16 cpu, u32 tid, u16 number, u64 duration_us,
		  s64 result)
{
	struct trace_event *e = list_syscall(list, at(us), cpu, tid, number);

	e->syscall.duration_ns = duration_us * NSEC_PER_USEC;
	e->syscall.result = result;
}

/* A thread of process MAIN */
static void begins(struct event_list *list, u64 us, u16 cpu, u32 parent, u32 tid, const char *name)
{
	struct trace_event *e = list_fork(list, at(us), cpu, parent, tid, name);
	struct event_fork *fork = (struct event_fork *)(uintptr_t)e->fork;

	fork->tgid = fork->parent_tgid = MAIN;
	fork->priority = 125;
}

static void has_stack(struct event_list *list, u32 id, u32 tgid, const u64 *frames, u32 count)
{
	struct trace_event *e = list_add(list, at(0), 0, EVENT_STACK);
	struct trace_stack *stack = (struct trace_stack *)(uintptr_t)e->stack;

	stack->id = id;
	stack->tgid = tgid;
	stack->flags = tgid ? 0 : STACK_KERNEL;
	stack->frames = (struct trace_words){ frames, count };
}

static void has_symbol(struct event_list *list, u32 tgid, u64 address, const char *name)
{
	struct trace_event *e = list_add(list, at(0), 0, EVENT_SYMBOL);

	*(struct trace_symbol *)(uintptr_t)e->symbol = (struct trace_symbol){
		.tgid = tgid,
		.address = address,
		.name = name,
	};
}

static void tells_stacks(struct event_list *list)
{
	static const u64 user[] = { 0x1000, 0x2000 }, kernel[] = { ~0xfffULL, ~0x1fffULL };

	has_stack(list, 1, MAIN, user, 2);
	has_stack(list, 2, 0, kernel, 2);
	has_symbol(list, MAIN, 0x1000, "read");
	has_symbol(list, MAIN, 0x2000, "serve");
	has_symbol(list, 0, ~0xfffULL, "schedule");
	has_symbol(list, 0, ~0x1fffULL, "pipe_read");
}

static void loses(struct event_list *list, u64 us, u16 cpu, u64 from_us, u64 to_us)
{
	struct trace_event *e = list_add(list, at(us), cpu, EVENT_LOSS);
	struct trace_loss *loss = (struct trace_loss *)(uintptr_t)e->loss;

	loss->from_ns = at(from_us);
	loss->to_ns = at(to_us);
	loss->counts[CLASS_SYSCALL] = 5;
}

static void story(struct event_list *list)
{
	struct trace_event *e;

	tells_stacks(list);
	list_thread(list, at(0), MAIN, "main");
	((struct event_thread *)(uintptr_t)list->events[list->count - 1].thread)->state =
		LEAVE_RUNNING;
	e = list_thread(list, at(0), WORKER, "worker");
	((struct event_thread *)(uintptr_t)e->thread)->tgid = MAIN;
	/* From the first stack on, waits are told with theirs. */
	e = list_add(list, at(1), 0, EVENT_WAIT_STACK);
	e->wait_stack = (struct event_wait_stack){ .tid = MAIN, .moment = STACK_AT_LEAVE };
	/* The worker is woken by the one that runs since the begin, then preempted by a stranger. */
	announce(list, 5, EVENT_TASK_BEGIN, MAIN, 7, "request");
	announce(list, 6, EVENT_TASK_ENTER, MAIN, 7, "");
	announce(list, 7, EVENT_REGION_BEGIN, MAIN, 0, "parse");
	list_waking(list, at(10), 0, WORKER, MAIN);
	list_switch(list, at(12), 1, 0, LEAVE_PREEMPTED, WORKER);
	announce(list, 14, EVENT_REGION_END, MAIN, 0, "parse");
	announce(list, 15, EVENT_TASK_LEAVE, MAIN, 7, "");
	announce(list, 18, EVENT_TASK_ENTER, WORKER, 7, "");
	list_name(list, at(20), STRANGER, "stranger")->name.flags = THREAD_FOREIGN;
	list_switch(list, at(20), 1, WORKER, LEAVE_PREEMPTED, STRANGER);
	list_switch(list, at(25), 1, STRANGER, LEAVE_PREEMPTED, WORKER);
	/* A call with a stack, ended by a stranger's interrupt; and a short one. */
	waits(list, 30, 1, WORKER, WAIT_PIPE, 0, 0);
	list_waking(list, at(80), 1, WORKER, WAKER_SOFTIRQ << 28 | STRANGER);
	list_switch(list, at(83), 1, 0, LEAVE_PREEMPTED, WORKER);
	e = list_add(list, at(84), 1, EVENT_WAIT_STACK);
	e->wait_stack = (struct event_wait_stack){
		.tid = WORKER,
		.moment = STACK_AT_CALL_END,
		.user_stack = 1,
		.kernel_stack = 2,
		.enter_ns = at(29),
	};
	calls(list, 84, 1, WORKER, 0, 55, 17);
	calls(list, 88, 1, WORKER, 1, 2, -11);
	announce(list, 90, EVENT_TASK_LEAVE, WORKER, 7, "");
	announce(list, 91, EVENT_LOG, WORKER, 7, "db")->text = "two \"rows\"";
	announce(list, 92, EVENT_COUNTER, WORKER, 0, "queue")->value = (u64)-3;
	announce(list, 93, EVENT_TASK_END, MAIN, 7, "");
	/* A waking that is before the switch-out that it ends */
	list_waking(list, at(95), 0, WORKER, MAIN);
	waits(list, 96, 1, WORKER, WAIT_SYNC, SYSCALL_NONE, 0);
	list_switch(list, at(97), 1, 0, LEAVE_PREEMPTED, WORKER);
	/* A thread begins, runs and ends; another one gets its number. */
	begins(list, 100, 0, MAIN, CHILD, "child");
	waits(list, 105, 0, MAIN, WAIT_CHILD, 1, CHILD);
	list_exit(list, at(110), 0, CHILD)->exit.tgid = MAIN;
	list_switch(list, at(111), 0, CHILD, LEAVE_DEAD, 0);
	begins(list, 120, 1, WORKER, CHILD, "again");
	e = list_add(list, at(125), 1, EVENT_SAMPLE);
	e->sample = (struct event_sample){ .tid = WORKER, .user_stack = 1 };
	loses(list, 140, 1, 130, 135);
	list_switch(list, at(150), 0, 0, LEAVE_PREEMPTED, CHILD);
}

static void a_story_is_what_the_golden_file_says(void **state)
{
	struct event_list list = { 0 };

	story(&list);
	write_trace(in_folder("story.trace"), &list, 1000, BEGIN_NS);
	event_list_free(&list);
	export_file(in_folder("story.trace"), in_folder("story.pftrace"), true);
	if (!has_reader())
		skip();
	assert_true(runs("python3 tests/live/perfetto_check.py --print '%s' > '%s'",
			 in_folder("story.pftrace"), in_folder("story.txt")));
	assert_true(runs("diff -u tests/unit/export_perfetto.golden '%s'", in_folder("story.txt")));
}

/* Nonsense */

static struct random *dice;

static u32 below(u32 limit)
{
	return random_below(dice, limit);
}

static u32 some_tid(void)
{
	return below(TIDS) ? MAIN + below(TIDS) : 0;
}

static void some_annotation(struct event_list *list, u64 ns, u32 tid)
{
	static const char *const names[] = { "", "a", "b", "parse", "ü" };
	struct trace_event *e =
		list_add(list, ns, (u16)below(3),
			 (u16)(EVENT_TASK_BEGIN + below(EVENT_SNAPSHOT - EVENT_TASK_BEGIN + 1)));

	e->annotation = (struct trace_annotation){
		.tid = tid,
		.task = below(5),
		.value = random_any(dice),
		.flags = below(3) ? 0 : ANNOTATION_REAL,
		.name = names[below(ARRAY_SIZE(names))],
		.text = names[below(ARRAY_SIZE(names))],
	};
}

static void some_loss(struct event_list *list, u64 ns)
{
	struct trace_event *e = list_add(list, ns, (u16)below(3), EVENT_LOSS);
	struct trace_loss *loss = (struct trace_loss *)(uintptr_t)e->loss;

	loss->from_ns = ns - below(3000);
	loss->to_ns = ns + below(3000);
	loss->counts[below(CLASS_COUNT)] = 1 + below(9);
}

static void some_stack(struct event_list *list, u64 ns, u32 tid)
{
	struct trace_event *e = list_add(list, ns, (u16)below(3), EVENT_WAIT_STACK);

	e->wait_stack = (struct event_wait_stack){
		.tid = tid,
		.moment = below(STACK_MOMENT_COUNT),
		.user_stack = below(3),
		.kernel_stack = below(2) * 2,
		.enter_ns = ns - below(2000),
	};
}

static void some_event(struct event_list *list, u64 ns)
{
	u32 tid = some_tid(), other = some_tid();
	u16 cpu = (u16)below(3);
	struct trace_event *e;

	switch (below(22)) {
	case 0:
		e = list_thread(list, ns, tid, below(2) ? "one" : "");
		((struct event_thread *)(uintptr_t)e->thread)->state = (u8)below(LEAVE_STATE_COUNT);
		((struct event_thread *)(uintptr_t)e->thread)->start_ns =
			below(2) ? 0 : ns - below(2000);
		break;
	case 1: list_fork(list, ns, cpu, tid, other, "fork"); break;
	case 2: list_exit(list, ns, cpu, tid); break;
	case 3: list_exec(list, ns, cpu, tid, below(2) ? tid : other); break;
	case 4: list_name(list, ns, tid, below(2) ? "a" : "b"); break;
	case 5: some_loss(list, ns); break;
	case 6:
	case 7:
		e = list_syscall(list, ns, cpu, tid, (u16)below(3));
		e->syscall.duration_ns = below(5000);
		e->syscall.result = (s64)random_any(dice);
		e->syscall.flags = below(9) ? 0 : SYSCALL_UNENTERED;
		break;
	case 8:
		e = list_add(list, ns, cpu, EVENT_SAMPLE);
		e->sample = (struct event_sample){ .tid = tid, .user_stack = below(3) };
		break;
	case 9: some_stack(list, ns, tid); break;
	case 10:
	case 11:
	case 12: some_annotation(list, ns, tid); break;
	case 13:
	case 14:
	case 15: list_waking(list, ns, cpu, other, below(5) << 28 | tid); break;
	default:
		e = list_switch(list, ns, cpu, tid, (u8)below(LEAVE_STATE_COUNT), other);
		e->sw.wait_kind = (u8)below(WAIT_KIND_COUNT);
		e->sw.syscall = below(2) ? SYSCALL_NONE : (u16)below(3);
	}
}

/* Several events at one time, too */
static void nonsense_is_legal(void **state)
{
	char command[8192] = "python3 tests/live/perfetto_check.py";

	if (!has_reader())
		skip();
	for (u64 seed = 0; seed < STREAMS; seed++) {
		struct random r = { .state = seed };
		struct event_list list = { 0 };
		char trace[64], out[64];
		u64 ns = BEGIN_NS;

		dice = &r;
		tells_stacks(&list);
		for (int i = 0; i < EVENTS; i++)
			some_event(&list, ns += below(4) ? below(1500) : 0);
		snprintf(trace, sizeof(trace), "%llu.trace", (unsigned long long)seed);
		snprintf(out, sizeof(out), "%llu.pftrace", (unsigned long long)seed);
		write_trace(in_folder(trace), &list, 1 + below(EVENTS), BEGIN_NS);
		event_list_free(&list);
		export_file(in_folder(trace), in_folder(out), seed % 2);
	}
	snprintf(command + strlen(command), sizeof(command) - strlen(command), " %s",
		 in_folder("*.pftrace"));
	assert_true(runs("%s", command));
}

static void a_full_disk_is_told(void **state)
{
	const struct export_options options = { 0 };
	CLEANUP(fclose) FILE *full = fopen("/dev/full", "we");
	struct event_list list = { 0 };
	struct err err = { 0 };
	bool missing;

	if (!full)
		skip();
	setvbuf(full, NULL, _IONBF, 0);
	story(&list);
	write_trace(in_folder("full.trace"), &list, 1000, BEGIN_NS);
	event_list_free(&list);
	assert_int_equal(perfetto()->write(full, in_folder("full.trace"), &options, &missing, &err),
			 -ENOSPC);
	assert_non_null(strstr(err.text, "No space left"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_story_is_what_the_golden_file_says, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(nonsense_is_legal, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_full_disk_is_told, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
