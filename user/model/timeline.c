// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* timeline - events into intervals: each event to its thread */
#include "user/model/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/track.h"

int timeline_new(struct timeline **out, u64 start_ns, struct err *err)
{
	struct timeline *tl = calloc(1, sizeof(*tl));

	if (!tl)
		return fail(err, -ENOMEM, "no memory for a timeline");
	tl->start_ns = start_ns;
	tl->now_ns = start_ns;
	*out = tl;
	return 0;
}

void timeline_free(struct timeline *tl)
{
	if (!tl)
		return;
	tl->sink_count = 0; /* what is let go of is told to nobody */
	for (u32 i = 0; i < tl->threads.count; i++) {
		steps_free(tl, tl->threads.threads[i]);
		if (!tl->threads.threads[i]->track)
			continue;
		join_free(tl, tl->threads.threads[i]);
		hold_free(tl, tl->threads.threads[i]);
	}
	for (u32 i = 0; i < tl->threads.process_count; i++)
		tasks_free(tl->threads.processes[i]);
	thread_table_free(&tl->threads);
	map_for_each(&tl->objects, slot)
		free((void *)(uintptr_t)slot->value);
	map_free(&tl->objects);
	gaps_free(&tl->gaps);
	stackset_free(&tl->stacks);
	map_free(&tl->tasks.numbers);
	map_free(&tl->regions_open);
	free(tl->cpus);
	free(tl);
}

int timeline_attach(struct timeline *tl, const struct sink *sink)
{
	if (tl->sink_count == SINK_MAX)
		return -ENOSPC;
	tl->sinks[tl->sink_count++] = *sink;
	tl->notes |= sink->note != NULL;
	tl->watched |= sink->interval || sink->call;
	return 0;
}

void timeline_set_filter(struct timeline *tl, const struct filter *filter)
{
	tl->filter = *filter;
	tl->selects = filter_selects(filter);
	tl->splits |= filter->task_count > 0;
}

void timeline_split_tasks(struct timeline *tl)
{
	tl->splits = true;
}

bool timeline_splits(const struct timeline *tl)
{
	return tl->splits;
}

void timeline_expect_stacks(struct timeline *tl, bool expected)
{
	tl->joins = expected;
}

void timeline_ignore_stacks(struct timeline *tl)
{
	tl->joins = false;
	tl->ignores_stacks = true;
}

struct cpu_track *cpu_track(struct timeline *tl, u16 cpu)
{
	u32 room = max(tl->cpu_room, 16u);
	struct cpu_track *cpus;

	if (cpu < tl->cpu_room)
		return &tl->cpus[cpu];
	while (room <= cpu)
		room *= 2;
	cpus = realloc(tl->cpus, room * sizeof(*cpus));
	if (!cpus) {
		timeline_fail(tl, -ENOMEM);
		return NULL;
	}
	for (u32 i = tl->cpu_room; i < room; i++)
		cpus[i] = (struct cpu_track){ 0 };
	tl->cpus = cpus;
	tl->cpu_room = room;
	return &cpus[cpu];
}

/* Only a thread of the target is described on its way out. */
static bool is_evident(const struct event_switch *sw)
{
	return sw->prev_state != LEAVE_PREEMPTED && sw->prev_state < LEAVE_STATE_COUNT;
}

/* Switches between foreign threads are not recorded: one that left its CPU unseen is foreign. */
static bool turned_out_foreign(struct timeline *tl, struct thread *t)
{
	if (!t->track || !t->track->hold || t->track->hold->evident)
		return false;
	life_became_foreign(tl, t);
	return true;
}

/* Who ran on this CPU as far as we know, and did not leave it by this event? */
static void check_cpu(struct timeline *tl, u16 cpu, const struct thread *prev)
{
	struct cpu_track *on = cpu_track(tl, cpu);
	struct thread *lost = on ? on->running : NULL;

	if (!lost)
		return;
	on->running = NULL;
	if (lost == prev || !is_tracked(lost) || lost->track->state != STATE_RUNNING ||
	    lost->track->cpu != cpu || turned_out_foreign(tl, lost))
		return;
	state_lost_cpu(tl, lost);
}

/* The tid of a former leader is that of the thread that called exec: its last switch-out may
 * come behind that. */
static bool is_leftover(const struct thread *t, const struct trace_event *event)
{
	const struct track *k = t->track;

	return event->sw.prev_state == LEAVE_DEAD && k->execed && !k->exiting &&
	       k->state == STATE_RUNNING && k->cpu != event->cpu;
}

static void on_switch(struct timeline *tl, const struct trace_event *event)
{
	const struct event_switch *sw = &event->sw;
	struct thread *next = life_seen(tl, sw->next_tid, STATE_RUNNABLE);
	struct thread *prev = is_evident(sw) ? life_evident(tl, sw->prev_tid)
					     : life_seen(tl, sw->prev_tid, STATE_RUNNING);
	struct cpu_track *cpu;

	check_cpu(tl, event->cpu, prev);
	if (prev && is_tracked(prev) && !is_leftover(prev, event)) {
		state_leave(tl, prev, event, next);
		cpu = cpu_track(tl, event->cpu);
		if (cpu)
			cpu->running = NULL;
	}
	cpu = cpu_track(tl, event->cpu);
	if (cpu)
		cpu->switched_ns = tl->now_ns;
	if (!next || !is_tracked(next))
		return;
	if (next->track->state == STATE_RUNNING && !next->track->unsure && next->track->has_run &&
	    turned_out_foreign(tl, next))
		return;
	state_enter(tl, next, event->cpu, prev);
}

static void on_waking(struct timeline *tl, const struct trace_event *event)
{
	struct thread *t = life_seen(tl, event->waking.tid, STATE_BLOCKED);

	if (t && is_tracked(t))
		state_wake(tl, t, event);
}

static void on_wakeup_new(struct timeline *tl, const struct trace_event *event)
{
	struct thread *t = thread_find(&tl->threads, event->waking.tid);

	/* FORK said the same; if it was lost, the thread is known when it runs. */
	if (t && is_tracked(t) && t->track->state == STATE_UNKNOWN) {
		state_close(tl, t, tl->now_ns, 0);
		t->track->state = STATE_RUNNABLE;
		t->track->why = WHY_NEW;
	}
}

/* How much of the call that ends now the thread was blocked. */
static u64 blocked_in_call(const struct call_track *call, u64 begin_ns, u64 end_ns)
{
	u64 blocked_ns = 0;

	if (call->syscall == SYSCALL_NONE)
		return 0;
	if (begin_ns <= call->first_ns)
		blocked_ns = call->blocked_ns;
	else if (begin_ns <= call->last_begin_ns)
		blocked_ns = call->last_ns;
	return min(blocked_ns, end_ns - begin_ns);
}

struct thread *call_ends(struct timeline *tl, u32 tid, u16 cpu)
{
	struct thread *t = life_evident(tl, tid);

	if (t && is_tracked(t)) {
		state_must_run(tl, t, cpu);
		if (t->track->join)
			t->track->join->leave.set = false;
		return t;
	}
	return NULL;
}

static void finish_call(struct timeline *tl, struct call *call, u64 duration_ns)
{
	struct call_track *k = &((struct thread *)call->thread)->track->call;

	call->end_ns = tl->now_ns;
	call->begin_ns = call->unentered ? tl->now_ns : tl->now_ns - min(duration_ns, tl->now_ns);
	call->blocked_ns = blocked_in_call(k, call->begin_ns, call->end_ns);
	k->over = true;
	if (tl->splits)
		call->task = steps_task(call->thread);
	emit_call(tl, call);
}

static void on_syscall(struct timeline *tl, const struct trace_event *event)
{
	const struct trace_syscall *e = &event->syscall;
	struct call call = {
		.thread = call_ends(tl, e->tid, event->cpu),
		.syscall = e->syscall,
		.result = e->result,
		.args = e->flags & SYSCALL_ARGS ? e->args : NULL,
		.unentered = e->flags & SYSCALL_UNENTERED,
	};

	if (call.thread)
		finish_call(tl, &call, e->duration_ns);
}

static void on_futex(struct timeline *tl, const struct trace_event *event)
{
	const struct trace_futex *e = &event->futex;
	struct call call = {
		.thread = call_ends(tl, e->tid, event->cpu),
		.futex = true,
		.syscall = SYSCALL_NONE,
		.futex_op = e->op,
		.result = e->result,
		.value = e->value,
		.address = e->address,
		.address2 = e->address2,
		.unentered = e->flags & FUTEX_UNENTERED,
	};

	if (!call.thread)
		return;
	if (!call.address)
		call.address = call.thread->track->call.address;
	finish_call(tl, &call, e->duration_ns);
}

static void on_object(struct timeline *tl, const struct trace_event *event)
{
	u64 *slot = map_put(&tl->objects, event->object->id);
	struct event_object *object;

	if (slot && *slot)
		return;
	object = slot ? malloc(sizeof(*object)) : NULL;
	if (!object) {
		timeline_fail(tl, -ENOMEM);
		return;
	}
	*object = *event->object;
	*slot = (uintptr_t)object;
}

static void on_stack(struct timeline *tl, const struct trace_event *event)
{
	const struct trace_stack *e = event->stack;
	const struct process *process = stackset_process(&tl->stacks, e->id);
	bool kernel = e->flags & STACK_KERNEL || !e->tgid;

	if (!process && !kernel) {
		process = process_get(&tl->threads, e->tgid);
		if (!process)
			timeline_fail(tl, -ENOMEM);
	}
	timeline_fail(tl, stackset_put(&tl->stacks, e, process));
}

/* It says where the thread was, not since when: its clock is not that of the switches. */
static void on_sample(struct timeline *tl, const struct trace_event *event)
{
	struct thread *t = life_seen(tl, event->sample.tid, STATE_RUNNING);
	struct sample sample = {
		.thread = t,
		.time_ns = tl->now_ns,
		.cpu = event->cpu,
		.user_stack = event->sample.user_stack,
		.kernel_stack = event->sample.kernel_stack,
	};

	if (t && tl->splits) {
		sample.task = steps_task(t);
		sample.region = steps_region(t);
	}
	if (t && is_tracked(t))
		emit_sample(tl, &sample);
}

static void on_loss(struct timeline *tl, const struct trace_event *event)
{
	const struct trace_loss *e = event->loss;

	for (int class = 0; class < CLASS_COUNT; class ++)
		tl->counts.lost += e->counts[class];
	tl->counts.unreadable += e->unreadable;
	tl->follows &= !e->unreadable;
	if (e->unreadable || e->counts[CLASS_SCHED] || e->counts[CLASS_PROCESS])
		timeline_fail(tl, gaps_add(&tl->gaps, e->from_ns, e->to_ns));
	for (u32 i = 0; e->unreadable && i < tl->threads.count; i++) {
		struct thread *t = tl->threads.threads[i];

		/* Whatever it did, nobody will tell: THREAD_RESTATED, or its next event, does. */
		if (is_tracked(t))
			state_unknown(tl, t, min(e->from_ns, tl->now_ns));
	}
	emit_loss(tl, e, event->cpu);
}

static void on_nothing(struct timeline *tl, const struct trace_event *event)
{
}

static void (*const handlers[])(struct timeline *tl, const struct trace_event *event) = {
	[EVENT_NONE] = on_nothing,
	[EVENT_SWITCH] = on_switch,
	[EVENT_WAKING] = on_waking,
	[EVENT_WAKEUP] = on_nothing,
	[EVENT_WAKEUP_NEW] = on_wakeup_new,
	[EVENT_THREAD] = on_thread,
	[EVENT_FORK] = on_fork,
	[EVENT_EXEC] = on_exec,
	[EVENT_EXIT] = on_exit_event,
	[EVENT_NAME] = on_name,
	[EVENT_SYSCALL] = on_syscall,
	[EVENT_FUTEX] = on_futex,
	[EVENT_OBJECT] = on_object,
	[EVENT_MAPPING] = emit_program,
	[EVENT_LOSS] = on_loss,
	[EVENT_STACK] = on_stack,
	[EVENT_WAIT_STACK] = on_wait_stack,
	[EVENT_SAMPLE] = on_sample,
	[EVENT_SYMBOL] = emit_program,
	[EVENT_TASK_BEGIN... EVENT_SNAPSHOT] = on_annotation,
};
_Static_assert(ARRAY_SIZE(handlers) == EVENT_KIND_COUNT, "every kind has a handler");

int timeline_event(struct timeline *tl, const struct trace_event *event)
{
	if (event->time_ns > tl->now_ns)
		tl->now_ns = event->time_ns;
	stackset_reset(&tl->stacks);
	if (event->kind < EVENT_KIND_COUNT) {
		tl->counts.events += trace_event_class(event->kind) < CLASS_COUNT &&
				     !trace_event_is_restated(event);
		handlers[event->kind](tl, event);
		tl->follows |= event->kind != EVENT_LOSS && !trace_event_is_restated(event);
	}
	return tl->error;
}

int timeline_finish(struct timeline *tl, u64 end_ns)
{
	if (tl->finished)
		return tl->error;
	tl->finished = true;
	tl->now_ns = max(tl->now_ns, end_ns);
	for (u32 i = 0; i < tl->threads.count; i++) {
		struct thread *t = tl->threads.threads[i];

		if (!t->track || t->end_ns)
			continue;
		if (t->track->hold)
			hold_decide(tl, t);
		if (!is_tracked(t))
			continue;
		steps_end(tl, t, NOTE_UNFINISHED);
		state_close(tl, t, tl->now_ns, INTERVAL_CUT_END);
		join_flush(tl, t);
		t->end_ns = tl->now_ns;
	}
	tasks_finish(tl);
	return tl->error;
}

const struct timeline_counts *timeline_counts(const struct timeline *tl)
{
	return &tl->counts;
}

u64 timeline_now_ns(const struct timeline *tl)
{
	return tl->now_ns;
}

u64 timeline_start_ns(const struct timeline *tl)
{
	return tl->start_ns;
}

const struct thread_table *timeline_threads(const struct timeline *tl)
{
	return &tl->threads;
}

const char *task_name(const struct timeline *tl, const struct task *task)
{
	if (task->flags & TASK_BEFORE)
		return "(begun before)";
	return task->name ? names_text(&tl->threads.names, task->name) : "(unknown)";
}

const struct event_object *timeline_object(const struct timeline *tl, u32 id)
{
	const u64 *slot = id ? map_get(&tl->objects, id) : NULL;

	return slot ? (const struct event_object *)(uintptr_t)*slot : NULL;
}

/* Writing a stack out does not change what is known. */
const struct stack *timeline_stack(const struct timeline *tl, u32 id)
{
	return stackset_get((struct stackset *)(uintptr_t)&tl->stacks, id);
}

u32 timeline_stack_number(const struct timeline *tl, u32 id)
{
	return stackset_number(&tl->stacks, id);
}

u32 timeline_stack_count(const struct timeline *tl)
{
	return tl->stacks.count;
}

const struct stack *timeline_stack_numbered(struct timeline *tl, u32 number)
{
	return stackset_numbered(&tl->stacks, number);
}

const char *thread_name(const struct timeline *tl, const struct thread *thread)
{
	return names_text(&tl->threads.names, thread->name);
}

const char *process_name(const struct timeline *tl, const struct process *process)
{
	return names_text(&tl->threads.names, process->name);
}

double note_number(const struct note *note)
{
	double real;

	if (!(note->flags & ANNOTATION_REAL))
		return (double)(s64)note->value;
	memcpy(&real, &note->value, sizeof(real));
	return real;
}

const char *thread_state_name(enum thread_state state)
{
	static const char *const names[] = { "unknown", "running", "runnable", "blocked" };

	return state < STATE_COUNT ? names[state] : "?";
}

const char *runnable_why_name(enum runnable_why why)
{
	static const char *const names[] = { "preempted", "yielded", "woken", "new", "found" };

	return why < WHY_COUNT ? names[why] : "?";
}
