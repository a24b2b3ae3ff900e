// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sorter - any number of small records in order of a key, in bounded memory */
#include "user/export/sorter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/buffer.h"
#include "user/base/cleanup.h"
#include "user/model/grow.h"

#define BYTES_MAX  (16u << 20)
#define ITEMS_MAX  (512u << 10)
#define RUNS_MAX   128
#define BLOCK      (64u << 10) /* of a run that is read or written */
#define DIGIT_BITS 11
#define DIGITS     (1u << DIGIT_BITS)

/* One run, as it is read */
struct source {
	u64 at; /* in the file: behind the block */
	u64 end;
	u8 *block;
	size_t pos;
	size_t have;
	u64 key;
	const u8 *data;
	size_t size;
};

struct merge {
	struct source *sources;
	u32 *heap; /* of numbers of sources, the least key first */
	u32 count;
	bool started; /* the first was handed out */
};

/* Sorts by the bits of the keys that differ, eleven at a time; equal keys keep their order. */
static int sort_items(struct sorter *s)
{
	CLEANUP(free) struct sorter_item *other = NULL;
	struct sorter_item *from = s->items, *to;
	u64 least = UINT64_MAX, most = 0;
	bool sorted = true;

	for (u32 i = 0; i < s->count; i++) {
		least = min(least, from[i].key);
		sorted &= from[i].key >= most;
		most = max(most, from[i].key);
	}
	if (sorted)
		return 0;
	to = other = malloc(s->room * sizeof(*other));
	if (!other)
		return -ENOMEM;
	for (unsigned int shift = 0; shift < 64 && (most - least) >> shift; shift += DIGIT_BITS) {
		u32 places[DIGITS] = { 0 }, place = 0;
		struct sorter_item *swap = from;

		for (u32 i = 0; i < s->count; i++)
			places[(from[i].key - least) >> shift & (DIGITS - 1)]++;
		for (u32 digit = 0; digit < DIGITS; digit++) {
			u32 count = places[digit];

			places[digit] = place;
			place += count;
		}
		for (u32 i = 0; i < s->count; i++)
			to[places[(from[i].key - least) >> shift & (DIGITS - 1)]++] = from[i];
		from = to;
		to = swap;
	}
	if (from == s->items)
		return 0;
	other = s->items;
	s->items = from;
	return 0;
}

static int open_file(void)
{
	const char *folder = secure_getenv("TMPDIR");
	char path[4096];
	int fd;

	folder = folder && *folder ? folder : "/var/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "%s/tracer.XXXXXX", folder);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static int write_block(struct sorter *s, struct buffer *block)
{
	size_t done = 0;

	if (block->failed)
		return -ENOMEM;
	while (done < block->size) {
		ssize_t n = pwrite(s->file - 1, block->data + done, block->size - done,
				   (off_t)s->file_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		done += (size_t)n;
		s->file_bytes += (u64)n;
	}
	block->size = 0;
	return 0;
}

static int write_item(struct sorter *s, struct buffer *block, u64 step, const void *data,
		      size_t size)
{
	buffer_varint(block, step);
	buffer_bytes(block, data, size);
	return block->size < BLOCK ? 0 : write_block(s, block);
}

static int read_more(const struct sorter *s, struct source *source)
{
	size_t left = source->have - source->pos;

	memmove(source->block, source->block + source->pos, left);
	source->pos = 0;
	source->have = left;
	while (source->have < BLOCK && source->at < source->end) {
		size_t room = min((u64)(BLOCK - source->have), source->end - source->at);
		ssize_t n =
			pread(s->file - 1, source->block + source->have, room, (off_t)source->at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		source->at += (u64)n;
		source->have += (size_t)n;
	}
	return 0;
}

/* Return: 1, 0 at the end of the run, or a negative errno. */
static int next_of(const struct sorter *s, struct source *source)
{
	struct cursor cursor;
	int r;

	if (source->have - source->pos < SORTER_RECORD_MAX + 2 * VARINT_MAX &&
	    source->at < source->end) {
		r = read_more(s, source);
		if (r < 0)
			return r;
	}
	if (source->pos == source->have)
		return 0;
	cursor = (struct cursor){ .at = source->block + source->pos,
				  .end = source->block + source->have };
	source->key += cursor_varint(&cursor);
	source->size = cursor_varint(&cursor);
	source->data = cursor_take(&cursor, source->size);
	source->pos = (size_t)(cursor.at - source->block);
	return cursor.failed ? -EIO : 1;
}

static bool is_before(const struct merge *m, u32 a, u32 b)
{
	u64 x = m->sources[a].key, y = m->sources[b].key;

	return x != y ? x < y : a < b;
}

static void sink_down(struct merge *m, u32 at)
{
	u32 moved = m->heap[at];

	for (;;) {
		u32 child = 2 * at + 1;

		if (child >= m->count)
			break;
		if (child + 1 < m->count && is_before(m, m->heap[child + 1], m->heap[child]))
			child++;
		if (is_before(m, moved, m->heap[child]))
			break;
		m->heap[at] = m->heap[child];
		at = child;
	}
	m->heap[at] = moved;
}

static void merge_free(struct merge *m, u32 sources)
{
	for (u32 i = 0; m && m->sources && i < sources; i++)
		free(m->sources[i].block);
	if (m) {
		free(m->sources);
		free(m->heap);
	}
	free(m);
}

/* Of the runs from @first on */
static int merge_begin(struct merge **out, const struct sorter *s, u32 first)
{
	u32 count = s->run_count - first;
	struct merge *m = calloc(1, sizeof(*m));
	int r = 0;

	if (m) {
		m->sources = calloc(count, sizeof(*m->sources));
		m->heap = calloc(count, sizeof(*m->heap));
	}
	if (!m || !m->sources || !m->heap) {
		merge_free(m, 0);
		return -ENOMEM;
	}
	for (u32 i = 0; i < count && r >= 0; i++) {
		struct source *source = &m->sources[i];

		source->at = s->runs[first + i].offset;
		source->end = s->runs[first + i].end;
		source->block = malloc(BLOCK);
		r = source->block ? next_of(s, source) : -ENOMEM;
		if (r > 0)
			m->heap[m->count++] = i;
	}
	if (r < 0) {
		merge_free(m, count);
		return r;
	}
	for (u32 i = m->count / 2; i > 0; i--)
		sink_down(m, i - 1);
	*out = m;
	return 0;
}

/* Return: 1 with the least one in the source at the top of the heap; 0; a negative errno. */
static int merge_next(const struct sorter *s, struct merge *m)
{
	int r;

	if (m->started && m->count) {
		r = next_of(s, &m->sources[m->heap[0]]);
		if (r < 0)
			return r;
		if (!r)
			m->heap[0] = m->heap[--m->count];
		if (m->count)
			sink_down(m, 0);
	}
	m->started = true;
	return m->count > 0;
}

static int add_run(struct sorter *s, u64 offset, bool merged)
{
	if (!grow(&s->runs, s->run_count, &s->run_room, sizeof(*s->runs)))
		return -ENOMEM;
	s->runs[s->run_count++] =
		(struct sorter_run){ .offset = offset, .end = s->file_bytes, .merged = merged };
	return 0;
}

/* The runs from @first on become one. */
static int join_runs(struct sorter *s, u32 first)
{
	u64 begin = s->file_bytes, key = 0, freed = s->runs[first].offset;
	struct buffer block = { 0 };
	struct merge *m = NULL;
	int r = merge_begin(&m, s, first);

	while (r >= 0 && (r = merge_next(s, m)) > 0) {
		const struct source *source = &m->sources[m->heap[0]];

		r = write_item(s, &block, source->key - key, source->data, source->size);
		key = source->key;
	}
	if (r >= 0)
		r = write_block(s, &block);
	merge_free(m, s->run_count - first);
	buffer_free(&block);
	if (r < 0)
		return r;
	/* The room on the disk is given back where the file system can; else it is for later. */
	if (fallocate(s->file - 1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)freed,
		      (off_t)(begin - freed)))
		errno = 0;
	s->run_count = first;
	return add_run(s, begin, true);
}

static u32 unmerged_runs(const struct sorter *s)
{
	u32 first = s->run_count;

	while (first > 0 && !s->runs[first - 1].merged)
		first--;
	return first;
}

/* What is in memory becomes a run. */
static int spill(struct sorter *s)
{
	struct buffer block = { 0 };
	u64 key = 0, begin = s->file_bytes;
	int r = sort_items(s);

	if (!r && !s->file) {
		r = open_file();
		s->file = r < 0 ? 0 : r + 1;
		r = min(r, 0);
	}
	for (u32 i = 0; i < s->count && !r; i++) {
		const struct sorter_item *item = &s->items[i];

		r = write_item(s, &block, item->key - key, s->arena + item->offset, item->size);
		key = item->key;
	}
	r = r ?: write_block(s, &block);
	buffer_free(&block);
	s->count = 0;
	s->used = 0;
	r = r ?: add_run(s, begin, false);
	if (!r && s->run_count - unmerged_runs(s) >= (s->runs_max ?: RUNS_MAX))
		r = join_runs(s, unmerged_runs(s));
	return r;
}

int sorter_add(struct sorter *s, u64 key, const void *data, size_t size)
{
	size_t room = s->arena_room ?: 1u << 16;
	int r;

	if (size > SORTER_RECORD_MAX)
		return -E2BIG;
	if (s->count && (s->count >= (s->items_max ?: ITEMS_MAX) ||
			 s->used + size > (s->bytes_max ?: BYTES_MAX))) {
		r = spill(s);
		if (r < 0)
			return r;
	}
	if (!grow(&s->items, s->count, &s->room, sizeof(*s->items)))
		return -ENOMEM;
	while (room < s->used + size)
		room *= 2;
	if (room != s->arena_room) {
		u8 *arena = realloc(s->arena, room);

		if (!arena)
			return -ENOMEM;
		s->arena = arena;
		s->arena_room = room;
	}
	s->items[s->count++] =
		(struct sorter_item){ .key = key, .offset = (u32)s->used, .size = (u32)size };
	memcpy(s->arena + s->used, data, size);
	s->used += size;
	return 0;
}

int sorter_finish(struct sorter *s)
{
	int r;

	if (!s->run_count)
		return sort_items(s);
	r = s->count ? spill(s) : 0;
	/* The room is for the runs' blocks now. */
	free(take(s->items));
	free(take(s->arena));
	s->room = 0;
	s->arena_room = 0;
	return r ?: merge_begin(&s->merge, s, 0);
}

int sorter_next(struct sorter *s, u64 *key, const u8 **data, size_t *size)
{
	const struct source *source;
	int r;

	if (!s->merge) {
		const struct sorter_item *item = &s->items[s->next];

		if (s->next >= s->count)
			return 0;
		s->next++;
		*key = item->key;
		*data = s->arena + item->offset;
		*size = item->size;
		return 1;
	}
	r = merge_next(s, s->merge);
	if (r <= 0)
		return r;
	source = &s->merge->sources[s->merge->heap[0]];
	*key = source->key;
	*data = source->data;
	*size = source->size;
	return 1;
}

void sorter_free(struct sorter *s)
{
	merge_free(s->merge, s->run_count);
	free(s->runs);
	free(s->items);
	free(s->arena);
	if (s->file)
		close(s->file - 1);
	*s = (struct sorter){ 0 };
}
