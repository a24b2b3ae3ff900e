// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* times - where the time of each thread, name or process went */
#include "user/model/times.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The @number-th row, from 1 on */
static struct times_row *row_of(struct times *times, u32 number, const struct thread *thread)
{
	struct times_row *rows = times->rows;
	u32 room = max(times->room, 64u);

	if (number > times->room) {
		while (room < number)
			room *= 2;
		rows = realloc(rows, room * sizeof(*rows));
		if (!rows)
			return NULL;
		memset(rows + times->room, 0, (room - times->room) * sizeof(*rows));
		times->rows = rows;
		times->room = room;
	}
	times->count = max(times->count, number);
	rows[number - 1].thread = thread;
	rows[number - 1].threads = 1;
	return &rows[number - 1];
}

static void sum_add(struct time_sum *sum, u64 ns)
{
	sum->ns += ns;
	sum->count++;
	sum->longest_ns = max(sum->longest_ns, ns);
}

void times_row_add(struct times_row *row, const struct interval *interval)
{
	u64 ns = interval->end_ns - interval->begin_ns;

	if (interval->state == STATE_UNKNOWN) {
		row->unknown_ns += ns;
		return;
	}
	row->observed_ns += ns;
	if (interval->state == STATE_RUNNING) {
		sum_add(&row->execution, ns);
		row->migrated += !!(interval->flags & INTERVAL_MIGRATED);
		row->preempted += interval->leave == LEAVE_PREEMPTED;
		row->yielded += interval->leave == LEAVE_YIELDED;
	} else if (interval->state == STATE_RUNNABLE) {
		sum_add(&row->scheduler_wait, ns);
	} else {
		sum_add(&row->waits[interval->wait.kind], ns);
	}
}

static int on_interval(void *ctx, const struct interval *interval)
{
	struct times *times = ctx;
	struct times_row *row;
	u32 task;

	if (task_group(&times->tasks, &task, interval->task) < 0)
		return -ENOMEM;
	row = row_of(times, times->tasks.on ? task + 1 : interval->thread->id, interval->thread);
	if (!row)
		return -ENOMEM;
	row->task = task;
	times_row_add(row, interval);
	return 0;
}

struct sink times_sink(struct times *times)
{
	return (struct sink){ .ctx = times, .interval = on_interval };
}

static void sum_merge(struct time_sum *to, const struct time_sum *from)
{
	to->ns += from->ns;
	to->count += from->count;
	to->longest_ns = max(to->longest_ns, from->longest_ns);
}

static void row_merge(struct times_row *to, const struct times_row *from)
{
	if (!to->thread)
		to->thread = from->thread;
	to->task = from->task;
	to->threads += from->threads;
	to->observed_ns += from->observed_ns;
	to->unknown_ns += from->unknown_ns;
	sum_merge(&to->execution, &from->execution);
	sum_merge(&to->scheduler_wait, &from->scheduler_wait);
	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++)
		sum_merge(&to->waits[kind], &from->waits[kind]);
	to->preempted += from->preempted;
	to->yielded += from->yielded;
	to->migrated += from->migrated;
}

struct time_sum times_waits(const struct times_row *row)
{
	struct time_sum sum = { 0 };

	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++)
		sum_merge(&sum, &row->waits[kind]);
	return sum;
}

static int compare_ns(u64 a, u64 b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int compare_rows(const void *left, const void *right)
{
	const struct times_row *a = left, *b = right;

	return compare_ns(a->execution.ns, b->execution.ns)
		       ?: compare_ns(a->scheduler_wait.ns, b->scheduler_wait.ns)
		       ?: compare_ns(a->observed_ns, b->observed_ns)
		       ?: (a->thread->id > b->thread->id) - (a->thread->id < b->thread->id);
}

static u64 group_key(const struct times_row *row, enum times_by by)
{
	switch (by) {
	case TIMES_BY_TASK: return row->task;
	case TIMES_BY_NAME: return row->thread->name;
	case TIMES_BY_PROCESS: return row->thread->process->id;
	default: return row->thread->id;
	}
}

int times_rows(struct times_row **out, size_t *count, const struct times *times, enum times_by by)
{
	CLEANUP(free) struct times_row *rows = calloc(times->count + 1, sizeof(*rows));
	struct map groups = { 0 };
	size_t used = 0;

	if (!rows)
		return -ENOMEM;
	for (u32 i = 0; i < times->count; i++) {
		const struct times_row *row = &times->rows[i];
		u64 *slot;

		if (!row->thread || (!row->observed_ns && !row->unknown_ns))
			continue;
		slot = map_put(&groups, group_key(row, by));
		if (!slot) {
			map_free(&groups);
			return -ENOMEM;
		}
		if (!*slot)
			*slot = ++used;
		row_merge(&rows[*slot - 1], row);
	}
	map_free(&groups);
	qsort(rows, used, sizeof(*rows), compare_rows);
	*out = take(rows);
	*count = used;
	return 0;
}

struct times_row times_total(const struct times *times)
{
	struct times_row total = { 0 };

	for (u32 i = 0; i < times->count; i++)
		if (times->rows[i].thread)
			row_merge(&total, &times->rows[i]);
	return total;
}

struct times_row times_of_awake(const struct times *times)
{
	struct times_row total = { 0 };

	for (u32 i = 0; i < times->count; i++)
		if (times->rows[i].thread &&
		    (times->rows[i].execution.ns || times->rows[i].scheduler_wait.ns))
			row_merge(&total, &times->rows[i]);
	return total;
}

void times_free(struct times *times)
{
	free(times->rows);
	task_groups_free(&times->tasks);
	*times = (struct times){ 0 };
}
