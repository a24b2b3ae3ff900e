// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sql_schema - the tables of a trace, as SQL and for people */
#include <stdlib.h>
#include <string.h>

#include "user/export/sql.h"

static const char *type_name(u8 type)
{
	/* Without a type SQLite keeps an integer one, and a real one. */
	return type == COLUMN_TEXT ? " TEXT" : type == COLUMN_NUMBER ? "" : " INTEGER";
}

static void print_table(FILE *out, const struct table_spec *table, bool comments)
{
	if (comments)
		fprintf(out, "-- %s\n", table->means);
	fprintf(out, "CREATE TABLE %s (", table->name);
	for (u32 i = 0; i < table->column_count; i++) {
		const struct column_spec *column = &table->columns[i];
		bool key = table->keyed && !table->minors && !i;
		const char *comma = i + 1 < table->column_count ? "," : "";

		if (comments && *column->means)
			fprintf(out, "\n    %s%s%s%s -- %s", column->name, type_name(column->type),
				key ? " PRIMARY KEY" : "", comma, column->means);
		else
			fprintf(out, "%s%s%s%s%s", comments ? "\n    " : "", column->name,
				type_name(column->type), key && comments ? " PRIMARY KEY" : "",
				comma);
	}
	fprintf(out, "%s);\n", comments ? "\n" : "");
}

char *sql_create_table(const struct table_spec *table, bool comments)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	print_table(out, table, comments);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

bool sql_print_schema(FILE *out, const char *name)
{
	bool any = false;

	for (const struct table_spec *const *t = tables_list; *t; t++) {
		if (name && strcmp((*t)->name, name))
			continue;
		fputs(any ? "\n" : "", out);
		print_table(out, *t, true);
		any = true;
	}
	for (const struct view_spec *v = table_views; v->name; v++) {
		if (name && strcmp(v->name, name))
			continue;
		fprintf(out, "%s-- %s\nCREATE VIEW %s AS\n    %s;\n", any ? "\n" : "", v->means,
			v->name, v->query);
		any = true;
	}
	return any;
}
