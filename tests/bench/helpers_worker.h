/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* helpers_worker - a process that does what is measured, on the last CPU, and says what it took */
#ifndef TRACER_BENCH_HELPERS_WORKER_H
#define TRACER_BENCH_HELPERS_WORKER_H

#include <sys/types.h>

#include "user/base/err.h"
#include "user/base/util.h"

struct worker {
	pid_t pid; /* 0: not begun */
	int ask, answer;
};

/* What it does, in the process itself */
struct work {
	void (*begin)(void); /* once, on its CPU; NULL: nothing */
	void (*run)(u32 number);
};

/* Ends with its parent. Return: 0, or a negative errno with @err filled. */
int worker_start(struct worker *worker, const struct work *work, struct err *err);

/* @ns: CPU time of the process in work->run(@number). Return: 0; -EPIPE: it has ended. */
int worker_run(u64 *ns, const struct worker *worker, u32 number, struct err *err);

void worker_end(struct worker *worker);

#endif
