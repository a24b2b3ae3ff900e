/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* decode - the inside of a decoder: what a chunk lists, and the events that come of it */
#ifndef TRACER_TRACE_DECODE_H
#define TRACER_TRACE_DECODE_H

#include "user/trace/batch.h"
#include "user/trace/fields.h"
#include "user/trace/texts.h"
#include "user/trace/threads.h"

struct decoder {
	struct batch *batch;
	struct cursor sections[SECTION_COUNT];
	struct thread_row *rows;
	struct shape *shapes;
	u64 *addresses;
	struct text_table texts;
	u64 row_count, shape_count, address_count;
	u64 begin_ns;
	u64 events; /* with those of unknown kinds, which are left out */
};

/* Memory for what the events point to: more of it than the limit is no chunk's. As
 * batch_decode(). */
int decoder_take(struct decoder *d, void *out, u64 count, size_t size);

/* A section that is a count and so many rows; the count is no more than its bytes can hold. As
 * batch_decode(). */
int decoder_rows(struct decoder *d, enum section section, const struct field_table *table,
		 void *rows_out, u64 *count_out);

/* restate.c: the events that say again what was known at the chunk's begin. As batch_decode(). */
int decoder_restate(struct decoder *d);

/* One more event; batch_begin_run() has made room for it. */
static inline struct trace_event *decoder_event(struct decoder *d)
{
	return &d->batch->events[d->batch->count++];
}

static inline void decoder_end_run(struct decoder *d)
{
	d->batch->runs[d->batch->run_count - 1].end = d->batch->count;
}

#endif
