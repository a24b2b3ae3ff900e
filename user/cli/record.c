// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* record - a running system into a trace, and at the end where the time went */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/cli/command.h"
#include "user/cli/exported.h"
#include "user/cli/in_turn.h"
#include "user/cli/recorded.h"
#include "user/cli/wanted.h"
#include "user/model/profile.h"
#include "user/report/report.h"

#define UNTIL_ENDED UINT64_MAX /* without -d */

struct options {
	struct wanted wanted;
	u64 duration_ns;
	u64 every_ns;
	u64 keep;
	const char *output;
	bool quiet;
};

static const struct option_spec record_options[] = {
	WANTED_TARGET_OPTIONS(struct options),
	{ "duration", 'd', OPTION_TIME, offsetof(struct options, duration_ns), "TIME",
	  "end after TIME [Ctrl-C, or when the target has exited]" },
	{ "every", 0, OPTION_TIME, offsetof(struct options, every_ns), "TIME",
	  "record for -d TIME again and again, so often [once]" },
	{ "keep", 0, OPTION_NUMBER, offsetof(struct options, keep), "N",
	  "with --every: keep the newest N recordings of the target, remove older ones" },
	{ "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE",
	  "write to FILE, replacing it; when its name ends as one of tracer export's formats "
	  "(.pftrace, .out, .json, ...; .gz too), in that format [NAME-PID-DATE-TIME.trace]" },
	WANTED_EVENT_OPTIONS(struct options),
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct options, quiet), NULL,
	  "no status line and no summary, only errors" },
	{ "verbose", 'v', OPTION_COUNT, WANTED_FIELD(struct options, verbose), NULL,
	  "say what the recorder does" },
	{ "ring-size", 0, OPTION_SIZE, WANTED_FIELD(struct options, ring_bytes), "SIZE",
	  "ring of each CPU, a power of two [16M for all CPUs together]" },
	WANTED_PROBE_OPTIONS(struct options),
	{ 0 },
};

static void defaults(void *data)
{
	wanted_defaults(&((struct options *)data)->wanted);
	((struct options *)data)->duration_ns = UNTIL_ENDED;
}

/* NAME-PID-YYYYMMDD-HHMMSS.trace, in local time; a free name: nothing is ever replaced. */
static int default_output(char **out, const struct wanted_parts *naming, struct err *err)
{
	time_t now = time(NULL);
	char stamp[32], pid[16] = "";
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	if (naming->pid)
		snprintf(pid, sizeof(pid), "-%d", naming->pid);
	for (int i = 1; i < 1000; i++) {
		char again[16] = "";

		if (i > 1)
			snprintf(again, sizeof(again), "-%d", i);
		if (asprintf(out, "%s%s-%s%s.trace", naming->word, pid, stamp, again) < 0)
			return fail(err, -ENOMEM, "no memory for a file name");
		if (access(*out, F_OK))
			return 0;
		free(*out);
		*out = NULL;
	}
	fail(err, -EEXIST, "no free file name like %s-%s.trace", naming->word, stamp);
	return hint(err, "give one with -o FILE");
}

/* What the living line needs besides the session's own numbers */
struct terminal {
	bool shown;
	bool is_terminal;
	u32 told_percent; /* of what probes cost */
};

static void show_status(void *ctx, const struct session_options *session)
{
	const struct session_status *status = session->status;
	struct terminal *terminal = ctx;
	char elapsed[TEXT_MAX], rate[TEXT_MAX], size[TEXT_MAX], lost[TEXT_MAX];
	double cpu = status->elapsed_ns
			     ? 100.0 * (double)status->recorder_cpu_ns / (double)status->elapsed_ns
			     : 0;

	if (recorded_toll(&status->toll, terminal->told_percent, terminal->is_terminal))
		terminal->told_percent = status->toll.percent;
	if (!terminal->is_terminal)
		return;
	fprintf(stderr, "\r\033[K%s  %s events/s  %s  %s lost  recorder %.1f %% CPU  (Ctrl-C ends)",
		text_duration(elapsed, status->elapsed_ns),
		text_count(rate, status->events_per_second), text_bytes(size, status->file_bytes),
		text_count(lost, status->lost), cpu);
	fflush(stderr);
	terminal->shown = true;
}

static int command_result(const struct session_status *status)
{
	if (!status->command_ended)
		return 0;
	return WIFSIGNALED(status->command_status) ? 128 + WTERMSIG(status->command_status)
						   : WEXITSTATUS(status->command_status);
}

/* @passing: the trace will not stay */
static int end_message(const struct session_options *session, bool passing, struct err *err)
{
	const struct session_status *status = session->status;
	int r = report_print_summary(stdout, session->output, passing, err);

	if (r < 0)
		return r;
	fflush(stdout);
	recorded_end(status);
	return 0;
}

static int run_session(const struct options *options, struct session_options *session,
		       struct terminal *terminal, struct err *err)
{
	struct session_status *status = session->status;
	int r;

	if (options->wanted.verbose)
		recorded_begin(session);
	r = session_run(session, err);
	if (terminal->shown)
		fputs("\r\033[K", stderr);
	if (r < 0)
		return r;
	recorded_notes(status, options->wanted.verbose);
	if (!options->quiet) {
		r = end_message(session, options->output && session->output != options->output,
				err);
		if (r < 0)
			return r;
	}
	return command_result(status);
}

/* The recording is over, and @path its trace: @to is what was asked for. */
static int export_trace(const struct exporter *exporter, const char *to, const char *path,
			bool quiet, struct err *err)
{
	const struct export_options options = {
		.kind = profile_kind_find("wait"),
		.progress = isatty(STDERR_FILENO) && !quiet,
	};
	int r = exported_write(exporter, to, path, &options, quiet, err);

	if (r < 0)
		return hint(err, "the recording itself is in '%s'", path);
	if (unlink(path) < 0)
		return fail(err, -errno, "cannot remove '%s': %s", path, strerror(errno));
	return 0;
}

static int run_in_turn(const struct options *options, int count, struct err *err)
{
	struct in_turn turn = { .every_ns = options->every_ns,
				.duration_ns = options->duration_ns,
				.keep = options->keep,
				.quiet = options->quiet };

	if (options->output || count)
		return fail(err, -EINVAL, "--every goes with no command and no --output");
	if (options->duration_ns == UNTIL_ENDED) {
		fail(err, -EINVAL, "--every: how long is each recording?");
		return hint(err, "for example: --every 10m -d 10s --keep 100");
	}
	return record_in_turn(&options->wanted, &turn, err);
}

static int run(void *data, char **args, int count, struct err *err)
{
	struct options *options = data;
	const struct exporter *exporter =
		options->output ? exporter_of_file(options->output) : NULL;
	CLEANUP(free) char *generated = NULL;
	struct session_status status = { 0 };
	struct terminal terminal = { .is_terminal = isatty(STDERR_FILENO) && !options->quiet };
	struct session_options session = { .status = &status, .ctx = &terminal };
	struct wanted_parts parts = { .pid_count = 0 };
	int r;

	if (!options->duration_ns) {
		fail(err, -EINVAL, "--duration: 0 is no time to record");
		return hint(err, "leave -d out to record until Ctrl-C or the target's end");
	}
	if (options->every_ns)
		return run_in_turn(options, count, err);
	r = wanted_session(&session, &parts, &options->wanted, count ? args : NULL, err);
	if (!r && !options->output)
		r = default_output(&generated, &parts, err);
	if (!r && exporter && asprintf(&generated, "%s.trace", options->output) < 0) {
		generated = NULL;
		r = fail(err, -ENOMEM, "no memory for a file name");
	}
	if (!r) {
		session.duration_ns =
			options->duration_ns == UNTIL_ENDED ? 0 : options->duration_ns;
		session.output = generated ?: options->output;
		session.replace = !generated;
		session.on_status = show_status;
		r = run_session(options, &session, &terminal, err);
	}
	if (r >= 0 && exporter) {
		int bad = export_trace(exporter, options->output, generated, options->quiet, err);

		r = bad < 0 ? bad : r;
	}
	wanted_free(&parts, &session);
	return r;
}

const struct command record_command = {
	.name = "record",
	.usage = "(-p PID[,PID...] | -a | --cgroup PATH | -- CMD ARG...) [-d TIME] [-o FILE]",
	.summary = "record threads into a trace; what tracer does without a command",
	.details =
		"Records when each thread of the target ran, waited for a CPU, and was blocked: in "
		"which system call, on what, and who woke it. Threads that are there and those that "
		"come later are recorded, in new processes too. It ends with Ctrl-C, after -d TIME, or "
		"when the target has exited, and then shows where the time went.\n"
		"\n"
		"A command behind -- is started, recorded from its first instruction, and its exit "
		"status becomes tracer's own.\n"
		"\n"
		"Until it ends, the file is called FILE.partial; that one can be read, too, should the "
		"recorder be killed.\n"
		"\n"
		"Examples:\n"
		"  tracer -p 4711 -d 10s          ten seconds of a process\n"
		"  tracer -p $(pgrep -d, nginx)   several processes\n"
		"  tracer -o x.trace -- ./prog    a command, from its start to its end\n"
		"  tracer -a -d 5s -e sched       the whole system, scheduling only\n"
		"  tracer -p 4711 --every 10m -d 10s --keep 100\n"
		"  tracer -p 4711 -o x.pftrace    for ui.perfetto.dev; x.out: for go tool trace\n",
	.options = record_options,
	.options_bytes = sizeof(struct options),
	.defaults = defaults,
	.run = run,
	.passes_rest = true,
};
