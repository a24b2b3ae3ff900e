/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* track - the inside of the timeline: what is known of each thread right now */
#ifndef TRACER_MODEL_TRACK_H
#define TRACER_MODEL_TRACK_H

#include "user/model/gaps.h"
#include "user/model/stackset.h"
#include "user/model/timeline.h"

#define SINK_MAX 16

/*
 * A thread whose events come before anything tells whether it belongs to the target: what
 * it does is held back until EVENT_THREAD confirms it, or evidence, or nothing (foreign).
 */
#define HELD_MAX      64
#define HOLD_UNTIL_NS (10 * NSEC_PER_SEC) /* EVENT_THREAD comes within this from the start */

enum held_type {
	HELD_INTERVAL,
	HELD_CALL,
	HELD_SAMPLE,
};

struct held {
	enum held_type type;
	union {
		struct interval interval;
		struct sample sample;
		struct {
			struct call call;
			u64 args[6];
		};
	};
};

struct hold {
	struct held *items;
	u32 count;
	u32 room;
	bool evident; /* only a thread of the target can have such an event */
	u64 evident_ns;
};

/* The blocked time of the call that the thread is in, or was in last. */
struct call_track {
	u64 first_ns; /* when it blocked first */
	u64 blocked_ns;
	u64 last_begin_ns; /* the latest of its waits */
	u64 last_ns;
	u64 address; /* futex word of the latest wait */
	u16 syscall;
	bool over; /* its end was seen: the next wait belongs to another call */
};

/*
 * The stack of a wait comes with the end of the call that it was in: until then the wait, and what
 * the thread does behind it, is held back.
 */
#define JOIN_MAX     1024  /* held by one thread */
#define JOIN_ALL_MAX 65536 /* held by all */

/* Stacks that were told just before the event that they belong to */
struct join_note {
	bool set;
	u16 cpu;
	u64 time_ns;
	struct event_wait_stack told;
};

struct join {
	struct held *items; /* the first is a wait */
	u32 count;
	u32 room;
	bool over;   /* the call has ended: nothing but its stack may still come */
	u16 syscall; /* in which the waits were */
	struct where where; /* of the wait or preemption that goes on */
	struct lock_seen lock;
	struct where early; /* with the early waking: waker_* */
	struct join_note leave;
	struct join_note waking;
};

struct track {
	enum thread_state state;
	u8 why;      /* runnable: enum runnable_why */
	bool begun;  /* the sinks know the thread */
	bool found;  /* since_ns is the recording's begin, not an event */
	bool unsure; /* the state is what EVENT_THREAD said, no event confirmed it */
	bool exiting;
	bool execed;
	bool has_run;
	bool moved;           /* runs on another CPU than the time before */
	u16 cpu;              /* where it runs or ran last */
	u64 since_ns;         /* the state began */
	struct thread *taker; /* who took the CPU at the last switch-out */
	bool woken;           /* blocked: and then made runnable, at woken_ns */
	u64 woken_ns;
	bool early; /* running: a waking came already, for the wait to come */
	struct event_waking early_waking;
	u16 early_cpu;
	struct wait wait;
	struct call_track call;
	struct join *join; /* NULL until the thread waits; only with stacks */
	struct hold *hold; /* NULL once it is decided that the thread is the target's */
};

/*
 * What a thread announced. Each announcement is told at once, the interval that it lies in later:
 * many of them in one stretch of execution cut that, so that nobody has to remember more.
 */
#define STEPS_MAX   4096
#define REGIONS_MAX 1024 /* of one thread, inside each other */
#define ENTERED_MAX 1024

struct region_open {
	u32 name;
	u32 stack;
	u32 process; /* id */
	u64 begin_ns;
	const struct task *task;
};

struct step {
	u64 time_ns;
	const struct task *task;
	u32 region;
};

struct steps {
	struct task **entered; /* the last one is worked for */
	u32 entered_count;
	u32 entered_room;
	struct region_open *regions; /* the last one is the innermost */
	u32 region_count;
	u32 region_room;
	u32 forked_regions; /* open, or entered, where the parent was at fork(): not yet ended */
	u32 forked_tasks;
	u32 since_told;    /* announcements behind the last interval that was told */
	struct step told;  /* what holds there */
	struct step *list; /* changes behind it, from @first on; only with timeline_split_tasks() */
	u32 first;
	u32 count;
	u32 room;
};

/* What is known of a CPU */
struct cpu_track {
	struct thread *running; /* NULL: nobody, or a foreign thread */
	u64 switched_ns;        /* its latest switch: who ran before, ran until then */
};

struct timeline {
	u64 start_ns;
	u64 now_ns;
	int error; /* sticky */
	bool finished;
	struct filter filter;
	bool selects;
	struct sink sinks[SINK_MAX];
	u32 sink_count;
	struct timeline_counts counts;
	struct thread_table threads;
	struct map objects; /* id -> struct event_object * */
	struct gaps gaps;
	struct cpu_track *cpus;
	u32 cpu_room;
	bool joins; /* waits have stacks */
	bool ignores_stacks;
	u32 joined; /* items held for them */
	struct stackset stacks;
	struct task_table tasks;
	struct map regions_open; /* process and name -> how many are open */
	bool splits;
	bool follows; /* no event is missing since the first one: what chunks tell again is known */
	bool watched; /* somebody wants intervals, or calls */
	bool notes; /* somebody wants to know of announcements */
};

/* A thread of the target, or one that may turn out to be. */
static inline bool is_tracked(const struct thread *t)
{
	return t->track && (t->target || t->track->hold);
}

/* emit.c: to the sinks, or into the hold */
void emit_interval(struct timeline *tl, struct interval *interval);
void emit_call(struct timeline *tl, struct call *call);
void emit_thread(struct timeline *tl, struct thread *t, enum thread_change change, u64 time_ns);
void emit_loss(struct timeline *tl, const struct trace_loss *loss, u16 cpu);
void emit_program(struct timeline *tl, const struct trace_event *event);
void emit_sample(struct timeline *tl, struct sample *sample);
void emit_note(struct timeline *tl, struct note *note);
void emit_task(struct timeline *tl, const struct task *task);
/* Past the filter, to the sinks */
void tell_held(struct timeline *tl, struct held *held);
/* The held thread is the target's, observed from @from_ns on. */
void hold_confirm(struct timeline *tl, struct thread *t, u64 from_ns);
/* Nothing more is known of the held thread: by evidence the target's, else foreign. */
void hold_decide(struct timeline *tl, struct thread *t);
void hold_free(struct timeline *tl, struct thread *t);
/* Counts what is held as a use of its task, and no longer. */
void held_use(const struct held *held);
void held_unuse(struct timeline *tl, const struct held *held);

/* join.c: stacks to the waits that they belong to */
void on_wait_stack(struct timeline *tl, const struct trace_event *event);
/* @interval and @call have passed the filter. Return: whether they are held back. */
bool join_interval(struct timeline *tl, const struct interval *interval);
bool join_call(struct timeline *tl, const struct call *call);
/* Nothing more comes for what is held: tells it. */
void join_flush(struct timeline *tl, struct thread *t);
void join_free(struct timeline *tl, struct thread *t);
/* The thread left its CPU, was woken (@early: before it left), or runs again. */
void join_leaves(struct timeline *tl, struct thread *t, u16 cpu);
void join_woken(struct timeline *tl, struct join *join, u16 cpu, bool early);
void join_runs(struct join *join);

/* state.c: transitions of a thread that has a track */
void state_enter(struct timeline *tl, struct thread *t, u16 cpu, struct thread *before);
void state_leave(struct timeline *tl, struct thread *t, const struct trace_event *event,
		 struct thread *next);
void state_wake(struct timeline *tl, struct thread *t, const struct trace_event *event);
void state_must_run(struct timeline *tl, struct thread *t, u16 cpu);
void state_lost_cpu(struct timeline *tl, struct thread *t);
/* Closes what is open at @now; the state begins anew from there. */
void state_close(struct timeline *tl, struct thread *t, u64 now, u8 flags);
/* From @from_ns (not before the state began) on nothing is known. */
void state_unknown(struct timeline *tl, struct thread *t, u64 from_ns);

/* announce.c: what is announced */
void on_annotation(struct timeline *tl, const struct trace_event *event);
/* Its last thread ended, or it is another program. */
void tasks_end(struct timeline *tl, struct process *process);
/* The recording ended: all that go on are told. */
void tasks_finish(struct timeline *tl);
/* @t has entered @task, and leaves it for another reason than its own word. */
void leave_implied(struct timeline *tl, struct thread *t, struct task *task, u8 how);
/* Tells the task when it is over and nothing uses it. */
void task_settle(struct timeline *tl, struct task *task);

static inline void task_use(const struct task *task)
{
	if (task)
		((struct task *)(uintptr_t)task)->uses++;
}

static inline void task_unuse(struct timeline *tl, const struct task *task)
{
	if (task && !--((struct task *)(uintptr_t)task)->uses)
		task_settle(tl, (struct task *)(uintptr_t)task);
}

/* steps.c: what threads are in. NULL without memory (the error is kept). */
struct steps *steps_of(struct timeline *tl, struct thread *t);
void steps_free(struct timeline *tl, struct thread *t);
bool steps_enter(struct timeline *tl, struct thread *t, struct task *task);
/* Which of those it has entered @task is, from 1; 0: none. */
u32 steps_entered(const struct thread *t, const struct task *task);
void steps_leave(struct timeline *tl, struct thread *t, u32 at);
void region_opens(struct timeline *tl, struct thread *t, const struct trace_annotation *a,
		   struct note *note);
void region_closes(struct timeline *tl, struct thread *t, const struct trace_annotation *a,
		 struct note *note);
void steps_fork(struct timeline *tl, const struct thread *parent, struct thread *child);
/* The thread ended, became another program, or (@how NOTE_UNFINISHED) the recording ended. */
void steps_end(struct timeline *tl, struct thread *t, u8 how);
/* The part of @interval up to the next change goes into @piece, with what holds there; the rest
 * stays. Return: whether there was any. */
bool steps_cut(struct timeline *tl, struct interval *piece, struct interval *interval);
/* What the thread works for now, NULL; its innermost region, 0. */
const struct task *steps_task(const struct thread *t);
u32 steps_region(const struct thread *t);

/* life.c: begin and end of threads */
struct thread *life_evident(struct timeline *tl, u32 tid);
struct thread *life_seen(struct timeline *tl, u32 tid, enum thread_state before);
struct thread *life_named(struct timeline *tl, u32 tid);
void life_end(struct timeline *tl, struct thread *t, u64 end_ns);
void life_became_foreign(struct timeline *tl, struct thread *t);
void on_thread(struct timeline *tl, const struct trace_event *event);
void on_fork(struct timeline *tl, const struct trace_event *event);
void on_exec(struct timeline *tl, const struct trace_event *event);
void on_exit_event(struct timeline *tl, const struct trace_event *event);
void on_name(struct timeline *tl, const struct trace_event *event);

/* A call of thread @tid ends, or something else that it does while it runs. NULL: not the target's. */
struct thread *call_ends(struct timeline *tl, u32 tid, u16 cpu);

/* What is known of @cpu; NULL without memory (the error is kept). */
struct cpu_track *cpu_track(struct timeline *tl, u16 cpu);

static inline void timeline_fail(struct timeline *tl, int r)
{
	if (r < 0 && !tl->error)
		tl->error = r;
}

void wait_from_event(struct wait *wait, u8 leave, u8 kind, u16 syscall, u32 object, u64 address,
		     u32 futex_op);

#endif
