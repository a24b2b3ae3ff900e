// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* threads - where each thread's time went: execution + scheduler wait + waits = observed */
#include <stdlib.h>

#include "user/base/cleanup.h"
#include "user/report/time_columns.h"

static void get_pid(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->thread->process->pid;
}

static void get_tid(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->thread->tid;
}

static void get_name(struct cell *cell, const struct report *report, const void *row)
{
	const struct thread *thread = ((const struct times_row *)row)->thread;

	if (report->options->by == TIMES_BY_TASK) {
		cell_text(cell, task_group_name(&report->times.tasks, report->timeline,
						((const struct times_row *)row)->task));
		return;
	}
	cell_text(cell, report->options->by == TIMES_BY_PROCESS
				? process_name(report->timeline, thread->process)
				: thread_name(report->timeline, thread));
}

static void get_threads(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->threads;
}

static const struct column by_thread[] = { { "PID", "pid", CELL_NUMBER, 60, false, get_pid, NULL },
					   { "TID", "tid", CELL_NUMBER, 0, false, get_tid, NULL },
					   { "NAME", "name", CELL_TEXT, 0, false, get_name, NULL },
					   TIME_COLUMNS };

static const struct column by_name[] = { { "NAME", "name", CELL_TEXT, 0, false, get_name, NULL },
					 { "THREADS", "threads", CELL_COUNT, 1, false, get_threads,
					   NULL },
					 TIME_COLUMNS };

static const struct column by_process[] = { { "PID", "pid", CELL_NUMBER, 0, false, get_pid, NULL },
					    { "NAME", "name", CELL_TEXT, 0, false, get_name, NULL },
					    { "THREADS", "threads", CELL_COUNT, 1, false,
					      get_threads, NULL },
					    TIME_COLUMNS };

static const struct column by_task[] = { { "TASK", "task", CELL_TEXT, 0, false, get_name, NULL },
					 TIME_COLUMNS };

int report_threads(struct report *report, struct json *json)
{
	static const struct column *const columns[] = {
		[TIMES_BY_THREAD] = by_thread,
		[TIMES_BY_NAME] = by_name,
		[TIMES_BY_PROCESS] = by_process,
		[TIMES_BY_TASK] = by_task,
	};
	CLEANUP(free) struct times_row *rows = NULL;
	struct table table = {
		.name = "threads",
		.columns = columns[report->options->by],
		.row_bytes = sizeof(*rows),
		.fit = 20,
	};
	int r = times_rows(&rows, &table.row_count, &report->times, report->options->by);

	if (r < 0)
		return r;
	table.rows = rows;
	return table_show(report, json, &table);
}
