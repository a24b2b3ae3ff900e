// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* task - tasks as the model knows them */
#include "user/model/task.h"

#include <errno.h>
#include <stdlib.h>

#include "user/model/grow.h"

static const struct {
	const char *name;
	const char *text;
} misuses[] = {
	[MISUSE_NONE] = { "none", "none" },
	[MISUSE_TASK_UNBEGUN] = { "task_without_begin", "of tasks that were never begun" },
	[MISUSE_TASK_ENDED_TWICE] = { "task_ended_twice", "tasks ended twice" },
	[MISUSE_TASK_BEGUN_TWICE] = { "task_begun_twice", "tasks begun again before their end" },
	[MISUSE_TASK_OVER] = { "task_entered_after_end", "tasks entered after their end" },
	[MISUSE_TASK_LEFT_ORDER] = { "task_left_in_wrong_order", "tasks left in the wrong order" },
	[MISUSE_TASK_UNENTERED] = { "task_left_unentered", "tasks left that were not entered" },
	[MISUSE_TASK_UNENDED] = { "task_never_ended", "tasks never ended by their process" },
	[MISUSE_REGION_UNBEGUN] = { "region_end_without_begin", "regions ended without a begin" },
	[MISUSE_REGION_ORDER] = { "region_ended_in_wrong_order",
				  "regions ended in the wrong order" },
	[MISUSE_REGION_THREAD] = { "region_ended_on_other_thread",
				   "regions ended on another thread" },
	[MISUSE_REGION_UNENDED] = { "region_never_ended", "regions never ended by their thread" },
	[MISUSE_REGION_DEPTH] = { "region_too_deep", "regions inside too many others" },
	[MISUSE_NAME_CUT] = { "name_cut", "names or texts cut" },
	[MISUSE_NAME_UNREADABLE] = { "name_unreadable", "names or texts in unreadable memory" },
	[MISUSE_NAME_NOT_UTF8] = { "name_not_utf8", "names or texts that are not UTF-8" },
	[MISUSE_TOO_MANY] = { "too_many", "tasks or names too many to be kept" },
};
_Static_assert(ARRAY_SIZE(misuses) == MISUSE_COUNT, "every misuse has a name");

const char *misuse_name(enum misuse misuse)
{
	return misuse < MISUSE_COUNT ? misuses[misuse].name : "?";
}

const char *misuse_text(enum misuse misuse)
{
	return misuse < MISUSE_COUNT ? misuses[misuse].text : "?";
}

static u64 key_of(const struct process *process, u64 number)
{
	return hash_u64(number) + (u64)process->id * 0x9e3779b97f4a7c15ULL;
}

struct task *task_find(const struct task_table *table, const struct process *process, u64 number)
{
	const u64 *slot = map_get(&table->numbers, key_of(process, number));
	struct task *task = slot ? (struct task *)(uintptr_t)*slot : NULL;

	while (task && (task->process != process || task->number != number))
		task = task->next;
	return task;
}

int task_add(struct task **out, struct task_table *table, struct process *process, u64 number)
{
	struct task *task, *before;
	u64 *slot;

	if (table->open >= TASKS_MAX)
		return -ENOSPC;
	before = task_find(table, process, number);
	if (before)
		task_hide(table, before);
	slot = map_put(&table->numbers, key_of(process, number));
	task = slot ? calloc(1, sizeof(*task)) : NULL;
	if (!task)
		return -ENOMEM;
	*task = (struct task){
		.id = ++table->last_id,
		.number = number,
		.process = process,
		.older = process->tasks,
		.next = (struct task *)(uintptr_t)*slot,
	};
	if (task->older)
		task->older->newer = task;
	process->tasks = task;
	table->open++;
	*slot = (uintptr_t)task;
	*out = task;
	return 0;
}

void task_hide(struct task_table *table, struct task *task)
{
	u64 key = key_of(task->process, task->number), *slot;
	struct task *at, *before = NULL;

	if (task->flags & TASK_HIDDEN)
		return;
	task->flags |= TASK_HIDDEN;
	slot = map_get(&table->numbers, key);
	at = slot ? (struct task *)(uintptr_t)*slot : NULL;
	for (; at && at != task; at = at->next)
		before = at;
	if (!at)
		return;
	if (before)
		before->next = task->next;
	else if (task->next)
		*slot = (uintptr_t)task->next;
	else
		map_remove(&table->numbers, key);
}

void task_over(struct task_table *table, struct task *task)
{
	table->open--;
	table->over++;
	if (table->over_last)
		table->over_last->queue = task;
	else
		table->over_first = task;
	table->over_last = task;
}

void tasks_trim(struct task_table *table)
{
	while (table->over > TASKS_OVER_MAX) {
		struct task *oldest = table->over_first;

		table->over_first = oldest->queue;
		table->over--;
		task_hide(table, oldest);
		oldest->flags |= TASK_RETIRED;
		task_reap(oldest);
	}
}

static void task_free(struct task *task)
{
	free(task->inside);
	free((char *)(uintptr_t)task->link);
	free(task);
}

void task_reap(struct task *task)
{
	const u8 done = TASK_RETIRED | TASK_TOLD;

	if (task->uses || (task->flags & done) != done)
		return;
	if (task->newer)
		task->newer->older = task->older;
	else
		((struct process *)(uintptr_t)task->process)->tasks = task->older;
	if (task->older)
		task->older->newer = task->newer;
	task_free(task);
}

int task_enter(struct task *task, struct thread *thread, u64 now_ns)
{
	if (!grow(&task->inside, task->inside_count, &task->inside_room, sizeof(*task->inside)))
		return -ENOMEM;
	if (!task->inside_count)
		task->inside_since_ns = now_ns;
	task->inside[task->inside_count++] = thread;
	return 0;
}

void task_leave(struct task *task, const struct thread *thread, u64 now_ns)
{
	for (u32 i = task->inside_count; i > 0; i--) {
		if (task->inside[i - 1] != thread)
			continue;
		task->inside[i - 1] = task->inside[--task->inside_count];
		break;
	}
	if (task->inside_count || !task->inside)
		return;
	task->attended_ns += now_ns - task->inside_since_ns;
	free(task->inside);
	task->inside = NULL;
	task->inside_room = 0;
}

void tasks_free(struct process *process)
{
	struct task *task = process->tasks, *older;

	for (process->tasks = NULL; task; task = older) {
		older = task->older;
		task_free(task);
	}
}
