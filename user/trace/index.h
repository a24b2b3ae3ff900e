/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* index - the last chunk of a file: where the others are, and the totals */
#ifndef TRACER_TRACE_INDEX_H
#define TRACER_TRACE_INDEX_H

#include "user/base/buffer.h"
#include "user/trace/arena.h"
#include "user/trace/reader.h"

/* A whole index chunk, head included, and the footer. Return: 0, -ENOMEM or -EIO. */
int index_put(struct buffer *b, const struct trace_chunk_info *chunks, size_t count,
	      const struct trace_totals *totals, u64 offset, u64 sequence);

struct index {
	struct trace_chunk_info *chunks; /* in the arena */
	size_t count;
	struct trace_totals *totals; /* in the arena; NULL: none */
};

/* The payload, decompressed. Return: 0, -EBADMSG or -ENOMEM. */
int index_get(struct index *index, const u8 *raw, size_t size, struct arena *arena);

#endif
