// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* tasks - how long tasks took, by name, and where the time of their threads went */
#include "user/model/tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"

int tasks_begin(struct tasks *tasks, const struct timeline *timeline,
		const struct tasks_query *query)
{
	tasks->timeline = timeline;
	tasks->query = *query;
	tasks->query.slowest = min(query->slowest, (u32)TASKS_SLOWEST_MAX);
	tasks->slowest = calloc(tasks->query.slowest + 1, sizeof(*tasks->slowest));
	return tasks->slowest ? 0 : -ENOMEM;
}

/* What is known of an open task, made when there is nothing; NULL without memory. */
static struct tasks_instance *instance_of(struct tasks *tasks, const struct task *task)
{
	u64 *slot = map_put(&tasks->open, task->id);

	if (slot && !*slot)
		*slot = (uintptr_t)calloc(1, sizeof(struct tasks_instance));
	return slot && *slot ? (struct tasks_instance *)(uintptr_t)*slot : NULL;
}

static struct tasks_row *row_of_key(struct tasks *tasks, u32 name, enum tasks_which which)
{
	u64 *slot = map_put(&tasks->numbers, (u64)which << 32 | name);

	if (!slot)
		return NULL;
	if (*slot)
		return &tasks->rows[*slot - 1];
	if (tasks->count >= TASKS_ROWS_MAX && which == TASKS_NAMED) {
		map_remove(&tasks->numbers, (u64)which << 32 | name);
		return row_of_key(tasks, 0, TASKS_OTHER);
	}
	if (!grow(&tasks->rows, tasks->count, &tasks->room, sizeof(*tasks->rows)))
		return NULL;
	tasks->rows[tasks->count] = (struct tasks_row){ .name = name, .which = (u8)which };
	*slot = ++tasks->count;
	return &tasks->rows[tasks->count - 1];
}

static struct tasks_row *row_of(struct tasks *tasks, const struct task *task)
{
	return row_of_key(tasks, task->name,
			  task->flags & TASK_BEFORE ? TASKS_BEFORE : TASKS_NAMED);
}

static int on_interval(void *ctx, const struct interval *interval)
{
	struct tasks *tasks = ctx;
	struct tasks_instance *instance;
	struct tasks_row *row;

	if (!interval->task)
		return 0;
	instance = instance_of(tasks, interval->task);
	row = row_of(tasks, interval->task);
	if (!instance || !row)
		return -ENOMEM;
	spent_add(&instance->spent, interval, interval->end_ns - interval->begin_ns);
	times_row_add(&row->times, interval);
	return 0;
}

static int on_note(void *ctx, const struct note *note)
{
	struct tasks *tasks = ctx;
	struct tasks_instance *instance;

	if (!note->task || note->task->flags & TASK_TOLD || note->how & NOTE_ASIDE ||
	    (note->kind != EVENT_LOG && note->kind != EVENT_REGION_BEGIN))
		return 0;
	instance = instance_of(tasks, note->task);
	if (!instance)
		return -ENOMEM;
	instance->regions += note->kind == EVENT_REGION_BEGIN;
	instance->logs += note->kind == EVENT_LOG;
	if (note->kind == EVENT_LOG && tasks->query.log)
		instance->logged |= filter_matches(tasks->query.log, note->text);
	return 0;
}

static u64 latency_of(const struct tasks_instance *instance)
{
	return instance->end_ns - instance->begin_ns;
}

/* Whether @a is to be kept rather than @b. */
static bool is_slower(const struct tasks_instance *a, const struct tasks_instance *b)
{
	u64 x = latency_of(a), y = latency_of(b);

	return x > y || (x == y && a->id < b->id);
}

static void keep_slowest(struct tasks *tasks, const struct tasks_instance *instance)
{
	const struct tasks_query *query = &tasks->query;
	u32 at = tasks->slowest_count;

	if (instance->flags & TASK_BEFORE || latency_of(instance) < query->longer_ns ||
	    (query->log && !instance->logged))
		return;
	tasks->matching++;
	while (at > 0 && is_slower(instance, &tasks->slowest[at - 1]))
		at--;
	if (at >= query->slowest)
		return;
	tasks->slowest_count = min(tasks->slowest_count + 1, query->slowest);
	memmove(&tasks->slowest[at + 1], &tasks->slowest[at],
		(tasks->slowest_count - 1 - at) * sizeof(*tasks->slowest));
	tasks->slowest[at] = *instance;
}

static int count_row(struct tasks_row *row, const struct tasks_instance *instance)
{
	row->regions += instance->regions;
	row->logs += instance->logs;
	if (instance->flags & TASK_BEFORE)
		return 0;
	row->count++;
	if (!tasks_is_whole(instance->flags)) {
		row->incomplete++;
		return 0;
	}
	row->attended_ns += instance->attended_ns;
	if (!row->slowest.id || is_slower(instance, &row->slowest))
		row->slowest = *instance;
	return histogram_add(&row->latency, latency_of(instance));
}

/* @aside, but threads that the filter does not leave out worked for it: it counts, too. */
static int on_task(void *ctx, const struct task *task, bool aside)
{
	struct tasks *tasks = ctx;
	u64 *slot = map_get(&tasks->open, task->id);
	CLEANUP(free)
	struct tasks_instance *open = slot ? (struct tasks_instance *)(uintptr_t)*slot : NULL;
	struct tasks_instance instance = open ? *open : (struct tasks_instance){ 0 };
	struct tasks_row *row;

	map_remove(&tasks->open, task->id);
	if (aside && !spent_sum(&instance.spent))
		return 0;
	row = row_of(tasks, task);
	if (!row)
		return -ENOMEM;
	instance.id = task->id;
	instance.name = task->name;
	instance.parent = task->parent;
	instance.flags = task->flags;
	instance.begin_ns = task->begin_ns;
	instance.end_ns = task->end_ns;
	instance.attended_ns = task->attended_ns;
	instance.thread = task->thread;
	row->ends += task->flags & TASK_BEFORE ? task->ends : 0;
	keep_slowest(tasks, &instance);
	return count_row(row, &instance);
}

struct sink tasks_sink(struct tasks *tasks)
{
	return (struct sink){
		.ctx = tasks,
		.interval = on_interval,
		.note = on_note,
		.task = on_task,
	};
}

static int compare_rows(const void *left, const void *right)
{
	const struct tasks_row *a = left, *b = right;
	u64 x = a->latency.total, y = b->latency.total;

	if (x != y)
		return x < y ? 1 : -1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return a->which != b->which ? a->which - b->which
				    : (a->name > b->name) - (a->name < b->name);
}

void tasks_sort(struct tasks *tasks)
{
	if (tasks->count)
		qsort(tasks->rows, tasks->count, sizeof(*tasks->rows), compare_rows);
	map_clear(&tasks->numbers);
}

void tasks_free_all(struct tasks *tasks)
{
	map_for_each(&tasks->open, slot)
		free((void *)(uintptr_t)slot->value);
	map_free(&tasks->open);
	for (u32 i = 0; i < tasks->count; i++)
		histogram_free(&tasks->rows[i].latency);
	free(tasks->rows);
	map_free(&tasks->numbers);
	free(tasks->slowest);
	*tasks = (struct tasks){ 0 };
}

const char *tasks_row_name(const struct tasks *tasks, const struct tasks_row *row)
{
	switch (row->which) {
	case TASKS_BEFORE: return "(begun before)";
	case TASKS_OTHER: return "(other names)";
	default: break;
	}
	return row->name ? names_text(&timeline_threads(tasks->timeline)->names, row->name)
			 : "(unknown)";
}
