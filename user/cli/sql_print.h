/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* sql_print - the rows of a query: as a table, as CSV, as JSON */
#ifndef TRACER_CLI_SQL_PRINT_H
#define TRACER_CLI_SQL_PRINT_H

#include <stdio.h>

#include "user/export/sql.h"

enum sql_mode {
	SQL_TABLE,
	SQL_CSV,  /* RFC 4180, with a head; NULL is empty */
	SQL_JSON, /* {"rows": [{...}], "losses": {...}} */
};

struct sqlite3_stmt;

/**
 * sql_print() - run a statement and print its rows, as they come
 * @tables: for what is missing of them
 *
 * A table's columns are as wide as its first rows ask for.
 *
 * Return: 0; with @err filled, what the statement failed with; -EIO when @out takes no more.
 */
int sql_print(FILE *out, const struct sql *sql, const struct tables *tables,
	      struct sqlite3_stmt *statement, enum sql_mode mode, struct err *err);

#endif
