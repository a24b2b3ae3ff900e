// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* stop - asks a running flight recorder to end */
#include <errno.h>

#include "user/cli/ask.h"

struct options {
	u64 pid;
};

static const struct option_spec stop_options[] = {
	{ "pid", 'p', OPTION_NUMBER, offsetof(struct options, pid), "RECORDER",
	  "the recorder with this number [the only one that runs]" },
	{ 0 },
};

static int run(void *data, char **args, int count, struct err *err)
{
	const struct options *options = data;
	char answer[CONTROL_ANSWER_MAX];

	if (count)
		return fail(err, -EINVAL, "stop: '%s' is not expected", args[0]);
	return ask_recorder(answer, options->pid, "stop", err);
}

const struct command stop_command = {
	.name = "stop",
	.usage = "[--pid RECORDER]",
	.summary = "end a running flight recorder, as SIGTERM does",
	.details =
		"It writes nothing but snapshots that are wanted already, unless it has --on exit.\n",
	.options = stop_options,
	.options_bytes = sizeof(struct options),
	.run = run,
};
