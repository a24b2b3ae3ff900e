// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * deep_frames - one wait below functions with large frames and no frame pointers
 *
 * It waits but once, so nothing can have been learnt of these functions before.
 */
#include "tests/workloads/workload.h"

#define LARGE 700

/* More than a register to give back, so that the frame is one, and no tail call */
#define LEVEL(name, next)                                  \
	static __attribute__((noipa)) int name(int depth)  \
	{                                                  \
		volatile char room[LARGE];                 \
                                                           \
		memset((char *)room, depth, sizeof(room)); \
		return next(depth + 1) + room[depth];      \
	}

static __attribute__((noipa)) int level_wait(int depth)
{
	const struct timespec time = { .tv_nsec = 500000000 };

	nanosleep(&time, NULL);
	return depth;
}

LEVEL(level_six, level_wait)
LEVEL(level_five, level_six)
LEVEL(level_four, level_five)
LEVEL(level_three, level_four)
LEVEL(level_two, level_three)
LEVEL(level_one, level_two)

int main(int argc, char **argv)
{
	workload_begin(argc, argv);
	truth_print(",\"depth\":%d", level_one(1));
	return workload_end();
}
