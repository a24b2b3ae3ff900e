// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* perfetto_lanes - switches and wakings of one CPU as lists of numbers: Perfetto's CompactSched */
#include "user/export/perfetto_lanes.h"

#include <stdlib.h>

#include "user/base/protobuf.h"

enum bundle_field { BUNDLE_CPU = 1, BUNDLE_EVENT = 2, BUNDLE_LOST = 3, BUNDLE_COMPACT = 4 };
enum event_field { EVENT_TIMESTAMP = 1, EVENT_PID = 2 };

enum compact_field {
	SWITCH_TIMESTAMP = 1,
	SWITCH_PREV_STATE = 2,
	SWITCH_NEXT_PID = 3,
	SWITCH_NEXT_PRIO = 4,
	INTERN_TABLE = 5,
	SWITCH_NEXT_COMM = 6,
	WAKING_TIMESTAMP = 7,
	WAKING_PID = 8,
	WAKING_TARGET_CPU = 9,
	WAKING_PRIO = 10,
	WAKING_COMM = 11,
	WAKING_FLAGS = 12,
};

enum ftrace_event { FTRACE_SCHED_SWITCH = 4, FTRACE_SCHED_WAKING = 20 };

enum switch_field {
	LONG_SWITCH_PREV_COMM = 1,
	LONG_SWITCH_PREV_PID = 2,
	LONG_SWITCH_PREV_PRIO = 3,
	LONG_SWITCH_PREV_STATE = 4,
	LONG_SWITCH_NEXT_COMM = 5,
	LONG_SWITCH_NEXT_PID = 6,
	LONG_SWITCH_NEXT_PRIO = 7,
};

enum waking_field {
	LONG_WAKING_COMM = 1,
	LONG_WAKING_PID = 2,
	LONG_WAKING_PRIO = 3,
	LONG_WAKING_SUCCESS = 4,
	LONG_WAKING_TARGET_CPU = 5,
};

#define TABLE_MAX 0xffff /* names in a table: what fits beside the generation */

static bool reserve_names(struct lanes *lanes, u32 name)
{
	u32 room = lanes->room ?: 256;
	u32 *numbers;

	if (name < lanes->room)
		return true;
	while (room <= name)
		room *= 2;
	numbers = realloc(lanes->numbers, room * sizeof(*numbers));
	if (!numbers) {
		lanes->table.failed = true;
		return false;
	}
	memset(numbers + lanes->room, 0, (room - lanes->room) * sizeof(*numbers));
	lanes->numbers = numbers;
	lanes->room = room;
	return true;
}

/* The number of a name in the bundle's own table */
static u32 table_number(struct lanes *lanes, const struct cpus *cpus, u32 tid, u32 name)
{
	const char *text;
	u32 *slot;

	/* 0 is "": the name of nobody known, and of the idle thread, which has another */
	name = tid ? name + 1 : 0;
	if (!reserve_names(lanes, name))
		return 0;
	slot = &lanes->numbers[name];
	if (*slot >> 16 == lanes->generation)
		return *slot & TABLE_MAX;
	if (lanes->names == TABLE_MAX)
		return 0;
	text = tid ? names_text(&timeline_threads(cpus->timeline)->names, name - 1) : "swapper";
	proto_item(&lanes->table, INTERN_TABLE, text, strlen(text));
	*slot = lanes->generation << 16 | lanes->names;
	return lanes->names++;
}

static void begin(struct lanes *lanes)
{
	if (lanes->names || lanes->generation)
		return;
	lanes->generation = 1;
}

void lanes_switch(struct lanes *lanes, const struct cpus *cpus, u64 time_ns, u16 prev_state,
		  const struct cpu_run *next)
{
	u64 at = packets_time(cpus->packets, time_ns);

	begin(lanes);
	buffer_varint(&lanes->switch_time, at - lanes->switch_ns);
	lanes->switch_ns = at;
	buffer_varint(&lanes->prev_state, prev_state);
	buffer_varint(&lanes->next_tid, next->tid);
	buffer_varint(&lanes->next_priority, (u64)(s64)next->priority);
	buffer_varint(&lanes->next_name, table_number(lanes, cpus, next->tid, next->name));
}

void lanes_waking(struct lanes *lanes, const struct cpus *cpus, const struct cpu_wake *wake)
{
	u64 at = packets_time(cpus->packets, wake->time_ns);

	begin(lanes);
	buffer_varint(&lanes->waking_time, at - lanes->waking_ns);
	lanes->waking_ns = at;
	buffer_varint(&lanes->woken_tid, wake->tid);
	buffer_varint(&lanes->target, wake->target == CPU_UNKNOWN ? 0 : wake->target);
	buffer_varint(&lanes->woken_priority, (u64)(s64)wake->priority);
	buffer_varint(&lanes->woken_name, table_number(lanes, cpus, wake->tid, wake->name));
	buffer_varint(&lanes->context, wake->context);
}

/* Readers have a fast path for events that begin with these two. */
size_t lanes_event(struct lanes *lanes, const struct cpus *cpus, u64 time_ns, u32 tid)
{
	size_t begin = proto_begin(&lanes->events, BUNDLE_EVENT);

	proto_number(&lanes->events, EVENT_TIMESTAMP, packets_time(cpus->packets, time_ns));
	proto_number(&lanes->events, EVENT_PID, tid);
	return begin;
}

void lanes_event_end(struct lanes *lanes, size_t begin)
{
	proto_end(&lanes->events, begin);
}

static const char *name_of(const struct cpus *cpus, u32 tid, u32 name)
{
	return tid ? names_text(&timeline_threads(cpus->timeline)->names, name) : "swapper";
}

void lanes_long_waking(struct lanes *lanes, const struct cpus *cpus, const struct cpu_wake *wake)
{
	size_t event = lanes_event(lanes, cpus, wake->time_ns, wake->waker);
	size_t begin = proto_begin(&lanes->events, FTRACE_SCHED_WAKING);

	proto_text(&lanes->events, LONG_WAKING_COMM, name_of(cpus, wake->tid, wake->name));
	proto_number(&lanes->events, LONG_WAKING_PID, wake->tid);
	proto_number(&lanes->events, LONG_WAKING_PRIO, (u64)(s64)wake->priority);
	proto_number(&lanes->events, LONG_WAKING_SUCCESS, 1);
	proto_number(&lanes->events, LONG_WAKING_TARGET_CPU,
		     wake->target == CPU_UNKNOWN ? 0 : wake->target);
	proto_end(&lanes->events, begin);
	lanes_event_end(lanes, event);
}

void lanes_long_switch(struct lanes *lanes, const struct cpus *cpus, u64 time_ns,
		       const struct cpu_run *next)
{
	size_t event = lanes_event(lanes, cpus, time_ns, 0);
	size_t begin = proto_begin(&lanes->events, FTRACE_SCHED_SWITCH);

	proto_text(&lanes->events, LONG_SWITCH_PREV_COMM, "swapper");
	proto_number(&lanes->events, LONG_SWITCH_PREV_PID, 0);
	proto_number(&lanes->events, LONG_SWITCH_PREV_PRIO, 120);
	proto_number(&lanes->events, LONG_SWITCH_PREV_STATE, RAW_RUNNABLE);
	proto_text(&lanes->events, LONG_SWITCH_NEXT_COMM, name_of(cpus, next->tid, next->name));
	proto_number(&lanes->events, LONG_SWITCH_NEXT_PID, next->tid);
	proto_number(&lanes->events, LONG_SWITCH_NEXT_PRIO, (u64)(s64)next->priority);
	proto_end(&lanes->events, begin);
	lanes_event_end(lanes, event);
}

static void put_list(struct buffer *to, u32 field, struct buffer *list, int *failed)
{
	if (list->failed)
		*failed = -ENOMEM;
	if (list->size)
		proto_item(to, field, list->data, list->size);
	buffer_reset(list);
}

bool lanes_are_empty(const struct lanes *lanes)
{
	return !lanes->switch_time.size && !lanes->waking_time.size && !lanes->events.size;
}

void lanes_put(struct lanes *lanes, struct cpus *cpus, u16 cpu, bool lost)
{
	struct buffer *to;
	size_t bundle, compact;

	if (lanes_are_empty(lanes) && !lost)
		return;
	to = packet_begin(cpus->packets, SEQUENCE_MAIN, SEQUENCE_NEEDED);
	bundle = proto_begin(to, PACKET_FTRACE_EVENTS);
	proto_number(to, BUNDLE_CPU, cpu);
	if (lost)
		proto_bool(to, BUNDLE_LOST, true);
	if (lanes->events.failed)
		cpus->failed = -ENOMEM;
	buffer_append(to, lanes->events.data, lanes->events.size);
	buffer_reset(&lanes->events);
	if (lanes->switch_time.size || lanes->waking_time.size) {
		compact = proto_begin(to, BUNDLE_COMPACT);
		if (lanes->table.failed)
			cpus->failed = -ENOMEM;
		buffer_append(to, lanes->table.data, lanes->table.size);
		put_list(to, SWITCH_TIMESTAMP, &lanes->switch_time, &cpus->failed);
		put_list(to, SWITCH_PREV_STATE, &lanes->prev_state, &cpus->failed);
		put_list(to, SWITCH_NEXT_PID, &lanes->next_tid, &cpus->failed);
		put_list(to, SWITCH_NEXT_PRIO, &lanes->next_priority, &cpus->failed);
		put_list(to, SWITCH_NEXT_COMM, &lanes->next_name, &cpus->failed);
		put_list(to, WAKING_TIMESTAMP, &lanes->waking_time, &cpus->failed);
		put_list(to, WAKING_PID, &lanes->woken_tid, &cpus->failed);
		put_list(to, WAKING_TARGET_CPU, &lanes->target, &cpus->failed);
		put_list(to, WAKING_PRIO, &lanes->woken_priority, &cpus->failed);
		put_list(to, WAKING_COMM, &lanes->woken_name, &cpus->failed);
		put_list(to, WAKING_FLAGS, &lanes->context, &cpus->failed);
		proto_end(to, compact);
	}
	proto_end(to, bundle);
	packet_end(cpus->packets);
	buffer_reset(&lanes->table);
	lanes->names = 0;
	lanes->switch_ns = lanes->waking_ns = 0;
	/* The numbers of the last table count no more; when their mark comes again, for good. */
	if (++lanes->generation > 0xffff) {
		memset(lanes->numbers, 0, lanes->room * sizeof(*lanes->numbers));
		lanes->generation = 1;
	}
}

void lanes_free(struct lanes *lanes)
{
	struct buffer *lists[] = {
		&lanes->switch_time,    &lanes->prev_state, &lanes->next_tid,
		&lanes->next_priority,  &lanes->next_name,  &lanes->waking_time,
		&lanes->woken_tid,      &lanes->target,     &lanes->table,
		&lanes->woken_priority, &lanes->woken_name, &lanes->context,
		&lanes->events,
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		buffer_free(lists[i]);
	free(lanes->numbers);
	*lanes = (struct lanes){ 0 };
}
