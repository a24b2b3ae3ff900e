/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* memory - what a process has in its memory, read from outside while it goes on */
#ifndef TRACER_RECORD_MEMORY_H
#define TRACER_RECORD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "user/base/util.h"

#define MEMORY_FIRST 16384 /* bytes that are read at once; a stack's, mostly all that is asked for */

struct memory {
	pid_t pid;
	u64 begin;
	u64 bytes;
	u8 data[MEMORY_FIRST];
};

/* Return: bytes read; fewer than asked for where the memory ends, 0 when the process has gone. */
size_t memory_read(void *to, pid_t pid, u64 address, size_t bytes);

/* Reads what lies at @address and behind it. */
void memory_begin(struct memory *memory, pid_t pid, u64 address);

/* A word of what was read, or of what is there now; an unwind_read. @ctx: a struct memory */
bool memory_word(void *ctx, u64 address, u64 *word);

#endif
