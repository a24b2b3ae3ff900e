// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * join - stacks to the waits that they belong to
 *
 * The kernel side takes the stack of a wait when the call that it was in ends, because only then
 * it is known whether the wait was long enough. So a finished wait is not told before its call's
 * end was seen, or before it is clear that nothing comes: the thread waits in another call, ends,
 * or becomes another program. What the thread did meanwhile is held back with it: the order in
 * which the sinks get what one thread did is the same with and without stacks.
 */
#include <errno.h>
#include <stdlib.h>

#include "user/model/track.h"

/* Between a stack and the event that it is told just before; longer, and that one was lost. */
#define NOTE_UNTIL_NS NSEC_PER_MSEC

#define ROOM_FIRST 4
#define ROOM_KEPT  16

static struct join *join_of(struct timeline *tl, struct thread *t)
{
	struct join *join = t->track->join ?: calloc(1, sizeof(*join));

	if (!join)
		timeline_fail(tl, -ENOMEM);
	return t->track->join = join;
}

void join_free(struct timeline *tl, struct thread *t)
{
	struct join *join = t->track->join;

	t->track->join = NULL;
	if (!join)
		return;
	tl->joined -= join->count;
	for (u32 i = 0; i < join->count; i++)
		held_unuse(tl, &join->items[i]);
	free(join->items);
	free(join);
}

void join_flush(struct timeline *tl, struct thread *t)
{
	struct join *join = t->track->join;
	u32 count = join ? join->count : 0;

	if (!count)
		return;
	join->count = 0;
	join->over = false;
	tl->joined -= count;
	for (u32 i = 0; i < count; i++) {
		tell_held(tl, &join->items[i]);
		held_unuse(tl, &join->items[i]);
	}
	if (join->room <= ROOM_KEPT)
		return;
	free(join->items);
	join->items = NULL;
	join->room = 0;
}

/* Room for one more; NULL without memory. */
static struct held *add(struct timeline *tl, struct thread *t)
{
	struct join *join = t->track->join;
	struct held *items;
	u32 room;

	if (join->count >= JOIN_MAX || tl->joined >= JOIN_ALL_MAX)
		join_flush(tl, t);
	if (join->count == join->room) {
		room = join->room ? join->room * 2 : ROOM_FIRST;
		items = reallocarray(join->items, room, sizeof(*items));
		if (!items) {
			timeline_fail(tl, -ENOMEM);
			return NULL;
		}
		join->items = items;
		join->room = room;
	}
	tl->joined++;
	return &join->items[join->count++];
}

/* Whether @interval is the scheduler wait that ends a wait. */
static bool is_woken(const struct interval *interval)
{
	return interval->state == STATE_RUNNABLE && interval->why == WHY_WOKEN;
}

bool join_interval(struct timeline *tl, const struct interval *interval)
{
	struct thread *t = (struct thread *)interval->thread;
	bool waits = interval->state == STATE_BLOCKED;
	struct join *join = t->track->join;
	struct held *held;

	if (join && join->count &&
	    ((join->over && !is_woken(interval)) ||
	     (waits && interval->wait.syscall != join->syscall)))
		join_flush(tl, t);
	if (!waits && (!join || !join->count))
		return false;
	join = join_of(tl, t);
	held = join ? add(tl, t) : NULL;
	if (!held)
		return false;
	held->type = HELD_INTERVAL;
	held->interval = *interval;
	held_use(held);
	if (waits) {
		join->syscall = interval->wait.syscall;
		join->over = join->syscall == SYSCALL_NONE;
	}
	return true;
}

bool join_call(struct timeline *tl, const struct call *call)
{
	struct thread *t = (struct thread *)call->thread;
	struct join *join = t->track->join;
	struct held *held;

	if (!join || !join->count)
		return false;
	if (join->over) { /* that was an earlier call */
		join_flush(tl, t);
		return false;
	}
	held = add(tl, t);
	if (!held)
		return false;
	held->type = HELD_CALL;
	held->call = *call;
	held_use(held);
	if (call->args)
		memcpy(held->args, call->args, sizeof(held->args));
	join->over = true;
	return true;
}

static void fill(struct where *where, const struct event_wait_stack *e)
{
	where->user = e->user_stack ?: where->user;
	where->kernel = e->kernel_stack ?: where->kernel;
}

static void fill_lock(struct lock_seen *lock, const struct event_wait_stack *e)
{
	if (e->lock_word || e->lock_owner || e->lock_kind || e->lock_users)
		*lock = (struct lock_seen){
			.known = true,
			.word = e->lock_word,
			.owner = e->lock_owner,
			.kind = e->lock_kind,
			.users = e->lock_users,
		};
}

static void fill_interval(struct interval *interval, const struct event_wait_stack *e)
{
	fill(&interval->where, e);
	if (interval->wait.address)
		fill_lock(&interval->lock, e);
}

static bool is_of_wait(const struct held *held)
{
	return held->type == HELD_INTERVAL &&
	       (held->interval.state == STATE_BLOCKED || is_woken(&held->interval));
}

/* All waits inside a call since it began */
static void fill_call(struct held *items, u32 count, const struct event_wait_stack *e)
{
	for (u32 i = 0; i < count; i++)
		if (is_of_wait(&items[i]) && items[i].interval.wait.syscall != SYSCALL_NONE &&
		    items[i].interval.begin_ns >= e->enter_ns)
			fill_interval(&items[i].interval, e);
}

/* The wait that ended just now, and the scheduler wait behind it */
static void fill_last(struct timeline *tl, struct held *items, u32 count,
		      const struct event_wait_stack *e)
{
	if (!count || !is_of_wait(&items[count - 1]) ||
	    items[count - 1].interval.end_ns + NOTE_UNTIL_NS < tl->now_ns)
		return;
	fill_interval(&items[count - 1].interval, e);
	if (is_woken(&items[count - 1].interval) && count > 1 && is_of_wait(&items[count - 2]) &&
	    items[count - 2].interval.state == STATE_BLOCKED)
		fill_interval(&items[count - 2].interval, e);
}

static void take_note(struct timeline *tl, struct join_note *note, const struct trace_event *event)
{
	*note = (struct join_note){
		.set = true,
		.cpu = event->cpu,
		.time_ns = tl->now_ns,
		.told = event->wait_stack,
	};
}

static bool use_note(struct timeline *tl, struct join_note *note, u16 cpu)
{
	bool fits = note->set && note->cpu == cpu && tl->now_ns - note->time_ns <= NOTE_UNTIL_NS;

	note->set = false;
	return fits;
}

/* A wait or preemption that goes on */
static void fill_present(const struct track *k, const struct event_wait_stack *e)
{
	fill(&k->join->where, e);
	if (k->state == STATE_BLOCKED && k->wait.address)
		fill_lock(&k->join->lock, e);
}

void join_leaves(struct timeline *tl, struct thread *t, u16 cpu)
{
	struct join *join = t->track->join;

	if (join && use_note(tl, &join->leave, cpu))
		fill_present(t->track, &join->leave.told);
}

void join_woken(struct timeline *tl, struct join *join, u16 cpu, bool early)
{
	struct where *where = early ? &join->early : &join->where;

	where->waker_user = where->waker_kernel = 0;
	if (!use_note(tl, &join->waking, cpu))
		return;
	where->waker_user = join->waking.told.user_stack;
	where->waker_kernel = join->waking.told.kernel_stack;
}

void join_runs(struct join *join)
{
	join->where = (struct where){ 0 };
	join->lock = (struct lock_seen){ 0 };
	join->leave.set = false;
	join->waking.set = false;
}

static bool is_waiting(const struct track *k)
{
	return k->state == STATE_BLOCKED || k->state == STATE_RUNNABLE;
}

void on_wait_stack(struct timeline *tl, const struct trace_event *event)
{
	const struct event_wait_stack *e = &event->wait_stack;
	struct thread *t;
	struct join *join;
	struct hold *hold;

	tl->joins = !tl->ignores_stacks;
	switch (e->moment) {
	case STACK_AT_CALL_END:
	case STACK_AT_LEAVE: t = call_ends(tl, e->tid, event->cpu); break;
	case STACK_AT_WAKING: t = life_seen(tl, e->tid, STATE_BLOCKED); break;
	default: t = life_evident(tl, e->tid);
	}
	join = tl->joins && t && is_tracked(t) ? join_of(tl, t) : NULL;
	if (!join)
		return;
	hold = t->track->hold;
	switch (e->moment) {
	case STACK_AT_CALL_END:
		fill_call(join->items, join->count, e);
		if (hold)
			fill_call(hold->items, hold->count, e);
		join_flush(tl, t);
		break;
	case STACK_AT_LEAVE: take_note(tl, &join->leave, event); break;
	case STACK_AT_WAKING: take_note(tl, &join->waking, event); break;
	case STACK_AT_ENTER:
		if (is_waiting(t->track))
			fill_present(t->track, e);
		else if (t->track->state != STATE_RUNNING)
			break;
		else if (hold)
			fill_last(tl, hold->items, hold->count, e);
		else
			fill_last(tl, join->items, join->count, e);
		break;
	case STACK_AT_END:
		if (is_waiting(t->track))
			fill_present(t->track, e);
		break;
	default: break; /* of a later tracer */
	}
}
