// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* kernel_names - the kernel's symbols, read in the background: nothing else has to wait for that */
#include "user/record/kernel_names.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/symbols/kernel.h"

#define NICE 10

static void *read_names(void *ctx)
{
	CLEANUP(fclose) FILE *file = fopen("/proc/kallsyms", "re");
	struct kernel_names *names = ctx;

	if (setpriority(PRIO_PROCESS, (id_t)gettid(), NICE))
		errno = 0;
	if (file && kernel_read(&names->kernel, file) < 0)
		names->kernel = NULL;
	__atomic_store_n(&names->read, true, __ATOMIC_RELEASE);
	return NULL;
}

void kernel_names_begin(struct kernel_names *names)
{
	names->started = !pthread_create(&names->thread, NULL, read_names, names);
}

bool kernel_names_ready(struct kernel_names *names, struct symbols *symbols, bool wait)
{
	if (names->given || !names->started)
		return true;
	if (!wait && !__atomic_load_n(&names->read, __ATOMIC_ACQUIRE))
		return false;
	pthread_join(names->thread, NULL);
	names->started = false;
	names->given = true;
	symbols_set_kernel(symbols, take(names->kernel));
	return true;
}

void kernel_names_end(struct kernel_names *names)
{
	if (names->started)
		pthread_join(names->thread, NULL);
	names->started = false;
	kernel_free(take(names->kernel));
}
