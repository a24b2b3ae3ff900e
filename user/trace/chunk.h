/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* chunk - events on their way into a self-contained stretch of a trace */
#ifndef TRACER_TRACE_CHUNK_H
#define TRACER_TRACE_CHUNK_H

#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/trace/event.h"

/*
 * The encoder turns events into chunks. It remembers the threads, names, objects and
 * stacks that it has seen, because each chunk tells them anew: a reader may begin with any chunk.
 * It knows nothing of files: the recorder hands finished chunks to a trace_writer, a
 * flight recorder keeps them in memory.
 *
 * Memory, when chunks are finished as soon as they are full: at most 12 MiB (the open chunk's
 * columns 7, the finished chunk 2, zstd 2), 2.5 KiB for each CPU that has events, 240 bytes for
 * each thread of the target (and for at most 16384 others), 200 for each of at most 65536 objects,
 * at most 5 MiB for mappings (see mapped.h), 4 for tasks and regions that have not ended, and 11 for stacks (see stacks.h; 6 more for a moment
 * while some are forgotten or said again).
 */
struct chunk_encoder;

/* A finished chunk, ready to be written as it is; belongs to the encoder until its next call. */
struct chunk {
	const void *data;
	size_t bytes;
	u64 begin_ns;
	u64 end_ns; /* no event of this chunk is later, none of a later chunk is earlier */
	u64 events;
	u64 lost;
};

/**
 * chunk_encoder_new() - an encoder with all its memory
 * @out:      set on success
 * @cpus:     how many CPUs can have events (highest number + 1)
 * @start_ns: CLOCK_MONOTONIC of the recording's begin: the begin of the first chunk
 *
 * Return: 0, or -ENOMEM with @err filled.
 */
int chunk_encoder_new(struct chunk_encoder **out, unsigned int cpus, u64 start_ns, struct err *err);
void chunk_encoder_free(struct chunk_encoder *encoder);
DEFINE_CLEANUP(struct chunk_encoder *, chunk_encoder_free)

/**
 * chunk_add() - one event into the open chunk
 * @encoder: has an open chunk
 * @event:   read and not kept; its pointers are followed
 *
 * The events of one CPU come in the order of that CPU's ring (nearly sorted by time); CPUs
 * come in any order. The recorder's hot path: it allocates only for threads, names and
 * objects that are new.
 *
 * Return: 0; -ENOMEM, or -ENOSPC when the chunk was full long ago (the event was left out, the
 * caller counts it as a loss); -EINVAL for a kind or CPU that does not exist.
 */
int chunk_add(struct chunk_encoder *encoder, const struct trace_event *event);

/* The open chunk tells the mappings of all processes of the target, whatever they take. */
void chunk_tell_mappings(struct chunk_encoder *encoder);

/* Whether the open chunk should be finished because of its size. */
bool chunk_full(const struct chunk_encoder *encoder);

/* Events in the open chunk. */
u64 chunk_events(const struct chunk_encoder *encoder);

/**
 * chunk_finish() - close the open chunk and begin the next
 * @encoder: goes on with a new chunk that begins at @end_ns
 * @end_ns:  all events up to this time have been added
 * @out:     the compressed chunk, checksum included
 *
 * Return: 0, or -ENOMEM or -EIO (compression) with @err filled.
 */
int chunk_finish(struct chunk_encoder *encoder, u64 end_ns, struct chunk *out, struct err *err);

#endif
