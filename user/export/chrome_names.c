// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* chrome_names - what stands before JSON trace events: the recording, stacks, names, losses */
#include <errno.h>
#include <stdlib.h>

#include "user/export/chrome.h"

/* {"ph":"X","pid":1,"tid":2,"ts":3 */
struct put *chrome_event(struct chrome *c, char phase, u32 pid, u32 tid, u64 time_ns)
{
	struct put *put = &c->put;
	const char head[] = { '{', '"', 'p', 'h', '"', ':', '"', phase, '"', 0 };

	put_text(put, c->comma ? ",\n" : "\n");
	put_text(put, head);
	put_key_integer(put, ",\"pid\":", pid);
	put_key_integer(put, ",\"tid\":", tid);
	put_text(put, ",\"ts\":");
	put_micros(put, time_ns - min(time_ns, c->tables.export.start_ns));
	c->comma = true;
	return put;
}

void chrome_value(struct put *put, const struct value *value)
{
	switch (value->type) {
	case VALUE_INTEGER: put_integer(put, value->integer); break;
	case VALUE_REAL: put_real(put, value->real); break;
	case VALUE_TEXT: put_quoted(put, value->text); break;
	default: put_text(put, "null");
	}
}

/* What the recording says of itself, and what is missing */
void chrome_recording(struct chrome *c)
{
	const struct table_spec *table = table_find("recording");
	const struct table_place place = { 0 };
	struct value values[COLUMNS_MAX];

	table_fill(&c->filler, table, &place, values, UINT64_MAX);
	put_text(&c->put, "{\"displayTimeUnit\":\"ns\",\n\"otherData\":{");
	for (u32 i = 0; i < table->column_count; i++) {
		put_text(&c->put, i ? ",\"" : "\"");
		put_text(&c->put, table->columns[i].name);
		put_text(&c->put, "\":");
		chrome_value(&c->put, &values[i]);
	}
	put_text(&c->put, "},\n");
}

/* A frame of stackFrames, written once. Return: its number; 0 without memory. */
static u32 put_frame(struct chrome *c, u32 parent, const struct symbols_frame *frame)
{
	const u64 words[] = { parent, (u64)(uintptr_t)frame->name, (u64)(uintptr_t)frame->module,
			      frame->name ? 0 : frame->offset };
	u64 *slot = map_put(&c->frames, hash_bytes(words, sizeof(words)));
	char text[SYMBOLS_TEXT_MAX];

	if (!slot)
		return 0;
	if (*slot)
		return (u32)*slot;
	*slot = c->frames.count;
	put_text(&c->put, *slot > 1 ? ",\n\"" : "\n\"");
	put_integer(&c->put, (s64)*slot);
	put_text(&c->put, "\":{\"name\":");
	put_quoted(&c->put, symbols_text(text, frame));
	put_key_text(&c->put, ",\"category\":", frame->module);
	if (parent)
		put_key_integer(&c->put, ",\"parent\":", parent);
	put_text(&c->put, "}");
	return (u32)*slot;
}

int chrome_frames(struct chrome *c)
{
	struct export *export = &c->tables.export;

	c->stack_count = timeline_stack_count(export->known);
	c->stacks = calloc((size_t)c->stack_count + 1, sizeof(*c->stacks));
	if (!c->stacks)
		return -ENOMEM;
	put_text(&c->put, "\"stackFrames\":{");
	for (u32 number = 1; number <= c->stack_count; number++) {
		const struct stack *stack = timeline_stack_numbered(export->known, number);
		struct symbols_frame frame;
		u32 parent = 0;

		for (u32 i = stack ? stack->count : 0; i; i--) {
			frames_frame(&export->frames, &frame, stack, i - 1);
			parent = put_frame(c, parent, &frame);
			if (!parent)
				return -ENOMEM;
		}
		c->stacks[number - 1] = parent;
	}
	put_text(&c->put, "},\n");
	return 0;
}

static void put_meta(struct chrome *c, const char *what, u32 pid, u32 tid, const char *name)
{
	struct put *put = chrome_event(c, 'M', pid, tid, 0);

	put_key_text(put, ",\"name\":", what);
	put_key_text(put, ",\"args\":{\"name\":", name);
	put_text(put, "}}");
}

static void put_order(struct chrome *c, const char *what, u32 pid, u32 tid, s64 order)
{
	struct put *put = chrome_event(c, 'M', pid, tid, 0);

	put_key_text(put, ",\"name\":", what);
	put_key_integer(put, ",\"args\":{\"sort_index\":", order);
	put_text(put, "}}");
}

static void put_thread(struct chrome *c, const struct thread *thread)
{
	char name[EVENT_COMM_BYTES * 3 + 32];
	u32 pid = thread->process->pid;

	c->filler.room_used = 0;
	snprintf(name, sizeof(name), "%s", value_thread_name(&c->filler, thread).text ?: "");
	put_meta(c, "thread_name", pid, thread->tid, name);
	put_order(c, "thread_sort_index", pid, thread->tid, 2 * (s64)thread->id);
	strcat(name, ": calls");
	put_meta(c, "thread_name", pid, thread->tid + CALLS_TRACK, name);
	put_order(c, "thread_sort_index", pid, thread->tid + CALLS_TRACK, 2 * (s64)thread->id + 1);
}

void chrome_names(struct chrome *c)
{
	const struct export *export = &c->tables.export;
	const struct thread_table *threads = timeline_threads(export->known);
	char name[16];

	put_meta(c, "process_name", 0, 0, "CPUs");
	put_order(c, "process_sort_index", 0, 0, -1);
	for (u32 cpu = 0; cpu < export->info->cpu_count && cpu < 4096; cpu++) {
		snprintf(name, sizeof(name), "CPU %u", cpu);
		put_meta(c, "thread_name", 0, cpu, name);
	}
	for (u32 i = 0; i < threads->count; i++) {
		const struct thread *thread = threads->threads[i];

		if (!thread->target)
			continue;
		c->filler.room_used = 0;
		put_thread(c, thread);
		put_meta(c, "process_name", thread->process->pid, thread->tid,
			 value_told(&c->filler, process_name(export->known, thread->process)).text
				 ?: "");
	}
}

/* Where events are missing: what is seen there is no more than what is left */
void chrome_losses(struct chrome *c)
{
	const struct losses *losses = &c->tables.export.losses;
	char text[64];

	for (u32 i = 0; i < losses->count; i++) {
		const struct losses_row *row = &losses->rows[i];
		u64 events = 0;
		struct put *put = chrome_event(c, 'i', 0, row->cpu == CPU_UNKNOWN ? 0 : row->cpu,
					       row->from_ns);

		for (int class = 0; class < CLASS_COUNT; class ++)
			events += row->counts[class];
		if (row->unreadable)
			snprintf(text, sizeof(text), "the file is damaged here");
		else
			snprintf(text, sizeof(text), "%llu events lost",
				 (unsigned long long)events);
		put_text(put, ",\"s\":\"g\",\"cat\":\"loss\",\"name\":");
		put_quoted(put, text);
		put_text(put, ",\"args\":{\"to_us\":");
		put_micros(put, row->to_ns - min(row->to_ns, c->tables.export.start_ns));
		put_text(put, "}}");
	}
}
