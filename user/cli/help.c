// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* help - what the program and its commands tell about themselves */
#include "user/cli/help.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

#define LABEL_COLUMNS_MAX 30 /* a longer label gets a line of its own */

static const char overview_top[] =
	"tracer " TRACER_VERSION
	": what a running program does, what it waits for, why it is slow\n";

static const struct {
	const char *line;
	const char *meaning;
} examples[] = {
	{ "sudo tracer -p 1234", "record process 1234 until Ctrl-C" },
	{ "sudo tracer -d 10s -- ./server", "start a program and record it for 10 s" },
	{ "tracer report FILE", "where its threads' time went" },
	{ "tracer report waits FILE", "what they waited for, and who woke them" },
	{ "sudo tracer doctor", "what this machine allows, and what to do" },
};

static bool is_default(const struct command *command)
{
	return command == commands[0];
}

static int to_blank(const char *text)
{
	return (int)strcspn(text, " ");
}

/* What brackets hold together stays on one line. */
static int to_blank_outside_brackets(const char *text)
{
	int depth = 0, length = 0;

	for (; text[length] && (depth > 0 || text[length] != ' '); length++)
		depth += !!strchr("[(", text[length]) - !!strchr("])", text[length]);
	return length;
}

/* Breaks @text at blanks, so that it stays right of @indent; the first line has begun. */
static void print_words(FILE *out, const char *text, int indent, int (*word)(const char *text))
{
	int room = max(HELP_COLUMNS - 1 - indent, 20), column = 0;

	while (*text) {
		int length = word(text);

		if (column && column + 1 + length > room) {
			fprintf(out, "\n%*s", indent, "");
			column = 0;
		}
		column += fprintf(out, "%s%.*s", column ? " " : "", length, text);
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void print_wrapped(FILE *out, const char *text, int indent)
{
	print_words(out, text, indent, to_blank);
}

/* A label on the left and its explanation in the column at @indent */
static void print_row(FILE *out, const char *label, const char *text, int indent)
{
	int used = fprintf(out, "  %s", label);

	if (used + 2 > indent)
		fprintf(out, "\n%*s", indent, "");
	else
		fprintf(out, "%*s", indent - used, "");
	print_wrapped(out, text, indent);
}

void help_overview(FILE *out)
{
	int widest = 0;

	fputs(overview_top, out);
	fputs("\nUsage: tracer [COMMAND] [OPTION...] [WORD...]\n\nCommands:\n", out);
	for (const struct command *const *c = commands; *c; c++)
		widest = max(widest, (int)strlen((*c)->name));
	for (const struct command *const *c = commands; *c; c++)
		print_row(out, (*c)->name, (*c)->summary, widest + 4);

	fputs("\nExamples:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		fprintf(out, "  %-32s %s\n", examples[i].line, examples[i].meaning);

	fprintf(out,
		"\nWithout a command: %s. `tracer COMMAND --help` explains a command.\n"
		"Exit status: 0 done, 1 failed, 2 wrong usage.\n",
		commands[0]->name);
}

int help_option_label(char *to, size_t room, const struct option_spec *spec)
{
	char letter[8] = "    ";

	if (spec->letter)
		snprintf(letter, sizeof(letter), "-%c, ", spec->letter);
	return snprintf(to, room, "%s--%s%s%s", letter, spec->name, spec->value ? " " : "",
			spec->value ? spec->value : "");
}

static void print_options(FILE *out, const struct command *command)
{
	static const struct option_spec help_option = { .name = "help",
							.letter = 'h',
							.help = "print this text" };
	int indent = 0;
	char label[128];

	for (const struct option_spec *spec = command->options; spec && spec->name; spec++)
		indent = max(indent, help_option_label(label, sizeof(label), spec));
	help_option_label(label, sizeof(label), &help_option);
	indent = min(max(indent, (int)strlen(label)), LABEL_COLUMNS_MAX) + 4;

	fputs("\nOptions:\n", out);
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++) {
		help_option_label(label, sizeof(label), spec);
		print_row(out, label, spec->help, indent);
	}
	help_option_label(label, sizeof(label), &help_option);
	print_row(out, label, help_option.help, indent);
}

/* A usage of several lines is one way to call it per line. */
static void print_usage(FILE *out, const struct command *command)
{
	const char *usage = command->usage ? command->usage : "";
	const char *before = "Usage:";
	char way[256];

	do {
		int length = (int)strcspn(usage, "\n");
		int indent =
			fprintf(out, is_default(command) ? "%-6s tracer [%s]" : "%-6s tracer %s",
				before, command->name);

		snprintf(way, sizeof(way), "%.*s", length, usage);
		indent += fprintf(out, "%s", length ? " " : "");
		print_words(out, way, indent, to_blank_outside_brackets);
		usage += length;
		before = "";
	} while (*usage && *++usage);
}

/* Paragraphs are wrapped; lines that begin with a blank are examples and stay as they are. */
static void print_details(FILE *out, const char *details)
{
	fputc('\n', out);
	while (*details) {
		int length = (int)strcspn(details, "\n");
		CLEANUP(free) char *line = strndup(details, (size_t)length);

		if (*details == ' ' || !line)
			fprintf(out, "%.*s\n", length, details);
		else
			print_wrapped(out, line, 0);
		details += length + (details[length] == '\n');
	}
}

void help_command_text(FILE *out, const struct command *command)
{
	int indent = fprintf(out, "tracer %s: ", command->name);

	print_wrapped(out, command->summary, indent);
	fputc('\n', out);
	print_usage(out, command);
	print_options(out, command);
	if (command->details)
		print_details(out, command->details);
}

struct help_options {
	bool manual;
};

static const struct option_spec help_options[] = {
	{ "manual", 0, OPTION_FLAG, offsetof(struct help_options, manual), NULL,
	  "print the manual page of all commands (roff, for man -l -)" },
	{ 0 },
};

static int help_run(void *options, char **args, int count, struct err *err)
{
	const struct help_options *opts = options;
	const struct command *command;

	if (count > 1 || (count && opts->manual))
		return fail(err, -EINVAL, "help explains one command at a time");
	if (opts->manual) {
		help_manual(stdout);
		return 0;
	}
	if (!count) {
		help_overview(stdout);
		return 0;
	}
	command = command_find(args[0]);
	if (!command) {
		fail(err, -EINVAL, "there is no command '%s'", args[0]);
		return hint(err, "tracer --help lists the commands");
	}
	help_command_text(stdout, command);
	return 0;
}

const struct command help_command = {
	.name = "help",
	.usage = "[COMMAND]",
	.summary = "explain the program, or one command",
	.options = help_options,
	.options_bytes = sizeof(struct help_options),
	.run = help_run,
};
