// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* locks - which lock, how long, held by whom, and what the holder did meanwhile */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/report/lock_names.h"
#include "user/report/lock_holders.h"

#define FRAMES_JSON 64

static void get_lock(struct cell *cell, const struct report *report, const void *row)
{
	char text[CELL_TEXT_MAX];

	cell_text(cell, lock_text(text, report, row));
}

static void get_kind(struct cell *cell, const struct report *report, const void *row)
{
	cell_text(cell, lock_kind_text(((const struct lock_row *)row)->kind));
}

static void get_kind_key(struct cell *cell, const struct report *report, const void *row)
{
	cell_text(cell, lock_kind_name(((const struct lock_row *)row)->kind));
}

static void get_address(struct cell *cell, const struct report *report, const void *row)
{
	snprintf(cell->text, sizeof(cell->text), "0x%" PRIx64,
		 ((const struct lock_row *)row)->address);
}

static void get_symbol(struct cell *cell, const struct report *report, const void *row)
{
	char name[FUTEX_NAME_MAX];
	const char *module;

	cell->none = !lock_symbol(name, &module, report, row);
	if (!cell->none)
		cell_text(cell, name);
}

static void get_module(struct cell *cell, const struct report *report, const void *row)
{
	char name[FUTEX_NAME_MAX];
	const char *module;

	cell->none = !lock_symbol(name, &module, report, row);
	if (!cell->none)
		cell_text(cell, module);
}

static void get_pid(struct cell *cell, const struct report *report, const void *row)
{
	u32 id = report->history.words[((const struct lock_row *)row)->word - 1].process;

	cell->number = timeline_threads(report->timeline)->processes[id - 1]->pid;
}

/* Several processes can have a lock at the same address. */
static void get_shown_pid(struct cell *cell, const struct report *report, const void *row)
{
	if (timeline_threads(report->timeline)->process_count > 1)
		get_pid(cell, report, row);
}

#define GET_NUMBER(name, value)                                                                  \
	static void get_##name(struct cell *cell, const struct report *report, const void *data) \
	{                                                                                        \
		const struct lock_row *row = data;                                               \
                                                                                                 \
		cell->number = value;                                                            \
	}

GET_NUMBER(count, row->ns.count)
GET_NUMBER(total, row->ns.total)
GET_NUMBER(p50, histogram_quantile(&row->ns, 0.5))
GET_NUMBER(p99, histogram_quantile(&row->ns, 0.99))
GET_NUMBER(longest, row->ns.most)
GET_NUMBER(longest_tid, row->longest->tid)
GET_NUMBER(longest_begin, row->longest_begin_ns - timeline_start_ns(report->timeline))
GET_NUMBER(threads, row->threads)
GET_NUMBER(waiters, row->waiters)
GET_NUMBER(latency, row->latency_ns)
GET_NUMBER(spurious, lock_spurious(row))
GET_NUMBER(spurious_ns, lock_spurious_ns(row))
GET_NUMBER(timeouts, row->timeouts)
GET_NUMBER(timeout_ns, row->timeout_ns)
GET_NUMBER(interrupts, row->interrupts)
GET_NUMBER(interrupt_ns, row->interrupt_ns)
GET_NUMBER(unfinished, row->unfinished)
GET_NUMBER(free_ns, row->free_ns)
GET_NUMBER(unknown_ns, row->unknown_ns)

static void get_function(struct cell *cell, const struct report *report, const void *data)
{
	const struct lock_row *row = data;
	char text[CELL_TEXT_MAX];

	lock_stack_text(text, report, &row->stacks[0]);
	cell->none = !text[0];
	cell_text(cell, text);
}

static void json_stack(struct json *json, const struct report *report, const struct lock_stack *at)
{
	struct frames *frames = (struct frames *)&report->frames; /* remembers what it found */
	const struct stack *stack = timeline_stack(report->timeline, at->user);
	char text[SYMBOLS_TEXT_MAX];

	if (!stack || !at->weight) {
		json_null(json);
		return;
	}
	json_list(json);
	for (u32 i = 0; i < stack->count && i < FRAMES_JSON; i++)
		json_text(json, frames_name(text, frames, stack, i));
	json_list_end(json);
}

static void json_wait_stack(struct json *json, const struct report *report, const void *row)
{
	json_stack(json, report, &((const struct lock_row *)row)->stacks[0]);
}

static void json_owner(struct json *json, const struct report *report, const void *row)
{
	json_bool(json, ((const struct lock_row *)row)->keeps_owner);
}

static const char *doing_key(const struct lock_doing *doing)
{
	return doing->state == STATE_COUNT ? "several"
					   : thread_state_name((enum thread_state)doing->state);
}

static void json_doing(struct json *json, const struct report *report,
		       const struct lock_doing *doing)
{
	const struct lock_row *lock = locks_of_word(&report->locks, doing->word);
	char room[32], text[32], name[FUTEX_NAME_MAX];
	bool blocked = doing->state == STATE_BLOCKED;
	const char *module;

	json_object(json);
	json_key_text(json, "state", doing_key(doing));
	json_key_text(json, "kind", blocked ? wait_kind_name((enum wait_kind)doing->kind) : NULL);
	json_key_text(json, "syscall",
		      blocked && doing->syscall != SYSCALL_NONE
			      ? report_syscall(report, doing->syscall, room)
			      : NULL);
	snprintf(text, sizeof(text), "0x%" PRIx64, lock ? lock->address : 0);
	json_key_text(json, "lock", lock ? text : NULL);
	json_key_text(json, "lock_symbol",
		      lock && lock_symbol(name, &module, report, lock) ? name : NULL);
	json_key_u64(json, "ns", doing->ns);
	json_object_end(json);
}

static void json_holder(struct json *json, const struct report *report, const struct lock_row *row,
			const struct lock_holder *holder)
{
	const struct thread *thread = holder->thread;
	struct lock_stack stack;
	bool sampled;

	json_object(json);
	json_key_text(json, "how", lock_part_name(lock_part_of(row, holder)));
	json_key_text(json, "name", thread ? thread_name(report->timeline, thread) : NULL);
	json_key(json, "tid");
	if (thread)
		json_u64(json, thread->tid);
	else
		json_null(json);
	json_key_u64(json, "waits", holder->waits);
	json_key_u64(json, "ns", holder->ns);
	json_key(json, "doing");
	json_list(json);
	for (u32 i = 0; i < holder->doing_count; i++)
		json_doing(json, report, &holder->doing[i]);
	json_list_end(json);
	stack = lock_holder_stack(holder, &sampled);
	json_key(json, "stack");
	json_stack(json, report, &stack);
	json_key_text(json, "stack_of", !stack.weight ? NULL : sampled ? "samples" : "wait");
	json_object_end(json);
}

static void json_holders(struct json *json, const struct report *report, const void *row)
{
	const struct lock_holder *holders;
	u32 number = (u32)((const struct lock_row *)row - report->locks.rows);
	size_t count = locks_holders(&report->locks, number, &holders);

	json_list(json);
	for (size_t i = 0; i < count; i++)
		json_holder(json, report, row, &holders[i]);
	json_list_end(json);
}

static const struct column columns[] = {
	{ "LOCK", NULL, CELL_TEXT, 0, false, get_lock, NULL },
	{ NULL, "address", CELL_TEXT, 0, false, get_address, NULL },
	{ NULL, "symbol", CELL_TEXT, 0, false, get_symbol, NULL },
	{ NULL, "module", CELL_TEXT, 0, false, get_module, NULL },
	{ "KIND", NULL, CELL_TEXT, 0, false, get_kind, NULL },
	{ NULL, "kind", CELL_TEXT, 0, false, get_kind_key, NULL },
	{ "PID", NULL, CELL_NUMBER, 8, true, get_shown_pid, NULL },
	{ NULL, "pid", CELL_NUMBER, 0, false, get_pid, NULL },
	{ "WAITS", "count", CELL_COUNT, 0, false, get_count, NULL },
	{ "TOTAL", "total_ns", CELL_NS, 0, false, get_total, NULL },
	{ "P50", "p50_ns", CELL_NS, 5, false, get_p50, NULL },
	{ "P99", "p99_ns", CELL_NS, 3, false, get_p99, NULL },
	{ "LONGEST", "longest_ns", CELL_NS, 4, false, get_longest, NULL },
	{ NULL, "longest_tid", CELL_NUMBER, 0, false, get_longest_tid, NULL },
	{ NULL, "longest_begin_ns", CELL_TIME, 0, false, get_longest_begin, NULL },
	{ "THREADS", "threads", CELL_COUNT, 2, false, get_threads, NULL },
	{ NULL, "waiters", CELL_COUNT, 0, false, get_waiters, NULL },
	{ "NO CPU", "scheduler_wait_ns", CELL_NS, 9, false, get_latency, NULL },
	{ "SPURIOUS", "spurious", CELL_COUNT, 10, true, get_spurious, NULL },
	{ NULL, "spurious_ns", CELL_NS, 0, false, get_spurious_ns, NULL },
	{ "TIMED OUT", "timeouts", CELL_COUNT, 6, true, get_timeouts, NULL },
	{ NULL, "timeout_ns", CELL_NS, 0, false, get_timeout_ns, NULL },
	{ "SIGNALS", "interrupts", CELL_COUNT, 11, true, get_interrupts, NULL },
	{ NULL, "interrupt_ns", CELL_NS, 0, false, get_interrupt_ns, NULL },
	{ NULL, "unfinished", CELL_COUNT, 0, false, get_unfinished, NULL },
	{ NULL, "free_ns", CELL_NS, 0, false, get_free_ns, NULL },
	{ NULL, "unknown_ns", CELL_NS, 0, false, get_unknown_ns, NULL },
	{ "WAITED IN", NULL, CELL_TEXT, 12, true, get_function, NULL },
	{ NULL, "stack", CELL_TEXT, 0, false, NULL, json_wait_stack },
	{ NULL, "owner_known", CELL_TEXT, 0, false, NULL, json_owner },
	{ NULL, "holders", CELL_TEXT, 0, false, NULL, json_holders },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

int report_locks(struct report *report, struct json *json)
{
	struct table table = {
		.name = "locks",
		.columns = columns,
		.row_bytes = sizeof(struct lock_row),
		.fit = 5,
		.below = lock_holders_print,
	};
	int r = report_finish_locks(report);

	if (r < 0)
		return r;
	table.rows = report->locks.rows;
	table.row_count = report->locks.count;
	return table_show(report, json, &table);
}
