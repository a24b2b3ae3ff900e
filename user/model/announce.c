// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * announce - what threads announce: tasks, who works for them, regions, logs, counters
 *
 * Programs may announce anything, in any order. The rules are here, and what is done against one is
 * counted: a thread works for the task that it entered last and has not left; the end of a task lets all
 * leave it; a region ends on its own thread, and its end is that of the innermost one with its name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/track.h"

#define ANCESTORS_MAX 16 /* of a process, that are asked for a task */

/* The number of a name; 0 with a misuse counted when there are too many. */
static u32 name_of(struct timeline *tl, const char *text)
{
	struct names *names = &tl->threads.names;
	u32 number = 0;

	if (names->count < TASK_NAMES_MAX)
		timeline_fail(tl, names_put(names, &number, text, strlen(text)));
	else if (*text && !(number = names_find(names, text)))
		tl->counts.misuse[MISUSE_TOO_MANY]++;
	return number;
}

static struct task *new_task(struct timeline *tl, const struct thread *t, u64 number, u8 flags)
{
	struct task *task = NULL;
	int r = task_add(&task, &tl->tasks, t->process, number);

	if (r == -ENOSPC)
		tl->counts.misuse[MISUSE_TOO_MANY]++;
	else
		timeline_fail(tl, r);
	if (!task)
		return NULL;
	task->thread = t;
	task->begin_ns = flags & TASK_BEFORE ? tl->start_ns : tl->now_ns;
	task->flags = flags;
	return task;
}

/* A child of fork() may speak of its parent's tasks; a thread whose process is not known yet, of its
 * process's. */
static struct task *find_task(const struct timeline *tl, const struct thread *t, u64 number)
{
	const struct process *process = t->process;
	struct task *task = task_find(&tl->tasks, process, number);

	if (number == TASK_EARLIER)
		return task;
	for (int i = 0; !task && process->parent && i < ANCESTORS_MAX; i++) {
		process = process->parent;
		task = task_find(&tl->tasks, process, number);
	}
	process = task ? NULL : process_of_pid(&tl->threads, 0);
	return process ? task_find(&tl->tasks, process, number) : task;
}

/* Whether the process, or one that forked it, was there before the recording: so may its tasks. */
static bool is_older(const struct timeline *tl, const struct process *process)
{
	if (process->begin_ns == UINT64_MAX)
		return true; /* nobody knows yet */
	for (int i = 0; process && i < ANCESTORS_MAX; i++, process = process->parent)
		if (process->begin_ns <= tl->start_ns)
			return true;
	return false;
}

/* The task that is spoken of, made when it is new; NULL: none. */
static struct task *spoken_of(struct timeline *tl, struct thread *t, struct note *note, u64 number)
{
	struct task *task = find_task(tl, t, number);

	if (task)
		return task;
	if (number == TASK_EARLIER)
		return new_task(tl, t, number, TASK_BEFORE | TASK_UNBEGUN);
	if (number == TASK_NONE || !(note->flags & ANNOTATION_PROBED || is_older(tl, t->process)))
		note->misuse = MISUSE_TASK_UNBEGUN;
	return number == TASK_NONE ? NULL : new_task(tl, t, number, TASK_UNBEGUN);
}

void task_settle(struct timeline *tl, struct task *task)
{
	if (task->uses || !task_is_over(task))
		return;
	if (!(task->flags & TASK_TOLD)) {
		task->flags |= TASK_TOLD;
		emit_task(tl, task);
	}
	task_reap(task);
}

void leave_implied(struct timeline *tl, struct thread *t, struct task *task, u8 how)
{
	struct note note = {
		.kind = EVENT_TASK_LEAVE,
		.how = how | NOTE_IMPLIED,
		.thread = t,
		.task = task,
		.name = task->name,
		.time_ns = tl->now_ns,
	};

	task_use(task);
	steps_leave(tl, t, steps_entered(t, task));
	emit_note(tl, &note);
	task_unuse(tl, task);
}

static void all_leave(struct timeline *tl, struct task *task)
{
	while (task->inside_count)
		leave_implied(tl, task->inside[task->inside_count - 1], task, 0);
}

/* @note, NULL: what is told of that; the task is told behind it. */
static void end_task(struct timeline *tl, struct task *task, u8 flag, struct note *note)
{
	task_use(task);
	task->flags |= flag;
	task->end_ns = tl->now_ns;
	all_leave(tl, task);
	if (note)
		emit_note(tl, note);
	task_over(&tl->tasks, task);
	task_unuse(tl, task);
}

/* Without an end: another one has its number, or its process is gone. */
static void drop(struct timeline *tl, struct task *task, enum misuse misuse)
{
	if (!(task->flags & TASK_BEFORE))
		tl->counts.misuse[misuse]++;
	end_task(tl, task, TASK_DROPPED, NULL);
}

static void task_begins(struct timeline *tl, struct thread *t, const struct trace_annotation *a,
			struct note *note)
{
	bool restated = a->flags & ANNOTATION_RESTATED;
	struct task *old = task_find(&tl->tasks, t->process, a->task), *task, *parent;

	if (restated && old && !task_is_over(old))
		return;
	if (a->task == TASK_NONE || a->task == TASK_EARLIER) {
		note->misuse = MISUSE_TASK_UNBEGUN;
		emit_note(tl, note);
		return;
	}
	if (old && !task_is_over(old))
		drop(tl, old, old->flags & TASK_UNBEGUN ? MISUSE_NONE : MISUSE_TASK_BEGUN_TWICE);
	task = new_task(tl, t, a->task, a->flags & ANNOTATION_PROBED ? TASK_PROBED : 0);
	if (!task)
		return;
	parent = a->value ? find_task(tl, t, a->value) : NULL;
	task->name = note->name;
	task->parent = parent && parent != task ? parent->id : 0;
	if (restated)
		note->time_ns = task->begin_ns = min(a->since_ns, tl->now_ns);
	note->task = task;
	emit_note(tl, note);
}

static void task_ends(struct timeline *tl, struct thread *t, const struct trace_annotation *a,
		      struct note *note)
{
	struct task *task = spoken_of(tl, t, note, a->task);

	note->task = task;
	if (!task) {
		emit_note(tl, note);
		return;
	}
	note->name = task->name;
	note->begin_ns = task->begin_ns;
	task->ends++;
	if (task->flags & TASK_BEFORE && !task_is_over(task)) {
		emit_note(tl, note);
	} else if (!task_is_over(task)) {
		end_task(tl, task, TASK_ENDED, note);
	} else {
		note->misuse = note->misuse ?: MISUSE_TASK_ENDED_TWICE;
		emit_note(tl, note);
	}
}

static void task_entered(struct timeline *tl, struct thread *t, const struct trace_annotation *a,
			 struct note *note)
{
	struct task *task = spoken_of(tl, t, note, a->task);

	if (task && a->flags & ANNOTATION_RESTATED && steps_entered(t, task))
		return;
	note->task = task;
	note->name = task ? task->name : 0;
	if (task && task_is_over(task))
		note->misuse = note->misuse ?: MISUSE_TASK_OVER;
	else if (task && t->steps->entered_count >= ENTERED_MAX)
		note->misuse = MISUSE_TOO_MANY;
	else if (task && !steps_enter(tl, t, task))
		return;
	emit_note(tl, note);
}

static void task_left(struct timeline *tl, struct thread *t, const struct trace_annotation *a,
		      struct note *note)
{
	const struct task *task = a->task == TASK_NONE ? steps_task(t) : find_task(tl, t, a->task);
	u32 at = task ? steps_entered(t, task) : 0;

	note->task = task;
	note->name = task ? task->name : 0;
	if (at) {
		if (at != t->steps->entered_count)
			note->misuse = MISUSE_TASK_LEFT_ORDER;
		task_use(task);
		steps_leave(tl, t, at);
		emit_note(tl, note);
		task_unuse(tl, task);
		return;
	}
	/* The end of a task lets its threads leave; that they say so, too, is good manners. */
	if (task && task_is_over(task))
		return;
	if (t->steps->forked_tasks)
		t->steps->forked_tasks--;
	else if (t->begin_ns > tl->start_ns)
		note->misuse = MISUSE_TASK_UNENTERED; /* else it may have entered it before */
	note->how |= NOTE_UNSEEN;
	emit_note(tl, note);
}

static void set_link(struct timeline *tl, struct task *task, const char *text)
{
	char *link = strndup(text, TASK_LINK_MAX);

	if (!link) {
		timeline_fail(tl, -ENOMEM);
		return;
	}
	free((char *)(uintptr_t)task->link);
	task->link = link;
}

static void said_of_task(struct timeline *tl, struct thread *t, const struct trace_annotation *a,
			 struct note *note)
{
	struct task *task = a->task ? find_task(tl, t, a->task) : NULL;

	if (a->task == TASK_EARLIER && !task)
		task = new_task(tl, t, a->task, TASK_BEFORE | TASK_UNBEGUN);
	if (a->task && !task && !is_older(tl, t->process))
		note->misuse = MISUSE_TASK_UNBEGUN;
	if (a->task)
		note->task = task;
	if (note->task && note->kind == EVENT_LINK && !(note->task->flags & TASK_BEFORE))
		set_link(tl, (struct task *)(uintptr_t)note->task, a->text);
	emit_note(tl, note);
}

static void count_texts(struct timeline *tl, u16 flags)
{
	tl->counts.misuse[MISUSE_NAME_CUT] +=
		!!(flags & (ANNOTATION_CUT_NAME | ANNOTATION_CUT_TEXT));
	tl->counts.misuse[MISUSE_NAME_UNREADABLE] +=
		!!(flags & (ANNOTATION_BAD_NAME | ANNOTATION_BAD_TEXT));
	tl->counts.misuse[MISUSE_NAME_NOT_UTF8] += !!(flags & ANNOTATION_NOT_UTF8);
}

void on_annotation(struct timeline *tl, const struct trace_event *event)
{
	const struct trace_annotation *a = &event->annotation;
	bool restated = a->flags & ANNOTATION_RESTATED;
	struct thread *t = restated ? life_evident(tl, a->tid) : call_ends(tl, a->tid, event->cpu);
	struct note note;

	if (restated && tl->follows)
		return;
	if (!t || !is_tracked(t) || !steps_of(tl, t))
		return;
	note = (struct note){
		.kind = event->kind,
		.flags = a->flags,
		.name = name_of(tl, a->name),
		.thread = t,
		.task = steps_task(t),
		.time_ns = tl->now_ns,
		.value = a->value,
		.text = a->text,
	};
	if (!restated)
		count_texts(tl, a->flags);
	if (++t->steps->since_told > STEPS_MAX && (tl->notes || tl->splits))
		state_close(tl, t, tl->now_ns, 0);
	switch (event->kind) {
	case EVENT_TASK_BEGIN: task_begins(tl, t, a, &note); break;
	case EVENT_TASK_END: task_ends(tl, t, a, &note); break;
	case EVENT_TASK_ENTER: task_entered(tl, t, a, &note); break;
	case EVENT_TASK_LEAVE: task_left(tl, t, a, &note); break;
	case EVENT_REGION_BEGIN: region_opens(tl, t, a, &note); break;
	case EVENT_REGION_END: region_closes(tl, t, a, &note); break;
	case EVENT_LOG:
	case EVENT_LINK: said_of_task(tl, t, a, &note); break;
	default: emit_note(tl, &note);
	}
	tasks_trim(&tl->tasks);
}

void tasks_end(struct timeline *tl, struct process *process)
{
	struct task *task = process->tasks, *older;

	for (; task; task = older) {
		older = task->older;
		task_hide(&tl->tasks, task);
		if (!task_is_over(task))
			drop(tl, task, MISUSE_TASK_UNENDED);
	}
}

void tasks_finish(struct timeline *tl)
{
	for (u32 i = 0; i < tl->threads.process_count; i++) {
		struct task *task = tl->threads.processes[i]->tasks;

		while (task && task->older)
			task = task->older;
		for (; task; task = task->newer) {
			if (!task_is_over(task))
				task->end_ns = tl->now_ns;
			if (!(task->flags & TASK_TOLD)) {
				task->flags |= TASK_TOLD;
				emit_task(tl, task);
			}
		}
	}
}
