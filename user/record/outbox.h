/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* outbox - finished chunks on their way into the file, written by a thread of their own */
#ifndef TRACER_RECORD_OUTBOX_H
#define TRACER_RECORD_OUTBOX_H

#include "user/base/cleanup.h"
#include "user/record/chunk_sink.h"
#include "user/trace/writer.h"

/*
 * A disk may stand still for seconds, and the rings do not last so long. So whoever drains them
 * leaves chunks here, and never waits. Memory: the chunks that wait, at most OUTBOX_BYTES and one
 * more.
 */
struct outbox;

#define OUTBOX_BYTES (12u << 20)

/**
 * outbox_new() - begin to write
 * @writer: belongs to the outbox until outbox_finish()
 *
 * Return: 0, or a negative errno with @err filled.
 */
int outbox_new(struct outbox **out, struct trace_writer *writer, struct err *err);

/* Writes no more, and gives up the file. */
void outbox_free(struct outbox *outbox);
DEFINE_CLEANUP(struct outbox *, outbox_free)

/*
 * Takes chunks as long as not too many wait to be written. It fails with -ENOMEM, or with what an
 * earlier chunk could not be written for.
 */
struct chunk_sink outbox_sink(struct outbox *outbox);

/* Bytes in the file by now. */
u64 outbox_bytes(const struct outbox *outbox);

/**
 * outbox_finish() - wait until all is written
 * @outbox: freed
 * @writer: set, also on failure: what was written is whole
 *
 * Return: 0, or what a chunk could not be written for, with @err filled.
 */
int outbox_finish(struct outbox *outbox, struct trace_writer **writer, struct err *err);

#endif
