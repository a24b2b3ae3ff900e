/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* time_columns - execution, scheduler wait and waits, of rows that begin with a struct times_row */
#ifndef TRACER_REPORT_TIME_COLUMNS_H
#define TRACER_REPORT_TIME_COLUMNS_H

#include "user/report/table.h"

void get_times_bar(struct cell *cell, const struct report *report, const void *row);
void get_times_child(struct cell *cell, const struct report *report, const void *row);
void get_times_disk(struct cell *cell, const struct report *report, const void *row);
void get_times_execution(struct cell *cell, const struct report *report, const void *row);
void get_times_execution_share(struct cell *cell, const struct report *report, const void *row);
void get_times_fault(struct cell *cell, const struct report *report, const void *row);
void get_times_migrated(struct cell *cell, const struct report *report, const void *row);
void get_times_network(struct cell *cell, const struct report *report, const void *row);
void get_times_observed(struct cell *cell, const struct report *report, const void *row);
void get_times_other(struct cell *cell, const struct report *report, const void *row);
void get_times_pipe(struct cell *cell, const struct report *report, const void *row);
void get_times_poll(struct cell *cell, const struct report *report, const void *row);
void get_times_preempted(struct cell *cell, const struct report *report, const void *row);
void get_times_scheduler_longest(struct cell *cell, const struct report *report, const void *row);
void get_times_scheduler_wait(struct cell *cell, const struct report *report, const void *row);
void get_times_sleep(struct cell *cell, const struct report *report, const void *row);
void get_times_sync(struct cell *cell, const struct report *report, const void *row);
void get_times_unknown(struct cell *cell, const struct report *report, const void *row);
void get_times_wait_count(struct cell *cell, const struct report *report, const void *row);
void get_times_wait_longest(struct cell *cell, const struct report *report, const void *row);
/* {"sync": {"ns": 500, "count": 3, "longest_ns": 400}}: the kinds that occurred */
void json_times_waits(struct json *json, const struct report *report, const void *row);

#define TIME_COLUMNS                                                                                   \
	{ "OBSERVED", "observed_ns", CELL_NS, 30, false, get_times_observed, NULL },                         \
		{ "EXECUTION", "execution_ns", CELL_NS, 0, false, get_times_execution, NULL },               \
		{ "RUN", NULL, CELL_SHARE, 40, false, get_times_execution_share, NULL },                     \
		{ "SCHED WAIT", "scheduler_wait_ns", CELL_NS, 0, false, get_times_scheduler_wait, NULL },    \
		{ NULL, "scheduler_wait_longest_ns", CELL_NS, 0, false, get_times_scheduler_longest, NULL }, \
		{ NULL, "waits", CELL_NS, 0, false, NULL, json_times_waits },                                \
		{ "NETWORK", NULL, CELL_NS, 5, true, get_times_network, NULL },                              \
		{ "SYNC", NULL, CELL_NS, 4, true, get_times_sync, NULL },                                    \
		{ "DISK", NULL, CELL_NS, 6, true, get_times_disk, NULL },                                    \
		{ "PIPE", NULL, CELL_NS, 13, true, get_times_pipe, NULL },                                   \
		{ "POLL", NULL, CELL_NS, 7, true, get_times_poll, NULL },                                    \
		{ "SLEEP", NULL, CELL_NS, 8, true, get_times_sleep, NULL },                                  \
		{ "FAULT", NULL, CELL_NS, 14, true, get_times_fault, NULL },                                 \
		{ "CHILD", NULL, CELL_NS, 15, true, get_times_child, NULL },                                 \
		{ "OTHER", NULL, CELL_NS, 16, true, get_times_other, NULL },                                 \
		{ "WAITS", NULL, CELL_COUNT, 20, false, get_times_wait_count, NULL },                        \
		{ "LONGEST", NULL, CELL_NS, 21, false, get_times_wait_longest, NULL },                       \
		{ "PREEMPTED", "preempted", CELL_COUNT, 45, true, get_times_preempted, NULL },               \
		{ "MIGRATED", "migrated", CELL_COUNT, 50, true, get_times_migrated, NULL },                  \
		{ "UNKNOWN", "unknown_ns", CELL_NS, 3, true, get_times_unknown, NULL },                      \
		{ "RUN/SCHED/WAIT", NULL, CELL_BAR, 2, false, get_times_bar, NULL },                         \
		{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },

#endif
