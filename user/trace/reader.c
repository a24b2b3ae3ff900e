// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* reader - a file back into events, in order of time */
#include "user/trace/reader.h"

#include <errno.h>

#include "user/trace/batch.h"
#include "user/trace/head.h"
#include "user/trace/source.h"

struct trace_reader {
	struct source source;
	struct arena arena; /* of info and totals */
	struct trace_info info;
	struct trace_totals *totals;
	struct scan scan;   /* chunks, gaps, damage: from the index, or found */
	struct batch batch; /* of the open chunk */
	size_t next_chunk;
	bool *bad;       /* by chunk: was found to be bad, and counted */
	u64 last_ns;     /* of what was handed out */
	u64 good_end_ns; /* of the last chunk that could be read */
	bool in_gap;     /* since then something could not be read */
	bool gap_told;   /* the one at the file's end */
	struct trace_loss loss;
	struct trace_event event; /* that was handed out, its time put right */
};

static size_t chunk_count(const struct trace_reader *r)
{
	return r->scan.chunks.size / sizeof(struct trace_chunk_info);
}

static const struct trace_chunk_info *chunk_at(const struct trace_reader *r, size_t i)
{
	return (const struct trace_chunk_info *)(const void *)r->scan.chunks.data + i;
}

static int read_head(struct trace_reader *r, const char *path, u64 *bytes_out, struct err *err)
{
	CLEANUP(free) u8 *bytes = calloc(1, TRACE_HEAD_MAX);
	u64 size = min(r->source.size, (u64)TRACE_HEAD_BYTES);
	bool whole;
	int status;

	if (!bytes)
		return fail(err, -ENOMEM, "no memory to read '%s'", path);
	status = source_read(&r->source, bytes, 0, (size_t)size, err);
	if (!status)
		status = head_check(bytes, (size_t)size, r->source.path, err);
	if (status < 0)
		return status;
	size = min(r->source.size, (u64)head_bytes(bytes));
	status = source_read(&r->source, bytes, 0, (size_t)size, err);
	if (status < 0)
		return status;
	if (head_get(&r->info, bytes, (size_t)size, &r->arena, &whole) < 0)
		return fail(err, -ENOMEM, "no memory to read '%s'", path);
	r->scan.damage.bad_head = !whole;
	*bytes_out = whole ? size : TRACE_HEAD_BYTES;
	return 0;
}

static int inflate_index(struct trace_reader *r, struct index *index, u64 offset, struct err *err)
{
	struct chunk_head head;
	const u8 *payload;
	int status = source_chunk(&r->source, offset, &head, &payload, err);

	if (!status && head.kind != CHUNK_INDEX)
		status = -EBADMSG;
	if (!status)
		status = batch_inflate(&r->batch, &head, payload);
	if (!status)
		status = index_get(index, r->batch.raw, head.raw_bytes, &r->arena);
	return status;
}

/* Chunks in order, one behind the other, in the file and of a possible size. */
static bool is_sane(const struct index *index, u64 head_end, u64 index_offset)
{
	u64 end = head_end;

	for (size_t i = 0; i < index->count; i++) {
		const struct trace_chunk_info *c = &index->chunks[i];

		if (c->offset != end || c->offset > index_offset || c->bytes < CHUNK_HEAD_BYTES ||
		    c->bytes > index_offset - c->offset || c->begin_ns > c->end_ns)
			return false;
		end = c->offset + c->bytes;
	}
	return true;
}

/* Return: whether the file has an index that fits it. */
static bool use_index(struct trace_reader *r, u64 head_end)
{
	struct index index;
	struct footer footer;
	u8 bytes[FOOTER_BYTES];
	bool gap = false;

	if (r->scan.damage.bad_head || r->source.size < head_end + CHUNK_HEAD_BYTES + FOOTER_BYTES)
		return false;
	if (source_read(&r->source, bytes, r->source.size - FOOTER_BYTES, FOOTER_BYTES, NULL) ||
	    !footer_get(&footer, bytes) || footer.file_bytes != r->source.size ||
	    inflate_index(r, &index, footer.index_offset, NULL) ||
	    !is_sane(&index, head_end, footer.index_offset))
		return false;
	r->totals = index.totals;
	buffer_append(&r->scan.chunks, index.chunks, index.count * sizeof(*index.chunks));
	for (size_t i = 0; i < index.count; i++)
		buffer_append(&r->scan.gaps, &gap, sizeof(gap));
	if (!r->scan.chunks.failed && !r->scan.gaps.failed)
		return true;
	buffer_reset(&r->scan.chunks);
	buffer_reset(&r->scan.gaps);
	return false;
}

static int rebuild_index(struct trace_reader *r, u64 head_end, struct err *err)
{
	struct index index;
	int status = scan_chunks(&r->scan, &r->source, head_end, r->scan.damage.bad_head, err);

	if (status < 0)
		return status;
	r->scan.damage.no_index = true;
	if (r->scan.index_offset && inflate_index(r, &index, r->scan.index_offset, err) == 0)
		r->totals = index.totals;
	return 0;
}

int trace_reader_open(struct trace_reader **out, const char *path, struct err *err)
{
	CLEANUP(trace_reader_close) struct trace_reader *r = calloc(1, sizeof(*r));
	u64 head_end = 0;
	int status;

	if (!r)
		return fail(err, -ENOMEM, "no memory to open '%s'", path);
	r->source.fd = -1;
	status = source_open(&r->source, path, err);
	if (!status)
		status = read_head(r, path, &head_end, err);
	if (!status && !use_index(r, head_end))
		status = rebuild_index(r, head_end, err);
	if (status < 0)
		return status;
	r->scan.damage.no_end = !r->totals;
	r->bad = calloc(chunk_count(r) + 1, sizeof(*r->bad));
	if (!r->bad)
		return fail(err, -ENOMEM, "no memory to open '%s'", path);
	r->good_end_ns = trace_reader_begin_ns(r);
	*out = take(r);
	return 0;
}

void trace_reader_close(struct trace_reader *r)
{
	if (!r)
		return;
	source_close(&r->source);
	arena_free(&r->arena);
	batch_free(&r->batch);
	buffer_free(&r->scan.chunks);
	buffer_free(&r->scan.gaps);
	free(r->bad);
	free(r);
}

/* Tells of what could not be read between @r->good_end_ns and @to_ns. */
static void tell_gap(struct trace_reader *r, u64 to_ns)
{
	r->in_gap = false;
	r->loss = (struct trace_loss){
		.from_ns = r->good_end_ns,
		.to_ns = max(to_ns, r->good_end_ns),
		.unreadable = 1,
	};
	r->last_ns = max(r->last_ns, r->loss.from_ns);
	r->event = (struct trace_event){ .time_ns = r->last_ns, .kind = EVENT_LOSS };
	r->event.loss = &r->loss;
}

static void found_bad(struct trace_reader *r, size_t i)
{
	r->in_gap = true;
	if (r->bad[i])
		return;
	r->bad[i] = true;
	r->scan.damage.bad_chunks++;
	r->scan.damage.bad_bytes += chunk_at(r, i)->bytes;
}

/* Return: 1 when the chunk's events are ready, 0 when it is bad, or a negative errno. */
static int open_chunk(struct trace_reader *r, size_t i, struct err *err)
{
	const struct trace_chunk_info *info = chunk_at(r, i);
	struct chunk_head head;
	const u8 *payload;
	int status = source_chunk(&r->source, info->offset, &head, &payload, err);

	if (!status && (head.kind != CHUNK_EVENTS || head.bytes + CHUNK_HEAD_BYTES != info->bytes))
		status = -EBADMSG;
	if (!status)
		status = batch_decode(&r->batch, &head, payload);
	if (status == -ENOMEM)
		return fail(err, -ENOMEM, "no memory for a chunk of '%s'", r->source.path);
	if (status == -EBADMSG || status == -ENODATA) {
		batch_empty(&r->batch);
		found_bad(r, i);
		return 0;
	}
	if (status < 0)
		return status;
	batch_sort(&r->batch);
	r->last_ns = max(r->last_ns, head.begin_ns);
	return 1;
}

/* Return: 1 when an event is ready in @r->event, 2 when a chunk is open, 0 at the end. */
static int next_chunk(struct trace_reader *r, struct err *err)
{
	const bool *gaps = (const bool *)r->scan.gaps.data;

	while (r->next_chunk < chunk_count(r)) {
		size_t i = r->next_chunk;
		bool gap = gaps[i] || r->in_gap;
		int status = open_chunk(r, i, err);

		if (status < 0)
			return status;
		r->next_chunk++;
		if (!status)
			continue;
		if (gap)
			tell_gap(r, chunk_at(r, i)->begin_ns);
		r->good_end_ns = chunk_at(r, i)->end_ns;
		return gap ? 1 : 2;
	}
	if (r->gap_told || (!r->in_gap && !r->scan.gap_at_end))
		return 0;
	r->gap_told = true;
	tell_gap(r, trace_reader_end_ns(r));
	return 1;
}

int trace_reader_next(struct trace_reader *r, const struct trace_event **event, struct err *err)
{
	const struct trace_event *next;
	int status;

	while (!(next = batch_next(&r->batch))) {
		status = next_chunk(r, err);
		if (status <= 0)
			return status;
		if (status == 1) {
			*event = &r->event;
			return 1;
		}
	}
	if (unlikely(next->time_ns < r->last_ns)) {
		r->event = *next;
		r->event.time_ns = r->last_ns;
		next = &r->event;
	}
	r->last_ns = next->time_ns;
	*event = next;
	return 1;
}

int trace_reader_seek(struct trace_reader *r, u64 time_ns, struct err *err)
{
	size_t i = 0;

	while (i < chunk_count(r) && chunk_at(r, i)->end_ns < time_ns)
		i++;
	batch_empty(&r->batch);
	r->next_chunk = i;
	r->last_ns = 0;
	r->in_gap = false;
	r->gap_told = false;
	r->good_end_ns = i ? chunk_at(r, i - 1)->end_ns : trace_reader_begin_ns(r);
	return 0;
}

const struct trace_info *trace_reader_info(const struct trace_reader *r)
{
	return &r->info;
}

const struct trace_totals *trace_reader_totals(const struct trace_reader *r)
{
	return r->totals;
}

const struct trace_damage *trace_reader_damage(const struct trace_reader *r)
{
	return &r->scan.damage;
}

size_t trace_reader_chunks(const struct trace_reader *r, const struct trace_chunk_info **chunks)
{
	*chunks = chunk_at(r, 0);
	return chunk_count(r);
}

u64 trace_reader_begin_ns(const struct trace_reader *r)
{
	return chunk_count(r) ? chunk_at(r, 0)->begin_ns : r->info.start.mono_ns;
}

u64 trace_reader_end_ns(const struct trace_reader *r)
{
	u64 end_ns =
		chunk_count(r) ? chunk_at(r, chunk_count(r) - 1)->end_ns : r->info.start.mono_ns;

	return r->totals ? max(end_ns, r->totals->end.mono_ns) : end_ns;
}
