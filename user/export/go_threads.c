// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* go_threads - goroutines, Ms and Ps, and the steps that Go's readers accept of them */
#include "user/export/go_play.h"

#include <stdlib.h>
#include <string.h>

#define LIFE_BITS    22  /* tids are below */
#define SEQUENCE_MAX 127 /* what takes one byte; beyond, a status is said again: shorter in sum */

u64 go_reason_id(struct go_play *play, enum go_reason reason)
{
	return go_wire_use_string(&play->wire, play->reasons[reason]);
}

u64 go_stack_id(struct go_play *play, const struct go_place *place)
{
	return go_wire_use_stack(&play->wire, go_stack_of(&play->stacks, place));
}

u32 go_said(struct go_play *play, enum go_said what)
{
	return go_stack_of(&play->stacks, &(struct go_place){ .leaf = play->frames[what] });
}

u64 go_bare_id(struct go_play *play, const struct go_thread *t)
{
	return go_wire_use_stack(&play->wire, t->bare);
}

/* Ids: tids as far as it goes. A tid that comes again is another goroutine. */
static u64 new_id(struct go_play *play, u32 tid)
{
	u64 *lives = map_put(&play->lives, tid), life;

	if (!lives) {
		play->wire.failed = true;
		return tid;
	}
	life = (*lives)++;
	/* go tool trace has rows of its own with these. */
	if (tid >= 1000000 && tid <= 1000005)
		life++;
	return tid + (life << LIFE_BITS);
}

static struct go_thread *new_thread(struct go_play *play, u32 number)
{
	const struct thread_table *table = timeline_threads(play->export->known);
	const struct thread *known =
		number && number <= table->count ? table->threads[number - 1] : NULL;
	struct go_thread *t = calloc(1, sizeof(*t));

	if (!t) {
		play->wire.failed = true;
		return NULL;
	}
	t->id = known ? new_id(play, known->tid) : 0;
	t->stream.m = t->id;
	t->root = known ? go_frame_thread(&play->stacks, known) : play->frames[GO_SAID_FOUND];
	t->bare = go_stack_of(&play->stacks, &(struct go_place){ .root = t->root });
	return t;
}

struct go_thread *go_thread_of(struct go_play *play, u32 number)
{
	u32 room = play->thread_room ?: 64;
	struct go_thread **threads;

	while (room <= number)
		room *= 2;
	if (room != play->thread_room) {
		threads = reallocarray(play->threads, room, sizeof(struct go_thread *));
		if (!threads) {
			play->wire.failed = true;
			return NULL;
		}
		memset(threads + play->thread_room, 0,
		       (room - play->thread_room) * sizeof(struct go_thread *));
		play->threads = threads;
		play->thread_room = room;
	}
	if (!play->threads[number])
		play->threads[number] = new_thread(play, number);
	return play->threads[number];
}

struct go_thread *go_born(const struct go_play *play, u32 number)
{
	struct go_thread *t = number < play->thread_room ? play->threads[number] : NULL;

	return t && t->state != GO_NONE && t->state != GO_DEAD ? t : NULL;
}

static struct go_proc *proc_of(struct go_play *play, u32 number)
{
	u32 room = play->proc_room ?: 16;
	struct go_proc *procs;

	while (room <= number)
		room *= 2;
	if (room != play->proc_room) {
		procs = reallocarray(play->procs, room, sizeof(*procs));
		if (!procs) {
			play->wire.failed = true;
			return NULL;
		}
		memset(procs + play->proc_room, 0, (room - play->proc_room) * sizeof(*procs));
		play->procs = procs;
		play->proc_room = room;
	}
	return &play->procs[number];
}

/*
 * Sequence numbers begin anew with each generation, and only behind a status; whoever has none in
 * this generation needs none.
 */
u64 go_proc_next(struct go_play *play, struct go_thread *t, u32 number)
{
	struct go_proc *proc = &play->procs[number];

	if (proc->generation != play->wire.generation || proc->sequence >= SEQUENCE_MAX) {
		GO_EVENT(play, t, GO_PROC_STATUS, number, proc->holder ? 1 : 2);
		proc->generation = play->wire.generation;
		proc->sequence = 0;
	}
	return ++proc->sequence;
}

/* @on: whose stream the status is written to */
static u64 next_of_thread(struct go_play *play, struct go_thread *t, struct go_thread *on)
{
	if (t->generation != play->wire.generation || t->sequence >= SEQUENCE_MAX) {
		GO_EVENT(play, on, GO_STATUS, t->id, GO_NOBODY, t->state == GO_WAITING ? 4 : 1);
		t->generation = play->wire.generation;
		t->sequence = 0;
	}
	return ++t->sequence;
}

void go_release(struct go_play *play, struct go_thread *t)
{
	if (!t->proc)
		return;
	GO_EVENT_BARE(play, t, GO_PROC_STOP);
	play->procs[t->proc - 1].holder = 0;
	t->proc = 0;
}

void go_stop(struct go_play *play, struct go_thread *t, enum go_reason reason, u64 stack)
{
	GO_EVENT(play, t, GO_STOP, go_reason_id(play, reason), stack);
	t->state = GO_RUNNABLE;
	go_release(play, t);
}

void go_block(struct go_play *play, struct go_thread *t)
{
	u64 stack = go_wire_use_stack(&play->wire, t->wait_stack);

	if (t->wait_reason == GO_REASON_COUNT) {
		GO_EVENT(play, t, GO_SYSCALL_BEGIN, go_proc_next(play, t, t->proc - 1), stack);
		t->state = GO_SYSCALL;
	} else {
		GO_EVENT(play, t, GO_BLOCK, go_reason_id(play, (enum go_reason)t->wait_reason),
			 stack);
		t->state = GO_WAITING;
	}
	go_release(play, t);
}

void go_away(struct go_play *play, struct go_thread *t, enum go_said why)
{
	const struct go_place place = { .root = t->root, .leaf = play->frames[why] };

	t->wait_stack = go_stack_of(&play->stacks, &place);
	t->wait_reason = GO_REASON_OTHER;
	t->away = true;
	go_block(play, t);
}

/* @t, number @id, has the P from now on. Return: false without memory. */
static bool hold(struct go_play *play, struct go_thread *t, u32 id, u32 number)
{
	struct go_proc *proc = proc_of(play, number);
	struct go_thread *holder;

	if (!proc)
		return false;
	if (proc->holder == id + 1)
		return true;
	holder = proc->holder ? play->threads[proc->holder - 1] : NULL;
	if (holder && holder->state == GO_RUNNING)
		go_away(play, holder, GO_SAID_LOST);
	else if (holder)
		go_release(play, holder);
	GO_EVENT(play, t, GO_PROC_START, number, go_proc_next(play, t, number));
	proc->holder = id + 1;
	t->proc = number + 1;
	return true;
}

void go_create(struct go_play *play, struct go_thread *t, struct go_thread *by)
{
	struct go_thread *us = go_thread_of(play, 0);

	if (!us || t->state != GO_NONE)
		return;
	if (!by || by->state != GO_RUNNING) {
		by = us;
		if (!hold(play, us, 0, play->cpus))
			return;
	}
	GO_EVENT(play, by, GO_CREATE, t->id, go_bare_id(play, t), go_bare_id(play, by));
	t->state = GO_RUNNABLE;
	t->generation = play->wire.generation;
	t->sequence = 0;
}

/* The profiles of readers before 1.26 take no notice of a change that has no stack. */
static void say_again(struct go_play *play, struct go_thread *t, u64 m, u64 status, u32 stack)
{
	if (play->wire.version < 23)
		return;
	GO_EVENT(play, t, GO_STATUS_STACK, t->id, m, status, go_wire_use_stack(&play->wire, stack));
	t->generation = play->wire.generation;
	t->sequence = 0;
}

void go_unblock(struct go_play *play, struct go_thread *t, struct go_thread *by, u32 stack)
{
	if (t->state != GO_SYSCALL) {
		GO_EVENT(play, by, GO_UNBLOCK, t->id, next_of_thread(play, t, by),
			 go_wire_use_stack(&play->wire, stack));
	} else {
		GO_EVENT_BARE(play, t, GO_SYSCALL_END_BLOCKED);
		say_again(play, t, GO_NOBODY, 1, t->wait_stack);
	}
	t->state = GO_RUNNABLE;
	t->away = false;
}

void go_run(struct go_play *play, struct go_thread *t, u32 id, u32 number)
{
	struct go_thread *us = go_thread_of(play, 0);

	if (t->state == GO_RUNNING && t->proc == number + 1)
		return;
	if (t->state == GO_RUNNING)
		go_stop(play, t, GO_REASON_PREEMPTED, go_bare_id(play, t));
	if (t->state == GO_NONE)
		go_create(play, t, NULL);
	if (us && (t->state == GO_WAITING || t->state == GO_SYSCALL))
		go_unblock(play, t, us, go_said(play, GO_SAID_UNSEEN));
	if (t->state != GO_RUNNABLE || !hold(play, t, id, number))
		return;
	GO_EVENT(play, t, GO_START, t->id, next_of_thread(play, t, t));
	t->state = GO_RUNNING;
	say_again(play, t, t->id, 2, t->bare);
}

void go_run_somewhere(struct go_play *play, struct go_thread *t, u32 id)
{
	if (t->state != GO_RUNNING)
		go_run(play, t, id, play->cpus);
}
