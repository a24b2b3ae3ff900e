// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * perfetto_notes - tasks, regions, logs and counters that programs announced, for Perfetto
 *
 * Slices of a track nest, or their ends get mixed up. What programs announce need not: a region that
 * ends before one which began in it goes on with it. Such ones are told on tracks beside.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/protobuf.h"
#include "user/export/perfetto.h"
#include "user/model/grow.h"

#define LANES_MAX 8 /* tracks beside, of one thread and kind; then begins are cut */

/* One that is open */
struct span {
	u64 begin_ns;
	u64 told_ns; /* when its slice begins: behind that of the one around it */
	u32 what;    /* name of a region, id of a task */
	u32 stack;
	bool crosses; /* one around it has ended */
};

/* Of one thread: regions, or tasks that it works for */
struct perfetto_spans {
	struct span *open;
	u32 count;
	u32 room;
	u64 lane_ends[LANES_MAX]; /* of the tracks beside */
	u32 lanes;                /* that were described */
};

static struct perfetto_spans *spans_of(struct perfetto *p, const struct thread *thread,
				       enum track_kind track)
{
	struct perfetto_thread *x = perfetto_thread(p, thread);
	struct perfetto_spans **spans;

	if (!x)
		return NULL;
	spans = track == TRACK_REGIONS ? &x->regions : &x->tasks;
	if (!*spans)
		*spans = calloc(1, sizeof(**spans));
	if (!*spans)
		p->failed = -ENOMEM;
	return *spans;
}

void perfetto_spans_free(struct perfetto_spans *spans)
{
	if (spans)
		free(spans->open);
	free(spans);
}

static void span_begins(struct perfetto *p, const struct note *note, enum track_kind track,
			u32 what)
{
	struct perfetto_spans *spans = spans_of(p, note->thread, track);
	struct span span = {
		.begin_ns = note->time_ns,
		.told_ns = note->time_ns,
		.what = what,
		.stack = note->stack,
	};

	if (!spans)
		return;
	if (!grow(&spans->open, spans->count, &spans->room, sizeof(*spans->open))) {
		p->failed = -ENOMEM;
		return;
	}
	/* Of two that begin at once, the outer one is told last. */
	if (spans->count && spans->open[spans->count - 1].told_ns >= span.told_ns)
		span.told_ns = spans->open[spans->count - 1].told_ns + 1;
	spans->open[spans->count++] = span;
}

/* Takes it from those that are open; those that began in it go on without it. Return: whether it
 * was there. */
static bool span_ends(struct perfetto_spans *spans, struct span *span, u32 what, u64 begin_ns)
{
	u32 at = spans->count;

	while (at && (spans->open[at - 1].what != what ||
		      (begin_ns && spans->open[at - 1].begin_ns != begin_ns)))
		at--;
	if (!at)
		return false;
	*span = spans->open[--at];
	spans->count--;
	memmove(spans->open + at, spans->open + at + 1, (spans->count - at) * sizeof(*span));
	for (; at < spans->count; at++)
		spans->open[at].crosses = true;
	return true;
}

/* A track beside on which nothing is told from @begin_ns on; the last one, should there be none. */
static u64 lane_of(struct perfetto *p, const struct thread *thread, enum track_kind track,
		   struct perfetto_spans *spans, u64 *begin_ns, u64 end_ns)
{
	u64 parent = perfetto_track(p, thread, track), uuid;
	u32 lane = 0;

	while (lane + 1 < LANES_MAX && lane < spans->lanes && spans->lane_ends[lane] > *begin_ns)
		lane++;
	uuid = TRACK_LANES | parent << TRACK_SHIFT | lane;
	if (lane == spans->lanes) {
		spans->lanes++;
		perfetto_describe(p, perfetto_thread(p, thread)->born_ns, uuid,
				  (parent >> TRACK_SHIFT << TRACK_SHIFT) | TRACK_THREAD,
				  perfetto_track_name(track));
	}
	*begin_ns = max(*begin_ns, spans->lane_ends[lane]);
	spans->lane_ends[lane] = max(end_ns, *begin_ns);
	return uuid;
}

static u32 name_iid(struct perfetto *p, u32 name, const char *instead)
{
	const char *text = names_text(&timeline_threads(p->export.timeline)->names, name);

	return names_of_text(&p->names, INTERNED_EVENTS, *text ? text : instead);
}

static struct buffer *slice(struct perfetto *p, u64 begin_ns, u64 track, u32 name,
			    enum known_category category)
{
	struct buffer *to = perfetto_event(p, begin_ns, TYPE_SLICE_BEGIN, track);

	proto_number(to, TRACK_EVENT_NAME_IID, name);
	proto_number(to, TRACK_EVENT_CATEGORY_IIDS, category);
	return to;
}

static void slice_end(struct perfetto *p, u64 end_ns, u64 track)
{
	perfetto_event_end(p);
	perfetto_event(p, end_ns, TYPE_SLICE_END, track);
	perfetto_event_end(p);
}

/* The filter leaves it out. Ends that follow from the end of the window are in it. */
static bool is_aside(const struct perfetto *p, const struct note *note)
{
	return note->how & NOTE_ASIDE &&
	       !(note->how & NOTE_UNFINISHED &&
		 timeline_selects(p->export.timeline, note->thread, note->task));
}

/* Where the slice of @span is told: @begin_ns is moved when there is no room. */
static u64 place(struct perfetto *p, const struct note *note, enum track_kind track,
		 struct perfetto_spans *spans, const struct span *span, u64 *begin_ns)
{
	bool beside = span->crosses || note->how & NOTE_UNSEEN;

	*begin_ns = min(span->told_ns, note->time_ns);
	return beside ? lane_of(p, note->thread, track, spans, begin_ns, note->time_ns)
		      : perfetto_track(p, note->thread, track);
}

static u64 flow_of(const struct task *task)
{
	return hash_u64(task->id + 1);
}

static void note_how(struct perfetto *p, const struct note *note)
{
	if (note->how & NOTE_UNSEEN)
		perfetto_note_flag(p, perfetto_annotation(p, "begun_before_the_recording"));
	if (note->how & NOTE_UNFINISHED)
		perfetto_note_flag(p, KNOWN_UNFINISHED);
	else if (note->how & NOTE_IMPLIED)
		perfetto_note_flag(p, perfetto_annotation(p, "end_not_announced"));
	if (note->task)
		perfetto_note_number(p, KNOWN_TASK_ID, note->task->id);
}

static void region_ends(struct perfetto *p, const struct note *note)
{
	struct perfetto_spans *spans = spans_of(p, note->thread, TRACK_REGIONS);
	struct span span = { .begin_ns = note->begin_ns, .told_ns = note->begin_ns };
	u64 begin_ns, track;
	struct buffer *to;
	u32 stack;

	if (!spans ||
	    (!(note->how & NOTE_UNSEEN) && !span_ends(spans, &span, note->name, note->begin_ns)))
		return;
	if (is_aside(p, note))
		return;
	track = place(p, note, TRACK_REGIONS, spans, &span, &begin_ns);
	stack = perfetto_stack(p, span.stack, 0);
	to = slice(p, begin_ns, track, name_iid(p, note->name, "region"), CATEGORY_REGION);
	if (stack)
		proto_number(to, TRACK_EVENT_CALLSTACK_IID, stack);
	note_how(p, note);
	slice_end(p, note->time_ns, track);
}

/* Arrows lead from the task to the threads that work for it, one after the other. */
static void task_is_left(struct perfetto *p, const struct note *note)
{
	struct perfetto_spans *spans = spans_of(p, note->thread, TRACK_TASKS);
	u64 begin_ns, track;
	struct buffer *to;
	struct span span;

	if (!spans || !note->task || !span_ends(spans, &span, note->task->id, 0))
		return;
	if (is_aside(p, note))
		return;
	track = place(p, note, TRACK_TASKS, spans, &span, &begin_ns);
	to = slice(p, begin_ns, track, name_iid(p, note->task->name, "task"), CATEGORY_ATTENTION);
	proto_fixed64(to, TRACK_EVENT_FLOW_IDS, flow_of(note->task));
	note_how(p, note);
	slice_end(p, note->time_ns, track);
}

int perfetto_task(void *ctx, const struct task *task, bool aside)
{
	struct perfetto *p = ctx;
	u64 track = (u64)task->id << TRACK_SHIFT | TRACK_TASK, parent;
	const char *name = names_text(&timeline_threads(p->export.timeline)->names, task->name);
	struct buffer *to;

	/* One that stands for many, of which nothing is known, is no slice. */
	if (aside || task->flags & TASK_BEFORE)
		return p->failed;
	perfetto_knows(p, task->process, max(task->begin_ns, p->export.begin_ns));
	parent = perfetto_process_track(p, task->process);
	/* Of one name, readers put those that do not overlap into one row. */
	perfetto_describe(p, task->begin_ns + 1, track, parent, *name ? name : "task");
	to = slice(p, task->begin_ns, track, name_iid(p, task->name, "task"), CATEGORY_TASK);
	proto_fixed64(to, TRACK_EVENT_FLOW_IDS, flow_of(task));
	perfetto_note_number(p, KNOWN_TASK_ID, task->id);
	perfetto_note_number(p, perfetto_annotation(p, "number"), (s64)task->number);
	if (task->parent)
		perfetto_note_number(p, perfetto_annotation(p, "parent_id"), task->parent);
	perfetto_note_number(p, perfetto_annotation(p, "attended_ns"), (s64)task->attended_ns);
	if (task->link)
		perfetto_note_text(p, perfetto_annotation(p, "traceparent"), task->link);
	if (task->flags & TASK_UNBEGUN)
		perfetto_note_flag(p, perfetto_annotation(p, "begin_not_seen"));
	if (!(task->flags & TASK_ENDED))
		perfetto_note_flag(p, task->flags & TASK_DROPPED
					      ? perfetto_annotation(p, "end_not_announced")
					      : (u32)KNOWN_UNFINISHED);
	slice_end(p, max(task->end_ns, task->begin_ns), track);
	return p->failed;
}

/* Fields of events whose texts are told in full */
enum {
	FIELD_ANNOTATION_NAME = 10,
	FIELD_ANNOTATION_TEXT = 6,
	FIELD_LOG_BODY = 2,
	FIELD_LOG_PRIORITY = 3,
	FIELD_ENTRY_IID = 1,
	FIELD_ENTRY_TEXT = 2,
};

#define LOG_PRIORITY_INFO 4

/*
 * A text that comes once has no place in a dictionary that grows. But that of a log message must
 * stand in one: in that of a sequence that begins anew with each of them.
 */
static void said(struct perfetto *p, const struct note *note, const char *name, bool log)
{
	u64 track = perfetto_track(p, note->thread, TRACK_LOGS);
	const char *text = note->text ?: "";
	struct buffer *to = packet_at(&p->packets, note->time_ns, SEQUENCE_LOGS,
				      SEQUENCE_CLEARED | SEQUENCE_NEEDED);
	size_t begin, inner;

	if (log) {
		begin = proto_begin(to, PACKET_INTERNED_DATA);
		inner = proto_begin(to, INTERNED_LOG_BODIES);
		proto_number(to, FIELD_ENTRY_IID, 1);
		proto_item(to, FIELD_ENTRY_TEXT, text, strlen(text));
		proto_end(to, inner);
		proto_end(to, begin);
	}
	begin = proto_begin(to, PACKET_TRACK_EVENT);
	proto_number(to, TRACK_EVENT_TYPE, TYPE_INSTANT);
	proto_number(to, TRACK_EVENT_TRACK_UUID, track);
	proto_text(to, TRACK_EVENT_NAME, name);
	inner = proto_begin(to, TRACK_EVENT_ANNOTATIONS);
	proto_text(to, FIELD_ANNOTATION_NAME, "message");
	proto_item(to, FIELD_ANNOTATION_TEXT, text, strlen(text));
	proto_end(to, inner);
	if (log) {
		inner = proto_begin(to, TRACK_EVENT_LOG_MESSAGE);
		proto_number(to, FIELD_LOG_BODY, 1);
		proto_number(to, FIELD_LOG_PRIORITY, LOG_PRIORITY_INFO);
		proto_end(to, inner);
	}
	if (note->task)
		proto_fixed64(to, TRACK_EVENT_FLOW_IDS, flow_of(note->task));
	proto_end(to, begin);
	packet_end(&p->packets);
}

/* A track for each name of each process */
static u64 counter_track(struct perfetto *p, const struct note *note)
{
	const struct process *process = note->thread->process;
	u64 key = (u64)process->id << 32 | note->name;
	u64 *slot = map_get(&p->counters, key);
	u64 parent, uuid = TRACK_COUNTERS + p->counters.count;

	if (slot)
		return *slot;
	slot = map_put(&p->counters, key);
	if (!slot) {
		p->failed = -ENOMEM;
		return 0;
	}
	*slot = uuid;
	perfetto_thread(p, note->thread);
	parent = perfetto_process_track(p, process);
	perfetto_describe_counter(
		p, max(note->time_ns, p->export.begin_ns), uuid, parent,
		names_text(&timeline_threads(p->export.timeline)->names, note->name));
	return uuid;
}

static void counts(struct perfetto *p, const struct note *note)
{
	u64 track = counter_track(p, note);
	struct buffer *to;

	if (p->failed)
		return;
	to = perfetto_event(p, note->time_ns, TYPE_COUNTER, track);
	if (note->flags & ANNOTATION_REAL)
		proto_double(to, TRACK_EVENT_DOUBLE_COUNTER_VALUE, note_number(note));
	else
		proto_number(to, TRACK_EVENT_COUNTER_VALUE, note->value);
	perfetto_event_end(p);
}

/* Those that are told again at the begin of a chunk were told before, or begin it. */
int perfetto_note(void *ctx, const struct note *note)
{
	const char *name = names_text(
		&timeline_threads(((struct perfetto *)ctx)->export.timeline)->names, note->name);
	struct perfetto *p = ctx;

	switch (note->kind) {
	case EVENT_REGION_BEGIN: span_begins(p, note, TRACK_REGIONS, note->name); break;
	case EVENT_REGION_END: region_ends(p, note); break;
	case EVENT_TASK_ENTER:
		if (note->task)
			span_begins(p, note, TRACK_TASKS, note->task->id);
		break;
	case EVENT_TASK_LEAVE: task_is_left(p, note); break;
	case EVENT_LOG:
		if (!is_aside(p, note))
			said(p, note, *name ? name : "log", true);
		break;
	case EVENT_SNAPSHOT:
		if (!is_aside(p, note))
			said(p, note, "snapshot", false);
		break;
	case EVENT_COUNTER:
		if (!is_aside(p, note))
			counts(p, note);
		break;
	}
	return p->failed;
}
