// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* export_rows - databases and lines of JSON hold what SQL finds in the trace, column by column */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/export/sql.h"

#include "tests/unit/helpers_events.h"
#include "tests/unit/unit.h"

static const struct export_options whole;

static void writes_random(const char *path, u64 seed)
{
	__attribute__((cleanup(event_list_free_at_end))) struct event_list list = { 0 };
	struct random random = { seed };

	list_random(&list, &random, 3000, 4, BEGIN_NS);
	write_trace(path, &list, 300, BEGIN_NS);
}

/* Exports to a file. Return: whether something is missing. */
static bool exports(const char *format, const char *path, const char *to,
		    const struct export_options *options)
{
	FILE *out = fopen(to, "w");
	bool missing = false;

	assert_non_null(out);
	assert_int_equal(exporter_find(format)->write(out, path, options, &missing, NULL), 0);
	assert_int_equal(fclose(out), 0);
	return missing;
}

static char *answer(sqlite3 *db, const char *query)
{
	sqlite3_stmt *statement;
	char *text;

	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	text = strdup((const char *)sqlite3_column_text(statement, 0) ?: "");
	sqlite3_finalize(statement);
	return text;
}

/* Every column of every table: how many values, their sum, the least and the highest */
static void assert_same(sqlite3 *a, sqlite3 *b)
{
	for (const struct table_spec *const *t = tables_list; *t; t++)
		for (u32 i = 0; i < (*t)->column_count; i++) {
			const char *name = (*t)->columns[i].name;
			CLEANUP(free) char *one = NULL, *other = NULL;
			char query[512];

			snprintf(
				query, sizeof(query),
				"select count(*) || ' ' || count(%s) || ' ' || total(%s) || ' ' || "
				"ifnull(min(%s), '-') || ' ' || ifnull(max(%s), '-') from %s",
				name, name, name, name, (*t)->name);
			one = answer(a, query);
			other = answer(b, query);
			assert_string_equal(one, other);
		}
}

static void a_database_is_what_sql_finds(void **state)
{
	for (u64 seed = 1; seed <= 8; seed++) {
		struct export_options options = { .filter = {
							  .from_ns = seed % 2 ? 1000000 : 0,
							  .to_ns = seed % 3 ? 0 : 2 * SECOND,
						  } };
		struct tables tables = { 0 };
		struct sql *sql;
		sqlite3 *db;

		writes_random("random.trace", seed);
		exports("sqlite", "random.trace", "random.db", &options);
		assert_int_equal(tables_open(&tables, "random.trace", &options, NULL), 0);
		assert_int_equal(sql_open(&sql, &tables, false, NULL), 0);
		assert_int_equal(sqlite3_open("random.db", &db), SQLITE_OK);
		assert_same(sql_database(sql), db);
		sqlite3_close(db);
		sql_close(sql);
		tables_close(&tables);
		sqlite3_hard_heap_limit64(0);
	}
}

static void a_database_is_whole(void **state)
{
	CLEANUP(free) char *text = NULL;
	sqlite3 *db;

	writes_random("random.trace", 5);
	exports("sqlite", "random.trace", "random.db", &whole);
	assert_int_equal(sqlite3_open("random.db", &db), SQLITE_OK);
	text = answer(db, "pragma integrity_check");
	assert_string_equal(text, "ok");
	for (const struct view_spec *v = table_views; v->name; v++) {
		char query[64];

		snprintf(query, sizeof(query), "select * from %s", v->name);
		assert_int_equal(sqlite3_exec(db, query, NULL, NULL, NULL), SQLITE_OK);
	}
	sqlite3_close(db);
}

/* How many lines begin so */
static size_t lines(const char *path, const char *begin)
{
	char line[65536];
	FILE *file = fopen(path, "r");
	size_t count = 0;

	while (fgets(line, sizeof(line), file)) {
		size_t length = strlen(line);

		assert_true(length > 12 && !strcmp(line + length - 2, "}\n"));
		count += !strncmp(line, begin, strlen(begin));
	}
	fclose(file);
	return count;
}

/* SQLite has a parser of its own for each line. */
static void assert_lines_are_json(const char *path)
{
	sqlite3_stmt *statement;
	char line[65536];
	FILE *file = fopen(path, "r");
	sqlite3 *db;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "select json_valid(?)", -1, &statement, NULL),
			 SQLITE_OK);
	while (fgets(line, sizeof(line), file)) {
		sqlite3_bind_text(statement, 1, line, -1, SQLITE_STATIC);
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		if (!sqlite3_column_int(statement, 0))
			print_error("no JSON: %s", line);
		assert_true(sqlite3_column_int(statement, 0));
		sqlite3_reset(statement);
	}
	sqlite3_finalize(statement);
	sqlite3_close(db);
	fclose(file);
}

static void lines_are_the_rows_of_sql(void **state)
{
	struct tables tables = { 0 };
	struct sql *sql;

	writes_random("random.trace", 11);
	exports("ndjson", "random.trace", "random.ndjson", &whole);
	assert_lines_are_json("random.ndjson");
	assert_int_equal(tables_open(&tables, "random.trace", &whole, NULL), 0);
	assert_int_equal(sql_open(&sql, &tables, true, NULL), 0);
	for (const struct table_spec *const *t = tables_list; *t; t++) {
		CLEANUP(free) char *count = NULL;
		char text[128];

		snprintf(text, sizeof(text), "select count(*) from %s", (*t)->name);
		count = answer(sql_database(sql), text);
		snprintf(text, sizeof(text), "{\"table\":\"%s\",", (*t)->name);
		assert_int_equal(lines("random.ndjson", text), atoi(count));
	}
	assert_int_equal(lines("random.ndjson", "{\"table\":\"recording\""), 1);
	sql_close(sql);
	tables_close(&tables);
}

/* A whole file as a text that a query can be asked about as ?1. Return: what it answers first */
static s64 asks_json(const char *path, const char *query)
{
	sqlite3_stmt *statement;
	size_t size;
	u8 *text = load_file(path, &size);
	sqlite3 *db;
	s64 number;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
	sqlite3_bind_text(statement, 1, (const char *)text, (int)size, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	free(text);
	return number;
}

#define EVENTS(what, where)                                                           \
	"select " what " from (select value ->> 'ph' as ph, value ->> 'cat' as cat, " \
	"cast(round((value ->> 'dur') * 1000) as int) as ns, value from "             \
	"json_each(?1, '$.traceEvents')) where " where

static void trace_events_have_the_sums_of_sql(void **state)
{
	for (u64 seed = 1; seed <= 6; seed++) {
		struct tables tables = { 0 };
		struct sql *sql;
		CLEANUP(free) char *ran = NULL, *blocked = NULL, *calls = NULL, *woken = NULL;
		sqlite3 *db;

		writes_random("random.trace", seed);
		exports("chrome", "random.trace", "random.json", &whole);
		assert_int_equal(asks_json("random.json", "select json_valid(?1)"), 1);
		assert_int_equal(tables_open(&tables, "random.trace", &whole, NULL), 0);
		assert_int_equal(sql_open(&sql, &tables, true, NULL), 0);
		db = sql_database(sql);
		ran = answer(db, "select ifnull(sum(ns), 0) from states where state = 'running'");
		blocked = answer(db, "select count(*) from waits");
		calls = answer(db, "select ifnull(sum(ns), 0) from syscalls");
		woken = answer(db, "select count(*) from wakeups join threads on waker_thread_id = "
				   "threads.thread_id where recorded");
		assert_int_equal(asks_json("random.json", EVENTS("sum(ns)", "cat = 'running'")),
				 atoll(ran));
		assert_int_equal(asks_json("random.json", EVENTS("count(*)", "cat = 'blocked'")),
				 atoll(blocked));
		assert_int_equal(asks_json("random.json", EVENTS("sum(ns)", "cat = 'syscall'")),
				 atoll(calls));
		assert_int_equal(asks_json("random.json", EVENTS("count(*)", "ph = 's'")),
				 atoll(woken));
		assert_int_equal(asks_json("random.json", EVENTS("count(*)", "ph = 'f'")),
				 atoll(woken));
		/* each frame that is referred to is there, and so is its caller */
		assert_int_equal(
			asks_json("random.json",
				  "select count(*) from json_each(?1, '$.traceEvents') e "
				  "where e.value ->> 'sf' not in (select cast(key as int) from "
				  "json_each(?1, '$.stackFrames'))"),
			0);
		assert_int_equal(
			asks_json("random.json",
				  "select count(*) from json_each(?1, '$.stackFrames') f "
				  "where f.value ->> 'parent' not in (select cast(key as int) from "
				  "json_each(?1, '$.stackFrames'))"),
			0);
		sql_close(sql);
		tables_close(&tables);
	}
}

static void a_damaged_trace_says_so_in_its_exports(void **state)
{
	size_t size;
	u8 *bytes;

	writes_random("whole.trace", 3);
	bytes = load_file("whole.trace", &size);
	memset(bytes + size / 2, 0x55, 64);
	store_file("bad.trace", bytes, size);
	free(bytes);
	assert_true(exports("ndjson", "bad.trace", "bad.ndjson", &whole));
	assert_true(exports("sqlite", "bad.trace", "bad.db", &whole));
	assert_true(exports("chrome", "bad.trace", "bad.json", &whole));
	assert_int_equal(asks_json("bad.json", "select ?1 ->> '$.otherData.damaged'"), 1);
	assert_true(asks_json("bad.json", EVENTS("count(*)", "cat = 'loss'")) > 0);
	assert_lines_are_json("bad.ndjson");
	bytes = load_file("bad.ndjson", &size);
	assert_non_null(memmem(bytes, 4096, "\"damaged\":1", 11));
	free(bytes);
}

static void what_cannot_be_written_is_told(void **state)
{
	static const char *const formats[] = { "ndjson", "sqlite", "chrome" };

	writes_random("random.trace", 4);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		FILE *full = fopen("/dev/full", "w");
		struct err err = { 0 };
		bool missing;
		int r = exporter_find(formats[i])
				->write(full, "random.trace", &whole, &missing, &err);

		/* Small things are seen to fail when they are closed. */
		assert_true(r == -ENOSPC || fclose(full));
		if (r)
			fclose(full);
	}
	assert_int_not_equal(access("no.trace", F_OK), 0);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		FILE *out = tmpfile();
		bool missing;

		assert_int_equal(
			exporter_find(formats[i])->write(out, "no.trace", &whole, &missing, NULL),
			-ENOENT);
		fclose(out);
	}
}

int main(void)
{
#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)
	const struct CMUnitTest tests[] = {
		IN_A_DIRECTORY(a_database_is_what_sql_finds),
		IN_A_DIRECTORY(a_database_is_whole),
		IN_A_DIRECTORY(lines_are_the_rows_of_sql),
		IN_A_DIRECTORY(trace_events_have_the_sums_of_sql),
		IN_A_DIRECTORY(a_damaged_trace_says_so_in_its_exports),
		IN_A_DIRECTORY(what_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
