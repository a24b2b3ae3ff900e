// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* summarize - the numbers of a summary: which threads and waits matter, which are idleness */
#include <stdlib.h>

#include "user/report/summary.h"

/* Waits that are no more than idleness: waiting for anything to do. */
static bool is_idleness(const struct waits_row *row)
{
	/* The kernel's own threads, and who is stopped */
	bool without_call = row->kind == WAIT_OTHER && row->syscall == SYSCALL_NONE;

	return row->kind == WAIT_POLL || row->kind == WAIT_SLEEP || row->kind == WAIT_CHILD ||
	       without_call || row->unfinished == row->ns.count;
}

static int compare_waits(const void *left, const void *right)
{
	const struct waits_row *a = *(const struct waits_row *const *)left;
	const struct waits_row *b = *(const struct waits_row *const *)right;
	u64 a_ns = summary_active_ns(a), b_ns = summary_active_ns(b);

	if (is_idleness(a) != is_idleness(b))
		return is_idleness(a) ? 1 : -1;
	if (a_ns != b_ns)
		return a_ns < b_ns ? 1 : -1;
	return a < b ? -1 : a > b;
}

/* The rows that matter first, each part by its total. */
static int sort_waits(struct summary *sum, const struct waits *waits)
{
	sum->waits = calloc(waits->count + 1, sizeof(*sum->waits));
	if (!sum->waits)
		return -ENOMEM;
	sum->wait_count = waits->count;
	for (u32 i = 0; i < waits->count; i++) {
		const struct waits_row *row = &waits->rows[i];

		sum->waits[i] = row;
		sum->idle_ns += is_idleness(row) ? row->ns.total : row->unfinished_ns;
		if (is_idleness(row))
			continue;
		sum->active_count++;
		if (!sum->worst || row->worst_ns > sum->worst->worst_ns)
			sum->worst = row;
	}
	qsort(sum->waits, sum->wait_count, sizeof(*sum->waits), compare_waits);
	return 0;
}

int summarize(struct summary *sum, struct report *report)
{
	int r = times_rows(&sum->names, &sum->name_count, &report->times, TIMES_BY_NAME);

	if (r < 0)
		return r;
	sum->total = times_total(&report->times);
	sum->awake = times_of_awake(&report->times);
	r = waits_sort(&report->waits);
	if (r < 0)
		return r;
	r = sort_waits(sum, &report->waits);
	if (r < 0)
		return r;
	sched_sort(&report->sched);
	for (u32 i = 0; i < report->sched.rival_count && !sum->rival; i++)
		if (report->sched.rivals[i].name)
			sum->rival = &report->sched.rivals[i];
	return 0;
}
