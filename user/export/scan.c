// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* scan - the rows of one table: events are read until there are rows, and kept until they are asked for */
#include "user/export/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX  (1u << 30)
#define BATCH     512  /* rows that are made before they are asked for */
#define READ_MOST 4096 /* events, until somebody may say stop */

struct scan {
	struct tables *tables;
	const struct table_spec *table;
	u64 wanted;
	struct scan_match matches[SCAN_MATCHES_MAX];
	u32 match_count;
	u64 match_wanted;
	struct trace_reader *reader; /* NULL: a list */
	struct timeline *timeline;
	struct filler filler;
	struct row_maker maker;
	bool finished; /* nothing more to read */
	u8 *rows;
	u32 count;
	u32 room;
	u32 at; /* the next one */
	struct table_place place;
	u32 major_end;
	u32 minor_count; /* of place.major */
	bool filled;
	struct value values[COLUMNS_MAX];
};

static bool is_equal(const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == VALUE_TEXT)
		return !strcmp(a->text, b->text);
	return a->type == VALUE_INTEGER && a->integer == b->integer;
}

static bool matches(struct scan *scan, const void *row)
{
	struct value values[COLUMNS_MAX];

	if (!scan->match_count)
		return true;
	table_fill(&scan->filler, scan->table, row, values, scan->match_wanted);
	for (u32 i = 0; i < scan->match_count; i++)
		if (!is_equal(&values[scan->matches[i].column], &scan->matches[i].value))
			return false;
	return true;
}

static int keep(void *ctx, const struct table_spec *table, const void *row, size_t bytes)
{
	struct scan *scan = ctx;
	u32 room = scan->room ? scan->room * 2 : BATCH * 2;
	u8 *rows;

	if (!matches(scan, row))
		return 0;
	if (!scan->wanted) {
		scan->count++;
		return 0;
	}
	if (scan->count == scan->room) {
		rows = room < ROWS_MAX ? realloc(scan->rows, room * bytes) : NULL;
		if (!rows)
			return -ENOMEM;
		scan->rows = rows;
		scan->room = room;
	}
	memcpy(scan->rows + scan->count++ * bytes, row, bytes);
	return 0;
}

static int open_source(struct scan *scan, struct err *err)
{
	const struct export *export = &scan->tables->export;
	int r = trace_reader_open(&scan->reader, export->path, err);

	if (r >= 0)
		r = export_timeline(&scan->timeline, export, err);
	if (r < 0)
		return r;
	scan->maker = (struct row_maker){
		.ctx = scan,
		.filler = &scan->filler,
		.only = scan->table,
		.whats = (scan->wanted | scan->match_wanted) & scan->table->what_columns,
		.row = keep,
	};
	r = row_maker_attach(&scan->maker, scan->timeline);
	if (r < 0)
		return fail(err, r, "cannot prepare to read '%s': %s", export->path, strerror(-r));
	if ((scan->wanted | scan->match_wanted) & scan->table->stack_columns)
		timeline_expect_stacks(scan->timeline,
				       export->info->class_mask & 1u << CLASS_STACK);
	else
		timeline_ignore_stacks(scan->timeline);
	scan->filler.timeline = scan->timeline;
	return 0;
}

/* The thing with a number, when that is asked for; else all of them */
static void open_list(struct scan *scan)
{
	scan->major_end = scan->table->majors(scan->tables);
	for (u32 i = 0; i < scan->match_count; i++) {
		s64 number = scan->matches[i].value.integer;

		if (!scan->table->keyed || scan->matches[i].column ||
		    scan->matches[i].value.type != VALUE_INTEGER)
			continue;
		if (number < 1 || number > scan->major_end)
			number = scan->major_end = 0;
		else
			scan->major_end = (u32)number;
		scan->place.major = (u32)max(number - 1, (s64)0);
	}
}

static bool is_late(const struct scan *scan)
{
	u64 asked = scan->wanted | scan->match_wanted;

	if (scan->table->source == TABLE_LIST)
		return true;
	for (u32 i = 0; i < scan->table->column_count; i++)
		if (asked & COLUMN_BIT(i) && scan->table->columns[i].late)
			return true;
	return false;
}

int scan_open(struct scan **out, struct tables *tables, const struct table_spec *table,
	      const struct scan_options *options, struct err *err)
{
	CLEANUP(scan_close) struct scan *scan = calloc(1, sizeof(*scan));
	int r = 0;

	if (!scan)
		return fail(err, -ENOMEM, "no memory to read '%s'", tables->export.path);
	scan->tables = tables;
	scan->table = table;
	scan->wanted = options->wanted;
	scan->filler.tables = tables;
	scan->match_count = min(options->match_count, (u32)SCAN_MATCHES_MAX);
	for (u32 i = 0; i < scan->match_count; i++) {
		scan->matches[i] = options->matches[i];
		scan->match_wanted |= COLUMN_BIT(scan->matches[i].column);
	}
	if (is_late(scan))
		r = tables_learn(tables, err);
	if (r >= 0 && table->source == TABLE_LIST)
		open_list(scan);
	else if (r >= 0)
		r = open_source(scan, err);
	if (r < 0)
		return r;
	*out = take(scan);
	return 0;
}

/* What timeline_read() does, a few events at a time */
static int read_some(struct scan *scan, struct err *err)
{
	const struct export *export = &scan->tables->export;
	u64 to_ns = export->options->filter.to_ns ? export->end_ns : 0;
	const struct trace_event *event;
	int r = 1;

	for (u32 i = 0; i < READ_MOST && scan->count < BATCH; i++) {
		r = trace_reader_next(scan->reader, &event, err);
		if (r < 0)
			return r;
		if (!r || (to_ns && event->time_ns >= to_ns))
			break;
		r = timeline_event(scan->timeline, event);
		if (r < 0)
			return fail(err, r, "cannot follow the trace: %s", strerror(-r));
		r = 1;
	}
	if (r && !(to_ns && event->time_ns >= to_ns))
		return 0;
	scan->finished = true;
	r = timeline_finish(scan->timeline, export->end_ns);
	return r < 0 ? fail(err, r, "cannot follow the trace to its end: %s", strerror(-r)) : 0;
}

static bool is_stopped(const struct scan *scan)
{
	const volatile int *stop = scan->tables->export.options->stop;

	return stop && *stop;
}

static int next_row(struct scan *scan, struct err *err)
{
	int r;

	if (scan->at < scan->count) {
		scan->at++;
		return 1;
	}
	scan->at = scan->count = 0;
	while (!scan->count) {
		if (scan->finished)
			return 0;
		if (is_stopped(scan))
			return fail(err, -EINTR, "interrupted");
		r = read_some(scan, err);
		if (r < 0)
			return r;
	}
	scan->at = 1;
	return 1;
}

static bool next_place(struct scan *scan)
{
	const struct table_spec *table = scan->table;
	bool first = !scan->at;

	scan->at = 1;
	if (!first)
		scan->place.minor++;
	while (scan->place.major < scan->major_end) {
		if (first || !scan->place.minor)
			scan->minor_count =
				table->minors ? table->minors(scan->tables, scan->place.major) : 1;
		first = false;
		if (scan->place.minor < scan->minor_count)
			return true;
		scan->place.major++;
		scan->place.minor = 0;
	}
	return false;
}

int scan_next(struct scan *scan, struct err *err)
{
	scan->filled = false;
	if (scan->reader)
		return next_row(scan, err);
	do {
		if (is_stopped(scan))
			return fail(err, -EINTR, "interrupted");
		if (!next_place(scan))
			return 0;
	} while (!matches(scan, &scan->place));
	return 1;
}

const struct value *scan_values(struct scan *scan)
{
	const void *row = &scan->place;

	if (scan->reader)
		row = scan->rows + (scan->at - 1) * row_bytes(scan->table->source);
	if (!scan->filled && scan->wanted)
		table_fill(&scan->filler, scan->table, row, scan->values, scan->wanted);
	scan->filled = true;
	return scan->values;
}

void scan_close(struct scan *scan)
{
	const struct trace_damage *damage;

	if (!scan)
		return;
	damage = scan->reader ? trace_reader_damage(scan->reader) : NULL;
	if (damage && (damage->bad_chunks || damage->bad_bytes || damage->cut_bytes))
		scan->tables->damaged = true;
	filler_free(&scan->filler);
	timeline_free(scan->timeline);
	trace_reader_close(scan->reader);
	free(scan->rows);
	free(scan);
}
