// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* restate - what a chunk says again: stacks, mappings, objects and threads at its begin */
#include "user/trace/begun.h"
#include "user/trace/decode.h"
#include "user/trace/stacks.h"

/* Follows the callers of a frame; each lies above it, so this ends. */
static int get_frames(struct decoder *d, struct trace_words *words,
		      const struct stack_frame *frames, u64 frame_count, u32 frame)
{
	u64 *list;
	u32 count = 0;
	int r;

	if (frame > frame_count)
		return -EBADMSG;
	for (u32 at = frame; at; at = frames[at - 1].caller)
		if (frames[at - 1].caller >= at || ++count > WORDS_FIELD_MAX)
			return -EBADMSG;
	r = decoder_take(d, &list, count, sizeof(*list));
	if (r < 0)
		return r;
	*words = (struct trace_words){ .list = list, .count = count };
	for (u32 at = frame; at; at = frames[at - 1].caller)
		*list++ = frames[at - 1].address;
	return 0;
}

static int restate_stacks(struct decoder *d)
{
	const struct stack_frame *frames = NULL;
	const struct stack_row *rows = NULL;
	struct trace_stack *stacks;
	u64 count = 0, frame_count = 0;
	int r = decoder_rows(d, SECTION_STACKS, &stack_row_fields, &rows, &count);

	if (!r)
		r = decoder_rows(d, SECTION_FRAMES, &stack_frame_fields, &frames, &frame_count);
	if (!r)
		r = batch_begin_run(d->batch, (size_t)count);
	if (r < 0)
		return r;
	r = decoder_take(d, &stacks, count, sizeof(*stacks));
	if (r < 0)
		return r;
	for (u64 i = 0; i < count; i++) {
		struct trace_event *event = decoder_event(d);

		stacks[i] = (struct trace_stack){
			.id = rows[i].id,
			.tgid = rows[i].tgid,
			.image = rows[i].image,
			.flags = rows[i].flags | STACK_RESTATED,
			.end = rows[i].end,
		};
		r = get_frames(d, &stacks[i].frames, frames, frame_count, rows[i].frame);
		if (r < 0)
			return r;
		*event = (struct trace_event){ .time_ns = d->begin_ns, .kind = EVENT_STACK };
		event->stack = &stacks[i];
	}
	decoder_end_run(d);
	return 0;
}

static int restate_mappings(struct decoder *d)
{
	struct trace_mapping *mappings = NULL;
	u64 count = 0;
	int r = decoder_rows(d, SECTION_MAPPINGS, &event_fields[EVENT_MAPPING], &mappings, &count);

	if (!r)
		r = batch_begin_run(d->batch, (size_t)count);
	if (r < 0)
		return r;
	for (u64 i = 0; i < count; i++) {
		struct trace_event *event = decoder_event(d);

		mappings[i].build_id_bytes = min(mappings[i].build_id_bytes, (u8)BUILD_ID_MAX);
		mappings[i].restated = 1;
		*event = (struct trace_event){ .time_ns = d->begin_ns, .kind = EVENT_MAPPING };
		event->mapping = &mappings[i];
	}
	decoder_end_run(d);
	return 0;
}

static void restate_thread(struct decoder *d, struct thread_row *row)
{
	struct trace_event *event;

	if (!row->known)
		return;
	event = decoder_event(d);
	*event = (struct trace_event){ .time_ns = d->begin_ns, .cpu = row->cpu };
	row->is.flags |= THREAD_RESTATED;
	if (!(row->is.flags & THREAD_FOREIGN)) {
		event->kind = EVENT_THREAD;
		event->thread = &row->is;
		return;
	}
	event->kind = EVENT_NAME;
	event->name.tid = row->is.tid;
	event->name.tgid = row->is.tgid;
	event->name.flags = row->is.flags;
	memcpy(event->name.comm, row->is.comm, sizeof(event->name.comm));
}

/* Behind the threads, which they name. */
static int restate_begun(struct decoder *d)
{
	struct begun_row *rows = NULL;
	u64 count = 0;
	int r = decoder_rows(d, SECTION_BEGUN, &begun_row_fields, &rows, &count);

	if (!r)
		r = batch_begin_run(d->batch, (size_t)count);
	if (r < 0)
		return r;
	for (u64 i = 0; i < count; i++) {
		const struct begun_row *row = &rows[i];
		struct trace_event *event = decoder_event(d);

		if (row->kind != EVENT_TASK_BEGIN && row->kind != EVENT_TASK_ENTER &&
		    row->kind != EVENT_REGION_BEGIN)
			return -EBADMSG;
		*event = (struct trace_event){ .time_ns = d->begin_ns, .kind = row->kind };
		event->annotation = (struct trace_annotation){
			.tid = row->tid,
			.flags = row->flags | ANNOTATION_RESTATED,
			.task = row->task,
			.value = row->value,
			.since_ns = min(row->since_ns, d->begin_ns),
			.name = row->kind == EVENT_TASK_ENTER ? "" : row->name,
			.text = "",
		};
	}
	decoder_end_run(d);
	return 0;
}

int decoder_restate(struct decoder *d)
{
	struct event_object *objects = NULL;
	u64 count = 0;
	int r = restate_stacks(d);

	r = r ?: restate_mappings(d);
	if (!r)
		r = decoder_rows(d, SECTION_OBJECTS, &event_fields[EVENT_OBJECT], &objects, &count);
	if (!r)
		r = batch_begin_run(d->batch, (size_t)(count + d->row_count));
	if (r < 0)
		return r;
	for (u64 i = 0; i < count; i++) {
		struct trace_event *event = decoder_event(d);

		objects[i].spare = OBJECT_RESTATED;
		*event = (struct trace_event){ .time_ns = d->begin_ns, .kind = EVENT_OBJECT };
		event->object = &objects[i];
	}
	for (u64 i = 0; i < d->row_count; i++)
		restate_thread(d, &d->rows[i]);
	decoder_end_run(d);
	r = restate_begun(d);
	d->batch->restated = d->batch->count;
	return r;
}
