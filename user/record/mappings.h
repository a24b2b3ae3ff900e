/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* mappings - the code that processes have mapped, with build ids, told once each */
#ifndef TRACER_RECORD_MAPPINGS_H
#define TRACER_RECORD_MAPPINGS_H

#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/record/ring.h"

struct mappings;

int mappings_new(struct mappings **out, struct err *err);
void mappings_free(struct mappings *mappings);
DEFINE_CLEANUP(struct mappings *, mappings_free)

/* A process began, became another program, or mapped code: its mappings are to be read. */
void mappings_mark(struct mappings *mappings, u32 tgid);

/* When the next process that is marked may be read; UINT64_MAX: none is marked. */
u64 mappings_due_ns(const struct mappings *mappings);

/**
 * mappings_read() - read what marked processes have mapped
 * @most:  so many processes at most in this call; the others wait
 * @sink:  gets an EVENT_MAPPING for each executable mapping that was not told before
 *
 * Processes that have gone meanwhile are passed over. Source: /proc/PID/maps and the files
 * through /proc/PID/map_files; their content is not trusted.
 */
void mappings_read(struct mappings *mappings, unsigned int most, ring_sink sink, void *ctx);

#endif
