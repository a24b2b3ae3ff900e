// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* helpers_tasks - scenarios of what programs announce */
#include "tests/unit/helpers_tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more at the end of a list, which doubles. */
static void *add(void *list, size_t *count, size_t size)
{
	void **items = list;

	if (!(*count & (*count - 1)))
		*items = realloc(*items, (*count ? *count * 2 : 1) * size);
	return (char *)*items + size * (*count)++;
}

#define ADD(list, count) ((__typeof__(list))add(&(list), &(count), sizeof(*(list))))

static int remember_note(void *ctx, const struct note *note)
{
	struct play *p = ctx;
	struct told_note *told = ADD(p->notes, p->note_count);

	*told = (struct told_note){ .note = *note, .task = note->task ? note->task->id : 0 };
	if (note->text)
		snprintf(told->text, sizeof(told->text), "%s", note->text);
	return 0;
}

static int remember_task(void *ctx, const struct task *task, bool aside)
{
	struct play *p = ctx;

	*ADD(p->tasks, p->task_count) = (struct told_task){ *task, aside };
	return 0;
}

static int remember_piece(void *ctx, const struct interval *interval)
{
	struct play *p = ctx;

	*ADD(p->pieces, p->piece_count) = (struct piece){
		.tid = interval->thread->tid,
		.state = interval->state,
		.begin_ns = interval->begin_ns,
		.end_ns = interval->end_ns,
		.task = interval->task ? interval->task->id : 0,
		.region = interval->region,
	};
	for (size_t i = 0; interval->task && i < p->task_count; i++)
		assert_int_not_equal(p->tasks[i].task.id, interval->task->id); /* all was told */
	return 0;
}

struct play *play_filtered(const struct filter *filter)
{
	struct play *p = calloc(1, sizeof(*p));
	const struct sink sink = {
		.ctx = p,
		.interval = remember_piece,
		.note = remember_note,
		.task = remember_task,
	};

	p->scene = scene_filtered(filter);
	p->timeline = p->scene->timeline;
	timeline_split_tasks(p->timeline);
	assert_int_equal(timeline_attach(p->timeline, &sink), 0);
	return p;
}

struct play *play_new(void)
{
	return play_filtered(NULL);
}

void play_free(struct play *p)
{
	if (!p)
		return;
	scene_free(p->scene);
	free(p->notes);
	free(p->tasks);
	free(p->pieces);
	free(p);
}

void announces(struct play *p, u64 t, u32 tid, const struct trace_annotation *a, u16 kind)
{
	struct trace_event e = { .time_ns = t, .kind = kind, .annotation = *a };

	e.annotation.tid = tid;
	e.annotation.name = a->name ?: "";
	e.annotation.text = a->text ?: "";
	tells(p->scene, &e);
}

#define ANNOUNCES(p, t, tid, kind, ...) \
	announces(p, t, tid, &(struct trace_annotation){ __VA_ARGS__ }, kind)

void task_begins(struct play *p, u64 t, u32 tid, u64 task, const char *name)
{
	task_begins_in(p, t, tid, task, 0, name);
}

void task_begins_in(struct play *p, u64 t, u32 tid, u64 task, u64 parent, const char *name)
{
	ANNOUNCES(p, t, tid, EVENT_TASK_BEGIN, .task = task, .value = parent, .name = name);
}

void task_ends(struct play *p, u64 t, u32 tid, u64 task)
{
	ANNOUNCES(p, t, tid, EVENT_TASK_END, .task = task);
}

void task_enters(struct play *p, u64 t, u32 tid, u64 task)
{
	ANNOUNCES(p, t, tid, EVENT_TASK_ENTER, .task = task);
}

void task_leaves(struct play *p, u64 t, u32 tid, u64 task)
{
	ANNOUNCES(p, t, tid, EVENT_TASK_LEAVE, .task = task);
}

void region_begins(struct play *p, u64 t, u32 tid, const char *name)
{
	ANNOUNCES(p, t, tid, EVENT_REGION_BEGIN, .name = name);
}

void region_ends(struct play *p, u64 t, u32 tid, const char *name)
{
	ANNOUNCES(p, t, tid, EVENT_REGION_END, .name = name);
}

void logs(struct play *p, u64 t, u32 tid, u64 task, const char *category, const char *text)
{
	ANNOUNCES(p, t, tid, EVENT_LOG, .task = task, .name = category, .text = text);
}

void forks_process(struct play *p, u64 t, u32 pid)
{
	struct event_fork fork = {
		.tid = pid,
		.tgid = pid,
		.parent_tid = MAIN,
		.parent_tgid = MAIN,
		.comm = "child",
	};
	struct trace_event e = { .time_ns = t, .kind = EVENT_FORK, .fork = &fork };

	tells(p->scene, &e);
}

u64 misuses(const struct play *p, enum misuse misuse)
{
	return timeline_counts(p->timeline)->misuse[misuse];
}

u64 all_misuses(const struct play *p)
{
	u64 count = 0;

	for (int i = MISUSE_NONE + 1; i < MISUSE_COUNT; i++)
		count += misuses(p, i);
	return count;
}

const struct task *told_task(const struct play *p, u32 id)
{
	const struct task *task = NULL;

	for (size_t i = 0; i < p->task_count; i++) {
		if (p->tasks[i].task.id != id)
			continue;
		assert_null(task);
		task = &p->tasks[i].task;
	}
	assert_non_null(task);
	return task;
}

const char *name_of_task(const struct play *p, const struct task *task)
{
	return task_name(p->timeline, task);
}

const struct told_note *note_of(const struct play *p, enum event_kind kind, size_t n)
{
	for (size_t i = 0; i < p->note_count; i++)
		if (p->notes[i].note.kind == kind && !n--)
			return &p->notes[i];
	return NULL;
}

size_t notes_of(const struct play *p, enum event_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < p->note_count; i++)
		count += p->notes[i].note.kind == kind;
	return count;
}

u64 spent_ns(const struct play *p, u32 tid, enum thread_state state, u32 id)
{
	u64 ns = 0;

	for (size_t i = 0; i < p->piece_count; i++)
		if (p->pieces[i].tid == tid && p->pieces[i].state == state &&
		    p->pieces[i].task == id)
			ns += p->pieces[i].end_ns - p->pieces[i].begin_ns;
	return ns;
}

static bool has_partner(const struct note *note)
{
	if (note->how & NOTE_UNSEEN)
		return false;
	if (note->misuse == MISUSE_REGION_DEPTH || note->misuse == MISUSE_TOO_MANY ||
	    note->misuse == MISUSE_TASK_OVER)
		return false;
	return note->kind == EVENT_REGION_BEGIN || note->kind == EVENT_REGION_END || note->task;
}

static size_t partners(const struct play *p, u16 kind, const struct told_note *of)
{
	size_t count = 0;

	for (size_t i = 0; i < p->note_count; i++) {
		const struct note *note = &p->notes[i].note;

		if (note->kind != kind || note->thread != of->note.thread || !has_partner(note))
			continue;
		if (kind == EVENT_TASK_ENTER || kind == EVENT_TASK_LEAVE)
			count += p->notes[i].task == of->task;
		else
			count += note->name == of->note.name;
	}
	return count;
}

static void assert_note_is_paired(const struct play *p, const struct told_note *told)
{
	static const u16 other[EVENT_KIND_COUNT] = {
		[EVENT_TASK_ENTER] = EVENT_TASK_LEAVE,
		[EVENT_TASK_LEAVE] = EVENT_TASK_ENTER,
		[EVENT_REGION_BEGIN] = EVENT_REGION_END,
		[EVENT_REGION_END] = EVENT_REGION_BEGIN,
	};
	const u16 kind = told->note.kind;

	if (other[kind] && has_partner(&told->note))
		assert_int_equal(partners(p, kind, told), partners(p, other[kind], told));
}

void assert_pairs_hold(const struct play *p)
{
	for (size_t i = 0; i < p->note_count; i++) {
		assert_note_is_paired(p, &p->notes[i]);
		if (p->notes[i].task)
			told_task(p, p->notes[i].task);
	}
	for (size_t i = 0; i < p->piece_count; i++)
		if (p->pieces[i].task)
			told_task(p, p->pieces[i].task);
	for (size_t i = 0; i < p->task_count; i++)
		assert_true(p->tasks[i].task.end_ns >= p->tasks[i].task.begin_ns);
	assert_sums_hold(p->scene);
}
