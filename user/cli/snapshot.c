// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* snapshot - asks a running flight recorder for a snapshot, and waits until it is written */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/text.h"
#include "user/cli/ask.h"

struct options {
	u64 pid;
	const char *output;
};

static const struct option_spec snapshot_options[] = {
	{ "pid", 'p', OPTION_NUMBER, offsetof(struct options, pid), "RECORDER",
	  "the recorder with this number [the only one that runs]" },
	{ "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE",
	  "write to FILE, replacing it [a new one in the recorder's --dir]" },
	{ 0 },
};

/* The recorder has a working directory of its own. */
static int request_of(char to[CONTROL_REQUEST_MAX], const char *output, struct err *err)
{
	char here[PATH_MAX] = "";

	if (!output) {
		strcpy(to, "snapshot");
		return 0;
	}
	if (*output != '/' && !getcwd(here, sizeof(here)))
		return fail(err, -errno, "cannot find the working directory: %s", strerror(errno));
	if (snprintf(to, CONTROL_REQUEST_MAX, "snapshot %s%s%s", here, *here ? "/" : "", output) >=
	    CONTROL_REQUEST_MAX - 1)
		return fail(err, -ENAMETOOLONG, "'%s' is too long a name", output);
	return 0;
}

static int run(void *data, char **args, int count, struct err *err)
{
	const struct options *options = data;
	char answer[CONTROL_ANSWER_MAX], request[CONTROL_REQUEST_MAX];
	char path[PATH_MAX], shown[PATH_MAX], length[TEXT_MAX], size[TEXT_MAX];
	int r;

	if (count)
		return fail(err, -EINVAL, "snapshot: '%s' is not expected", args[0]);
	r = request_of(request, options->output, err);
	r = r ?: ask_recorder(answer, options->pid, request, err);
	if (r < 0)
		return r;
	text_printable(shown, sizeof(shown), answer_text(path, sizeof(path), answer, "path"));
	printf("%s: %s, %s\n", shown, text_duration(length, answer_number(answer, "held_ns")),
	       text_bytes(size, answer_number(answer, "bytes")));
	return 0;
}

const struct command snapshot_command = {
	.name = "snapshot",
	.usage = "[--pid RECORDER] [-o FILE]",
	.summary = "write the window of a running flight recorder",
	.details = "The recorder writes the file, with its rights, and goes on recording.\n",
	.options = snapshot_options,
	.options_bytes = sizeof(struct options),
	.run = run,
};
