/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* losses - which events are missing: by CPU, class and time */
#ifndef TRACER_MODEL_LOSSES_H
#define TRACER_MODEL_LOSSES_H

#include "user/model/timeline.h"

#define LOSSES_MAX 4096 /* rows; then each one is joined with the next of its CPU */

struct losses_row {
	u16 cpu;         /* CPU_UNKNOWN for a damaged stretch */
	bool unreadable; /* a stretch of the file is damaged: counts unknown */
	u64 from_ns;
	u64 to_ns;
	u64 counts[CLASS_COUNT];
};

struct losses {
	struct losses_row *rows; /* in order of time */
	u32 count;
	u32 room;
	u64 counts[CLASS_COUNT];
	u64 events;     /* all of counts */
	u64 unreadable; /* stretches */
};

/* Fills @losses while the timeline runs. Source: EVENT_LOSS. */
struct sink losses_sink(struct losses *losses);
void losses_free(struct losses *losses);

#endif
