/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* mappings - the code that processes have mapped, with build ids, told once each */
#ifndef TRACER_RECORD_MAPPINGS_H
#define TRACER_RECORD_MAPPINGS_H

#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/record/ring.h"

/*
 * A thread of its own reads them: /proc/PID/maps waits for who holds the process's memory map, and
 * a file for its disk or network, perhaps for ever. All calls but mappings_finish() return at once.
 */
struct mappings;

int mappings_new(struct mappings **out, struct err *err);

/* A thread that is stuck is left behind, with what it uses. */
void mappings_free(struct mappings *mappings);
DEFINE_CLEANUP(struct mappings *, mappings_free)

/* A process began, or mapped code: its mappings are to be read. */
void mappings_mark(struct mappings *mappings, u32 tgid);

/* It became another program: all that it has mapped now is new. */
void mappings_exec(struct mappings *mappings, u32 tgid);

/* When it is worth to take what was read; UINT64_MAX: nothing is marked. */
u64 mappings_due_ns(struct mappings *mappings);

/**
 * mappings_take() - what was read since the last call
 * @sink: gets an EVENT_MAPPING for each executable mapping that was not told before
 *
 * Processes that have gone meanwhile are passed over. Source: /proc/PID/maps and the files
 * through /proc/PID/map_files; their content is not trusted.
 */
void mappings_take(struct mappings *mappings, ring_sink sink, void *ctx);

/**
 * mappings_finish() - wait until all that is marked has been read, and take it
 * @wait_ns: at most so long
 *
 * Return: how many processes have not been read.
 */
unsigned int mappings_finish(struct mappings *mappings, u64 wait_ns, ring_sink sink, void *ctx);

#endif
