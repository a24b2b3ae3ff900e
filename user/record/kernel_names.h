/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* kernel_names - the kernel's symbols, read in the background: nothing else has to wait for that */
#ifndef TRACER_RECORD_KERNEL_NAMES_H
#define TRACER_RECORD_KERNEL_NAMES_H

#include <pthread.h>

#include "user/symbols/symbols.h"

struct kernel_names {
	pthread_t thread;
	bool started;
	bool read;	/* by the thread */
	bool given;	/* to the symbols */
	struct kernel *kernel;	/* the thread's until it is read; NULL: the kernel hides them */
};

/* Begins to read, behind everybody else's work; all signals are blocked then. */
void kernel_names_begin(struct kernel_names *names);

/* Whether @symbols knows the kernel's names now. @wait: until it does */
bool kernel_names_ready(struct kernel_names *names, struct symbols *symbols, bool wait);
void kernel_names_end(struct kernel_names *names);

#endif
