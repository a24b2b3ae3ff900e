/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* logs - what programs said, in order of time */
#ifndef TRACER_MODEL_LOGS_H
#define TRACER_MODEL_LOGS_H

#include "user/model/timeline.h"

#define LOGS_MAX (1 << 20) /* that are kept; the others are counted */

struct logs_row {
	u64 time_ns;
	const struct thread *thread;
	u32 thread_name; /* as it was; names_text() */
	u32 task;	 /* id; 0: none */
	u32 task_name;	 /* names_text(); of a task begun before the recording, 0 */
	u32 category;	 /* names_text() */
	bool cut;	 /* text or category were longer */
	char *text;	 /* NULL: "" */
};

struct logs {
	const struct timeline *timeline;
	u32 most;	      /* rows to keep, the first ones; 0: LOGS_MAX */
	const char *text;     /* only with this in their text, or a pattern; NULL: all */
	const char *category; /* the same of their category */
	struct logs_row *rows;
	u32 count;
	u32 room;
	u64 total; /* that were asked for, kept or not */
};

/* Fills @logs while the timeline runs, which is to split tasks. Source: EVENT_LOG. */
struct sink logs_sink(struct logs *logs);
void logs_free(struct logs *logs);

#endif
