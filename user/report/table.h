/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* table - rows and columns: one definition for the terminal and for JSON */
#ifndef TRACER_REPORT_TABLE_H
#define TRACER_REPORT_TABLE_H

#include "user/base/json.h"
#include "user/report/report.h"

enum cell_type {
	CELL_TEXT,
	CELL_NUMBER, /* an id: as it is */
	CELL_COUNT,  /* 12,345 */
	CELL_NS,     /* a duration */
	CELL_TIME,   /* ns since the start of the recording, in seconds */
	CELL_SHARE,  /* number of whole, in percent; only on a terminal */
	CELL_BAR,    /* text that is a bar; only on a terminal */
};

#define CELL_TEXT_MAX 256

struct cell {
	u64 number;
	u64 whole; /* of CELL_SHARE */
	bool none; /* nothing to say: "-", null */
	char text[CELL_TEXT_MAX];
};

struct column {
	const char *title; /* NULL: only in JSON */
	const char *key;   /* with its unit: "observed_ns"; NULL: only on a terminal */
	enum cell_type type;
	unsigned int rank; /* 0: always shown; the highest is left out first for want of room */
	bool sparse;       /* left out when it is 0 or empty in all rows */
	void (*get)(struct cell *cell, const struct report *report, const void *row);
	/* Instead of get, for a nested value; after json_key() */
	void (*json)(struct json *json, const struct report *report, const void *row);
};

struct table {
	const char *name;             /* JSON: the key of the rows */
	const struct column *columns; /* ended by one without title and key */
	const void *rows;
	size_t row_bytes;
	size_t row_count;
	size_t fit;   /* rows that are shown without --limit */
	bool excerpt; /* exactly that many, and no word about the others */
	/* More lines below a row, on a terminal; NULL: none */
	void (*below)(const struct report *report, const void *row);
};

/* On a terminal: aligned, within the width, and how many rows were left out. */
int table_print(const struct report *report, const struct table *table);

/* As JSON when there is @json, else on a terminal. Return: 0 or -ENOMEM. */
int table_show(const struct report *report, struct json *json, const struct table *table);

/* Key and list, in the object that is open */
void table_json(struct json *json, const struct report *report, const struct table *table);

/* Copies a text of the traced program so that a terminal survives it. */
void cell_text(struct cell *cell, const char *text);

/* @text within @width columns; a cut one ends with a mark. */
void put_cut(const struct report *report, const char *text, unsigned int width);

/* The innermost function of stack @stack_id that is no library's which everybody waits in; "" for
 * none. Return: @to */
char *report_function(char to[CELL_TEXT_MAX], const struct report *report, u32 stack_id);

/* The one in which the waits of @row, which is sorted, took the longest. Return: @to */
char *report_waits_function(char to[CELL_TEXT_MAX], const struct report *report,
			    const struct waits_row *row);

#define NAME_SHOWN_MAX 64

/* A thread's name, printable; "?" when it is not known. Return: @to */
char *name_show(char to[NAME_SHOWN_MAX], const char *name);

/* What the terminal shows for a cell of @type. Return: @to */
char *cell_show(char to[CELL_TEXT_MAX], const struct report *report, enum cell_type type,
		const struct cell *cell);

#endif
