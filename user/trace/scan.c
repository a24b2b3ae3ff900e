// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * scan - which chunks lie in a file that has no index (any more)
 *
 * Chunks lie back to back; where none lies, the next one is looked for by its magic. Heads of
 * other traces and footers are passed over, so that traces can be put behind one another.
 */
#include <errno.h>

#include "user/trace/head.h"
#include "user/trace/source.h"

#define WINDOW ((size_t)64 << 10)

/*
 * A hostile file may pretend a long chunk at every byte. Honest ones are checked once; this is
 * how much of the file's size may be checked again before what looks like a chunk is passed.
 */
#define RECHECK_TIMES 4
#define RECHECK_MORE  ((u64)256 << 20)

struct searcher {
	struct scan *scan;
	struct source *source;
	u64 offset;
	u64 checked; /* bytes of what turned out to be no chunks */
	bool in_gap;
	u64 gap_begin;
};

/* Where the next chunk's magic lies behind @offset; the file's end when there is none. */
static int find_magic(struct searcher *s, u64 offset, u64 *found, struct err *err)
{
	u8 window[WINDOW];

	while (offset < s->source->size) {
		size_t size = (size_t)min((u64)WINDOW, s->source->size - offset);
		int r = source_read(s->source, window, offset, size, err);
		const u8 *at;

		if (r < 0)
			return r;
		at = memmem(window, size, CHUNK_MAGIC, MAGIC_BYTES);
		if (at) {
			*found = offset + (u64)(at - window);
			return 0;
		}
		if (size < WINDOW)
			break;
		offset += size - (MAGIC_BYTES - 1);
	}
	*found = s->source->size;
	return 0;
}

/* A footer, or the head of a trace that was put behind. Return: its bytes, 0: neither. */
static u64 known_piece(struct searcher *s)
{
	u64 left = s->source->size - s->offset;
	struct footer footer;
	u8 bytes[FOOTER_BYTES];

	_Static_assert(FOOTER_BYTES == TRACE_HEAD_BYTES, "one read for both");
	if (left < sizeof(bytes) || source_read(s->source, bytes, s->offset, sizeof(bytes), NULL))
		return 0;
	if (footer_get(&footer, bytes))
		return FOOTER_BYTES;
	if (memcmp(bytes, TRACE_MAGIC, MAGIC_BYTES) == 0 && head_bytes(bytes) <= left)
		return head_bytes(bytes);
	return 0;
}

static void end_gap(struct searcher *s)
{
	if (s->in_gap)
		s->scan->damage.bad_bytes += s->offset - s->gap_begin;
}

static int found_chunk(struct searcher *s, const struct chunk_head *head, struct err *err)
{
	struct trace_chunk_info info = {
		.offset = s->offset,
		.bytes = CHUNK_HEAD_BYTES + (u64)head->bytes,
		.begin_ns = head->begin_ns,
		.end_ns = head->end_ns,
		.events = head->events,
		.lost = head->lost,
	};

	end_gap(s);
	if (head->kind == CHUNK_EVENTS) {
		buffer_append(&s->scan->chunks, &info, sizeof(info));
		buffer_append(&s->scan->gaps, &s->in_gap, sizeof(s->in_gap));
		s->in_gap = false;
	} else if (head->kind == CHUNK_INDEX) {
		s->scan->index_offset = s->offset;
	}
	s->offset += info.bytes;
	if (s->in_gap)
		s->gap_begin = s->offset; /* it goes on behind an index or unknown chunk */
	return s->scan->chunks.failed || s->scan->gaps.failed
		       ? fail(err, -ENOMEM, "no memory for the chunks of '%s'", s->source->path)
		       : 0;
}

/* Nothing good lies at the offset. Goes to the next place where something may. */
static int skip_bad(struct searcher *s, u64 checked, struct err *err)
{
	if (!s->in_gap) {
		s->in_gap = true;
		s->gap_begin = s->offset;
	}
	s->checked += checked;
	if (s->checked > s->source->size * RECHECK_TIMES + RECHECK_MORE) {
		s->offset = s->source->size;
		return 0;
	}
	return find_magic(s, s->offset + 1, &s->offset, err);
}

static int step(struct searcher *s, struct err *err)
{
	struct chunk_head head = { 0 };
	const u8 *payload;
	u64 known = known_piece(s);
	int r;

	if (known) {
		end_gap(s);
		s->offset += known;
		if (s->in_gap)
			s->gap_begin = s->offset;
		return 0;
	}
	r = source_chunk(s->source, s->offset, &head, &payload, err);
	if (!r)
		return found_chunk(s, &head, err);
	if (r == -ENODATA && !s->in_gap) {
		/* The last chunk was cut off; unless a head with a wrong length hides others. */
		u64 next;

		r = find_magic(s, s->offset + 1, &next, err);
		if (r < 0)
			return r;
		if (next == s->source->size) {
			s->scan->damage.cut_bytes = next - s->offset;
			s->offset = next;
			return 0;
		}
	} else if (r != -EBADMSG && r != -ENODATA) {
		return r;
	}
	if (r == -EBADMSG && head.bytes)
		s->scan->damage.bad_chunks++;
	return skip_bad(s, r == -EBADMSG ? head.bytes : 0, err);
}

int scan_chunks(struct scan *scan, struct source *source, u64 offset, bool search, struct err *err)
{
	struct searcher s = { .scan = scan, .source = source, .offset = offset };
	int r = search ? find_magic(&s, offset, &s.offset, err) : 0;

	if (r < 0)
		return r;
	while (s.offset < source->size) {
		r = step(&s, err);
		if (r < 0)
			return r;
	}
	end_gap(&s);
	scan->gap_at_end = s.in_gap;
	return 0;
}
