/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* command - what a command of the program tells about itself */
#ifndef TRACER_CLI_COMMAND_H
#define TRACER_CLI_COMMAND_H

#include "user/base/err.h"
#include "user/base/util.h"

enum option_type {
	OPTION_FLAG,	/* bool: set to true */
	OPTION_NO,	/* bool: set to false (an option named no-...) */
	OPTION_COUNT,	/* unsigned int: one more each time (-v -v) */
	OPTION_TEXT,	/* const char *: points into argv */
	OPTION_LIST,	/* struct text_list: may be given several times */
	OPTION_TIME,	/* u64, ns: parse_duration() */
	OPTION_SIZE,	/* u64, bytes: parse_size() */
	OPTION_NUMBER,	/* u64: parse_number() with any value */
};

struct text_list {
	const char **items;
	size_t count;
};

struct option_spec {
	const char *name;	/* long name, without "--"; NULL ends the table */
	char letter;		/* short name, or 0 */
	enum option_type type;
	size_t offset;		/* of the field in the command's options struct */
	const char *value;	/* what is typed behind it: "PID[,PID...]"; NULL for flags */
	const char *help;	/* one line; the default stands at its end in [] */
};

struct command {
	const char *name;
	const char *usage;	/* behind the name: "[KIND] FILE [--json]" */
	const char *summary;	/* one line for `tracer --help` */
	const char *details;	/* paragraphs and examples for `tracer COMMAND --help` */
	const struct option_spec *options;
	size_t options_bytes;	/* of the options struct, zeroed before parsing */
	void (*defaults)(void *options);	/* may be NULL */

	/*
	 * @options: filled from the table; @args: the other words, @count of them, and NULL.
	 * Return: the exit status (0 done, 1 failed, 2 usage; a recorded command's own), or a
	 * negative errno with @err filled, which main() prints: -EINVAL as a usage error
	 * (exit status 2), all others as a failure (exit status 1).
	 *
	 * main() flushes standard output and reports what could not be written. SIGPIPE ends
	 * the program quietly, unless run() ignores it for work that must be finished.
	 */
	int (*run)(void *options, char **args, int count, struct err *err);

	/*
	 * The words behind "--" are a command line of their own and come as they are, in @args;
	 * a word before it is a usage error. Without this, "--" only ends the options.
	 */
	bool passes_rest;
};

/* Every command; NULL ends the list. The first one is what `tracer` does without a command. */
extern const struct command *const commands[];

/* Return: the command of that name, or NULL. */
const struct command *command_find(const char *name);

/* Each is defined in the file of its name and listed in commands.c. */
extern const struct command record_command;
extern const struct command flight_command;
extern const struct command snapshot_command;
extern const struct command status_command;
extern const struct command stop_command;
extern const struct command recover_command;
extern const struct command report_command;
extern const struct command pprof_command;
extern const struct command flame_command;
extern const struct command export_command;
extern const struct command sql_command;
extern const struct command serve_command;
extern const struct command dump_command;
extern const struct command check_command;
extern const struct command probes_command;
extern const struct command doctor_command;
extern const struct command help_command;

#endif
