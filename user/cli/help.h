/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* help - what the program and its commands tell about themselves */
#ifndef TRACER_CLI_HELP_H
#define TRACER_CLI_HELP_H

#include <stdio.h>

#include "user/cli/command.h"

#define HELP_COLUMNS 80

/* `tracer --help`: what it is, the commands, the first things to type */
void help_overview(FILE *out);

/* `tracer COMMAND --help` */
void help_command_text(FILE *out, const struct command *command);

/* The manual page of all commands, as roff */
void help_manual(FILE *out);

/* What stands before an option's help: "-p, --pid PID". Return: its length. */
int help_option_label(char *to, size_t room, const struct option_spec *spec);

#endif
