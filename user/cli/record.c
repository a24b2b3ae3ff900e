// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* record - a running system into a trace, and at the end where the time went */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/cli/command.h"
#include "user/cli/recorded.h"
#include "user/record/session.h"
#include "user/record/target.h"
#include "user/report/report.h"

#define PIDS_MAX        1024
#define STACK_MIN_NS    (20 * NSEC_PER_USEC)
#define UNTIL_ENDED     UINT64_MAX /* without -d */
#define RING_BYTES_MOST (256u << 20)

struct options {
	struct text_list pids;
	bool all;
	const char *cgroup;
	u64 duration_ns;
	const char *output;
	struct text_list classes;
	bool children;
	bool quiet;
	unsigned int verbose;
	u64 ring_bytes;
	u64 stack_min_ns;
	struct text_list regions;
	struct text_list tasks;
	struct text_list logs;
	struct text_list probe_files;
};

static const struct option_spec record_options[] = {
	{ "pid", 'p', OPTION_LIST, offsetof(struct options, pids), "PID[,PID...]",
	  "record these processes, or single threads by their number" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct options, all), NULL,
	  "record every thread of the system" },
	{ "cgroup", 0, OPTION_TEXT, offsetof(struct options, cgroup), "PATH",
	  "record what runs in a cgroup (version 2) and below it" },
	{ "duration", 'd', OPTION_TIME, offsetof(struct options, duration_ns), "TIME",
	  "end after TIME [Ctrl-C, or when the target has exited]" },
	{ "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE",
	  "write to FILE, replacing it [NAME-PID-DATE-TIME.trace]" },
	{ "events", 'e', OPTION_LIST, offsetof(struct options, classes), "CLASS[,CLASS...]",
	  "sched, syscall, futex, stack, annotation, wakeup, args, preempt-stacks, waker-stacks, all "
	  "[the first five]" },
	{ "stack-min", 0, OPTION_TIME, offsetof(struct options, stack_min_ns), "TIME",
	  "take the stacks of waits that last TIME or longer; 0: of all [20us]" },
	{ "no-children", 0, OPTION_NO, offsetof(struct options, children), NULL,
	  "do not follow processes that the target starts" },
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct options, quiet), NULL,
	  "no status line and no summary, only errors" },
	{ "verbose", 'v', OPTION_COUNT, offsetof(struct options, verbose), NULL,
	  "say what the recorder does" },
	{ "ring-size", 0, OPTION_SIZE, offsetof(struct options, ring_bytes), "SIZE",
	  "ring of each CPU, a power of two [16M for all CPUs together]" },
	{ "region", 0, OPTION_LIST, offsetof(struct options, regions), "PATH:FUNCTION",
	  "a region from each call of a function to its return; or START~END" },
	{ "task", 0, OPTION_LIST, offsetof(struct options, tasks), "START~END",
	  "a task from one probe to another on the same thread" },
	{ "log", 0, OPTION_LIST, offsetof(struct options, logs), "PROBE",
	  "a log of each time a function or static probe is reached" },
	{ "probes", 0, OPTION_LIST, offsetof(struct options, probe_files), "FILE",
	  "regions, tasks and logs from a file, or a set by its name" },
	{ 0 },
};

/* What is asked for with -e: the classes of events, and what comes on top of one */
enum extra {
	EXTRA_WAKEUPS = 1 << CLASS_COUNT,
	EXTRA_ARGS = 2 << CLASS_COUNT,
	EXTRA_PREEMPT_STACKS = 4 << CLASS_COUNT,
	EXTRA_WAKER_STACKS = 8 << CLASS_COUNT,
};

static const struct {
	const char *name;
	u32 bits;
} class_words[] = {
	{ "sched", 1 << CLASS_SCHED },
	{ "process", 1 << CLASS_PROCESS },
	{ "syscall", 1 << CLASS_SYSCALL },
	{ "futex", 1 << CLASS_FUTEX },
	{ "object", 1 << CLASS_OBJECT },
	{ "stack", 1 << CLASS_STACK },
	{ "sample", 1 << CLASS_SAMPLE },
	{ "annotation", 1 << CLASS_ANNOTATION },
	{ "wakeup", 1 << CLASS_SCHED | EXTRA_WAKEUPS },
	{ "args", 1 << CLASS_SYSCALL | EXTRA_ARGS },
	{ "preempt-stacks", 1 << CLASS_STACK | EXTRA_PREEMPT_STACKS },
	{ "waker-stacks", 1 << CLASS_STACK | EXTRA_WAKER_STACKS },
	{ "all", (1 << CLASS_COUNT) - 1 + EXTRA_WAKEUPS + EXTRA_ARGS + EXTRA_PREEMPT_STACKS +
			 EXTRA_WAKER_STACKS },
};

static void defaults(void *data)
{
	((struct options *)data)->children = true;
	((struct options *)data)->duration_ns = UNTIL_ENDED;
	((struct options *)data)->stack_min_ns = STACK_MIN_NS;
}

/* Calls @each for every word of a list of comma-separated lists. */
static int for_each_word(const struct text_list *list,
			 int (*each)(void *ctx, const char *word, struct err *err), void *ctx,
			 struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		CLEANUP(free) char *copy = strdup(list->items[i]);
		char *rest = copy, *word;

		if (!copy)
			return fail(err, -ENOMEM, "no memory for the options");
		while ((word = strsep(&rest, ","))) {
			int r = each(ctx, word, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int add_class(void *ctx, const char *word, struct err *err)
{
	u32 *mask = ctx;

	for (size_t i = 0; i < ARRAY_SIZE(class_words); i++) {
		if (strcmp(class_words[i].name, word))
			continue;
		*mask |= class_words[i].bits;
		return 0;
	}
	fail(err, -EINVAL, "--events: there is no class '%s'", word);
	return hint(
		err,
		"there are: sched, syscall, futex, stack, annotation, wakeup, args, preempt-stacks, "
		"waker-stacks, all");
}

struct pids {
	pid_t list[PIDS_MAX];
	size_t count;
};

static int add_pid(void *ctx, const char *word, struct err *err)
{
	struct pids *pids = ctx;
	u64 pid;
	int r = parse_number(&pid, word, 1, INT32_MAX, "--pid", err);

	if (r < 0)
		return err->hint[0] ? r
				    : hint(err, "processes are given by number, as in -p 4711; "
						"pgrep NAME finds it");
	if (pids->count == PIDS_MAX)
		return fail(err, -EINVAL, "--pid: more than %d numbers", PIDS_MAX);
	pids->list[pids->count++] = (pid_t)pid;
	return 0;
}

static int check_target(const struct options *options, char **args, int count, struct err *err)
{
	int targets = !!options->pids.count + options->all + !!options->cgroup + (count > 0);

	if (targets == 1)
		return 0;
	if (!targets) {
		fail(err, -EINVAL, "nothing to record: no target was given");
		return hint(err, "-p PID records a process, -- COMMAND starts one, -a takes all");
	}
	fail(err, -EINVAL, "only one of -p, -a, --cgroup and a command can be recorded at once");
	return hint(err, "-p takes several numbers: -p 1,2,3");
}

/* "redis-server" out of "/usr/bin/redis-server", and nothing that a file name cannot bear */
static void file_word(char to[48], const char *from)
{
	const char *slash = strrchr(from, '/');
	size_t i;

	from = slash && slash[1] ? slash + 1 : from;
	for (i = 0; i < 47 && from[i]; i++)
		to[i] = isalnum((unsigned char)from[i]) || strchr("._-+@", from[i]) ? from[i] : '_';
	to[i] = 0;
	if (!i || to[0] == '.' || to[0] == '-')
		to[0] = '_', to[i ? i : 1] = 0;
}

struct naming {
	char word[48];
	pid_t pid;        /* 0: none */
	char target[160]; /* as a person reads it */
};

/* "command server --port 80": without the folders, which would leave no room for the rest */
static void command_target(char *to, size_t room, char **command)
{
	const char *slash = strrchr(command[0], '/');
	size_t used = (size_t)snprintf(to, room, "command %s", slash ? slash + 1 : command[0]);

	for (char **word = command + 1; *word && used < room; word++)
		used += (size_t)snprintf(to + used, room - used, " %s", *word);
}

static void name_target(struct naming *to, const struct options *options, const struct pids *pids,
			char **command)
{
	char name[32];

	if (command) {
		file_word(to->word, command[0]);
		to->pid = getpid();
		command_target(to->target, sizeof(to->target), command);
		return;
	}
	if (options->all) {
		strcpy(to->word, "system");
		strcpy(to->target, "all threads of the system");
		return;
	}
	if (options->cgroup) {
		file_word(to->word, options->cgroup);
		snprintf(to->target, sizeof(to->target), "cgroup %s", options->cgroup);
		return;
	}
	target_name(name, pids->list[0]);
	file_word(to->word, name);
	to->pid = pids->list[0];
	if (pids->count > 1)
		snprintf(to->target, sizeof(to->target), "%zu processes, %d (%s) the first",
			 pids->count, pids->list[0], name);
	else
		snprintf(to->target, sizeof(to->target), "process %d (%s)", pids->list[0], name);
}

/* NAME-PID-YYYYMMDD-HHMMSS.trace, in local time; a free name: nothing is ever replaced. */
static int default_output(char **out, const struct naming *naming, struct err *err)
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

/* The words of a command line in one, for the head of the file. Return: to be freed, or NULL. */
static char *command_line(const struct options *options, char **args, int count)
{
	FILE *in = fopen("/proc/self/cmdline", "re");
	char *line = calloc(1, 4096);
	size_t used = in && line ? fread(line, 1, 4095, in) : 0;

	if (in)
		fclose(in);
	for (size_t i = 0; i + 1 < used; i++)
		if (!line[i])
			line[i] = ' ';
	return line;
}

/* What the living line needs besides the session's own numbers */
struct terminal {
	bool shown;
	bool is_terminal;
};

static void show_status(void *ctx, const struct session_options *session)
{
	const struct session_status *status = session->status;
	struct terminal *terminal = ctx;
	char elapsed[TEXT_MAX], rate[TEXT_MAX], size[TEXT_MAX], lost[TEXT_MAX];
	double cpu = status->elapsed_ns
			     ? 100.0 * (double)status->recorder_cpu_ns / (double)status->elapsed_ns
			     : 0;

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

static int end_message(const struct session_options *session, struct err *err)
{
	const struct session_status *status = session->status;
	int r = report_print_summary(stdout, session->output, err);

	if (r < 0)
		return r;
	fflush(stdout);
	recorded_end(status);
	return 0;
}

static int add_probes(struct probe_list *list, u16 kind, const struct text_list *texts,
		      const char *option, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < texts->count && !r; i++)
		r = probe_list_add(list, kind, texts->items[i], option, err);
	return r;
}

static int collect_probes(struct probe_list *list, const struct options *options, struct err *err)
{
	int r = add_probes(list, EVENT_REGION_BEGIN, &options->regions, "--region", err);

	r = r ?: add_probes(list, EVENT_TASK_BEGIN, &options->tasks, "--task", err);
	r = r ?: add_probes(list, EVENT_LOG, &options->logs, "--log", err);
	for (size_t i = 0; i < options->probe_files.count && !r; i++)
		r = probe_list_read(list, options->probe_files.items[i], err);
	return r;
}

static int run(void *data, char **args, int count, struct err *err)
{
	struct options *options = data;
	CLEANUP(free) char *generated = NULL;
	CLEANUP(free) char *line = NULL;
	CLEANUP(probe_list_free) struct probe_list probes = { 0 };
	struct session_status status = { 0 };
	struct terminal terminal = { .is_terminal = isatty(STDERR_FILENO) && !options->quiet };
	struct session_options session = { .status = &status, .ctx = &terminal };
	struct pids pids = { .count = 0 };
	struct naming naming = { 0 };
	u32 mask = 0;
	int r;

	if (!options->duration_ns) {
		fail(err, -EINVAL, "--duration: 0 is no time to record");
		return hint(err, "leave -d out to record until Ctrl-C or the target's end");
	}
	r = check_target(options, args, count, err);
	r = r ?: for_each_word(&options->pids, add_pid, &pids, err);
	r = r ?: for_each_word(&options->classes, add_class, &mask, err);
	r = r ?: collect_probes(&probes, options, err);
	for (size_t i = 0; i < pids.count && !r; i++)
		r = target_check_pid(pids.list[i], err);
	if (r < 0)
		return r;
	if (options->ring_bytes > RING_BYTES_MOST) {
		fail(err, -EINVAL, "--ring-size: more than 256M for each CPU");
		return hint(err, "without it, all rings together take 16M");
	}
	if (!mask)
		mask = 1 << CLASS_SCHED | 1 << CLASS_SYSCALL | 1 << CLASS_FUTEX | 1 << CLASS_STACK |
		       1 << CLASS_ANNOTATION;

	/* Whoever names probes wants to see them. */
	if (probes.count)
		mask |= 1 << CLASS_ANNOTATION;

	session.command = count ? args : NULL;
	name_target(&naming, options, &pids, session.command);
	if (!options->output) {
		r = default_output(&generated, &naming, err);
		if (r < 0)
			return r;
	}
	line = command_line(options, args, count);
	session.pids = pids.list;
	session.pid_count = pids.count;
	session.all = options->all;
	session.cgroup = options->cgroup;
	session.children = options->children;
	session.class_mask =
		(mask & ((1 << CLASS_COUNT) - 1)) | 1 << CLASS_PROCESS | 1 << CLASS_OBJECT;
	session.wakeups = mask & EXTRA_WAKEUPS;
	session.args = mask & EXTRA_ARGS;
	session.preempt_stacks = mask & EXTRA_PREEMPT_STACKS;
	session.waker_stacks = mask & EXTRA_WAKER_STACKS;
	session.stack_min_ns = options->stack_min_ns;
	session.duration_ns = options->duration_ns == UNTIL_ENDED ? 0 : options->duration_ns;
	session.ring_bytes = options->ring_bytes;
	session.probes = probes;
	session.output = options->output ?: generated;
	session.replace = options->output;
	session.command_line = line ?: "";
	session.target = naming.target;
	session.verbose = options->verbose;
	session.on_status = show_status;

	if (options->verbose)
		recorded_begin(&session);
	r = session_run(&session, err);
	if (terminal.shown)
		fputs("\r\033[K", stderr);
	if (r < 0)
		return r;
	recorded_notes(&status, options->verbose);
	if (!options->quiet) {
		r = end_message(&session, err);
		if (r < 0)
			return r;
	}
	return command_result(&status);
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
		"  tracer -a -d 5s -e sched       the whole system, scheduling only\n",
	.options = record_options,
	.options_bytes = sizeof(struct options),
	.defaults = defaults,
	.run = run,
	.passes_rest = true,
};
