/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* kernel - names of the running kernel's functions */
#ifndef TRACER_SYMBOLS_KERNEL_H
#define TRACER_SYMBOLS_KERNEL_H

#include <stdio.h>

#include "user/base/buffer.h"
#include "user/base/cleanup.h"
#include "user/symbols/index.h"

#define KERNEL_NAME_MAX 256

struct kernel {
	struct index index;
	struct buffer names;	/* module's number (2 bytes), name, 0 */
	struct buffer modules;	/* texts one after the other, the first is "" */
};

/**
 * kernel_read() - what a file in the form of /proc/kallsyms says
 * @kernel: set on success
 * @file:   read to its end
 *
 * Return: 0; -EACCES when it says that all addresses are 0 (kptr_restrict); -ENODATA when it
 * names no function; -E2BIG; -ENOMEM.
 */
int kernel_read(struct kernel **kernel, FILE *file);
void kernel_free(struct kernel *kernel);
DEFINE_CLEANUP(struct kernel *, kernel_free)

/* The function that @address lies in, its begin, and its module ("": the kernel itself). Valid as
 * long as @kernel. Return: whether there is one. */
bool kernel_find(const struct kernel *kernel, u64 address, const char **name, u64 *begin,
		 const char **module);

#endif
