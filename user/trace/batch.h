/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* batch - the events of one chunk, decoded, and how they come out by time */
#ifndef TRACER_TRACE_BATCH_H
#define TRACER_TRACE_BATCH_H

#include "user/trace/arena.h"
#include "user/trace/event.h"
#include "user/trace/format.h"

struct batch_key {
	u64 time_ns;
	u32 at; /* in events */
};

/* The events of one CPU: keys from @next up to @end, sorted. */
struct batch_run {
	size_t next;
	size_t end;
};

struct batch {
	struct trace_event *events;
	struct batch_key *keys;
	size_t count, room;
	size_t restated;        /* the first ones: before all others, whatever their times */
	struct batch_run *runs; /* by CPU; as a heap while they are merged */
	size_t run_count, run_room;
	struct arena arena; /* what the events point to */
	u8 *raw;            /* the payload, decompressed */
	size_t raw_room;
};

/**
 * batch_decode() - the events of a chunk, unsorted
 * @batch:   emptied and filled
 * @head:    of the chunk, within the limits
 * @payload: head->bytes of it, checksum verified
 *
 * Trusts nothing: memory is bounded by the limits of format.h whatever the bytes say.
 *
 * Return: 0, -EBADMSG when the content is no chunk's, or -ENOMEM.
 */
int batch_decode(struct batch *batch, const struct chunk_head *head, const void *payload);

/* The payload, decompressed into batch->raw. As batch_decode(). */
int batch_inflate(struct batch *batch, const struct chunk_head *head, const void *payload);

/* Prepares the merge. */
void batch_sort(struct batch *batch);

/* The earliest event that is left; NULL: none. */
const struct trace_event *batch_next(struct batch *batch);

/* No event left, pointers invalid; memory is kept. */
void batch_empty(struct batch *batch);
void batch_free(struct batch *batch);

/* Begins a run with room for @count more events. Return: 0, -EBADMSG (too many) or -ENOMEM. */
int batch_begin_run(struct batch *batch, size_t count);

#endif
