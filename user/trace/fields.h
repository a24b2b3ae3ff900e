/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* fields - structs to bytes and back, from one table for both directions */
#ifndef TRACER_TRACE_FIELDS_H
#define TRACER_TRACE_FIELDS_H

#include "user/base/buffer.h"
#include "user/trace/arena.h"
#include "user/trace/event.h"

enum field_type {
	FIELD_UINT,  /* 1, 2, 4 or 8 bytes; signed ones too, as their bits */
	FIELD_BYTES, /* an array in the struct; zeros at its end are not written */
	FIELD_TEXT,  /* const char *; a reader gets "" where there is none */
	FIELD_WORDS, /* struct trace_words */
	FIELD_NAME,  /* const char *, one of few: its number in the chunk's texts */
};

struct field {
	u16 offset;
	u16 bytes;
	u8 type;
};

#define UINT_FIELD(s, member)                                                           \
	{                                                                               \
		offsetof(struct s, member), sizeof(((struct s *)0)->member), FIELD_UINT \
	}
#define BYTES_FIELD(s, member)                                                           \
	{                                                                                \
		offsetof(struct s, member), sizeof(((struct s *)0)->member), FIELD_BYTES \
	}
#define TEXT_FIELD(s, member)                                                           \
	{                                                                               \
		offsetof(struct s, member), sizeof(((struct s *)0)->member), FIELD_TEXT \
	}

#define WORDS_FIELD(s, member)                                                           \
	{                                                                                \
		offsetof(struct s, member), sizeof(((struct s *)0)->member), FIELD_WORDS \
	}

#define NAME_FIELD(s, member)                                                           \
	{                                                                               \
		offsetof(struct s, member), sizeof(((struct s *)0)->member), FIELD_NAME \
	}

struct texts;

/* The texts of a chunk, numbered from 1 */
struct text_table {
	const char *const *list;
	u64 count;
};

struct field_table {
	const struct field *fields;
	unsigned int count;
	unsigned int bytes; /* of the struct */
	bool pointer;       /* a trace_event holds a pointer to it, not the struct itself */
};

/*
 * A table grows only at its end: a reader takes what is missing as zero and leaves alone
 * what it does not know.
 */
extern const struct field_table event_fields[EVENT_KIND_COUNT]; /* of the rare kinds */

/**
 * fields_put() - @count structs, field by field, each as the difference to the one before
 * @b:	  appended to; failed when memory ran out
 * @rows: first of @count structs that the table describes
 */
void fields_put(struct buffer *b, const struct field_table *table, const void *rows, size_t count);

/* One struct with names, which become @texts of its chunk. */
void fields_put_named(struct buffer *b, const struct field_table *table, const void *row,
		      struct texts *texts);

/**
 * fields_get() - the reverse
 * @c:	   failed when the bytes are not what fields_put() writes
 * @rows:  filled; zeroed before
 * @arena: for texts
 *
 * Return: 0, -EBADMSG or -ENOMEM.
 */
int fields_get(struct cursor *c, const struct field_table *table, void *rows, size_t count,
	       struct arena *arena);

/* One struct whose names are in @texts. As fields_get(). */
int fields_get_named(struct cursor *c, const struct field_table *table, void *row,
		     const struct text_table *texts, struct arena *arena);

#endif
