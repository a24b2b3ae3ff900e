// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* mapped - what an encoder remembers of mappings, to say it again now and then */
#include "user/trace/mapped.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/trace/fields.h"
#include "user/trace/format.h"

#define ROW_BYTES 40 /* in a file, nearly: half of them the build id */
#define SHARE     32 /* times their own bytes are written before they come again */

#define STRAYS_CHUNKS 64 /* so often processes are looked for that ended unnoticed */

/* Shared with the processes that were forked since. */
struct path {
	u32 users;
	size_t bytes;
	char text[];
};

struct row {
	struct trace_mapping is; /* its path is the text of: */
	struct path *path;
	u64 told_chunk;
};

struct mapped_process {
	struct row *rows;
	u32 count, room;
	u64 ended_chunk; /* 0: it goes on */
};

static struct mapped_process *find(const struct mapped *mapped, u32 tgid)
{
	const u64 *value = map_get(&mapped->by_tgid, tgid);

	return value ? (struct mapped_process *)(uintptr_t)*value : NULL;
}

static void drop_row(struct mapped *mapped, struct row *row)
{
	mapped->count--;
	if (--row->path->users)
		return;
	mapped->path_bytes -= row->path->bytes;
	free(row->path);
}

static void drop_rows(struct mapped *mapped, struct mapped_process *process)
{
	while (process->count)
		drop_row(mapped, &process->rows[--process->count]);
}

static void forget(struct mapped *mapped, u32 tgid)
{
	struct mapped_process *process = find(mapped, tgid);

	if (!process)
		return;
	drop_rows(mapped, process);
	free(process->rows);
	free(process);
	map_remove(&mapped->by_tgid, tgid);
}

static struct mapped_process *find_or_add(struct mapped *mapped, u32 tgid)
{
	struct mapped_process *process = find(mapped, tgid);
	u64 *value;

	if (process)
		return process;
	process = calloc(1, sizeof(*process));
	value = process ? map_put(&mapped->by_tgid, tgid) : NULL;
	if (!value) {
		free(process);
		return NULL;
	}
	*value = (uintptr_t)process;
	return process;
}

/* What lies where the new one is, is mapped no more. */
static void drop_covered(struct mapped *mapped, struct mapped_process *process,
			 const struct trace_mapping *by)
{
	u32 kept = 0;

	for (u32 i = 0; i < process->count; i++) {
		struct row *row = &process->rows[i];

		if (row->is.address - by->address < by->bytes ||
		    by->address - row->is.address < row->is.bytes)
			drop_row(mapped, row);
		else
			process->rows[kept++] = *row;
	}
	process->count = kept;
}

static int add_row(struct mapped *mapped, struct mapped_process *process, const struct row *row)
{
	if (process->count == process->room) {
		u32 room = process->room ? process->room * 2 : 16;
		struct row *rows = reallocarray(process->rows, room, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		process->rows = rows;
		process->room = room;
	}
	process->rows[process->count++] = *row;
	row->path->users++;
	mapped->count++;
	return 0;
}

static int learn_mapping(struct mapped *mapped, const struct trace_mapping *mapping)
{
	size_t bytes = strnlen(mapping->path ?: "", TEXT_FIELD_MAX);
	struct mapped_process *process;
	struct path *path;
	struct row row;
	int r;

	process = find_or_add(mapped, mapping->tgid);
	if (!process)
		return -ENOMEM;
	drop_covered(mapped, process, mapping);
	if (mapped->count == MAPPED_ROWS_MAX || mapped->path_bytes + bytes > MAPPED_PATHS_MAX)
		return 0;
	path = calloc(1, sizeof(*path) + bytes + 1);
	if (!path)
		return -ENOMEM;
	path->bytes = bytes;
	memcpy(path->text, mapping->path ?: "", bytes);
	row = (struct row){ .is = *mapping, .path = path, .told_chunk = mapped->chunk };
	row.is.path = path->text;
	row.is.restated = 0;
	r = add_row(mapped, process, &row);
	if (r < 0) {
		free(path);
		return r;
	}
	mapped->path_bytes += bytes;
	mapped->rest_bytes += (u64)ROW_BYTES * SHARE;
	return 0;
}

/* A child has what its parent has: a reader that begins later was not told whose child it is. */
static int learn_fork(struct mapped *mapped, const struct event_fork *fork)
{
	struct mapped_process *parent = find(mapped, fork->parent_tgid), *child;
	int r = 0;

	if (fork->tid != fork->tgid || fork->parent_tgid == fork->tgid)
		return 0;
	forget(mapped, fork->tgid);
	if (!parent || !parent->count)
		return 0;
	child = find_or_add(mapped, fork->tgid);
	if (!child)
		return -ENOMEM;
	for (u32 i = 0; i < parent->count && mapped->count < MAPPED_ROWS_MAX && !r; i++) {
		struct row row = parent->rows[i];

		row.is.tgid = fork->tgid;
		row.told_chunk = mapped->chunk;
		r = add_row(mapped, child, &row);
	}
	return r;
}

int mapped_learn(struct mapped *mapped, const struct trace_event *event)
{
	struct mapped_process *process;

	switch (event->kind) {
	case EVENT_MAPPING: return learn_mapping(mapped, event->mapping);
	case EVENT_FORK: return learn_fork(mapped, event->fork);
	case EVENT_EXEC:
		process = find(mapped, event->exec.tid);
		if (process)
			drop_rows(mapped, process);
		return 0;
	case EVENT_EXIT:
		process = event->exit.last ? find(mapped, event->exit.tgid) : NULL;
		if (process)
			process->ended_chunk = mapped->chunk;
		return 0;
	default: return 0;
	}
}

/* The mappings of one process that were told before. */
static u32 collect(const struct mapped *mapped, struct trace_mapping *to,
		   const struct mapped_process *process)
{
	u32 count = 0;

	for (u32 i = 0; i < process->count; i++)
		if (process->rows[i].told_chunk != mapped->chunk)
			to[count++] = process->rows[i].is;
	return count;
}

/* Those of whom the chunk tells something. */
static u32 collect_all(const struct mapped *mapped, struct trace_mapping *to,
		       const struct threads *threads)
{
	struct map seen = { 0 };
	u32 count = 0;

	for (size_t i = 0; i < threads->count; i++) {
		const struct thread_entry *t = &threads->entries[i];
		const struct mapped_process *process;
		u64 *again;

		if (!t->used || !t->now.known || (t->chunk != threads->chunk && !mapped->wanted))
			continue;
		process = find(mapped, t->now.is.tgid);
		again = process ? map_put(&seen, t->now.is.tgid) : NULL;
		if (!again || *again)
			continue;
		*again = 1;
		count += collect(mapped, to + count, process);
	}
	map_free(&seen);
	return count;
}

void mapped_put(struct mapped *mapped, struct buffer *b, const struct threads *threads)
{
	CLEANUP(free) struct trace_mapping *rows = NULL;
	u32 count;

	if (!mapped->count || (mapped->rest_bytes && !mapped->wanted))
		return;
	rows = calloc(mapped->count, sizeof(*rows));
	if (!rows) {
		b->failed = true;
		return;
	}
	count = collect_all(mapped, rows, threads);
	if (!count)
		return;
	buffer_varint(b, count);
	fields_put(b, &event_fields[EVENT_MAPPING], rows, count);
	mapped->rest_bytes = (u64)count * ROW_BYTES * SHARE;
}

/* Mappings may be read when their process has just ended: nobody tells its end again. */
static void end_strays(struct mapped *mapped, const struct threads *threads)
{
	struct map alive = { 0 };
	bool whole = true;

	for (size_t i = 0; i < threads->count; i++)
		if (threads->entries[i].used)
			whole &= map_put(&alive, threads->entries[i].now.is.tgid) != NULL;
	map_for_each(&mapped->by_tgid, slot) {
		struct mapped_process *process = (void *)(uintptr_t)slot->value;

		if (whole && !map_get(&alive, slot->key))
			process->ended_chunk = mapped->chunk;
	}
	map_free(&alive);
}

/* A removal moves others: some at a time. */
static void forget_ended(struct mapped *mapped)
{
	u32 ended[64], count;

	do {
		count = 0;
		map_for_each(&mapped->by_tgid, slot) {
			const struct mapped_process *process = (void *)(uintptr_t)slot->value;

			if (process->ended_chunk && count < ARRAY_SIZE(ended))
				ended[count++] = (u32)slot->key;
		}
		for (u32 i = 0; i < count; i++)
			forget(mapped, ended[i]);
	} while (count == ARRAY_SIZE(ended));
}

void mapped_next_chunk(struct mapped *mapped, size_t chunk_bytes, const struct threads *threads)
{
	mapped->rest_bytes -= min(mapped->rest_bytes, (u64)chunk_bytes);
	mapped->wanted = false;
	if (mapped->chunk % STRAYS_CHUNKS == 0)
		end_strays(mapped, threads);
	forget_ended(mapped);
	mapped->chunk++;
}

void mapped_free(struct mapped *mapped)
{
	map_for_each(&mapped->by_tgid, slot) {
		struct mapped_process *process = (void *)(uintptr_t)slot->value;

		drop_rows(mapped, process);
		free(process->rows);
		free(process);
	}
	map_free(&mapped->by_tgid);
}
