// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * go_wire - Go execution trace v2 as bytes: streams of events, tables, generations
 *
 * A file is a head and generations; a generation is batches with its number: those of streams of
 * events, in any order but that of each M, and those of tables. Numbers in tables mean something
 * for their generation only; ours are the same in all, but each has only those that it uses.
 */
#include "user/export/go_wire.h"

#include <stdlib.h>

#include "user/base/text.h"
#include "user/model/grow.h"

#define BATCH_MAX    (16u << 10) /* of a stream; readers take 64 KiB */
#define TABLE_MAX    (60u << 10)
#define BUFFERED_MAX (8u << 20)
#define EVENT_MAX    64 /* bytes: a type and six numbers */
#define FIRST_PC     0x1000
#define FIRST_TEXT   (1u << 30) /* ids above those of strings with a number */

static void write_batch(struct go_wire *w, u64 m, u64 begin_ns, const struct buffer *data)
{
	u8 head[1 + 4 * VARINT_MAX], *at = head;

	*at++ = GO_EVENT_BATCH;
	at = varint_put(at, w->generation);
	at = varint_put(at, m);
	at = varint_put(at, begin_ns);
	at = varint_put(at, data->size);
	fwrite(head, 1, (size_t)(at - head), w->out);
	fwrite(data->data, 1, data->size, w->out);
	w->bytes += (size_t)(at - head) + data->size;
	w->failed |= data->failed;
}

static void write_table(struct go_wire *w, struct buffer *table)
{
	if (table->size)
		write_batch(w, GO_NOBODY, w->now_ns, table);
	buffer_reset(table);
}

/* Begins a row of a table. */
static void table_row(struct go_wire *w, struct buffer *table, u8 batch, u8 row)
{
	const u8 both[] = { batch, row };

	if (table->size > TABLE_MAX - GO_TEXT_MAX - 4 * GO_FRAMES_MAX * 5)
		write_table(w, table);
	buffer_append(table, table->size ? both + 1 : both, table->size ? 1 : 2);
}

static void flush(struct go_wire *w, struct go_stream *stream)
{
	if (!stream->data.size)
		return;
	write_batch(w, stream->m, stream->begin_ns, &stream->data);
	w->buffered -= stream->data.size;
	buffer_reset(&stream->data);
	w->streams[stream->listed - 1] = w->streams[--w->stream_count];
	w->streams[stream->listed - 1]->listed = stream->listed;
	stream->listed = 0;
}

static void give_back(struct go_wire *w, struct go_stream *stream)
{
	w->kept -= stream->data.room;
	buffer_free(&stream->data);
}

static void flush_all(struct go_wire *w)
{
	while (w->stream_count) {
		struct go_stream *stream = w->streams[w->stream_count - 1];

		flush(w, stream);
		give_back(w, stream);
	}
}

void go_stream_end(struct go_wire *w, struct go_stream *stream)
{
	flush(w, stream);
	give_back(w, stream);
}

static bool list(struct go_wire *w, struct go_stream *stream)
{
	if (!grow(&w->streams, w->stream_count, &w->stream_room, sizeof(struct go_stream *))) {
		w->failed = true;
		return false;
	}
	w->streams[w->stream_count++] = stream;
	stream->listed = w->stream_count;
	stream->begin_ns = stream->last_ns = w->now_ns;
	return true;
}

void go_wire_event(struct go_wire *w, struct go_stream *stream, enum go_event type, const u64 *args,
		   u32 count)
{
	struct buffer *data = &stream->data;
	size_t room = data->room, size = data->size;
	u8 *at;

	w->now_ns = max(w->now_ns + 1, w->want_ns);
	if (!size && !list(w, stream))
		return;
	if (buffer_reserve(data, EVENT_MAX)) {
		w->failed = true;
		return;
	}
	w->kept += data->room - room;
	at = data->data + size;
	*at++ = (u8)type;
	at = varint_put(at, w->now_ns - stream->last_ns);
	for (u32 i = 0; i < count; i++)
		at = varint_put(at, args[i]);
	stream->last_ns = w->now_ns;
	data->size = (size_t)(at - data->data);
	w->buffered += data->size - size;
	w->events++;
	if (data->size > BATCH_MAX - EVENT_MAX) {
		flush(w, stream);
		if (w->kept > BUFFERED_MAX)
			give_back(w, stream);
	}
	if (w->buffered > BUFFERED_MAX)
		flush_all(w);
}

void go_wire_sample(struct go_wire *w, u64 m, u64 p, u64 g, u32 stack)
{
	const u64 row[] = { w->want_ns, m, p, g, stack };

	table_row(w, &w->sample_table, GO_CPU_SAMPLES, GO_CPU_SAMPLE);
	for (size_t i = 0; i < ARRAY_SIZE(row); i++)
		buffer_varint(&w->sample_table, row[i]);
}

/* As much of @text as a string may hold, and no half character. */
static size_t cut(const char *text, size_t size)
{
	if (size <= GO_TEXT_MAX)
		return size;
	size = GO_TEXT_MAX;
	while (size && ((u8)text[size] & 0xc0) == 0x80)
		size--;
	return size;
}

u32 go_wire_string(struct go_wire *w, const char *text)
{
	u32 number = 0;

	if (names_put(&w->strings, &number, text, cut(text, strlen(text))) < 0)
		w->failed = true;
	return number;
}

static void put_string(struct go_wire *w, u64 id, const char *text, size_t size)
{
	table_row(w, &w->string_table, GO_STRINGS, GO_STRING);
	buffer_varint(&w->string_table, id);
	buffer_bytes(&w->string_table, text, size);
}

u32 go_wire_use_string(struct go_wire *w, u32 number)
{
	const char *text;
	u32 old = w->string_room;

	while (number >= w->string_room && !w->failed) {
		if (!grow(&w->string_generations, w->string_room, &w->string_room, sizeof(u32)))
			w->failed = true;
		else
			memset(w->string_generations + old, 0,
			       (w->string_room - old) * sizeof(u32));
		old = w->string_room;
	}
	if (w->failed || !number || w->string_generations[number] == w->generation)
		return number;
	w->string_generations[number] = w->generation;
	text = names_text(&w->strings, number);
	put_string(w, number, text, strlen(text));
	return number;
}

u64 go_wire_text(struct go_wire *w, const char *text, size_t size)
{
	u64 id = FIRST_TEXT + w->texts;

	if (!size)
		return 0;
	w->texts++;
	put_string(w, id, text, cut(text, size));
	return id;
}

u32 go_wire_frame(struct go_wire *w, const char *function, const char *file, u32 line)
{
	const struct go_frame frame = { go_wire_string(w, function), go_wire_string(w, file),
					line };
	u64 hash = hash_bytes(&frame, sizeof(frame)), *slot;

	for (;; hash++) {
		slot = map_put(&w->frame_numbers, hash);
		if (!slot)
			break;
		if (*slot && !memcmp(&w->frames[*slot - 1], &frame, sizeof(frame)))
			return (u32)*slot - 1;
		if (!*slot)
			break;
	}
	if (!slot || !grow(&w->frames, w->frame_count, &w->frame_room, sizeof(frame))) {
		w->failed = true;
		return 0;
	}
	w->frames[w->frame_count] = frame;
	*slot = ++w->frame_count;
	return w->frame_count - 1;
}

u32 go_wire_stack(struct go_wire *w, const u32 *frames, u32 count)
{
	struct go_stack stack = { .first = w->frames_of_count, .count = count };

	for (u32 i = 0; i < count; i++) {
		if (!grow(&w->frames_of, w->frames_of_count, &w->frames_of_room, sizeof(u32)))
			w->failed = true;
		if (!w->failed)
			w->frames_of[w->frames_of_count++] = frames[i];
	}
	if (w->failed || !grow(&w->stacks, w->stack_count, &w->stack_room, sizeof(stack))) {
		w->failed = true;
		return 0;
	}
	w->stacks[w->stack_count++] = stack;
	return w->stack_count;
}

static void put_stack(struct go_wire *w, u32 number)
{
	const struct go_stack *stack = &w->stacks[number - 1];

	table_row(w, &w->stack_table, GO_STACKS, GO_STACK);
	buffer_varint(&w->stack_table, number);
	buffer_varint(&w->stack_table, stack->count);
	for (u32 i = 0; i < stack->count; i++) {
		u32 n = w->frames_of[stack->first + i];
		const struct go_frame *frame = &w->frames[n];

		buffer_varint(&w->stack_table, FIRST_PC + (u64)n);
		buffer_varint(&w->stack_table, go_wire_use_string(w, frame->function));
		buffer_varint(&w->stack_table, go_wire_use_string(w, frame->file));
		buffer_varint(&w->stack_table, frame->line);
	}
}

u32 go_wire_use_stack(struct go_wire *w, u32 number)
{
	if (number && w->stacks[number - 1].generation != w->generation) {
		w->stacks[number - 1].generation = w->generation;
		put_stack(w, number);
	}
	return number;
}

static void write_clock(struct go_wire *w)
{
	struct buffer data = { 0 };

	if (w->version >= 25) {
		buffer_varint(&data, GO_SYNC);
		buffer_varint(&data, GO_FREQUENCY);
		buffer_varint(&data, NSEC_PER_SEC);
		buffer_varint(&data, GO_CLOCK);
		buffer_varint(&data, 0);
		buffer_varint(&data, w->begin.mono_ns + w->now_ns);
		buffer_varint(&data, (w->begin.wall_ns + w->now_ns) / NSEC_PER_SEC);
		buffer_varint(&data, (w->begin.wall_ns + w->now_ns) % NSEC_PER_SEC);
	} else {
		buffer_varint(&data, GO_FREQUENCY);
		buffer_varint(&data, NSEC_PER_SEC);
	}
	write_batch(w, GO_NOBODY, w->now_ns, &data);
	buffer_free(&data);
}

static void end_generation(struct go_wire *w)
{
	flush_all(w);
	write_table(w, &w->stack_table);
	write_table(w, &w->string_table);
	write_table(w, &w->sample_table);
	write_clock(w);
}

bool go_wire_is_full(const struct go_wire *w)
{
	return w->bytes + w->buffered >= w->generation_bytes;
}

bool go_wire_is_empty(const struct go_wire *w)
{
	return w->events == w->events_before;
}

void go_wire_next(struct go_wire *w)
{
	end_generation(w);
	w->generation++;
	w->bytes = 0;
	w->texts = 0;
	w->events_before = w->events;
}

void go_wire_begin(struct go_wire *w)
{
	char head[17];

	snprintf(head, sizeof(head), "go 1.%02u trace%c%c%c", w->version, 0, 0, 0);
	fwrite(head, 1, 16, w->out);
	w->generation = 1;
}

int go_wire_end(struct go_wire *w)
{
	end_generation(w);
	if (w->failed)
		return -ENOMEM;
	errno = 0;
	if (fflush(w->out) || ferror(w->out))
		return errno ? -errno : -EIO;
	return 0;
}

void go_wire_free(struct go_wire *w)
{
	names_free(&w->strings);
	map_free(&w->frame_numbers);
	free(w->string_generations);
	free(w->streams);
	free(w->frames);
	free(w->stacks);
	free(w->frames_of);
	buffer_free(&w->string_table);
	buffer_free(&w->stack_table);
	buffer_free(&w->sample_table);
	*w = (struct go_wire){ 0 };
}
