// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * wake_chain - a producer wakes a worker, that wakes a writer, through pipes (--rounds 20)
 *
 * The producer sleeps 10 ms, so that the others wait; then one byte goes from hand to hand.
 */
#include "tests/workloads/workload.h"

static long rounds;
static int jobs[2], results[2];

static void pass_on(int from, int to)
{
	char byte;

	if (read(from, &byte, 1) != 1)
		die("cannot read");
	if (to >= 0 && write(to, &byte, 1) != 1)
		die("cannot write");
}

static void *producer(void *argument)
{
	struct thread_truth *t = truth_begin("producer");

	for (long i = 0; i < rounds; i++) {
		TIMED(t, "sleep", (sleep_ns(10 * MS), 0));
		if (write(jobs[1], "j", 1) != 1)
			die("cannot write");
	}
	truth_end(t);
	return NULL;
}

static void *worker(void *argument)
{
	struct thread_truth *t = truth_begin("worker");

	for (long i = 0; i < rounds; i++)
		TIMED(t, "read", (pass_on(jobs[0], results[1]), 0));
	truth_end(t);
	return NULL;
}

static void *writer(void *argument)
{
	struct thread_truth *t = truth_begin("writer");

	for (long i = 0; i < rounds; i++)
		TIMED(t, "read", (pass_on(results[0], -1), 0));
	truth_end(t);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[3];

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 20);
	if (pipe(jobs) || pipe(results))
		die("cannot make pipes");
	threads[0] = thread_start(writer, NULL);
	threads[1] = thread_start(worker, NULL);
	threads[2] = thread_start(producer, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	truth_print("%s", "");
	return workload_end();
}
