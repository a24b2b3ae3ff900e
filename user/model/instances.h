/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* instances - all that happened in some tasks, in order of time */
#ifndef TRACER_MODEL_INSTANCES_H
#define TRACER_MODEL_INSTANCES_H

#include "user/model/tasks.h"
#include "user/model/waits.h"

#define MOMENTS_MAX 2048 /* of one task; then the shortest waits are left out, then what comes last */

enum moment_kind {
	MOMENT_ENTER, /* a thread works for the task, until end_ns */
	MOMENT_REGION,
	MOMENT_WAIT,
	MOMENT_SCHED, /* scheduler wait */
	MOMENT_LOG,
	MOMENT_PART, /* a task that is part of it begins */
};

struct moment {
	u64 time_ns;
	u64 end_ns; /* MOMENT_LOG, MOMENT_PART: the same */
	const struct thread *thread;
	u8 kind;	/* enum moment_kind */
	u8 wait;	/* MOMENT_WAIT: enum wait_kind; MOMENT_SCHED: enum runnable_why */
	u16 syscall;	/* MOMENT_WAIT; SYSCALL_NONE */
	bool open;	/* its end was not seen: it is that of the recording, or implied */
	u32 name;	/* of the region, part; a log's category; names_text() */
	u32 what;	/* MOMENT_WAIT: whats_get() */
	u32 part;	/* MOMENT_PART: id */
	u32 stack;	/* where it waited, or began; timeline_stack(), 0: none */
	bool woken;	/* MOMENT_WAIT: who ended it is known */
	struct waits_waker waker;
	char *text; /* MOMENT_LOG, NULL: "" */
};

struct instance {
	struct tasks_instance is; /* of the pass before */
	char *link;		  /* traceparent; NULL */
	struct moment *moments;
	u32 count;
	u32 room;
	u64 left_out; /* for want of room */
	u64 left_out_ns;
};

struct instances {
	struct timeline *timeline;
	struct instance *list; /* in the order in which they were given */
	u32 count;
	struct map numbers; /* task id -> number + 1 */
	struct whats whats;
};

/**
 * instances_begin() - which tasks are of interest
 * @instances: timeline is set, and will be read from its begin with the same filter as that which
 *             told @slowest; all else is 0
 *
 * Return: 0 or -ENOMEM; to be given to instances_free() in any case.
 */
int instances_begin(struct instances *instances, const struct tasks_instance *slowest, u32 count);

/* Fills @instances while its timeline runs. Source: EVENT_TASK_*, EVENT_REGION_*, EVENT_LOG, and
 * intervals. */
struct sink instances_sink(struct instances *instances);

/* All was told: moments are in order of time, what lies around another one comes first. */
void instances_finish(struct instances *instances);

/* Leaves out waits of less than @least_ns, then the shortest ones, until at most @most moments are
 * left, or no waits. */
void instance_fit(struct instance *instance, u32 most, u64 least_ns);

/* How many regions of the same thread lie around the @i-th moment. */
u32 instance_depth(const struct instance *instance, u32 i);
void instances_free(struct instances *instances);

#endif
