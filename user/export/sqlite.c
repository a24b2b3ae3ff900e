// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * sqlite - a database with the tables of `tracer sql`, for sqlite3 and whoever opens one
 *
 * SQLite writes files, and nothing else: what goes elsewhere is made beside it and copied.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/export/rows.h"
#include "user/export/sql.h"

#define TABLES_MAX 32

struct database {
	sqlite3 *db;
	const struct table_spec *specs[TABLES_MAX];
	sqlite3_stmt *inserts[TABLES_MAX];
	u32 count;
};

static int run(sqlite3 *db, const char *text)
{
	return sqlite3_exec(db, text, NULL, NULL, NULL);
}

static int prepare(struct database *d, const struct table_spec *table)
{
	char text[512];
	size_t used = (size_t)snprintf(text, sizeof(text), "INSERT INTO %s VALUES (?", table->name);
	CLEANUP(free) char *create = sql_create_table(table, true);
	int r = create ? run(d->db, create) : SQLITE_NOMEM;

	for (u32 i = 1; i < table->column_count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, ",?");
	snprintf(text + used, sizeof(text) - used, ")");
	if (r == SQLITE_OK)
		r = sqlite3_prepare_v3(d->db, text, -1, SQLITE_PREPARE_PERSISTENT,
				       &d->inserts[d->count], NULL);
	d->specs[d->count++] = table;
	return r;
}

/* Nobody else sees the file before it is whole, so nothing is ever taken back. */
static int make_tables(struct database *d)
{
	int r = run(d->db, "PRAGMA page_size = 65536; PRAGMA journal_mode = OFF; "
			   "PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; "
			   "PRAGMA cache_size = -16384; PRAGMA cache_spill = 64; "
			   "PRAGMA application_id = 0x74726163; BEGIN");

	for (const struct table_spec *const *t = tables_list; *t && r == SQLITE_OK; t++)
		r = prepare(d, *t);
	return r;
}

static int make_views(struct database *d)
{
	char text[2048];
	int r = SQLITE_OK;

	for (const struct view_spec *v = table_views; v->name && r == SQLITE_OK; v++) {
		snprintf(text, sizeof(text), "CREATE VIEW %s AS %s", v->name, v->query);
		r = run(d->db, text);
	}
	return r;
}

static int out_of(int r)
{
	switch (r & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE: return 0;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_FULL: return -ENOSPC;
	default: return -EIO;
	}
}

static sqlite3_stmt *insert_of(const struct database *d, const struct table_spec *table)
{
	u32 i = 0;

	while (d->specs[i] != table)
		i++;
	return d->inserts[i];
}

static int put_row(void *ctx, const struct table_spec *table, const struct value *values)
{
	sqlite3_stmt *insert = insert_of(ctx, table);
	int r;

	sqlite3_clear_bindings(insert);
	for (u32 i = 0; i < table->column_count; i++) {
		int at = (int)i + 1;

		switch (values[i].type) {
		case VALUE_INTEGER: sqlite3_bind_int64(insert, at, values[i].integer); break;
		case VALUE_REAL: sqlite3_bind_double(insert, at, values[i].real); break;
		case VALUE_TEXT:
			sqlite3_bind_text(insert, at, values[i].text, -1, SQLITE_STATIC);
			break;
		default: break;
		}
	}
	sqlite3_step(insert);
	r = sqlite3_reset(insert);
	return out_of(r);
}

static int end(struct database *d)
{
	int r = make_views(d);

	if (r == SQLITE_OK)
		r = run(d->db, "COMMIT");
	for (u32 i = 0; i < d->count; i++)
		sqlite3_finalize(d->inserts[i]);
	d->count = 0;
	return r;
}

/* @file: of SQLite alone */
static int write_database(const char *file, const char *path, const struct export_options *options,
			  bool *missing, struct err *err)
{
	struct database d = { 0 };
	const struct rows_sink sink = { .ctx = &d, .row = put_row };
	int failed = sqlite3_open_v2(
		file, &d.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		NULL);
	int r = 0;

	if (failed == SQLITE_OK)
		failed = make_tables(&d);
	if (failed == SQLITE_OK)
		r = rows_read(&sink, path, options, missing, err);
	if (failed == SQLITE_OK && r >= 0)
		failed = end(&d);
	if (failed != SQLITE_OK)
		r = fail(err, out_of(failed), "cannot write the database: %s",
			 sqlite3_errmsg(d.db));
	for (u32 i = 0; i < d.count; i++)
		sqlite3_finalize(d.inserts[i]);
	sqlite3_close(d.db);
	return r;
}

static int copy(FILE *out, int fd)
{
	char piece[65536];
	ssize_t size;

	errno = 0;
	while ((size = read(fd, piece, sizeof(piece))) > 0)
		if (fwrite(piece, 1, (size_t)size, out) != (size_t)size)
			return -(errno ?: EIO);
	return size < 0 ? -errno : 0;
}

static int write_beside(FILE *out, const char *path, const struct export_options *options,
			bool *missing, struct err *err)
{
	const char *folder = getenv("TMPDIR") ?: "/tmp";
	char name[4096];
	CLEANUP(close) int fd = -1;
	int r;

	if (snprintf(name, sizeof(name), "%s/tracer.XXXXXX", folder) >= (int)sizeof(name))
		return fail(err, -ENAMETOOLONG, "TMPDIR is too long");
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		fail(err, r, "cannot make a database in '%s': %s", folder, strerror(-r));
		return hint(err, "name a file with -o, or another folder with TMPDIR");
	}
	r = write_database(name, path, options, missing, err);
	unlink(name);
	if (r < 0)
		return r;
	r = copy(out, fd);
	return r < 0 ? fail(err, r, "cannot write the database: %s", strerror(-r)) : 0;
}

/* The name of the file that is open as @out, if SQLite can write it: an empty one on a disk */
static bool name_of(char name[4096], FILE *out)
{
	struct stat st, named;
	char link[64];
	ssize_t size;

	if (fstat(fileno(out), &st) < 0 || !S_ISREG(st.st_mode) || st.st_size || ftello(out) > 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fileno(out));
	size = readlink(link, name, 4095);
	if (size < 0)
		return false;
	name[size] = 0;
	return !stat(name, &named) && named.st_ino == st.st_ino && named.st_dev == st.st_dev &&
	       !access(name, R_OK | W_OK);
}

static int sqlite_write(FILE *out, const char *path, const struct export_options *options,
			bool *missing, struct err *err)
{
	char name[4096];

	if (name_of(name, out))
		return write_database(name, path, options, missing, err);
	return write_beside(out, path, options, missing, err);
}

static void sqlite_schema(FILE *out)
{
	sql_print_schema(out, NULL);
}

const struct exporter sqlite_exporter = {
	.name = "sqlite",
	.summary = "a database with the tables of tracer sql",
	.suffix = "db",
	.binary = true,
	.write = sqlite_write,
	.schema = sqlite_schema,
};
