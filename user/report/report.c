// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* report - open a trace, follow it, print what was asked for */
#include "user/report/report.h"

#include <errno.h>
#include <string.h>

#include "user/base/json.h"
#include "user/base/text.h"
#include "user/report/tasks.h"

const struct report_kind report_kinds[] = {
	{ "summary", "one screen: where did the time go",
	  NEEDS_TIMES | NEEDS_WAITS | NEEDS_SCHED | NEEDS_FRAMES | NEEDS_LOCKS, report_summary },
	{ "threads", "execution, scheduler wait and waits of each thread", NEEDS_TIMES,
	  report_threads },
	{ "waits", "what was waited for, how long, woken by whom", NEEDS_WAITS | NEEDS_FRAMES,
	  report_waits },
	{ "locks", "which locks, how long, held by whom, doing what", NEEDS_LOCKS | NEEDS_FRAMES,
	  report_locks },
	{ "wakers", "who released whom, after how long, and in which chains",
	  NEEDS_WAKERS | NEEDS_FRAMES, report_wakers },
	{ "syscalls", "system calls: counts, errors, durations", NEEDS_CALLS, report_syscalls },
	{ "sched", "how long threads waited for a CPU, and who had it", NEEDS_SCHED, report_sched },
	{ "stacks", "where in the code threads waited and ran: trees of calls",
	  NEEDS_STACKS | NEEDS_FRAMES, report_stacks },
	{ "tasks", "announced tasks: how long they took, and why", NEEDS_TASKS | NEEDS_FRAMES,
	  report_tasks },
	{ "regions", "announced regions: how long they took, and why", NEEDS_REGIONS | NEEDS_FRAMES,
	  report_regions },
	{ "logs", "what programs said: time, thread, task, text", NEEDS_LOGS, report_logs },
	{ "losses", "events that are missing, by CPU, class and time", NEEDS_STACKS | NEEDS_FRAMES,
	  report_losses },
	{ NULL, NULL, 0, NULL },
};

const struct report_kind *report_kind_find(const char *name)
{
	for (const struct report_kind *kind = report_kinds; kind->name; kind++)
		if (!strcmp(kind->name, name))
			return kind;
	return NULL;
}

static int unknown_kind(const char *name, struct err *err)
{
	char list[256] = "";

	for (const struct report_kind *kind = report_kinds; kind->name; kind++) {
		if (list[0])
			strcat(list, ", ");
		strcat(list, kind->name);
	}
	fail(err, -EINVAL, "there is no report '%s'", name);
	return hint(err, "the reports are: %s", list);
}

/* Scheduler waits have the stack of the wait before them, or of the preemption. */
static void begin_stacks(struct report *report, unsigned int needs)
{
	const struct trace_info *info = report->info;
	bool recorded = info && info->class_mask & 1u << CLASS_STACK;

	if (!(needs & NEEDS_STACKS))
		return;
	report->stack_waits = (struct profile){
		.kind = profile_kind_find("wait"),
		.timeline = report->timeline,
		.stack_min_ns = recorded ? info->stack_min_ns : UINT64_MAX,
	};
	report->stack_sched = report->stack_waits;
	report->stack_sched.kind = profile_kind_find("sched");
	report->stack_cpu = (struct profile){
		.kind = profile_kind_find("cpu"),
		.timeline = report->timeline,
		.sample_period_ns = info ? info->sample_period_ns : 0,
	};
}

static int begin_announced(struct report *report, unsigned int needs)
{
	const struct report_options *options = report->options;

	if (needs & (NEEDS_TASKS | NEEDS_REGIONS | NEEDS_LOGS))
		timeline_split_tasks(report->timeline);
	if (options->by == TIMES_BY_TASK) {
		timeline_split_tasks(report->timeline);
		report->times.tasks.on = report->waits.tasks.on = true;
	}
	report->regions.timeline = report->timeline;
	report->regions.names = options->names;
	report->regions.name_count = options->name_count;
	report->logs.timeline = report->timeline;
	report->logs.most = (u32)min(options->limit, (u64)LOGS_MAX);
	report->logs.text = options->query.log;
	report->logs.category = options->category;
	return needs & NEEDS_TASKS ? tasks_begin(&report->tasks, report->timeline, &options->query)
				   : 0;
}

int report_attach(struct report *report, unsigned int needs)
{
	const struct {
		unsigned int need;
		struct sink sink;
	} sinks[] = {
		{ NEEDS_TIMES, times_sink(&report->times) },
		{ NEEDS_WAITS, waits_sink(&report->waits, report->timeline) },
		{ NEEDS_CALLS, calls_sink(&report->calls) },
		{ NEEDS_SCHED, sched_sink(&report->sched) },
		{ NEEDS_STACKS, profile_sink(&report->stack_waits) },
		{ NEEDS_STACKS, profile_sink(&report->stack_sched) },
		{ NEEDS_STACKS, profile_sink(&report->stack_cpu) },
		{ NEEDS_FRAMES, frames_sink(&report->frames) },
		{ NEEDS_LOCKS | NEEDS_WAKERS, history_sink(&report->history) },
		{ NEEDS_LOCKS, locks_sink(&report->locks) },
		{ NEEDS_WAKERS, wakers_sink(&report->wakers) },
		{ NEEDS_TASKS, tasks_sink(&report->tasks) },
		{ NEEDS_REGIONS, regions_sink(&report->regions) },
		{ NEEDS_LOGS, logs_sink(&report->logs) },
		{ NEEDS_LOCKS | NEEDS_WAKERS, history_told_sink(&report->history) },
		{ 0, losses_sink(&report->losses) },
	};

	if (needs & (NEEDS_LOCKS | NEEDS_WAKERS)) {
		if (history_begin(&report->history, report->timeline, 0) < 0)
			return -ENOMEM;
		locks_begin(&report->locks, &report->history, report->timeline);
		wakers_begin(&report->wakers, &report->history, report->timeline,
			     report->options->depth ?: WAKERS_DEPTH);
	}
	begin_stacks(report, needs);
	if (begin_announced(report, needs) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(sinks); i++) {
		int r = 0;

		if (!sinks[i].need || needs & sinks[i].need)
			r = timeline_attach(report->timeline, &sinks[i].sink);
		if (r < 0)
			return r;
	}
	return 0;
}

void report_free(struct report *report)
{
	times_free(&report->times);
	waits_free(&report->waits);
	calls_free(&report->calls);
	sched_free(&report->sched);
	profile_free(&report->stack_waits);
	profile_free(&report->stack_sched);
	profile_free(&report->stack_cpu);
	losses_free(&report->losses);
	frames_free(&report->frames);
	locks_free(&report->locks);
	wakers_free(&report->wakers);
	tasks_free_all(&report->tasks);
	instances_free(&report->instances);
	regions_free(&report->regions);
	logs_free(&report->logs);
	history_free(&report->history);
	timeline_free(report->timeline);
	report->timeline = NULL;
}

const char *report_syscall(const struct report *report, u16 syscall, char room[32])
{
	static const struct trace_info nothing;

	if (syscall == SYSCALL_NONE)
		return "-";
	return trace_syscall_name(report->info ?: &nothing, syscall, room);
}

bool report_futex(char name[FUTEX_NAME_MAX], const char **module, const struct report *report,
		  const struct waits_row *row)
{
	const struct what *what = whats_get(&report->waits.whats, row->what);
	const struct thread_table *threads = timeline_threads(report->timeline);

	return what->futex && what->process &&
	       futexes_name(name, module, &report->frames,
			    threads->processes[what->process - 1]->pid, what->futex,
			    row->longest_begin_ns);
}

char *report_what(char to[REPORT_WHAT_MAX], const struct report *report,
		  const struct waits_row *row)
{
	char name[FUTEX_NAME_MAX], shown[160], text[WHAT_TEXT_MAX];
	const char *module;

	if (!report_futex(name, &module, report, row)) {
		strcpy(to, what_text(text, whats_get(&report->waits.whats, row->what)));
		return to;
	}
	text_printable(shown, sizeof(shown), name);
	text_printable(text, 64, module);
	snprintf(to, REPORT_WHAT_MAX, "futex %s (%.64s)", shown, text);
	return to;
}

size_t report_limit(const struct report *report, size_t rows, size_t fit)
{
	if (report->options->all)
		return rows;
	if (report->options->limit)
		return min(rows, (size_t)report->options->limit);
	return report->options->json ? rows : min(rows, fit);
}

static bool is_damaged(const struct report *report)
{
	const struct trace_damage *damage = report->damage;

	return report->losses.unreadable ||
	       (damage && (damage->bad_chunks || damage->bad_bytes || damage->cut_bytes));
}

bool report_is_lower_bound(const struct report *report)
{
	return report->losses.events || is_damaged(report) ||
	       (report->totals && report->totals->untracked_threads);
}

static void losses_json(struct report *report, struct json *json)
{
	json_key(json, "losses");
	json_object(json);
	json_key_u64(json, "events", report->losses.events);
	json_key(json, "by_class");
	json_object(json);
	for (int class = 0; class < CLASS_COUNT; class ++)
		json_key_u64(json, event_class_name(class), report->losses.counts[class]);
	json_object_end(json);
	json_key_u64(json, "unreadable_stretches", report->losses.unreadable);
	json_key_bool(json, "damaged", is_damaged(report));
	json_key_u64(json, "untracked_threads",
		     report->totals ? report->totals->untracked_threads : 0);
	json_key_bool(json, "lower_bound", report_is_lower_bound(report));
	json_object_end(json);
}

/* The last line of every report */
void report_losses_line(struct report *report)
{
	const struct losses *losses = &report->losses;
	FILE *out = report->out;
	char text[TEXT_MAX];

	if (!report_is_lower_bound(report)) {
		fprintf(out, "%slosses: none%s\n", style_tone(&report->style, TONE_DIM),
			style_tone(&report->style, TONE_PLAIN));
		return;
	}
	fprintf(out, "%slosses: %s events", style_tone(&report->style, TONE_WARN),
		text_count(text, losses->events));
	for (int class = 0, listed = 0; class < CLASS_COUNT; class ++)
		if (losses->counts[class])
			fprintf(out, "%s%s %s", listed++ ? ", " : ": ", event_class_name(class),
				text_count(text, losses->counts[class]));
	if (report->totals && report->totals->untracked_threads)
		fprintf(out, "; %s threads not tracked",
			text_count(text, report->totals->untracked_threads));
	if (is_damaged(report))
		fputs("; the file is damaged", out);
	fprintf(out, "; times and counts are a lower bound%s\n",
		style_tone(&report->style, TONE_PLAIN));
}

int report_write(struct report *report, const struct report_kind *kind)
{
	struct json json = { .out = report->out };
	int r;

	if (!report->options->json) {
		r = kind->print(report, NULL);
		if (r >= 0 && kind->print != report_summary)
			report_losses_line(report);
		return r;
	}
	json_object(&json);
	r = kind->print(report, &json);
	if (r < 0)
		return r;
	losses_json(report, &json);
	json_object_end(&json);
	fputc('\n', report->out);
	return 0;
}

/* The filter's times are since the start; those of the timeline are of the clock. */
static void set_stretch(struct report *report, struct filter *filter, u64 start_ns, u64 end_ns)
{
	const struct filter *asked = &report->options->filter;

	*filter = *asked;
	filter->from_ns = asked->from_ns ? start_ns + asked->from_ns : 0;
	filter->to_ns = asked->to_ns ? start_ns + asked->to_ns : 0;
	report->begin_ns = max(filter->from_ns, start_ns);
	report->end_ns = filter->to_ns ? min(filter->to_ns, end_ns) : end_ns;
}

static int check_stretch(const struct report *report, u64 start_ns, u64 end_ns, struct err *err)
{
	char from[TEXT_MAX], length[TEXT_MAX];

	if (report->begin_ns < report->end_ns || !report->options->filter.from_ns)
		return 0;
	fail(err, -EINVAL, "--from: nothing was recorded %s after the start",
	     text_duration(from, report->options->filter.from_ns));
	return hint(err, "the recording lasts %s", text_duration(length, end_ns - start_ns));
}

/* Names are told whenever they are known, not only in the stretch that is read. */
static int read_stretch(struct report *report, struct trace_reader *reader,
			const struct filter *filter, bool frames, struct err *err)
{
	int r = 0;

	if (frames && filter->from_ns > trace_reader_begin_ns(reader))
		r = frames_read_before(&report->frames, report->path, filter->from_ns, err);
	if (r >= 0)
		r = timeline_read(report->timeline, reader, filter->from_ns, filter->to_ns, err);
	if (r >= 0 && frames && filter->to_ns)
		r = frames_read_behind(&report->frames, report->path, filter->to_ns, err);
	return r;
}

static int read_trace(struct report *report, struct trace_reader *reader, unsigned int needs,
		      struct err *err)
{
	u64 start_ns = trace_reader_begin_ns(reader), end_ns = trace_end_ns(reader);
	struct filter filter;
	int r;

	report->info = trace_reader_info(reader);
	report->totals = trace_reader_totals(reader);
	set_stretch(report, &filter, start_ns, end_ns);
	r = check_stretch(report, start_ns, end_ns, err);
	if (r < 0)
		return r;
	r = timeline_new(&report->timeline, start_ns, err);
	if (r < 0)
		return r;
	timeline_set_filter(report->timeline, &filter);
	r = report_attach(report, needs);
	if (r < 0)
		return fail(err, r, "cannot prepare the report: %s", strerror(-r));
	frames_begin(&report->frames, &(struct frames_options){
					      .host = report->info->host,
					      .start = &report->info->start,
					      .lines = report->options->lines,
					      .timeline = report->timeline,
				      });
	r = read_stretch(report, reader, &filter, needs & NEEDS_FRAMES, err);
	if (r >= 0 && needs & NEEDS_TASKS && report_wants_instances(report))
		r = report_read_instances(report, &filter, err);
	report->damage = trace_reader_damage(reader);
	return r;
}

int report_part(struct report *part, const struct report *of, const struct report_options *options,
		unsigned int needs)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	struct err unused = { 0 };
	int r;

	*part = (struct report){
		.out = of->out, .options = options, .style = of->style, .path = of->path
	};
	/* What comes through a pipe can be read once. */
	if (!of->path || !strcmp(of->path, "-"))
		return -ESPIPE;
	r = trace_reader_open(&reader, of->path, &unused);
	if (r < 0)
		return r;
	r = read_trace(part, reader, needs, &unused);
	/* The reader goes; the same is in the other report's. */
	part->info = of->info;
	part->totals = of->totals;
	part->damage = of->damage;
	return r;
}

static int follow_trace(struct report *report, struct trace_reader *reader,
			const struct report_kind *kind, struct err *err)
{
	int r = read_trace(report, reader, kind->needs, err);

	if (r < 0)
		return r;
	r = report_write(report, kind);
	if (r < 0)
		return fail(err, r, "cannot make the report: %s", strerror(-r));
	return 0;
}

int report_print(FILE *out, const char *path, const struct report_options *options, struct err *err)
{
	const struct report_kind *kind = report_kind_find(options->kind ?: "summary");
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	struct report report = {
		.out = out,
		.options = options,
		.style = options->style ? *options->style : style_of(out),
		.path = options->passing ? "" : path,
	};
	int r;

	if (!kind)
		return unknown_kind(options->kind, err);
	r = trace_reader_open(&reader, path, err);
	if (r < 0)
		return r;
	r = follow_trace(&report, reader, kind, err);
	report_free(&report);
	if (r < 0)
		return r;
	errno = 0;
	if (fflush(out) || ferror(out))
		return fail(err, errno == EPIPE ? -EPIPE : -EIO, "cannot write the report: %s",
			    strerror(errno ?: EIO));
	return 0;
}

int report_print_summary(FILE *out, const char *path, bool passing, struct err *err)
{
	const struct report_options options = { .passing = passing };

	return report_print(out, path, &options, err);
}
