// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* perfetto_tracks - tracks of a Perfetto trace, and the events on them with their annotations */
#include "user/base/protobuf.h"
#include "user/export/perfetto.h"
#include "user/model/grow.h"

enum descriptor_field {
	DESCRIPTOR_UUID = 1,
	DESCRIPTOR_NAME = 2,
	DESCRIPTOR_PROCESS = 3,
	DESCRIPTOR_THREAD = 4,
	DESCRIPTOR_PARENT = 5,
	DESCRIPTOR_COUNTER = 8,
};

enum descriptor_of { PROCESS_PID = 1, THREAD_PID = 1, THREAD_TID = 2 };

enum annotation_field {
	ANNOTATION_NAME_IID = 1,
	ANNOTATION_BOOL = 2,
	ANNOTATION_UINT = 3,
	ANNOTATION_INT = 4,
	ANNOTATION_STRING = 6,
	ANNOTATION_POINTER = 7,
	ANNOTATION_ARRAY = 12,
	ANNOTATION_STRING_IID = 17,
};

static const char *const track_names[] = {
	[TRACK_WAITS] = "waits",     [TRACK_CALLS] = "system calls",
	[TRACK_REGIONS] = "regions", [TRACK_TASKS] = "works for task",
	[TRACK_LOGS] = "logs",
};

static u64 uuid_of(u32 id, enum track_kind track)
{
	return (u64)id << TRACK_SHIFT | track;
}

const char *perfetto_track_name(enum track_kind track)
{
	return track_names[track];
}

static void describe(struct perfetto *p, u64 time_ns, u64 uuid, u64 parent, const char *name,
		     bool counter)
{
	struct buffer *to = packet_at(&p->packets, time_ns, SEQUENCE_MAIN, 0);
	size_t begin = proto_begin(to, PACKET_TRACK_DESCRIPTOR);

	proto_number(to, DESCRIPTOR_UUID, uuid);
	if (parent)
		proto_number(to, DESCRIPTOR_PARENT, parent);
	proto_text(to, DESCRIPTOR_NAME, name);
	if (counter)
		proto_end(to, proto_begin(to, DESCRIPTOR_COUNTER));
	proto_end(to, begin);
	packet_end(&p->packets);
}

void perfetto_describe(struct perfetto *p, u64 time_ns, u64 uuid, u64 parent, const char *name)
{
	describe(p, time_ns, uuid, parent, name, false);
}

void perfetto_describe_counter(struct perfetto *p, u64 time_ns, u64 uuid, u64 parent,
			       const char *name)
{
	describe(p, time_ns, uuid, parent, name, true);
}

u64 perfetto_process_track(struct perfetto *p, const struct process *process)
{
	u64 uuid = uuid_of(process->id, TRACK_PROCESS);
	struct buffer *to;
	size_t begin, inner;

	if (!process->pid)
		return 0; /* nobody knows which one */
	perfetto_knows(p, process, p->export.begin_ns);
	if (p->failed || p->processes[process->id - 1] & PROCESS_DESCRIBED)
		return uuid;
	to = packet_at(&p->packets, p->processes[process->id - 1] & ~PROCESS_NAMED, SEQUENCE_MAIN,
		       0);
	begin = proto_begin(to, PACKET_TRACK_DESCRIPTOR);
	proto_number(to, DESCRIPTOR_UUID, uuid);
	inner = proto_begin(to, DESCRIPTOR_PROCESS);
	proto_number(to, PROCESS_PID, process->pid);
	proto_end(to, inner);
	proto_end(to, begin);
	packet_end(&p->packets);
	p->processes[process->id - 1] |= PROCESS_DESCRIBED;
	return uuid;
}

/* There may be one descriptor of a thread only: a second one would be taken for another thread that
 * has its number. So the tracks of its parts are children of that. */
static void describe_thread(struct perfetto *p, const struct thread *thread,
			    const struct perfetto_thread *x)
{
	struct buffer *to = packet_at(&p->packets, x->born_ns, SEQUENCE_MAIN, 0);
	size_t begin = proto_begin(to, PACKET_TRACK_DESCRIPTOR), inner;

	proto_number(to, DESCRIPTOR_UUID, uuid_of(thread->id, TRACK_THREAD));
	inner = proto_begin(to, DESCRIPTOR_THREAD);
	proto_number(to, THREAD_PID, perfetto_pid(thread));
	proto_number(to, THREAD_TID, x->old_tid ?: x->tid);
	proto_end(to, inner);
	proto_end(to, begin);
	packet_end(&p->packets);
}

u64 perfetto_track(struct perfetto *p, const struct thread *thread, enum track_kind track)
{
	struct perfetto_thread *x = perfetto_thread(p, thread);
	u64 uuid = uuid_of(thread->id, track);

	if (!x || x->tracks & 1u << track)
		return uuid;
	if (!(x->tracks & 1u << TRACK_THREAD))
		describe_thread(p, thread, x);
	x->tracks |= 1u << TRACK_THREAD | 1u << track;
	perfetto_describe(p, x->born_ns, uuid, uuid_of(thread->id, TRACK_THREAD),
			  track_names[track]);
	return uuid;
}

struct buffer *perfetto_event(struct perfetto *p, u64 time_ns, u32 type, u64 track)
{
	struct buffer *to = packet_at(&p->packets, time_ns, SEQUENCE_MAIN, SEQUENCE_NEEDED);

	p->event_begin = proto_begin(to, PACKET_TRACK_EVENT);
	proto_number(to, TRACK_EVENT_TYPE, type);
	proto_number(to, TRACK_EVENT_TRACK_UUID, track);
	return to;
}

void perfetto_event_end(struct perfetto *p)
{
	proto_end(&p->packets.batch, p->event_begin);
	packet_end(&p->packets);
}

void perfetto_know(struct perfetto *p)
{
	static const char *const annotations[] = {
		[KNOWN_RET] = "ret",
		[KNOWN_ERROR] = "error",
		[KNOWN_OP] = "op",
		[KNOWN_UADDR] = "uaddr",
		[KNOWN_UADDR2] = "uaddr2",
		[KNOWN_VAL] = "val",
		[KNOWN_ARGS] = "args",
		[KNOWN_BLOCKED_NS] = "blocked_ns",
		[KNOWN_OBJECT] = "object",
		[KNOWN_SYSCALL] = "syscall",
		[KNOWN_UNFINISHED] = "unfinished",
		[KNOWN_TASK_ID] = "task_id",
	};
	static const char *const categories[] = {
		[CATEGORY_SYSCALL] = "syscall",     [CATEGORY_WAIT] = "wait",
		[CATEGORY_LOSS] = "loss",           [CATEGORY_REGION] = "region",
		[CATEGORY_TASK] = "task",           [CATEGORY_ATTENTION] = "attention",
		[CATEGORY_RECORDING] = "recording",
	};
	_Static_assert(ARRAY_SIZE(annotations) == KNOWN_ANNOTATIONS, "all have a name");
	_Static_assert(ARRAY_SIZE(categories) == KNOWN_CATEGORIES, "all have a name");

	/* Numbers are given out from 1 on. */
	for (size_t i = 1; i < ARRAY_SIZE(annotations); i++)
		names_of_text(&p->names, INTERNED_ANNOTATIONS, annotations[i]);
	for (size_t i = 1; i < ARRAY_SIZE(categories); i++)
		names_of_text(&p->names, INTERNED_CATEGORIES, categories[i]);
}

u32 perfetto_annotation(struct perfetto *p, const char *name)
{
	return names_of_text(&p->names, INTERNED_ANNOTATIONS, name);
}

static size_t begin_note(struct perfetto *p, u32 name)
{
	size_t begin = proto_begin(&p->packets.batch, TRACK_EVENT_ANNOTATIONS);

	proto_number(&p->packets.batch, ANNOTATION_NAME_IID, name);
	return begin;
}

void perfetto_note_number(struct perfetto *p, u32 name, s64 value)
{
	size_t begin = begin_note(p, name);

	proto_number(&p->packets.batch, ANNOTATION_INT, (u64)value);
	proto_end(&p->packets.batch, begin);
}

void perfetto_note_pointer(struct perfetto *p, u32 name, u64 value)
{
	size_t begin = begin_note(p, name);

	proto_number(&p->packets.batch, ANNOTATION_POINTER, value);
	proto_end(&p->packets.batch, begin);
}

void perfetto_note_flag(struct perfetto *p, u32 name)
{
	size_t begin = begin_note(p, name);

	proto_number(&p->packets.batch, ANNOTATION_BOOL, true);
	proto_end(&p->packets.batch, begin);
}

void perfetto_note_text(struct perfetto *p, u32 name, const char *text)
{
	size_t begin = begin_note(p, name);

	proto_item(&p->packets.batch, ANNOTATION_STRING, text, strlen(text));
	proto_end(&p->packets.batch, begin);
}

void perfetto_note_interned(struct perfetto *p, u32 name, u32 iid)
{
	size_t begin = begin_note(p, name);

	proto_number(&p->packets.batch, ANNOTATION_STRING_IID, iid);
	proto_end(&p->packets.batch, begin);
}

void perfetto_note_list(struct perfetto *p, u32 name, const u64 *values, u32 count)
{
	size_t begin = begin_note(p, name);

	for (u32 i = 0; i < count; i++) {
		size_t item = proto_begin(&p->packets.batch, ANNOTATION_ARRAY);

		proto_number(&p->packets.batch, ANNOTATION_UINT, values[i]);
		proto_end(&p->packets.batch, item);
	}
	proto_end(&p->packets.batch, begin);
}
