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
	u32 joined; /* items held for them */
	struct stackset stacks;
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
/* Past the filter, to the sinks */
void tell_held(struct timeline *tl, struct held *held);
/* The held thread is the target's, observed from @from_ns on. */
void hold_confirm(struct timeline *tl, struct thread *t, u64 from_ns);
/* Nothing more is known of the held thread: by evidence the target's, else foreign. */
void hold_decide(struct timeline *tl, struct thread *t);
void hold_free(struct thread *t);

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
