/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* writer - chunks into a file that has a head, and at its end an index and totals */
#ifndef TRACER_TRACE_WRITER_H
#define TRACER_TRACE_WRITER_H

#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/trace/chunk.h"
#include "user/trace/info.h"

struct trace_writer;

/**
 * trace_writer_open() - begin a file under a temporary name
 * @out:     set on success
 * @path:    the name it gets at the end; until then it is "PATH.partial", mode 0600
 * @replace: an existing file at @path may be replaced (else -EEXIST)
 * @info:    written to the head
 *
 * Return: 0, or a negative errno with @err filled; then nothing is left behind.
 */
int trace_writer_open(struct trace_writer **out, const char *path, bool replace,
		      const struct trace_info *info, struct err *err);

/**
 * trace_writer_chunk() - append a finished chunk
 *
 * One write(2): what was appended survives a kill of the recorder. On failure the file is cut
 * back to its last whole chunk, so that trace_writer_finish() still makes a good file.
 *
 * Return: 0, or a negative errno (-ENOSPC, -EDQUOT, -EIO, ...) with @err filled.
 */
int trace_writer_chunk(struct trace_writer *writer, const struct chunk *chunk, struct err *err);

/* trace_writer_finish() gives the file its name only when all of it is on the disk. */
void trace_writer_sync(struct trace_writer *writer);

/* Bytes in the file so far. */
u64 trace_writer_bytes(const struct trace_writer *writer);

/**
 * trace_writer_finish() - write index and totals, give the file its name, and close
 * @writer: freed in any case
 *
 * Where there is no room for the index the file is renamed without one: it can be rebuilt.
 *
 * Return: 0, or a negative errno with @err filled (the data is then under the temporary name,
 * which the error tells).
 */
int trace_writer_finish(struct trace_writer *writer, const struct trace_totals *totals,
			struct err *err);

/* Gives up: closes and removes the temporary file. Accepts NULL. */
void trace_writer_abort(struct trace_writer *writer);
DEFINE_CLEANUP(struct trace_writer *, trace_writer_abort)

#endif
