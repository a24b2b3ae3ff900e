/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* exec_chain - a process that becomes another program 5 times (--links), every second time from
 * a thread that is not its first */
#include "tests/workloads/workload.h"

static char **next_argv;

static void exec_next(void)
{
	execv("/proc/self/exe", next_argv);
	die("cannot execute itself");
}

static void *exec_from_thread(void *unused)
{
	prctl(PR_SET_NAME, "exec-thread");
	sleep_ns(10 * MS);
	exec_next();
	return NULL;
}

int main(int argc, char **argv)
{
	long links = number_option(argc, argv, "--links", 5);
	long link = number_option(argc, argv, "--link", 0);
	const char *link_text = text_option(argc, argv, "--link", NULL);
	char links_room[32], link_room[32];
	char *arguments[] = { argv[0], "--links", links_room, "--link", link_room, NULL };
	struct thread_truth *t;

	if (!link_text)
		workload_begin(argc, argv);
	snprintf(link_room, sizeof(link_room), "link-%ld", link);
	prctl(PR_SET_NAME, link_room);
	sleep_ns(20 * MS);
	if (link == links) {
		t = truth_begin(NULL);
		TIMED(t, "sleep", (sleep_ns(20 * MS), 0));
		truth_end(t);
		truth_print(",\"links\":%ld", links);
		return 0;
	}

	snprintf(links_room, sizeof(links_room), "%ld", links);
	snprintf(link_room, sizeof(link_room), "%ld", link + 1);
	next_argv = arguments;
	if (link % 2)
		pthread_join(thread_start(exec_from_thread, NULL), NULL);
	exec_next();
	return 1;
}
