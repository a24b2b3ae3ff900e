/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* futexes - the variables that threads waited for, by name */
#ifndef TRACER_FRAMES_FUTEXES_H
#define TRACER_FRAMES_FUTEXES_H

#include "user/frames/frames.h"

#define FUTEX_NAME_MAX 256

/**
 * futexes_name() - the variable that a futex word lies in
 * @name:    "queue_lock"; "pool+0x28" inside a larger one; cut when it is longer
 * @module:  of the program or library that it belongs to; lives as long as @frames
 * @frames:  after all events
 * @pid:     whose memory
 * @address: of the word
 * @time_ns: of a wait for it
 *
 * Source: the mappings in the trace, and files on this machine that are verified to be the
 * ones that were mapped. Where two programs that the process ran one after the other both have
 * a variable at @address, and of different names, nobody can tell.
 *
 * Return: whether there is one. Words in the heap, on stacks and in shared memory have no name.
 */
bool futexes_name(char name[FUTEX_NAME_MAX], const char **module, const struct frames *frames,
		  u32 pid, u64 address, u64 time_ns);

#endif
