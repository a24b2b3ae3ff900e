/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* mapped - what an encoder remembers of mappings, to say it again now and then */
#ifndef TRACER_TRACE_MAPPED_H
#define TRACER_TRACE_MAPPED_H

#include "user/base/buffer.h"
#include "user/base/map.h"
#include "user/trace/threads.h"

/*
 * Limits: with 80 bytes a mapping and its path at most 5 MiB. What does not fit is told once, and
 * not again.
 */
#define MAPPED_ROWS_MAX  32768
#define MAPPED_PATHS_MAX (2U << 20) /* bytes */

struct mapped {
	struct map by_tgid; /* struct mapped_process * */
	u32 count;          /* mappings of all processes */
	size_t path_bytes;
	u64 chunk;      /* counts from 1 */
	u64 rest_bytes; /* that must be written before they are told again */
	bool wanted;    /* in the open chunk, of all processes */
};

/* A process mapped code, became another program, began or ended. Return: 0 or -ENOMEM. */
int mapped_learn(struct mapped *mapped, const struct trace_event *event);

/**
 * mapped_put() - the section: those that were told before the open chunk
 * @threads: whose processes these are; of the chunk
 *
 * Mappings are long and seldom change: they are told again when 32 times as many bytes were
 * written as they take, so that a stretch of much is never far from them and little stays
 * little. Adds nothing when it is not yet time.
 */
void mapped_put(struct mapped *mapped, struct buffer *b, const struct threads *threads);

/* Lets go of processes that ended. @chunk_bytes: of the one that was finished; @threads: those that
 * are left */
void mapped_next_chunk(struct mapped *mapped, size_t chunk_bytes, const struct threads *threads);
void mapped_free(struct mapped *mapped);

#endif
