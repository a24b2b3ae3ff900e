/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* epoll_server - a loop in epoll_wait that an eventfd, a timerfd and a socket wake in turn */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "tests/workloads/workload.h"

enum source { BY_EVENTFD, BY_TIMERFD, BY_SOCKET, SOURCES };

static long rounds, pause_ms;
static int fds[SOURCES], epoll_fd, far_end;

static void *loop(void *woken)
{
	struct thread_truth *t = truth_begin("event-loop");

	for (long i = 0; i < rounds * SOURCES; i++) {
		struct epoll_event event;
		char bytes[8];

		if (TIMED(t, "epoll_wait", epoll_wait(epoll_fd, &event, 1, -1)) != 1)
			die("cannot wait for events");
		((long *)woken)[event.data.u32]++;
		if (read(fds[event.data.u32], bytes, sizeof(bytes)) < 1)
			die("cannot read what epoll announced");
	}
	truth_end(t);
	return NULL;
}

static void *poker(void *unused)
{
	struct thread_truth *t = truth_begin("poker");
	struct itimerspec once = { .it_value.tv_nsec = pause_ms * 1000000 / 2 };
	uint64_t one = 1;

	for (long i = 0; i < rounds; i++) {
		TIMED(t, "sleep", (sleep_ns((uint64_t)pause_ms * MS), 0));
		if (write(fds[BY_EVENTFD], &one, sizeof(one)) != sizeof(one))
			die("cannot write to an eventfd");
		TIMED(t, "sleep", (sleep_ns((uint64_t)pause_ms * MS), 0));
		if (write(far_end, "x", 1) != 1)
			die("cannot write to a socket");
		timerfd_settime(fds[BY_TIMERFD], 0, &once, NULL);
	}
	truth_end(t);
	return NULL;
}

int main(int argc, char **argv)
{
	long woken[SOURCES] = { 0 };
	pthread_t threads[2];
	int pair[2];

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 20);
	pause_ms = number_option(argc, argv, "--ms", 10);

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("cannot make a pair of sockets");
	far_end = pair[1];
	fds[BY_EVENTFD] = eventfd(0, EFD_CLOEXEC);
	fds[BY_TIMERFD] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	fds[BY_SOCKET] = pair[0];
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned int i = 0; i < SOURCES; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &event))
			die("cannot watch a descriptor");
	}

	threads[0] = thread_start(loop, woken);
	threads[1] = thread_start(poker, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	truth_print(",\"by_eventfd\":%ld,\"by_timerfd\":%ld,\"by_socket\":%ld", woken[BY_EVENTFD],
		    woken[BY_TIMERFD], woken[BY_SOCKET]);
	return workload_end();
}
