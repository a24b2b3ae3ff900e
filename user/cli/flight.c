// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* flight - records all the time, keeps the last seconds, and writes them when something happens */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/cli/command.h"
#include "user/cli/recorded.h"
#include "user/cli/wanted.h"
#include "user/record/flight.h"

#define WINDOW_NS    (30 * NSEC_PER_SEC)
#define MEMORY_BYTES (64u << 20)

struct options {
	struct wanted wanted;
	u64 window_ns;
	u64 memory_bytes;
	u64 before_ns;
	u64 after_ns;
	const char *dir;
	bool quiet;
};

static const struct option_spec flight_options[] = {
	WANTED_TARGET_OPTIONS(struct options),
	{ "window", 0, OPTION_TIME, offsetof(struct options, window_ns), "TIME",
	  "keep the last TIME [30s]" },
	{ "memory", 0, OPTION_SIZE, offsetof(struct options, memory_bytes), "SIZE",
	  "the whole recorder takes no more; what it does not need is for the window [64M]" },
	{ "dir", 0, OPTION_TEXT, offsetof(struct options, dir), "DIR",
	  "write snapshots to DIR [the present one]" },
	{ "before", 0, OPTION_TIME, offsetof(struct options, before_ns), "TIME",
	  "a snapshot begins TIME before its cause, or before what caused it began [--window]" },
	{ "after", 0, OPTION_TIME, offsetof(struct options, after_ns), "TIME",
	  "and ends TIME behind it [0]" },
	WANTED_EVENT_OPTIONS(struct options),
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct options, quiet), NULL, "only errors" },
	{ "verbose", 'v', OPTION_COUNT, WANTED_FIELD(struct options, verbose), NULL,
	  "say what the recorder does" },
	{ "ring-size", 0, OPTION_SIZE, WANTED_FIELD(struct options, ring_bytes), "SIZE",
	  "ring of each CPU, a power of two [an eighth of --memory for all CPUs together]" },
	WANTED_PROBE_OPTIONS(struct options),
	{ 0 },
};

static void defaults(void *data)
{
	struct options *options = data;

	wanted_defaults(&options->wanted);
	options->window_ns = WINDOW_NS;
	options->memory_bytes = MEMORY_BYTES;
	options->before_ns = UINT64_MAX;
	options->dir = "";
}

static void say(void *ctx, const char *line)
{
	const struct options *options = ctx;
	char shown[1024];

	if (options->quiet)
		return;
	text_printable(shown, sizeof(shown), line);
	fprintf(stderr, "tracer: %s\n", shown);
}

static int check_directory(const char *dir, struct err *err)
{
	struct stat st;

	if (!*dir)
		return 0;
	if (stat(dir, &st))
		return fail(err, -errno, "--dir: '%s': %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return fail(err, -ENOTDIR, "--dir: '%s' is no directory", dir);
	return 0;
}

/* For all CPUs together an eighth of the memory, but not more than record takes. */
static u64 ring_bytes(const struct options *options)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	u64 each = min(options->memory_bytes / 8, (u64)16 << 20) / (u64)max(cpus, 1L);
	u64 bytes = 64 << 10;

	if (options->wanted.ring_bytes)
		return options->wanted.ring_bytes;
	while (bytes * 2 <= each)
		bytes *= 2;
	return bytes;
}

static int run_session(const struct options *options, struct session_options *session,
		       struct err *err)
{
	int r;

	if (options->wanted.verbose)
		recorded_begin(session);
	r = session_run(session, err);
	if (r < 0)
		return r;
	recorded_notes(session->status, options->wanted.verbose);
	recorded_end(session->status);
	return 0;
}

static int run(void *data, char **args, int count, struct err *err)
{
	struct options *options = data;
	CLEANUP(free) char *name = NULL;
	struct session_status status = { 0 };
	struct wanted_parts parts = { .pid_count = 0 };
	struct flight_options flight = {
		.window_ns = options->window_ns,
		.memory_bytes = options->memory_bytes,
		.before_ns = min(options->before_ns, options->window_ns),
		.after_ns = options->after_ns,
		.dir = options->dir,
		.on_fact = say,
		.ctx = options,
	};
	struct session_options session = { .status = &status,
					   .flight = &flight,
					   .output = "memory" };
	int r;

	if (!options->window_ns)
		return fail(err, -EINVAL, "--window: 0 is no time to keep");
	r = check_directory(options->dir, err);
	r = r ?: wanted_session(&session, &parts, &options->wanted, count ? args : NULL, err);
	if (!r) {
		if (parts.pid)
			r = asprintf(&name, "%s-%d", parts.word, parts.pid) < 0 ? -ENOMEM : 0;
		else
			name = strdup(parts.word);
		flight.name = name;
		session.ring_bytes = ring_bytes(options);
		r = name ? run_session(options, &session, err)
			 : fail(err, -ENOMEM, "no memory for a file name");
	}
	wanted_free(&parts, &session);
	return r;
}

const struct command flight_command = {
	.name = "flight",
	.usage =
		"(-p PID[,PID...] | -a | --cgroup PATH | -- CMD ARG...) [--window TIME] [--dir DIR]",
	.summary = "record all the time, keep the last seconds, write them when asked",
	.details =
		"Records as `tracer record` does, but keeps only the last --window in memory. A snapshot "
		"writes that to a file of its own while recording goes on; nothing is lost by it. A "
		"snapshot is an ordinary trace, which also tells why it was taken: the summary begins "
		"with that.\n"
		"\n"
		"SIGUSR1 takes a snapshot. Ctrl-C and SIGTERM end the recorder, and write nothing.\n"
		"\n"
		"--memory is for the whole process: rings, tables and window. When the rest grows, the "
		"window shrinks.\n"
		"\n"
		"Examples:\n"
		"  tracer flight -p 4711 --dir /var/lib/tracer      kill -USR1 takes a snapshot\n",
	.options = flight_options,
	.options_bytes = sizeof(struct options),
	.defaults = defaults,
	.run = run,
	.passes_rest = true,
};
