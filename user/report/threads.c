// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* threads - where each thread's time went: execution + scheduler wait + waits = observed */
#include <stdlib.h>

#include "user/base/cleanup.h"
#include "user/report/table.h"

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

	cell_text(cell, report->options->by == TIMES_BY_PROCESS
				? process_name(report->timeline, thread->process)
				: thread_name(report->timeline, thread));
}

static void get_threads(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->threads;
}

static void get_observed(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->observed_ns;
}

static void get_unknown(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->unknown_ns;
}

static void get_execution(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->execution.ns;
}

static void get_execution_share(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->execution.ns;
	cell->whole = ((const struct times_row *)row)->observed_ns;
}

static void get_scheduler_wait(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->scheduler_wait.ns;
}

static void get_scheduler_longest(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->scheduler_wait.longest_ns;
}

static void get_wait_count(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = times_waits(row).count;
}

static void get_wait_longest(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = times_waits(row).longest_ns;
}

static void get_preempted(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->preempted;
}

static void get_migrated(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->migrated;
}

#define GET_WAIT(name, kind)                                                                    \
	static void get_##name(struct cell *cell, const struct report *report, const void *row) \
	{                                                                                       \
		cell->number = ((const struct times_row *)row)->waits[kind].ns;                 \
	}

GET_WAIT(other, WAIT_OTHER)
GET_WAIT(network, WAIT_NETWORK)
GET_WAIT(sync, WAIT_SYNC)
GET_WAIT(disk, WAIT_DISK)
GET_WAIT(pipe, WAIT_PIPE)
GET_WAIT(poll, WAIT_POLL)
GET_WAIT(sleep, WAIT_SLEEP)
GET_WAIT(fault, WAIT_FAULT)
GET_WAIT(child, WAIT_CHILD)
_Static_assert(WAIT_KIND_COUNT == 9, "every wait kind has a column");

static void get_bar(struct cell *cell, const struct report *report, const void *row)
{
	const struct times_row *times = row;
	const u64 parts[3] = { times->execution.ns, times->scheduler_wait.ns,
			       times_waits(times).ns };

	bar_of_parts(cell->text, &report->style, 12, parts, times->observed_ns);
}

static void json_waits(struct json *json, const struct report *report, const void *row)
{
	const struct times_row *times = row;

	json_object(json);
	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++) {
		const struct time_sum *sum = &times->waits[kind];

		if (!sum->count)
			continue;
		json_key(json, wait_kind_name((enum wait_kind)kind));
		json_object(json);
		json_key_u64(json, "ns", sum->ns);
		json_key_u64(json, "count", sum->count);
		json_key_u64(json, "longest_ns", sum->longest_ns);
		json_object_end(json);
	}
	json_object_end(json);
}

#define TIME_COLUMNS                                                                                   \
	{ "OBSERVED", "observed_ns", CELL_NS, 30, false, get_observed, NULL },                         \
		{ "EXECUTION", "execution_ns", CELL_NS, 0, false, get_execution, NULL },               \
		{ "RUN", NULL, CELL_SHARE, 40, false, get_execution_share, NULL },                     \
		{ "SCHED WAIT", "scheduler_wait_ns", CELL_NS, 0, false, get_scheduler_wait, NULL },    \
		{ NULL, "scheduler_wait_longest_ns", CELL_NS, 0, false, get_scheduler_longest, NULL }, \
		{ NULL, "waits", CELL_NS, 0, false, NULL, json_waits },                                \
		{ "NETWORK", NULL, CELL_NS, 5, true, get_network, NULL },                              \
		{ "SYNC", NULL, CELL_NS, 4, true, get_sync, NULL },                                    \
		{ "DISK", NULL, CELL_NS, 6, true, get_disk, NULL },                                    \
		{ "PIPE", NULL, CELL_NS, 13, true, get_pipe, NULL },                                   \
		{ "POLL", NULL, CELL_NS, 7, true, get_poll, NULL },                                    \
		{ "SLEEP", NULL, CELL_NS, 8, true, get_sleep, NULL },                                  \
		{ "FAULT", NULL, CELL_NS, 14, true, get_fault, NULL },                                 \
		{ "CHILD", NULL, CELL_NS, 15, true, get_child, NULL },                                 \
		{ "OTHER", NULL, CELL_NS, 16, true, get_other, NULL },                                 \
		{ "WAITS", NULL, CELL_COUNT, 20, false, get_wait_count, NULL },                        \
		{ "LONGEST", NULL, CELL_NS, 21, false, get_wait_longest, NULL },                       \
		{ "PREEMPTED", "preempted", CELL_COUNT, 45, true, get_preempted, NULL },               \
		{ "MIGRATED", "migrated", CELL_COUNT, 50, true, get_migrated, NULL },                  \
		{ "UNKNOWN", "unknown_ns", CELL_NS, 3, true, get_unknown, NULL },                      \
		{ "RUN/SCHED/WAIT", NULL, CELL_BAR, 2, false, get_bar, NULL },                         \
		{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },

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

int report_threads(struct report *report, struct json *json)
{
	static const struct column *const columns[] = {
		[TIMES_BY_THREAD] = by_thread,
		[TIMES_BY_NAME] = by_name,
		[TIMES_BY_PROCESS] = by_process,
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
