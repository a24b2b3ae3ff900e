/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* sql - a trace as a database of SQLite that can only be read */
#ifndef TRACER_EXPORT_SQL_H
#define TRACER_EXPORT_SQL_H

#include "user/export/tables.h"

struct sqlite3;
struct sql;

/**
 * sql_open() - a database whose tables are those of a trace
 * @out:     set on success
 * @tables:  open; as long as the database
 * @trusted: also what writes is allowed: for our own statements
 *
 * Rows are read from the trace while a statement runs; nothing is stored. Unless @trusted no
 * statement can do more than read these tables: no files, no extensions, no settings, and at most
 * SQL_MEMORY_MAX of memory.
 *
 * Return: 0, -ENOMEM or -EIO with @err filled.
 */
int sql_open(struct sql **out, struct tables *tables, bool trusted, struct err *err);
void sql_close(struct sql *sql);
DEFINE_CLEANUP(struct sql *, sql_close)

#define SQL_MEMORY_MAX (256LL << 20)

struct sqlite3 *sql_database(const struct sql *sql);

/* What a statement failed with: what reading the trace said, else what SQLite says. Return: the
 * negative errno, with @err filled: -EINVAL when it is the statement's fault; -EINTR. */
int sql_failed(const struct sql *sql, struct err *err);

/* All tables and views with all their columns: text that is SQL, too. Of one of them: @name;
 * NULL: all. Return: whether there is one. */
bool sql_print_schema(FILE *out, const char *name);

/* "CREATE TABLE name (columns)", with what the columns mean where @comments; a text to be freed,
 * NULL without memory. */
char *sql_create_table(const struct table_spec *table, bool comments);

#endif
