/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* dbfile - a file of SQLite, written from its begin to its end, several times as fast as SQLite does */
#ifndef TRACER_EXPORT_DBFILE_H
#define TRACER_EXPORT_DBFILE_H

#include <stdio.h>

#include "user/export/tables.h"

struct dbfile;

#define DBFILE_TABLES_MAX 32
#define DBFILE_PAGE_BYTES 65536

/*
 * Tables that only grow, and views: format 3 of sqlite.org/fileformat2.html, of which are written
 * table b-trees without indexes. Rows of all tables may be mixed; each gets the next rowid, from 1
 * on. Memory: some pages for each table. The statements of all have to fit into one page.
 *
 * @file:       empty, and can be sought
 * @page_bytes: DBFILE_PAGE_BYTES; a smaller power of 2, from 512 on, for tests
 *
 * Return: 0 or -ENOMEM with @err filled.
 */
int dbfile_new(struct dbfile **out, FILE *file, u32 page_bytes, struct err *err);
void dbfile_free(struct dbfile *db);
DEFINE_CLEANUP(struct dbfile *, dbfile_free)

/**
 * dbfile_table() - the next table, numbered from 0 on
 * @sql:   "CREATE TABLE name (...)"; copied
 * @keyed: its first column is an INTEGER PRIMARY KEY: 1, 2, ...
 *
 * Return: 0 or -ENOMEM.
 */
int dbfile_table(struct dbfile *db, const char *name, const char *sql, bool keyed);
int dbfile_view(struct dbfile *db, const char *name, const char *sql);

/* A row of @count columns. Return: 0; -ENOMEM; the negative errno of writing. */
int dbfile_add(struct dbfile *db, u32 table, const struct value *values, u32 count);

/* The file is whole. As dbfile_add(); -E2BIG when there are more statements than a page holds. */
int dbfile_finish(struct dbfile *db);

#endif
