// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* recover - chunks that lie in a file in any order, into a trace */
#include "user/trace/recover.h"

#include <errno.h>
#include <stdlib.h>

#include "user/trace/head.h"
#include "user/trace/source.h"
#include "user/trace/writer.h"

struct piece {
	u64 sequence;
	struct trace_chunk_info is;
};

struct rescue {
	struct source source;
	struct scan scan;
	struct arena arena;
	struct trace_info info;
	struct piece *pieces; /* by their sequence */
	size_t count;
	size_t first; /* from here on without a gap */
};

static void rescue_free(struct rescue *rescue)
{
	free(rescue->pieces);
	buffer_free(&rescue->scan.chunks);
	buffer_free(&rescue->scan.gaps);
	arena_free(&rescue->arena);
	source_close(&rescue->source);
}

static int read_head(struct rescue *rescue, u64 *behind, struct err *err)
{
	struct source *source = &rescue->source;
	CLEANUP(free) u8 *bytes = malloc(TRACE_HEAD_MAX);
	size_t size = (size_t)min((u64)TRACE_HEAD_MAX, source->size);
	bool whole;
	int r;

	if (!bytes)
		return fail(err, -ENOMEM, "no memory to read '%s'", source->path);
	r = source_read(source, bytes, 0, size, err);
	r = r ?: head_check(bytes, size, source->path, err);
	if (r < 0)
		return r;
	size = min(size, head_bytes(bytes));
	if (head_get(&rescue->info, bytes, size, &rescue->arena, &whole))
		return fail(err, -ENOMEM, "no memory to read '%s'", source->path);
	*behind = whole ? size : TRACE_HEAD_BYTES;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct piece *a = left, *b = right;

	return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

/* Which come next to the newest one. @count: those of the same sequence are one */
static void find_run(struct rescue *rescue)
{
	size_t kept = 0;

	qsort(rescue->pieces, rescue->count, sizeof(*rescue->pieces), compare);
	for (size_t i = 0; i < rescue->count; i++)
		if (!i || rescue->pieces[i].sequence != rescue->pieces[kept - 1].sequence)
			rescue->pieces[kept++] = rescue->pieces[i];
	rescue->count = kept;
	rescue->first = kept ? kept - 1 : 0;
	while (rescue->first && rescue->pieces[rescue->first - 1].sequence + 1 ==
					rescue->pieces[rescue->first].sequence)
		rescue->first--;
}

static int list_pieces(struct rescue *rescue, struct err *err)
{
	const struct trace_chunk_info *chunks = (const void *)rescue->scan.chunks.data;
	size_t count = rescue->scan.chunks.size / sizeof(*chunks);

	rescue->pieces = calloc(count ?: 1, sizeof(*rescue->pieces));
	if (!rescue->pieces)
		return fail(err, -ENOMEM, "no memory to recover '%s'", rescue->source.path);
	for (size_t i = 0; i < count; i++) {
		struct chunk_head head;
		u8 bytes[CHUNK_HEAD_BYTES];
		int r = source_read(&rescue->source, bytes, chunks[i].offset, sizeof(bytes), err);

		if (r < 0 && r != -ENODATA)
			return r;
		/* It may have been written over meanwhile. */
		if (r < 0 || !chunk_head_get(&head, bytes))
			continue;
		rescue->pieces[rescue->count++] = (struct piece){ head.sequence, chunks[i] };
	}
	find_run(rescue);
	if (rescue->count)
		return 0;
	fail(err, -ENODATA, "'%s' holds nothing that could be recovered", rescue->source.path);
	return hint(err, "a recorder writes its first chunk a second after it began");
}

static int write_piece(struct rescue *rescue, const struct piece *piece,
		       struct trace_writer *writer, struct recovered *done, struct err *err)
{
	struct source *source = &rescue->source;
	struct chunk chunk = { .bytes = piece->is.bytes,
			       .begin_ns = piece->is.begin_ns,
			       .end_ns = piece->is.end_ns,
			       .events = piece->is.events,
			       .lost = piece->is.lost };
	int r;

	buffer_reset(&source->bytes);
	if (buffer_reserve(&source->bytes, chunk.bytes))
		return fail(err, -ENOMEM, "no memory to recover '%s'", source->path);
	r = source_read(source, source->bytes.data, piece->is.offset, chunk.bytes, err);
	if (r < 0)
		return r == -ENODATA ? fail(err, r, "'%s' became shorter", source->path) : r;
	chunk.data = source->bytes.data;
	r = trace_writer_chunk(writer, &chunk, err);
	if (r < 0)
		return r;
	done->chunks++;
	done->events += chunk.events;
	done->to_ns = chunk.end_ns;
	return 0;
}

static int write_run(struct rescue *rescue, const char *to, bool replace, struct recovered *done,
		     struct err *err)
{
	CLEANUP(trace_writer_abort) struct trace_writer *writer = NULL;
	int r = trace_writer_open(&writer, to, replace, &rescue->info, err);

	done->from_ns = rescue->pieces[rescue->first].is.begin_ns;
	done->left_out = rescue->first;
	for (size_t i = rescue->first; i < rescue->count && !r; i++)
		r = write_piece(rescue, &rescue->pieces[i], writer, done, err);
	if (r < 0)
		return r;
	trace_writer_sync(writer);
	/* How it ended, and what was recorded in all, nobody knows. */
	return trace_writer_finish(take(writer), NULL, err);
}

int trace_recover(struct recovered *out, const char *from, const char *to, bool replace,
		  struct err *err)
{
	struct rescue rescue = { .source = { .fd = -1 } };
	struct recovered done = { 0 };
	u64 behind_head = 0;
	int r = source_open(&rescue.source, from, err);

	r = r ?: read_head(&rescue, &behind_head, err);
	r = r ?: scan_chunks(&rescue.scan, &rescue.source, behind_head, true, err);
	r = r ?: list_pieces(&rescue, err);
	r = r ?: write_run(&rescue, to, replace, &done, err);
	rescue_free(&rescue);
	if (r < 0)
		return r;
	*out = done;
	return 0;
}
