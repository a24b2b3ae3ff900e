/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* fork_chain - a process that begins a process that begins a process ... 5 deep (--depth), each
 * of which sleeps 20 ms and then executes nothing more */
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/workloads/workload.h"

#define DEPTH_MAX 64

int main(int argc, char **argv)
{
	struct thread_truth *t;
	pid_t *pids, child = 0;
	long depth, level;
	char name[32];
	int status;

	workload_begin(argc, argv);
	depth = number_option(argc, argv, "--depth", 5);
	if (depth > DEPTH_MAX)
		depth = DEPTH_MAX;
	pids = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pids == MAP_FAILED)
		die("no memory to share");

	for (level = 0; level <= depth; level++) {
		snprintf(name, sizeof(name), "level-%ld", level);
		prctl(PR_SET_NAME, name);
		pids[level] = getpid();
		sleep_ns(20 * MS);
		if (level == depth)
			_exit(0);
		child = fork();
		if (child < 0)
			die("cannot fork");
		if (child)
			break;
	}

	if (level) {
		waitpid(child, &status, 0);
		_exit(0);
	}
	t = truth_begin(NULL);
	TIMED(t, "wait4", waitpid(child, &status, 0));
	truth_end(t);
	printf("{\"pid\":%d,\"threads\":[", getpid());
	truth_print_thread(t);
	printf("],\"pids\":[%d", pids[0]);
	for (level = 1; level <= depth; level++)
		printf(",%d", pids[level]);
	printf("]}\n");
	fflush(stdout);
	return workload_end();
}
