// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* syscalls - system calls: how often, how long, how much of it blocked, how they failed */
#include <stdio.h>
#include <string.h>

#include "user/base/text.h"
#include "user/report/table.h"

static void get_name(struct cell *cell, const struct report *report, const void *row)
{
	const struct calls_row *call = row;
	char room[32];

	if (call->futex)
		snprintf(cell->text, sizeof(cell->text), "futex %s", futex_op_name(call->futex_op));
	else
		cell_text(cell, report_syscall(report, call->syscall, room));
}

static void get_number(struct cell *cell, const struct report *report, const void *row)
{
	const struct calls_row *call = row;

	cell->none = call->futex;
	cell->number = call->syscall;
}

static void get_count(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct calls_row *)row)->count;
}

static void get_total(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct calls_row *)row)->ns.total;
}

static void get_blocked(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct calls_row *)row)->blocked_ns;
}

static void get_blocked_share(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct calls_row *)row)->blocked_ns;
	cell->whole = ((const struct calls_row *)row)->ns.total;
}

static void get_p50(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = histogram_quantile(&((const struct calls_row *)row)->ns, 0.5);
}

static void get_p99(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = histogram_quantile(&((const struct calls_row *)row)->ns, 0.99);
}

static void get_max(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct calls_row *)row)->ns.most;
}

static void get_unentered(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct calls_row *)row)->unentered;
}

static void get_error_count(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct calls_row *)row)->error_count;
}

/* "EINTR"; the kernel's own restart codes have no name in libc. */
static const char *errno_name(u32 number, char room[TEXT_MAX])
{
	const char *name = strerrorname_np((int)number);

	switch (number) {
	case 512: return "ERESTARTSYS";
	case 513: return "ERESTARTNOINTR";
	case 514: return "ERESTARTNOHAND";
	case 516: return "ERESTART_RESTARTBLOCK";
	}
	if (name)
		return name;
	snprintf(room, TEXT_MAX, "errno %u", number);
	return room;
}

static void get_errors(struct cell *cell, const struct report *report, const void *row)
{
	const struct calls_row *call = row;
	char room[TEXT_MAX], count[TEXT_MAX];
	size_t used = 0;

	for (u32 i = 0; i < call->errors_used && i < 3; i++) {
		int length = snprintf(cell->text + used, sizeof(cell->text) - used, "%s%s %s",
				      used ? ", " : "", errno_name(call->errors[i].number, room),
				      text_count(count, call->errors[i].count));

		used += (size_t)length;
	}
}

static void json_errors(struct json *json, const struct report *report, const void *row)
{
	const struct calls_row *call = row;
	char room[TEXT_MAX];

	json_object(json);
	for (u32 i = 0; i < call->errors_used; i++)
		json_key_u64(json, errno_name(call->errors[i].number, room), call->errors[i].count);
	json_object_end(json);
}

static const struct column columns[] = {
	{ "SYSCALL", "syscall", CELL_TEXT, 0, false, get_name, NULL },
	{ NULL, "number", CELL_NUMBER, 0, false, get_number, NULL },
	{ "COUNT", "count", CELL_COUNT, 0, false, get_count, NULL },
	{ "TOTAL", "total_ns", CELL_NS, 0, false, get_total, NULL },
	{ NULL, "blocked_ns", CELL_NS, 0, false, get_blocked, NULL },
	{ "BLOCKED", NULL, CELL_SHARE, 3, false, get_blocked_share, NULL },
	{ "P50", "p50_ns", CELL_NS, 10, false, get_p50, NULL },
	{ "P99", "p99_ns", CELL_NS, 5, false, get_p99, NULL },
	{ "MAX", "max_ns", CELL_NS, 0, false, get_max, NULL },
	{ NULL, "unentered", CELL_COUNT, 0, false, get_unentered, NULL },
	{ NULL, "error_count", CELL_COUNT, 0, false, get_error_count, NULL },
	{ "ERRORS", NULL, CELL_TEXT, 0, true, get_errors, NULL },
	{ NULL, "errors", CELL_TEXT, 0, false, NULL, json_errors },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

int report_syscalls(struct report *report, struct json *json)
{
	struct table table = {
		.name = "syscalls",
		.columns = columns,
		.row_bytes = sizeof(struct calls_row),
		.fit = 20,
	};

	calls_sort(&report->calls);
	table.rows = report->calls.rows;
	table.row_count = report->calls.count;
	return table_show(report, json, &table);
}
