// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* tasks - how long announced tasks took, and where the time of their threads went */
#include "user/report/tasks.h"

#include <string.h>

#include "user/base/text.h"
#include "user/report/spread.h"
#include "user/report/time_columns.h"

static const struct tasks_row *of(const void *row)
{
	return row;
}

static void get_name(struct cell *cell, const struct report *report, const void *row)
{
	cell_text(cell, tasks_row_name(&report->tasks, row));
}

static void get_count(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = of(row)->which == TASKS_BEFORE ? of(row)->ends : of(row)->count;
}

static void get_incomplete(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = of(row)->which == TASKS_BEFORE ? of(row)->ends : of(row)->incomplete;
}

/* Of complete ones only: a row may have none. */
#define GET_LATENCY(name, value)                                                                \
	static void get_##name(struct cell *cell, const struct report *report, const void *row) \
	{                                                                                       \
		const struct histogram *ns = &of(row)->latency;                                 \
                                                                                                \
		cell->none = !ns->count;                                                        \
		cell->number = ns->count ? (value) : 0;                                         \
	}

GET_LATENCY(total, ns->total)
GET_LATENCY(mean, ns->total / ns->count)
GET_LATENCY(p50, histogram_quantile(ns, 0.5))
GET_LATENCY(p90, histogram_quantile(ns, 0.9))
GET_LATENCY(p99, histogram_quantile(ns, 0.99))
GET_LATENCY(longest, ns->most)
GET_LATENCY(attended, of(row)->attended_ns)

static void get_spread(struct cell *cell, const struct report *report, const void *row)
{
	spread_bar(cell->text, report, &of(row)->latency);
}

static void get_regions(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = of(row)->regions;
}

static void get_logs(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = of(row)->logs;
}

static void json_spread(struct json *json, const struct report *report, const void *row)
{
	spread_json(json, NULL, &of(row)->latency);
}

static void json_slowest(struct json *json, const struct report *report, const void *row)
{
	const struct tasks_instance *slowest = &of(row)->slowest;

	if (!slowest->id) {
		json_null(json);
		return;
	}
	json_object(json);
	json_key_u64(json, "id", slowest->id);
	json_key_u64(json, "begin_ns", slowest->begin_ns - timeline_start_ns(report->timeline));
	json_key_u64(json, "latency_ns", slowest->end_ns - slowest->begin_ns);
	json_key_u64(json, "attended_ns", slowest->attended_ns);
	spent_json(json, &slowest->spent);
	json_object_end(json);
}

static const struct column columns[] = {
	{ "TASK", "task", CELL_TEXT, 0, false, get_name, NULL },
	{ "COUNT", "count", CELL_COUNT, 0, false, get_count, NULL },
	{ "INCOMPLETE", "incomplete", CELL_COUNT, 2, true, get_incomplete, NULL },
	{ NULL, "total_ns", CELL_NS, 0, false, get_total, NULL },
	{ "MEAN", "mean_ns", CELL_NS, 9, false, get_mean, NULL },
	{ "P50", "p50_ns", CELL_NS, 0, false, get_p50, NULL },
	{ "P90", "p90_ns", CELL_NS, 10, false, get_p90, NULL },
	{ "P99", "p99_ns", CELL_NS, 1, false, get_p99, NULL },
	{ "LONGEST", "longest_ns", CELL_NS, 3, false, get_longest, NULL },
	{ "LATENCY", NULL, CELL_BAR, 11, false, get_spread, NULL },
	{ NULL, "histogram", CELL_TEXT, 0, false, NULL, json_spread },
	{ NULL, "attended_ns", CELL_NS, 0, false, get_attended, NULL },
	{ NULL, "regions", CELL_COUNT, 0, false, get_regions, NULL },
	{ NULL, "logs", CELL_COUNT, 0, false, get_logs, NULL },
	{ NULL, "slowest", CELL_TEXT, 0, false, NULL, json_slowest },
	TIME_COLUMNS
};

static struct spent spent_of(const struct times_row *times)
{
	struct spent spent = {
		.execution_ns = times->execution.ns,
		.scheduler_wait_ns = times->scheduler_wait.ns,
		.unknown_ns = times->unknown_ns,
	};

	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++)
		spent.waits_ns[kind] = times->waits[kind].ns;
	return spent;
}

static void print_below(const struct report *report, const void *data)
{
	const struct tasks_row *row = data;
	const struct tasks_instance *slowest = &row->slowest;
	const struct spent all = spent_of(&row->times);
	char line[512], went[WENT_TEXT_MAX], when[WHEN_TEXT_MAX], took[WHEN_TEXT_MAX];

	if (*went_text(went, &all, row->latency.total, row->attended_ns)) {
		snprintf(line, sizeof(line), "  all: %s", went);
		line_show(report, line);
	}
	if (!slowest->id || row->count == 1)
		return;
	snprintf(line, sizeof(line), "  slowest: #%u at %s, %s: %s", slowest->id,
		 when_text(when, report, slowest->begin_ns),
		 ns_text(took, report, slowest->end_ns - slowest->begin_ns),
		 went_text(went, &slowest->spent, slowest->end_ns - slowest->begin_ns,
			   slowest->attended_ns));
	line_show(report, line);
}

/* Nothing was announced: how it could be. */
static void print_none(const struct report *report)
{
	line_show(report, "no such tasks were announced");
	line_show(report, "programs do so with tracer.h or tracer.py, or their probes:");
	line_show(report, "tracer record --task 'START~END' ...");
}

int report_tasks(struct report *report, struct json *json)
{
	struct tasks *tasks = &report->tasks;
	struct table table = {
		.name = "tasks",
		.columns = columns,
		.row_bytes = sizeof(*tasks->rows),
		.fit = 20,
		.below = print_below,
	};
	int r = 0;

	if (report_wants_instances(report) && !json) {
		r = report_instances(report, NULL);
		misuse_show(report, NULL);
		return r;
	}
	tasks_sort(tasks);
	table.rows = tasks->rows;
	table.row_count = tasks->count;
	if (json) {
		table_json(json, report, &table);
		if (report_wants_instances(report))
			report_instances(report, json);
	} else if (!tasks->count) {
		print_none(report);
	} else {
		r = table_print(report, &table);
		if (tasks->count == 1 && tasks->rows[0].latency.count) {
			fputc('\n', report->out);
			spread_print(report, &tasks->rows[0].latency);
		}
	}
	misuse_show(report, json);
	return r;
}
