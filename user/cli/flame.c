// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* flame - a flame graph of what threads waited for, or where they ran, for a browser */
#include <errno.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/cli/filters.h"
#include "user/cli/tallied.h"
#include "user/export/flame.h"

struct options {
	struct filter_options filters;
	const char *kind;
	const char *output;
	bool lines;
};

static const struct option_spec flame_options[] = {
	{ "kind", 'k', OPTION_TEXT, offsetof(struct options, kind), "KIND",
	  "net, sync, syscall, sched, cpu, wait, or a kind of wait [wait]" },
	{ "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE",
	  "file to write, - for standard output [TRACE.KIND.svg]" },
	{ "lines", 0, OPTION_FLAG, offsetof(struct options, lines), NULL,
	  "files and lines too, where there is debugging information: slow" },
	FILTER_OPTIONS(options, filters),
	{ 0 },
};

static int parse_kind(const struct profile_kind **kind, const char *name, struct err *err)
{
	*kind = profile_kind_find(name ?: "wait");
	if (*kind)
		return 0;
	fail(err, -EINVAL, "flame: there is no kind '%s'", name);
	return hint(err, "the kinds are: net, sync, syscall, sched, cpu, wait, or a kind of wait: "
			 "network, disk, pipe, poll, sleep, fault, child, other");
}

static int parse_file(char **args, int count, struct err *err)
{
	if (count == 1)
		return 0;
	fail(err, -EINVAL,
	     count ? "flame: one trace at a time, not '%s' too" : "flame: of which trace?",
	     count ? args[1] : "");
	return hint(err, "tracer flame FILE [--kind KIND] [-o OUT.svg]");
}

static const struct tallied graph = {
	.write = flame_write,
	.suffix = ".svg",
	.what = "; open it in a browser",
};

static int run(void *data, char **args, int count, struct err *err)
{
	const struct options *o = data;
	struct tally_options options = { .lines = o->lines };
	struct tally tally = { 0 };
	int r;

	r = parse_file(args, count, err);
	if (r < 0)
		return r;
	r = parse_kind(&options.kind, o->kind, err);
	if (r < 0)
		return r;
	r = filters_parse(&options.filter, &o->filters, err);
	if (r >= 0)
		r = tally_read(&tally, args[0], &options, err);
	if (r >= 0)
		r = tallied_write(&graph, &tally, o->output, args[0], err);
	tally_free(&tally);
	filters_free(&options.filter);
	return r;
}

const struct command flame_command = {
	.name = "flame",
	.usage = "FILE [--kind KIND] [-o OUT.svg]",
	.summary = "a flame graph for a browser: where threads waited, or ran",
	.details =
		"Writes one SVG file that holds all it needs: click a frame to zoom, Escape to\n"
		"return; the box searches; colours are kinds of waits. A frame is as wide as the\n"
		"time of all stacks that go through it; callers are above. KIND is as for\n"
		"tracer pprof. FILE can be - for standard input.\n"
		"\n"
		"  tracer flame app.trace\n"
		"  tracer flame app.trace --kind sync --name 'worker*'\n"
		"  tracer flame app.trace --kind cpu --from 2s --to 3s -o slow.svg\n",
	.options = flame_options,
	.options_bytes = sizeof(struct options),
	.run = run,
};
