/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* regions - how long regions took, by name, and where the time of their threads went meanwhile */
#ifndef TRACER_MODEL_REGIONS_H
#define TRACER_MODEL_REGIONS_H

#include "user/model/histogram.h"
#include "user/model/spent.h"
#include "user/model/timeline.h"

#define REGIONS_ROWS_MAX    4096 /* names; the regions of all others are one row */
#define REGIONS_STACKS_MAX  16   /* of one name, that are told apart */
#define REGIONS_PENDING_MAX 8192 /* of one thread, whose intervals are not told yet */

/* Where regions of a name began */
struct regions_stack {
	u32 stack; /* timeline_stack(); 0: not recorded */
	u64 count;
	u64 ns;
};

struct regions_row {
	u32 name;   /* names_text(); 0: "" */
	bool other; /* of all names for which there was no row */
	u64 count;
	u64 incomplete; /* of them: begin or end was not announced while it was recorded */
	struct histogram latency; /* of the complete ones; those inside each other count each */
	u64 self_ns;		  /* of the complete ones, without the regions inside them */
	struct spent spent;	  /* of the complete ones: what their threads did meanwhile */
	/* the longest of the complete ones; thread NULL: there is none */
	const struct thread *thread;
	u64 begin_ns;
	u32 task; /* id; 0: none */
	struct spent longest_spent;
	struct regions_stack stacks[REGIONS_STACKS_MAX];
	u32 stack_count;
};

struct regions {
	const struct timeline *timeline;
	const char *const *names; /* of regions: filter_matches() one of them; none: all */
	size_t name_count;
	struct regions_thread **threads; /* by id - 1 */
	u32 thread_room;
	struct regions_row *rows;
	u32 count;
	u32 room;
	struct map numbers; /* name -> row + 1 */
};

/**
 * regions_sink() - fills @regions while the timeline runs
 * @regions: timeline and names are set, all else is 0
 *
 * Source: EVENT_REGION_*, intervals; with lost events, a lower bound.
 */
struct sink regions_sink(struct regions *regions);

/* All was told: what is pending counts; by the total latency, longest first. Return: 0 or -ENOMEM. */
int regions_finish(struct regions *regions);
void regions_free(struct regions *regions);

/* "fetch"; what stands for those that have none. */
const char *regions_row_name(const struct regions *regions, const struct regions_row *row);

#endif
