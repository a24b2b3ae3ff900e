/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* read - a trace through a timeline */
#ifndef TRACER_MODEL_READ_H
#define TRACER_MODEL_READ_H

#include "user/model/timeline.h"
#include "user/trace/reader.h"

/**
 * timeline_read() - all events of a trace, or of the stretch that a filter selects
 * @timeline: new, with its sinks; finished on success
 * @reader:   at its begin; read to the end of the stretch
 * @from_ns:  CLOCK_MONOTONIC; chunks that end before it are left out; 0: from the begin
 * @to_ns:    events behind it are not read; 0: to the end
 *
 * The end of the recording is what the totals say, else the end of the last chunk.
 *
 * Return: 0; what the reader or a sink returned, with @err filled.
 */
int timeline_read(struct timeline *timeline, struct trace_reader *reader, u64 from_ns, u64 to_ns,
		  struct err *err);

/* When a recording ended. */
u64 trace_end_ns(const struct trace_reader *reader);

#endif
