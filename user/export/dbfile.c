// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * dbfile - a file of SQLite, written from its begin to its end
 *
 * A table is a tree: leaves hold rows, the pages above them tell for each child its last rowid. Since
 * rowids only grow, a page that is full is written and never touched again: on each level only the
 * last one is in memory. Page 1 holds the head and the schema, and is written at the end.
 */
#include "user/export/dbfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/export/dbrecord.h"

#define LEVELS_MAX   20 /* more than a tree of the smallest pages can have */
#define HEAD_BYTES   100
#define LOCK_OFFSET  0x40000000u /* where SQLite locks: that page is never used */
#define LEAF         13
#define INTERIOR     5
#define SQLITE_AS_OF 3040000 /* what this is written like */

struct page {
	u8 *bytes; /* NULL: none yet */
	u32 count; /* cells */
	u32 low;   /* the cell pointers end */
	u32 high;  /* the cells begin */
};

/* A page of a level below, and the last rowid in it */
struct child {
	u32 number; /* 0: none */
	u64 last;
};

/*
 * Above the leaves. The latest child is held back: it becomes the rightmost one of its page, which has
 * no cell, or a cell when another one comes. A page must have a cell, so one that is full hands
 * its last one on to the next page.
 */
struct level {
	struct page page;
	struct child cell; /* the last one of the page */
	struct child latest;
};

struct table {
	char *name;
	char *sql;
	bool is_view;
	bool keyed;
	u64 rows;
	u32 root;
	struct page leaf;
	struct level levels[LEVELS_MAX]; /* from the leaves up */
};

struct dbfile {
	FILE *file;
	u32 page_bytes;
	u32 lock_page;
	u32 local_max; /* bytes of a row in its leaf; one that is longer has less there */
	u32 local_least;
	u32 overflows; /* bytes of a row in each page behind it */
	u8 *nothing;   /* a page of zeros */
	u32 pages;     /* written, the first one included */
	int error;
	struct table tables[DBFILE_TABLES_MAX];
	u32 count;
	u8 *record; /* of a row that overflows */
	size_t record_room;
};

static void put_u16(u8 *to, u32 value)
{
	to[0] = (u8)(value >> 8);
	to[1] = (u8)value;
}

static void put_u32(u8 *to, u32 value)
{
	put_u16(to, value >> 16);
	put_u16(to + 2, value & 0xffff);
}

static int write_page(struct dbfile *db, const void *bytes)
{
	errno = 0;
	if (!db->error && fwrite(bytes, db->page_bytes, 1, db->file) != 1)
		db->error = errno ? -errno : -EIO;
	db->pages++;
	return db->error;
}

/* The number of the page that is written next */
static u32 next_page(struct dbfile *db)
{
	if (db->pages + 1 == db->lock_page)
		write_page(db, db->nothing);
	return db->pages + 1;
}

static int begin_page(const struct dbfile *db, struct page *page, bool leaf)
{
	if (!page->bytes)
		page->bytes = malloc(db->page_bytes);
	if (!page->bytes)
		return -ENOMEM;
	page->count = 0;
	page->low = leaf ? 8 : 12;
	page->high = db->page_bytes;
	return 0;
}

/* @head: where the page's own head begins: behind that of the file on page 1 */
static void end_page(struct page *page, u32 head, u8 type)
{
	u8 *at = page->bytes + head;

	memset(page->bytes + page->low, 0, page->high - page->low);
	at[0] = type;
	put_u16(at + 1, 0);
	put_u16(at + 3, page->count);
	put_u16(at + 5, page->high & 0xffff); /* 0 is 65536 */
	at[7] = 0;
}

/* Room for a cell; the caller has made sure that there is. */
static u8 *add_cell(struct page *page, u32 bytes)
{
	page->high -= bytes;
	put_u16(page->bytes + page->low, page->high);
	page->low += 2;
	page->count++;
	return page->bytes + page->high;
}

static bool has_room(const struct page *page, u32 bytes)
{
	return page->low + 2 + bytes <= page->high;
}

static u32 child_bytes(const struct child *child)
{
	return 4 + varint_bytes(child->last);
}

static void add_child_cell(struct level *level, const struct child *child)
{
	u8 *cell = add_cell(&level->page, child_bytes(child));

	put_u32(cell, child->number);
	put_varint(cell + 4, child->last);
	level->cell = *child;
}

/* Return: its number */
static u32 write_interior(struct dbfile *db, struct level *level, const struct child *rightmost)
{
	u32 number = next_page(db);

	end_page(&level->page, 0, INTERIOR);
	put_u32(level->page.bytes + 8, rightmost->number);
	write_page(db, level->page.bytes);
	return number;
}

static int add_child(struct dbfile *db, struct table *table, u32 at, struct child child)
{
	struct level *level = &table->levels[at];
	struct child full, before;
	int r = 0;

	if (at == LEVELS_MAX)
		return -EFBIG;
	before = level->latest;
	level->latest = child;
	if (!before.number)
		return begin_page(db, &level->page, false);
	if (!has_room(&level->page, child_bytes(&before))) {
		full = level->cell;
		level->page.count--;
		level->page.low -= 2;
		level->page.high += child_bytes(&full);
		full.number = write_interior(db, level, &full);
		r = add_child(db, table, at + 1, full) ?: begin_page(db, &level->page, false);
	}
	if (!r)
		add_child_cell(level, &before);
	return r;
}

static int write_leaf(struct dbfile *db, struct table *table)
{
	struct page *leaf = &table->leaf;
	struct child child = { next_page(db), table->rows };
	int r;

	end_page(leaf, 0, LEAF);
	r = write_page(db, leaf->bytes);
	r = r ?: add_child(db, table, 0, child);
	return r ?: begin_page(db, leaf, true);
}

/* What does not fit into a leaf lies in pages of its own, each with the number of the next. Return:
 * the first one; 0 with the error kept. */
static u32 write_overflow(struct dbfile *db, const u8 *bytes, size_t size)
{
	CLEANUP(free) u8 *page = malloc(db->page_bytes);
	u32 first = next_page(db), number = first;

	if (!page) {
		db->error = -ENOMEM;
		return 0;
	}
	for (size_t at = 0; at < size; at += db->overflows) {
		size_t piece = min(size - at, (size_t)db->overflows);
		u32 next = number + 1 == db->lock_page ? number + 2 : number + 1;

		put_u32(page, at + piece < size ? next : 0);
		memcpy(page + 4, bytes + at, piece);
		memset(page + 4 + piece, 0, db->overflows - piece);
		write_page(db, page);
		number = next_page(db);
	}
	return db->error ? 0 : first;
}

static int grow_record(struct dbfile *db, size_t bytes)
{
	u8 *record = bytes > db->record_room ? realloc(db->record, bytes) : db->record;

	if (!record && bytes)
		return -ENOMEM;
	db->record = record;
	db->record_room = max(db->record_room, bytes);
	return 0;
}

/* @record is in db->record. */
static int add_overflowing(struct dbfile *db, struct table *table, u32 bytes)
{
	u32 local = db->local_least + (bytes - db->local_least) % db->overflows, cell_bytes, first;
	struct page *leaf = &table->leaf;
	u8 *to;
	int r = 0;

	if (local > db->local_max)
		local = db->local_least;
	cell_bytes = varint_bytes(bytes) + varint_bytes(table->rows + 1) + local + 4;
	if (!has_room(leaf, cell_bytes))
		r = write_leaf(db, table);
	first = r ? 0 : write_overflow(db, db->record + local, bytes - local);
	if (!first)
		return r ?: db->error;
	table->rows++;
	to = put_varint(add_cell(leaf, cell_bytes), bytes);
	to = put_varint(to, table->rows);
	memcpy(to, db->record, local);
	put_u32(to + local, first);
	return 0;
}

int dbfile_add(struct dbfile *db, u32 number, const struct value *values, u32 count)
{
	struct table *table = &db->tables[number];
	struct page *leaf = &table->leaf;
	struct dbrecord record;
	u32 bytes, cell_bytes;
	u8 *to;
	int r = leaf->bytes ? 0 : begin_page(db, leaf, true);

	if (r)
		return r;
	dbrecord_measure(&record, values, count, table->keyed);
	bytes = record.head_bytes + record.bytes;
	if (bytes > db->local_max) {
		r = grow_record(db, bytes);
		if (r)
			return r;
		dbrecord_put(db->record, &record, values, count);
		return add_overflowing(db, table, bytes);
	}
	cell_bytes = varint_bytes(bytes) + varint_bytes(table->rows + 1) + bytes;
	if (!has_room(leaf, cell_bytes))
		r = write_leaf(db, table);
	if (r)
		return r;
	table->rows++;
	to = put_varint(add_cell(leaf, cell_bytes), bytes);
	dbrecord_put(put_varint(to, table->rows), &record, values, count);
	return 0;
}

static int add_object(struct dbfile *db, const char *name, const char *sql, bool is_view,
		      bool keyed)
{
	struct table *table = &db->tables[db->count];

	if (db->count == DBFILE_TABLES_MAX)
		return -E2BIG;
	*table = (struct table){
		.name = strdup(name), .sql = strdup(sql), .is_view = is_view, .keyed = keyed
	};
	db->count++;
	return table->name && table->sql ? 0 : -ENOMEM;
}

int dbfile_table(struct dbfile *db, const char *name, const char *sql, bool keyed)
{
	return add_object(db, name, sql, false, keyed);
}

int dbfile_view(struct dbfile *db, const char *name, const char *sql)
{
	return add_object(db, name, sql, true, false);
}

/* Writes what is left of a table, from its last leaf up to its root. */
static int end_table(struct dbfile *db, struct table *table)
{
	struct child child = { 0, table->rows };
	int r = table->leaf.bytes ? 0 : begin_page(db, &table->leaf, true);

	if (r)
		return r;
	child.number = next_page(db);
	end_page(&table->leaf, 0, LEAF);
	r = write_page(db, table->leaf.bytes);
	for (u32 at = 0; at < LEVELS_MAX && table->levels[at].latest.number && !r; at++) {
		r = add_child(db, table, at, child);
		if (!r)
			child.number = write_interior(db, &table->levels[at], &child);
		r = r ?: db->error;
	}
	table->root = child.number;
	return r;
}

/* A row of the schema */
static int add_schema(struct page *page, u64 row, const struct table *table)
{
	const struct value values[] = {
		value_text(table->is_view ? "view" : "table"),
		value_text(table->name),
		value_text(table->name),
		value_integer(table->root),
		value_text(table->sql),
	};
	struct dbrecord record;
	u32 bytes;
	u8 *to;

	dbrecord_measure(&record, values, ARRAY_SIZE(values), false);
	bytes = record.head_bytes + record.bytes;
	if (!has_room(page, bytes + varint_bytes(bytes) + varint_bytes(row)))
		return -E2BIG;
	to = put_varint(add_cell(page, bytes + varint_bytes(bytes) + varint_bytes(row)), bytes);
	dbrecord_put(put_varint(to, row), &record, values, ARRAY_SIZE(values));
	return 0;
}

static void put_head(const struct dbfile *db, u8 *head)
{
	memset(head, 0, HEAD_BYTES);
	memcpy(head, "SQLite format 3", 16);
	put_u16(head + 16, db->page_bytes == 65536 ? 1 : db->page_bytes);
	head[18] = head[19] = 1;
	head[21] = 64;
	head[22] = head[23] = 32;
	put_u32(head + 24, 1);
	put_u32(head + 28, db->pages);
	put_u32(head + 40, 1);
	put_u32(head + 44, 4);
	put_u32(head + 56, 1); /* UTF-8 */
	put_u32(head + 68, 0x74726163);
	put_u32(head + 92, 1);
	put_u32(head + 96, SQLITE_AS_OF);
}

static int write_first(struct dbfile *db, struct page *page)
{
	int r = begin_page(db, page, true);

	page->low = HEAD_BYTES + 8;
	for (u32 i = 0; i < db->count && !r; i++)
		r = add_schema(page, i + 1, &db->tables[i]);
	if (r)
		return r;
	end_page(page, HEAD_BYTES, LEAF);
	put_head(db, page->bytes);
	errno = 0;
	if (fseeko(db->file, 0, SEEK_SET) < 0 ||
	    fwrite(page->bytes, db->page_bytes, 1, db->file) != 1 || fflush(db->file))
		return errno ? -errno : -EIO;
	return 0;
}

int dbfile_finish(struct dbfile *db)
{
	struct page page = { 0 };
	int r = db->error;

	for (u32 i = 0; i < db->count && !r; i++)
		if (!db->tables[i].is_view)
			r = end_table(db, &db->tables[i]);
	if (!r)
		r = write_first(db, &page);
	free(page.bytes);
	return r;
}

int dbfile_new(struct dbfile **out, FILE *file, u32 page_bytes, struct err *err)
{
	CLEANUP(dbfile_free) struct dbfile *db = calloc(1, sizeof(*db));

	if (db)
		db->nothing = calloc(1, page_bytes);
	if (!db || !db->nothing)
		return fail(err, -ENOMEM, "no memory for a database");
	db->file = file;
	db->page_bytes = page_bytes;
	db->lock_page = LOCK_OFFSET / page_bytes + 1;
	db->local_max = page_bytes - 35;
	db->local_least = (page_bytes - 12) * 32 / 255 - 23;
	db->overflows = page_bytes - 4;
	write_page(db, db->nothing); /* page 1; what fails is told by what comes next */
	*out = take(db);
	return 0;
}

void dbfile_free(struct dbfile *db)
{
	for (u32 i = 0; db && i < db->count; i++) {
		struct table *table = &db->tables[i];

		for (u32 level = 0; level < LEVELS_MAX; level++)
			free(table->levels[level].page.bytes);
		free(table->leaf.bytes);
		free(table->name);
		free(table->sql);
	}
	if (db) {
		free(db->record);
		free(db->nothing);
	}
	free(db);
}
