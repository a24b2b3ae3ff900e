/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* in_turn - short recordings again and again, of which the newest are kept */
#ifndef TRACER_CLI_IN_TURN_H
#define TRACER_CLI_IN_TURN_H

#include "user/cli/wanted.h"

struct in_turn {
	u64 every_ns;		/* from the begin of one to the begin of the next */
	u64 duration_ns;	/* of each */
	u64 keep;		/* so many files; 0: all */
	bool quiet;
};

/**
 * record_in_turn() - record --every
 *
 * Ends with SIGINT, SIGTERM or SIGHUP, or when the target has exited. The files are called as those
 * of single recordings are, and what earlier ones of this target have left counts for @turn->keep.
 *
 * Return: 0, or a negative errno with @err filled.
 */
int record_in_turn(const struct wanted *wanted, const struct in_turn *turn, struct err *err);

#endif
