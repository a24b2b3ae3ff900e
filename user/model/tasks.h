/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* tasks - how long tasks took, by name, and where the time of their threads went */
#ifndef TRACER_MODEL_TASKS_H
#define TRACER_MODEL_TASKS_H

#include "user/model/histogram.h"
#include "user/model/spent.h"
#include "user/model/times.h"

#define TASKS_ROWS_MAX	  4096 /* names; the tasks of all others are one row */
#define TASKS_SLOWEST_MAX 1000

/* One task that was told whole */
struct tasks_instance {
	u32 id;
	u32 name; /* names_text() */
	u32 parent;
	u8 flags; /* TASK_* */
	bool logged; /* with a log that was asked for */
	u64 begin_ns;
	u64 end_ns;
	u64 attended_ns; /* of that, at least one thread worked for it */
	u64 regions;	 /* that began in it */
	u64 logs;
	const struct thread *thread; /* that began it; NULL: of an empty one */
	struct spent spent;	     /* of all threads, while they worked for it */
};

enum tasks_which {
	TASKS_NAMED,
	TASKS_BEFORE, /* begun while nobody recorded: how many, nobody knows */
	TASKS_OTHER,  /* of all names for which there was no row */
};

struct tasks_row {
	struct times_row times; /* of all threads, while they worked for them */
	u32 name;		/* names_text() */
	u8 which;		/* enum tasks_which */
	u64 count;
	u64 incomplete; /* of them: begun or ended while nobody recorded, never ended, or dropped */
	u64 ends;	/* TASKS_BEFORE: how many of them ended */
	struct histogram latency; /* of the complete ones, from begin to end */
	u64 attended_ns;	  /* of the complete ones */
	u64 regions;
	u64 logs;
	struct tasks_instance slowest; /* of the complete ones; id 0: there is none */
};

/* Which instances are kept. */
struct tasks_query {
	u32 slowest; /* so many, at most TASKS_SLOWEST_MAX; 0: none */
	u64 longer_ns;
	const char *log; /* part of the text of one of its logs, or a pattern; NULL: any */
};

struct tasks {
	const struct timeline *timeline;
	struct tasks_query query;
	struct map open; /* id -> struct tasks_instance * */
	struct tasks_row *rows;
	u32 count;
	u32 room;
	struct map numbers;	       /* name and which -> row + 1 */
	struct tasks_instance *slowest; /* the slowest first */
	u32 slowest_count;
	u64 matching; /* instances that were asked for, kept or not */
};

/* @tasks: all zero. Return: 0 or -ENOMEM. */
int tasks_begin(struct tasks *tasks, const struct timeline *timeline,
		const struct tasks_query *query);

/**
 * tasks_sink() - fills @tasks while the timeline runs, which is to split tasks
 *
 * Memory: some hundred bytes for each task that is open, some KiB for each name.
 * Source: EVENT_TASK_*, intervals; with lost events, a lower bound.
 */
struct sink tasks_sink(struct tasks *tasks);

/* By the total latency, longest first. */
void tasks_sort(struct tasks *tasks);
void tasks_free_all(struct tasks *tasks);

/* "checkout"; what stands for those that have none. */
const char *tasks_row_name(const struct tasks *tasks, const struct tasks_row *row);

static inline bool tasks_is_whole(u8 flags)
{
	return (flags & (TASK_ENDED | TASK_UNBEGUN)) == TASK_ENDED;
}

#endif
