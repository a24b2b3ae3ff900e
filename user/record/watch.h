/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * watch - looks at events as they are recorded, and says when a trigger is met
 *
 * It keeps what its triggers need and no more: which thread waits since when, which tasks and
 * regions are open. What goes on for too long is noticed while it goes on.
 */
#ifndef TRACER_RECORD_WATCH_H
#define TRACER_RECORD_WATCH_H

#include "user/base/cleanup.h"
#include "user/record/cause.h"
#include "user/record/trigger.h"
#include "user/trace/event.h"

/* What is beyond is not watched, and counted: 60 bytes a task, 130 a thread, 160 a name. */
#define WATCH_THREADS_MAX 65536
#define WATCH_TASKS_MAX	  65536
#define WATCH_NAMES_MAX	  4096
#define WATCH_DEPTH_MAX	  64 /* of regions in a thread */

struct watch;

struct watch_options {
	const struct trigger *triggers; /* stay */
	size_t count;
	/* What lasts is noticed before it ends only when it has lasted so long, too. */
	u64 running_ns;
	void (*met)(void *ctx, const struct cause *cause);
	void *ctx;
};

/* Return: 0; -EINVAL for names that nothing has; -ENOMEM, with @err filled. */
int watch_new(struct watch **out, const struct watch_options *options, struct err *err);
void watch_free(struct watch *watch);
DEFINE_CLEANUP(struct watch *, watch_free)

/* The event classes (1 << enum event_class) that triggers look at */
u32 watch_classes(const struct trigger *triggers, size_t count);

/* One event; those of a CPU in their order, CPUs in any order. */
void watch_event(struct watch *watch, const struct trace_event *event);

/*
 * All events of all CPUs up to @now_ns have been told. @events, @lost: ever, of the recording
 */
void watch_time(struct watch *watch, u64 now_ns, u64 events, u64 lost);

/* When the next watch_time() is wanted; UINT64_MAX: whenever. */
u64 watch_due_ns(const struct watch *watch);

/* watch_time() is wanted at least so often. */
unsigned int watch_interval_ms(const struct watch *watch);

/* What was not watched because there was no room for it */
u64 watch_left_out(const struct watch *watch);

#endif
