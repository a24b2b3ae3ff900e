// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* main - finds the command, prints its error, and says with what status to end */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/cli/command.h"
#include "user/cli/help.h"
#include "user/cli/options.h"

enum {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
};

/*
 * A file that is opened must not become standard output because that one was closed. What
 * stands in for it refuses to be used as intended, so that writing to it is an error.
 */
static void fill_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

/* What was typed, and below it a caret at the place that is wrong */
static void print_typed(const struct err *err)
{
	char line[sizeof(err->typed)], before[sizeof(err->typed)];

	text_printable(line, sizeof(line), err->typed);
	snprintf(before, sizeof(before), "%.*s", (int)err->caret, line);
	fprintf(stderr, "    %s\n    %*s^\n", line, (int)text_columns(before), "");
}

static int print_error(const struct err *err)
{
	char line[sizeof(err->text)];

	text_printable(line, sizeof(line), err->text[0] ? err->text : strerror(-err->code));
	fprintf(stderr, "tracer: %s\n", line);
	if (err->typed[0])
		print_typed(err);
	if (err->hint[0]) {
		text_printable(line, sizeof(line), err->hint);
		fprintf(stderr, "hint: %s\n", line);
	}
	return err->code == -EINVAL ? STATUS_USAGE : STATUS_FAILED;
}

/* Standard output must have arrived, but a reader that went away is no error. */
static int finish_output(int status)
{
	bool failed = ferror(stdout);

	errno = 0;
	failed |= fclose(stdout) != 0;
	if (!failed || errno == EPIPE)
		return status;
	fprintf(stderr, "tracer: cannot write to standard output%s%s\n", errno ? ": " : "",
		errno ? strerror(errno) : "");
	return status ? status : STATUS_FAILED;
}

static int run_command(const struct command *command, char **words, int count, struct err *err)
{
	CLEANUP(free) void *options = calloc(1, max(command->options_bytes, (size_t)1));
	int r;

	if (!options)
		return fail(err, -ENOMEM, "no memory for the options");
	if (options_ask_help(command, words, count)) {
		help_command_text(stdout, command);
		return STATUS_DONE;
	}
	if (command->defaults)
		command->defaults(options);
	r = options_parse(command, options, words, count, err);
	if (r >= 0)
		r = command->run(options, words, r, err);
	options_free(command, options);
	return r;
}

static const char *next_command(void *state)
{
	const struct command *const **c = state;

	return **c ? (*(*c)++)->name : NULL;
}

/* The first word is no command: what was meant? */
static int unknown_command(const char *word, struct err *err)
{
	const struct command *const *state = commands;
	const char *nearest = options_nearest(word, next_command, &state);
	size_t length = strlen(word);

	fail(err, -EINVAL, "there is no command '%s'", word);
	if (nearest)
		return hint(err, "did you mean: tracer %s ...", nearest);
	if (*word && word[strspn(word, "0123456789,")] == 0)
		return hint(err, "did you mean: tracer -p %s", word);
	if (length > 6 && !strcmp(word + length - 6, ".trace"))
		return hint(err, "did you mean: tracer report %s", word);
	return hint(err, "tracer --help lists the commands; tracer -- %s records a program", word);
}

static int run(char **words, int count, struct err *err)
{
	const char *first = count ? words[0] : NULL;
	const struct command *command;

	if (!first) {
		fail(err, -EINVAL, "no command, and no process to record");
		return hint(err, "try: sudo tracer -p PID, or tracer --help");
	}
	if (!strcmp(first, "--help") || !strcmp(first, "-h")) {
		help_overview(stdout);
		return STATUS_DONE;
	}
	if (!strcmp(first, "--version") || !strcmp(first, "-V")) {
		printf("tracer %s (libbpf %s)\n", TRACER_VERSION, libbpf_version_string());
		return STATUS_DONE;
	}
	if (first[0] == '-')
		return run_command(commands[0], words, count, err);
	command = command_find(first);
	if (!command)
		return unknown_command(first, err);
	return run_command(command, words + 1, count - 1, err);
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	int status;

	fill_standard_fds();
	signal(SIGPIPE, SIG_DFL); /* also when whoever started us ignores it */

	status = run(argv + 1, max(argc - 1, 0), &err);
	if (status < 0) {
		err.code = status;
		status = print_error(&err);
	}
	return finish_output(status);
}
