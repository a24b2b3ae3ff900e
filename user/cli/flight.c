// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* flight - records all the time, keeps the last seconds, and writes them when something happens */
#include <errno.h>
#include <stdarg.h>
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
#include "user/record/named.h"
#include "user/record/notify.h"
#include "user/record/watch.h"

#define WINDOW_NS    (30 * NSEC_PER_SEC)
#define MEMORY_BYTES (64u << 20)

struct options {
	struct wanted wanted;
	const char *name;
	u64 window_ns;
	u64 memory_bytes;
	u64 before_ns;
	u64 after_ns;
	const char *dir;
	const char *window_file;
	struct text_list on;
	struct text_list at_most;
	struct text_list once_per;
	u64 keep, keep_bytes, keep_slowest;
	bool quiet;
};

static const struct option_spec flight_options[] = {
	WANTED_TARGET_OPTIONS(struct options),
	{ "name", 0, OPTION_TEXT, offsetof(struct options, name), "NAME",
	  "record all processes of this name; wait for them, and again when they have ended" },
	{ "window", 0, OPTION_TIME, offsetof(struct options, window_ns), "TIME",
	  "keep the last TIME [30s]" },
	{ "memory", 0, OPTION_SIZE, offsetof(struct options, memory_bytes), "SIZE",
	  "the whole recorder takes no more; what it does not need is for the window [64M]" },
	{ "window-file", 0, OPTION_TEXT, offsetof(struct options, window_file), "FILE",
	  "keep the window in FILE, too, of --memory bytes: for tracer recover, after a kill" },
	{ "on", 0, OPTION_LIST, offsetof(struct options, on), "TRIGGER",
	  "take a snapshot when this happens; the triggers are listed below [signal, snapshot]" },
	{ "dir", 0, OPTION_TEXT, offsetof(struct options, dir), "DIR",
	  "write snapshots to DIR [the present one]" },
	{ "before", 0, OPTION_TIME, offsetof(struct options, before_ns), "TIME",
	  "a snapshot begins TIME before its cause, or before what caused it began [--window]" },
	{ "after", 0, OPTION_TIME, offsetof(struct options, after_ns), "TIME",
	  "and ends TIME behind it [0]" },
	{ "at-most", 0, OPTION_LIST, offsetof(struct options, at_most), "N/TIME",
	  "of the triggers' snapshots no more than N in TIME, as 1/1m or 20/1d" },
	{ "once-per", 0, OPTION_LIST, offsetof(struct options, once_per), "trigger|task|stack",
	  "one snapshot for each trigger, each name of a task, each stack that waited" },
	{ "keep", 0, OPTION_NUMBER, offsetof(struct options, keep), "N",
	  "keep the newest N snapshots of the target in --dir, remove older ones" },
	{ "keep-bytes", 0, OPTION_SIZE, offsetof(struct options, keep_bytes), "SIZE",
	  "keep as many of the newest as fit in SIZE" },
	{ "keep-slowest", 0, OPTION_NUMBER, offsetof(struct options, keep_slowest), "N",
	  "of each trigger keep the N that lasted longest; durations are then judged at their end" },
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

static void __attribute__((format(printf, 2, 3)))
say_f(struct options *options, const char *fmt, ...)
{
	char line[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	say(options, line);
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

/* What --on and its like ask for, checked */
struct triggers {
	struct trigger list[TRIGGERS_MAX];
	struct restraint restraint;
};

static int add_once_per(void *ctx, const char *word, struct err *err)
{
	return once_per_parse(ctx, word, err);
}

static int add_trigger(struct trigger *to, unsigned int number, const char *text,
		       struct session_options *session, struct err *err)
{
	char words[2 * TRIGGER_TEXT_MAX];
	int r = trigger_parse(to, text, err);

	if (r < 0 || to->kind != TRIGGER_PROBE)
		return r;
	r = trigger_label(to, number, words, err);
	return r ?: probe_list_add(&session->probes, EVENT_LOG, words, "--on", err);
}

static int collect_triggers(struct triggers *to, struct flight_options *flight,
			    const struct options *options, struct session_options *session,
			    struct err *err)
{
	static const char *const usual[] = { "snapshot" };
	const char *const *texts = options->on.count ? options->on.items : usual;
	size_t count = options->on.count ?: ARRAY_SIZE(usual);
	int r = 0;

	if (count > TRIGGERS_MAX)
		return fail(err, -EINVAL, "--on: more than %d triggers", TRIGGERS_MAX);
	for (unsigned int i = 0; i < count && !r; i++)
		r = add_trigger(&to->list[i], i, texts[i], session, err);
	flight->triggers = to->list;
	flight->trigger_count = count;
	/* What a trigger looks at has to be recorded. */
	if (!r)
		session->class_mask |= watch_classes(to->list, count);
	return r;
}

static int collect_restraint(struct restraint *to, const struct options *options, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < options->at_most.count && !r; i++) {
		struct rate rate;

		r = rate_parse(&rate, options->at_most.items[i], err);
		r = r ?: restraint_add_rate(to, &rate, err);
	}
	return r ?: wanted_each_word(&options->once_per, add_once_per, &to->once_per, err);
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

/* One recording, until its end. */
static int fly(struct options *options, struct triggers *triggers, char **command,
	       struct session_status *status, struct err *err)
{
	struct wanted_parts parts = { .pid_count = 0 };
	struct flight_options flight = {
		.window_ns = options->window_ns,
		.memory_bytes = options->memory_bytes,
		.before_ns = min(options->before_ns, options->window_ns),
		.after_ns = options->after_ns,
		.shelf = { .dir = options->dir,
			   .keep = options->keep,
			   .keep_bytes = options->keep_bytes,
			   .keep_slowest = options->keep_slowest },
		.restraint = &triggers->restraint,
		.window_file = options->window_file,
		.on_fact = say,
		.ctx = options,
	};
	u32 told_percent = 0; /* of what probes cost */
	struct session_options session = { .status = status,
					   .flight = &flight,
					   .output = "memory",
					   .on_status = recorded_status,
					   .ctx = &told_percent };
	int r = wanted_session(&session, &parts, &options->wanted, command, err);

	r = r ?: collect_triggers(triggers, &flight, options, &session, err);
	if (!r) {
		if (options->name)
			wanted_file_word(parts.word, options->name);
		flight.shelf.name = parts.word;
		flight.shelf.pid = (u32)parts.pid;
		session.ring_bytes = ring_bytes(options);
		r = run_session(options, &session, err);
	}
	wanted_free(&parts, &session);
	return r;
}

/* Again and again, whenever a process of the name is there, until a signal comes. */
static int fly_by_name(struct options *options, struct triggers *triggers, struct err *err)
{
	struct session_status status = { .why = TRACE_END_TARGET };
	bool told_ready = false;
	int r = 0;

	while (!r && status.why == TRACE_END_TARGET) {
		pid_t pids[WANTED_PIDS_MAX];
		char list[WANTED_PIDS_MAX * 12] = "";
		const char *items[] = { list };
		size_t count = named_processes(options->name, pids, WANTED_PIDS_MAX), used = 0;

		if (!count) {
			say_f(options, "waiting for a process called '%s'", options->name);
			if (!told_ready)
				notify_tell("READY=1");
			told_ready = true;
			count = named_wait(options->name, pids, WANTED_PIDS_MAX);
		}
		if (!count)
			return 0;
		for (size_t i = 0; i < min(count, (size_t)WANTED_PIDS_MAX); i++)
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%d",
						 i ? "," : "", pids[i]);
		options->wanted.pids = (struct text_list){ .items = items, .count = 1 };
		say_f(options, "recording '%s': %s", options->name, list);
		r = fly(options, triggers, NULL, &status, err);
		options->wanted.pids = (struct text_list){ 0 };
		/* It has ended again before we were there. */
		if (r == -ESRCH) {
			r = 0;
			status.why = TRACE_END_TARGET;
			usleep(100000);
		}
	}
	return r;
}

static int check_name(const struct options *options, int count, struct err *err)
{
	const struct wanted *wanted = &options->wanted;

	if (!wanted->pids.count && !wanted->all && !wanted->cgroup && !count)
		return 0;
	return fail(err, -EINVAL, "--name is a target of its own: it goes with no other");
}

static int run(void *data, char **args, int count, struct err *err)
{
	struct options *options = data;
	CLEANUP(free) struct triggers *triggers = calloc(1, sizeof(*triggers));
	struct session_status status = { 0 };
	int r = 0;

	if (!triggers)
		return fail(err, -ENOMEM, "no memory for triggers");
	if (!options->window_ns)
		return fail(err, -EINVAL, "--window: 0 is no time to keep");
	if (options->name)
		r = check_name(options, count, err);
	r = r ?: check_directory(options->dir, err);
	r = r ?: collect_restraint(&triggers->restraint, options, err);
	if (!r)
		r = options->name ? fly_by_name(options, triggers, err)
				  : fly(options, triggers, count ? args : NULL, &status, err);
	restraint_free(&triggers->restraint);
	return r;
}

const struct command flight_command = {
	.name = "flight",
	.usage =
		"(-p PID[,PID...] | --name NAME | -a | --cgroup PATH | -- CMD ARG...) [--window TIME]",
	.summary = "record all the time, keep the last seconds, write them when asked",
	.details =
		"Records as `tracer record` does, but keeps only the last --window in memory. A snapshot "
		"writes that to a file of its own while recording goes on; nothing is lost by it. A "
		"snapshot is an ordinary trace, which also tells why it was taken: the summary begins "
		"with that.\n"
		"\n"
		"Triggers:\n"
		"  signal                  SIGUSR1; also without --on\n"
		"  snapshot[:REASON]       the program asks for it: tracer_snapshot()\n"
		"  task:NAME>TIME          a task lasts longer\n"
		"  region:NAME>TIME        a region does\n"
		"  syscall:NAME>TIME       a system call does\n"
		"  wait:KIND>TIME          a thread is blocked for longer: network, sync, disk, pipe,\n"
		"                          poll, sleep, fault, child, other, any\n"
		"  sched-wait>TIME         it could run, and has no CPU\n"
		"  log:CATEGORY[~TEXT]     a log that contains TEXT\n"
		"  probe:PATH:FUNCTION     a function is called; or PATH:PROVIDER:PROBE\n"
		"  crash                   a fatal signal ends a process, but TERM, INT, HUP, PIPE, ALRM\n"
		"  exit                    the target ends, or the recorder is asked to\n"
		"  losses>SHARE%           of the events of a second were lost\n"
		"  psi:RESOURCE>SHARE%     pressure on cpu, memory or io in the last 10 seconds\n"
		"  every:TIME              again and again\n"
		"  sample:SHARE%[:NAME]    of the tasks of that name, when they end\n"
		"NAME, REASON and CATEGORY may hold * and ?. What lasts is noticed while it still goes on, "
		"within 100 ms. Triggers that are met together make one snapshot that names them all; "
		"those that made none are counted, and the next snapshot tells how many there were.\n"
		"\n"
		"Ctrl-C and SIGTERM end the recorder, and write nothing unless --on exit asks for it.\n"
		"\n"
		"Once its probes are attached, the recorder keeps only the capabilities that recording needs.\n"
		"\n"
		"--memory is for the whole process: rings, tables and window. When the rest grows, the "
		"window shrinks.\n"
		"\n"
		"Examples:\n"
		"  tracer flight -p 4711 --dir /var/lib/tracer      kill -USR1 takes a snapshot\n"
		"  tracer flight -p 4711 --on 'task:checkout>300ms' --at-most 1/1m --keep 50\n"
		"  tracer flight -p 4711 --on 'syscall:fsync>100ms' --on crash --after 1s\n",
	.options = flight_options,
	.options_bytes = sizeof(struct options),
	.defaults = defaults,
	.run = run,
	.passes_rest = true,
};
