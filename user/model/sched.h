/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* sched - how long runnable threads waited for a CPU, and who had it instead */
#ifndef TRACER_MODEL_SCHED_H
#define TRACER_MODEL_SCHED_H

#include "user/model/histogram.h"
#include "user/model/timeline.h"

/* Who ran instead, by name. */
struct sched_rival {
	u32 name;     /* names_text(); 0: the idle thread, or nobody known */
	bool foreign; /* outside the target */
	u64 count;
	u64 ns; /* scheduler wait of threads of the target meanwhile */
};

struct sched {
	struct histogram latency; /* runnable to running, all */
	struct histogram by_why[WHY_COUNT];
	u64 left[LEAVE_STATE_COUNT]; /* switch-outs by how */
	u64 runs;                    /* stretches of execution */
	u64 run_ns;
	u64 migrations;
	const struct thread *longest; /* who waited longest, since when */
	u64 longest_begin_ns;
	struct sched_rival *rivals;
	u32 rival_count;
	u32 rival_room;
	struct map rival_numbers;
};

/* Fills @sched while the timeline runs. Source: intervals. */
struct sink sched_sink(struct sched *sched);

/* Rivals by the time that was waited for them; afterwards nothing may be added. */
void sched_sort(struct sched *sched);
void sched_free(struct sched *sched);

#endif
