// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* target - what is recorded: processes that must exist, cgroups, and commands that we start */
#include "user/record/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"

int target_check_pid(pid_t pid, struct err *err)
{
	char path[64];

	/* /proc also answers for threads, which it does not list. */
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (!access(path, F_OK) || (kill(pid, 0) && errno == EPERM))
		return 0;
	fail(err, -ESRCH, "no process or thread has the number %d", pid);
	return hint(err, "look for it with: pgrep -a NAME");
}

void target_name(char name[32], pid_t pid)
{
	CLEANUP(fclose) FILE *file = NULL;
	char path[64], comm[32];

	strcpy(name, "?");
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(comm, sizeof(comm), file))
		return;
	comm[strcspn(comm, "\n")] = 0;
	/* A program names itself as it likes; this goes to a terminal. */
	text_printable(name, 32, comm);
}

/* Where the cgroup2 file system is mounted. Return: 0 or -ENOENT. */
static int cgroup_root(char *root, size_t room)
{
	FILE *mounts = setmntent("/proc/mounts", "r");
	struct mntent *mount;
	int r = -ENOENT;

	while (mounts && r && (mount = getmntent(mounts))) {
		if (strcmp(mount->mnt_type, "cgroup2"))
			continue;
		snprintf(root, room, "%s", mount->mnt_dir);
		r = 0;
	}
	if (mounts)
		endmntent(mounts);
	return r;
}

int target_cgroup(u64 *id, const char *path, struct err *err)
{
	char root[PATH_MAX], full[2 * PATH_MAX];
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} file = { .handle.handle_bytes = MAX_HANDLE_SZ };
	struct statfs fs;
	int mount;

	snprintf(full, sizeof(full), "%s", path);
	if (statfs(full, &fs) && !cgroup_root(root, sizeof(root)))
		snprintf(full, sizeof(full), "%s/%s", root, path);
	if (statfs(full, &fs)) {
		fail(err, -errno, "no cgroup '%s': %s", path, strerror(errno));
		return hint(err,
			    "a cgroup is a folder below the cgroup2 file system: "
			    "systemd-cgls shows them, /proc/PID/cgroup says where a process is");
	}
	if ((u32)fs.f_type != CGROUP2_SUPER_MAGIC) {
		fail(err, -ENOTSUP, "'%s' is no cgroup of version 2", path);
		return hint(err, "see where the cgroup2 file system is with: findmnt -t cgroup2");
	}
	if (name_to_handle_at(AT_FDCWD, full, &file.handle, &mount, 0) ||
	    file.handle.handle_bytes < sizeof(*id))
		return fail(err, -errno ?: -EINVAL, "cannot tell the number of cgroup '%s': %s",
			    path, strerror(errno));
	memcpy(id, file.handle.f_handle, sizeof(*id));
	return 0;
}

static void __attribute__((noreturn)) be_command(char **command, int go, int failed)
{
	int code;
	char byte;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	/* End of file instead of a byte: the recorder has gone, and with it the wish. */
	if (read(go, &byte, 1) != 1)
		_exit(127);
	execvp(command[0], command);
	code = errno;
	if (write(failed, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(code == ENOENT ? 127 : 126);
}

int command_start(struct command_child *child, char **command, struct err *err)
{
	int go[2], failed[2];

	if (pipe2(go, O_CLOEXEC))
		return fail(err, -errno, "cannot start '%s': %s", command[0], strerror(errno));
	if (pipe2(failed, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		return fail(err, -errno, "cannot start '%s': %s", command[0], strerror(errno));
	}
	child->pid = fork();
	if (!child->pid) {
		/* Else it would hold its own pipe open and never see the recorder go. */
		close(go[1]);
		close(failed[0]);
		be_command(command, go[0], failed[1]);
	}
	close(go[0]);
	close(failed[1]);
	child->go = go[1];
	child->failed = failed[0];
	if (child->pid > 0)
		return 0;
	fail(err, -errno, "cannot start '%s': %s", command[0], strerror(errno));
	close(child->go);
	close(child->failed);
	return err->code;
}

int command_go(struct command_child *child, const char *name, struct err *err)
{
	int code = 0, status;

	if (write(child->go, "", 1) != 1)
		return fail(err, -errno, "cannot start '%s': %s", name, strerror(errno));
	close(take_fd(&child->go));
	/* Closed by a successful exec; an errno otherwise. */
	if (read(child->failed, &code, sizeof(code)) != sizeof(code))
		code = 0;
	close(take_fd(&child->failed));
	if (!code)
		return 0;
	waitpid(child->pid, &status, 0);
	fail(err, -code, "cannot run '%s': %s", name, strerror(code));
	return hint(err, "the command stands behind --, as in: tracer -- %s ARG", name);
}

void command_abort(struct command_child *child)
{
	int status;

	if (child->go < 0)
		return;
	close(take_fd(&child->go));
	close(take_fd(&child->failed));
	waitpid(child->pid, &status, 0);
}
