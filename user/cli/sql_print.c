// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sql_print - the rows of a query: as a table, as CSV, as JSON */
#include "user/cli/sql_print.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/json.h"
#include "user/base/text.h"

#define ROWS_MEASURED 500
#define CELL_SHOWN    160 /* bytes of a text in a table */

struct printer {
	FILE *out;
	enum sql_mode mode;
	sqlite3_stmt *statement;
	int columns;
	struct json json;
	char **cells; /* the first rows, until widths are known; NULL: they are */
	bool *right;
	size_t *widths;
	u32 rows;
	bool measured;
	bool terminal;
};

static int print_csv_text(FILE *out, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")])
		return fputs(text, out);
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	return fputc('"', out);
}

static void print_csv_row(struct printer *p)
{
	char shown[CELL_SHOWN];

	for (int i = 0; i < p->columns; i++) {
		const char *text = (const char *)sqlite3_column_text(p->statement, i);

		/* A program gets what there is; a terminal no escapes that somebody has logged. */
		if (text && p->terminal && text_printable(shown, sizeof(shown), text))
			text = shown;

		fputs(i ? "," : "", p->out);
		if (text)
			print_csv_text(p->out, text);
	}
	fputs("\r\n", p->out);
}

static void print_csv_head(struct printer *p)
{
	for (int i = 0; i < p->columns; i++) {
		fputs(i ? "," : "", p->out);
		print_csv_text(p->out, sqlite3_column_name(p->statement, i) ?: "");
	}
	fputs("\r\n", p->out);
}

/* As many digits as bring the same number back */
static void print_real(struct printer *p, int column)
{
	double real = sqlite3_column_double(p->statement, column);
	char text[40];

	if (!(real - real == 0)) {
		json_null(&p->json); /* infinite, or no number */
		return;
	}
	snprintf(text, sizeof(text), "%.15g", real);
	if (strtod(text, NULL) != real)
		snprintf(text, sizeof(text), "%.17g", real);
	json_number(&p->json, text);
}

static void print_json_row(struct printer *p)
{
	json_object(&p->json);
	for (int i = 0; i < p->columns; i++) {
		json_key(&p->json, sqlite3_column_name(p->statement, i) ?: "");
		switch (sqlite3_column_type(p->statement, i)) {
		case SQLITE_NULL: json_null(&p->json); break;
		case SQLITE_INTEGER:
			json_s64(&p->json, sqlite3_column_int64(p->statement, i));
			break;
		case SQLITE_FLOAT: print_real(p, i); break;
		default:
			json_text_bytes(&p->json,
					(const char *)sqlite3_column_text(p->statement, i) ?: "",
					(size_t)sqlite3_column_bytes(p->statement, i));
		}
	}
	json_object_end(&p->json);
}

static void print_cell(struct printer *p, int column, const char *text)
{
	size_t shown = text_columns(text), width = p->widths[column];
	int blanks = (int)(width > shown ? width - shown : 0);
	bool last = column + 1 == p->columns;

	if (p->right[column])
		fprintf(p->out, "%*s%s", blanks, "", text);
	else
		fprintf(p->out, "%s%*s", text, last ? 0 : blanks, "");
	fputs(last ? "\n" : "  ", p->out);
}

static void measure(struct printer *p, int column, const char *text)
{
	p->widths[column] = max(p->widths[column], text_columns(text));
}

static void print_measured(struct printer *p)
{
	p->measured = true;
	for (int i = 0; i < p->columns; i++)
		print_cell(p, i, sqlite3_column_name(p->statement, i) ?: "");
	for (u32 row = 0; row < p->rows; row++)
		for (int i = 0; i < p->columns; i++)
			print_cell(p, i, p->cells[row * (u32)p->columns + (u32)i]);
}

static int add_row(struct printer *p)
{
	char text[CELL_SHOWN];

	if (p->rows == ROWS_MEASURED && !p->measured)
		print_measured(p);
	for (int i = 0; i < p->columns; i++) {
		int type = sqlite3_column_type(p->statement, i);
		const char *value = (const char *)sqlite3_column_text(p->statement, i);
		char **cell;

		text_printable(text, sizeof(text), value ?: type == SQLITE_NULL ? "-" : "");
		if (p->measured) {
			print_cell(p, i, text);
			continue;
		}
		cell = &p->cells[p->rows * (u32)p->columns + (u32)i];
		*cell = strdup(text);
		if (!*cell)
			return -ENOMEM;
		measure(p, i, text);
		p->right[i] |= type == SQLITE_INTEGER || type == SQLITE_FLOAT;
	}
	p->rows += !p->measured;
	return 0;
}

static int begin(struct printer *p)
{
	size_t columns = (size_t)p->columns;

	if (p->mode == SQL_CSV)
		print_csv_head(p);
	if (p->mode == SQL_JSON) {
		json_object(&p->json);
		json_key(&p->json, "rows");
		json_list(&p->json);
	}
	if (p->mode != SQL_TABLE)
		return 0;
	p->cells = calloc(ROWS_MEASURED * columns, sizeof(*p->cells));
	p->right = calloc(columns, sizeof(*p->right));
	p->widths = calloc(columns, sizeof(*p->widths));
	if (!p->cells || !p->right || !p->widths)
		return -ENOMEM;
	for (int i = 0; i < p->columns; i++)
		measure(p, i, sqlite3_column_name(p->statement, i) ?: "");
	return 0;
}

static int print_row(struct printer *p)
{
	if (p->mode == SQL_TABLE)
		return add_row(p);
	if (p->mode == SQL_CSV)
		print_csv_row(p);
	else
		print_json_row(p);
	return 0;
}

static void end(struct printer *p, const struct tables *tables)
{
	struct tables_missing missing;

	if (p->mode == SQL_TABLE && !p->measured)
		print_measured(p);
	if (p->mode != SQL_JSON)
		return;
	missing = tables_missing(tables);
	json_list_end(&p->json);
	json_key(&p->json, "losses");
	json_object(&p->json);
	json_key_u64(&p->json, "events", missing.events);
	json_key_bool(&p->json, "damaged", missing.damaged);
	json_key_u64(&p->json, "untracked_threads", missing.threads);
	json_key_bool(&p->json, "lower_bound",
		      missing.events || missing.damaged || missing.threads);
	json_object_end(&p->json);
	json_object_end(&p->json);
	fputc('\n', p->out);
}

static void printer_free(struct printer *p)
{
	for (size_t i = 0; p->cells && i < ROWS_MEASURED * (size_t)p->columns; i++)
		free(p->cells[i]);
	free(p->cells);
	free(p->right);
	free(p->widths);
}

int sql_print(FILE *out, const struct sql *sql, const struct tables *tables,
	      struct sqlite3_stmt *statement, enum sql_mode mode, struct err *err)
{
	struct printer p = {
		.out = out,
		.mode = mode,
		.statement = statement,
		.columns = sqlite3_column_count(statement),
		.json = { .out = out },
		.terminal = isatty(fileno(out)),
	};
	int r = begin(&p), step = SQLITE_ROW;

	while (r >= 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		r = print_row(&p);
		if (ferror(out))
			break;
	}
	if (r < 0) {
		r = fail(err, r, "no memory for the rows of a query");
	} else if (step != SQLITE_DONE && step != SQLITE_ROW) {
		r = sql_failed(sql, err);
	} else if (ferror(out)) {
		r = fail(err, -EIO, "cannot write the rows of a query");
	} else {
		end(&p, tables);
	}
	printer_free(&p);
	return r;
}
