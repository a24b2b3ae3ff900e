/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* helpers_model - scenarios for the model: written events, remembered intervals */
#ifndef TRACER_TESTS_HELPERS_MODEL_H
#define TRACER_TESTS_HELPERS_MODEL_H

#include "user/model/calls.h"
#include "user/model/losses.h"
#include "user/model/sched.h"
#include "user/model/times.h"
#include "user/model/waits.h"

/* Last: it has a macro fail() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { IDLE = 0, MAIN = 100, WORKER = 101, OTHER = 102, STRANGER = 999 };

#define PREEMPTED LEAVE_PREEMPTED
#define YIELDED   LEAVE_YIELDED
#define ASLEEP    LEAVE_SLEEPING
#define DEAD      LEAVE_DEAD

/* A timeline that begins at 0, and all that it told. */
struct scene {
	struct timeline *timeline;
	struct interval *intervals;
	size_t interval_count;
	struct call *calls;
	size_t call_count;
	struct sample *samples;
	size_t sample_count;
	u64 begun, ended, renamed, execed;
	struct times times;
	struct waits waits;
	struct calls call_table;
	struct sched sched;
	struct losses losses;
};

struct scene *scene_new(void);
struct scene *scene_filtered(const struct filter *filter);
void scene_free(struct scene *scene);
DEFINE_CLEANUP(struct scene *, scene_free)

/* CPU of the events that follow; 0 at first */
void on_cpu(u16 cpu);

void tells(struct scene *s, const struct trace_event *event);
void exists(struct scene *s, u64 t, u32 tid, enum leave_state state); /* of process MAIN */
void stranger(struct scene *s, u64 t, u32 tid, const char *comm);
void restates(struct scene *s, u64 t, u32 tid, enum leave_state state);
void forks(struct scene *s, u64 t, u32 tid);
void named(struct scene *s, u64 t, u32 tid, const char *comm);
/* @prev leaves the CPU as @state says (blocked: in a futex call), @next gets it */
void switches(struct scene *s, u64 t, u32 prev, enum leave_state state, u32 next);
void blocks(struct scene *s, u64 t, u32 prev, enum wait_kind kind, u16 nr, u32 object, u32 next);
void wakes(struct scene *s, u64 t, u32 waker, u32 tid);
void interrupt_wakes(struct scene *s, u64 t, enum waker_context context, u32 on, u32 tid);
void syscall_ends(struct scene *s, u64 t, u32 tid, u16 nr, u64 duration_ns, s64 result);
void futex_ends(struct scene *s, u64 t, u32 tid, u64 duration_ns);
void execs(struct scene *s, u64 t, u32 tid, u32 old_tid);
void exits(struct scene *s, u64 t, u32 tid);
void loses(struct scene *s, u64 t, u64 from_ns, u64 to_ns);
void unreadable(struct scene *s, u64 t, u64 from_ns, u64 to_ns);
/* A stack of @count frames: @leaf, @leaf + 1, ...; of process MAIN */
void stack_is(struct scene *s, u64 t, u32 id, u64 leaf, u32 count);
/* The stacks 10 * @user and 10 * @user + 1 of @tid, with a lock that OTHER holds */
void stack_at(struct scene *s, u64 t, enum stack_moment moment, u32 tid, u32 user, u64 enter_ns);
void sampled(struct scene *s, u64 t, u32 tid, u32 user);
void object_is(struct scene *s, const struct event_object *object);
void ends(struct scene *s, u64 t);

/* How long @tid was in @state, all its lives together */
u64 time_ns(const struct scene *s, u32 tid, enum thread_state state);
u64 observed_ns(const struct scene *s, u32 tid);
size_t intervals_of(const struct scene *s, u32 tid);
/* The @n-th interval of @tid in @state, from 0; NULL when there are fewer */
const struct interval *interval_of(const struct scene *s, u32 tid, enum thread_state state,
				   size_t n);
/* The latest thread with that tid, or NULL */
const struct thread *thread_of(const struct scene *s, u32 tid);

/* Each thread's intervals join from its begin to its end, and sums agree. Asserts. */
void assert_sums_hold(const struct scene *s);

#endif
