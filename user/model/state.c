// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * state - the transitions of a thread: running, runnable, blocked, and unknown
 *
 * A blocked interval is final only at the switch-in: its waking may be yet to come, or may
 * have come about a microsecond before the switch-out. So the blocked and the runnable part
 * of a wait are told together, when the thread runs again.
 */
#include <string.h>

#include "user/model/track.h"

static struct interval interval_of(const struct thread *t, enum thread_state state, u64 begin_ns,
				   u64 end_ns)
{
	return (struct interval){
		.thread = t,
		.state = (u8)state,
		.cpu = t->track->cpu,
		.begin_ns = begin_ns,
		.end_ns = end_ns,
	};
}

static u8 begin_flags(const struct track *k, u64 begin_ns)
{
	return k->found && begin_ns == k->since_ns ? INTERVAL_CUT_BEGIN : 0;
}

static void tell_running(struct timeline *tl, struct thread *t, u64 end_ns, u8 leave, u8 flags)
{
	struct interval interval = interval_of(t, STATE_RUNNING, t->track->since_ns, end_ns);

	interval.leave = leave;
	interval.other = t->track->taker;
	interval.flags = flags | begin_flags(t->track, interval.begin_ns);
	if (t->track->moved)
		interval.flags |= INTERVAL_MIGRATED;
	t->track->moved = false;
	emit_interval(tl, &interval);
}

static void tell_runnable(struct timeline *tl, struct thread *t, u64 begin_ns, u64 end_ns,
			  const struct thread *before, u8 flags)
{
	struct track *k = t->track;
	struct interval interval = interval_of(t, STATE_RUNNABLE, begin_ns, end_ns);

	interval.why = k->state == STATE_BLOCKED ? WHY_WOKEN : k->why;
	if (interval.why == WHY_PREEMPTED || interval.why == WHY_YIELDED)
		interval.other = k->taker;
	else
		interval.other = before;
	if (interval.why == WHY_WOKEN)
		interval.wait = k->wait;
	if (k->join)
		interval.where = k->join->where;
	if (k->join && interval.why == WHY_WOKEN)
		interval.lock = k->join->lock;
	interval.flags = flags | begin_flags(k, begin_ns);
	emit_interval(tl, &interval);
}

static void tell_blocked(struct timeline *tl, struct thread *t, u64 end_ns, u64 latency_ns,
			 u8 flags)
{
	struct track *k = t->track;
	struct call_track *call = &k->call;
	struct interval interval = interval_of(t, STATE_BLOCKED, k->since_ns, end_ns);

	interval.latency_ns = latency_ns;
	interval.wait = k->wait;
	if (k->join) {
		interval.where = k->join->where;
		interval.lock = k->join->lock;
	}
	interval.flags = flags | begin_flags(k, interval.begin_ns);
	if (k->wait.syscall != SYSCALL_NONE) {
		call->last_begin_ns = k->since_ns;
		call->last_ns = end_ns - k->since_ns;
		call->blocked_ns += call->last_ns;
	}
	emit_interval(tl, &interval);
}

/* The waking that came while the thread still ran is the one of the wait that followed. */
static void take_early_waking(struct timeline *tl, struct thread *t)
{
	struct track *k = t->track;

	if (k->woken || !k->early)
		return;
	k->woken = true;
	k->woken_ns = k->since_ns;
	k->early = false;
	k->wait.waker_known = true;
	k->wait.waker = WAKER_TID(k->early_waking.waker)
				? life_named(tl, WAKER_TID(k->early_waking.waker))
				: NULL;
	k->wait.waker_context = WAKER_CONTEXT(k->early_waking.waker);
	k->wait.waker_cpu = k->early_cpu;
	if (k->join) {
		k->join->where.waker_user = k->join->early.waker_user;
		k->join->where.waker_kernel = k->join->early.waker_kernel;
	}
	tl->counts.early_wakeups++;
}

/* Tells all that is open up to @end_ns; @end_ns is not before woken_ns. */
static void tell_open(struct timeline *tl, struct thread *t, u64 end_ns,
		      const struct thread *before, u8 flags)
{
	struct track *k = t->track;

	switch (k->state) {
	case STATE_RUNNING: tell_running(tl, t, end_ns, LEAVE_RUNNING, flags); break;
	case STATE_RUNNABLE: tell_runnable(tl, t, k->since_ns, end_ns, before, flags); break;
	case STATE_BLOCKED:
		take_early_waking(tl, t);
		if (!k->woken) {
			tell_blocked(tl, t, end_ns, 0, flags);
			break;
		}
		if (k->woken_ns > end_ns) {
			tell_blocked(tl, t, end_ns, 0, flags | INTERVAL_CUT_END);
			break;
		}
		tell_blocked(tl, t, k->woken_ns, end_ns - k->woken_ns, 0);
		tell_runnable(tl, t, k->woken_ns, end_ns, before, flags);
		break;
	default: {
		struct interval interval = interval_of(t, STATE_UNKNOWN, k->since_ns, end_ns);

		emit_interval(tl, &interval);
	}
	}
}

static void begin_state(struct timeline *tl, struct thread *t, enum thread_state state,
			u64 since_ns)
{
	struct track *k = t->track;

	if (k->join && (state == STATE_RUNNING || state == STATE_UNKNOWN))
		join_runs(k->join);
	k->state = state;
	k->since_ns = since_ns;
	k->found = false;
	k->unsure = false;
	k->woken = false;
	k->early = false;
}

void state_close(struct timeline *tl, struct thread *t, u64 now, u8 flags)
{
	struct track *k = t->track;
	enum thread_state state = k->state;
	bool woken = k->woken || (state == STATE_BLOCKED && k->early);

	tell_open(tl, t, now, NULL, flags);
	if (state == STATE_BLOCKED && woken) {
		state = STATE_RUNNABLE;
		k->why = WHY_WOKEN;
	}
	begin_state(tl, t, state, now);
}

void state_unknown(struct timeline *tl, struct thread *t, u64 from_ns)
{
	struct track *k = t->track;

	if (k->state == STATE_UNKNOWN)
		return;
	from_ns = max(from_ns, k->since_ns);
	tell_open(tl, t, from_ns, NULL, INTERVAL_CUT_END);
	begin_state(tl, t, STATE_UNKNOWN, from_ns);
}

/* When the present state was last certain: a waking confirms a wait. */
static u64 certain_ns(const struct track *k)
{
	return k->state == STATE_BLOCKED && k->woken ? k->woken_ns : k->since_ns;
}

static void repaired(struct timeline *tl, struct thread *t)
{
	t->repaired++;
	tl->counts.repaired++;
}

static void missing_wakeup(struct timeline *tl, struct thread *t)
{
	t->missing_wakeups++;
	tl->counts.missing_wakeups++;
}

/* The state lasts until a loss that explains why it did not, then nothing is known.
 * Return: whether there was such a loss. */
static bool explained_by_loss(struct timeline *tl, struct thread *t)
{
	u64 gap_ns = gaps_first(&tl->gaps, certain_ns(t->track), tl->now_ns);

	if (gap_ns == UINT64_MAX)
		return false;
	state_unknown(tl, t, gap_ns);
	return true;
}

static void set_running(struct timeline *tl, struct thread *t, u16 cpu)
{
	struct track *k = t->track;
	struct cpu_track *on;

	if (k->state != STATE_RUNNING)
		begin_state(tl, t, STATE_RUNNING, tl->now_ns);
	k->unsure = false;
	k->has_run = true;
	k->cpu = cpu;
	k->taker = NULL;
	on = cpu_track(tl, cpu);
	if (on)
		on->running = t;
}

/*
 * A thread that was believed to wait turns out to run on @cpu: since when? Not before it was
 * runnable, and not before that CPU's latest switch, which was to somebody else.
 */
static void switch_in_was_lost(struct timeline *tl, struct thread *t, u16 cpu)
{
	const struct cpu_track *on = cpu_track(tl, cpu);
	u64 free_ns = on ? on->switched_ns : 0;
	struct track *k = t->track;
	u64 now = tl->now_ns, run_ns;

	if (k->unsure) {
		k->state = STATE_RUNNING;
		return;
	}
	repaired(tl, t);
	if (explained_by_loss(tl, t))
		return;
	if (k->state == STATE_RUNNABLE) {
		run_ns = max(k->since_ns, free_ns);
		tell_runnable(tl, t, k->since_ns, run_ns, NULL, 0);
		begin_state(tl, t, STATE_RUNNING, run_ns);
		return;
	}
	take_early_waking(tl, t);
	if (!k->woken) {
		missing_wakeup(tl, t);
		tell_blocked(tl, t, now, 0, 0);
		return;
	}
	run_ns = max(k->woken_ns, free_ns);
	tell_blocked(tl, t, k->woken_ns, run_ns - k->woken_ns, 0);
	if (run_ns > k->woken_ns)
		tell_runnable(tl, t, k->woken_ns, run_ns, NULL, 0);
	begin_state(tl, t, STATE_RUNNING, run_ns);
}

void state_must_run(struct timeline *tl, struct thread *t, u16 cpu)
{
	struct track *k = t->track;

	if (k->state == STATE_RUNNING && (k->cpu == cpu || k->cpu == CPU_UNKNOWN || k->unsure)) {
		set_running(tl, t, cpu);
		return;
	}
	if (k->state == STATE_RUNNING) {
		repaired(tl, t);
		if (!explained_by_loss(tl, t))
			state_close(tl, t, tl->now_ns, 0);
	} else if (k->state == STATE_RUNNABLE || k->state == STATE_BLOCKED) {
		switch_in_was_lost(tl, t, cpu);
	}
	if (k->state == STATE_UNKNOWN)
		tell_open(tl, t, tl->now_ns, NULL, 0);
	set_running(tl, t, cpu);
}

void state_lost_cpu(struct timeline *tl, struct thread *t)
{
	repaired(tl, t);
	if (!explained_by_loss(tl, t))
		state_unknown(tl, t, tl->now_ns);
}

/* Two switch-ins in a row */
static void switch_out_was_lost(struct timeline *tl, struct thread *t)
{
	struct track *k = t->track;

	if (k->unsure) {
		k->state = STATE_RUNNABLE;
		k->why = WHY_FOUND;
		return;
	}
	repaired(tl, t);
	explained_by_loss(tl, t);
}

void state_enter(struct timeline *tl, struct thread *t, u16 cpu, struct thread *before)
{
	struct track *k = t->track;
	bool moved = k->has_run && k->cpu != CPU_UNKNOWN && k->cpu != cpu;

	if (k->state == STATE_RUNNING)
		switch_out_was_lost(tl, t);
	if (k->state == STATE_BLOCKED && !k->woken && !k->early)
		missing_wakeup(tl, t);
	tell_open(tl, t, tl->now_ns, before, 0);
	begin_state(tl, t, STATE_UNKNOWN, tl->now_ns);
	set_running(tl, t, cpu);
	k->moved = moved;
}

static void begin_wait(struct timeline *tl, struct thread *t, const struct event_switch *sw)
{
	struct track *k = t->track;
	struct call_track *call = &k->call;
	struct event_waking early_waking = k->early_waking;
	bool early = k->early;

	begin_state(tl, t, STATE_BLOCKED, tl->now_ns);
	k->early = early;
	k->early_waking = early_waking;
	wait_from_event(&k->wait, sw->prev_state, sw->wait_kind, sw->syscall, sw->object,
			sw->address, sw->futex_op);
	if (sw->syscall == SYSCALL_NONE)
		return;
	if (call->over || call->syscall != sw->syscall) {
		*call = (struct call_track){
			.first_ns = tl->now_ns,
			.syscall = sw->syscall,
		};
	}
	call->address = k->wait.address;
}

void state_leave(struct timeline *tl, struct thread *t, const struct trace_event *event,
		 struct thread *next)
{
	const struct event_switch *sw = &event->sw;
	struct track *k = t->track;

	state_must_run(tl, t, event->cpu);
	k->taker = next;
	tell_running(tl, t, tl->now_ns, sw->prev_state, 0);
	if (sw->prev_state == LEAVE_DEAD) {
		life_end(tl, t, tl->now_ns);
	} else if (sw->prev_state == LEAVE_PREEMPTED || sw->prev_state == LEAVE_YIELDED ||
		   sw->prev_state == LEAVE_RUNNING) {
		k->why = sw->prev_state == LEAVE_YIELDED ? WHY_YIELDED : WHY_PREEMPTED;
		begin_state(tl, t, STATE_RUNNABLE, tl->now_ns);
	} else {
		begin_wait(tl, t, sw);
	}
	if (sw->prev_state != LEAVE_DEAD)
		join_leaves(tl, t, event->cpu);
}

void state_wake(struct timeline *tl, struct thread *t, const struct trace_event *event)
{
	struct track *k = t->track;
	u32 waker = WAKER_TID(event->waking.waker);

	if (k->state == STATE_RUNNING) {
		k->early = true;
		k->early_waking = event->waking;
		k->early_cpu = event->cpu;
		if (k->join)
			join_woken(tl, k->join, event->cpu, true);
		return;
	}
	if (k->state == STATE_RUNNABLE || (k->state == STATE_BLOCKED && k->woken)) {
		t->spurious_wakeups++;
		tl->counts.spurious_wakeups++;
		if (k->join)
			k->join->waking.set = false;
		return;
	}
	if (k->state == STATE_UNKNOWN) {
		tell_open(tl, t, tl->now_ns, NULL, 0);
		begin_state(tl, t, STATE_RUNNABLE, tl->now_ns);
		k->why = WHY_WOKEN;
		wait_from_event(&k->wait, LEAVE_SLEEPING, WAIT_OTHER, SYSCALL_NONE, 0, 0, 0);
	} else {
		k->woken = true;
		k->woken_ns = tl->now_ns;
		k->early = false;
		k->unsure = false;
	}
	k->wait.waker_known = true;
	k->wait.waker = waker ? life_named(tl, waker) : NULL;
	k->wait.waker_context = WAKER_CONTEXT(event->waking.waker);
	k->wait.waker_cpu = event->cpu;
	if (k->join)
		join_woken(tl, k->join, event->cpu, false);
}

void wait_from_event(struct wait *wait, u8 leave, u8 kind, u16 syscall, u32 object, u64 address,
		     u32 futex_op)
{
	*wait = (struct wait){
		.kind = kind < WAIT_KIND_COUNT ? kind : WAIT_OTHER,
		.leave = leave,
		.syscall = syscall,
		.address = address,
	};
	if (address) {
		wait->value = object;
		wait->futex_op = (u8)futex_op;
	} else {
		wait->object = object;
	}
}
