// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* table - rows and columns: one definition for the terminal and for JSON */
#include "user/report/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"

#define COLUMN_GAP  2
#define TEXT_LEAST  8  /* columns that a text keeps when it is cut */
#define TEXT_USUAL  20 /* wider ones are cut before a dear column goes */
#define RANK_DEAR   4
#define COLUMNS_MAX 32

struct layout {
	const struct column *columns[COLUMNS_MAX];
	unsigned int widths[COLUMNS_MAX];
	bool used[COLUMNS_MAX]; /* something other than 0 or "" stands in it */
	unsigned int count;
	size_t rows;
	char (*texts)[CELL_TEXT_MAX]; /* rows x count */
};

void cell_text(struct cell *cell, const char *text)
{
	text_printable(cell->text, sizeof(cell->text), text);
}

char *name_show(char to[NAME_SHOWN_MAX], const char *name)
{
	text_printable(to, NAME_SHOWN_MAX, *name ? name : "?");
	return to;
}

/* "µs" is "us" where only ASCII can be shown. */
static void plain_micro(char *text)
{
	char *micro = strstr(text, "µ");

	if (!micro)
		return;
	micro[0] = 'u';
	memmove(micro + 1, micro + 2, strlen(micro + 2) + 1);
}

char *cell_show(char to[CELL_TEXT_MAX], const struct report *report, enum cell_type type,
		const struct cell *cell)
{
	char text[TEXT_MAX];

	if (cell->none)
		return strcpy(to, "-");
	switch (type) {
	case CELL_NUMBER: snprintf(to, CELL_TEXT_MAX, "%" PRIu64, cell->number); break;
	case CELL_COUNT: strcpy(to, text_count(text, cell->number)); break;
	case CELL_NS: strcpy(to, text_duration(text, cell->number)); break;
	case CELL_TIME: snprintf(to, CELL_TEXT_MAX, "%.6f s", (double)cell->number / 1e9); break;
	case CELL_SHARE: strcpy(to, text_share(text, cell->number, cell->whole)); break;
	default: memcpy(to, cell->text, CELL_TEXT_MAX);
	}
	if (!report->style.utf8 && type == CELL_NS)
		plain_micro(to);
	return to;
}

static const void *row_at(const struct table *table, size_t row)
{
	return (const char *)table->rows + row * table->row_bytes;
}

static char *text_at(struct layout *layout, size_t row, unsigned int column)
{
	return layout->texts[row * layout->count + column];
}

static void fill(struct layout *layout, const struct report *report, const struct table *table)
{
	for (size_t row = 0; row < layout->rows; row++) {
		for (unsigned int i = 0; i < layout->count; i++) {
			const struct column *column = layout->columns[i];
			struct cell cell = { 0 };
			char *text = text_at(layout, row, i);

			column->get(&cell, report, row_at(table, row));
			cell_show(text, report, column->type, &cell);
			layout->widths[i] =
				max(layout->widths[i], (unsigned int)text_columns(text));
			layout->used[i] |= !cell.none && (cell.number || cell.text[0]);
		}
	}
}

static unsigned int total_width(const struct layout *layout)
{
	unsigned int width = 0;

	for (unsigned int i = 0; i < layout->count; i++)
		if (layout->columns[i])
			width += layout->widths[i] + (width ? COLUMN_GAP : 0);
	return width;
}

/* Leaves out columns, the highest rank first, then cuts the widest texts. */
static void fit(struct layout *layout, unsigned int width)
{
	for (unsigned int i = 0; i < layout->count; i++)
		if (layout->columns[i]->sparse && !layout->used[i])
			layout->columns[i] = NULL;
	while (total_width(layout) > width) {
		unsigned int last = layout->count, widest = layout->count;
		bool dear;

		for (unsigned int i = 0; i < layout->count; i++) {
			const struct column *column = layout->columns[i];

			if (!column)
				continue;
			if (column->rank &&
			    (last == layout->count || column->rank >= layout->columns[last]->rank))
				last = i;
			if (column->type == CELL_TEXT && layout->widths[i] > TEXT_LEAST &&
			    (widest == layout->count || layout->widths[i] > layout->widths[widest]))
				widest = i;
		}
		dear = last == layout->count || layout->columns[last]->rank <= RANK_DEAR;
		if (widest < layout->count &&
		    (last == layout->count || (dear && layout->widths[widest] > TEXT_USUAL)))
			layout->widths[widest]--;
		else if (last < layout->count)
			layout->columns[last] = NULL;
		else
			break;
	}
}

void put_cut(const struct report *report, const char *text, unsigned int width)
{
	unsigned int shown = 0;

	if (text_columns(text) <= width) {
		fputs(text, report->out);
		return;
	}
	for (; shown + 1 < width; shown++) {
		size_t bytes = utf8_length(text, strlen(text)) ?: 1;

		fwrite(text, 1, bytes, report->out);
		text += bytes;
	}
	fputs(report->style.utf8 ? "…" : "~", report->out);
}

static bool is_left(enum cell_type type)
{
	return type == CELL_TEXT || type == CELL_BAR;
}

/* Blanks are owed until something follows them: no line ends with one. */
static void put_line(const struct report *report, struct layout *layout, size_t row, bool head)
{
	unsigned int owed = 0, gap = 0;

	for (unsigned int i = 0; i < layout->count; i++) {
		const struct column *column = layout->columns[i];
		const char *text = head && column ? column->title : text_at(layout, row, i);
		unsigned int width = layout->widths[i], columns, blank;

		if (!column)
			continue;
		columns = (unsigned int)text_columns(text);
		blank = columns < width ? width - columns : 0;
		owed += gap + (is_left(column->type) ? 0 : blank);
		if (columns) {
			fprintf(report->out, "%*s", (int)owed, "");
			owed = 0;
			put_cut(report, text, width);
		}
		owed += is_left(column->type) ? blank : 0;
		gap = COLUMN_GAP;
	}
}

static void put_left_out(const struct report *report, const struct table *table, size_t shown)
{
	char text[TEXT_MAX];

	if (shown == table->row_count || table->excerpt)
		return;
	fprintf(report->out, "%s%s more left out (--limit 0 shows all)%s\n",
		style_tone(&report->style, TONE_DIM), text_count(text, table->row_count - shown),
		style_tone(&report->style, TONE_PLAIN));
}

int table_print(const struct report *report, const struct table *table)
{
	struct layout layout = { .rows = table->excerpt ? min(table->row_count, table->fit)
							: report_limit(report, table->row_count,
								       table->fit) };

	for (const struct column *c = table->columns; c->title || c->key; c++) {
		if (!c->title || layout.count == COLUMNS_MAX)
			continue;
		layout.widths[layout.count] = (unsigned int)text_columns(c->title);
		layout.columns[layout.count++] = c;
	}
	layout.texts = calloc(layout.rows * layout.count + 1, CELL_TEXT_MAX);
	if (!layout.texts)
		return -ENOMEM;
	fill(&layout, report, table);
	fit(&layout, report->style.width);
	fputs(style_tone(&report->style, TONE_HEAD), report->out);
	put_line(report, &layout, 0, true);
	fprintf(report->out, "%s\n", style_tone(&report->style, TONE_PLAIN));
	for (size_t row = 0; row < layout.rows; row++) {
		put_line(report, &layout, row, false);
		fputc('\n', report->out);
		if (table->below)
			table->below(report, row_at(table, row));
	}
	if (!table->row_count)
		fprintf(report->out, "%snothing to show%s\n", style_tone(&report->style, TONE_DIM),
			style_tone(&report->style, TONE_PLAIN));
	put_left_out(report, table, layout.rows);
	free(layout.texts);
	return 0;
}

static void json_cell(struct json *json, const struct report *report, const struct column *column,
		      const void *row)
{
	struct cell cell = { 0 };

	json_key(json, column->key);
	if (column->json) {
		column->json(json, report, row);
		return;
	}
	column->get(&cell, report, row);
	if (cell.none)
		json_null(json);
	else if (column->type == CELL_TEXT)
		json_text(json, cell.text);
	else
		json_u64(json, cell.number);
}

void table_json(struct json *json, const struct report *report, const struct table *table)
{
	size_t rows = report_limit(report, table->row_count, table->row_count);

	json_key(json, table->name);
	json_list(json);
	for (size_t row = 0; row < rows; row++) {
		json_object(json);
		for (const struct column *c = table->columns; c->title || c->key; c++)
			if (c->key)
				json_cell(json, report, c, row_at(table, row));
		json_object_end(json);
	}
	json_list_end(json);
}

int table_show(const struct report *report, struct json *json, const struct table *table)
{
	if (!json)
		return table_print(report, table);
	table_json(json, report, table);
	return 0;
}
