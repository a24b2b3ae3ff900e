// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * summary - one screen that answers: where did the time go?
 *
 * At most 24 lines of 80 columns: the recording, all time by what it was spent on, the
 * busiest threads, the waits that matter, the scheduler, one sentence, and what to type next.
 */
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/report/lock_holders.h"
#include "user/report/lock_names.h"
#include "user/report/summary.h"
#include "user/report/table.h"

#define BARS_MAX    6 /* lines of "where the time went" */
#define THREADS_MAX 4
#define WAITS_MAX   4

static char *duration(char to[CELL_TEXT_MAX], const struct report *report, u64 ns)
{
	struct cell cell = { .number = ns };

	return cell_show(to, report, CELL_NS, &cell);
}

static void head(const struct report *report, const char *text)
{
	fprintf(report->out, "%s%s%s", style_tone(&report->style, TONE_HEAD), text,
		style_tone(&report->style, TONE_PLAIN));
}

static void print_recording(const struct report *report, const struct summary *sum)
{
	char target[160], tail[160], length[CELL_TEXT_MAX], count[2][TEXT_MAX];
	const struct trace_info *info = report->info;
	u32 cpus = info ? info->cpu_count : 0;
	unsigned int room;

	snprintf(tail, sizeof(tail), ": %s on %u CPU%s, %s thread%s, %s events",
		 duration(length, report, report->end_ns - report->begin_ns), cpus,
		 cpus == 1 ? "" : "s", text_count(count[0], sum->total.threads),
		 sum->total.threads == 1 ? "" : "s",
		 text_count(count[1], timeline_counts(report->timeline)->events));
	room = (unsigned int)text_columns(tail);
	room = report->style.width > room + 8 ? report->style.width - room : 8;
	text_printable(target, min(sizeof(target), (size_t)room + 1),
		       info && info->target ? info->target : "target");
	fprintf(report->out, "%s%s%s%s\n", style_tone(&report->style, TONE_HEAD), target,
		style_tone(&report->style, TONE_PLAIN), tail);
}

static void print_bar(const struct report *report, const char *name, u64 ns, u64 whole)
{
	char bar[BAR_BYTES], length[CELL_TEXT_MAX], share[TEXT_MAX];
	unsigned int width = min(report->style.width - 38, 40u);

	duration(length, report, ns);
	fprintf(report->out, "%-15s %*s%s  %7s  %s\n", name, 11 - (int)text_columns(length), "",
		length, text_share(share, ns, whole),
		bar_of(bar, &report->style, width, ns, whole));
}

/* Whose time it is: threads that slept throughout would hide what the others did. */
static void print_bars_head(const struct report *report, const struct times_row *shown,
			    const struct times_row *all)
{
	char length[CELL_TEXT_MAX], count[2][TEXT_MAX];

	head(report, "WHERE THE TIME WENT");
	duration(length, report, shown->observed_ns);
	if (shown->threads == all->threads)
		fprintf(report->out, " (of all threads: %s)\n", length);
	else
		fprintf(report->out, " (of %s thread%s: %s; %s more slept all the time)\n",
			text_count(count[0], shown->threads), shown->threads == 1 ? "" : "s",
			length, text_count(count[1], all->threads - shown->threads));
}

/* Execution and scheduler wait always, then the kinds that took the most. */
static void print_bars(const struct report *report, const struct summary *sum)
{
	const struct times_row *total = sum->awake.threads ? &sum->awake : &sum->total;
	bool shown[WAIT_KIND_COUNT] = { 0 };
	u64 rest = times_waits(total).ns;

	print_bars_head(report, total, &sum->total);
	print_bar(report, "execution", total->execution.ns, total->observed_ns);
	print_bar(report, "scheduler wait", total->scheduler_wait.ns, total->observed_ns);
	for (int line = 2; line < BARS_MAX && rest; line++) {
		int most = -1, left = 0;

		for (int kind = 0; kind < WAIT_KIND_COUNT; kind++) {
			if (shown[kind] || !total->waits[kind].ns)
				continue;
			left++;
			if (most < 0 || total->waits[kind].ns > total->waits[most].ns)
				most = kind;
		}
		if (line == BARS_MAX - 1 && left > 1) {
			print_bar(report, "other waits", rest, total->observed_ns);
			break;
		}
		shown[most] = true;
		rest -= total->waits[most].ns;
		print_bar(report, wait_kind_name((enum wait_kind)most), total->waits[most].ns,
			  total->observed_ns);
	}
}

static void get_name(struct cell *cell, const struct report *report, const void *row)
{
	cell_text(cell, thread_name(report->timeline, ((const struct times_row *)row)->thread));
}

static void get_threads(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->threads;
}

static void get_execution(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->execution.ns;
}

static void get_sched(struct cell *cell, const struct report *report, const void *row)
{
	cell->number = ((const struct times_row *)row)->scheduler_wait.ns;
}

static void get_most_waited(struct cell *cell, const struct report *report, const void *row)
{
	const struct times_row *times = row;
	char length[CELL_TEXT_MAX];
	int most = 0;

	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++)
		if (times->waits[kind].ns > times->waits[most].ns)
			most = kind;
	cell->none = !times->waits[most].ns;
	snprintf(cell->text, sizeof(cell->text), "%s %s", wait_kind_name((enum wait_kind)most),
		 duration(length, report, times->waits[most].ns));
}

static void get_bar(struct cell *cell, const struct report *report, const void *row)
{
	const struct times_row *times = row;
	const u64 parts[3] = { times->execution.ns, times->scheduler_wait.ns,
			       times_waits(times).ns };

	bar_of_parts(cell->text, &report->style, 14, parts, times->observed_ns);
}

static const struct column thread_columns[] = {
	{ "BUSIEST THREADS", "name", CELL_TEXT, 0, false, get_name, NULL },
	{ "THREADS", "threads", CELL_COUNT, 2, false, get_threads, NULL },
	{ "EXECUTION", "execution_ns", CELL_NS, 0, false, get_execution, NULL },
	{ "SCHED WAIT", "scheduler_wait_ns", CELL_NS, 0, false, get_sched, NULL },
	{ "MOST WAITED", NULL, CELL_TEXT, 0, false, get_most_waited, NULL },
	{ "RUN/SCHED/WAIT", NULL, CELL_BAR, 1, false, get_bar, NULL },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

/* Names that hardly ran are one line. */
static int print_threads(const struct report *report, const struct summary *sum)
{
	struct table table = {
		.columns = thread_columns,
		.rows = sum->names,
		.row_bytes = sizeof(*sum->names),
		.row_count = sum->name_count,
		.excerpt = true,
	};
	u64 folded = 0;
	char text[TEXT_MAX];
	int r;

	while (table.fit < sum->name_count && table.fit < THREADS_MAX &&
	       (!table.fit || sum->names[table.fit].execution.ns >= sum->total.observed_ns / 10000))
		table.fit++;
	if (table.fit == THREADS_MAX && sum->name_count > THREADS_MAX)
		table.fit--;
	r = table_print(report, &table);
	for (size_t i = table.fit; i < sum->name_count; i++)
		folded += sum->names[i].threads;
	if (folded)
		fprintf(report->out, "%sand %s thread%s that ran less%s\n",
			style_tone(&report->style, TONE_DIM), text_count(text, folded),
			folded == 1 ? "" : "s", style_tone(&report->style, TONE_PLAIN));
	return r;
}

static void put_line(const struct report *report, const char *line)
{
	put_cut(report, line, report->style.width);
	fputc('\n', report->out);
}

static void print_scheduler(const struct report *report, const struct summary *sum)
{
	const struct histogram *ns = &report->sched.latency;
	char text[3][CELL_TEXT_MAX], share[TEXT_MAX], name[NAME_SHOWN_MAX], rival[128] = "";
	char line[1024];

	if (!ns->count)
		return;
	if (sum->rival && sum->rival->ns * 4 >= ns->total) {
		name_show(name,
			  names_text(&timeline_threads(report->timeline)->names, sum->rival->name));
		snprintf(rival, sizeof(rival), "; %s for %s",
			 text_share(share, sum->rival->ns, ns->total), name);
	}
	snprintf(line, sizeof(line), "scheduler latency: p50 %s, p99 %s, max %s%s",
		 duration(text[0], report, histogram_quantile(ns, 0.5)),
		 duration(text[1], report, histogram_quantile(ns, 0.99)),
		 duration(text[2], report, ns->most), rival);
	put_line(report, line);
}

static void print_worst(const struct report *report, const struct summary *sum)
{
	const struct waits_row *row = sum->worst;
	char length[CELL_TEXT_MAX], what[REPORT_WHAT_MAX], room[32], name[NAME_SHOWN_MAX];
	char function[CELL_TEXT_MAX], line[1024];
	const struct what *object;
	const char *call = "";

	if (!row || !row->worst)
		return;
	object = whats_get(&report->waits.whats, row->what);
	report_what(what, report, row);
	name_show(name, thread_name(report->timeline, row->worst));
	if (row->syscall != SYSCALL_NONE && !object->futex)
		call = report_syscall(report, row->syscall, room);
	report_function(function, report, row->worst_stack);
	snprintf(line, sizeof(line), "longest wait: %s at %.3f s, %s (%u), %s%s%s%s%s%s%s",
		 duration(length, report, row->worst_ns),
		 (double)(row->worst_begin_ns - timeline_start_ns(report->timeline)) / 1e9, name,
		 row->worst->tid, wait_kind_name(row->kind), *call || *what ? ": " : "", call,
		 *call && *what ? " " : "", what, *function ? ", in " : "", function);
	put_line(report, line);
}

/* The lock that cost most, and who held it: when that is a hundredth of all time */
static void print_lock(const struct report *report, const struct summary *sum)
{
	const struct lock_row *rows = report->locks.rows;
	char name[FUTEX_NAME_MAX], address[32], who[512], line[1024];
	const char *module;

	for (u32 i = 0; i < report->locks.count; i++) {
		if (rows[i].kind != LOCK_MUTEX && rows[i].kind != LOCK_PI_MUTEX &&
		    rows[i].kind != LOCK_RWLOCK)
			continue;
		if ((rows[i].ns.total - rows[i].unfinished_ns) * 100 < sum->awake.observed_ns ||
		    !lock_holder_line(who, sizeof(who), report, &rows[i]))
			return;
		snprintf(address, sizeof(address), "0x%llx", (unsigned long long)rows[i].address);
		snprintf(line, sizeof(line), "lock %s: %s",
			 lock_symbol(name, &module, report, &rows[i]) ? name : address, who);
		put_line(report, line);
		return;
	}
}

static void print_next(const struct report *report)
{
	bool typed = report->path && strcmp(report->path, "-") != 0;
	char path[512];

	if (typed && !*report->path)
		return;
	text_printable(path, sizeof(path), typed ? report->path : "FILE");
	fprintf(report->out,
		"%snext:%s tracer report threads|waits|locks|stacks|syscalls|sched %s\n",
		style_tone(&report->style, TONE_HEAD), style_tone(&report->style, TONE_PLAIN),
		path);
}

/* Empty lines between the parts, as long as it all stays on one screen. */
static void print_gap(const struct report *report, const struct summary *sum)
{
	size_t lines = 1 + min(sum->name_count, (size_t)THREADS_MAX) + 1 +
		       min(sum->wait_count, (size_t)WAITS_MAX);

	if (lines <= 8)
		fputc('\n', report->out);
}

static void summary_text(struct report *report, const struct summary *sum)
{
	char advice[CELL_TEXT_MAX];

	report_snapshot_text(report);
	print_recording(report, sum);
	print_bars(report, sum);
	print_gap(report, sum);
	if (sum->name_count)
		print_threads(report, sum);
	print_gap(report, sum);
	if (sum->wait_count)
		waits_print_excerpt(report, sum->waits, min(sum->wait_count, (size_t)WAITS_MAX));
	print_gap(report, sum);
	print_scheduler(report, sum);
	print_worst(report, sum);
	print_lock(report, sum);
	if (summary_advice(advice, report, sum)) {
		fputs(style_tone(&report->style, TONE_HEAD), report->out);
		put_cut(report, advice, report->style.width);
		fprintf(report->out, "%s\n", style_tone(&report->style, TONE_PLAIN));
	}
	report_losses_line(report);
	print_next(report);
}

static void json_waits_by_kind(struct json *json, const struct times_row *total)
{
	json_key(json, "waits");
	json_object(json);
	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++) {
		if (!total->waits[kind].count)
			continue;
		json_key(json, wait_kind_name((enum wait_kind)kind));
		json_object(json);
		json_key_u64(json, "ns", total->waits[kind].ns);
		json_key_u64(json, "count", total->waits[kind].count);
		json_key_u64(json, "longest_ns", total->waits[kind].longest_ns);
		json_object_end(json);
	}
	json_object_end(json);
}

static void summary_json(struct report *report, struct json *json, const struct summary *sum)
{
	const struct histogram *latency = &report->sched.latency;
	char advice[CELL_TEXT_MAX];

	json_key(json, "summary");
	json_object(json);
	json_key_text(json, "target", report->info ? report->info->target : NULL);
	json_key_text(json, "host", report->info ? report->info->host : NULL);
	json_key_u64(json, "cpus", report->info ? report->info->cpu_count : 0);
	json_key_u64(json, "duration_ns", report->end_ns - report->begin_ns);
	json_key_u64(json, "threads", sum->total.threads);
	json_key_u64(json, "events", timeline_counts(report->timeline)->events);
	json_key_u64(json, "observed_ns", sum->total.observed_ns);
	json_key_u64(json, "unknown_ns", sum->total.unknown_ns);
	json_key_u64(json, "execution_ns", sum->total.execution.ns);
	json_key_u64(json, "scheduler_wait_ns", sum->total.scheduler_wait.ns);
	json_waits_by_kind(json, &sum->total);
	json_key_u64(json, "scheduler_wait_p50_ns", histogram_quantile(latency, 0.5));
	json_key_u64(json, "scheduler_wait_p99_ns", histogram_quantile(latency, 0.99));
	json_key_u64(json, "scheduler_wait_max_ns", latency->most);
	json_key_text(json, "advice", summary_advice(advice, report, sum) ? advice : NULL);
	report_snapshot_json(report, json);
	json_object_end(json);
}

int report_summary(struct report *report, struct json *json)
{
	struct summary sum = { 0 };
	int r = report->locks.history ? report_finish_locks(report) : 0;

	if (r >= 0)
		r = summarize(&sum, report);
	if (r >= 0 && json)
		summary_json(report, json, &sum);
	else if (r >= 0)
		summary_text(report, &sum);
	free(sum.names);
	free(sum.waits);
	return r;
}
