// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sql - a trace as a database of SQLite: each table a virtual one, whose rows are scanned */
#include "user/export/sql.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "user/export/scan.h"
#include "user/export/sql_functions.h"

struct sql {
	sqlite3 *db;
	struct tables *tables;
	struct err err; /* of the last reading that failed */
};

/* A virtual table, and a reading of it: SQLite knows the first field of each. */
struct sql_table {
	sqlite3_vtab base;
	struct sql *sql;
	const struct table_spec *spec;
};

struct sql_cursor {
	sqlite3_vtab_cursor base;
	struct scan *scan;
	char *texts[SCAN_MATCHES_MAX];
	sqlite3_int64 row;
	bool over;
};

static int out_of(struct sql_table *table, int r)
{
	const struct err *err = &table->sql->err;

	if (r == -EINTR)
		return SQLITE_INTERRUPT;
	if (r == -ENOMEM)
		return SQLITE_NOMEM;
	sqlite3_free(table->base.zErrMsg);
	table->base.zErrMsg = sqlite3_mprintf("%s", err->text);
	return SQLITE_ERROR;
}

static int on_connect(sqlite3 *db, void *data, int argc, const char *const *argv,
		      sqlite3_vtab **out, char **error)
{
	const struct table_spec *spec = table_find(argv[2]);
	struct sql_table *table = calloc(1, sizeof(*table));
	char *declared = spec ? sql_create_table(spec, false) : NULL;
	int r = declared && table ? sqlite3_declare_vtab(db, declared) : SQLITE_NOMEM;

	free(declared);
	if (r != SQLITE_OK) {
		free(table);
		return r;
	}
	table->sql = data;
	table->spec = spec;
	*out = &table->base;
	return SQLITE_OK;
}

static int on_disconnect(sqlite3_vtab *base)
{
	free(base);
	return SQLITE_OK;
}

/* How dear it is: a table with a key is asked by that; a trace is read from its begin to its end. */
static void set_cost(sqlite3_index_info *info, const struct table_spec *spec, bool by_key,
		     int matches)
{
	if (spec->source == TABLE_LIST) {
		info->estimatedRows = by_key ? (spec->minors ? 30 : 1) : 10000;
		info->estimatedCost = by_key ? 1 : 10000;
		if (by_key && !spec->minors)
			info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
	} else {
		info->estimatedRows = matches ? 1000000 : 10000000;
		info->estimatedCost = matches ? 5e8 : 1e9;
	}
}

/* The plan as a text: the columns that are wanted, then those that are matched */
static int on_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	const struct table_spec *spec = ((struct sql_table *)base)->spec;
	int matches = 0;
	bool by_key = false;
	char plan[64];
	int used = snprintf(plan, sizeof(plan), "%" PRIx64, (u64)info->colUsed);

	for (int i = 0; i < info->nConstraint && matches < SCAN_MATCHES_MAX; i++) {
		const struct sqlite3_index_constraint *c = &info->aConstraint[i];

		if (!c->usable || c->op != SQLITE_INDEX_CONSTRAINT_EQ || c->iColumn < 0 ||
		    spec->columns[c->iColumn].type == COLUMN_NUMBER ||
		    strcmp(sqlite3_vtab_collation(info, i), "BINARY"))
			continue;
		info->aConstraintUsage[i].argvIndex = ++matches;
		by_key |= spec->keyed && !c->iColumn;
		used += snprintf(plan + used, sizeof(plan) - (size_t)used, " %d", c->iColumn);
	}
	set_cost(info, spec, by_key, matches);
	info->idxStr = sqlite3_mprintf("%s", plan);
	info->needToFreeIdxStr = 1;
	return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

static int on_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct sql_cursor *cursor = calloc(1, sizeof(*cursor));

	if (!cursor)
		return SQLITE_NOMEM;
	*out = &cursor->base;
	return SQLITE_OK;
}

static void end_scan(struct sql_cursor *cursor)
{
	scan_close(take(cursor->scan));
	for (int i = 0; i < SCAN_MATCHES_MAX; i++)
		free(take(cursor->texts[i]));
}

static int on_close(sqlite3_vtab_cursor *base)
{
	end_scan((struct sql_cursor *)base);
	free(base);
	return SQLITE_OK;
}

static int on_next(sqlite3_vtab_cursor *base)
{
	struct sql_cursor *cursor = (struct sql_cursor *)base;
	struct sql_table *table = (struct sql_table *)base->pVtab;
	int r = scan_next(cursor->scan, &table->sql->err);

	cursor->over = r <= 0;
	cursor->row++;
	return r < 0 ? out_of(table, r) : SQLITE_OK;
}

/*
 * Sets @match to what @value can be equal to. SQLite compares again, so what is not certain is left
 * out. Return: false when it is.
 */
static bool set_match(struct scan_match *match, char **text, sqlite3_value *value)
{
	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER: match->value = value_integer(sqlite3_value_int64(value)); return true;
	case SQLITE_TEXT:
		*text = strdup((const char *)sqlite3_value_text(value) ?: "");
		match->value = value_text(*text);
		return *text && strlen(*text) == (size_t)sqlite3_value_bytes(value);
	default: return false;
	}
}

static int on_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc,
		     sqlite3_value **argv)
{
	struct sql_cursor *cursor = (struct sql_cursor *)base;
	struct sql_table *table = (struct sql_table *)base->pVtab;
	struct scan_match matches[SCAN_MATCHES_MAX];
	struct scan_options options = { .matches = matches };
	char *at;
	int r;

	end_scan(cursor);
	options.wanted = strtoull(plan, &at, 16) & (COLUMN_BIT(table->spec->column_count) - 1);
	for (int i = 0; i < argc && i < SCAN_MATCHES_MAX; i++) {
		struct scan_match *match = &matches[options.match_count];
		u8 type;

		match->column = (u32)strtoul(at, &at, 10);
		type = table->spec->columns[match->column].type == COLUMN_TEXT ? VALUE_TEXT
									       : VALUE_INTEGER;
		if (set_match(match, &cursor->texts[i], argv[i]) && match->value.type == type)
			options.match_count++;
	}
	cursor->row = 0;
	r = scan_open(&cursor->scan, table->sql->tables, table->spec, &options, &table->sql->err);
	return r < 0 ? out_of(table, r) : on_next(base);
}

static int is_over(sqlite3_vtab_cursor *base)
{
	return ((struct sql_cursor *)base)->over;
}

static int on_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	const struct value *value = &scan_values(((struct sql_cursor *)base)->scan)[column];

	switch (value->type) {
	case VALUE_INTEGER: sqlite3_result_int64(context, value->integer); break;
	case VALUE_REAL: sqlite3_result_double(context, value->real); break;
	case VALUE_TEXT: sqlite3_result_text(context, value->text, -1, SQLITE_TRANSIENT); break;
	default: sqlite3_result_null(context);
	}
	return SQLITE_OK;
}

static int on_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *row)
{
	*row = ((struct sql_cursor *)base)->row;
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.xCreate = on_connect,
	.xConnect = on_connect,
	.xBestIndex = on_best_index,
	.xDisconnect = on_disconnect,
	.xDestroy = on_disconnect,
	.xOpen = on_open,
	.xClose = on_close,
	.xFilter = on_filter,
	.xNext = on_next,
	.xEof = is_over,
	.xColumn = on_column,
	.xRowid = on_rowid,
};

/* Reading, and what only reads */
static int authorize(void *data, int action, const char *first, const char *second,
		     const char *database, const char *inside)
{
	static const char *const harmless[] = { "table_info", "table_xinfo", "table_list" };

	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE: return SQLITE_OK;
	case SQLITE_FUNCTION:
		return !sqlite3_stricmp(second, "load_extension") ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_PRAGMA:
		for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
			if (!sqlite3_stricmp(first, harmless[i]))
				return SQLITE_OK;
		return SQLITE_DENY;
	default: return SQLITE_DENY;
	}
}

static void set_limits(sqlite3 *db)
{
	static const struct {
		int what, most;
	} limits[] = {
		{ SQLITE_LIMIT_LENGTH, 64 << 20 },     { SQLITE_LIMIT_SQL_LENGTH, 1 << 20 },
		{ SQLITE_LIMIT_ATTACHED, 0 },          { SQLITE_LIMIT_TRIGGER_DEPTH, 1 },
		{ SQLITE_LIMIT_WORKER_THREADS, 0 },    { SQLITE_LIMIT_EXPR_DEPTH, 500 },
		{ SQLITE_LIMIT_COMPOUND_SELECT, 200 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		sqlite3_limit(db, limits[i].what, limits[i].most);
	sqlite3_hard_heap_limit64(SQL_MEMORY_MAX);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_set_authorizer(db, authorize, NULL);
}

static int make_tables(struct sql *sql)
{
	char text[2048];
	int r = sqlite3_create_module(sql->db, "trace", &module, sql);

	if (r == SQLITE_OK)
		r = sql_add_functions(sql->db);

	for (const struct table_spec *const *t = tables_list; *t && r == SQLITE_OK; t++) {
		snprintf(text, sizeof(text), "CREATE VIRTUAL TABLE %s USING trace", (*t)->name);
		r = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
	}
	for (const struct view_spec *v = table_views; v->name && r == SQLITE_OK; v++) {
		snprintf(text, sizeof(text), "CREATE VIEW %s AS %s", v->name, v->query);
		r = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
	}
	/* SQLite's own tables are made when they are first asked, which will be forbidden. */
	if (r == SQLITE_OK)
		r = sqlite3_exec(sql->db,
				 "SELECT 1 FROM pragma_table_info('states'); "
				 "SELECT 1 FROM pragma_table_list; "
				 "SELECT 1 FROM json_each('[]'); SELECT 1 FROM json_tree('[]')",
				 NULL, NULL, NULL);
	return r;
}

int sql_open(struct sql **out, struct tables *tables, bool trusted, struct err *err)
{
	CLEANUP(sql_close) struct sql *sql = calloc(1, sizeof(*sql));
	int r;

	if (!sql)
		return fail(err, -ENOMEM, "no memory for a database");
	sql->tables = tables;
	r = sqlite3_open_v2(":memory:", &sql->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_PRIVATECACHE,
			    NULL);
	if (r == SQLITE_OK)
		r = make_tables(sql);
	if (r != SQLITE_OK)
		return fail(err, r == SQLITE_NOMEM ? -ENOMEM : -EIO, "cannot prepare SQL: %s",
			    sql->db ? sqlite3_errmsg(sql->db) : sqlite3_errstr(r));
	if (!trusted)
		set_limits(sql->db);
	*out = take(sql);
	return 0;
}

void sql_close(struct sql *sql)
{
	if (!sql)
		return;
	sqlite3_close(sql->db);
	free(sql);
}

struct sqlite3 *sql_database(const struct sql *sql)
{
	return sql->db;
}

int sql_failed(const struct sql *sql, struct err *err)
{
	int code = sqlite3_errcode(sql->db);

	if (code == SQLITE_INTERRUPT)
		return fail(err, -EINTR, "interrupted");
	if (code == SQLITE_NOMEM) {
		fail(err, -ENOMEM, "the query needs more than %lld MiB", SQL_MEMORY_MAX >> 20);
		return hint(err, "let it return less, or use a database: tracer export sqlite");
	}
	if (code == SQLITE_AUTH) {
		fail(err, -EINVAL, "a trace can only be read: %s", sqlite3_errmsg(sql->db));
		return hint(err,
			    "tracer export sqlite FILE -o OUT.db makes a database of your own");
	}
	return fail(err, -EINVAL, "SQL: %s", sqlite3_errmsg(sql->db));
}
