/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* scan - the rows of one table, one after the other: read from the trace while they are asked for */
#ifndef TRACER_EXPORT_SCAN_H
#define TRACER_EXPORT_SCAN_H

#include "user/export/tables.h"

struct scan;

/* Only rows whose column is equal to a value: as the rows are made, which is cheap */
struct scan_match {
	u32 column;
	struct value value; /* no NULL; a text lives as long as the scan */
};

#define SCAN_MATCHES_MAX 4

struct scan_options {
	u64 wanted; /* columns, a bit each: what scan_values() will be asked for */
	const struct scan_match *matches;
	u32 match_count;
};

/**
 * scan_open() - begin to read a table
 * @out:    set on success
 * @tables: as long as the scan; may be learnt from here on
 *
 * Any number of scans of one trace can be under way.
 *
 * Return: 0; what reading returned, with @err filled.
 */
int scan_open(struct scan **out, struct tables *tables, const struct table_spec *table,
	      const struct scan_options *options, struct err *err);

/* The next row. Return: 1; 0 at the end; what reading returned, with @err filled; -EINTR when
 * the options of the tables said stop. */
int scan_next(struct scan *scan, struct err *err);

/* Its values, those that were wanted; by column. Valid until the next row. */
const struct value *scan_values(struct scan *scan);
void scan_close(struct scan *scan);
DEFINE_CLEANUP(struct scan *, scan_close)

#endif
