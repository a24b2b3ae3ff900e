/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* clock - the clocks of a trace, in nanoseconds */
#ifndef TRACER_BASE_CLOCK_H
#define TRACER_BASE_CLOCK_H

#include <time.h>

#include "user/base/util.h"

static inline u64 clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (u64)now.tv_sec * NSEC_PER_SEC + (u64)now.tv_nsec;
}

/* CLOCK_MONOTONIC: the time of every event */
static inline u64 clock_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* One instant on the three clocks that a trace knows */
struct clock_stamp {
	u64 mono_ns;
	u64 boot_ns;	/* CLOCK_BOOTTIME: goes on while the machine is suspended */
	u64 wall_ns;	/* CLOCK_REALTIME, since 1970 */
};

static inline struct clock_stamp clock_stamp_now(void)
{
	return (struct clock_stamp){
		.mono_ns = clock_ns(CLOCK_MONOTONIC),
		.boot_ns = clock_ns(CLOCK_BOOTTIME),
		.wall_ns = clock_ns(CLOCK_REALTIME),
	};
}

#endif
