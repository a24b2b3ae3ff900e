// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* table_states - what each thread did, interval by interval; the waits and wake-ups among them */
#include "user/export/tables.h"
#include "user/model/waits.h"

enum {
	STATE = THREAD_COLUMN_COUNT,
	BEGIN,
	END,
	NS,
	CPU,
	WHY,
	KIND,
	SYSCALL,
	OBJECT,
	SYMBOL,
	ADDRESS,
	FUTEX_OP,
	LATENCY,
	WAKER_THREAD_ID,
	WAKER_TID,
	WAKER,
	WAKER_CONTEXT,
	WAKER_CPU,
	OTHER_THREAD_ID,
	USER_STACK,
	KERNEL_STACK,
	WAKER_USER_STACK,
	WAKER_KERNEL_STACK,
	OWNER_TID,
	LEAVE,
	CUT_BEGIN,
	CUT_END,
	MIGRATED,
	TASK_ID,
	TASK,
	REGION,
	COLUMN_COUNT,
};

static const struct column_spec columns[] = {
	THREAD_COLUMNS,
	[STATE] = { "state", "running, runnable, blocked, or unknown: events were lost",
		    COLUMN_TEXT, false },
	{ "begin_ns", "since the start of the recording", COLUMN_INTEGER, false },
	{ "end_ns", "the same; the next one of the thread begins there", COLUMN_INTEGER, false },
	{ "ns", "end_ns - begin_ns", COLUMN_INTEGER, false },
	{ "cpu", "running: where; else where it ran last", COLUMN_INTEGER, false },
	{ "why", "runnable: preempted, yielded, woken, new, found (at the begin)", COLUMN_TEXT,
	  false },
	{ "kind", "blocked: network, sync, disk, pipe, poll, sleep, fault, child, other",
	  COLUMN_TEXT, false },
	{ "syscall", "blocked: the call that it is in", COLUMN_TEXT, false },
	{ "object", "blocked: what for: 'tcp :6379 <- clients', 'futex 0x7f2a10', 'pipe'",
	  COLUMN_TEXT, false },
	{ "symbol", "blocked in a futex call: the variable of the program", COLUMN_TEXT, true },
	{ "address", "the same: where it lies, '0x7f2a10'", COLUMN_TEXT, false },
	{ "futex_op", "the same: wait, lock_pi, ...", COLUMN_TEXT, false },
	{ "latency_ns", "blocked: runnable without a CPU behind it", COLUMN_INTEGER, false },
	{ "waker_thread_id", "blocked: who ended it", COLUMN_INTEGER, false },
	{ "waker_tid", "its number in the system", COLUMN_INTEGER, true },
	{ "waker", "its name", COLUMN_TEXT, true },
	{ "waker_context",
	  "thread; softirq: on top of that thread; hardirq, nmi: of nobody; "
	  "unknown; missing: not seen; NULL: it goes on",
	  COLUMN_TEXT, false },
	{ "waker_cpu", "on which CPU", COLUMN_INTEGER, false },
	{ "other_thread_id", "running: who took the CPU; runnable: who had it", COLUMN_INTEGER,
	  false },
	{ "user_stack", "where in the program: stacks.stack_id", COLUMN_INTEGER, true },
	{ "kernel_stack", "where in the kernel", COLUMN_INTEGER, true },
	{ "waker_user_stack", "where the waker was; only with -e waker-stacks", COLUMN_INTEGER,
	  true },
	{ "waker_kernel_stack", "the same in the kernel", COLUMN_INTEGER, true },
	{ "owner_tid", "of the lock when the wait began, as the lock itself says", COLUMN_INTEGER,
	  false },
	{ "how_left",
	  "running: preempted, yielded, sleeping, disk, stopped, dead, ...; "
	  "blocked: sleeping, disk, stopped, ...",
	  COLUMN_TEXT, false },
	{ "cut_begin", "1: it began before the recording, or before --from", COLUMN_FLAG, false },
	{ "cut_end", "1: it goes on behind the end, or behind --to", COLUMN_FLAG, false },
	{ "migrated", "running, 1: on another CPU than before", COLUMN_FLAG, false },
	{ "task_id", "that its thread worked for: of tasks", COLUMN_INTEGER, false },
	{ "task", "its name", COLUMN_TEXT, false },
	{ "region", "the innermost one when it began", COLUMN_TEXT, false },
};
_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMN_COUNT, "one for each");

#define WANTS(column) (wanted & COLUMN_BIT(column))
#define WAKER_WANTED                                                               \
	(COLUMN_BIT(WAKER_THREAD_ID) | COLUMN_BIT(WAKER_TID) | COLUMN_BIT(WAKER) | \
	 COLUMN_BIT(WAKER_CONTEXT) | COLUMN_BIT(WAKER_CPU))

static void fill_waker(struct filler *filler, const struct interval *interval, struct value *values,
		       u64 wanted)
{
	const struct wait *wait = &interval->wait;
	const struct waits_waker how = waits_waker_of(wait);
	const struct thread *waker = wait->waker;

	if (interval->flags & INTERVAL_CUT_END)
		return;
	values[WAKER_CONTEXT] =
		value_text(how.missing ? "missing" : waker_context_name(how.context));
	if (how.missing)
		return;
	values[WAKER_CPU] = value_integer(wait->waker_cpu);
	/* Whom an interrupt hit has nothing to do with it. */
	if (!waker || how.context == WAKER_HARDIRQ)
		return;
	values[WAKER_THREAD_ID] = value_integer(waker->id);
	if (WANTS(WAKER_TID))
		values[WAKER_TID] = value_integer(table_thread(filler, waker)->tid);
	if (WANTS(WAKER))
		values[WAKER] = value_thread_name(filler, waker);
}

static void fill_wait(struct filler *filler, const struct table_interval *row, struct value *values,
		      u64 wanted)
{
	const struct interval *interval = &row->interval;
	const struct wait *wait = &interval->wait;

	values[KIND] = value_text(wait_kind_name(wait->kind));
	values[LATENCY] = value_integer((s64)interval->latency_ns);
	values[LEAVE] = value_text(leave_state_name(wait->leave));
	if (WANTS(SYSCALL))
		values[SYSCALL] = value_syscall(filler, wait->syscall);
	if (WANTS(OBJECT))
		values[OBJECT] = value_object(filler, row->what);
	if (wanted & WAKER_WANTED)
		fill_waker(filler, interval, values, wanted);
	if (interval->lock.known)
		values[OWNER_TID] = value_some(interval->lock.owner);
	if (WANTS(WAKER_USER_STACK))
		values[WAKER_USER_STACK] =
			value_some(table_stack(filler, interval->where.waker_user));
	if (WANTS(WAKER_KERNEL_STACK))
		values[WAKER_KERNEL_STACK] =
			value_some(table_stack(filler, interval->where.waker_kernel));
	if (!wait->address)
		return;
	values[FUTEX_OP] = value_text(futex_op_name(wait->futex_op));
	if (WANTS(ADDRESS))
		values[ADDRESS] = value_address(filler, wait->address);
	if (WANTS(SYMBOL))
		values[SYMBOL] = value_symbol(filler, row->what, interval);
}

static void fill(struct filler *filler, const void *data, struct value *values, u64 wanted)
{
	const struct table_interval *row = data;
	const struct interval *interval = &row->interval;

	fill_thread(filler, values, interval->thread, wanted);
	values[STATE] = value_text(thread_state_name(interval->state));
	values[BEGIN] = value_time(filler, interval->begin_ns);
	values[END] = value_time(filler, interval->end_ns);
	values[NS] = value_integer((s64)(interval->end_ns - interval->begin_ns));
	if (interval->cpu != CPU_UNKNOWN)
		values[CPU] = value_integer(interval->cpu);
	if (interval->other)
		values[OTHER_THREAD_ID] = value_integer(interval->other->id);
	if (WANTS(USER_STACK))
		values[USER_STACK] = value_some(table_stack(filler, interval->where.user));
	if (WANTS(KERNEL_STACK))
		values[KERNEL_STACK] = value_some(table_stack(filler, interval->where.kernel));
	values[TASK_ID] = value_some(row->task.id);
	values[TASK] = value_name(filler, row->task.name);
	values[REGION] = value_name(filler, interval->region);
	values[CUT_BEGIN] = value_integer(!!(interval->flags & INTERVAL_CUT_BEGIN));
	values[CUT_END] = value_integer(!!(interval->flags & INTERVAL_CUT_END));
	if (interval->state == STATE_RUNNABLE)
		values[WHY] = value_text(runnable_why_name(interval->why));
	if (interval->state == STATE_RUNNING) {
		values[LEAVE] = value_text(leave_state_name(interval->leave));
		values[MIGRATED] = value_integer(!!(interval->flags & INTERVAL_MIGRATED));
	}
	if (interval->state == STATE_BLOCKED)
		fill_wait(filler, row, values, wanted);
}

const struct table_spec states_table = {
	.name = "states",
	.means = "what each thread did: one row per interval, joined from its begin to its end",
	.columns = columns,
	.column_count = COLUMN_COUNT,
	.source = TABLE_INTERVALS,
	.what_columns = COLUMN_BIT(OBJECT) | COLUMN_BIT(SYMBOL),
	.stack_columns = COLUMN_BIT(USER_STACK) | COLUMN_BIT(KERNEL_STACK) |
			 COLUMN_BIT(WAKER_USER_STACK) | COLUMN_BIT(WAKER_KERNEL_STACK) |
			 COLUMN_BIT(OWNER_TID),
	.fill = fill,
};

#define WAIT_COLUMNS                                                                             \
	"thread_id, tid, pid, thread, begin_ns, end_ns, ns, latency_ns, kind, syscall, object, " \
	"symbol, address, futex_op, waker_thread_id, waker_tid, waker, waker_context, "          \
	"user_stack, kernel_stack, waker_user_stack, waker_kernel_stack, owner_tid, cut_begin, " \
	"cut_end, task_id, task, region"

const struct view_spec table_views[] = {
	{ "waits", "the blocked ones of states",
	  "SELECT " WAIT_COLUMNS " FROM states WHERE state = 'blocked'" },
	{ "wakeups", "who ended whose wait, when: the waits whose end was seen",
	  "SELECT end_ns AS time_ns, waker_thread_id, waker_tid, waker, waker_context, waker_cpu, "
	  "waker_user_stack, waker_kernel_stack, thread_id, tid, pid, thread, kind, "
	  "ns AS waited_ns, latency_ns FROM states WHERE state = 'blocked' AND "
	  "waker_context IS NOT NULL AND waker_context <> 'missing'" },
	{ "locks", "futex words that were waited for; who held them is in tracer report locks",
	  "SELECT pid, address, max(symbol) AS symbol, count(*) AS count, sum(ns) AS total_ns, "
	  "max(ns) AS longest_ns, count(DISTINCT thread_id) AS waiters, sum(latency_ns) AS "
	  "scheduler_wait_ns, count(DISTINCT waker_thread_id) AS wakers, sum(cut_end) AS "
	  "unfinished FROM states WHERE state = 'blocked' AND address IS NOT NULL "
	  "GROUP BY pid, address" },
	{ NULL, NULL, NULL },
};
