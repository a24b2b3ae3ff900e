/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* times - where the time of each thread, name or process went */
#ifndef TRACER_MODEL_TIMES_H
#define TRACER_MODEL_TIMES_H

#include "user/model/task_groups.h"

struct time_sum {
	u64 ns;
	u64 count;
	u64 longest_ns;
};

struct times_row {
	const struct thread *thread; /* the one; of a group: its first */
	u32 task;                    /* by task: task_group_name() */
	u64 threads;                 /* how many; 1 without grouping */
	u64 observed_ns;             /* execution + scheduler wait + all waits, to the nanosecond */
	u64 unknown_ns;              /* not observed, because events were lost */
	struct time_sum execution;
	struct time_sum scheduler_wait;
	struct time_sum waits[WAIT_KIND_COUNT];
	u64 preempted; /* how often it lost its CPU unwillingly */
	u64 yielded;
	u64 migrated;
};

struct times {
	struct times_row *rows; /* by thread id - 1; by task: by its group */
	struct task_groups tasks; /* on: rows are of tasks; each of one or no thread */
	u32 count;
	u32 room;
};

enum times_by {
	TIMES_BY_THREAD,
	TIMES_BY_NAME, /* of the thread */
	TIMES_BY_PROCESS,
	TIMES_BY_TASK, /* with times.tasks on */
};

/* Adds one more interval to a row. */
void times_row_add(struct times_row *row, const struct interval *interval);

/* Fills @times while the timeline runs. Source: intervals. */
struct sink times_sink(struct times *times);

/**
 * times_rows() - the rows, by the longest execution first, then by scheduler wait and waits
 * @out:   set on success, to be freed
 * @count: set on success
 * @times: complete
 *
 * Threads without observed time are left out. Source: EVENT_SWITCH, EVENT_WAKING; with
 * lost events, a lower bound.
 *
 * Return: 0 or -ENOMEM.
 */
int times_rows(struct times_row **out, size_t *count, const struct times *times, enum times_by by);

/* The sum over all threads. */
struct times_row times_total(const struct times *times);

/* The sum over the threads that ran or could have run; the others slept throughout. */
struct times_row times_of_awake(const struct times *times);

/* All waits of a row in one. */
struct time_sum times_waits(const struct times_row *row);
void times_free(struct times *times);

#endif
