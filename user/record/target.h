/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* target - what is recorded: processes that must exist, cgroups, and commands that we start */
#ifndef TRACER_RECORD_TARGET_H
#define TRACER_RECORD_TARGET_H

#include <sys/types.h>

#include "user/base/err.h"
#include "user/base/util.h"

/* Return: 0; -ESRCH with advice when no process or thread has this number. */
int target_check_pid(pid_t pid, struct err *err);

/* The name of a process or thread, "?" when it has gone. Source: /proc/PID/comm. */
void target_name(char name[32], pid_t pid);

/**
 * target_cgroup() - the kernel's number of a cgroup
 * @id:   set on success
 * @path: a folder of a cgroup2 file system, or a path below its root: "/system.slice/x"
 *
 * Return: 0; -ENOENT, -ENOTSUP (it is of cgroup version 1), ... with @err filled.
 */
int target_cgroup(u64 *id, const char *path, struct err *err);

/* A command that stands before its first instruction */
struct command_child {
	pid_t pid;
	int go;		/* writing to it lets the command begin; -1 when it has */
	int failed;	/* an errno comes from it when the command cannot be run; -1: closed */
};

int command_start(struct command_child *child, char **command, struct err *err);

/* Lets it begin. Return: 0, or -ENOENT, -EACCES, ... with @err filled: it could not be run. */
int command_go(struct command_child *child, const char *name, struct err *err);

/* Ends a command that was never let go. */
void command_abort(struct command_child *child);

#endif
