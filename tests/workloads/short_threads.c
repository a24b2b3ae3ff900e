/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* short_threads - 2,000 threads (--count) that live for a moment, eight at a time */
#include "tests/workloads/workload.h"

#define AT_ONCE 8

static void *moment(void *number)
{
	char name[32];

	snprintf(name, sizeof(name), "short-%ld", (long)number);
	prctl(PR_SET_NAME, name);
	for (volatile int i = 0; i < 1000; i++)
		;
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[AT_ONCE];
	struct thread_truth *t;
	long count;

	workload_begin(argc, argv);
	count = number_option(argc, argv, "--count", 2000) / AT_ONCE * AT_ONCE;
	t = truth_begin("short-main");
	for (long i = 0; i < count; i += AT_ONCE) {
		for (long n = 0; n < AT_ONCE; n++)
			threads[n] = thread_start(moment, (void *)(i + n));
		for (long n = 0; n < AT_ONCE; n++)
			pthread_join(threads[n], NULL);
	}
	truth_end(t);
	truth_print(",\"count\":%ld", count);
	return workload_end();
}
