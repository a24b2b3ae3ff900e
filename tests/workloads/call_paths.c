// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * call_paths - threads that wait in many different stacks, or in a very deep one
 *
 *	--paths 100000	different ways down to where the threads nap, each of them once in a round
 *	--rounds 1
 *	--threads 4	which have the ways among them
 *	--depth N	instead, in each round a nap of 60 ms below N calls of the same function
 *
 * A way is a number: each of its PATH_BITS bits, the highest first, is a call of way_0() or
 * way_1(). So the number of a stack can be read off its frames.
 */
#include "tests/workloads/workload.h"

#define PATH_BITS 20

static long paths, rounds, threads;

static __attribute__((noipa)) int way_1(unsigned int path, int bits);

static __attribute__((noipa)) int nap(void)
{
	sleep_ns(50000);
	return 1;
}

static __attribute__((noipa)) int way_0(unsigned int path, int bits)
{
	int r = !bits                    ? nap()
		: path >> (bits - 1) & 1 ? way_1(path, bits - 1)
					 : way_0(path, bits - 1);

	__asm__ volatile("" : "+r"(r));
	return r;
}

static __attribute__((noipa)) int way_1(unsigned int path, int bits)
{
	int r = !bits                    ? nap()
		: path >> (bits - 1) & 1 ? way_1(path, bits - 1)
					 : way_0(path, bits - 1);

	__asm__ volatile("" : "+r"(r));
	return r;
}

static void *run(void *argument)
{
	long number = (long)argument;
	struct thread_truth *t;
	char name[16];

	snprintf(name, sizeof(name), "paths-%ld", number);
	/* A timer may not be late: it is the thread that decides how many waits there are. */
	prctl(PR_SET_TIMERSLACK, 1);
	t = truth_begin(name);
	for (long round = 0; round < rounds; round++)
		for (long path = number; path < paths; path += threads)
			way_0((unsigned int)path, PATH_BITS);
	truth_end(t);
	return NULL;
}

static __attribute__((noipa)) int descend(struct thread_truth *t, long depth)
{
	int r = depth > 1 ? descend(t, depth - 1) : TIMED(t, "nap", (sleep_ns(60 * MS), 1));

	__asm__ volatile("" : "+r"(r));
	return r;
}

int main(int argc, char **argv)
{
	long depth = number_option(argc, argv, "--depth", 0);
	pthread_t ids[THREADS_MAX];

	workload_begin(argc, argv);
	paths = number_option(argc, argv, "--paths", 100000);
	rounds = number_option(argc, argv, "--rounds", 1);
	threads = number_option(argc, argv, "--threads", 4);
	if (threads < 1 || threads > THREADS_MAX)
		threads = THREADS_MAX;
	if (depth) {
		struct thread_truth *t = truth_begin("deep");

		for (long round = 0; round < rounds; round++)
			descend(t, depth);
		truth_end(t);
	}
	for (long i = 0; i < threads && !depth; i++)
		ids[i] = thread_start(run, (void *)i);
	for (long i = 0; i < threads && !depth; i++)
		pthread_join(ids[i], NULL);
	truth_print("%s", "");
	return workload_end();
}
