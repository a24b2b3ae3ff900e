/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* recorded - what a recording says of itself beside its summary, on standard error */
#ifndef TRACER_CLI_RECORDED_H
#define TRACER_CLI_RECORDED_H

#include "user/record/session.h"

/* What is about to be recorded, for -v. */
void recorded_begin(const struct session_options *session);

/**
 * recorded_toll() - warns while recording that probes cost the target much
 * @told_percent: what was said last; 0: nothing. It is said again when it has doubled.
 * @clear:	  the status line stands on the terminal
 *
 * Return: whether it was said.
 */
bool recorded_toll(const struct toll_report *toll, u32 told_percent, bool clear);

/* As on_status of a session without a status line: warns as recorded_toll(). @told_percent: u32 */
void recorded_status(void *told_percent, const struct session_options *session);

/* What a person should know of a recording that has ended; with @verbose also what it took. */
void recorded_notes(const struct session_status *status, bool verbose);

/* How the command that was recorded ended; nothing when there was none. */
void recorded_end(const struct session_status *status);

#endif
