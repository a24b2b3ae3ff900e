/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* urgency - the rings fill whether the drain has a CPU or not: it goes before others, briefly */
#ifndef TRACER_RECORD_URGENCY_H
#define TRACER_RECORD_URGENCY_H

#include "user/base/util.h"

struct urgency {
	bool begun, urgent;
	int nice;		/* as it was */
	u64 cpu_ns, wall_ns;	/* at the last look */
};

/*
 * From here on the calling thread, and no thread or process that it begins, has the lowest of the
 * real-time priorities; where that is not allowed, nice -10. Its pages stay in memory once they
 * were used. Without the rights for either, all stays as it is.
 */
void urgency_begin(struct urgency *urgency);

/* Every now and then: who takes more than half a CPU must not keep others from it. */
void urgency_check(struct urgency *urgency);

/* As it was before urgency_begin(). */
void urgency_end(struct urgency *urgency);

#endif
