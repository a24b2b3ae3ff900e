// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* cli_options - a command line is read as its table says, or refused with advice */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/cli/help.h"
#include "user/cli/options.h"

struct all {
	bool quiet;
	bool children;
	unsigned int verbose;
	const char *output;
	struct text_list pids;
	u64 duration_ns;
	u64 memory;
	u64 limit;
};

static const struct option_spec specs[] = {
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct all, quiet), NULL, "say nothing" },
	{ "no-children", 0, OPTION_NO, offsetof(struct all, children), NULL, "not the children" },
	{ "verbose", 'v', OPTION_COUNT, offsetof(struct all, verbose), NULL, "say more" },
	{ "output", 'o', OPTION_TEXT, offsetof(struct all, output), "FILE",
	  "a file with an explanation that is longer than a line of eighty columns is [none]" },
	{ "pid", 'p', OPTION_LIST, offsetof(struct all, pids), "PID[,PID...]", "processes" },
	{ "duration", 'd', OPTION_TIME, offsetof(struct all, duration_ns), "TIME", "how long" },
	{ "memory", 0, OPTION_SIZE, offsetof(struct all, memory), "SIZE", "how much" },
	{ "limit", 'n', OPTION_NUMBER, offsetof(struct all, limit), "N", "how many" },
	{ 0 },
};

static const struct command words_command = {
	.name = "words",
	.usage = "[WORD...]\n--all",
	.summary = "a command that takes words",
	.details = "First paragraph.\n\n  .example \\ -x\n\n'Second.",
	.options = specs,
	.options_bytes = sizeof(struct all),
};

static const struct command rest_command = {
	.name = "rest",
	.summary = "a command that runs another one",
	.options = specs,
	.options_bytes = sizeof(struct all),
	.passes_rest = true,
};

static const struct command bare_command = { .name = "bare", .summary = "without options" };

const struct command *const commands[] = { &words_command, &rest_command, &bare_command, NULL };

/* A command line that was read: what came of it */
static struct {
	struct all all;
	char *words[16];
	int count;
	struct err err;
} line;

#define reads(...)      reads_words(&words_command, (char *[]){ __VA_ARGS__, NULL })
#define rest_reads(...) reads_words(&rest_command, (char *[]){ __VA_ARGS__, NULL })

static int reads_words(const struct command *command, char **words)
{
	int count = 0;

	options_free(&words_command, &line.all);
	memset(&line, 0, sizeof(line));
	line.all.children = true;
	for (; words[count]; count++)
		line.words[count] = words[count];
	line.count = options_parse(command, &line.all, line.words, count, &line.err);
	return line.count;
}

static int forget(void **state)
{
	options_free(&words_command, &line.all);
	return 0;
}

static void refused(int r, const char *text, const char *advice)
{
	assert_int_equal(r, -EINVAL);
	assert_int_equal(line.err.code, -EINVAL);
	assert_string_equal(line.err.text, text);
	assert_string_equal(line.err.hint, advice);
}

static void every_way_of_writing_a_value_is_read(void **state)
{
	assert_int_equal(reads("--output", "x"), 0);
	assert_string_equal(line.all.output, "x");
	reads("--output=x=y");
	assert_string_equal(line.all.output, "x=y");
	reads("-o", "x");
	assert_string_equal(line.all.output, "x");
	reads("-ox");
	assert_string_equal(line.all.output, "x");
	reads("-qvox");
	assert_true(line.all.quiet);
	assert_int_equal(line.all.verbose, 1);
	assert_string_equal(line.all.output, "x");
	reads("-qo", "x");
	assert_string_equal(line.all.output, "x");
	reads("-o", "-");
	assert_string_equal(line.all.output, "-");
	reads("--output=-x");
	assert_string_equal(line.all.output, "-x");
}

static void values_are_read_by_their_type(void **state)
{
	assert_int_equal(reads("-d", "1.5s", "--memory", "64M", "-n", "18446744073709551615"), 0);
	assert_int_equal(line.all.duration_ns, 1500000000);
	assert_int_equal(line.all.memory, 64 << 20);
	assert_true(line.all.limit == UINT64_MAX);
	reads("-vv", "--verbose");
	assert_int_equal(line.all.verbose, 3);
	assert_true(line.all.children);
	reads("--no-children");
	assert_false(line.all.children);
}

static void a_list_collects_and_another_option_takes_the_last(void **state)
{
	assert_int_equal(reads("-p", "1,2", "-o", "a", "--pid=3", "-p4", "-o", "b"), 0);
	assert_int_equal(line.all.pids.count, 3);
	assert_string_equal(line.all.pids.items[0], "1,2");
	assert_string_equal(line.all.pids.items[1], "3");
	assert_string_equal(line.all.pids.items[2], "4");
	assert_string_equal(line.all.output, "b");
}

static void words_and_options_stand_in_any_order(void **state)
{
	assert_int_equal(reads("a", "-q", "b", "-o", "x", "-", "--", "-v", "--", "c"), 6);
	assert_string_equal(line.words[0], "a");
	assert_string_equal(line.words[1], "b");
	assert_string_equal(line.words[2], "-");
	assert_string_equal(line.words[3], "-v");
	assert_string_equal(line.words[4], "--");
	assert_string_equal(line.words[5], "c");
	assert_null(line.words[6]);
	assert_int_equal(line.all.verbose, 0);
	assert_true(line.all.quiet);
}

static void the_rest_is_passed_as_it_is(void **state)
{
	assert_int_equal(rest_reads("-q", "--", "ls", "-l", "--", "--help"), 4);
	assert_string_equal(line.words[0], "ls");
	assert_string_equal(line.words[1], "-l");
	assert_string_equal(line.words[2], "--");
	assert_string_equal(line.words[3], "--help");
	assert_int_equal(rest_reads("--"), 0);
	assert_null(line.words[0]);
}

static void a_word_before_the_rest_is_refused(void **state)
{
	refused(rest_reads("ls", "-l"), "rest does not expect 'ls' there",
		"to run a program, put -- before it: -- ls");
	refused(rest_reads("-q", "12"), "rest does not expect '12' there",
		"to name a process: -p 12");
	refused(rest_reads("-q", "words", "x"), "rest does not expect 'words' there",
		"a command stands first: tracer words ...");
}

static void a_missing_or_empty_value_is_refused(void **state)
{
	refused(reads("-o"), "option '-o' needs a value: FILE", "tracer words --help explains it");
	refused(reads("--output"), "option '--output' needs a value: FILE",
		"tracer words --help explains it");
	refused(reads("--output="), "option '--output' needs a value: FILE",
		"tracer words --help explains it");
	refused(reads("-o", ""), "option '-o' needs a value: FILE",
		"tracer words --help explains it");
	refused(reads("-o", "--quiet"), "option '-o' needs a value: FILE",
		"if '--quiet' is the value, write --output=--quiet");
	refused(reads("-o", "--", "x"), "option '-o' needs a value: FILE",
		"if '--' is the value, write --output=--");
}

static void a_value_that_is_none_of_its_type_is_refused(void **state)
{
	assert_int_equal(reads("-d", "soon"), -EINVAL);
	assert_string_equal(line.err.text, "-d: 'soon' is not a time");
	assert_int_equal(reads("--memory=many"), -EINVAL);
	assert_string_equal(line.err.text, "--memory: 'many' is not a size");
	assert_int_equal(reads("-n5x"), -EINVAL);
	assert_string_equal(line.err.text, "-n: '5x' is not a number");
	refused(reads("--quiet=1"), "option '--quiet' takes no value", "write just --quiet");
}

static void an_unknown_option_is_compared_with_the_known_ones(void **state)
{
	refused(reads("--ouptut", "x"), "unknown option '--ouptut'", "did you mean --output?");
	refused(reads("--ouput=x"), "unknown option '--ouput'", "did you mean --output?");
	refused(reads("--dur"), "unknown option '--dur'", "did you mean --duration?");
	refused(reads("--children"), "unknown option '--children'", "did you mean --no-children?");
	refused(reads("--xyzzy"), "unknown option '--xyzzy'",
		"tracer words --help lists the options");
	refused(reads("--=x"), "unknown option '--'", "tracer words --help lists the options");
	refused(reads("-qx"), "unknown option '-x'", "tracer words --help lists the options");
	refused(reads("-memory"), "unknown option '-m'", "did you mean --memory?");
	refused(reads("-\xc3\xa9"), "unknown option '-\xc3\xa9'",
		"tracer words --help lists the options");
}

static void an_endless_option_name_is_just_unknown(void **state)
{
	char *name = malloc(100000);

	memset(name, 'o', 99999);
	name[0] = name[1] = '-';
	name[99999] = 0;
	assert_int_equal(reads(name), -EINVAL);
	assert_int_equal(strncmp(line.err.text, "unknown option '--ooo", 21), 0);
	free(name);
}

static void a_command_without_options_knows_none(void **state)
{
	assert_int_equal(reads_words(&bare_command, (char *[]){ "a", NULL }), 1);
	refused(reads_words(&bare_command, (char *[]){ "--x", NULL }), "unknown option '--x'",
		"tracer bare --help lists the options");
}

static void help_is_asked_for_before_the_rest_only(void **state)
{
	char *asks[] = { "-p", "1", "-h" }, *passes[] = { "--", "ls", "--help" };

	assert_true(options_ask_help(&rest_command, asks, 3));
	assert_false(options_ask_help(&rest_command, passes, 3));
	assert_false(options_ask_help(&rest_command, NULL, 0));
}

/* What a function prints */
static char *printed(void (*print)(FILE *out, const struct command *),
		     const struct command *command)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	print(out, command);
	fclose(out);
	return text;
}

static void print_manual(FILE *out, const struct command *command)
{
	help_manual(out);
}

static void print_overview(FILE *out, const struct command *command)
{
	help_overview(out);
}

static void help_names_every_option_and_fits_the_terminal(void **state)
{
	char *text = printed(help_command_text, &words_command);

	for (const struct option_spec *spec = specs; spec->name; spec++)
		assert_non_null(strstr(text, spec->name));
	assert_non_null(strstr(text, "Usage: tracer [words] [WORD...]\n"));
	assert_non_null(strstr(text, "       tracer [words] --all\n"));
	assert_non_null(strstr(text, "  -d, --duration TIME     how long\n"));
	assert_non_null(strstr(text, "  -h, --help "));
	for (char *row = text; *row; row += strcspn(row, "\n") + 1)
		assert_true(strcspn(row, "\n") < HELP_COLUMNS);
	free(text);
}

static void the_overview_names_every_command_on_one_screen(void **state)
{
	char *text = printed(print_overview, NULL);
	int lines = 0;

	for (const struct command *const *c = commands; *c; c++) {
		assert_non_null(strstr(text, (*c)->name));
		assert_non_null(strstr(text, (*c)->summary));
	}
	for (char *row = text; *row; row += strcspn(row, "\n") + 1, lines++)
		assert_true(strcspn(row, "\n") < HELP_COLUMNS);
	assert_true(lines < 24);
	free(text);
}

static void no_text_is_taken_for_a_request_in_the_manual(void **state)
{
	char *text = printed(print_manual, NULL);

	assert_non_null(strstr(text, "\\&'Second."));
	assert_non_null(strstr(text, "  .example \\e \\-x"));
	assert_non_null(strstr(text, "\\-\\-no\\-children"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_of_writing_a_value_is_read),
		cmocka_unit_test(values_are_read_by_their_type),
		cmocka_unit_test(a_list_collects_and_another_option_takes_the_last),
		cmocka_unit_test(words_and_options_stand_in_any_order),
		cmocka_unit_test(the_rest_is_passed_as_it_is),
		cmocka_unit_test(a_word_before_the_rest_is_refused),
		cmocka_unit_test(a_missing_or_empty_value_is_refused),
		cmocka_unit_test(a_value_that_is_none_of_its_type_is_refused),
		cmocka_unit_test(an_unknown_option_is_compared_with_the_known_ones),
		cmocka_unit_test(an_endless_option_name_is_just_unknown),
		cmocka_unit_test(a_command_without_options_knows_none),
		cmocka_unit_test(help_is_asked_for_before_the_rest_only),
		cmocka_unit_test(help_names_every_option_and_fits_the_terminal),
		cmocka_unit_test(the_overview_names_every_command_on_one_screen),
		cmocka_unit_test(no_text_is_taken_for_a_request_in_the_manual),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
