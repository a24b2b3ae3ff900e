/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* json - a writer that puts the commas and quotes where they belong */
#ifndef TRACER_BASE_JSON_H
#define TRACER_BASE_JSON_H

#include <stdio.h>

#include "user/base/util.h"

#define JSON_DEPTH_MAX 32

struct json {
	FILE *out;
	unsigned int depth;
	bool comma[JSON_DEPTH_MAX];	/* something stands before, on this level */
	bool named;			/* a key was written, its value comes next */
};

/* Inside an object every value is preceded by json_key(); inside a list by nothing. */
void json_object(struct json *j);
void json_object_end(struct json *j);
void json_list(struct json *j);
void json_list_end(struct json *j);
void json_key(struct json *j, const char *key);

/* Text of any bytes: what is not UTF-8 becomes U+FFFD. NULL is written as null. */
void json_text(struct json *j, const char *text);
void json_text_bytes(struct json *j, const char *text, size_t size);
void json_u64(struct json *j, u64 value);
void json_s64(struct json *j, s64 value);
void json_double(struct json *j, double value);
/* A number that is written already */
void json_number(struct json *j, const char *text);
void json_bool(struct json *j, bool value);
void json_null(struct json *j);

/* Key and value in one */
void json_key_text(struct json *j, const char *key, const char *text);
void json_key_u64(struct json *j, const char *key, u64 value);
void json_key_s64(struct json *j, const char *key, s64 value);
void json_key_bool(struct json *j, const char *key, bool value);

#endif
