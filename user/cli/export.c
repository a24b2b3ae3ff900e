// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* export - a trace for other tools: Perfetto, go tool trace, Chrome, flamegraph.pl, databases */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/cli/command.h"
#include "user/cli/exported.h"
#include "user/cli/filters.h"
#include "user/cli/options.h"
#include "user/model/profile.h"

struct options {
	struct filter_options filters;
	const char *output;
	const char *kind;
	const char *header;
	bool lines;
	bool schema;
	bool compress;
};

static const struct option_spec export_options[] = {
	{ "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE",
	  "file to write, - for standard output [TRACE.SUFFIX]" },
	{ "kind", 0, OPTION_TEXT, offsetof(struct options, kind), "KIND",
	  "folded: which waits, as for tracer pprof, or cpu [wait]" },
	{ "header", 0, OPTION_TEXT, offsetof(struct options, header), "VERSION",
	  "go: version of the format: 1.22, 1.23 (for the profiles syscall and sched of Go before "
	  "1.26) or 1.25 [1.22, which every go tool reads]" },
	{ "schema", 0, OPTION_FLAG, offsetof(struct options, schema), NULL,
	  "print what the fields of the format mean, and nothing else" },
	{ "compress", 'z', OPTION_FLAG, offsetof(struct options, compress), NULL,
	  "perfetto: a third of the size, in twice the time" },
	{ "lines", 0, OPTION_FLAG, offsetof(struct options, lines), NULL,
	  "files and lines of frames, too: slow" },
	FILTER_OPTIONS(options, filters),
	{ 0 },
};

static const char *next_name(void *state)
{
	const struct exporter *const **at = state;

	return **at ? (*(*at)++)->name : NULL;
}

static int list_formats(struct err *err)
{
	char names[128] = "";

	for (const struct exporter *const *e = exporters; *e; e++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 e == exporters ? "" : ", ", (*e)->name);
	return hint(err, "the formats are: %s", names);
}

/* "FORMAT FILE"; "FORMAT" alone with --schema */
static int parse_words(const struct exporter **exporter, const char **path, char **args, int count,
		       bool schema, struct err *err)
{
	const struct exporter *const *at = exporters;
	const char *near;

	*exporter = count ? exporter_find(args[0]) : NULL;
	if (count && !*exporter) {
		near = options_nearest(args[0], next_name, &at);
		fail(err, -EINVAL, "export: there is no format '%s'", args[0]);
		return near ? hint(err, "did you mean '%s'?", near) : list_formats(err);
	}
	if (count == 1 && schema)
		return 0;
	if (count != 2) {
		fail(err, -EINVAL,
		     count < 2 ? "export: which trace, to which format?"
			       : "export: one trace at a time");
		return count ? hint(err, "tracer export %s FILE -o OUT", args[0])
			     : list_formats(err);
	}
	*path = args[1];
	return 0;
}

static int parse_kind(const struct profile_kind **kind, const char *name, struct err *err)
{
	*kind = profile_kind_find(name ?: "wait");
	if (*kind)
		return 0;
	fail(err, -EINVAL, "export: there is no kind '%s'", name);
	return hint(err, "the kinds are: net, sync, syscall, sched, cpu, wait, or a kind of wait");
}

static int run(void *data, char **args, int count, struct err *err)
{
	const struct options *o = data;
	struct export_options options = {
		.lines = o->lines,
		.compress = o->compress,
		.header = o->header,
		.progress = isatty(STDERR_FILENO),
	};
	const struct exporter *exporter = NULL;
	const char *path = NULL;
	int r = parse_words(&exporter, &path, args, count, o->schema, err);

	if (r < 0)
		return r;
	if (o->schema && !exporter->schema)
		return fail(err, -EINVAL, "export: %s has no schema of ours", exporter->name);
	if (o->schema) {
		exporter->schema(stdout);
		return 0;
	}
	if (exporter->binary && o->output && !strcmp(o->output, "-") && isatty(STDOUT_FILENO)) {
		fail(err, -EINVAL, "export: %s is no text for a terminal", exporter->name);
		return hint(err, "name a file with -o, or pipe it into a program");
	}
	r = parse_kind(&options.kind, o->kind, err);
	if (r >= 0)
		r = filters_parse(&options.filter, &o->filters, err);
	if (r >= 0)
		r = exported_write(exporter, o->output, path, &options, false, err);
	filters_free(&options.filter);
	return r;
}

const struct command export_command = {
	.name = "export",
	.usage = "FORMAT FILE [-o OUT]",
	.summary = "a trace for other tools",
	.details =
		"FORMAT is one of\n"
		"  perfetto  for ui.perfetto.dev and trace_processor\n"
		"  go        Go's execution trace, for go tool trace and gotraceui\n"
		"  chrome    JSON for chrome://tracing, Perfetto and most viewers\n"
		"  folded    stacks for flamegraph.pl, speedscope and inferno\n"
		"  ndjson    a line of JSON for each row of tracer sql, for DuckDB, ClickHouse, jq\n"
		"  sqlite    a database with the tables of tracer sql\n"
		"\n"
		"An OUT that ends with .gz is compressed. FILE can be - for standard input. A damaged "
		"or lossy trace exports what it has.\n"
		"\n"
		"  tracer export folded app.trace -o - | flamegraph.pl > app.svg\n",
	.options = export_options,
	.options_bytes = sizeof(struct options),
	.run = run,
};
