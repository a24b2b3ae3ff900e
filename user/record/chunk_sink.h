/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* chunk_sink - where finished chunks go: into a file, or into a window of memory */
#ifndef TRACER_RECORD_CHUNK_SINK_H
#define TRACER_RECORD_CHUNK_SINK_H

#include "user/base/err.h"
#include "user/trace/chunk.h"

struct chunk_sink {
	void *ctx;

	/* Whether it takes another chunk now. Without, the open one stays open and grows. */
	bool (*has_room)(void *ctx);

	/* @chunk: copied. Return: 0, or a negative errno with @err filled: it takes no more. */
	int (*put)(void *ctx, const struct chunk *chunk, struct err *err);
};

#endif
