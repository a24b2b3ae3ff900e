// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* rows - all rows of all tables of a trace, in two readings */
#include "user/export/rows.h"

#include <string.h>

#define ALL_COLUMNS UINT64_MAX

struct rows {
	const struct rows_sink *sink;
	struct tables tables;
	struct filler filler;
	struct value values[COLUMNS_MAX];
};

static int tell(struct rows *rows, const struct table_spec *table, const void *row)
{
	table_fill(&rows->filler, table, row, rows->values, ALL_COLUMNS);
	return rows->sink->row(rows->sink->ctx, table, rows->values);
}

static int on_row(void *ctx, const struct table_spec *table, const void *row, size_t bytes)
{
	return tell(ctx, table, row);
}

static int tell_list(struct rows *rows, const struct table_spec *table)
{
	u32 majors = table->majors(&rows->tables);
	int r = 0;

	for (struct table_place at = { 0 }; at.major < majors && !r; at.major++) {
		u32 minors = table->minors ? table->minors(&rows->tables, at.major) : 1;

		for (at.minor = 0; at.minor < minors && !r; at.minor++)
			r = tell(rows, table, &at);
	}
	return r;
}

static int tell_lists(struct rows *rows, struct err *err)
{
	int r = tables_learn(&rows->tables, err);

	if (r < 0)
		return r;
	for (const struct table_spec *const *t = tables_list; *t && !r; t++)
		if ((*t)->source == TABLE_LIST)
			r = tell_list(rows, *t);
	return r < 0 ? fail(err, r, "cannot export what is known of '%s': %s",
			    rows->tables.export.path, strerror(-r))
		     : 0;
}

int rows_events(struct tables *tables, struct row_maker *maker, struct err *err)
{
	struct export *export = &tables->export;
	int r = export_timeline(&export->timeline, export, err);

	if (r < 0)
		return r;
	maker->filler->timeline = export->timeline;
	r = row_maker_attach(maker, export->timeline);
	if (r < 0)
		return fail(err, r, "cannot prepare the export: %s", strerror(-r));
	return export_read(export, err);
}

static int tell_events(struct rows *rows, struct err *err)
{
	struct row_maker maker = {
		.ctx = rows,
		.filler = &rows->filler,
		.whats = true,
		.row = on_row,
	};

	return rows_events(&rows->tables, &maker, err);
}

int rows_read(const struct rows_sink *sink, const char *path, const struct export_options *options,
	      bool *missing, struct err *err)
{
	struct rows rows = { .sink = sink };
	int r = tables_open(&rows.tables, path, options, err);

	rows.filler.tables = &rows.tables;
	if (r >= 0)
		r = tell_lists(&rows, err);
	if (r >= 0)
		r = tell_events(&rows, err);
	if (r >= 0)
		*missing = export_is_lower_bound(&rows.tables.export);
	filler_free(&rows.filler);
	tables_close(&rows.tables);
	return r;
}
