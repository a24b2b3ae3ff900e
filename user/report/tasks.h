/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* tasks - what the reports of tasks, regions and logs have in common */
#ifndef TRACER_REPORT_TASKS_H
#define TRACER_REPORT_TASKS_H

#include "user/base/json.h"
#include "user/report/report.h"

#define SPENT_TEXT_MAX 160

/* "sleep 96 %, execution 3 %": what took most of it, of @whole. Return: @to */
char *spent_text(char to[SPENT_TEXT_MAX], const struct spent *spent, u64 whole);

#define WENT_TEXT_MAX (SPENT_TEXT_MAX + 64)

/* Where the time of the threads went; and of the task's, what was spent in a queue. Return: @to */
char *went_text(char to[WENT_TEXT_MAX], const struct spent *spent, u64 latency_ns, u64 attended_ns);

/* The same keys as of a row of threads, in the object that is open */
void spent_json(struct json *json, const struct spent *spent);

/* What a program did against the rules: a line where there is something, an object as JSON */
void misuse_show(const struct report *report, struct json *json);

/* One line, within the width */
void line_show(const struct report *report, const char *line);

/* Whether single tasks are asked for, each with all that happened in it */
bool report_wants_instances(const struct report *report);

/* Reads the trace once more: the tasks that the first pass has found. Return: as timeline_read(). */
int report_read_instances(struct report *report, const struct filter *filter, struct err *err);
int report_instances(struct report *report, struct json *json);

/* "4.12 s": since the start of the recording. Return: @to */
#define WHEN_TEXT_MAX 32
char *when_text(char to[WHEN_TEXT_MAX], const struct report *report, u64 time_ns);

/* "486 ms", as the terminal can show it. Return: @to */
char *ns_text(char to[WHEN_TEXT_MAX], const struct report *report, u64 ns);

#endif
