// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* manual - the manual page, made of what the commands tell about themselves */
#include <string.h>

#include "user/cli/help.h"

/*
 * Text as roff: no character is taken for a request or an escape. @length bytes, which
 * begin a line when @at_start.
 */
static void print_text(FILE *out, const char *text, size_t length, bool at_start)
{
	for (size_t i = 0; i < length; i++) {
		if (at_start && (text[i] == '.' || text[i] == '\''))
			fputs("\\&", out);
		at_start = text[i] == '\n';
		if (text[i] == '\\')
			fputs("\\e", out);
		else if (text[i] == '-')
			fputs("\\-", out);
		else
			fputc(text[i], out);
	}
}

static void print_line(FILE *out, const char *text)
{
	print_text(out, text, strlen(text), true);
	fputc('\n', out);
}

/*
 * Paragraphs are filled; indented lines are examples and stay as they are; a line that ends
 * with a colon stands alone.
 */
static void print_details(FILE *out, const char *details)
{
	bool verbatim = false;

	fputs(".PP\n", out);
	while (*details) {
		size_t length = strcspn(details, "\n");
		bool indented = *details == ' ' || *details == '\t';

		if (indented != verbatim && length) {
			fputs(indented ? ".PP\n.nf\n" : ".fi\n.PP\n", out);
			verbatim = indented;
		}
		if (!length && !verbatim)
			fputs(".PP", out);
		print_text(out, details, length, true);
		fputc('\n', out);
		details += length + (details[length] == '\n');
	}
	if (verbatim)
		fputs(".fi\n", out);
}

static void print_synopsis(FILE *out, const struct command *command)
{
	const char *usage = command->usage ? command->usage : "";

	do {
		size_t length = strcspn(usage, "\n");

		fprintf(out, command == commands[0] ? ".B tracer\n[\\fB%s\\fR] " : ".B tracer %s\n",
			command->name);
		print_text(out, usage, length, true);
		fputs("\n.br\n", out);
		usage += length;
	} while (*usage && *++usage);
}

static void print_command(FILE *out, const struct command *command)
{
	char label[128];

	fprintf(out, ".SS tracer %s\n", command->name);
	print_line(out, command->summary);
	fputs(".PP\n", out);
	print_synopsis(out, command);
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++) {
		const char *text = label;

		help_option_label(label, sizeof(label), spec);
		text += strspn(text, " ");
		fputs(".TP\n\\fB", out);
		print_text(out, text, strlen(text), false);
		fputs("\\fR\n", out);
		print_line(out, spec->help);
	}
	if (command->details)
		print_details(out, command->details);
}

void help_manual(FILE *out)
{
	fputs(".TH TRACER 1 \"\" \"tracer " TRACER_VERSION "\" \"User Commands\"\n"
	      ".SH NAME\n"
	      "tracer \\- execution traces of any Linux process\n"
	      ".SH SYNOPSIS\n",
	      out);
	for (const struct command *const *c = commands; *c; c++)
		print_synopsis(out, *c);
	fputs(".SH DESCRIPTION\n"
	      "Records every scheduling decision, wait and system call of running programs, "
	      "without a change to them or a restart, and says why something was slow.\n"
	      ".SH COMMANDS\n",
	      out);
	for (const struct command *const *c = commands; *c; c++)
		print_command(out, *c);
	fputs(".SH EXIT STATUS\n"
	      ".TP\n0\ndone\n.TP\n1\nfailed\n.TP\n2\nwrong usage\n"
	      ".PP\nA recorded command's own exit status, when it was started with \"\\-\\-\".\n"
	      ".SH NOTES\n"
	      "Times are typed like 200ms, 30s, 10m or 1.5h; a bare number is seconds. "
	      "Sizes are typed like 512K, 64M or 2G, in powers of 1024. "
	      "Of an option given twice the last one counts. "
	      "\"\\-\\-\" ends the options.\n",
	      out);
}
