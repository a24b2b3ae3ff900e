// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* flame - a flame graph of what threads waited for, or where they ran, for a browser */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/text.h"
#include "user/cli/command.h"
#include "user/cli/filters.h"
#include "user/export/flame.h"
#include "user/export/output.h"

extern const struct command flame_command;

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

static void tell(const struct tally *tally, const char *path)
{
	char count[TEXT_MAX], ns[TEXT_MAX];

	printf("%s: %s %s, %s; open it in a browser\n", path,
	       text_count(count, tally->profile.total_count),
	       tally->profile.kind->cpu ? "samples" : "waits",
	       text_duration(ns, tally->profile.total_ns));
	if (!tally_has_stacks(tally))
		printf("no stacks were recorded: record without -e, or with stack in it\n");
	if (tally_is_lower_bound(tally))
		printf("events were lost: times and counts are a lower bound\n");
}

static int write_graph(const struct tally *tally, const struct options *o, const char *path,
		       struct err *err)
{
	struct output output;
	char suffix[32], name[4096];
	int r;

	snprintf(suffix, sizeof(suffix), ".%s.svg", tally->profile.kind->name);
	r = output_open(&output, o->output, path, suffix, err);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%s", output.path ?: "");
	r = flame_write(output.file, tally, err);
	if (r >= 0)
		r = output_finish(&output, err);
	output_close(&output);
	if (r >= 0 && *name)
		tell(tally, name);
	return r;
}

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
		r = write_graph(&tally, o, args[0], err);
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
