/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* exported - a trace into a file of another format: for export, and for record -o x.out */
#ifndef TRACER_CLI_EXPORTED_H
#define TRACER_CLI_EXPORTED_H

#include "user/export/export.h"

/**
 * exported_write() - one file, compressed when its name ends with .gz
 * @to:    "-" is standard output; NULL: a name is made
 * @path:  of the trace
 * @quiet: do not say what was made
 *
 * Return: 0 or a negative errno with @err filled; then there is no file.
 */
int exported_write(const struct exporter *exporter, const char *to, const char *path,
		   const struct export_options *options, bool quiet, struct err *err);

#endif
