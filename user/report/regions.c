// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* regions - how long announced regions took, where they began, and where the time went */
#include <string.h>

#include "user/base/text.h"
#include "user/report/spread.h"
#include "user/report/table.h"
#include "user/report/tasks.h"

#define FRAMES_SHOWN 4 /* on a terminal, of a stack */

static const struct regions_row *of(const void *row)
{
	return row;
}

static void get_name(struct cell *cell, const struct report *report, const void *row)
{
	cell_text(cell, regions_row_name(&report->regions, row));
}

static void get_count(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = of(row)->count;
}

static void get_incomplete(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = of(row)->incomplete;
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
GET_LATENCY(self, of(row)->self_ns)
GET_LATENCY(mean, ns->total / ns->count)
GET_LATENCY(p50, histogram_quantile(ns, 0.5))
GET_LATENCY(p90, histogram_quantile(ns, 0.9))
GET_LATENCY(p99, histogram_quantile(ns, 0.99))
GET_LATENCY(longest, ns->most)

static void get_spread(struct cell *cell, const struct report *report, const void *row)
{
	spread_bar(cell->text, report, &of(row)->latency);
}

static u64 waits_of(const struct spent *spent)
{
	return spent_sum(spent) - spent->execution_ns - spent->scheduler_wait_ns;
}

static void get_bar(struct cell *cell, const struct report *report, const void *row)
{
	const struct spent *spent = &of(row)->spent;
	const u64 parts[3] = { spent->execution_ns, spent->scheduler_wait_ns, waits_of(spent) };

	bar_of_parts(cell->text, &report->style, 12, parts, spent_sum(spent));
}

static void json_spread(struct json *json, const struct report *report, const void *row)
{
	spread_json(json, NULL, &of(row)->latency);
}

static void json_spent(struct json *json, const struct report *report, const void *row)
{
	json_object(json);
	spent_json(json, &of(row)->spent);
	json_object_end(json);
}

static void json_longest(struct json *json, const struct report *report, const void *row)
{
	const struct regions_row *r = row;

	if (!r->thread) {
		json_null(json);
		return;
	}
	json_object(json);
	json_key_u64(json, "begin_ns", r->begin_ns - timeline_start_ns(report->timeline));
	json_key_u64(json, "latency_ns", r->latency.most);
	json_key_u64(json, "tid", r->thread->tid);
	json_key_text(json, "thread", thread_name(report->timeline, r->thread));
	json_key(json, "task_id");
	if (r->task)
		json_u64(json, r->task);
	else
		json_null(json);
	spent_json(json, &r->longest_spent);
	json_object_end(json);
}

static void json_frames(struct json *json, const struct report *report, const struct stack *stack)
{
	json_list(json);
	for (u32 i = 0; stack && i < stack->count; i++) {
		char text[SYMBOLS_TEXT_MAX];

		/* Looking a name up remembers it: that changes no result. */
		json_text(json,
			  frames_name(text, (struct frames *)(uintptr_t)&report->frames, stack, i));
	}
	json_list_end(json);
}

static void json_stacks(struct json *json, const struct report *report, const void *row)
{
	json_list(json);
	for (u32 i = 0; i < of(row)->stack_count; i++) {
		const struct regions_stack *began = &of(row)->stacks[i];

		if (!began->stack)
			continue;
		json_object(json);
		json_key_u64(json, "count", began->count);
		json_key_u64(json, "total_ns", began->ns);
		json_key(json, "frames");
		json_frames(json, report, timeline_stack(report->timeline, began->stack));
		json_object_end(json);
	}
	json_list_end(json);
}

static const struct column columns[] = {
	{ "REGION", "region", CELL_TEXT, 0, false, get_name, NULL },
	{ "COUNT", "count", CELL_COUNT, 0, false, get_count, NULL },
	{ "INCOMPLETE", "incomplete", CELL_COUNT, 2, true, get_incomplete, NULL },
	{ "TOTAL", "total_ns", CELL_NS, 0, false, get_total, NULL },
	{ "SELF", "self_ns", CELL_NS, 8, false, get_self, NULL },
	{ "MEAN", "mean_ns", CELL_NS, 7, false, get_mean, NULL },
	{ "P50", "p50_ns", CELL_NS, 0, false, get_p50, NULL },
	{ "P90", "p90_ns", CELL_NS, 9, false, get_p90, NULL },
	{ "P99", "p99_ns", CELL_NS, 1, false, get_p99, NULL },
	{ "LONGEST", "longest_ns", CELL_NS, 3, false, get_longest, NULL },
	{ "LATENCY", NULL, CELL_BAR, 10, false, get_spread, NULL },
	{ NULL, "histogram", CELL_TEXT, 0, false, NULL, json_spread },
	{ NULL, "spent", CELL_TEXT, 0, false, NULL, json_spent },
	{ NULL, "longest", CELL_TEXT, 0, false, NULL, json_longest },
	{ NULL, "stacks", CELL_TEXT, 0, false, NULL, json_stacks },
	{ "RUN/SCHED/WAIT", NULL, CELL_BAR, 4, false, get_bar, NULL },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

/* "  began in save_order <- handle <- serve 87 %" */
static void print_stack(const struct report *report, const struct regions_row *row)
{
	const struct stack *stack =
		row->stack_count ? timeline_stack(report->timeline, row->stacks[0].stack) : NULL;
	char line[1024], name[SYMBOLS_TEXT_MAX], shown[128], share[TEXT_MAX];
	size_t used;

	if (!stack || !stack->count)
		return;
	used = (size_t)snprintf(line, sizeof(line), "  began in");
	for (u32 i = 0; i < stack->count && i < FRAMES_SHOWN; i++) {
		text_printable(
			shown, sizeof(shown),
			frames_name(name, (struct frames *)(uintptr_t)&report->frames, stack, i));
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s %s", i ? " <-" : "",
					 shown);
	}
	if (row->stack_count > 1)
		snprintf(line + used, sizeof(line) - used, " %s",
			 text_share(share, row->stacks[0].ns, row->latency.total));
	line_show(report, line);
}

static void print_below(const struct report *report, const void *data)
{
	const struct regions_row *row = data;
	char line[512], spent[SPENT_TEXT_MAX];

	if (*spent_text(spent, &row->spent, spent_sum(&row->spent))) {
		snprintf(line, sizeof(line), "  %s", spent);
		line_show(report, line);
	}
	print_stack(report, row);
}

int report_regions(struct report *report, struct json *json)
{
	struct regions *regions = &report->regions;
	struct table table = {
		.name = "regions",
		.columns = columns,
		.row_bytes = sizeof(*regions->rows),
		.fit = 20,
		.below = print_below,
	};
	int r = regions_finish(regions);

	if (r < 0)
		return r;
	table.rows = regions->rows;
	table.row_count = regions->count;
	if (json) {
		table_json(json, report, &table);
	} else if (!regions->count) {
		line_show(report, "no such regions were announced");
		line_show(report, "programs do so with tracer.h or tracer.py, or their probes:");
		line_show(report, "tracer record --region 'PATH:FUNCTION' ...");
	} else {
		r = table_print(report, &table);
		if (regions->count == 1 && regions->rows[0].latency.count) {
			fputc('\n', report->out);
			spread_print(report, &regions->rows[0].latency);
		}
	}
	misuse_show(report, json);
	return r;
}
