// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* losses - which events are missing: by CPU, class and time */
#include <stdlib.h>

#include "user/base/text.h"
#include "user/model/stacks.h"
#include "user/report/table.h"
#include "user/report/truncated.h"

static void get_cpu(struct cell *cell, const struct report *report, const void *row)
{
	const struct losses_row *loss = row;

	cell->none = loss->cpu == CPU_UNKNOWN;
	cell->number = loss->cpu;
}

static u64 since_start(const struct report *report, u64 ns)
{
	u64 start_ns = timeline_start_ns(report->timeline);

	return ns > start_ns ? ns - start_ns : 0;
}

static void get_from(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = since_start(report, ((const struct losses_row *)row)->from_ns);
}

static void get_to(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = since_start(report, ((const struct losses_row *)row)->to_ns);
}

static void get_length(struct cell *cell, const struct report *report, const void *row)
{
	const struct losses_row *loss = row;

	cell->number = loss->to_ns - loss->from_ns;
}

static void get_events(struct cell *cell, const struct report *report, const void *row)
{
	const struct losses_row *loss = row;

	cell->none = loss->unreadable;
	for (int class = 0; class < CLASS_COUNT; class ++)
		cell->number += loss->counts[class];
}

#define GET_CLASS(name, class)                                                                  \
	static void get_##name(struct cell *cell, const struct report *report, const void *row) \
	{                                                                                       \
		cell->none = ((const struct losses_row *)row)->unreadable;                      \
		cell->number = ((const struct losses_row *)row)->counts[class];                 \
	}

GET_CLASS(sched, CLASS_SCHED)
GET_CLASS(process, CLASS_PROCESS)
GET_CLASS(syscall, CLASS_SYSCALL)
GET_CLASS(futex, CLASS_FUTEX)
GET_CLASS(object, CLASS_OBJECT)
GET_CLASS(stack, CLASS_STACK)
GET_CLASS(sample, CLASS_SAMPLE)
GET_CLASS(annotation, CLASS_ANNOTATION)
_Static_assert(CLASS_COUNT == 8, "every class has a column");

static const struct column columns[] = {
	{ "CPU", "cpu", CELL_NUMBER, 0, false, get_cpu, NULL },
	{ "FROM", "from_ns", CELL_TIME, 0, false, get_from, NULL },
	{ "TO", "to_ns", CELL_TIME, 20, false, get_to, NULL },
	{ "FOR", NULL, CELL_NS, 0, false, get_length, NULL },
	{ "EVENTS", "events", CELL_COUNT, 0, false, get_events, NULL },
	{ "SCHED", "sched", CELL_COUNT, 5, true, get_sched, NULL },
	{ "PROCESS", "process", CELL_COUNT, 5, true, get_process, NULL },
	{ "SYSCALL", "syscall", CELL_COUNT, 5, true, get_syscall, NULL },
	{ "FUTEX", "futex", CELL_COUNT, 5, true, get_futex, NULL },
	{ "OBJECT", "object", CELL_COUNT, 5, true, get_object, NULL },
	{ "STACK", "stack", CELL_COUNT, 5, true, get_stack, NULL },
	{ "SAMPLE", "sample", CELL_COUNT, 5, true, get_sample, NULL },
	{ "ANNOTATION", "annotation", CELL_COUNT, 5, true, get_annotation, NULL },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

/* Stacks that do not reach their root are missing something, too. */
static int find_truncated(struct truncated *cut, struct report *report)
{
	struct stacks_row *rows = NULL;
	size_t count;
	int r;

	if (!report->stack_waits.kind)
		return 0;
	r = profile_finish(&report->stack_waits);
	if (!r)
		r = stacks_rows(&rows, &count, &report->stack_waits);
	if (!r)
		r = truncated_find(cut, report, rows, count);
	free(rows);
	return r;
}

int report_losses(struct report *report, struct json *json)
{
	const struct timeline_counts *counts = timeline_counts(report->timeline);
	struct table table = {
		.name = "stretches",
		.columns = columns,
		.rows = report->losses.rows,
		.row_bytes = sizeof(struct losses_row),
		.row_count = report->losses.count,
		.fit = 20,
	};
	struct truncated cut = { 0 };
	char text[4][TEXT_MAX];
	int r = find_truncated(&cut, report);

	if (json) {
		table_json(json, report, &table);
		json_key(json, "repairs");
		json_object(json);
		json_key_u64(json, "contradictions", counts->repaired);
		json_key_u64(json, "missing_wakeups", counts->missing_wakeups);
		json_key_u64(json, "spurious_wakeups", counts->spurious_wakeups);
		json_key_u64(json, "early_wakeups", counts->early_wakeups);
		json_object_end(json);
		truncated_json(json, &cut);
		truncated_free(&cut);
		return r;
	}
	if (table.row_count)
		table_print(report, &table);
	fprintf(report->out, "events that contradicted others, repaired: %s\n",
		text_count(text[0], counts->repaired));
	fprintf(report->out, "wakings: %s not seen, %s early, %s spurious\n",
		text_count(text[1], counts->missing_wakeups),
		text_count(text[2], counts->early_wakeups),
		text_count(text[3], counts->spurious_wakeups));
	truncated_print(report, &cut);
	truncated_free(&cut);
	return r;
}
