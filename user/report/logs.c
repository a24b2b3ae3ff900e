// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* logs - what programs said, in order of time */
#include "user/base/text.h"
#include "user/report/table.h"
#include "user/report/tasks.h"

static const struct logs_row *of(const void *row)
{
	return row;
}

static const char *name_of(const struct report *report, u32 name)
{
	return names_text(&timeline_threads(report->timeline)->names, name);
}

static void get_time(struct cell *cell, const struct report *report, const void *row)
{
	cell->number =
		of(row)->time_ns - min(timeline_start_ns(report->timeline), of(row)->time_ns);
}

static void get_pid(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = of(row)->thread->process->pid;
}

static void get_tid(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = of(row)->thread->tid;
}

static void get_thread(struct cell *cell, const struct report *report, const void *row)
{
	cell_text(cell, name_of(report, of(row)->thread_name));
}

/* "checkout #17" */
static void get_task(struct cell *cell, const struct report *report, const void *row)
{
	char name[NAME_SHOWN_MAX], text[CELL_TEXT_MAX];

	cell->none = !of(row)->task;
	name_show(name, name_of(report, of(row)->task_name));
	snprintf(text, sizeof(text), "%s #%u", name, of(row)->task);
	if (!cell->none)
		cell_text(cell, text);
}

static void get_task_name(struct cell *cell, const struct report *report, const void *row)
{
	cell->none = !of(row)->task_name;
	cell_text(cell, name_of(report, of(row)->task_name));
}

static void get_task_id(struct cell *cell, const struct report *report, const void *row)
{
	cell->none = !of(row)->task;
	cell->number = of(row)->task;
}

static void get_category(struct cell *cell, const struct report *report, const void *row)
{
	cell_text(cell, name_of(report, of(row)->category));
}

static void get_text(struct cell *cell, const struct report *report, const void *row)
{
	cell_text(cell, of(row)->text ?: "");
}

static void json_text_of(struct json *json, const struct report *report, const void *row)
{
	json_text(json, of(row)->text ?: "");
}

static void json_cut(struct json *json, const struct report *report, const void *row)
{
	json_bool(json, of(row)->cut);
}

static const struct column columns[] = {
	{ "TIME", "time_ns", CELL_TIME, 0, false, get_time, NULL },
	{ NULL, "pid", CELL_NUMBER, 0, false, get_pid, NULL },
	{ "TID", "tid", CELL_NUMBER, 3, false, get_tid, NULL },
	{ "THREAD", "thread", CELL_TEXT, 0, false, get_thread, NULL },
	{ "TASK", NULL, CELL_TEXT, 1, true, get_task, NULL },
	{ NULL, "task", CELL_TEXT, 0, false, get_task_name, NULL },
	{ NULL, "task_id", CELL_NUMBER, 0, false, get_task_id, NULL },
	{ "CATEGORY", "category", CELL_TEXT, 2, true, get_category, NULL },
	{ "TEXT", NULL, CELL_TEXT, 0, false, get_text, NULL },
	{ NULL, "text", CELL_TEXT, 0, false, NULL, json_text_of },
	{ NULL, "cut", CELL_TEXT, 0, false, NULL, json_cut },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

int report_logs(struct report *report, struct json *json)
{
	const struct logs *logs = &report->logs;
	struct table table = {
		.name = "logs",
		.columns = columns,
		.rows = logs->rows,
		.row_bytes = sizeof(*logs->rows),
		.row_count = logs->count,
		.fit = 40,
	};
	char text[TEXT_MAX], line[128];
	int r = 0;

	if (json) {
		table_json(json, report, &table);
		json_key_u64(json, "log_count", logs->total);
		misuse_show(report, json);
		return 0;
	}
	if (!logs->count)
		line_show(report, "no such logs were announced");
	else
		r = table_print(report, &table);
	if (logs->total > logs->count) {
		snprintf(line, sizeof(line), "and %s that are not kept",
			 text_count(text, logs->total - logs->count));
		line_show(report, line);
	}
	misuse_show(report, NULL);
	return r;
}
