/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* poller - poll, ppoll, select and pselect, with descriptors (any of several) and without (only time) */
#include <poll.h>
#include <sys/select.h>

#include "tests/workloads/workload.h"

static long rounds, ms;
static int fds[2];

/* Writes a byte each time the poller asks for one, after a while. */
static void *writer(void *unused)
{
	struct thread_truth *t = truth_begin("writer");

	for (long i = 0; i < rounds * 4; i++) {
		TIMED(t, "sleep", (sleep_ns((uint64_t)ms * MS), 0));
		if (write(fds[1], "x", 1) != 1)
			die("cannot write to a pipe");
	}
	truth_end(t);
	return NULL;
}

static void take_byte(void)
{
	char byte;

	if (read(fds[0], &byte, 1) != 1)
		die("cannot read from a pipe");
}

static void poll_descriptors(struct thread_truth *t)
{
	struct pollfd pollfd = { .fd = fds[0], .events = POLLIN };
	fd_set set;

	for (long i = 0; i < rounds; i++) {
		TIMED(t, "poll", poll(&pollfd, 1, -1));
		take_byte();
		TIMED(t, "ppoll", ppoll(&pollfd, 1, NULL, NULL));
		take_byte();
		FD_ZERO(&set);
		FD_SET(fds[0], &set);
		TIMED(t, "select", syscall(SYS_select, fds[0] + 1, &set, NULL, NULL, NULL));
		take_byte();
		FD_ZERO(&set);
		FD_SET(fds[0], &set);
		TIMED(t, "pselect6", pselect(fds[0] + 1, &set, NULL, NULL, NULL, NULL));
		take_byte();
	}
}

static void poll_nothing(struct thread_truth *t)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	for (long i = 0; i < rounds; i++) {
		struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

		TIMED(t, "poll_nothing", poll(NULL, 0, (int)ms));
		TIMED(t, "ppoll_nothing", ppoll(NULL, 0, &ts, NULL));
		TIMED(t, "select_nothing", syscall(SYS_select, 0, NULL, NULL, NULL, &tv));
		TIMED(t, "pselect6_nothing", pselect(0, NULL, NULL, NULL, &ts, NULL));
	}
}

int main(int argc, char **argv)
{
	struct thread_truth *t;
	pthread_t thread;

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 10);
	ms = number_option(argc, argv, "--ms", 10);
	if (pipe2(fds, O_CLOEXEC))
		die("cannot make a pipe");

	t = truth_begin("poller");
	thread = thread_start(writer, NULL);
	poll_descriptors(t);
	pthread_join(thread, NULL);
	poll_nothing(t);
	truth_end(t);
	truth_print(",\"rounds\":%ld", rounds);
	return workload_end();
}
