/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* renamer - threads that change their own name and that of another thread */
#include "tests/workloads/workload.h"

static pthread_barrier_t step;
static struct thread_truth *renamed;

static void *other(void *unused)
{
	renamed = truth_begin("before-rename");
	pthread_barrier_wait(&step);
	pthread_barrier_wait(&step);
	sleep_ns(20 * MS);
	truth_end(renamed);
	return NULL;
}

int main(int argc, char **argv)
{
	struct thread_truth *t;
	pthread_t thread;

	workload_begin(argc, argv);
	pthread_barrier_init(&step, NULL, 2);
	t = truth_begin("first-name");
	thread = thread_start(other, NULL);
	pthread_barrier_wait(&step);
	sleep_ns(20 * MS);

	prctl(PR_SET_NAME, "second-name");
	snprintf(t->name, sizeof(t->name), "second-name");
	pthread_setname_np(thread, "by-another");
	snprintf(renamed->name, sizeof(renamed->name), "by-another");
	sleep_ns(20 * MS);
	pthread_barrier_wait(&step);
	pthread_join(thread, NULL);
	truth_end(t);
	truth_print(",\"names\":{\"first-name\":%d,\"second-name\":%d,\"before-rename\":%d,"
		    "\"by-another\":%d}",
		    t->tid, t->tid, renamed->tid, renamed->tid);
	return workload_end();
}
