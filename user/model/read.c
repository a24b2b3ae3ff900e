// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* read - a trace through a timeline */
#include "user/model/read.h"

#include <string.h>

u64 trace_end_ns(const struct trace_reader *reader)
{
	const struct trace_totals *totals = trace_reader_totals(reader);
	u64 end_ns = trace_reader_end_ns(reader);

	return totals ? max(end_ns, totals->end.mono_ns) : end_ns;
}

int timeline_read(struct timeline *timeline, struct trace_reader *reader, u64 from_ns, u64 to_ns,
		  struct err *err)
{
	u32 classes = trace_reader_info(reader)->class_mask;
	const struct trace_event *event;
	u64 end_ns;
	int r;

	timeline_expect_stacks(timeline, classes & 1u << CLASS_STACK);
	if (from_ns > trace_reader_begin_ns(reader) && !timeline_splits(timeline)) {
		r = trace_reader_seek(reader, from_ns, err);
		if (r < 0)
			return r;
	}
	while ((r = trace_reader_next(reader, &event, err)) > 0) {
		if (to_ns && event->time_ns >= to_ns)
			break;
		r = timeline_event(timeline, event);
		if (r < 0)
			return fail(err, r, "cannot follow the trace: %s", strerror(-r));
	}
	if (r < 0)
		return r;
	end_ns = trace_end_ns(reader);
	r = timeline_finish(timeline, to_ns ? min(to_ns, end_ns) : end_ns);
	if (r < 0)
		return fail(err, r, "cannot follow the trace to its end: %s", strerror(-r));
	return 0;
}
