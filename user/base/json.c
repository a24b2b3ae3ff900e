// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* json - a writer that puts the commas and quotes where they belong */
#include "user/base/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "user/base/text.h"

static void before_value(struct json *j)
{
	if (j->named) {
		j->named = false;
		return;
	}
	/* Values outside any bracket stand for themselves: one per line, as NDJSON. */
	if (j->depth && j->comma[j->depth])
		fputc(',', j->out);
	j->comma[j->depth] = true;
}

static void open_level(struct json *j, char bracket)
{
	before_value(j);
	fputc(bracket, j->out);
	if (j->depth + 1 < JSON_DEPTH_MAX)
		j->depth++;
	j->comma[j->depth] = false;
}

static void close_level(struct json *j, char bracket)
{
	if (j->depth)
		j->depth--;
	fputc(bracket, j->out);
}

void json_object(struct json *j)
{
	open_level(j, '{');
}

void json_object_end(struct json *j)
{
	close_level(j, '}');
}

void json_list(struct json *j)
{
	open_level(j, '[');
}

void json_list_end(struct json *j)
{
	close_level(j, ']');
}

static void quoted(struct json *j, const char *text, size_t size)
{
	const char *end = text + size;

	fputc('"', j->out);
	while (text < end) {
		unsigned char c = (unsigned char)*text;
		size_t length = utf8_length(text, (size_t)(end - text));

		if (!length) {
			fputs("\\ufffd", j->out);
			text++;
			continue;
		}
		if (c == '"' || c == '\\')
			fprintf(j->out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(j->out, "\\u%04x", c);
		else
			fwrite(text, 1, length, j->out);
		text += length;
	}
	fputc('"', j->out);
}

void json_key(struct json *j, const char *key)
{
	before_value(j);
	quoted(j, key, strlen(key));
	fputc(':', j->out);
	j->named = true;
}

void json_text_bytes(struct json *j, const char *text, size_t size)
{
	before_value(j);
	quoted(j, text, size);
}

void json_text(struct json *j, const char *text)
{
	if (text)
		json_text_bytes(j, text, strlen(text));
	else
		json_null(j);
}

void json_u64(struct json *j, u64 value)
{
	before_value(j);
	fprintf(j->out, "%" PRIu64, value);
}

void json_s64(struct json *j, s64 value)
{
	before_value(j);
	fprintf(j->out, "%" PRId64, value);
}

void json_double(struct json *j, double value)
{
	before_value(j);
	if (isfinite(value))
		fprintf(j->out, "%.9g", value);
	else
		fputs("null", j->out);
}

void json_number(struct json *j, const char *text)
{
	before_value(j);
	fputs(text, j->out);
}

void json_bool(struct json *j, bool value)
{
	before_value(j);
	fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j)
{
	before_value(j);
	fputs("null", j->out);
}

void json_key_text(struct json *j, const char *key, const char *text)
{
	json_key(j, key);
	json_text(j, text);
}

void json_key_u64(struct json *j, const char *key, u64 value)
{
	json_key(j, key);
	json_u64(j, value);
}

void json_key_s64(struct json *j, const char *key, s64 value)
{
	json_key(j, key);
	json_s64(j, value);
}

void json_key_bool(struct json *j, const char *key, bool value)
{
	json_key(j, key);
	json_bool(j, value);
}
