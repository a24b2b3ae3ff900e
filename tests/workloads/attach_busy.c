/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * attach_busy - threads in known states before a recorder comes: one per kind of wait, one running
 *
 * Prints {"ready":PID,"threads":[...]} when every thread is where it should be. Each SIGUSR1 ends
 * every wait once, and the threads go back into the same wait. SIGTERM ends all.
 */
#include <linux/futex.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/workloads/workload.h"

struct state {
	const char *name;
	const char *kind; /* as reports call it; "execution" for the one that runs */
	const char *syscall;
	long (*wait)(void);
	void (*release)(void);
	pid_t tid;
};

static int socket_pair[2], tcp_pair[2], pipe_pair[2], epoll_pipe[2], epoll_fd, event_fd;
static uint32_t word;
static pid_t child;

static long give(int fd)
{
	uint64_t one = 1;

	return write(fd, &one, sizeof(one));
}

static long take_from(int fd)
{
	uint64_t value;

	return read(fd, &value, sizeof(value));
}

static long wait_unix(void)
{
	return take_from(socket_pair[0]);
}

static void release_unix(void)
{
	give(socket_pair[1]);
}

static long wait_tcp(void)
{
	char bytes[8];

	return recv(tcp_pair[0], bytes, sizeof(bytes), 0);
}

static void release_tcp(void)
{
	give(tcp_pair[1]);
}

static long wait_pipe(void)
{
	return take_from(pipe_pair[0]);
}

static void release_pipe(void)
{
	give(pipe_pair[1]);
}

static long wait_futex(void)
{
	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void release_futex(void)
{
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static long wait_eventfd(void)
{
	return take_from(event_fd);
}

static void release_eventfd(void)
{
	give(event_fd);
}

static long wait_epoll(void)
{
	struct epoll_event event;

	if (epoll_wait(epoll_fd, &event, 1, -1) == 1)
		return take_from(epoll_pipe[0]);
	return -1;
}

static void release_epoll(void)
{
	give(epoll_pipe[1]);
}

static long wait_sleep(void)
{
	sleep_ns(3600 * 1000 * MS);
	return 0;
}

static long wait_child(void)
{
	return waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT);
}

static long keep_running(void)
{
	for (volatile long i = 0; i < 1000000; i++)
		;
	return 0;
}

static void release_nothing(void)
{
}

static struct state states[] = {
	{ "in-unix", "network", "read", wait_unix, release_unix, 0 },
	{ "in-tcp", "network", "recvfrom", wait_tcp, release_tcp, 0 },
	{ "in-pipe", "pipe", "read", wait_pipe, release_pipe, 0 },
	{ "in-futex", "sync", "futex", wait_futex, release_futex, 0 },
	{ "in-eventfd", "sync", "read", wait_eventfd, release_eventfd, 0 },
	{ "in-epoll", "poll", "epoll_wait", wait_epoll, release_epoll, 0 },
	{ "in-sleep", "sleep", "clock_nanosleep", wait_sleep, release_nothing, 0 },
	{ "in-child", "child", "waitid", wait_child, release_nothing, 0 },
	{ "running", "execution", "", keep_running, release_nothing, 0 },
};
#define STATES (sizeof(states) / sizeof(states[0]))

static void *state_thread(void *argument)
{
	struct state *state = argument;

	prctl(PR_SET_NAME, state->name);
	__atomic_store_n(&state->tid, thread_id(), __ATOMIC_RELEASE);
	while (state->wait() >= 0)
		;
	return NULL;
}

static void open_everything(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tcp_pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &size) ||
	    connect(tcp_pair[1], (struct sockaddr *)&address, size))
		die("cannot connect over loopback");
	tcp_pair[0] = accept(listener, NULL, NULL);
	close(listener);

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	event_fd = eventfd(0, EFD_CLOEXEC);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socket_pair) ||
	    pipe2(pipe_pair, O_CLOEXEC) || pipe2(epoll_pipe, O_CLOEXEC) ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, epoll_pipe[0], &event))
		die("cannot open what is waited for");

	child = fork();
	if (child < 0)
		die("cannot fork");
	if (!child) {
		prctl(PR_SET_NAME, "sleeping-child");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

int main(int argc, char **argv)
{
	sigset_t set;
	long released = 0;

	open_everything();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_NAME, "attach-main");

	for (size_t i = 0; i < STATES; i++) {
		thread_start(state_thread, &states[i]);
		while (!__atomic_load_n(&states[i].tid, __ATOMIC_ACQUIRE))
			sleep_ns(MS);
		if (states[i].wait != keep_running && !wait_blocked(states[i].tid))
			die("thread %s does not block", states[i].name);
	}
	printf("{\"ready\":%d,\"child\":%d,\"threads\":[", getpid(), child);
	for (size_t i = 0; i < STATES; i++)
		printf("%s{\"tid\":%d,\"name\":\"%s\",\"kind\":\"%s\",\"syscall\":\"%s\"}",
		       i ? "," : "", states[i].tid, states[i].name, states[i].kind,
		       states[i].syscall);
	printf("]}\n");
	fflush(stdout);

	for (;;) {
		int number = sigwaitinfo(&set, NULL);

		if (number == SIGTERM)
			break;
		if (number != SIGUSR1)
			continue;
		for (size_t i = 0; i < STATES; i++)
			states[i].release();
		released++;
	}
	printf("{\"pid\":%d,\"released\":%ld}\n", getpid(), released);
	fflush(stdout);
	kill(child, SIGKILL);
	return 0;
}
