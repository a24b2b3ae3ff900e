/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* wanted - what is to be recorded: the options that record and flight have in common */
#ifndef TRACER_CLI_WANTED_H
#define TRACER_CLI_WANTED_H

#include "user/cli/command.h"
#include "user/record/session.h"

#define WANTED_PIDS_MAX     1024
#define WANTED_STACK_MIN_NS (20 * NSEC_PER_USEC)
#define WANTED_SAMPLE_HZ    99 /* no multiple of what timers like */

/* A part of a command's options struct */
struct wanted {
	struct text_list pids;
	bool all;
	const char *cgroup;
	struct text_list classes;
	bool children;
	unsigned int verbose;
	u64 ring_bytes;
	u64 stack_min_ns;
	u64 sample_hz;
	struct text_list regions;
	struct text_list tasks;
	struct text_list logs;
	struct text_list probe_files;
};

#define WANTED_FIELD(type, field) (offsetof(type, wanted) + offsetof(struct wanted, field))

/* Rows of the table of options; @type has a struct wanted named "wanted". */
#define WANTED_TARGET_OPTIONS(type)                                                                \
	{ "pid", 'p', OPTION_LIST, WANTED_FIELD(type, pids), "PID[,PID...]",                       \
	  "record these processes, or single threads by their number" },                           \
	{ "all", 'a', OPTION_FLAG, WANTED_FIELD(type, all), NULL,                                  \
	  "record every thread of the system" },                                                   \
	{ "cgroup", 0, OPTION_TEXT, WANTED_FIELD(type, cgroup), "PATH",                            \
	  "record what runs in a cgroup (version 2) and below it" }

#define WANTED_EVENT_OPTIONS(type)                                                                 \
	{ "events", 'e', OPTION_LIST, WANTED_FIELD(type, classes), "CLASS[,CLASS...]",             \
	  "sched, syscall, futex, stack, sample, annotation, wakeup, args, preempt-stacks, "        \
	  "waker-stacks, all [the first six]" },                                                   \
	{ "stack-min", 0, OPTION_TIME, WANTED_FIELD(type, stack_min_ns), "TIME",                   \
	  "take the stacks of waits that last TIME or longer; 0: of all [20us]" },                 \
	{ "sample-rate", 'F', OPTION_NUMBER, WANTED_FIELD(type, sample_hz), "HZ",                   \
	  "ask each CPU so many times a second what it runs; 0: never [99]" },                     \
	{ "no-children", 0, OPTION_NO, WANTED_FIELD(type, children), NULL,                         \
	  "do not follow processes that the target starts" }

#define WANTED_PROBE_OPTIONS(type)                                                                 \
	{ "region", 0, OPTION_LIST, WANTED_FIELD(type, regions), "PATH:FUNCTION",                  \
	  "a region from each call of a function to its return; or START~END" },                   \
	{ "task", 0, OPTION_LIST, WANTED_FIELD(type, tasks), "START~END",                          \
	  "a task from one probe to another on the same thread" },                                 \
	{ "log", 0, OPTION_LIST, WANTED_FIELD(type, logs), "PROBE",                                \
	  "a log of each time a function or static probe is reached" },                            \
	{ "probes", 0, OPTION_LIST, WANTED_FIELD(type, probe_files), "FILE",                       \
	  "regions, tasks and logs from a file, or a set by its name" }

/* What it was called before the user has said anything. */
void wanted_defaults(struct wanted *wanted);

/* What the session's options point to */
struct wanted_parts {
	pid_t pids[WANTED_PIDS_MAX];
	size_t pid_count;
	char word[48];    /* the target in a file name */
	pid_t pid;        /* in a file name; 0: none */
	char target[160]; /* as a person reads it */
	char *command_line;
};

/**
 * wanted_session() - the options, checked, as a session takes them
 * @session: its part that says what to record is filled; points into @parts, @wanted and @command
 * @command: to be started; its words end with NULL; NULL: none
 *
 * Return: 0, -EINVAL, -ESRCH, -ENOMEM, ... with @err filled; wanted_free() in any case.
 */
int wanted_session(struct session_options *session, struct wanted_parts *parts,
		   const struct wanted *wanted, char **command, struct err *err);
void wanted_free(struct wanted_parts *parts, struct session_options *session);

/* "redis-server" out of "/usr/bin/redis-server", and nothing that a file name cannot bear */
void wanted_file_word(char to[48], const char *from);

/* Calls @each for every word of a list of comma-separated lists. */
int wanted_each_word(const struct text_list *list,
		     int (*each)(void *ctx, const char *word, struct err *err), void *ctx,
		     struct err *err);

#endif
