/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* source - a trace's bytes, and which chunks lie in them */
#ifndef TRACER_TRACE_SOURCE_H
#define TRACER_TRACE_SOURCE_H

#include "user/base/buffer.h"
#include "user/base/err.h"
#include "user/trace/format.h"
#include "user/trace/index.h"
#include "user/trace/reader.h"

/* Read with pread: a file that is cut while it is mapped would kill us. */
struct source {
	int fd;
	u64 size; /* when it was opened */
	char *path;
	struct buffer bytes; /* of the chunk that was read last */
};

int source_open(struct source *source, const char *path, struct err *err);
void source_close(struct source *source);

/* Return: 0; -ENODATA when the file ends before; another negative errno with @err filled. */
int source_read(struct source *source, void *to, u64 offset, size_t size, struct err *err);

/**
 * source_chunk() - one whole chunk, checked
 * @payload: set to source->bytes, valid until the next call
 *
 * Return: 0; -EBADMSG when no good chunk lies there, -ENODATA when the file ends within it
 * (@head is set then); -ENOMEM or a read error with @err filled.
 */
int source_chunk(struct source *source, u64 offset, struct chunk_head *head, const u8 **payload,
		 struct err *err);

/* What a search from begin to end found. */
struct scan {
	struct buffer chunks; /* struct trace_chunk_info, of events */
	struct buffer gaps;   /* bool for each: bytes in front of it could not be read */
	bool gap_at_end;
	u64 index_offset; /* of the last index chunk, 0: none */
	struct trace_damage damage;
};

/* From @offset on; with @search the first one may lie behind it. Return: 0 or a negative errno. */
int scan_chunks(struct scan *scan, struct source *source, u64 offset, bool search, struct err *err);

#endif
