/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* mutex_pair - two threads pass a mutex that each holds for 50 ms (--rounds, --ms) */
#include "tests/workloads/workload.h"

static long rounds, hold_ms;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t start;

static void *holder(void *name)
{
	struct thread_truth *t = truth_begin(name);

	pthread_barrier_wait(&start);
	for (long i = 0; i < rounds; i++) {
		if (pthread_mutex_trylock(&mutex))
			TIMED(t, "lock", pthread_mutex_lock(&mutex));
		TIMED(t, "hold", (sleep_ns((uint64_t)hold_ms * MS), 0));
		pthread_mutex_unlock(&mutex);
		/* the other one takes it now: pthread mutexes are not fair by themselves */
		TIMED(t, "pause", (sleep_ns((uint64_t)hold_ms * MS / 10), 0));
	}
	truth_end(t);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t ping, pong;

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 10);
	hold_ms = number_option(argc, argv, "--ms", 50);
	pthread_barrier_init(&start, NULL, 2);

	ping = thread_start(holder, "ping");
	pong = thread_start(holder, "pong");
	pthread_join(ping, NULL);
	pthread_join(pong, NULL);
	truth_print(",\"futex\":\"%#lx\"", (unsigned long)&mutex);
	return workload_end();
}
