// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* named - the processes of a name */
#include "user/record/named.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/record/host.h"
#include "user/record/notify.h"

#define LOOK_MS     100
#define COMM_LENGTH 15

static bool is_called(pid_t pid, const char *name)
{
	char path[64], text[4096];
	const char *slash;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (!host_read_line(text, sizeof(text), path) && !strncmp(text, name, COMM_LENGTH) &&
	    strlen(text) == strnlen(name, COMM_LENGTH))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	length = readlink(path, text, sizeof(text) - 1);
	if (length <= 0)
		return false;
	text[length] = 0;
	slash = strrchr(text, '/');
	return slash && !strcmp(slash + 1, name);
}

size_t named_processes(const char *name, pid_t *pids, size_t room)
{
	const struct dirent *entry;
	DIR *list = opendir("/proc");
	size_t count = 0;

	while (list && (entry = readdir(list))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid <= 0 || pid == getpid() || !is_called(pid, name))
			continue;
		if (count < room)
			pids[count] = pid;
		count++;
	}
	if (list)
		closedir(list);
	return count;
}

size_t named_wait(const char *name, pid_t *pids, size_t room)
{
	struct timespec pause = { .tv_nsec = LOOK_MS * (long)NSEC_PER_MSEC };
	sigset_t set, before;
	size_t count;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &before);
	do {
		count = named_processes(name, pids, room);
		notify_alive(clock_mono_ns());
	} while (!count && sigtimedwait(&set, NULL, &pause) < 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return count;
}
