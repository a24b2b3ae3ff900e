// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* waits - what was waited for, how long, and who ended it */
#include <stdio.h>

#include "user/base/text.h"
#include "user/report/summary.h"
#include "user/report/table.h"

#define WAKERS_SHOWN 5 /* per row, in JSON */

static void get_task(struct cell *cell, const struct report *report, const void *row)
{
	cell->none = !report->waits.tasks.on;
	if (!cell->none)
		cell_text(cell, task_group_name(&report->waits.tasks, report->timeline,
						((const struct waits_row *)row)->task));
}

static void get_kind(struct cell *cell, const struct report *report, const void *row)
{
	cell_text(cell, wait_kind_name(((const struct waits_row *)row)->kind));
}

static void get_syscall(struct cell *cell, const struct report *report, const void *row)
{
	char room[32];

	cell->none = ((const struct waits_row *)row)->syscall == SYSCALL_NONE;
	cell_text(cell, report_syscall(report, ((const struct waits_row *)row)->syscall, room));
}

static void get_object(struct cell *cell, const struct report *report, const void *row)
{
	const struct waits_row *wait = row;
	char text[WHAT_TEXT_MAX];

	cell->none = !wait->what;
	cell_text(cell, what_text(text, whats_get(&report->waits.whats, wait->what)));
}

static void get_named_object(struct cell *cell, const struct report *report, const void *row)
{
	const struct waits_row *wait = row;
	char text[REPORT_WHAT_MAX];

	cell->none = !wait->what;
	cell_text(cell, report_what(text, report, wait));
}

static void get_symbol(struct cell *cell, const struct report *report, const void *row)
{
	char name[FUTEX_NAME_MAX];
	const char *module;

	cell->none = !report_futex(name, &module, report, row);
	if (!cell->none)
		cell_text(cell, name);
}

static void get_module(struct cell *cell, const struct report *report, const void *row)
{
	char name[FUTEX_NAME_MAX];
	const char *module;

	cell->none = !report_futex(name, &module, report, row);
	if (!cell->none)
		cell_text(cell, module);
}

static void get_pid(struct cell *cell, const struct report *report, const void *row)
{
	const struct waits_row *wait = row;
	u32 process = whats_get(&report->waits.whats, wait->what)->process;

	cell->none = !process;
	if (process)
		cell->number = timeline_threads(report->timeline)->processes[process - 1]->pid;
}

static void get_count(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct waits_row *)row)->ns.count;
}

static void get_total(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct waits_row *)row)->ns.total;
}

static void get_mean(struct cell *cell, const struct report *report, const void *row)
{
	const struct histogram *ns = &((const struct waits_row *)row)->ns;

	cell->number = ns->count ? ns->total / ns->count : 0;
}

static void get_p50(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = histogram_quantile(&((const struct waits_row *)row)->ns, 0.5);
}

static void get_p99(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = histogram_quantile(&((const struct waits_row *)row)->ns, 0.99);
}

static void get_longest(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct waits_row *)row)->ns.most;
}

static void get_longest_tid(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct waits_row *)row)->longest->tid;
}

static void get_longest_begin(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct waits_row *)row)->longest_begin_ns -
		       timeline_start_ns(report->timeline);
}

static void get_unfinished(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct waits_row *)row)->unfinished;
}

static void get_latency(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct waits_row *)row)->latency_ns;
}

static size_t wakers_of(const struct report *report, const struct waits_row *row,
			const struct waits_waker **wakers)
{
	return waits_wakers(&report->waits, (u32)(row - report->waits.rows), wakers);
}

/* The most frequent one, with its share when there are others: "worker 87 %" */
static void get_waker(struct cell *cell, const struct report *report, const void *row)
{
	const struct waits_waker *wakers;
	size_t count = wakers_of(report, row, &wakers);
	char name[WAKER_TEXT_MAX], share[TEXT_MAX], text[WAKER_TEXT_MAX + TEXT_MAX];
	u64 all = 0;

	cell->none = !count;
	if (!count)
		return;
	for (size_t i = 0; i < count; i++)
		all += wakers[i].count;
	waker_text(name, report->timeline, &wakers[0]);
	if (count == 1)
		snprintf(text, sizeof(text), "%s", name);
	else
		snprintf(text, sizeof(text), "%s %s", name,
			 text_share(share, wakers[0].count, all));
	cell_text(cell, text);
}

static void get_function(struct cell *cell, const struct report *report, const void *row)
{
	char text[CELL_TEXT_MAX];

	cell->none = !report_waits_function(text, report, row)[0];
	cell_text(cell, text);
}

static void json_wakers(struct json *json, const struct report *report, const void *row)
{
	const struct thread_table *threads = timeline_threads(report->timeline);
	const struct waits_waker *wakers;
	size_t count = wakers_of(report, row, &wakers);

	json_list(json);
	for (size_t i = 0; i < count && i < WAKERS_SHOWN; i++) {
		const char *name = names_text(&threads->names, wakers[i].name);

		json_object(json);
		json_key(json, "name");
		/* Whom an interrupt hit has nothing to do with the waking. */
		if (wakers[i].missing || wakers[i].context == WAKER_HARDIRQ || !*name)
			json_null(json);
		else
			json_text(json, name);
		json_key_text(json, "context",
			      wakers[i].missing ? "missing"
						: waker_context_name(wakers[i].context));
		json_key_u64(json, "count", wakers[i].count);
		json_key_u64(json, "ns", wakers[i].ns);
		json_object_end(json);
	}
	json_list_end(json);
}

static const struct column columns[] = {
	{ "TASK", "task", CELL_TEXT, 0, true, get_task, NULL },
	{ "KIND", "kind", CELL_TEXT, 0, false, get_kind, NULL },
	{ "SYSCALL", "syscall", CELL_TEXT, 2, false, get_syscall, NULL },
	{ "OBJECT", NULL, CELL_TEXT, 0, false, get_named_object, NULL },
	{ NULL, "object", CELL_TEXT, 0, false, get_object, NULL },
	{ NULL, "symbol", CELL_TEXT, 0, false, get_symbol, NULL },
	{ NULL, "module", CELL_TEXT, 0, false, get_module, NULL },
	{ NULL, "pid", CELL_NUMBER, 0, false, get_pid, NULL },
	{ "COUNT", "count", CELL_COUNT, 0, false, get_count, NULL },
	{ "TOTAL", "total_ns", CELL_NS, 0, false, get_total, NULL },
	{ "MEAN", "mean_ns", CELL_NS, 20, false, get_mean, NULL },
	{ "P50", "p50_ns", CELL_NS, 15, false, get_p50, NULL },
	{ "P99", "p99_ns", CELL_NS, 3, false, get_p99, NULL },
	{ "LONGEST", "longest_ns", CELL_NS, 10, false, get_longest, NULL },
	{ NULL, "longest_tid", CELL_NUMBER, 0, false, get_longest_tid, NULL },
	{ NULL, "longest_begin_ns", CELL_TIME, 0, false, get_longest_begin, NULL },
	{ NULL, "unfinished", CELL_COUNT, 0, false, get_unfinished, NULL },
	{ "THEN SCHED", "scheduler_wait_ns", CELL_NS, 30, false, get_latency, NULL },
	{ "WOKEN BY", NULL, CELL_TEXT, 0, false, get_waker, NULL },
	{ "IN FUNCTION", "function", CELL_TEXT, 0, true, get_function, NULL },
	{ NULL, "wakers", CELL_TEXT, 0, false, NULL, json_wakers },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

int report_waits(struct report *report, struct json *json)
{
	struct table table = {
		.name = "waits",
		.columns = columns,
		.row_bytes = sizeof(struct waits_row),
		.fit = 20,
	};
	int r = waits_sort(&report->waits);

	if (r < 0)
		return r;
	table.rows = report->waits.rows;
	table.row_count = report->waits.count;
	return table_show(report, json, &table);
}

/* The same cells, through one more pointer */
#define GET_EXCERPT(name)                                                          \
	static void excerpt_##name(struct cell *cell, const struct report *report, \
				   const void *row)                                \
	{                                                                          \
		get_##name(cell, report, *(const struct waits_row *const *)row);   \
	}

GET_EXCERPT(kind)
GET_EXCERPT(syscall)
GET_EXCERPT(named_object)
GET_EXCERPT(count)
GET_EXCERPT(p99)
GET_EXCERPT(waker)
GET_EXCERPT(function)

/* Without the waits that nobody ended, unless there are no others */
static void excerpt_total(struct cell *cell, const struct report *report, const void *row)
{
	const struct waits_row *wait = *(const struct waits_row *const *)row;

	cell->number = summary_active_ns(wait) ?: wait->ns.total;
}

static const struct column excerpt_columns[] = {
	{ "WAITS", NULL, CELL_TEXT, 0, false, excerpt_kind, NULL },
	{ "SYSCALL", NULL, CELL_TEXT, 2, false, excerpt_syscall, NULL },
	{ "OBJECT", NULL, CELL_TEXT, 0, true, excerpt_named_object, NULL },
	{ "COUNT", NULL, CELL_COUNT, 0, false, excerpt_count, NULL },
	{ "TOTAL", NULL, CELL_NS, 0, false, excerpt_total, NULL },
	{ "P99", NULL, CELL_NS, 1, false, excerpt_p99, NULL },
	{ "WOKEN BY", NULL, CELL_TEXT, 0, false, excerpt_waker, NULL },
	{ "IN FUNCTION", NULL, CELL_TEXT, 0, true, excerpt_function, NULL },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

int waits_print_excerpt(const struct report *report, const struct waits_row **rows, size_t count)
{
	const struct table table = {
		.columns = excerpt_columns,
		.rows = rows,
		.row_bytes = sizeof(*rows),
		.row_count = count,
		.fit = count,
		.excerpt = true,
	};

	return table_print(report, &table);
}
