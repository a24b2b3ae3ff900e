// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* status - what running flight recorders hold, cost, and have written */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/base/text.h"
#include "user/cli/ask.h"

#define RECORDERS_MAX 256

struct options {
	u64 pid;
	bool json;
};

static const struct option_spec status_options[] = {
	{ "pid", 'p', OPTION_NUMBER, offsetof(struct options, pid), "RECORDER",
	  "only the recorder with this number [all]" },
	{ "json", 0, OPTION_FLAG, offsetof(struct options, json), NULL, "as JSON" },
	{ 0 },
};

static void print(const char *answer)
{
	char target[256], text[5][TEXT_MAX], shown[256];
	u64 elapsed_ns = answer_number(answer, "elapsed_ns");
	u64 cpu_ns = answer_number(answer, "recorder_cpu_ns");

	answer_text(target, sizeof(target), answer, "target");
	text_printable(shown, sizeof(shown), target);
	printf("recorder %" PRIu64 ": %s, for %s\n", answer_number(answer, "pid"), shown,
	       text_duration(text[0], elapsed_ns));
	printf("  window     %s of %s, %s\n",
	       text_duration(text[0], answer_number(answer, "held_ns")),
	       text_duration(text[1], answer_number(answer, "window_ns")),
	       text_bytes(text[2], answer_number(answer, "held_bytes")));
	printf("  events     %s/s, %s lost\n",
	       text_count(text[0], answer_number(answer, "events_per_second")),
	       text_count(text[1], answer_number(answer, "lost")));
	printf("  recorder   %s of one CPU, %s of %s\n", text_share(text[0], cpu_ns, elapsed_ns),
	       text_bytes(text[1], answer_number(answer, "memory_bytes")),
	       text_bytes(text[2], answer_number(answer, "memory_most_bytes")));
	printf("  triggers   %s met, %s of them made no snapshot\n",
	       text_count(text[0], answer_number(answer, "triggers")),
	       text_count(text[1], answer_number(answer, "suppressed")));
	printf("  snapshots  %s written, %s failed, %s removed\n",
	       text_count(text[0], answer_number(answer, "snapshots")),
	       text_count(text[1], answer_number(answer, "failed")),
	       text_count(text[2], answer_number(answer, "removed")));
}

static int run(void *data, char **args, int count, struct err *err)
{
	const struct options *options = data;
	pid_t pids[RECORDERS_MAX] = { (pid_t)options->pid };
	size_t recorders = options->pid ? 1 : control_list(pids, RECORDERS_MAX);
	char answer[CONTROL_ANSWER_MAX];

	if (count)
		return fail(err, -EINVAL, "status: '%s' is not expected", args[0]);
	if (!recorders && !options->json)
		printf("no flight recorder runs that this user may ask\n");
	if (options->json)
		printf("{\"status\":[");
	for (size_t i = 0; i < min(recorders, (size_t)RECORDERS_MAX); i++) {
		int r = ask_recorder(answer, (u64)pids[i], "status", err);

		if (r < 0)
			return r;
		if (options->json)
			printf("%s%s", i ? "," : "", answer);
		else
			print(answer);
	}
	if (options->json)
		printf("]}\n");
	return 0;
}

const struct command status_command = {
	.name = "status",
	.usage = "[--pid RECORDER] [--json]",
	.summary = "what running flight recorders hold, cost, and have written",
	.details =
		"Asks the recorders of this user (root: of root) over their sockets, which are in "
		"/run/tracer, or in the directory that TRACER_RUN_DIR names.\n",
	.options = status_options,
	.options_bytes = sizeof(struct options),
	.run = run,
};
