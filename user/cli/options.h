/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* options - the words of a command line, read by a command's table */
#ifndef TRACER_CLI_OPTIONS_H
#define TRACER_CLI_OPTIONS_H

#include "user/cli/command.h"

/**
 * options_parse() - read the words of a command
 * @command: its table says which options there are
 * @options: the command's struct, zeroed and given its defaults; filled
 * @words:   behind the command's name; afterwards the words that are no options come first,
 *           in their order, and a NULL when there is room for it
 * @count:   of @words
 *
 * Options stand before, between or behind other words, up to "--":
 *
 *	--name VALUE  --name=VALUE  -n VALUE  -nVALUE  --flag  -f  -fgh  -fgn VALUE
 *
 * Of an option given twice the last one counts, so that a script can override what stands
 * before; a list collects all and a count counts them. A value is never empty, and one that
 * begins with "-" is accepted only as --name=VALUE or -nVALUE, since it is more likely the
 * next option; "-" alone is a value and a word.
 *
 * Return: the number of words that are no options, or -EINVAL or -ENOMEM with @err filled. In both cases
 * options_free() frees what the lists hold.
 */
int options_parse(const struct command *command, void *options, char **words, int count,
		  struct err *err);

void options_free(const struct command *command, void *options);

/* Whether @words ask for help instead: -h or --help before "--". */
bool options_ask_help(const struct command *command, char **words, int count);

/**
 * options_nearest() - what was probably meant
 * @typed: a name that is not in the list
 * @next:  called with @state until it returns NULL; yields the names that there are
 *
 * Return: the name that @typed begins, or that a slip or two of the fingers turn into
 * @typed; NULL when none is near.
 */
const char *options_nearest(const char *typed, const char *(*next)(void *state), void *state);

#endif
