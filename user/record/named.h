/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* named - the processes of a name */
#ifndef TRACER_RECORD_NAMED_H
#define TRACER_RECORD_NAMED_H

#include <sys/types.h>

#include "user/base/util.h"

/*
 * Those that are called so, or whose program is: all of them, but this process. Source: /proc/PID/comm,
 * which is cut at 15 bytes, and /proc/PID/exe. Return: how many; at most @room of them in @pids.
 */
size_t named_processes(const char *name, pid_t *pids, size_t room);

/*
 * Waits until there is one, or until SIGINT, SIGTERM or SIGHUP. Return: as named_processes(); 0: a
 * signal came.
 */
size_t named_wait(const char *name, pid_t *pids, size_t room);

#endif
