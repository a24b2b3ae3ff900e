/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* tables - a trace as rows and columns: what SQL, databases and NDJSON show of it */
#ifndef TRACER_EXPORT_TABLES_H
#define TRACER_EXPORT_TABLES_H

#include "user/export/export.h"
#include "user/model/what.h"

enum column_type {
	COLUMN_INTEGER,
	COLUMN_NUMBER, /* integer or real */
	COLUMN_TEXT,
	COLUMN_FLAG, /* 1, or 0, which NDJSON leaves out */
};

struct column_spec {
	const char *name; /* also that of a field in NDJSON; _ns are nanoseconds */
	const char *means;
	u8 type;   /* enum column_type */
	bool late; /* what the trace tells late: needs tables_learn() */
};

#define COLUMNS_MAX 48 /* of a table: a bit each */
#define COLUMN_BIT(n) (1ULL << (n))

enum value_type {
	VALUE_NULL,
	VALUE_INTEGER,
	VALUE_REAL,
	VALUE_TEXT,
};

/* One cell of a row. Texts are UTF-8, and valid until the next row is filled. */
struct value {
	u8 type; /* enum value_type */
	union {
		s64 integer;
		double real;
		const char *text;
	};
};

/* Where the rows of a table come from */
enum table_source {
	TABLE_LIST, /* what is known when everything was read */
	TABLE_INTERVALS,
	TABLE_CALLS,
	TABLE_SAMPLES,
	TABLE_TASKS,
	TABLE_NOTES, /* of the kind note_kind */
	TABLE_SOURCE_COUNT,
};

/* A row of a list: the @minor-th of the @major-th thing */
struct table_place {
	u32 major;
	u32 minor;
};

/* The task that somebody worked for, as far as rows tell of it; id 0: none */
struct table_of_task {
	u32 id;
	u32 name; /* names_text() */
};

/*
 * Rows as they are filled. They hold no pointers but to threads, so that they can be kept. Of an
 * interval, what its wait was for: whats_get().
 */
struct table_interval {
	struct interval interval;
	struct table_of_task task;
	u32 what;
};

struct table_call {
	struct call call;
	struct table_of_task task;
	u64 args[6];
};

struct table_sample {
	struct sample sample;
	struct table_of_task task;
};

struct table_task {
	struct task task;
	char link[TASK_LINK_MAX + 1];
};

struct table_note {
	struct note note;
	struct table_of_task task;
	char text[ANNOTATION_TEXT_MAX + 1];
};

struct tables;
struct filler;

/* One table, described in the file of its subject and listed in tables.c. */
struct table_spec {
	const char *name;
	const char *means; /* one line */
	const struct column_spec *columns;
	u32 column_count;
	u8 source;      /* enum table_source */
	u16 note_kind;  /* notes: enum event_kind */
	u64 what_columns; /* intervals: those that need what a wait was for, a bit each */
	u64 stack_columns; /* those that need the stacks of waits, a bit each */
	bool keyed; /* list: the first column is the number of the thing, from 1 on */
	/* list: how many things, and how many rows has each; NULL: one */
	u32 (*majors)(const struct tables *tables);
	u32 (*minors)(const struct tables *tables, u32 major);
	/*
	 * Sets those of @values that @wanted names (a bit each); they were all NULL before.
	 * @row: as the source has it: struct table_place, table_interval, table_call, ...
	 */
	void (*fill)(struct filler *filler, const void *row, struct value *values, u64 wanted);
};

extern const struct table_spec *const tables_list[]; /* ended by NULL */
const struct table_spec *table_find(const char *name);

/* A query that stands for a table of its own. */
struct view_spec {
	const char *name;
	const char *means;
	const char *query;
};

extern const struct view_spec table_views[]; /* ended by one without a name */

/* A trace, ready to be read as tables, any number of times. */
struct tables {
	struct export export;
	bool learnt;
	bool damaged; /* a scan has found it */
};

/**
 * tables_open() - open a trace
 * @tables:  all zero; to be given to tables_close() in any case
 * @options: as long as the tables; the filter holds for intervals, calls, samples and what was
 *           announced, while threads, processes, stacks and losses are all told
 *
 * Return: 0; what reading returned, with @err filled.
 */
int tables_open(struct tables *tables, const char *path, const struct export_options *options,
		struct err *err);

/* Reads the trace once, for lists and for columns that are late; only the first time. As
 * tables_open(). */
int tables_learn(struct tables *tables, struct err *err);
void tables_close(struct tables *tables);

/* What is not there, as far as it was read: complete when tables were learnt or read to the end. */
struct tables_missing {
	u64 events;
	u64 threads;  /* of the target, for which there was no room */
	bool damaged; /* the file is not whole */
};

struct tables_missing tables_missing(const struct tables *tables);

#define SYSCALLS_KEPT 512

/* What the rows of one reading need to be filled. */
struct filler {
	const struct tables *tables;
	const struct timeline *timeline; /* of this reading */
	struct whats whats;
	struct what_texts *texts; /* by number - 1 */
	u32 text_room;
	char room[4096]; /* texts of one row */
	u32 room_used;
	char *syscalls[SYSCALLS_KEPT]; /* names */
	char *long_text;               /* one that may be longer */
	size_t long_bytes;
};

/* Fills a row: all that @wanted names. */
void table_fill(struct filler *filler, const struct table_spec *table, const void *row,
		struct value *values, u64 wanted);
void filler_free(struct filler *filler);

/* Who makes rows of what a timeline tells. */
struct row_maker {
	void *ctx;
	struct filler *filler;
	const struct table_spec *only; /* NULL: all tables */
	bool whats;                    /* what waits were for is asked */
	/* @bytes: of @row, which may be copied. Return: 0 or negative errno. */
	int (*row)(void *ctx, const struct table_spec *table, const void *row, size_t bytes);
};

/* The timeline is split by tasks. Return: 0 or -ENOSPC. */
int row_maker_attach(struct row_maker *maker, struct timeline *timeline);

/* Bytes of a row of a source; 0: of a list */
size_t row_bytes(enum table_source source);

/* How a table's fill() sets a value */
static inline struct value value_integer(s64 integer)
{
	return (struct value){ .type = VALUE_INTEGER, .integer = integer };
}

static inline struct value value_text(const char *text)
{
	return (struct value){ .type = text ? VALUE_TEXT : VALUE_NULL, .text = text };
}

/* 0 is nothing */
static inline struct value value_some(u64 integer)
{
	return (struct value){ .type = integer ? VALUE_INTEGER : VALUE_NULL,
			       .integer = (s64)integer };
}

/* Since the start of the recording */
struct value value_time(const struct filler *filler, u64 time_ns);
/* What a program or the system told: made UTF-8 where it is not. */
struct value value_told(struct filler *filler, const char *text);
/* names_text() of a number */
struct value value_name(struct filler *filler, u32 number);
struct value value_syscall(struct filler *filler, u16 syscall);
/* What a wait was for, as reports say it: @what of whats_put() */
struct value value_object(struct filler *filler, u32 what);
/* The variable that a futex word lies in */
struct value value_symbol(struct filler *filler, u32 what, const struct interval *interval);
/* "0x7f2a10" */
struct value value_address(struct filler *filler, u64 address);

/* The thread as it is known when everything was read; @thread may be of another reading. */
const struct thread *table_thread(const struct filler *filler, const struct thread *thread);
/* Of a call: its name, 'futex wait', and its error, NULL when it succeeded */
void call_name(struct filler *filler, const struct table_call *row, struct value *name,
	       struct value *error);
struct value value_thread_name(struct filler *filler, const struct thread *thread);
/* The number of a stack, the same for all that are equal; 0: none */
u32 table_stack(const struct filler *filler, u32 id);
/* Sets thread_id, tid, pid and thread from @values on: the first columns of many tables. */
void fill_thread(struct filler *filler, struct value *values, const struct thread *thread,
		 u64 wanted);

#define THREAD_COLUMNS                                                                           \
	{ "thread_id", "whose: of threads", COLUMN_INTEGER, false },                             \
		{ "tid", "its number in the system", COLUMN_INTEGER, true },                     \
		{ "pid", "of its process", COLUMN_INTEGER, true },                               \
	{                                                                                        \
		"thread", "its name", COLUMN_TEXT, true                                          \
	}
#define THREAD_COLUMN_COUNT 4

#endif
