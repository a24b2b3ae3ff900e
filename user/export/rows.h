/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* rows - all rows of all tables of a trace, in two readings */
#ifndef TRACER_EXPORT_ROWS_H
#define TRACER_EXPORT_ROWS_H

#include "user/export/tables.h"

struct rows_sink {
	void *ctx;
	/* @values: of all columns. Return: 0, or a negative errno that ends it. */
	int (*row)(void *ctx, const struct table_spec *table, const struct value *values);
};

/**
 * rows_read() - tell all rows
 * @missing: set when something is missing, by losses or damage
 *
 * First the lists, the recording before all others; then what happened, all tables mixed, about
 * in the order of its ends. Memory does not grow with the trace beyond threads, stacks and names.
 *
 * Return: 0; what reading or @sink returned, with @err filled.
 */
int rows_read(const struct rows_sink *sink, const char *path, const struct export_options *options,
	      bool *missing, struct err *err);

/* Only what happened, as rows that are not filled yet; @tables: learnt. As rows_read(). */
int rows_events(struct tables *tables, struct row_maker *maker, struct err *err);

#endif
