/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * storm - as many system calls in a second as asked for (--rate, --threads, --seconds)
 *
 * Each thread makes its share in bursts of a millisecond, and sleeps between them: what it cannot
 * make in its millisecond is left out. SIGTERM ends it before its time. Tells how many were made.
 */
#include "tests/workloads/workload.h"

static long per_ms;
static uint64_t until_ns;
static volatile sig_atomic_t ending;

static void end(int number)
{
	ending = 1;
}

static void *storm(void *made)
{
	uint64_t next_ns = now_ns();

	prctl(PR_SET_NAME, "storm");
	while (!ending && next_ns < until_ns) {
		for (long i = 0; i < per_ms; i++)
			syscall(SYS_getppid);
		*(uint64_t *)made += (uint64_t)per_ms;
		next_ns += MS;
		if (next_ns > now_ns())
			sleep_ns(next_ns - now_ns());
		else
			next_ns = now_ns(); /* what is missed is not made up for */
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long threads = number_option(argc, argv, "--threads", 2);
	long rate = number_option(argc, argv, "--rate", 100000);
	long seconds = number_option(argc, argv, "--seconds", 600);
	uint64_t made[THREADS_MAX] = { 0 }, sum = 0, from_ns;
	pthread_t ids[THREADS_MAX];

	workload_begin(argc, argv);
	signal(SIGTERM, end);
	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	per_ms = rate / 1000 / threads;
	from_ns = now_ns();
	until_ns = from_ns + (uint64_t)seconds * 1000 * MS;
	for (long i = 0; i < threads; i++)
		ids[i] = thread_start(storm, &made[i]);
	for (long i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		sum += made[i];
	}
	truth_print(",\"made\":%llu,\"took_ns\":%llu", (unsigned long long)sum,
		    (unsigned long long)(now_ns() - from_ns));
	return workload_end();
}
