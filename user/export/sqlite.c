// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sqlite - a database with the tables of `tracer sql`, for sqlite3 and whoever opens one */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "user/base/cleanup.h"
#include "user/export/dbfile.h"
#include "user/export/rows.h"
#include "user/export/sql.h"

static int put_row(void *ctx, const struct table_spec *table, const struct value *values)
{
	u32 number = 0;

	while (tables_list[number] != table)
		number++;
	return dbfile_add(ctx, number, values, table->column_count);
}

/* In the order of their list, which is how put_row() knows them */
static int make_tables(struct dbfile *db)
{
	int r = 0;

	for (const struct table_spec *const *t = tables_list; *t && !r; t++) {
		CLEANUP(free) char *create = sql_create_table(*t, true);
		char *begin = create ? strstr(create, "CREATE") : NULL;

		/* A schema has nothing before that, and nothing behind the bracket. */
		if (begin)
			strrchr(begin, ')')[1] = 0;
		r = begin ? dbfile_table(db, (*t)->name, begin, (*t)->keyed && !(*t)->minors)
			  : -ENOMEM;
	}
	for (const struct view_spec *v = table_views; v->name && !r; v++) {
		CLEANUP(free) char *create = NULL;

		if (asprintf(&create, "CREATE VIEW %s AS %s", v->name, v->query) < 0)
			create = NULL;
		r = create ? dbfile_view(db, v->name, create) : -ENOMEM;
	}
	return r;
}

static int write_database(FILE *file, const char *path, const struct export_options *options,
			  bool *missing, struct err *err)
{
	CLEANUP(dbfile_free) struct dbfile *db = NULL;
	struct rows_sink sink = { .row = put_row };
	int r = dbfile_new(&db, file, DBFILE_PAGE_BYTES, err);

	if (r < 0)
		return r;
	r = make_tables(db);
	if (r < 0)
		return fail(err, r, "cannot make the tables: %s", strerror(-r));
	sink.ctx = db;
	r = rows_read(&sink, path, options, missing, err);
	if (r < 0)
		return r;
	r = dbfile_finish(db);
	return r < 0 ? fail(err, r, "cannot write the database: %s", strerror(-r)) : 0;
}

/* Its begin is written last: an empty file, at whose end nobody else writes */
static bool can_be_sought(FILE *out)
{
	struct stat st;
	int fd = fileno(out), flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_APPEND) && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	       !ftello(out);
}

static int copy(FILE *out, FILE *from)
{
	char piece[65536];
	size_t size;

	errno = 0;
	if (fseeko(from, 0, SEEK_SET) < 0)
		return -errno;
	while ((size = fread(piece, 1, sizeof(piece), from)))
		if (fwrite(piece, 1, size, out) != size)
			return -(errno ?: EIO);
	return ferror(from) ? -EIO : 0;
}

static int sqlite_write(FILE *out, const char *path, const struct export_options *options,
			bool *missing, struct err *err)
{
	CLEANUP(fclose) FILE *beside = NULL;
	int r;

	if (can_be_sought(out))
		return write_database(out, path, options, missing, err);
	beside = tmpfile();
	if (!beside) {
		r = -errno;
		fail(err, r, "cannot make a temporary file: %s", strerror(-r));
		return hint(err, "name a file with -o");
	}
	r = write_database(beside, path, options, missing, err);
	if (r < 0)
		return r;
	r = copy(out, beside);
	return r < 0 ? fail(err, r, "cannot write the database: %s", strerror(-r)) : 0;
}

static void sqlite_schema(FILE *out)
{
	sql_print_schema(out, NULL);
}

const struct exporter sqlite_exporter = {
	.name = "sqlite",
	.summary = "a database with the tables of tracer sql",
	.suffix = "db",
	.other_suffix = "sqlite",
	.binary = true,
	.write = sqlite_write,
	.schema = sqlite_schema,
};
