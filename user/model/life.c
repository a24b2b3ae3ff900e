// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* life - how threads come to be known, begin, become another program, and end */
#include <errno.h>
#include <stdlib.h>

#include "user/model/track.h"

static struct thread *add(struct timeline *tl, u32 tid, u32 pid)
{
	struct thread *t = thread_add(&tl->threads, tid, pid);

	if (!t)
		timeline_fail(tl, -ENOMEM);
	return t;
}

/* Gives a new thread what the timeline needs to follow it. Return: false without memory. */
static bool follow(struct timeline *tl, struct thread *t, enum thread_state state, u64 since_ns)
{
	struct track *k = t->track ?: calloc(1, sizeof(*k));

	if (!k) {
		timeline_fail(tl, -ENOMEM);
		return false;
	}
	if (t->track)
		join_free(tl, t);
	*k = (struct track){ .state = state, .since_ns = since_ns, .cpu = CPU_UNKNOWN };
	k->call.syscall = SYSCALL_NONE;
	k->why = WHY_FOUND;
	wait_from_event(&k->wait, LEAVE_SLEEPING, WAIT_OTHER, SYSCALL_NONE, 0, 0, 0);
	t->track = k;
	return true;
}

static void begin(struct timeline *tl, struct thread *t, u64 begin_ns)
{
	t->target = true;
	t->flags &= ~THREAD_FOREIGN;
	t->begin_ns = begin_ns;
	process_lives(t->process, begin_ns);
	emit_thread(tl, t, THREAD_BEGINS, begin_ns);
}

static struct thread *add_target(struct timeline *tl, u32 tid, u32 pid, enum thread_state state,
				 u64 begin_ns)
{
	struct thread *t = add(tl, tid, pid);

	if (t && !follow(tl, t, state, begin_ns))
		return NULL;
	return t;
}

/* What the thread does is held back until it is known whose it is. */
static struct thread *add_held(struct timeline *tl, u32 tid, enum thread_state before)
{
	struct thread *t = add_target(tl, tid, 0, before, tl->start_ns);

	if (!t)
		return NULL;
	t->track->found = true;
	t->track->hold = calloc(1, sizeof(*t->track->hold));
	if (!t->track->hold)
		timeline_fail(tl, -ENOMEM);
	return t;
}

static bool may_be_announced(const struct timeline *tl)
{
	return tl->now_ns <= tl->start_ns + HOLD_UNTIL_NS;
}

struct thread *life_named(struct timeline *tl, u32 tid)
{
	struct thread *t = thread_find(&tl->threads, tid);

	if (t || !tid)
		return t;
	t = add(tl, tid, 0);
	if (t)
		t->flags = THREAD_FOREIGN;
	return t;
}

struct thread *life_seen(struct timeline *tl, u32 tid, enum thread_state before)
{
	struct thread *t = thread_find(&tl->threads, tid);

	if (t || !tid)
		return t;
	return may_be_announced(tl) ? add_held(tl, tid, before) : life_named(tl, tid);
}

struct thread *life_evident(struct timeline *tl, u32 tid)
{
	struct thread *t = thread_find(&tl->threads, tid);

	if (!tid)
		return NULL;
	if (!t && may_be_announced(tl))
		t = add_held(tl, tid, STATE_RUNNING);
	else if (!t)
		t = add(tl, tid, 0);
	if (!t || t->target)
		return t;
	if (t->track && t->track->hold) {
		if (!t->track->hold->evident) {
			t->track->hold->evident = true;
			t->track->hold->evident_ns = tl->now_ns;
		}
		return t;
	}
	/* Its announcement was lost, or it was taken for foreign: observed from now on. */
	if (!follow(tl, t, STATE_RUNNING, tl->now_ns))
		return NULL;
	begin(tl, t, tl->now_ns);
	return t;
}

void life_became_foreign(struct timeline *tl, struct thread *t)
{
	hold_free(tl, t);
	t->target = false;
	t->flags |= THREAD_FOREIGN;
}

void life_end(struct timeline *tl, struct thread *t, u64 end_ns)
{
	struct track *k = t->track;

	if (k->hold) {
		if (!k->hold->evident && t->exited) {
			k->hold->evident = true;
			k->hold->evident_ns = end_ns;
		}
		hold_decide(tl, t);
	}
	if (k->cpu < tl->cpu_room && tl->cpus[k->cpu].running == t)
		tl->cpus[k->cpu].running = NULL;
	t->end_ns = end_ns;
	steps_end(tl, t, 0);
	emit_thread(tl, t, THREAD_ENDS, end_ns);
	thread_forget(&tl->threads, t);
	if (t->target && !--t->process->alive)
		tasks_end(tl, t->process);
	join_free(tl, t);
	steps_free(tl, t);
	t->track = NULL;
	free(k);
}

/* The end of a living thread was not seen: as far as it can be known, it ended until now. */
static void end_was_lost(struct timeline *tl, struct thread *t)
{
	u64 gap_ns = gaps_first(&tl->gaps, t->track->since_ns, tl->now_ns);

	t->repaired++;
	tl->counts.repaired++;
	if (gap_ns != UINT64_MAX)
		state_unknown(tl, t, gap_ns);
	state_close(tl, t, tl->now_ns, INTERVAL_CUT_END);
	life_end(tl, t, tl->now_ns);
}

static void forget_old(struct timeline *tl, u32 tid)
{
	struct thread *old = thread_find(&tl->threads, tid);

	if (!old)
		return;
	if (is_tracked(old) && (old->target || old->track->hold->evident))
		end_was_lost(tl, old);
	else if (is_tracked(old))
		life_became_foreign(tl, old);
	if (!old->target)
		thread_forget(&tl->threads, old);
}

static void set_process(struct timeline *tl, struct thread *t, u32 pid)
{
	struct process *process = pid ? process_get(&tl->threads, pid) : t->process;

	if (!process) {
		timeline_fail(tl, -ENOMEM);
		return;
	}
	if (t->target && !t->end_ns) {
		t->process->alive--;
		process_lives(process, t->begin_ns);
	}
	t->process = process;
}

static void rename_thread(struct timeline *tl, struct thread *t, const char *comm)
{
	u32 before = t->name;

	timeline_fail(tl, thread_rename(&tl->threads, t, comm));
	if (t->name != before && is_tracked(t))
		emit_thread(tl, t, THREAD_RENAMED, tl->now_ns);
}

static void set_parent(struct timeline *tl, struct thread *t, u32 parent_pid)
{
	struct process *parent = parent_pid ? process_of_pid(&tl->threads, parent_pid) : NULL;

	if (t->process->pid && !t->process->parent && parent != t->process)
		t->process->parent = parent;
}

static void describe(struct timeline *tl, struct thread *t, const struct event_thread *e)
{
	set_process(tl, t, e->tgid);
	set_parent(tl, t, e->parent_tgid);
	t->ns_tid = e->ns_tid;
	t->priority = e->priority;
	t->flags |= e->flags & (THREAD_KERNEL | THREAD_COMPAT);
	rename_thread(tl, t, e->comm);
}

static void set_announced_state(struct track *k, const struct event_thread *e)
{
	k->unsure = true;
	if (k->join)
		join_runs(k->join);
	if (e->state == LEAVE_RUNNING) {
		k->state = STATE_RUNNING;
	} else if (e->state == LEAVE_PREEMPTED || e->state == LEAVE_YIELDED) {
		k->state = STATE_RUNNABLE;
	} else {
		k->state = STATE_BLOCKED;
		wait_from_event(&k->wait, e->state, e->wait_kind, e->syscall, e->object, e->address,
				e->futex_op);
	}
}

/* A thread of the target that nothing was known of */
static void announce(struct timeline *tl, const struct event_thread *e, u16 cpu)
{
	bool restated = e->flags & THREAD_RESTATED;
	u64 begin_ns = restated ? tl->now_ns : max(tl->start_ns, min(e->start_ns, tl->now_ns));
	struct thread *t;

	forget_old(tl, e->tid);
	if (e->state == LEAVE_DEAD)
		return;
	t = add_target(tl, e->tid, e->tgid, STATE_UNKNOWN, begin_ns);
	if (!t)
		return;
	set_announced_state(t->track, e);
	if (restated)
		t->track->cpu = cpu; /* else it is where the announcement was made */
	t->track->found = restated || e->start_ns <= tl->start_ns;
	describe(tl, t, e);
	begin(tl, t, begin_ns);
}

void on_thread(struct timeline *tl, const struct trace_event *event)
{
	const struct event_thread *e = event->thread;
	struct thread *t = thread_find(&tl->threads, e->tid);
	bool restated = e->flags & THREAD_RESTATED;

	if (!e->tid)
		return;
	if (e->flags & THREAD_FOREIGN) {
		t = life_named(tl, e->tid);
		if (t && t->track && t->track->hold && !t->track->hold->evident)
			life_became_foreign(tl, t);
		if (t)
			describe(tl, t, e);
	} else if (!t || !is_tracked(t)) {
		announce(tl, e, event->cpu);
	} else if (t->track->hold) {
		describe(tl, t, e);
		hold_confirm(tl, t, max(tl->start_ns, min(e->start_ns, tl->now_ns)));
	} else {
		describe(tl, t, e);
		if (restated && t->track->state == STATE_UNKNOWN && e->state != LEAVE_DEAD) {
			state_close(tl, t, tl->now_ns, 0);
			set_announced_state(t->track, e);
		}
	}
}

void on_fork(struct timeline *tl, const struct trace_event *event)
{
	const struct event_fork *e = event->fork;
	const struct thread *parent;
	struct thread *t;

	emit_program(tl, event);
	if (!e->tid)
		return;
	forget_old(tl, e->tid);
	if (e->tid == e->tgid)
		process_forget(&tl->threads, e->tgid);
	if (e->flags & THREAD_FOREIGN) {
		t = add(tl, e->tid, e->tgid);
		if (!t)
			return;
		t->flags = e->flags;
		timeline_fail(tl, thread_rename(&tl->threads, t, e->comm));
		return;
	}
	t = add_target(tl, e->tid, e->tgid, STATE_RUNNABLE, tl->now_ns);
	if (!t)
		return;
	t->track->why = WHY_NEW;
	t->flags = e->flags & (THREAD_KERNEL | THREAD_COMPAT);
	t->ns_tid = e->ns_tid;
	t->priority = e->priority;
	if (e->tid == e->tgid) {
		set_parent(tl, t, e->parent_tgid);
		parent = thread_find(&tl->threads, e->parent_tid);
		if (parent)
			steps_fork(tl, parent, t);
	}
	timeline_fail(tl, thread_rename(&tl->threads, t, e->comm));
	begin(tl, t, tl->now_ns);
}

/* All other threads of the process die with an exec; who is still exiting ends by itself. */
static void end_siblings(struct timeline *tl, const struct thread *t)
{
	for (u32 i = 0; i < tl->threads.count; i++) {
		struct thread *other = tl->threads.threads[i];

		if (other == t || other->process != t->process || !is_tracked(other))
			continue;
		if (other->track->exiting)
			continue;
		state_close(tl, other, tl->now_ns, 0);
		life_end(tl, other, tl->now_ns);
	}
}

void on_exec(struct timeline *tl, const struct trace_event *event)
{
	const struct trace_exec *e = &event->exec;
	struct thread *t = life_evident(tl, e->old_tid ?: e->tid);
	struct thread *leader;

	emit_program(tl, event);
	if (!t)
		return;
	if (t->tid != e->tid && e->tid) {
		leader = thread_find(&tl->threads, e->tid);
		if (leader && is_tracked(leader)) {
			state_close(tl, leader, tl->now_ns, 0);
			life_end(tl, leader, tl->now_ns);
		}
		t->ns_tid = leader ? leader->ns_tid : 0;
		timeline_fail(tl, thread_move(&tl->threads, t, e->tid));
		t->track->execed = true;
		/* The leader's end took the process's number with it. */
		set_process(tl, t, e->tid);
	}
	state_must_run(tl, t, event->cpu);
	if (t->process->pid && t->process->alive > 1)
		end_siblings(tl, t);
	steps_end(tl, t, 0);
	tasks_end(tl, t->process);
	emit_thread(tl, t, THREAD_EXECS, tl->now_ns);
}

void on_exit_event(struct timeline *tl, const struct trace_event *event)
{
	struct thread *t = life_seen(tl, event->exit.tid, STATE_RUNNING);

	if (!t || !is_tracked(t))
		return;
	set_process(tl, t, event->exit.tgid);
	state_must_run(tl, t, event->cpu);
	t->track->exiting = true;
	t->exited = true;
	t->exit_code = event->exit.exit_code;
}

void on_name(struct timeline *tl, const struct trace_event *event)
{
	const struct event_name *e = &event->name;
	struct thread *t;

	if (!e->tid)
		return;
	t = life_named(tl, e->tid);
	if (!t)
		return;
	if (e->flags & THREAD_FOREIGN && t->track && t->track->hold && !t->track->hold->evident)
		life_became_foreign(tl, t);
	set_process(tl, t, e->tgid);
	rename_thread(tl, t, e->comm);
}
