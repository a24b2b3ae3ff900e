/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* sleeper - a thread that sleeps 20 times 50 ms (--count, --ms) */
#include "tests/workloads/workload.h"

static long count, ms;

static void *sleeper(void *unused)
{
	struct thread_truth *t = truth_begin("sleeper");

	for (long i = 0; i < count; i++) {
		struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

		TIMED(t, "clock_nanosleep", clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL));
	}
	truth_end(t);
	return NULL;
}

int main(int argc, char **argv)
{
	struct thread_truth *t;
	pthread_t thread;

	workload_begin(argc, argv);
	count = number_option(argc, argv, "--count", 20);
	ms = number_option(argc, argv, "--ms", 50);

	t = truth_begin("sleeper-main");
	thread = thread_start(sleeper, NULL);
	TIMED(t, "join", pthread_join(thread, NULL));
	truth_end(t);
	truth_print(",\"sleeps\":%ld", count);
	return workload_end();
}
