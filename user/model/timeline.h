/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* timeline - events into intervals: what each thread did, at every nanosecond */
#ifndef TRACER_MODEL_TIMELINE_H
#define TRACER_MODEL_TIMELINE_H

#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/model/filter.h"
#include "user/model/interval.h"

struct timeline;

/**
 * timeline_new() - a timeline without events
 * @out:      set on success
 * @start_ns: when the recording began: threads that were there before are observed from here
 *
 * Return: 0 or -ENOMEM with @err filled.
 */
int timeline_new(struct timeline **out, u64 start_ns, struct err *err);
void timeline_free(struct timeline *timeline);
DEFINE_CLEANUP(struct timeline *, timeline_free)

/**
 * timeline_attach() - one more who wants to know
 * @sink: copied; before the first event
 *
 * Return: 0 or -ENOSPC (at most 16).
 */
int timeline_attach(struct timeline *timeline, const struct sink *sink);

/* What the sinks get to see; @filter is copied, its lists are not. Before the first event. */
void timeline_set_filter(struct timeline *timeline, const struct filter *filter);

/*
 * Whether the trace has stacks of waits; before the first event. A timeline that expects them
 * holds back what a thread did in a call until the call's end, because its stack comes with that.
 * One that does not begins to with the first EVENT_WAIT_STACK. timeline_read() asks the head.
 */
void timeline_expect_stacks(struct timeline *timeline, bool expected);

/* Nobody will ask where waits were: intervals come without, and nothing is held back for it. The same
 * intervals of the same threads. Before the first event. */
void timeline_ignore_stacks(struct timeline *timeline);

/*
 * Intervals tell which task their thread works for, and are cut where that changes; before the first
 * event. Each piece counts as one, as those that a filter cuts. A trace has then to be read from
 * its begin on, whatever the filter is: timeline_read() does so.
 */
void timeline_split_tasks(struct timeline *timeline);

/**
 * timeline_event() - the next event
 * @event: not earlier than the one before (if it is, it counts as simultaneous); not kept
 *
 * For each thread of the target the intervals join without a gap from its begin to its end,
 * whatever the events say: an event that contradicts what is known is counted as a repair,
 * and the time between is told apart where a loss explains it:
 *
 *  - with a loss (EVENT_LOSS of sched or process events) since the state was last certain,
 *    the state lasts until the loss began, and is STATE_UNKNOWN from there to the event;
 *  - without one, as little as possible is made up: a runnable thread that turns out to
 *    have run did so from the moment it was runnable; a blocked one was blocked until the
 *    event; a running one ran until the event.
 *
 * The state that EVENT_THREAD tells holds from the recording's begin, until the thread's
 * first event; where that one says that the thread was running, it ran from the begin on.
 *
 * Return: 0, -ENOMEM, or what a sink returned; the same again from then on.
 */
int timeline_event(struct timeline *timeline, const struct trace_event *event);

/**
 * timeline_finish() - the recording ended: close every interval that is open
 * @end_ns: its end; nothing may be added behind it
 *
 * Return: as timeline_event().
 */
int timeline_finish(struct timeline *timeline, u64 end_ns);

/* What happened on the way, over all threads of the target. */
struct timeline_counts {
	u64 events;           /* without those that a chunk only says again */
	u64 lost;             /* as the trace's own counts say, all classes */
	u64 unreadable;       /* stretches of the file that could not be read */
	u64 repaired;         /* events that contradicted what was known */
	u64 missing_wakeups;  /* waits whose end was not seen: blocked until the switch-in */
	u64 spurious_wakeups; /* wakings of threads that were runnable already */
	u64 early_wakeups;    /* wakings that came before the switch-out they ended */
	u64 misuse[MISUSE_COUNT]; /* announcements against the rules; [0] is not used */
};

const struct timeline_counts *timeline_counts(const struct timeline *timeline);

/* The number of the latest event's time; the end, once finished. */
u64 timeline_now_ns(const struct timeline *timeline);
u64 timeline_start_ns(const struct timeline *timeline);

/* All threads, foreign ones too, in the order of their ids (the first has id 1). */
const struct thread_table *timeline_threads(const struct timeline *timeline);

/* "checkout"; what stands for a name that is not known. */
const char *task_name(const struct timeline *timeline, const struct task *task);

/* Whether the filter lets through what @thread did for @task (NULL: for none), whenever that was. */
bool timeline_selects(const struct timeline *timeline, const struct thread *thread,
		      const struct task *task);
bool timeline_splits(const struct timeline *timeline);

/* The object @id of a wait, or NULL. Valid as long as the timeline. */
const struct event_object *timeline_object(const struct timeline *timeline, u32 id);

/* One stack. Frames: see struct trace_stack. */
struct stack {
	const struct process *process; /* NULL: the kernel's */
	u32 id;
	u32 image;
	u8 flags; /* STACK_* */
	u8 end;   /* enum stack_end */
	u32 count;
	const u64 *frames;
};

/* Whether it does not reach its root, or got there by guesses. */
static inline bool stack_is_truncated(const struct stack *stack)
{
	return stack->end != STACK_END_ROOT || stack->flags & STACK_UNSURE;
}

/*
 * The stack @id as it is known now, or NULL. What it is may be told after its first use, and be
 * told better later: look when everything was read. Valid until the next event.
 */
const struct stack *timeline_stack(const struct timeline *timeline, u32 id);

/* Equal for ids whose stacks are equal: the same stack may be told under several ids. 0: not
 * known. Look when everything was read. */
u32 timeline_stack_number(const struct timeline *timeline, u32 id);

/* The highest of these numbers: they begin with 1. */
u32 timeline_stack_count(const struct timeline *timeline);

/* The stack with that number, without an id; NULL: none. Valid until the next call, or event:
 * what timeline_stack() has given is not valid any more, either. */
const struct stack *timeline_stack_numbered(struct timeline *timeline, u32 number);

/* The name of a thread or a process, as it is now; "" when not known. */
const char *thread_name(const struct timeline *timeline, const struct thread *thread);
const char *process_name(const struct timeline *timeline, const struct process *process);

#endif
