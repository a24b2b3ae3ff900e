/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* stacks - a profile by where threads waited alone, whoever they were and whoever woke them */
#ifndef TRACER_MODEL_STACKS_H
#define TRACER_MODEL_STACKS_H

#include "user/model/profile.h"

struct stacks_row {
	u32 user_stack; /* timeline_stack(); 0: none */
	u32 kernel_stack;
	u32 process; /* id of the threads'; 0: of BARE_OTHER */
	u16 syscall;
	u8 kind; /* enum wait_kind */
	u8 why;  /* of a scheduler wait: enum runnable_why */
	u8 bare; /* enum profile_bare */
	u64 count;
	u64 ns;
	u64 longest_ns;
};

/**
 * stacks_rows() - the rows of a profile added up by stack, kind and system call
 * @out:     set on success, to be freed; the longest total first
 * @count:   set on success
 * @profile: finished
 *
 * Return: 0 or -ENOMEM.
 */
int stacks_rows(struct stacks_row **out, size_t *count, const struct profile *profile);

/* How much of it has a stack, and why the rest has none. */
struct stacks_cover {
	struct {
		u64 count;
		u64 ns;
	} by[BARE_OTHER + 1]; /* enum profile_bare */
	u64 count;
	u64 ns;
};

struct stacks_cover stacks_cover(const struct stacks_row *rows, size_t count);

#endif
