/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* summary - what the summary knows before it says a word */
#ifndef TRACER_REPORT_SUMMARY_H
#define TRACER_REPORT_SUMMARY_H

#include <errno.h>

#include "user/report/table.h"

struct summary {
	struct times_row total;
	struct times_row awake;  /* without threads that slept all the time */
	struct times_row *names; /* the busiest first */
	size_t name_count;
	const struct waits_row **waits; /* those that matter first, then idleness */
	size_t wait_count;
	size_t active_count;             /* of them, no idleness */
	u64 idle_ns;                     /* total of the others */
	const struct waits_row *worst;   /* with the longest single wait that matters */
	const struct sched_rival *rival; /* whom the scheduler preferred most */
};

/* Fills @sum from the tables of @report; names and waits are to be freed. Return: 0 or -ENOMEM. */
int summarize(struct summary *sum, struct report *report);

/* A wait that nobody ended is a thread of a pool with nothing to do, most of the time. */
static inline u64 summary_active_ns(const struct waits_row *row)
{
	return row->ns.total - row->unfinished_ns;
}

/* One sentence where the numbers are clear. Return: false when they are not. */
bool summary_advice(char to[CELL_TEXT_MAX], const struct report *report, const struct summary *sum);

/* The first @count of @rows in the columns of the waits report that matter most. */
int waits_print_excerpt(const struct report *report, const struct waits_row **rows, size_t count);

#endif
