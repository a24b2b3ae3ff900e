// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* export_dbfile - SQLite reads back what was written without it, row by row */
#include "user/export/dbfile.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/helpers_events.h"
#include "tests/unit/unit.h"

#define COLUMNS 5
#define LONGEST 30000

/* Rows that are the same for the same seed and number */
static void make_row(struct value *values, u64 seed, u64 row, char *text)
{
	struct random random = { seed * 1000003 + row };

	for (u32 i = 0; i < COLUMNS; i++) {
		u32 length = random_below(&random, 40);

		switch (random_below(&random, 5)) {
		case 0: values[i] = (struct value){ 0 }; break;
		case 1: values[i] = value_integer((s64)random_any(&random)); break;
		case 2: values[i] = value_integer((s64)random_below(&random, 300) - 150); break;
		case 3:
			values[i] = (struct value){ .type = VALUE_REAL };
			values[i].real = (double)random_u64(&random) / 3;
			break;
		default:
			/* One in many is longer than a page. */
			if (i == 2 && !random_below(&random, 20))
				length = random_below(&random, LONGEST);
			memset(text, 'a' + (int)(row % 26), length);
			text[length] = 0;
			values[i] = i == 2 ? value_text(text) : value_text("some text");
		}
	}
}

static void assert_is(sqlite3_stmt *statement, int column, const struct value *value)
{
	switch (value->type) {
	case VALUE_NULL:
		assert_int_equal(sqlite3_column_type(statement, column), SQLITE_NULL);
		break;
	case VALUE_INTEGER:
		assert_int_equal(sqlite3_column_type(statement, column), SQLITE_INTEGER);
		assert_int_equal(sqlite3_column_int64(statement, column), value->integer);
		break;
	case VALUE_REAL:
		assert_int_equal(sqlite3_column_type(statement, column), SQLITE_FLOAT);
		assert_true(sqlite3_column_double(statement, column) == value->real);
		break;
	default:
		assert_string_equal((const char *)sqlite3_column_text(statement, column),
				    value->text);
	}
}

static void reads_back(sqlite3 *db, const char *name, u64 seed, u64 rows)
{
	static char text[LONGEST + 1];
	struct value values[COLUMNS];
	sqlite3_stmt *statement;
	char query[64];

	snprintf(query, sizeof(query), "select rowid, * from %s", name);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
	for (u64 row = 1; row <= rows; row++) {
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int64(statement, 0), row);
		make_row(values, seed, row, text);
		for (int i = 0; i < COLUMNS; i++)
			assert_is(statement, i + 1, &values[i]);
	}
	assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
	sqlite3_finalize(statement);
	/* by its rowid: the pages above the leaves */
	snprintf(query, sizeof(query), "select count(*) from %s where rowid = ?", name);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
	for (u64 row = 0; row <= rows + 1; row += 1 + row / 50) {
		sqlite3_bind_int64(statement, 1, (s64)row);
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int64(statement, 0), row && row <= rows);
		sqlite3_reset(statement);
	}
	sqlite3_finalize(statement);
}

static void assert_whole(sqlite3 *db)
{
	sqlite3_stmt *statement;

	assert_int_equal(sqlite3_prepare_v2(db, "pragma integrity_check", -1, &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
	sqlite3_finalize(statement);
}

/* Three tables with rows mixed, of which the last one stays empty */
static void round_trip(u32 page_bytes, u64 rows)
{
	static char text[LONGEST + 1];
	struct value values[COLUMNS];
	struct dbfile *db;
	FILE *file = fopen("written.db", "w");
	sqlite3 *read;

	assert_int_equal(dbfile_new(&db, file, page_bytes, NULL), 0);
	assert_int_equal(dbfile_table(db, "a", "CREATE TABLE a(p,q,r,s,t)", false), 0);
	assert_int_equal(dbfile_table(db, "b", "CREATE TABLE b(p,q,r,s,t)", false), 0);
	assert_int_equal(dbfile_table(db, "c", "CREATE TABLE c(p)", false), 0);
	assert_int_equal(dbfile_view(db, "v", "CREATE VIEW v AS SELECT p FROM a"), 0);
	for (u64 row = 1; row <= rows; row++) {
		make_row(values, 1, row, text);
		assert_int_equal(dbfile_add(db, 0, values, COLUMNS), 0);
		if (row > rows / 3)
			continue;
		make_row(values, 2, row, text);
		assert_int_equal(dbfile_add(db, 1, values, COLUMNS), 0);
	}
	assert_int_equal(dbfile_finish(db), 0);
	dbfile_free(db);
	fclose(file);
	assert_int_equal(sqlite3_open("written.db", &read), SQLITE_OK);
	assert_whole(read);
	reads_back(read, "a", 1, rows);
	reads_back(read, "b", 2, rows / 3);
	reads_back(read, "c", 0, 0);
	assert_int_equal(sqlite3_exec(read, "select * from v", NULL, NULL, NULL), SQLITE_OK);
	/* It can be written like any other. */
	assert_int_equal(sqlite3_exec(read,
				      "insert into a values (1, 2, 3, 4, 5);"
				      "create index i on a(p); delete from b; vacuum",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_whole(read);
	sqlite3_close(read);
}

static void rows_come_back_from_pages_of_every_size(void **state)
{
	round_trip(512, 4000);
	round_trip(1024, 3000);
	round_trip(4096, 3000);
	round_trip(65536, 3000);
}

/* The end of each page, of each level: one row more every time */
static void any_number_of_rows_makes_a_tree(void **state)
{
	for (u64 rows = 0; rows < 300; rows++)
		round_trip(512, rows);
}

static void what_is_too_much_for_a_page_is_refused(void **state)
{
	char sql[600] = "CREATE TABLE long(";
	FILE *file = fopen("long.db", "w");
	struct dbfile *db;

	memset(sql + strlen(sql), 'x', 500);
	strcpy(sql + 560, ")");
	assert_int_equal(dbfile_new(&db, file, 512, NULL), 0);
	assert_int_equal(dbfile_table(db, "long", sql, false), 0);
	assert_int_equal(dbfile_finish(db), -E2BIG);
	dbfile_free(db);
	fclose(file);
}

static void a_full_disk_is_told(void **state)
{
	const struct value values[] = { value_text("x"), value_integer(1) };
	FILE *file = fopen("/dev/full", "w");
	struct dbfile *db;
	int r = 0;

	assert_int_equal(dbfile_new(&db, file, 512, NULL), 0);
	assert_int_equal(dbfile_table(db, "a", "CREATE TABLE a(p,q)", false), 0);
	for (int i = 0; i < 10000 && !r; i++)
		r = dbfile_add(db, 0, values, 2);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(dbfile_finish(db), -ENOSPC);
	dbfile_free(db);
	fclose(file);
}

int main(void)
{
#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)
	const struct CMUnitTest tests[] = {
		IN_A_DIRECTORY(rows_come_back_from_pages_of_every_size),
		IN_A_DIRECTORY(any_number_of_rows_makes_a_tree),
		IN_A_DIRECTORY(what_is_too_much_for_a_page_is_refused),
		IN_A_DIRECTORY(a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
