// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* table_tasks - what programs announced: tasks, regions, logs, counters */
#include "user/export/tables.h"

#define WANTS(column) (wanted & COLUMN_BIT(column))

enum {
	TASK_ID,
	TASK_NAME,
	TASK_NUMBER,
	TASK_PARENT,
	TASK_PROCESS,
	TASK_PID,
	TASK_THREAD,
	TASK_BEGIN,
	TASK_END,
	TASK_NS,
	TASK_WORKED,
	TASK_WHOLE,
	TASK_LINK,
	TASK_COLUMN_COUNT,
};

static const struct column_spec task_columns[] = {
	{ "task_id", "1, 2, ...; never used again", COLUMN_INTEGER, false },
	{ "name", "NULL: not known", COLUMN_TEXT, false },
	{ "number", "the program's own", COLUMN_INTEGER, false },
	{ "parent_id", "of tasks", COLUMN_INTEGER, false },
	{ "process_id", "of processes", COLUMN_INTEGER, false },
	{ "pid", "of its process", COLUMN_INTEGER, true },
	{ "thread_id", "that began it: of threads", COLUMN_INTEGER, false },
	{ "begin_ns", "since the start of the recording", COLUMN_INTEGER, false },
	{ "end_ns", "the same; NULL: it goes on, or nobody knows", COLUMN_INTEGER, false },
	{ "ns", "end_ns - begin_ns", COLUMN_INTEGER, false },
	{ "attended_ns", "at least one thread worked for it", COLUMN_INTEGER, false },
	{ "whole", "1: its begin and its end were announced", COLUMN_INTEGER, false },
	{ "traceparent", "as W3C names it", COLUMN_TEXT, false },
};
_Static_assert(ARRAY_SIZE(task_columns) == TASK_COLUMN_COUNT, "one for each");

static void fill_task(struct filler *filler, const void *data, struct value *values, u64 wanted)
{
	const struct table_task *row = data;
	const struct task *task = &row->task;

	values[TASK_ID] = value_integer(task->id);
	values[TASK_NAME] = value_name(filler, task->name);
	if (!(task->flags & TASK_BEFORE))
		values[TASK_NUMBER] = value_integer((s64)task->number);
	values[TASK_PARENT] = value_some(task->parent);
	values[TASK_PROCESS] = value_integer(task->process->id);
	values[TASK_PID] = value_some(table_thread(filler, task->thread)->process->pid);
	values[TASK_THREAD] = value_integer(task->thread->id);
	values[TASK_BEGIN] = value_time(filler, task->begin_ns);
	values[TASK_WORKED] = value_integer((s64)task->attended_ns);
	values[TASK_WHOLE] =
		value_integer(task->flags & TASK_ENDED && !(task->flags & TASK_UNBEGUN));
	values[TASK_LINK] = value_text(row->link[0] ? row->link : NULL);
	if (!(task->flags & TASK_ENDED))
		return;
	values[TASK_END] = value_time(filler, task->end_ns);
	values[TASK_NS] = value_integer((s64)(task->end_ns - task->begin_ns));
}

const struct table_spec tasks_table = {
	.name = "tasks",
	.means = "units of work that programs announced",
	.columns = task_columns,
	.column_count = TASK_COLUMN_COUNT,
	.source = TABLE_TASKS,
	.fill = fill_task,
};

enum {
	REGION_NAME = THREAD_COLUMN_COUNT,
	REGION_BEGIN,
	REGION_END,
	REGION_NS,
	REGION_DEPTH,
	REGION_TASK_ID,
	REGION_TASK,
	REGION_STACK,
	REGION_CUT_BEGIN,
	REGION_CUT_END,
	REGION_COLUMN_COUNT,
};

static const struct column_spec region_columns[] = {
	THREAD_COLUMNS,
	[REGION_NAME] = { "name", "", COLUMN_TEXT, false },
	{ "begin_ns", "since the start of the recording", COLUMN_INTEGER, false },
	{ "end_ns", "the same", COLUMN_INTEGER, false },
	{ "ns", "end_ns - begin_ns", COLUMN_INTEGER, false },
	{ "depth", "how many others were open around it", COLUMN_INTEGER, false },
	{ "task_id", "that its thread worked for: of tasks", COLUMN_INTEGER, false },
	{ "task", "its name", COLUMN_TEXT, false },
	{ "user_stack", "where it began: stacks.stack_id", COLUMN_INTEGER, true },
	{ "cut_begin", "1: its begin was not seen", COLUMN_FLAG, false },
	{ "cut_end", "1: its end was not: of the task, the thread, or the recording", COLUMN_FLAG,
	  false },
};
_Static_assert(ARRAY_SIZE(region_columns) == REGION_COLUMN_COUNT, "one for each");

static void fill_region(struct filler *filler, const void *data, struct value *values, u64 wanted)
{
	const struct table_note *row = data;
	const struct note *note = &row->note;

	fill_thread(filler, values, note->thread, wanted);
	values[REGION_NAME] = value_name(filler, note->name);
	values[REGION_BEGIN] = value_time(filler, note->begin_ns);
	values[REGION_END] = value_time(filler, note->time_ns);
	values[REGION_NS] = value_integer((s64)(note->time_ns - note->begin_ns));
	values[REGION_DEPTH] = value_integer(note->depth);
	values[REGION_TASK_ID] = value_some(row->task.id);
	values[REGION_TASK] = value_name(filler, row->task.name);
	if (WANTS(REGION_STACK))
		values[REGION_STACK] = value_some(table_stack(filler, note->stack));
	values[REGION_CUT_BEGIN] = value_integer(!!(note->how & NOTE_UNSEEN));
	values[REGION_CUT_END] = value_integer(!!(note->how & (NOTE_IMPLIED | NOTE_UNFINISHED)));
}

const struct table_spec regions_table = {
	.name = "regions",
	.means = "steps inside one thread, announced or probed",
	.columns = region_columns,
	.column_count = REGION_COLUMN_COUNT,
	.source = TABLE_NOTES,
	.note_kind = EVENT_REGION_END,
	.stack_columns = COLUMN_BIT(REGION_STACK),
	.fill = fill_region,
};

enum {
	LOG_TIME = THREAD_COLUMN_COUNT,
	LOG_CATEGORY,
	LOG_TEXT,
	LOG_TASK_ID,
	LOG_TASK,
	LOG_COLUMN_COUNT,
};

static const struct column_spec log_columns[] = {
	THREAD_COLUMNS,
	[LOG_TIME] = { "time_ns", "since the start of the recording", COLUMN_INTEGER, false },
	{ "category", "", COLUMN_TEXT, false },
	{ "text", "", COLUMN_TEXT, false },
	{ "task_id", "that it is about: of tasks", COLUMN_INTEGER, false },
	{ "task", "its name", COLUMN_TEXT, false },
};
_Static_assert(ARRAY_SIZE(log_columns) == LOG_COLUMN_COUNT, "one for each");

static void fill_log(struct filler *filler, const void *data, struct value *values, u64 wanted)
{
	const struct table_note *row = data;

	fill_thread(filler, values, row->note.thread, wanted);
	values[LOG_TIME] = value_time(filler, row->note.time_ns);
	values[LOG_CATEGORY] = value_name(filler, row->note.name);
	values[LOG_TEXT] = value_told(filler, row->text);
	values[LOG_TASK_ID] = value_some(row->task.id);
	values[LOG_TASK] = value_name(filler, row->task.name);
}

const struct table_spec logs_table = {
	.name = "logs",
	.means = "messages that programs announced",
	.columns = log_columns,
	.column_count = LOG_COLUMN_COUNT,
	.source = TABLE_NOTES,
	.note_kind = EVENT_LOG,
	.fill = fill_log,
};

enum {
	COUNTER_TIME = THREAD_COLUMN_COUNT,
	COUNTER_NAME,
	COUNTER_VALUE,
	COUNTER_COLUMN_COUNT,
};

static const struct column_spec counter_columns[] = {
	THREAD_COLUMNS,
	[COUNTER_TIME] = { "time_ns", "since the start of the recording", COLUMN_INTEGER, false },
	{ "name", "", COLUMN_TEXT, false },
	{ "value", "from here on", COLUMN_NUMBER, false },
};
_Static_assert(ARRAY_SIZE(counter_columns) == COUNTER_COLUMN_COUNT, "one for each");

static void fill_counter(struct filler *filler, const void *data, struct value *values, u64 wanted)
{
	const struct note *note = &((const struct table_note *)data)->note;
	double real = note_number(note);

	fill_thread(filler, values, note->thread, wanted);
	values[COUNTER_TIME] = value_time(filler, note->time_ns);
	values[COUNTER_NAME] = value_name(filler, note->name);
	if (!(note->flags & ANNOTATION_REAL))
		values[COUNTER_VALUE] = value_integer((s64)note->value);
	else if (real - real == 0) /* else infinite, or no number */
		values[COUNTER_VALUE] = (struct value){ .type = VALUE_REAL, .real = real };
}

const struct table_spec counters_table = {
	.name = "counters",
	.means = "numbers that programs announced",
	.columns = counter_columns,
	.column_count = COUNTER_COLUMN_COUNT,
	.source = TABLE_NOTES,
	.note_kind = EVENT_COUNTER,
	.fill = fill_counter,
};
