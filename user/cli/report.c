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
};

#define LIMIT_NOT_SET UINT64_MAX

static const struct option_spec report_options[] = {
	{ "json", 0, OPTION_FLAG, offsetof(struct options, json), NULL,
	  "one JSON object instead of tables" },
	FILTER_OPTIONS(options, filter),
	{ "by", 0, OPTION_TEXT, offsetof(struct options, by), "name|process",
	  "threads: one row per name or process [thread]" },
	{ "limit", 'l', OPTION_NUMBER, offsetof(struct options, limit), "N",
	  "at most N rows, 0 for all [a screen; JSON: all]" },
	{ "lines", 0, OPTION_FLAG, offsetof(struct options, lines), NULL,
	  "files and lines of functions, too, where there is debugging information: slow" },
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
	} else {
		fail(err, -EINVAL, "--by: there is no '%s'", text);
		return hint(err, "rows can be by thread, name or process");
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
		"  tracer report syscalls --json app.trace | jq '.syscalls[0]'\n",
	.options = report_options,
	.options_bytes = sizeof(struct options),
	.defaults = defaults,
	.run = run,
};
