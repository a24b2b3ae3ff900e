/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* begun - tasks and regions that have not ended, and who works for which: what a chunk says again */
#ifndef TRACER_TRACE_BEGUN_H
#define TRACER_TRACE_BEGUN_H

#include "user/base/buffer.h"
#include "user/base/map.h"
#include "user/trace/threads.h"

/* With 100 bytes and its name each at most 4 MiB. What is beyond is told once, and not again. */
#define BEGUN_MAX 16384

/* EVENT_TASK_BEGIN, EVENT_TASK_ENTER or EVENT_REGION_BEGIN that is still in force */
struct begun_row {
	u32 tid;
	u16 flags; /* ANNOTATION_* */
	u8 kind;   /* enum event_kind */
	u64 task;
	u64 value;
	u64 since_ns;
	const char *name;
};

extern const struct field_table begun_row_fields;

struct begun {
	struct buffer items;  /* struct begun_item, in the order in which they began */
	struct map by_task;   /* process and number -> position + 1 */
	struct map by_thread; /* tid -> position + 1 of the innermost thing that it is in */
	u64 chunk;            /* counts from 1 */
	bool some_over;       /* there is something to be dropped at the chunk's end */
};

/* An annotation, EVENT_EXEC or EVENT_EXIT; others are left alone. Return: 0 or -ENOMEM. */
int begun_learn(struct begun *begun, const struct trace_event *event,
		const struct threads *threads);

/* The section: what began before the open chunk and had not ended when that began. */
void begun_put(const struct begun *begun, struct buffer *b);

/* Lets go of what ended. Return: 0 or -ENOMEM. */
int begun_next_chunk(struct begun *begun);
void begun_free(struct begun *begun);

#endif
