// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* go - Go's execution trace, for `go tool trace` and gotraceui */
#include <errno.h>
#include <string.h>

#include "user/base/text.h"
#include "user/export/go_play.h"

/* Readers hold a generation at a time, and keep the whole ones of a file that was cut. */
#define GENERATION_BYTES (16u << 20)

/* From here on it is slow, and takes about a GiB for each million */
#define MANY_EVENTS 2000000

static int parse_version(u32 *version, const char *text, struct err *err)
{
	static const struct {
		const char *text;
		u32 version;
	} versions[] = { { "1.22", 22 }, { "1.23", 23 }, { "1.25", 25 } };

	if (!text)
		text = versions[0].text;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		if (!strcmp(versions[i].text, text)) {
			*version = versions[i].version;
			return 0;
		}
	fail(err, -EINVAL, "--header: there is no version '%s' of the format", text);
	return hint(err, "the versions are: 1.22, 1.23, 1.25");
}

static int collect(struct marks *marks, struct export *export, struct err *err)
{
	const struct sink sink = marks_sink(marks);
	int r;

	marks->timeline = export->timeline;
	marks->begin_ns = export->begin_ns;
	marks->end_ns = export->end_ns;
	r = timeline_attach(export->timeline, &sink);
	if (r < 0)
		return fail(err, r, "cannot prepare the export: %s", strerror(-r));
	r = export_read(export, err);
	if (r < 0)
		return r;
	r = marks_finish(marks);
	if (r >= 0)
		return 0;
	fail(err, r, "cannot sort the events of '%s': %s", export->path, strerror(-r));
	return r == -ENOMEM ? r : hint(err, "give it room: TMPDIR=FOLDER tracer export ...");
}

int go_export(FILE *out, const char *path, const struct export_options *options,
	      u64 generation_bytes, bool *missing, struct err *err)
{
	struct export export = { 0 };
	struct marks marks = { 0 };
	char count[TEXT_MAX];
	struct go_play play = {
		.export = &export,
		.marks = &marks,
		.wire = { .out = out, .generation_bytes = generation_bytes },
	};
	int r = parse_version(&play.wire.version, options->header, err);

	if (r >= 0)
		r = export_open_once(&export, path, options, err);
	if (r >= 0)
		r = collect(&marks, &export, err);
	if (r >= 0) {
		r = go_play_all(&play);
		if (r < 0)
			fail(err, r, "cannot write the export: %s", strerror(-r));
	}
	if (r >= 0 && options->progress && play.wire.events > MANY_EVENTS)
		fprintf(stderr,
			"%s events are much for go tool trace: choose a part with --from and --to\n",
			text_count(count, play.wire.events));
	*missing = r >= 0 && export_is_lower_bound(&export);
	go_play_free(&play);
	marks_free(&marks);
	export_close(&export);
	return r;
}

static int go_write(FILE *out, const char *path, const struct export_options *options,
		    bool *missing, struct err *err)
{
	return go_export(out, path, options, GENERATION_BYTES, missing, err);
}

const struct exporter go_exporter = {
	.name = "go",
	.summary = "Go's execution trace, for go tool trace and gotraceui",
	.suffix = "out",
	.binary = true,
	.write = go_write,
};
