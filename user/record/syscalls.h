/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* syscalls - the names of this machine's system calls, and what each of them waits for */
#ifndef TRACER_RECORD_SYSCALLS_H
#define TRACER_RECORD_SYSCALLS_H

#include "bpf/config.h"
#include "user/base/util.h"

/* Parallel lists: numbers[i] (with SYSCALL_COMPAT for the 32-bit table) is called names[i]. */
struct syscall_names {
	const u16 *numbers;
	const char *const *names;
	size_t count;
};

/* Return: all that are known, the same list each time. Source: the headers of the build. */
const struct syscall_names *syscall_names(void);

/**
 * syscall_subjects() - by number, what a blocked call waits for
 * @native: enum syscall_subject of each number of this machine
 * @compat: the same for 32-bit programs
 */
void syscall_subjects(u8 native[SYSCALL_TABLE], u8 compat[SYSCALL_TABLE]);

#endif
