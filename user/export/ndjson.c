// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ndjson - one line of JSON for each row: {"table":"states","thread_id":3,...}
 *
 * For DuckDB, ClickHouse, jq and whoever reads lines. What is NULL is left out, and flags that are 0:
 * lines are written, and read, by the byte.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "user/export/put.h"
#include "user/export/rows.h"

/* A table's keys as they are written: ,"name": */
struct keys {
	const struct table_spec *table;
	char head[48]; /* {"table":"states" */
	u32 head_bytes;
	char text[COLUMNS_MAX][32];
	u8 bytes[COLUMNS_MAX];
};

#define TABLES_MAX 32

struct ndjson {
	struct put put;
	struct keys keys[TABLES_MAX];
	u32 key_count;
};

static struct keys *keys_of(struct ndjson *n, const struct table_spec *table)
{
	struct keys *keys;

	for (u32 i = 0; i < n->key_count; i++)
		if (n->keys[i].table == table)
			return &n->keys[i];
	keys = &n->keys[n->key_count++];
	keys->table = table;
	keys->head_bytes =
		(u32)snprintf(keys->head, sizeof(keys->head), "{\"table\":\"%s\"", table->name);
	for (u32 i = 0; i < table->column_count; i++)
		keys->bytes[i] = (u8)snprintf(keys->text[i], sizeof(keys->text[i]),
					      ",\"%s\":", table->columns[i].name);
	return keys;
}

static int put_row(void *ctx, const struct table_spec *table, const struct value *values)
{
	struct ndjson *n = ctx;
	const struct keys *keys = keys_of(n, table);

	put_bytes(&n->put, keys->head, keys->head_bytes);
	for (u32 i = 0; i < table->column_count; i++) {
		if (values[i].type == VALUE_NULL ||
		    (table->columns[i].type == COLUMN_FLAG && !values[i].integer))
			continue;
		/* A copy of constant length is cheap. */
		memcpy(put_room(&n->put, sizeof(keys->text[i])), keys->text[i],
		       sizeof(keys->text[i]));
		n->put.used += keys->bytes[i];
		if (values[i].type == VALUE_INTEGER)
			put_integer(&n->put, values[i].integer);
		else if (values[i].type == VALUE_REAL)
			put_real(&n->put, values[i].real);
		else
			put_quoted(&n->put, values[i].text);
	}
	put_bytes(&n->put, "}\n", 2);
	return n->put.error;
}

static int ndjson_write(FILE *out, const char *path, const struct export_options *options,
			bool *missing, struct err *err)
{
	struct ndjson *n = calloc(1, sizeof(*n));
	const struct rows_sink sink = { .ctx = n, .row = put_row };
	int r;

	if (!n)
		return fail(err, -ENOMEM, "no memory for an export");
	n->put.out = out;
	r = rows_read(&sink, path, options, missing, err);
	if (r >= 0) {
		r = put_flush(&n->put);
		if (r < 0)
			fail(err, r, "cannot write the export: %s", strerror(-r));
	}
	free(n);
	return r;
}

static void ndjson_schema(FILE *out)
{
	static const char *const types[] = { "integer", "number", "string", "integer" };

	fputs("# One JSON object in each line; \"table\" tells which one. What is NULL is left out, and flags that\n# are 0 (cut_begin, cut_end, migrated).\n"
	      "# The recording comes first, then threads and other lists, then what happened.\n",
	      out);
	for (const struct table_spec *const *t = tables_list; *t; t++) {
		fprintf(out, "\n\"table\": \"%s\" -- %s\n", (*t)->name, (*t)->means);
		for (u32 i = 0; i < (*t)->column_count; i++)
			fprintf(out, "    %-20s %-8s %s\n", (*t)->columns[i].name,
				types[(*t)->columns[i].type], (*t)->columns[i].means);
	}
}

const struct exporter ndjson_exporter = {
	.name = "ndjson",
	.summary = "a line of JSON for each row, for DuckDB, ClickHouse and jq",
	.suffix = "ndjson",
	.write = ndjson_write,
	.schema = ndjson_schema,
};
