// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* wanted - what is to be recorded: the options that record and flight have in common */
#include "user/cli/wanted.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/record/target.h"

#define RING_BYTES_MOST (256u << 20)
#define SAMPLE_HZ_MOST  10000

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

/* Calls @each for every word of a list of comma-separated lists. */
int wanted_each_word(const struct text_list *list,
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
	return hint(err, "there are: sched, syscall, futex, stack, sample, annotation, wakeup, "
			 "args, preempt-stacks, waker-stacks, all");
}

static int add_pid(void *ctx, const char *word, struct err *err)
{
	struct wanted_parts *parts = ctx;
	u64 pid;
	int r = parse_number(&pid, word, 1, INT32_MAX, "--pid", err);

	if (r < 0)
		return err->hint[0] ? r
				    : hint(err, "processes are given by number, as in -p 4711; "
						"pgrep NAME finds it");
	if (parts->pid_count == WANTED_PIDS_MAX)
		return fail(err, -EINVAL, "--pid: more than %d numbers", WANTED_PIDS_MAX);
	parts->pids[parts->pid_count++] = (pid_t)pid;
	return 0;
}

static int check_target(const struct wanted *wanted, char **command, struct err *err)
{
	int targets = !!wanted->pids.count + wanted->all + !!wanted->cgroup + !!command;

	if (targets == 1)
		return 0;
	if (!targets) {
		fail(err, -EINVAL, "nothing to record: no target was given");
		return hint(err, "-p PID records a process, -- COMMAND starts one, -a takes all");
	}
	fail(err, -EINVAL, "only one of -p, -a, --cgroup and a command can be recorded at once");
	return hint(err, "-p takes several numbers: -p 1,2,3");
}

void wanted_file_word(char to[48], const char *from)
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

/* "command server --port 80": without the folders, which would leave no room for the rest */
static void command_target(char *to, size_t room, char **command)
{
	const char *slash = strrchr(command[0], '/');
	size_t used = (size_t)snprintf(to, room, "command %s", slash ? slash + 1 : command[0]);

	for (char **word = command + 1; *word && used < room; word++)
		used += (size_t)snprintf(to + used, room - used, " %s", *word);
}

static void name_target(struct wanted_parts *to, const struct wanted *wanted, char **command)
{
	char name[32];

	if (command) {
		wanted_file_word(to->word, command[0]);
		to->pid = getpid();
		command_target(to->target, sizeof(to->target), command);
		return;
	}
	if (wanted->all) {
		strcpy(to->word, "system");
		strcpy(to->target, "all threads of the system");
		return;
	}
	if (wanted->cgroup) {
		wanted_file_word(to->word, wanted->cgroup);
		snprintf(to->target, sizeof(to->target), "cgroup %s", wanted->cgroup);
		return;
	}
	target_name(name, to->pids[0]);
	wanted_file_word(to->word, name);
	to->pid = to->pids[0];
	if (to->pid_count > 1)
		snprintf(to->target, sizeof(to->target), "%zu processes, %d (%s) the first",
			 to->pid_count, to->pids[0], name);
	else
		snprintf(to->target, sizeof(to->target), "process %d (%s)", to->pids[0], name);
}

/* The words of a command line in one, for the head of the file. Return: to be freed, or NULL. */
static char *command_line(void)
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

static int add_probes(struct probe_list *list, u16 kind, const struct text_list *texts,
		      const char *option, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < texts->count && !r; i++)
		r = probe_list_add(list, kind, texts->items[i], option, err);
	return r;
}

static int collect_probes(struct probe_list *list, const struct wanted *wanted, struct err *err)
{
	int r = add_probes(list, EVENT_REGION_BEGIN, &wanted->regions, "--region", err);

	r = r ?: add_probes(list, EVENT_TASK_BEGIN, &wanted->tasks, "--task", err);
	r = r ?: add_probes(list, EVENT_LOG, &wanted->logs, "--log", err);
	for (size_t i = 0; i < wanted->probe_files.count && !r; i++)
		r = probe_list_read(list, wanted->probe_files.items[i], err);
	return r;
}

void wanted_defaults(struct wanted *wanted)
{
	wanted->children = true;
	wanted->stack_min_ns = WANTED_STACK_MIN_NS;
	wanted->sample_hz = WANTED_SAMPLE_HZ;
}

static void choose_events(struct session_options *session, const struct wanted *wanted, u32 mask)
{
	if (!mask)
		mask = 1 << CLASS_SCHED | 1 << CLASS_SYSCALL | 1 << CLASS_FUTEX | 1 << CLASS_STACK |
		       1 << CLASS_SAMPLE | 1 << CLASS_ANNOTATION;
	/* Whoever names probes wants to see them. */
	if (session->probes.count)
		mask |= 1 << CLASS_ANNOTATION;
	session->class_mask =
		(mask & ((1 << CLASS_COUNT) - 1)) | 1 << CLASS_PROCESS | 1 << CLASS_OBJECT;
	session->wakeups = mask & EXTRA_WAKEUPS;
	session->args = mask & EXTRA_ARGS;
	session->preempt_stacks = mask & EXTRA_PREEMPT_STACKS;
	session->waker_stacks = mask & EXTRA_WAKER_STACKS;
	session->stack_min_ns = wanted->stack_min_ns;
	session->sample_hz = (u32)wanted->sample_hz;
}

int wanted_session(struct session_options *session, struct wanted_parts *parts,
		   const struct wanted *wanted, char **command, struct err *err)
{
	u32 mask = 0;
	int r = check_target(wanted, command, err);

	r = r ?: wanted_each_word(&wanted->pids, add_pid, parts, err);
	r = r ?: wanted_each_word(&wanted->classes, add_class, &mask, err);
	r = r ?: collect_probes(&session->probes, wanted, err);
	for (size_t i = 0; i < parts->pid_count && !r; i++)
		r = target_check_pid(parts->pids[i], err);
	if (r < 0)
		return r;
	if (wanted->ring_bytes > RING_BYTES_MOST) {
		fail(err, -EINVAL, "--ring-size: more than 256M for each CPU");
		return hint(err, "without it, all rings together take 16M");
	}
	if (wanted->sample_hz > SAMPLE_HZ_MOST) {
		fail(err, -EINVAL, "--sample-rate: more than %d times a second", SAMPLE_HZ_MOST);
		return hint(err, "99 shows where a program spends its time; 0 takes no samples");
	}
	choose_events(session, wanted, mask);
	name_target(parts, wanted, command);
	parts->command_line = command_line();
	session->command = command;
	session->pids = parts->pids;
	session->pid_count = parts->pid_count;
	session->all = wanted->all;
	session->cgroup = wanted->cgroup;
	session->children = wanted->children;
	session->ring_bytes = wanted->ring_bytes;
	session->command_line = parts->command_line ?: "";
	session->target = parts->target;
	session->verbose = wanted->verbose;
	return 0;
}

void wanted_free(struct wanted_parts *parts, struct session_options *session)
{
	free(parts->command_line);
	probe_list_free(&session->probes);
}
