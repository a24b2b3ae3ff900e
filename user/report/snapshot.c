// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* snapshot - why a flight recorder wrote this, what that thread was doing, how much is held */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "user/base/json.h"
#include "user/base/text.h"
#include "user/report/table.h"

#define CAUSES_SHOWN 3
#define AROUND_NS    NSEC_PER_SEC /* before a cause that has no duration */
#define LINE_BYTES   1024

static const struct trace_manifest *manifest_of(const struct report *report)
{
	return report->info ? report->info->manifest : NULL;
}

static void put_line(const struct report *report, const char *line)
{
	put_cut(report, line, report->style.width);
	fputc('\n', report->out);
}

/* "12:03:04.123", in local time */
static void show_clock(char *to, size_t room, const struct report *report, u64 time_ns)
{
	const struct clock_stamp *start = &report->info->start;
	u64 wall_ns = start->wall_ns + time_ns - start->mono_ns;
	time_t seconds = (time_t)(wall_ns / NSEC_PER_SEC);
	struct tm tm;
	size_t used;

	localtime_r(&seconds, &tm);
	used = strftime(to, room, "%H:%M:%S", &tm);
	snprintf(to + used, room - used, ".%03u",
		 (unsigned int)(wall_ns % NSEC_PER_SEC / NSEC_PER_MSEC));
}

static void __attribute__((format(printf, 2, 3))) add(char line[LINE_BYTES], const char *fmt, ...)
{
	size_t used = strlen(line);
	va_list args;

	va_start(args, fmt);
	vsnprintf(line + used, LINE_BYTES - used, fmt, args);
	va_end(args);
}

static void print_cause(const struct report *report, const struct trace_cause *cause,
			const char *word)
{
	char line[LINE_BYTES] = "", length[TEXT_MAX], name[NAME_SHOWN_MAX];

	add(line, "%s %s", word, cause->trigger);
	if (cause->tid)
		add(line, ": %s (%u)", name_show(name, cause->thread), cause->tid);
	if (*cause->what)
		add(line, "%s %s", cause->tid ? "," : ":", cause->what);
	if (cause->duration_ns)
		add(line, ", %s%s", text_duration(length, cause->duration_ns),
		    cause->running ? " so far" : "");
	text_printable(line, sizeof(line), line);
	put_line(report, line);
}

/* "sleep 286 ms in clock_nanosleep" of the kind that took longest, with its function */
static void add_waits(char line[LINE_BYTES], struct report *part, const struct times_row *times)
{
	char length[TEXT_MAX], function[CELL_TEXT_MAX], what[REPORT_WHAT_MAX], room[32];
	const struct waits_row *row = part->waits.rows;

	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++)
		if (times->waits[kind].ns && (!part->waits.count || kind != row->kind))
			add(line, ", %s %s", wait_kind_name((enum wait_kind)kind),
			    text_duration(length, times->waits[kind].ns));
	if (!part->waits.count)
		return;
	add(line, ", %s %s", wait_kind_name(row->kind),
	    text_duration(length, times->waits[row->kind].ns));
	if (row->syscall != SYSCALL_NONE)
		add(line, " in %s", report_syscall(part, row->syscall, room));
	report_what(what, part, row);
	if (*what && strcmp(what, "-"))
		add(line, " for %s", what);
	report_waits_function(function, part, row);
	if (*function)
		add(line, ", from %s", function);
}

/* What the cause's thread did while it lasted, or in the second before */
static void print_doing(const struct report *report, const struct trace_cause *cause)
{
	u64 start_ns = report->info->start.mono_ns;
	u64 from_ns = cause->duration_ns ? cause->begin_ns : cause->time_ns - AROUND_NS;
	struct report_options options = { .filter = { .tids = &cause->tid, .tid_count = 1 } };
	char line[LINE_BYTES] = "  meanwhile it: ", length[TEXT_MAX];
	struct times_row times;
	struct report part;

	if (!cause->tid || cause->time_ns <= start_ns)
		return;
	from_ns = max(from_ns, start_ns);
	options.filter.from_ns = from_ns - start_ns;
	options.filter.to_ns = cause->time_ns - start_ns;
	if (report_part(&part, report, &options, NEEDS_TIMES | NEEDS_WAITS | NEEDS_FRAMES) >= 0 &&
	    waits_sort(&part.waits) >= 0) {
		times = times_total(&part.times);
		add(line, "execution %s", text_duration(length, times.execution.ns));
		if (times.scheduler_wait.ns)
			add(line, ", scheduler wait %s",
			    text_duration(length, times.scheduler_wait.ns));
		add_waits(line, &part, &times);
		if (times.observed_ns)
			put_line(report, line);
	}
	report_free(&part);
}

static void print_window(const struct report *report, const struct trace_manifest *m)
{
	char line[LINE_BYTES] = "", at[32], held[TEXT_MAX], before[TEXT_MAX], after[TEXT_MAX];

	show_clock(at, sizeof(at), report, m->causes[0].time_ns);
	add(line, "  at %s; held: %s, of %s before and %s behind it asked for", at,
	    text_duration(held, m->to_ns - min(m->from_ns, m->to_ns)),
	    text_duration(before, m->before_ns), text_duration(after, m->after_ns));
	if (m->suppressed)
		add(line, "; %" PRIu64 " triggers before it made no snapshot", m->suppressed);
	put_line(report, line);
}

void report_snapshot_text(struct report *report)
{
	const struct trace_manifest *m = manifest_of(report);
	char line[LINE_BYTES] = "";

	if (!m || !m->cause_count)
		return;
	for (u32 i = 0; i < m->cause_count && i < CAUSES_SHOWN; i++) {
		print_cause(report, &m->causes[i], i ? "and" : "snapshot because of");
		if (!i)
			print_doing(report, &m->causes[i]);
	}
	if (m->cause_count + m->more > CAUSES_SHOWN) {
		add(line, "and %" PRIu64 " more", m->cause_count + m->more - CAUSES_SHOWN);
		put_line(report, line);
	}
	print_window(report, m);
}

static void cause_json(const struct trace_cause *cause, struct json *json)
{
	json_object(json);
	json_key_text(json, "trigger", cause->trigger);
	json_key_u64(json, "time_ns", cause->time_ns);
	json_key_u64(json, "pid", cause->tgid);
	json_key_u64(json, "tid", cause->tid);
	json_key_text(json, "thread", cause->thread);
	json_key_u64(json, "task", cause->task);
	json_key_text(json, "what", cause->what);
	json_key_u64(json, "begin_ns", cause->begin_ns);
	json_key_u64(json, "duration_ns", cause->duration_ns);
	json_key_bool(json, "running", cause->running);
	json_object_end(json);
}

void report_snapshot_json(const struct report *report, struct json *json)
{
	const struct trace_manifest *m = manifest_of(report);

	if (!m) {
		json_key_text(json, "snapshot", NULL);
		return;
	}
	json_key(json, "snapshot");
	json_object(json);
	json_key_u64(json, "before_ns", m->before_ns);
	json_key_u64(json, "after_ns", m->after_ns);
	json_key_u64(json, "from_ns", m->from_ns);
	json_key_u64(json, "to_ns", m->to_ns);
	json_key_u64(json, "suppressed", m->suppressed);
	json_key_u64(json, "more", m->more);
	json_key(json, "causes");
	json_list(json);
	for (u32 i = 0; i < m->cause_count; i++)
		cause_json(&m->causes[i], json);
	json_list_end(json);
	json_object_end(json);
}
