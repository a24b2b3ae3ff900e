// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* chunk - the life of an encoder: its memory, and how an open chunk becomes a finished one */
#include "user/base/clock.h"
#include "user/trace/encode.h"
#include "user/trace/tables.h"

#define ZSTD_LEVEL 1

/* Columns that are empty again keep their memory up to this, all together. */
#define KEEP_BYTES ((size_t)4 << 20)

/* A column at least so long begins a zstd block of its own: its bytes share no statistics. */
#define OWN_BLOCK_BYTES 2048

/* Takes zstd's memory now, while a lack of it can still be told: as for an endless stream. */
static int warm_zstd(struct chunk_encoder *e)
{
	ZSTD_inBuffer in = { "", 1, 0 };
	u8 small[64];
	ZSTD_outBuffer out = { small, sizeof(small), 0 };

	e->zstd = ZSTD_createCCtx();
	if (!e->zstd)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	if (ZSTD_isError(ZSTD_compressStream2(e->zstd, &out, &in, ZSTD_e_flush)))
		return -ENOMEM;
	ZSTD_CCtx_reset(e->zstd, ZSTD_reset_session_only);
	return 0;
}

int chunk_encoder_new(struct chunk_encoder **out, unsigned int cpus, u64 start_ns, struct err *err)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *e = calloc(1, sizeof(*e));

	if (!e)
		return fail(err, -ENOMEM, "no memory for the trace's encoder");
	e->cpus = cpus ? min(cpus, 65536U) : 1;
	e->begin_ns = start_ns;
	e->threads.chunk = 1;
	e->objects.chunk = 1;
	e->mapped.chunk = 1;
	e->begun.chunk = 1;
	stacks_init(&e->stacks);
	e->streams = calloc(e->cpus, sizeof(struct stream *));
	if (!e->streams || warm_zstd(e) || buffer_reserve(&e->data, (size_t)2 << 20))
		return fail(err, -ENOMEM, "no memory for the trace's encoder");
	*out = take(e);
	return 0;
}

void chunk_encoder_free(struct chunk_encoder *e)
{
	if (!e)
		return;
	for (unsigned int cpu = 0; e->streams && cpu < e->cpus; cpu++) {
		for (unsigned int i = 0; e->streams[cpu] && i < COLUMN_COUNT; i++)
			buffer_free(&e->streams[cpu]->columns[i]);
		free(e->streams[cpu]);
	}
	free(e->streams);
	threads_free(&e->threads);
	objects_free(&e->objects);
	stacks_free(&e->stacks);
	mapped_free(&e->mapped);
	begun_free(&e->begun);
	buffer_free(&e->shapes);
	map_free(&e->shape_numbers);
	map_free(&e->address_numbers);
	texts_free(&e->texts);
	buffer_free(&e->addresses);
	buffer_free(&e->head);
	buffer_free(&e->data);
	ZSTD_freeCCtx(e->zstd);
	free(e);
}

static bool in_use(const struct chunk_encoder *e, const struct stream *s)
{
	return s && s->chunk == e->sequence + 1;
}

static void put_section(struct buffer *b, enum section section, const struct buffer *content)
{
	buffer_varint(b, section);
	buffer_bytes(b, content->data, content->size);
	b->failed |= content->failed;
}

static void put_clock(const struct chunk_encoder *e, struct buffer *b)
{
	struct clock_stamp now = clock_stamp_now();

	fields_put(b, &clock_fields, &now, 1);
}

/* Must come before the objects: what a thread waits for at the begin is used, too. */
static void put_threads(struct chunk_encoder *e, struct buffer *b)
{
	struct threads *threads = &e->threads;

	if (threads_fill_rows(threads)) {
		b->failed = true;
		return;
	}
	for (size_t i = 0; i < threads->row_count; i++) {
		struct thread_row *row = &threads->rows[i];

		if (row->known && !row->is.address)
			objects_use(&e->objects, row->is.object);
		row->is.since_ns = min(row->is.since_ns, e->begin_ns);
	}
	buffer_varint(b, threads->row_count);
	fields_put(b, &thread_row_fields, threads->rows, threads->row_count);
}

static void put_shapes(const struct chunk_encoder *e, struct buffer *b)
{
	const struct shape *shape = (const void *)e->shapes.data;
	size_t count = e->shapes.size / sizeof(*shape);

	buffer_varint(b, count);
	fields_put(b, &shape_fields, shape, count);
}

static void put_addresses(const struct chunk_encoder *e, struct buffer *b)
{
	size_t count = e->addresses.size / sizeof(u64);

	buffer_varint(b, count);
	fields_put(b, &address_fields, e->addresses.data, count);
}

static void put_streams(const struct chunk_encoder *e, struct buffer *b)
{
	unsigned int count = 0;

	for (unsigned int cpu = 0; cpu < e->cpus; cpu++)
		count += in_use(e, e->streams[cpu]);
	buffer_varint(b, count);
	for (unsigned int cpu = 0; cpu < e->cpus; cpu++) {
		const struct stream *s = e->streams[cpu];

		if (!in_use(e, s))
			continue;
		buffer_varint(b, cpu);
		buffer_varint(b, s->first);
		for (unsigned int i = 0; i < COLUMN_COUNT; i++)
			buffer_varint(b, s->columns[i].size);
	}
}

static void put_stacks(struct chunk_encoder *e, struct buffer *b)
{
	struct buffer rows = { 0 }, frames = { 0 };

	stacks_put(&e->stacks, &rows, &frames);
	if (rows.size || rows.failed) {
		put_section(b, SECTION_STACKS, &rows);
		put_section(b, SECTION_FRAMES, &frames);
	}
	buffer_free(&rows);
	buffer_free(&frames);
}

/* All that lies before the columns. */
static int put_head(struct chunk_encoder *e)
{
	struct buffer one = { 0 };

	buffer_reset(&e->head);
	put_clock(e, &one);
	put_section(&e->head, SECTION_CLOCK, &one);
	buffer_reset(&one);
	put_threads(e, &one);
	put_section(&e->head, SECTION_THREADS, &one);
	buffer_reset(&one);
	objects_put(&e->objects, &one);
	put_section(&e->head, SECTION_OBJECTS, &one);
	buffer_reset(&one);
	put_stacks(e, &e->head);
	mapped_put(&e->mapped, &one, &e->threads);
	if (one.size || one.failed)
		put_section(&e->head, SECTION_MAPPINGS, &one);
	buffer_reset(&one);
	begun_put(&e->begun, &one);
	if (one.size || one.failed)
		put_section(&e->head, SECTION_BEGUN, &one);
	buffer_reset(&one);
	put_shapes(e, &one);
	put_section(&e->head, SECTION_SHAPES, &one);
	buffer_reset(&one);
	put_addresses(e, &one);
	put_section(&e->head, SECTION_ADDRESSES, &one);
	buffer_reset(&one);
	put_streams(e, &one);
	put_section(&e->head, SECTION_STREAMS, &one);
	if (e->texts.count) {
		buffer_reset(&one);
		texts_put(&e->texts, &one);
		put_section(&e->head, SECTION_TEXTS, &one);
	}
	buffer_free(&one);
	return e->head.failed ? -ENOMEM : 0;
}

static size_t column_bytes(const struct chunk_encoder *e, enum column column)
{
	size_t bytes = 0;

	for (unsigned int cpu = 0; cpu < e->cpus; cpu++)
		if (in_use(e, e->streams[cpu]))
			bytes += e->streams[cpu]->columns[column].size;
	return bytes;
}

static size_t column_head(const struct chunk_encoder *e, enum column column,
			  u8 head[2 * VARINT_MAX])
{
	u8 *end = varint_put(head, SECTION_COLUMN + column);

	return (size_t)(varint_put(end, column_bytes(e, column)) - head);
}

static int compress(struct chunk_encoder *e, const void *data, size_t bytes, ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = { data, bytes, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { e->data.data, e->data.room, e->data.size };

		left = ZSTD_compressStream2(e->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			return -EIO;
		e->data.size = out.pos;
		if ((left || in.pos < in.size) && buffer_reserve(&e->data, (size_t)64 << 10))
			return -ENOMEM;
	} while (in.pos < in.size || (end != ZSTD_e_continue && left));
	return 0;
}

static int compress_column(struct chunk_encoder *e, enum column column)
{
	u8 head[2 * VARINT_MAX];
	size_t bytes = column_head(e, column, head);
	bool own = column_bytes(e, column) >= OWN_BLOCK_BYTES;
	int r = compress(e, head, bytes, own ? ZSTD_e_flush : ZSTD_e_continue);

	for (unsigned int cpu = 0; !r && cpu < e->cpus; cpu++) {
		const struct stream *s = e->streams[cpu];

		if (in_use(e, s))
			r = compress(e, s->columns[column].data, s->columns[column].size,
				     ZSTD_e_continue);
	}
	return r || !own ? r : compress(e, NULL, 0, ZSTD_e_flush);
}

static int compress_all(struct chunk_encoder *e, size_t *raw_bytes)
{
	u8 head[2 * VARINT_MAX];
	size_t raw = e->head.size;
	int r;

	for (unsigned int i = 0; i < COLUMN_COUNT; i++)
		raw += column_head(e, i, head) + column_bytes(e, i);
	if (raw > CHUNK_RAW_MAX)
		return -EIO;
	ZSTD_CCtx_reset(e->zstd, ZSTD_reset_session_only);
	ZSTD_CCtx_setPledgedSrcSize(e->zstd, raw);
	r = compress(e, e->head.data, e->head.size, ZSTD_e_continue);
	for (unsigned int i = 0; !r && i < COLUMN_COUNT; i++)
		r = compress_column(e, i);
	*raw_bytes = raw;
	return r ? r : compress(e, NULL, 0, ZSTD_e_end);
}

static void begin_next(struct chunk_encoder *e, u64 begin_ns)
{
	size_t kept = 0;

	for (unsigned int cpu = 0; cpu < e->cpus; cpu++) {
		struct stream *s = e->streams[cpu];

		for (unsigned int i = 0; s && i < COLUMN_COUNT; i++) {
			buffer_reset(&s->columns[i]);
			if (kept + s->columns[i].room > KEEP_BYTES)
				buffer_free(&s->columns[i]);
			kept += s->columns[i].room;
		}
		if (s)
			s->counted = s->room = 0;
	}
	threads_next_chunk(&e->threads);
	objects_next_chunk(&e->objects);
	stacks_next_chunk(&e->stacks);
	mapped_next_chunk(&e->mapped, e->data.size, &e->threads);
	begun_next_chunk(&e->begun); /* what finds no memory is not told again */
	buffer_reset(&e->shapes);
	buffer_reset(&e->addresses);
	map_clear(&e->shape_numbers);
	map_clear(&e->address_numbers);
	texts_next_chunk(&e->texts);
	memset(e->shape_cache, 0, sizeof(e->shape_cache));
	e->begin_ns = begin_ns;
	e->events = 0;
	e->lost = 0;
	e->raw_bytes = 0;
	e->sequence++;
}

void chunk_tell_mappings(struct chunk_encoder *e)
{
	e->mapped.wanted = true;
}

int chunk_finish(struct chunk_encoder *e, u64 end_ns, struct chunk *out, struct err *err)
{
	struct chunk_head head = {
		.kind = CHUNK_EVENTS,
		.flags = CHUNK_ZSTD,
		.begin_ns = e->begin_ns,
		.end_ns = max(end_ns, e->begin_ns),
		.events = e->events,
		.lost = e->lost,
		.sequence = e->sequence,
	};
	size_t raw_bytes = 0;
	int r = put_head(e);

	buffer_reset(&e->data);
	if (!r)
		r = buffer_reserve(&e->data, CHUNK_HEAD_BYTES);
	if (!r) {
		e->data.size = CHUNK_HEAD_BYTES;
		r = compress_all(e, &raw_bytes);
	}
	begin_next(e, head.end_ns);
	if (r < 0)
		return fail(err, r, "cannot finish a chunk of the trace: %s",
			    r == -ENOMEM ? "no memory" : "compression failed");
	head.bytes = (u32)(e->data.size - CHUNK_HEAD_BYTES);
	head.raw_bytes = (u32)raw_bytes;
	chunk_head_put(e->data.data, &head);
	chunk_seal(e->data.data, head.bytes);
	*out = (struct chunk){
		.data = e->data.data,
		.bytes = e->data.size,
		.begin_ns = head.begin_ns,
		.end_ns = head.end_ns,
		.events = head.events,
		.lost = head.lost,
	};
	return 0;
}
