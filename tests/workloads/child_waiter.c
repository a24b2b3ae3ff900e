/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* child_waiter - waits for children that live 20 ms: wait4, waitid and vfork */
#include <sys/wait.h>

#include "tests/workloads/workload.h"

static pid_t child_for(uint64_t ns)
{
	pid_t child = fork();

	if (child < 0)
		die("cannot fork");
	if (!child) {
		prctl(PR_SET_NAME, "child");
		sleep_ns(ns);
		_exit(0);
	}
	return child;
}

static void vfork_for(uint64_t ns)
{
	struct timespec ts = { 0, (long)ns };
	pid_t child = vfork();

	if (child < 0)
		die("cannot vfork");
	if (!child) {
		syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, NULL);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	struct thread_truth *t;
	uint64_t child_ns;
	siginfo_t info;
	long rounds;

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 10);
	child_ns = (uint64_t)number_option(argc, argv, "--ms", 20) * MS;

	t = truth_begin("child-waiter");
	for (long i = 0; i < rounds; i++) {
		pid_t child = child_for(child_ns);

		TIMED(t, "wait4", waitpid(child, NULL, 0));
		child = child_for(child_ns);
		TIMED(t, "waitid", waitid(P_PID, (id_t)child, &info, WEXITED));
		TIMED(t, "vfork", (vfork_for(child_ns), 0));
	}
	truth_end(t);
	truth_print(",\"children\":%ld", rounds * 3);
	return workload_end();
}
