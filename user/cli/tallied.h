/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* tallied - what commands have in common that write one file from a tally: pprof and flame */
#ifndef TRACER_CLI_TALLIED_H
#define TRACER_CLI_TALLIED_H

#include <stdio.h>

#include "user/cli/command.h"
#include "user/export/tally.h"

/* How a file is made of a tally, and what is said of it */
struct tallied {
	int (*write)(FILE *to, const struct tally *tally, struct err *err);
	const char *suffix; /* of its name, behind that of the kind: ".svg" */
	const char *what;   /* said behind its name and sums: "; open it in a browser" */
	const char *next;   /* what to type with it; NULL: nothing */
};

/**
 * tallied_write() - write the file, and tell of it when it has a name
 * @output: what the user gave: a name, "-", or NULL for one that is made of @path, the trace's
 *
 * Return: 0; what writing returns, with @err filled.
 */
int tallied_write(const struct tallied *tallied, const struct tally *tally, const char *output,
		  const char *path, struct err *err);

#endif
