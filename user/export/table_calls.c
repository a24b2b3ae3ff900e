// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* table_calls - system calls that ended, and CPU samples */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/export/tables.h"

enum {
	BEGIN = THREAD_COLUMN_COUNT,
	END,
	NS,
	BLOCKED,
	SYSCALL,
	NUMBER,
	RESULT,
	ERROR,
	ADDRESS,
	TASK_ID,
	TASK,
	ARGS,
	COLUMN_COUNT = ARGS + 6,
};

static const struct column_spec columns[] = {
	THREAD_COLUMNS,
	[BEGIN] = { "begin_ns", "since the start of the recording; NULL: before it", COLUMN_INTEGER,
		    false },
	{ "end_ns", "the same", COLUMN_INTEGER, false },
	{ "ns", "end_ns - begin_ns", COLUMN_INTEGER, false },
	{ "blocked_ns", "of ns, the thread was blocked", COLUMN_INTEGER, false },
	{ "syscall", "its name; of futex calls with the operation: 'futex wait'", COLUMN_TEXT,
	  false },
	{ "number", "the kernel's; NULL of futex calls", COLUMN_INTEGER, false },
	{ "result", "negative: the error's number", COLUMN_INTEGER, false },
	{ "error", "'EAGAIN'; NULL: it succeeded", COLUMN_TEXT, false },
	{ "address", "of a futex call: of the word, '0x7f2a10'", COLUMN_TEXT, false },
	{ "task_id", "that it was done for: of tasks", COLUMN_INTEGER, false },
	{ "task", "its name", COLUMN_TEXT, false },
	{ "arg0", "arguments, where they were recorded", COLUMN_INTEGER, false },
	{ "arg1", "", COLUMN_INTEGER, false },
	{ "arg2", "", COLUMN_INTEGER, false },
	{ "arg3", "", COLUMN_INTEGER, false },
	{ "arg4", "", COLUMN_INTEGER, false },
	{ "arg5", "", COLUMN_INTEGER, false },
};
_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMN_COUNT, "one for each");

#define WANTS(column) (wanted & COLUMN_BIT(column))

static const char *futex_text(u8 op)
{
	static char texts[64][32]; /* filled once each, always the same */

	if (op >= ARRAY_SIZE(texts))
		return "futex";
	if (!texts[op][0])
		snprintf(texts[op], sizeof(texts[op]), "futex %s", futex_op_name(op));
	return texts[op];
}

static const char *error_text(s64 result)
{
	if (result >= 0 || result < -4095)
		return NULL;
	return strerrorname_np((int)-result) ?: "unknown";
}

void call_name(struct filler *filler, const struct table_call *row, struct value *name,
	       struct value *error)
{
	const struct call *call = &row->call;

	*name = call->futex ? value_text(futex_text(call->futex_op))
			    : value_syscall(filler, call->syscall);
	*error = value_text(error_text(call->result));
}

static void fill(struct filler *filler, const void *data, struct value *values, u64 wanted)
{
	const struct table_call *row = data;
	const struct call *call = &row->call;

	fill_thread(filler, values, call->thread, wanted);
	values[END] = value_time(filler, call->end_ns);
	if (!call->unentered) {
		values[BEGIN] = value_time(filler, call->begin_ns);
		values[NS] = value_integer((s64)(call->end_ns - call->begin_ns));
	}
	values[BLOCKED] = value_integer((s64)call->blocked_ns);
	values[TASK_ID] = value_some(row->task.id);
	values[TASK] = value_name(filler, row->task.name);
	values[RESULT] = value_integer(call->result);
	if (wanted & (COLUMN_BIT(SYSCALL) | COLUMN_BIT(ERROR)))
		call_name(filler, row, &values[SYSCALL], &values[ERROR]);
	if (call->futex) {
		if (WANTS(ADDRESS))
			values[ADDRESS] = value_address(filler, call->address);
		return;
	}
	values[NUMBER] = value_integer(call->syscall);
	for (int i = 0; call->args && i < 6; i++)
		values[ARGS + i] = value_integer((s64)row->args[i]);
}

const struct table_spec syscalls_table = {
	.name = "syscalls",
	.means = "system calls that ended",
	.columns = columns,
	.column_count = COLUMN_COUNT,
	.source = TABLE_CALLS,
	.fill = fill,
};

enum {
	TIME = THREAD_COLUMN_COUNT,
	CPU,
	PERIOD,
	USER_STACK,
	KERNEL_STACK,
	SAMPLE_TASK_ID,
	SAMPLE_TASK,
	SAMPLE_REGION,
	SAMPLE_COLUMN_COUNT,
};

static const struct column_spec sample_columns[] = {
	THREAD_COLUMNS,
	[TIME] = { "time_ns", "since the start of the recording", COLUMN_INTEGER, false },
	{ "cpu", "on which CPU it ran", COLUMN_INTEGER, false },
	{ "ns", "running time that it stands for", COLUMN_INTEGER, false },
	{ "user_stack", "where in the program: stacks.stack_id", COLUMN_INTEGER, true },
	{ "kernel_stack", "where in the kernel", COLUMN_INTEGER, true },
	{ "task_id", "that it ran for: of tasks", COLUMN_INTEGER, false },
	{ "task", "its name", COLUMN_TEXT, false },
	{ "region", "the innermost one", COLUMN_TEXT, false },
};
_Static_assert(sizeof(sample_columns) / sizeof(sample_columns[0]) == SAMPLE_COLUMN_COUNT,
	       "one for each");

static void fill_sample(struct filler *filler, const void *data, struct value *values, u64 wanted)
{
	const struct table_sample *row = data;
	const struct sample *sample = &row->sample;

	fill_thread(filler, values, sample->thread, wanted);
	values[TIME] = value_time(filler, sample->time_ns);
	values[CPU] = value_integer(sample->cpu);
	values[SAMPLE_TASK_ID] = value_some(row->task.id);
	values[SAMPLE_TASK] = value_name(filler, row->task.name);
	values[SAMPLE_REGION] = value_name(filler, sample->region);
	values[PERIOD] = value_some(filler->tables->export.info->sample_period_ns);
	if (WANTS(USER_STACK))
		values[USER_STACK] = value_some(table_stack(filler, sample->user_stack));
	if (WANTS(KERNEL_STACK))
		values[KERNEL_STACK] = value_some(table_stack(filler, sample->kernel_stack));
}

const struct table_spec samples_table = {
	.name = "samples",
	.means = "CPU samples: a thread ran, and where",
	.columns = sample_columns,
	.column_count = SAMPLE_COLUMN_COUNT,
	.source = TABLE_SAMPLES,
	.fill = fill_sample,
};
