// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* time_columns - execution, scheduler wait and waits, of whatever rows */
#include "user/report/time_columns.h"

void get_times_observed(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->observed_ns;
}

void get_times_unknown(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->unknown_ns;
}

void get_times_execution(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->execution.ns;
}

void get_times_execution_share(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->execution.ns;
	cell->whole = ((const struct times_row *)row)->observed_ns;
}

void get_times_scheduler_wait(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->scheduler_wait.ns;
}

void get_times_scheduler_longest(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->scheduler_wait.longest_ns;
}

void get_times_wait_count(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = times_waits(row).count;
}

void get_times_wait_longest(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = times_waits(row).longest_ns;
}

void get_times_preempted(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->preempted;
}

void get_times_migrated(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->migrated;
}

#define GET_WAIT(name, kind)                                                                   \
	void get_times_##name(struct cell *cell, const struct report *report, const void *row) \
	{                                                                                      \
		cell->number = ((const struct times_row *)row)->waits[kind].ns;                \
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

void get_times_bar(struct cell *cell, const struct report *report, const void *row)
{
	const struct times_row *times = row;
	const u64 parts[3] = { times->execution.ns, times->scheduler_wait.ns,
			       times_waits(times).ns };

	bar_of_parts(cell->text, &report->style, 12, parts, times->observed_ns);
}

void json_times_waits(struct json *json, const struct report *report, const void *row)
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
