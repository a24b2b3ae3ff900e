// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* notify - tells a service manager (NOTIFY_SOCKET, as sd_notify(3) has it) that we are there */
#include "user/record/notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_tell(const char *message)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t length = path ? strlen(path) : 0;
	int fd;

	/* "@" stands for the 0 of an abstract address. */
	if (!length || (*path != '/' && *path != '@') || length >= sizeof(at.sun_path))
		return;
	memcpy(at.sun_path, path, length);
	if (*path == '@')
		at.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* There is nobody to tell of a failure, and nothing depends on it. */
	(void)!sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&at,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	close(fd);
}

void notify_alive(u64 now_ns)
{
	static u64 told_ns;
	const char *limit = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	u64 limit_ns = limit ? strtoull(limit, NULL, 10) * NSEC_PER_USEC : 0;

	if (!limit_ns || (pid && atol(pid) != getpid()) || now_ns - told_ns < limit_ns / 2)
		return;
	told_ns = now_ns;
	notify_tell("WATCHDOG=1");
}
