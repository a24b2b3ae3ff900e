/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* ask - which running recorder is meant, and what it answered */
#ifndef TRACER_CLI_ASK_H
#define TRACER_CLI_ASK_H

#include "user/cli/command.h"
#include "user/record/control.h"

/**
 * ask_recorder() - ask the one that is meant
 * @pid:     its number; 0: the only one that runs
 * @answer:  JSON
 *
 * Return: 0; -ESRCH: none runs; -EINVAL: several do; what it refused, with @err filled.
 */
int ask_recorder(char answer[CONTROL_ANSWER_MAX], u64 pid, const char *request, struct err *err);

/* A number, or a text, of the answer; 0 and "" when it is not there. Return: @to */
u64 answer_number(const char *answer, const char *key);
char *answer_text(char *to, size_t room, const char *answer, const char *key);

#endif
