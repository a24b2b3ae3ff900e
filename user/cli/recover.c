// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* recover - the window of a flight recorder that was killed, as a trace */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/cli/command.h"
#include "user/trace/recover.h"

struct options {
	const char *output;
};

static const struct option_spec recover_options[] = {
	{ "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE",
	  "write to FILE, replacing it [the name with .trace at its end]" },
	{ 0 },
};

static int run(void *data, char **args, int count, struct err *err)
{
	const struct options *options = data;
	CLEANUP(free) char *generated = NULL;
	char length[TEXT_MAX], events[TEXT_MAX], shown[512];
	struct recovered found;
	const char *output;
	int r;

	if (count != 1) {
		fail(err, -EINVAL,
		     count ? "recover: one file at a time" : "recover: no file is named");
		return hint(err, "tracer recover FILE: what flight --window-file wrote");
	}
	if (!options->output && asprintf(&generated, "%s.trace", args[0]) < 0)
		return fail(err, -ENOMEM, "no memory for a file name");
	output = options->output ?: generated;
	r = trace_recover(&found, args[0], output, options->output, err);
	if (r < 0)
		return r == -EINVAL ? -EBADMSG : r;
	text_printable(shown, sizeof(shown), output);
	printf("%s: %s, %s events\n", shown, text_duration(length, found.to_ns - found.from_ns),
	       text_count(events, found.events));
	return 0;
}

const struct command recover_command = {
	.name = "recover",
	.usage = "FILE [-o FILE]",
	.summary = "the window of a flight recorder that was killed, as a trace",
	.details =
		"Reads what tracer flight --window-file FILE wrote, and writes the newest chunks "
		"that follow one another as a trace. The file stays as it is. A recorder that ended "
		"in order has removed its file; one that starts again moves it to FILE.old.\n"
		"\n"
		"Examples:\n"
		"  tracer recover /var/lib/tracer/nginx.window\n",
	.options = recover_options,
	.options_bytes = sizeof(struct options),
	.run = run,
};
