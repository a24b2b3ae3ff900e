// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* control_ask - the socket of a running recorder: the side of those who ask */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/record/control.h"

void control_directory(char *to, size_t room)
{
	const char *given = getenv("TRACER_RUN_DIR"), *own = getenv("XDG_RUNTIME_DIR");

	if (given && *given)
		snprintf(to, room, "%s", given);
	else if (geteuid() && own && *own)
		snprintf(to, room, "%s/tracer", own);
	else
		snprintf(to, room, "/run/tracer");
}

/* Return: a connected socket, or a negative errno. */
static int connect_to(pid_t pid)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char directory[256];
	int fd, r;

	control_directory(directory, sizeof(directory));
	if (snprintf(at.sun_path, sizeof(at.sun_path), "%s/%d.sock", directory, pid) >=
	    (int)sizeof(at.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return fd;
	r = -errno;
	close(fd);
	return r;
}

int control_ask(char answer[CONTROL_ANSWER_MAX], pid_t pid, const char *request, struct err *err)
{
	CLEANUP(close) int fd = connect_to(pid);
	ssize_t n;

	if (fd == -ENOENT || fd == -ECONNREFUSED) {
		fail(err, -ESRCH, "process %d is no flight recorder", pid);
		return hint(err, "tracer status lists those that run");
	}
	if (fd < 0)
		return fail(err, fd, "cannot talk to recorder %d: %s", pid, strerror(-fd));
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return fail(err, -errno, "cannot talk to recorder %d: %s", pid, strerror(errno));
	do {
		n = recv(fd, answer, CONTROL_ANSWER_MAX - 1, 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0) {
		fail(err, n ? -errno : -EPIPE, "recorder %d gave no answer", pid);
		return hint(err, "it has ended, or this user may not ask it");
	}
	answer[n] = 0;
	return 0;
}

size_t control_list(pid_t *pids, size_t room)
{
	const struct dirent *entry;
	char directory[256];
	size_t count = 0;
	DIR *list;

	control_directory(directory, sizeof(directory));
	list = opendir(directory);
	while (list && (entry = readdir(list))) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		int fd;

		if (pid <= 0 || strcmp(end, ".sock"))
			continue;
		fd = connect_to((pid_t)pid);
		if (fd < 0)
			continue;
		close(fd);
		if (count < room)
			pids[count] = (pid_t)pid;
		count++;
	}
	if (list)
		closedir(list);
	return count;
}
