// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * steps - what each thread is in right now: the tasks that it has entered, its regions
 *
 * Intervals are told later than what was announced in them, so a thread remembers the changes since
 * the last one that was told.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"
#include "user/model/track.h"

const struct task *steps_task(const struct thread *t)
{
	const struct steps *steps = t->steps;

	return steps && steps->entered_count ? steps->entered[steps->entered_count - 1] : NULL;
}

u32 steps_region(const struct thread *t)
{
	const struct steps *steps = t->steps;

	return steps && steps->region_count ? steps->regions[steps->region_count - 1].name : 0;
}

struct steps *steps_of(struct timeline *tl, struct thread *t)
{
	if (!t->steps)
		t->steps = calloc(1, sizeof(*t->steps));
	if (!t->steps)
		timeline_fail(tl, -ENOMEM);
	return t->steps;
}

void steps_free(struct timeline *tl, struct thread *t)
{
	struct steps *steps = t->steps;

	t->steps = NULL;
	if (!steps)
		return;
	task_unuse(tl, steps->told.task);
	for (u32 i = 0; i < steps->count; i++)
		task_unuse(tl, steps->list[steps->first + i].task);
	for (u32 i = 0; i < steps->region_count; i++)
		task_unuse(tl, steps->regions[i].task);
	free(steps->entered);
	free(steps->regions);
	free(steps->list);
	free(steps);
}

/* Remembers what holds from now on, for the interval that goes on. */
static void changed(struct timeline *tl, struct thread *t)
{
	struct steps *steps = t->steps;
	const struct step now = { tl->now_ns, steps_task(t), steps_region(t) };
	struct step *last = steps->count ? &steps->list[steps->first + steps->count - 1] : NULL;
	const struct task *before;

	if (!tl->splits)
		return;
	if (last && last->time_ns == tl->now_ns) {
		before = last->task;
		*last = now;
		task_use(now.task);
		task_unuse(tl, before);
		return;
	}
	if (steps->first && steps->first + steps->count == steps->room) {
		memmove(steps->list, steps->list + steps->first,
			steps->count * sizeof(*steps->list));
		steps->first = 0;
	}
	if (!grow(&steps->list, steps->first + steps->count, &steps->room, sizeof(*steps->list))) {
		timeline_fail(tl, -ENOMEM);
		return;
	}
	steps->list[steps->first + steps->count++] = now;
	task_use(now.task);
}

/* The first @count changes have been told: the last of them is what held then. */
static void forget_steps(struct timeline *tl, struct steps *steps, u32 count)
{
	struct step before = steps->told;

	if (!count)
		return;
	steps->told = steps->list[steps->first + count - 1];
	for (u32 i = 0; i + 1 < count; i++)
		task_unuse(tl, steps->list[steps->first + i].task);
	steps->count -= count;
	steps->first = steps->count ? steps->first + count : 0;
	task_unuse(tl, before.task);
}

bool steps_cut(struct timeline *tl, struct interval *piece, struct interval *interval)
{
	struct steps *steps = interval->thread->steps;
	const struct step *next;
	u32 used = 0;

	while (used < steps->count &&
	       steps->list[steps->first + used].time_ns <= interval->begin_ns)
		used++;
	forget_steps(tl, steps, used);
	interval->task = steps->told.task;
	interval->region = steps->told.region;
	/* Other regions of the same task cut nothing. */
	next = steps->list + steps->first;
	for (used = 0; used < steps->count && next[used].time_ns < interval->end_ns &&
		       next[used].task == steps->told.task;)
		used++;
	forget_steps(tl, steps, used);
	next = steps->list + steps->first;
	if (!steps->count || next->time_ns >= interval->end_ns)
		return false;
	*piece = *interval;
	piece->end_ns = interval->begin_ns = next->time_ns;
	piece->leave = LEAVE_RUNNING;
	piece->latency_ns = 0;
	piece->flags |= INTERVAL_CUT_END;
	interval->flags &= (u8)~INTERVAL_MIGRATED;
	interval->flags |= INTERVAL_CUT_BEGIN;
	return true;
}

bool steps_enter(struct timeline *tl, struct thread *t, struct task *task)
{
	struct steps *steps = t->steps;

	if (!grow(&steps->entered, steps->entered_count, &steps->entered_room,
		  sizeof(*steps->entered)) ||
	    task_enter(task, t, tl->now_ns) < 0) {
		timeline_fail(tl, -ENOMEM);
		return false;
	}
	steps->entered[steps->entered_count++] = task;
	changed(tl, t);
	return true;
}

u32 steps_entered(const struct thread *t, const struct task *task)
{
	u32 at = t->steps->entered_count;

	while (at > 0 && t->steps->entered[at - 1] != task)
		at--;
	return at;
}

void steps_leave(struct timeline *tl, struct thread *t, u32 at)
{
	struct steps *steps = t->steps;

	task_leave(steps->entered[at - 1], t, tl->now_ns);
	memmove(&steps->entered[at - 1], &steps->entered[at],
		(steps->entered_count - at) * sizeof(*steps->entered));
	steps->entered_count--;
	changed(tl, t);
}

/* How many regions with that name are open in a process. */
static u64 *open_count(struct timeline *tl, const struct thread *t, u32 name)
{
	u64 *slot = map_put(&tl->regions_open, (u64)t->process->id << 32 | name);

	if (!slot)
		timeline_fail(tl, -ENOMEM);
	return slot;
}

static bool is_open_elsewhere(const struct timeline *tl, const struct thread *t, u32 name)
{
	return name && map_get(&tl->regions_open, (u64)t->process->id << 32 | name);
}

static bool open_region(struct timeline *tl, struct thread *t, const struct note *note)
{
	struct steps *steps = t->steps;
	u64 *open = open_count(tl, t, note->name);

	if (!open || !grow(&steps->regions, steps->region_count, &steps->region_room,
			   sizeof(*steps->regions))) {
		timeline_fail(tl, -ENOMEM);
		return false;
	}
	++*open;
	steps->regions[steps->region_count++] = (struct region_open){
		.name = note->name,
		.stack = note->stack,
		.process = t->process->id,
		.begin_ns = note->time_ns,
		.task = note->task,
	};
	task_use(note->task);
	changed(tl, t);
	return true;
}

void region_opens(struct timeline *tl, struct thread *t, const struct trace_annotation *a,
		  struct note *note)
{
	struct steps *steps = t->steps;

	if (a->flags & ANNOTATION_RESTATED) {
		note->time_ns = min(a->since_ns, tl->now_ns);
		for (u32 i = 0; i < steps->region_count; i++)
			if (steps->regions[i].begin_ns == note->time_ns &&
			    steps->regions[i].name == note->name)
				return;
	}
	note->depth = (u16)steps->region_count;
	if (steps->region_count >= REGIONS_MAX)
		note->misuse = MISUSE_REGION_DEPTH;
	else if (!open_region(tl, t, note))
		return;
	emit_note(tl, note);
}

/* Ends the open region @at - 1, as @note says why. */
static void close_region(struct timeline *tl, struct thread *t, u32 at, struct note *note)
{
	struct steps *steps = t->steps;
	const struct region_open region = steps->regions[at - 1];
	u64 key = (u64)region.process << 32 | region.name;
	u64 *open = map_get(&tl->regions_open, key);

	if (open && !--*open)
		map_remove(&tl->regions_open, key);
	note->name = region.name;
	note->stack = region.stack;
	note->task = region.task;
	note->begin_ns = region.begin_ns;
	note->depth = (u16)(at - 1);
	memmove(&steps->regions[at - 1], &steps->regions[at],
		(steps->region_count - at) * sizeof(*steps->regions));
	steps->region_count--;
	changed(tl, t);
	emit_note(tl, note);
	task_unuse(tl, region.task);
}

void region_closes(struct timeline *tl, struct thread *t, const struct trace_annotation *a,
		   struct note *note)
{
	struct steps *steps = t->steps;
	u32 at = steps->region_count;

	while (at > 0 && *a->name && steps->regions[at - 1].name != note->name)
		at--;
	if (at) {
		if (at != steps->region_count)
			note->misuse = MISUSE_REGION_ORDER;
		close_region(tl, t, at, note);
		return;
	}
	note->how |= NOTE_UNSEEN;
	note->begin_ns = tl->start_ns;
	if (steps->forked_regions)
		steps->forked_regions--;
	else if (is_open_elsewhere(tl, t, note->name))
		note->misuse = MISUSE_REGION_THREAD;
	else if (t->begin_ns > tl->start_ns)
		note->misuse = MISUSE_REGION_UNBEGUN; /* else it may be older than the recording */
	emit_note(tl, note);
}

/* The new process goes on where its parent was, and will end what that is in: no misuse. */
void steps_fork(struct timeline *tl, const struct thread *parent, struct thread *child)
{
	const struct steps *from = parent->steps;

	if (!from || !(from->region_count + from->forked_regions + from->entered_count) ||
	    !steps_of(tl, child))
		return;
	child->steps->forked_regions = from->region_count + from->forked_regions;
	child->steps->forked_tasks = from->entered_count + from->forked_tasks;
}

void steps_end(struct timeline *tl, struct thread *t, u8 how)
{
	struct steps *steps = t->steps;

	while (steps && steps->region_count) {
		struct note note = {
			.kind = EVENT_REGION_END,
			.misuse = how & NOTE_UNFINISHED ? MISUSE_NONE : MISUSE_REGION_UNENDED,
			.how = how | NOTE_IMPLIED,
			.thread = t,
			.time_ns = tl->now_ns,
		};

		close_region(tl, t, steps->region_count, &note);
	}
	while (steps && steps->entered_count)
		leave_implied(tl, t, steps->entered[steps->entered_count - 1], how);
	if (steps)
		steps->forked_regions = steps->forked_tasks = 0;
}
