/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* pipe_pair - a reader that waits for a slow writer, and a writer that waits for a slow reader */
#include "tests/workloads/workload.h"

static long rounds, slow_ms;
static int empty_pipe[2], full_pipe[2];

static void *slow_end(void *unused)
{
	struct thread_truth *t = truth_begin("slow-end");
	char bytes[4096] = { 0 };

	for (long i = 0; i < rounds; i++) {
		TIMED(t, "sleep", (sleep_ns((uint64_t)slow_ms * MS), 0));
		if (write(empty_pipe[1], "x", 1) != 1)
			die("cannot write to a pipe");
	}
	for (long i = 0; i < rounds; i++) {
		TIMED(t, "sleep", (sleep_ns((uint64_t)slow_ms * MS), 0));
		if (read(full_pipe[0], bytes, sizeof(bytes)) != sizeof(bytes))
			die("cannot read from a pipe");
	}
	truth_end(t);
	return NULL;
}

static void *waiting_end(void *unused)
{
	struct thread_truth *t = truth_begin("waiting-end");
	char bytes[4096] = { 0 };

	for (long i = 0; i < rounds; i++)
		if (TIMED(t, "read", read(empty_pipe[0], bytes, 1)) != 1)
			die("cannot read from a pipe");
	for (long i = 0; i < rounds; i++)
		if (TIMED(t, "write", write(full_pipe[1], bytes, sizeof(bytes))) != sizeof(bytes))
			die("cannot write to a pipe");
	truth_end(t);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	char bytes[4096] = { 0 };

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 20);
	slow_ms = number_option(argc, argv, "--ms", 10);
	if (pipe2(empty_pipe, O_CLOEXEC) || pipe2(full_pipe, O_CLOEXEC))
		die("cannot make a pipe");
	fcntl(full_pipe[1], F_SETPIPE_SZ, 4096);
	if (write(full_pipe[1], bytes, sizeof(bytes)) != sizeof(bytes))
		die("cannot fill a pipe");

	threads[0] = thread_start(slow_end, NULL);
	threads[1] = thread_start(waiting_end, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	truth_print(",\"rounds\":%ld", rounds);
	return workload_end();
}
