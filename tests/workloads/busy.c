/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* busy - more running threads than CPUs: 4 (--threads) on 2 CPUs (--cpus) for 2 s (--ms, --pin) */
#include "tests/workloads/workload.h"

static long thread_count, cpu_count, run_ms;
static bool pinned;
static int cpus[CPU_SETSIZE];
static pthread_barrier_t start;

static void *busy(void *number)
{
	long i = (long)number;
	char name[32];
	struct thread_truth *t;
	uint64_t end;

	if (pinned) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpus[i % cpu_count], &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	snprintf(name, sizeof(name), "busy-%ld", i);
	pthread_barrier_wait(&start);
	t = truth_begin(name);
	end = now_ns() + (uint64_t)run_ms * MS;
	while (now_ns() < end)
		for (volatile int n = 0; n < 2000; n++)
			;
	truth_end(t);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	cpu_set_t allowed, used;
	long found = 0;

	workload_begin(argc, argv);
	thread_count = number_option(argc, argv, "--threads", 4);
	cpu_count = number_option(argc, argv, "--cpus", 2);
	run_ms = number_option(argc, argv, "--ms", 2000);
	pinned = flag_option(argc, argv, "--pin");
	if (thread_count > THREADS_MAX)
		thread_count = THREADS_MAX;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	CPU_ZERO(&used);
	for (int cpu = 0; cpu < CPU_SETSIZE && found < cpu_count; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_SET(cpu, &used);
		cpus[found++] = cpu;
	}
	cpu_count = found;
	sched_setaffinity(0, sizeof(used), &used);
	pthread_barrier_init(&start, NULL, (unsigned int)thread_count);

	for (long i = 0; i < thread_count; i++)
		threads[i] = thread_start(busy, (void *)i);
	for (long i = 0; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	truth_print(",\"cpus\":%ld", cpu_count);
	return workload_end();
}
