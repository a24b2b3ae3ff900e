/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* spread - how many durations there were of which length */
#ifndef TRACER_REPORT_SPREAD_H
#define TRACER_REPORT_SPREAD_H

#include "user/base/json.h"
#include "user/report/report.h"

/* A line for each doubling, with a bar. */
void spread_print(const struct report *report, const struct histogram *ns);

/* [{"from_ns": 512, "to_ns": 1024, "count": 3}]; @key: in the object that is open, NULL: it is there */
void spread_json(struct json *json, const char *key, const struct histogram *ns);

#define SPREAD_BAR_WIDTH 12
#define SPREAD_BAR_BYTES (SPREAD_BAR_WIDTH * 3 + 1)

/* The same in one word: a mark for each of the longest doublings, up to that of the longest one.
 * Return: @to */
char *spread_bar(char to[SPREAD_BAR_BYTES], const struct report *report, const struct histogram *ns);

#endif
