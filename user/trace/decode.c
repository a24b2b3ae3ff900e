// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * decode - a chunk's columns back into events: the mirror of encode.c
 *
 * The bytes may be anybody's. Cursors do not run over their end, numbers of threads, shapes
 * and addresses are compared with what the chunk lists, and one flag at a stream's end says
 * whether anything was out of order.
 */
#include <zstd.h>

#include "user/trace/decode.h"
#include "user/trace/tables.h"

#define NO_THREAD (~0U)

#define ARENA_LIMIT ((size_t)256 << 20)

struct stream {
	struct cursor columns[COLUMN_COUNT];
	u64 time_ns;
	u64 address;
	u32 running; /* numbers in the dictionary */
	u32 woken;
	u16 cpu;
	bool bad;
	struct recent recent[RECENT_SLOTS];
};

int batch_inflate(struct batch *batch, const struct chunk_head *head, const void *payload)
{
	size_t bytes;

	if (head->flags & CHUNK_FLAGS_MUST & ~CHUNK_ZSTD)
		return -EBADMSG;
	if (head->raw_bytes > batch->raw_room) {
		u8 *raw = realloc(batch->raw, head->raw_bytes);

		if (!raw)
			return -ENOMEM;
		batch->raw = raw;
		batch->raw_room = head->raw_bytes;
	}
	if (!(head->flags & CHUNK_ZSTD)) {
		if (head->bytes != head->raw_bytes)
			return -EBADMSG;
		if (head->bytes)
			memcpy(batch->raw, payload, head->bytes);
		return 0;
	}
	bytes = ZSTD_decompress(batch->raw, head->raw_bytes, payload, head->bytes);
	return ZSTD_isError(bytes) || bytes != head->raw_bytes ? -EBADMSG : 0;
}

static int find_sections(struct decoder *d, struct cursor all)
{
	while (all.at < all.end) {
		u64 type = cursor_varint(&all);
		struct cursor content = cursor_sub(&all);

		if (content.failed || all.failed)
			return -EBADMSG;
		if (type < SECTION_COUNT)
			d->sections[type] = content;
	}
	return 0;
}

int decoder_take(struct decoder *d, void *out, u64 count, size_t size)
{
	struct arena *arena = &d->batch->arena;
	void *memory = arena_take(arena, (size_t)count * size);

	if (!memory)
		return (size_t)count * size > arena->limit - arena->bytes ? -EBADMSG : -ENOMEM;
	*(void **)out = memory;
	return 0;
}

int decoder_rows(struct decoder *d, enum section section, const struct field_table *table,
		 void *rows_out, u64 *count_out)
{
	struct cursor *c = &d->sections[section];
	u64 count = c->at ? cursor_varint(c) : 0;
	void *rows;
	int r;

	if (c->failed || count > CHUNK_ROWS_MAX || count > (u64)(c->end - c->at))
		return -EBADMSG;
	r = decoder_take(d, &rows, count, table->bytes);
	if (r < 0)
		return r;
	r = fields_get(c, table, rows, (size_t)count, &d->batch->arena);
	if (r < 0)
		return r;
	*(void **)rows_out = rows;
	*count_out = count;
	return 0;
}

static inline u64 get(struct stream *s, enum column column)
{
	struct cursor *c = &s->columns[column];

	if (likely(c->at < c->end && *c->at < 0x80))
		return *c->at++;
	return cursor_varint(c);
}

static inline u64 get_split(struct stream *s, enum column column)
{
	u64 low = cursor_u8(&s->columns[COLUMN_LOW]);

	return get(s, column) << 8 | low;
}

static inline u32 get_thread(struct decoder *d, struct stream *s)
{
	u64 number = get(s, COLUMN_THREAD);

	if (likely(number < d->row_count))
		return (u32)number;
	s->bad = true;
	return NO_THREAD;
}

static inline u32 tid_of(struct decoder *d, struct stream *s, u32 number)
{
	if (likely(number != NO_THREAD))
		return d->rows[number].is.tid;
	s->bad = true;
	return 0;
}

static u64 get_address(struct decoder *d, struct stream *s)
{
	u64 number = get(s, COLUMN_ADDRESS);

	if (!number)
		return s->address += (u64)unzigzag(get(s, COLUMN_ADDRESS));
	if (number <= d->address_count)
		return d->addresses[number - 1];
	s->bad = true;
	return 0;
}

static void get_switch(struct decoder *d, struct stream *s, const struct shape *shape,
		       struct trace_event *event)
{
	u32 prev = shape->flags & SHAPE_PREV_RUNNING ? s->running : get_thread(d, s);
	struct recent *recent = &s->recent[prev % RECENT_SLOTS];
	struct event_switch *sw = &event->sw;

	*sw = (struct event_switch){
		.prev_tid = tid_of(d, s, prev),
		.prev_state = (u8)shape->detail,
		.wait_kind = (u8)(shape->detail >> 8),
		.syscall = shape->number,
		.futex_op = (u32)(s32)shape->constant,
	};
	if (shape->flags & SHAPE_NEXT_IDLE) {
		s->running = d->row_count ? IDLE_THREAD : NO_THREAD;
		(void)tid_of(d, s, s->running);
	} else {
		s->running = shape->flags & SHAPE_NEXT_WOKEN ? s->woken : get_thread(d, s);
		sw->next_tid = tid_of(d, s, s->running);
	}
	if (shape->flags & SHAPE_OBJECT)
		sw->object = (u32)get(s, COLUMN_VALUE);
	else if (shape->flags & SHAPE_OBJECT_SAME)
		sw->object = recent->object;
	if (shape->flags & SHAPE_FUTEX_OP)
		sw->futex_op = (u32)get(s, COLUMN_VALUE);
	if (shape->flags & SHAPE_ADDRESS)
		sw->address = get_address(d, s);
	else if (shape->flags & SHAPE_ADDRESS_SAME)
		sw->address = recent->address;
	if (sw->object)
		recent->object = sw->object;
	if (sw->address)
		recent->address = sw->address;
}

static void get_waking(struct decoder *d, struct stream *s, const struct shape *shape,
		       struct trace_event *event)
{
	u32 waker = 0;

	if (!(shape->flags & SHAPE_TID_WOKEN))
		s->woken = get_thread(d, s);
	if (shape->flags & SHAPE_WAKER_RUNNING)
		waker = tid_of(d, s, s->running);
	else if (!(shape->flags & SHAPE_WAKER_NONE))
		waker = tid_of(d, s, get_thread(d, s));
	event->waking.tid = tid_of(d, s, s->woken);
	event->waking.waker = WAKER_TID(waker) | (u32)shape->detail << 28;
}

static inline u32 get_caller(struct decoder *d, struct stream *s, const struct shape *shape)
{
	return shape->flags & SHAPE_TID_RUNNING ? s->running : get_thread(d, s);
}

static void get_syscall(struct decoder *d, struct stream *s, const struct shape *shape,
			struct trace_event *event)
{
	struct trace_syscall *call = &event->syscall;
	u64 *args;

	call->tid = tid_of(d, s, get_caller(d, s, shape));
	call->syscall = shape->number;
	call->flags = shape->detail;
	call->duration_ns = get_split(s, COLUMN_DURATION);
	call->result =
		shape->flags & SHAPE_RESULT ? unzigzag(get(s, COLUMN_VALUE)) : shape->constant;
	call->args = NULL;
	if (!(shape->detail & SYSCALL_ARGS))
		return;
	args = arena_take(&d->batch->arena, 6 * sizeof(*args));
	for (unsigned int i = 0; args && i < 6; i++)
		args[i] = get(s, COLUMN_DATA);
	call->args = args;
	s->bad |= !args;
}

static void get_futex(struct decoder *d, struct stream *s, const struct shape *shape,
		      struct trace_event *event)
{
	u32 number = get_caller(d, s, shape);
	struct recent *recent = &s->recent[number % RECENT_SLOTS];
	struct trace_futex *call = &event->futex;

	call->tid = tid_of(d, s, number);
	call->op = (u8)shape->number;
	call->flags = (u8)(shape->number >> 8);
	call->duration_ns = get_split(s, COLUMN_DURATION);
	call->value = shape->flags & SHAPE_VALUE ? (u32)get(s, COLUMN_VALUE) : shape->detail;
	call->result =
		shape->flags & SHAPE_RESULT ? unzigzag(get(s, COLUMN_VALUE)) : shape->constant;
	call->address = 0;
	if (shape->flags & SHAPE_ADDRESS)
		call->address = get_address(d, s);
	else if (shape->flags & SHAPE_ADDRESS_SAME)
		call->address = recent->address;
	call->address2 = shape->flags & SHAPE_ADDRESS2 ? get(s, COLUMN_DATA) : 0;
	if (call->address)
		recent->address = call->address;
}

/* Return: whether the event is one that can be handed out. */
static bool get_rare(struct decoder *d, struct stream *s, const struct shape *shape,
		     struct trace_event *event)
{
	struct cursor payload = cursor_sub(&s->columns[COLUMN_DATA]);
	const struct field_table *table;
	void *fields = &event->exec;

	if (payload.failed || shape->kind >= EVENT_KIND_COUNT)
		return false;
	table = &event_fields[shape->kind];
	if (table->pointer)
		fields = arena_take(&d->batch->arena, table->bytes);
	if (!fields || fields_get_named(&payload, table, fields, &d->texts, &d->batch->arena) < 0) {
		s->bad = true;
		return false;
	}
	if (table->pointer)
		event->thread = fields;
	if (shape->kind == EVENT_MAPPING) {
		struct trace_mapping *m = fields;

		m->build_id_bytes = min(m->build_id_bytes, (u8)BUILD_ID_MAX);
	}
	if (trace_event_is_annotation(event)) {
		/* Kinds that have none say so in words. */
		event->annotation.name = event->annotation.name ?: "";
		event->annotation.text = event->annotation.text ?: "";
		event->annotation.flags &= (u16)~ANNOTATION_RESTATED;
	}
	return true;
}

static void get_event(struct decoder *d, struct stream *s, const struct shape *shape)
{
	u64 step_ns = get_split(s, COLUMN_TIME);
	struct trace_event *event = decoder_event(d);
	u64 inside_ns = 0;

	d->events++;
	event->kind = shape->kind;
	event->cpu = s->cpu;
	switch (shape->kind) {
	case EVENT_SWITCH: get_switch(d, s, shape, event); break;
	case EVENT_WAKING:
	case EVENT_WAKEUP:
	case EVENT_WAKEUP_NEW: get_waking(d, s, shape, event); break;
	case EVENT_SYSCALL:
		get_syscall(d, s, shape, event);
		inside_ns = shape->flags & SHAPE_AFTER ? event->syscall.duration_ns : 0;
		break;
	case EVENT_FUTEX:
		get_futex(d, s, shape, event);
		inside_ns = shape->flags & SHAPE_AFTER ? event->futex.duration_ns : 0;
		break;
	default:
		if (!get_rare(d, s, shape, event))
			d->batch->count--;
	}
	s->time_ns += step_ns + inside_ns;
	event->time_ns = s->time_ns;
}

static int get_stream(struct decoder *d, struct stream *s)
{
	struct cursor *tags = &s->columns[COLUMN_TAG];
	int r = batch_begin_run(d->batch, (size_t)(tags->end - tags->at));

	if (r < 0)
		return r;
	while (tags->at < tags->end && !s->bad) {
		u64 number = *tags->at++;

		if (number == TAG_WIDE)
			number += get(s, COLUMN_VALUE);
		if (number >= d->shape_count)
			return -EBADMSG;
		if (unlikely(!d->shapes[number].kind))
			s->time_ns -= get(s, COLUMN_VALUE);
		else
			get_event(d, s, &d->shapes[number]);
	}
	for (unsigned int i = 0; i < COLUMN_COUNT; i++)
		s->bad |= s->columns[i].failed || s->columns[i].at != s->columns[i].end;
	decoder_end_run(d);
	return s->bad ? -EBADMSG : 0;
}

static int get_streams(struct decoder *d)
{
	struct cursor *list = &d->sections[SECTION_STREAMS];
	u64 count = list->at ? cursor_varint(list) : 0;

	for (; count && !list->failed; count--) {
		u64 cpu = cursor_varint(list), first = cursor_varint(list);
		struct stream s = {
			.cpu = (u16)cpu,
			.time_ns = d->begin_ns,
			.running = first ? (u32)(first - 1) : NO_THREAD,
			.woken = NO_THREAD,
		};
		int r;

		if (cpu > UINT16_MAX || first > d->row_count)
			return -EBADMSG;
		for (unsigned int i = 0; i < COLUMN_COUNT; i++) {
			struct cursor *column = &d->sections[SECTION_COLUMN + i];
			u64 bytes = cursor_varint(list);
			const u8 *at = cursor_take(column, bytes);

			if (!at && bytes)
				return -EBADMSG;
			s.columns[i] = (struct cursor){ .at = at, .end = at + bytes };
		}
		r = get_stream(d, &s);
		if (r < 0)
			return r;
	}
	return list->failed ? -EBADMSG : 0;
}

int batch_decode(struct batch *batch, const struct chunk_head *head, const void *payload)
{
	struct decoder d = { .batch = batch, .begin_ns = head->begin_ns };
	int r;

	batch_empty(batch);
	batch->arena.limit = ARENA_LIMIT;
	r = batch_inflate(batch, head, payload);
	if (!r)
		r = find_sections(
			&d, (struct cursor){ batch->raw, batch->raw + head->raw_bytes, false });
	if (!r)
		r = decoder_rows(&d, SECTION_THREADS, &thread_row_fields, &d.rows, &d.row_count);
	if (!r)
		r = decoder_rows(&d, SECTION_SHAPES, &shape_fields, &d.shapes, &d.shape_count);
	if (!r)
		r = decoder_rows(&d, SECTION_ADDRESSES, &address_fields, &d.addresses,
				 &d.address_count);
	if (!r)
		r = decoder_rows(&d, SECTION_TEXTS, &text_fields, &d.texts.list, &d.texts.count);
	if (!r)
		r = decoder_restate(&d);
	if (!r)
		r = get_streams(&d);
	if (!r && d.events != head->events)
		r = -EBADMSG;
	return r;
}
