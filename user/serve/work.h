/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * work - a command of tracer itself, run for a client, and ended when the client goes away
 *
 * A process of its own: what goes wrong in one request harms no other, and each has its probes
 * for itself.
 */
#ifndef TRACER_SERVE_WORK_H
#define TRACER_SERVE_WORK_H

#include "user/base/util.h"

#define WORK_ARGS_MAX 16

enum work_result {
	WORK_DONE,
	WORK_FAILED,
	WORK_LEFT, /* by the client, or because the server ends */
};

struct work {
	const char *args[WORK_ARGS_MAX]; /* without the program's name; NULL ends them */
	int client;			 /* socket; -1: nobody who could go away */
	int quit;			 /* readable when the server ends */
	char said[1024];		 /* filled: what it wrote to standard error */
};

/* Runs it and waits. It gets SIGTERM when nobody waits for it any more, and SIGKILL soon after. */
enum work_result work_run(struct work *work);

#endif
