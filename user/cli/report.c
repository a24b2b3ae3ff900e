// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* report - what a trace tells, as tables or as JSON */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/cli/filters.h"
#include "user/report/report.h"

struct options {
	bool json;
	struct filter_options filter;
	const char *by;
	u64 limit;
	bool lines;
	u64 depth;
	u64 slowest;
	u64 longer_ns;
	const char *log;
	const char *category;
};

#define SLOWEST_USUAL 10

#define LIMIT_NOT_SET UINT64_MAX

static const struct option_spec report_options[] = {
	{ "json", 0, OPTION_FLAG, offsetof(struct options, json), NULL,
	  "one JSON object instead of tables" },
	FILTER_OPTIONS(options, filter),
	{ "by", 0, OPTION_TEXT, offsetof(struct options, by), "name|process|task",
	  "threads: one row per name, process or task [thread]; waits: by task" },
	{ "limit", 'l', OPTION_NUMBER, offsetof(struct options, limit), "N",
	  "at most N rows, 0 for all [a screen; JSON: all]" },
	{ "lines", 0, OPTION_FLAG, offsetof(struct options, lines), NULL,
	  "files and lines of functions, too, where there is debugging information: slow" },
	{ "slowest", 0, OPTION_NUMBER, offsetof(struct options, slowest), "N",
	  "tasks: the N slowest, each with its regions, logs, threads and waits" },
	{ "longer-than", 0, OPTION_TIME, offsetof(struct options, longer_ns), "TIME",
	  "tasks: the same of those that took at least TIME" },
	{ "log", 0, OPTION_TEXT, offsetof(struct options, log), "TEXT",
	  "tasks: those with a log that has TEXT in it; logs: only these" },
	{ "category", 0, OPTION_TEXT, offsetof(struct options, category), "NAME",
	  "logs: only those with NAME in their category" },
	{ "depth", 0, OPTION_NUMBER, offsetof(struct options, depth), "N",
	  "wakers: chains of at most N wakers, 1 to 16 [3]" },
	{ 0 },
};

static void defaults(void *data)
{
	struct options *o = data;

	o->limit = LIMIT_NOT_SET;
	o->depth = WAKERS_DEPTH;
}

static int parse_by(enum times_by *by, const char *text, struct err *err)
{
	if (!text || !strcmp(text, "thread")) {
		*by = TIMES_BY_THREAD;
	} else if (!strcmp(text, "name")) {
		*by = TIMES_BY_NAME;
	} else if (!strcmp(text, "process")) {
		*by = TIMES_BY_PROCESS;
	} else if (!strcmp(text, "task")) {
		*by = TIMES_BY_TASK;
	} else {
		fail(err, -EINVAL, "--by: there is no '%s'", text);
		return hint(err, "rows can be by thread, name, process or task");
	}
	return 0;
}

/* "KIND FILE" or "FILE" */
static int parse_words(const char **kind, const char **path, char **args, int count,
		       struct err *err)
{
	*kind = count == 2 ? args[0] : "summary";
	*path = count ? args[count - 1] : NULL;
	if (count == 1 && report_kind_find(args[0]) && access(args[0], F_OK)) {
		fail(err, -EINVAL, "report %s: of which trace?", args[0]);
		return hint(err, "tracer report %s FILE", args[0]);
	}
	if (!count) {
		fail(err, -EINVAL, "report: of which trace?");
		return hint(err, "tracer report FILE; record one with: tracer -p PID");
	}
	if (count > 2) {
		fail(err, -EINVAL, "report: one trace at a time, not '%s' too", args[2]);
		return hint(err, "tracer report [KIND] FILE");
	}
	return 0;
}

static bool is_id(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/* Tasks and regions are listed by name, so --name is theirs. Ids, lengths and logs ask for single
 * tasks. */
static int parse_announced(struct report_options *to, const struct options *o, struct err *err)
{
	struct filter *filter = &to->filter;
	bool tasks = !strcmp(to->kind, "tasks"), single = o->slowest || o->longer_ns || o->log;

	if (o->slowest > TASKS_SLOWEST_MAX)
		return fail(err, -EINVAL, "--slowest: at most %d", TASKS_SLOWEST_MAX);
	if (tasks && filter->name_count && filter->task_count)
		return fail(err, -EINVAL, "report tasks: --name and --task are the same: give one");
	if (!strcmp(to->kind, "regions") || tasks) {
		to->names = filter->names;
		to->name_count = filter->name_count;
		filter->name_count = 0;
	}
	if (tasks && to->name_count) {
		filter->tasks = to->names;
		filter->task_count = to->name_count;
	}
	for (size_t i = 0; i < filter->task_count; i++)
		single |= is_id(filter->tasks[i]);
	to->category = o->category;
	to->query.log = o->log;
	to->query.longer_ns = o->longer_ns;
	if (tasks && single)
		to->query.slowest = (u32)(o->slowest ?: SLOWEST_USUAL);
	return 0;
}

static int run(void *data, char **args, int count, struct err *err)
{
	const struct options *o = data;
	struct report_options options = {
		.json = o->json,
		.limit = o->limit == LIMIT_NOT_SET ? 0 : o->limit,
		.all = !o->limit,
		.lines = o->lines,
		.depth = (u32)o->depth,
	};
	const char *path;
	int r;

	r = parse_words(&options.kind, &path, args, count, err);
	if (r < 0)
		return r;
	r = parse_by(&options.by, o->by, err);
	if (r < 0)
		return r;
	if (o->depth < 1 || o->depth > WAKERS_DEPTH_MAX)
		return fail(err, -EINVAL, "--depth: chains have 1 to %d wakers", WAKERS_DEPTH_MAX);
	r = filters_parse(&options.filter, &o->filter, err);
	if (!r)
		r = parse_announced(&options, o, err);
	if (!r)
		r = report_print(stdout, path, &options, err);
	filters_free(&options.filter);
	/* Whoever read the report has seen enough. */
	return r == -EPIPE ? 0 : r;
}

const struct command report_command = {
	.name = "report",
	.usage = "[KIND] FILE [--json]",
	.summary = "where the time of a trace went",
	.details =
		"KIND is one of\n"
		"  summary    one screen: where did the time go (without KIND)\n"
		"  threads    execution, scheduler wait and waits of each thread\n"
		"  waits      what was waited for, how long, woken by whom\n"
		"  locks      which locks, how long, held by whom, doing what meanwhile\n"
		"  wakers     who released whom, after how long, and in which chains\n"
		"  syscalls   system calls: counts, errors, durations\n"
		"  sched      how long threads waited for a CPU, and who had it\n"
		"  stacks     where in the code threads waited and ran: trees of calls\n"
		"  tasks      announced tasks: how long they took, and why\n"
		"  regions    announced regions: how long they took, and why\n"
		"  logs       what programs said: time, thread, task, text\n"
		"  losses     events that are missing, by CPU, class and time\n"
		"\n"
		"FILE can be - for standard input. For each thread execution + scheduler wait +\n"
		"waits = observed time. Where events were lost, the last line says so, and times\n"
		"and counts are lower bounds.\n"
		"\n"
		"  tracer report app.trace\n"
		"  tracer report threads --by name app.trace\n"
		"  tracer report waits --name 'worker*' --from 2s --to 3s app.trace\n"
		"  tracer report stacks --lines app.trace\n"
		"  tracer report tasks --name checkout --slowest 3 app.trace\n"
		"  tracer report locks --task checkout app.trace\n"
		"  tracer report syscalls --json app.trace | jq '.syscalls[0]'\n",
	.options = report_options,
	.options_bytes = sizeof(struct options),
	.defaults = defaults,
	.run = run,
};
