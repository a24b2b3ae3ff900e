// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sched - how long runnable threads waited for a CPU, and who had it */
#include <string.h>

#include "user/base/text.h"
#include "user/report/spread.h"
#include "user/report/table.h"

#define CAUSES (1 + WHY_COUNT) /* all, and by why */

struct latency_row {
	const char *why;
	const struct histogram *ns;
};

static void get_why(struct cell *cell, const struct report *report, const void *row)
{
	cell_text(cell, ((const struct latency_row *)row)->why);
}

static void get_count(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct latency_row *)row)->ns->count;
}

static void get_total(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct latency_row *)row)->ns->total;
}

#define GET_QUANTILE(name, share)                                                                \
	static void get_##name(struct cell *cell, const struct report *report, const void *row)  \
	{                                                                                        \
		cell->number = histogram_quantile(((const struct latency_row *)row)->ns, share); \
	}

GET_QUANTILE(p50, 0.5)
GET_QUANTILE(p90, 0.9)
GET_QUANTILE(p99, 0.99)
GET_QUANTILE(max, 1.0)

static const struct column latency_columns[] = {
	{ "RUNNABLE BECAUSE", "why", CELL_TEXT, 0, false, get_why, NULL },
	{ "COUNT", "count", CELL_COUNT, 0, false, get_count, NULL },
	{ "TOTAL", "total_ns", CELL_NS, 0, false, get_total, NULL },
	{ "P50", "p50_ns", CELL_NS, 3, false, get_p50, NULL },
	{ "P90", "p90_ns", CELL_NS, 4, false, get_p90, NULL },
	{ "P99", "p99_ns", CELL_NS, 2, false, get_p99, NULL },
	{ "MAX", "max_ns", CELL_NS, 0, false, get_max, NULL },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

static void get_rival(struct cell *cell, const struct report *report, const void *row)
{
	const struct sched_rival *rival = row;
	const char *name = names_text(&timeline_threads(report->timeline)->names, rival->name);

	cell_text(cell, *name ? name : rival->foreign ? "(unnamed)" : "(idle or not known)");
}

static void get_rival_where(struct cell *cell, const struct report *report, const void *row)
{
	const struct sched_rival *rival = row;

	cell->none = !rival->name && !rival->foreign;
	cell_text(cell, cell->none ? "" : rival->foreign ? "outside" : "target");
}

static void get_rival_count(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct sched_rival *)row)->count;
}

static void get_rival_ns(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct sched_rival *)row)->ns;
}

static void get_rival_share(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct sched_rival *)row)->ns;
	cell->whole = report->sched.latency.total;
}

static const struct column rival_columns[] = {
	{ "RAN INSTEAD", "name", CELL_TEXT, 0, false, get_rival, NULL },
	{ "OF", "of", CELL_TEXT, 0, false, get_rival_where, NULL },
	{ "TIMES", "count", CELL_COUNT, 0, false, get_rival_count, NULL },
	{ "WAITED FOR", "scheduler_wait_ns", CELL_NS, 0, false, get_rival_ns, NULL },
	{ "SHARE", NULL, CELL_SHARE, 0, false, get_rival_share, NULL },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

static u64 voluntary(const struct sched *sched)
{
	return sched->left[LEAVE_SLEEPING] + sched->left[LEAVE_DISK] + sched->left[LEAVE_YIELDED] +
	       sched->left[LEAVE_STOPPED] + sched->left[LEAVE_IDLE] + sched->left[LEAVE_PARKED];
}

static void json_switches(struct json *json, const struct sched *sched)
{
	json_key(json, "switches");
	json_object(json);
	json_key_u64(json, "runs", sched->runs);
	json_key_u64(json, "run_ns", sched->run_ns);
	json_key_u64(json, "preempted", sched->left[LEAVE_PREEMPTED]);
	json_key_u64(json, "voluntary", voluntary(sched));
	json_key_u64(json, "yielded", sched->left[LEAVE_YIELDED]);
	json_key_u64(json, "migrations", sched->migrations);
	json_object_end(json);
}

static void print_switches(const struct report *report)
{
	const struct sched *sched = &report->sched;
	char text[4][TEXT_MAX], mean[CELL_TEXT_MAX], name[NAME_SHOWN_MAX];
	struct cell cell = { .number = sched->runs ? sched->run_ns / sched->runs : 0 };

	fprintf(report->out,
		"left the CPU: %s preempted, %s voluntarily; %s migrations\nmean run: %s\n",
		text_count(text[0], sched->left[LEAVE_PREEMPTED]),
		text_count(text[1], voluntary(sched)), text_count(text[2], sched->migrations),
		cell_show(mean, report, CELL_NS, &cell));
	if (!sched->longest)
		return;
	cell.number = sched->latency.most;
	cell_show(mean, report, CELL_NS, &cell);
	name_show(name, thread_name(report->timeline, sched->longest));
	fprintf(report->out, "longest: %s of %s (tid %u) at %.6f s\n", mean, name,
		sched->longest->tid,
		(double)(sched->longest_begin_ns - timeline_start_ns(report->timeline)) / 1e9);
}

int report_sched(struct report *report, struct json *json)
{
	struct sched *sched = &report->sched;
	struct latency_row rows[CAUSES] = { { "all", &sched->latency } };
	struct table latency = {
		.name = "sched",
		.columns = latency_columns,
		.rows = rows,
		.row_bytes = sizeof(rows[0]),
		.row_count = 1,
		.fit = CAUSES,
	};
	struct table rivals = {
		.name = "instead",
		.columns = rival_columns,
		.row_bytes = sizeof(struct sched_rival),
		.fit = 8,
	};
	int r;

	for (int why = 0; why < WHY_COUNT; why++)
		if (sched->by_why[why].count)
			rows[latency.row_count++] =
				(struct latency_row){ runnable_why_name((enum runnable_why)why),
						      &sched->by_why[why] };
	sched_sort(sched);
	rivals.rows = sched->rivals;
	rivals.row_count = sched->rival_count;
	if (json) {
		table_json(json, report, &latency);
		spread_json(json, "histogram", &report->sched.latency);
		json_switches(json, sched);
		table_json(json, report, &rivals);
		return 0;
	}
	r = table_print(report, &latency);
	if (r < 0)
		return r;
	fputc('\n', report->out);
	spread_print(report, &report->sched.latency);
	fputc('\n', report->out);
	r = table_print(report, &rivals);
	fputc('\n', report->out);
	print_switches(report);
	return r;
}
