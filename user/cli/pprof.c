// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* pprof - a profile of what threads waited for, or where they ran, for `go tool pprof` */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "user/cli/command.h"
#include "user/cli/filters.h"
#include "user/cli/tallied.h"
#include "user/export/pprof.h"

struct options {
	struct filter_options filters;
	const char *output;
	bool lines;
};

static const struct option_spec pprof_options[] = {
	{ "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE",
	  "file to write, - for standard output [TRACE.KIND.pb.gz]" },
	{ "lines", 0, OPTION_FLAG, offsetof(struct options, lines), NULL,
	  "files and lines too, where there is debugging information: slow" },
	FILTER_OPTIONS(options, filters),
	{ 0 },
};

/* "KIND FILE" */
static int parse_words(const struct profile_kind **kind, const char **path, char **args, int count,
		       struct err *err)
{
	if (count != 2) {
		fail(err, -EINVAL,
		     count < 2 ? "pprof: which profile, of which trace?"
			       : "pprof: one profile of one trace at a time");
		return hint(err, "tracer pprof net|sync|syscall|sched|cpu|wait FILE -o OUT.pb.gz");
	}
	*kind = profile_kind_find(args[0]);
	*path = args[1];
	if (*kind)
		return 0;
	fail(err, -EINVAL, "pprof: there is no profile '%s'", args[0]);
	return hint(err, "the profiles are: net, sync, syscall, sched, cpu, wait, or a kind of "
			 "wait: network, disk, pipe, poll, sleep, fault, child, other");
}

static const struct tallied profile = {
	.write = pprof_write,
	.suffix = ".pb.gz",
	.what = "",
	.next = "go tool pprof -top",
};

static int run(void *data, char **args, int count, struct err *err)
{
	const struct options *o = data;
	struct tally_options options = { .lines = o->lines };
	struct tally tally = { 0 };
	const char *path = NULL;
	int r;

	r = parse_words(&options.kind, &path, args, count, err);
	if (r < 0)
		return r;
	if (o->output && !strcmp(o->output, "-") && isatty(STDOUT_FILENO))
		return fail(err, -EINVAL, "pprof: a profile is no text for a terminal");
	r = filters_parse(&options.filter, &o->filters, err);
	if (r >= 0)
		r = tally_read(&tally, path, &options, err);
	if (r >= 0)
		r = tallied_write(&profile, &tally, o->output, path, err);
	tally_free(&tally);
	filters_free(&options.filter);
	return r;
}

const struct command pprof_command = {
	.name = "pprof",
	.usage = "KIND FILE [-o OUT.pb.gz]",
	.summary = "a profile for `go tool pprof`: where threads waited, or ran",
	.details =
		"KIND is one of\n"
		"  net      waits for the network\n"
		"  sync     waits for locks and other threads\n"
		"  syscall  blocked in other system calls: disk, pipe, other\n"
		"  sched    runnable, but without a CPU\n"
		"  cpu      CPU samples\n"
		"  wait     waits of every kind\n"
		"or a single kind of wait: network, disk, pipe, poll, sleep, fault, child, other.\n"
		"\n"
		"FILE can be - for standard input. The sums are those of `tracer report`; waits that\n"
		"were too short for a stack are there under one name. Labels tell thread, tid,\n"
		"process, pid, task, region, kind, syscall, waker, lock and object: see -tags and -tagfocus.\n"
		"\n"
		"  tracer pprof sync app.trace\n"
		"  go tool pprof -top app.sync.pb.gz\n"
		"  go tool pprof -http :8080 app.sync.pb.gz\n"
		"  tracer pprof wait --name 'worker*' --lines app.trace -o - | go tool pprof -top -lines -\n",
	.options = pprof_options,
	.options_bytes = sizeof(struct options),
	.run = run,
};
