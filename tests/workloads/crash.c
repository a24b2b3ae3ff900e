/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* crash - several threads work for 300 ms (--ms), then one dies of SIGSEGV and takes all with it */
#include "tests/workloads/workload.h"

static long run_ms;

static void *worker(void *name)
{
	prctl(PR_SET_NAME, (const char *)name);
	for (;;) {
		spin_cpu_ns(MS);
		sleep_ns(5 * MS);
	}
	return NULL;
}

static void *crasher(void *unused)
{
	struct thread_truth *t = truth_begin("crasher");
	volatile int *nowhere = NULL;

	while (now_ns() - t->begin_ns < (uint64_t)run_ms * MS) {
		spin_cpu_ns(MS);
		TIMED(t, "sleep", (sleep_ns(5 * MS), 0));
	}
	truth_end(t);
	truth_print(",\"signal\":%d", SIGSEGV);
	*nowhere = 1;
	return NULL;
}

int main(int argc, char **argv)
{
	struct rlimit no_core = { 0, 0 };
	pthread_t thread;

	workload_begin(argc, argv);
	run_ms = number_option(argc, argv, "--ms", 300);
	setrlimit(RLIMIT_CORE, &no_core);
	thread_start(worker, "worker-a");
	thread_start(worker, "worker-b");
	thread = thread_start(crasher, NULL);
	pthread_join(thread, NULL);
	return 0;
}
