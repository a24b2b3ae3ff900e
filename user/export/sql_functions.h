/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* sql_functions - what questions to a trace need beyond SQL: percentiles, and times for people */
#ifndef TRACER_EXPORT_SQL_FUNCTIONS_H
#define TRACER_EXPORT_SQL_FUNCTIONS_H

struct sqlite3;

/*
 * percentile(value, 99): the value that 99 % of them do not exceed, within 1.6 %, as reports tell
 * it; duration(ns): '1.24 ms'. Return: what SQLite returned.
 */
int sql_add_functions(struct sqlite3 *db);

#endif
