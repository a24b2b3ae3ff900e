// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* work - a command of tracer itself, run for a client, and ended when the client goes away */
#include "user/serve/work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"

#define PROGRAM "/proc/self/exe"
#define END_MS  2000 /* to end by itself */

/* In the child: nothing but what may be called between fork() and exec() among threads. */
static void begin(const struct work *work, pid_t parent, int errors)
{
	const char *args[WORK_ARGS_MAX + 1] = { "tracer" };
	int nothing = open("/dev/null", O_RDWR);
	sigset_t none;

	for (int i = 0; i < WORK_ARGS_MAX && work->args[i]; i++)
		args[i + 1] = work->args[i];
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 ||
	    dup2(errors, 2) < 0)
		_exit(127);
	execv(PROGRAM, (char **)args);
	_exit(127);
}

/* What fits of it; the rest is read, too, so that it never waits for us. Return: false at its end */
static bool listen_to(struct work *work, size_t *used, int fd)
{
	char text[512];
	ssize_t bytes = read(fd, text, sizeof(text));
	size_t kept = bytes > 0 ? min((size_t)bytes, sizeof(work->said) - 1 - *used) : 0;

	memcpy(work->said + *used, text, kept);
	*used += kept;
	return bytes > 0 || (bytes < 0 && errno == EINTR);
}

/* Until it has closed its standard error, which it does when it ends. Return: false: left */
static bool wait_for(struct work *work, pid_t pid, int errors)
{
	struct pollfd fds[] = { { .fd = errors, .events = POLLIN },
				{ .fd = work->client, .events = POLLRDHUP },
				{ .fd = work->quit, .events = POLLIN } };
	bool left = false;
	u64 until = 0;
	size_t used = 0;

	for (;;) {
		u64 now = clock_mono_ns();

		if (left && now >= until) {
			kill(pid, SIGKILL);
			return false;
		}
		if (poll(fds, left ? 1 : ARRAY_SIZE(fds),
			 left ? (int)((until - now) / NSEC_PER_MSEC) + 1 : -1) < 0 &&
		    errno != EINTR)
			return false;
		if (fds[0].revents && !listen_to(work, &used, errors))
			return !left;
		if (!left && (fds[1].revents || fds[2].revents)) {
			left = true;
			until = now + END_MS * NSEC_PER_MSEC;
			kill(pid, SIGTERM);
		}
	}
}

enum work_result work_run(struct work *work)
{
	pid_t parent = getpid(), pid;
	int ends[2], status;
	bool stayed;

	memset(work->said, 0, sizeof(work->said));
	if (pipe2(ends, O_CLOEXEC)) {
		snprintf(work->said, sizeof(work->said), "no pipe: %s", strerror(errno));
		return WORK_FAILED;
	}
	pid = fork();
	if (!pid)
		begin(work, parent, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		snprintf(work->said, sizeof(work->said), "no process: %s", strerror(errno));
		return WORK_FAILED;
	}
	stayed = wait_for(work, pid, ends[0]);
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return WORK_FAILED;
	if (!stayed)
		return WORK_LEFT;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? WORK_DONE : WORK_FAILED;
}
