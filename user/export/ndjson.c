// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ndjson - one line of JSON for each row: {"table":"states","thread_id":3,...}
 *
 * For DuckDB, ClickHouse, jq and whoever reads lines. What is NULL is left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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
	FILE *out;
	struct keys keys[TABLES_MAX];
	u32 key_count;
	u32 used;
	char room[1 << 16];
};

static int flush(struct ndjson *n)
{
	size_t bytes = n->used;

	n->used = 0;
	errno = 0;
	if (fwrite(n->room, 1, bytes, n->out) != bytes)
		return errno ? -errno : -EIO;
	return 0;
}

/* Room for @bytes, at most that of a buffer. Return: 0 or the negative errno of writing. */
static inline int reserve(struct ndjson *n, size_t bytes)
{
	return n->used + bytes > sizeof(n->room) ? flush(n) : 0;
}

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

static char *put_integer(char *to, s64 value)
{
	u64 rest = value < 0 ? -(u64)value : (u64)value;
	char digits[24];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		digits[--at] = '-';
	memcpy(to, digits + at, sizeof(digits) - at);
	return to + sizeof(digits) - at;
}

static inline char *put_character(char *to, unsigned char c)
{
	if (likely(c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)) {
		*to++ = (char)c;
	} else if (c == '"' || c == '\\') {
		*to++ = '\\';
		*to++ = (char)c;
	} else {
		to += sprintf(to, "\\u%04x", c);
	}
	return to;
}

#define TEXT_PIECE 256 /* bytes of a text, of which each becomes six at most */

/* Texts are UTF-8 already. A long one goes out in pieces. */
static int put_text(struct ndjson *n, const char *text)
{
	char *to;
	int r;

	n->room[n->used++] = '"';
	do {
		r = reserve(n, TEXT_PIECE * 6 + 1);
		if (r < 0)
			return r;
		to = n->room + n->used;
		for (u32 i = 0; *text && i < TEXT_PIECE; i++)
			to = put_character(to, (unsigned char)*text++);
		n->used = (u32)(to - n->room);
	} while (*text);
	n->room[n->used++] = '"';
	return 0;
}

static int put_value(struct ndjson *n, const struct keys *keys, u32 column,
		     const struct value *value)
{
	char *to;
	int r = reserve(n, sizeof(keys->text[0]) + TEXT_PIECE);

	if (r < 0)
		return r;
	to = n->room + n->used;
	memcpy(to, keys->text[column], sizeof(keys->text[column]));
	to += keys->bytes[column];
	if (value->type == VALUE_INTEGER)
		to = put_integer(to, value->integer);
	else if (value->type == VALUE_REAL)
		to += sprintf(to, "%.17g", value->real);
	n->used = (u32)(to - n->room);
	return value->type == VALUE_TEXT ? put_text(n, value->text) : 0;
}

static int put_row(void *ctx, const struct table_spec *table, const struct value *values)
{
	struct ndjson *n = ctx;
	const struct keys *keys = keys_of(n, table);
	int r = reserve(n, sizeof(keys->head));

	if (r < 0)
		return r;
	memcpy(n->room + n->used, keys->head, sizeof(keys->head));
	n->used += keys->head_bytes;
	for (u32 i = 0; i < table->column_count && !r; i++)
		if (values[i].type != VALUE_NULL)
			r = put_value(n, keys, i, &values[i]);
	if (r >= 0)
		r = reserve(n, 2);
	if (r < 0)
		return r;
	memcpy(n->room + n->used, "}\n", 2);
	n->used += 2;
	return 0;
}

static int ndjson_write(FILE *out, const char *path, const struct export_options *options,
			bool *missing, struct err *err)
{
	struct ndjson *n = calloc(1, sizeof(*n));
	const struct rows_sink sink = { .ctx = n, .row = put_row };
	int r;

	if (!n)
		return fail(err, -ENOMEM, "no memory for an export");
	n->out = out;
	r = rows_read(&sink, path, options, missing, err);
	if (r >= 0) {
		r = flush(n);
		if (r < 0)
			fail(err, r, "cannot write the export: %s", strerror(-r));
	}
	free(n);
	return r;
}

static void ndjson_schema(FILE *out)
{
	static const char *const types[] = { "integer", "number", "string" };

	fputs("# One JSON object in each line; \"table\" tells which one. What is NULL is left out.\n"
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
