// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* perfetto_stacks - callstacks of a Perfetto trace: frames with names, each told once */
#include <string.h>

#include "user/base/protobuf.h"
#include "user/export/perfetto.h"
#include "user/model/grow.h"

enum mapping_field {
	MAPPING_BUILD_ID = 2,
	MAPPING_START = 4,
	MAPPING_END = 5,
	MAPPING_PATHS = 7,
};

enum frame_field {
	FRAME_FUNCTION = 2,
	FRAME_MAPPING = 3,
	FRAME_REL_PC = 4,
	FRAME_SOURCE = 5,
	FRAME_LINE = 6,
};

#define CALLSTACK_FRAMES 2

/* Readers take the callstack 1 for "there is none" in some kinds of samples. */
#define CALLSTACK_FIRST 2

/* The number of what is new in a dictionary of messages: slot of its hash */
static u64 *numbered(struct perfetto_names *names, enum interned which, const void *words,
		     size_t size)
{
	u64 *slot = map_put(&names->numbers[which], hash_bytes(words, size));

	if (!slot)
		names->failed = true;
	return slot;
}

/*
 * Readers tell the kernel by "/kernel". Its frames, and those of no file, lie in mappings
 * without addresses: what is said of them is their name.
 */
static u32 mapping_of(struct perfetto *p, const struct symbols_frame *symbol, bool kernel)
{
	struct perfetto_names *names = &p->names;
	const char *path = kernel ? "/kernel" : *symbol->path ? symbol->path : symbol->module;
	u64 words[4] = { kernel, (uintptr_t)path, 0, 0 }, *slot;
	u32 build_id = 0, text;
	struct buffer *to;

	memcpy(words + 2, symbol->build_id,
	       min((size_t)symbol->build_id_bytes, 2 * sizeof(*words)));
	slot = numbered(names, INTERNED_MAPPINGS, words, sizeof(words));
	if (!slot || *slot)
		return slot ? (u32)*slot : 0;
	*slot = ++names->last[INTERNED_MAPPINGS];
	text = names_of_text(names, INTERNED_PATHS, path);
	if (symbol->build_id_bytes && !kernel)
		build_id = names_of_bytes(names, INTERNED_BUILD_IDS, symbol->build_id,
					  symbol->build_id_bytes);
	to = names_entry(names, INTERNED_MAPPINGS, (u32)*slot);
	if (build_id)
		proto_number(to, MAPPING_BUILD_ID, build_id);
	proto_number(to, MAPPING_START, 0);
	proto_number(to, MAPPING_END, 0);
	proto_number(to, MAPPING_PATHS, text);
	names_entry_end(names);
	return (u32)*slot;
}

/* The number of a frame, told when it is new */
static u32 put_frame(struct perfetto *p, const char *name, const struct symbols_frame *symbol,
		     bool kernel)
{
	struct perfetto_names *names = &p->names;
	u32 function = names_of_text(names, INTERNED_FUNCTIONS, name);
	u32 mapping = mapping_of(p, symbol, kernel);
	u32 source = symbol->file ? names_of_text(names, INTERNED_SOURCES, symbol->file) : 0;
	const u64 words[] = { function, mapping, symbol->offset, source, symbol->line };
	u64 *slot = numbered(names, INTERNED_FRAMES, words, sizeof(words));
	struct buffer *to;

	if (!slot || *slot)
		return slot ? (u32)*slot : 0;
	*slot = ++names->last[INTERNED_FRAMES];
	to = names_entry(names, INTERNED_FRAMES, (u32)*slot);
	proto_number(to, FRAME_FUNCTION, function);
	proto_number(to, FRAME_MAPPING, mapping);
	proto_number(to, FRAME_REL_PC, symbol->offset);
	if (source) {
		proto_number(to, FRAME_SOURCE, source);
		proto_number(to, FRAME_LINE, symbol->line);
	}
	names_entry_end(names);
	return (u32)*slot;
}

static u32 said_frame(struct perfetto *p, const char *text)
{
	const struct symbols_frame none = { .module = "[none]", .path = "" };

	return put_frame(p, text, &none, false);
}

static void add(struct perfetto_names *names, u32 *count, u32 frame)
{
	if (!grow(&names->list, *count, &names->list_room, sizeof(*names->list)))
		names->failed = true;
	else
		names->list[(*count)++] = frame;
}

/* The frames of a stack, the outermost first */
static void add_stack(struct perfetto *p, u32 *count, const struct stack *stack)
{
	char text[SYMBOLS_TEXT_MAX];

	if (!stack)
		return;
	if (stack->process && stack->end != STACK_END_ROOT)
		add(&p->names, count, said_frame(p, "[truncated stack]"));
	for (u32 i = stack->count; i; i--) {
		struct symbols_frame symbol;

		frames_frame(&p->export.frames, &symbol, stack, i - 1);
		add(&p->names, count,
		    put_frame(p, symbols_text(text, &symbol), &symbol, !stack->process));
	}
}

static u32 put_callstack(struct perfetto *p, u32 count)
{
	struct perfetto_names *names = &p->names;
	u32 iid = CALLSTACK_FIRST + names->last[INTERNED_CALLSTACKS]++;
	struct buffer *to = names_entry(names, INTERNED_CALLSTACKS, iid);

	for (u32 i = 0; i < count; i++)
		proto_number(to, CALLSTACK_FRAMES, names->list[i]);
	names_entry_end(names);
	return iid;
}

u32 perfetto_stack(struct perfetto *p, u32 user, u32 kernel)
{
	const struct timeline *known = p->export.known;
	u64 *slot;
	u32 count = 0;

	if (!timeline_stack_number(known, user) && !timeline_stack_number(known, kernel))
		return 0;
	slot = map_put(&p->names.stacks, (u64)timeline_stack_number(known, user) << 32 |
						 timeline_stack_number(known, kernel));
	if (!slot) {
		p->names.failed = true;
		return 0;
	}
	if (*slot)
		return (u32)*slot;
	add_stack(p, &count, export_stack(&p->export, user));
	add_stack(p, &count, export_stack(&p->export, kernel));
	if (count)
		*slot = put_callstack(p, count);
	return (u32)*slot;
}

u32 perfetto_no_stack(struct perfetto *p)
{
	u64 *slot = map_put(&p->names.stacks, 0);
	u32 count = 0;

	if (!slot) {
		p->names.failed = true;
		return 0;
	}
	if (!*slot) {
		add(&p->names, &count, said_frame(p, "[no stack]"));
		*slot = put_callstack(p, count);
	}
	return (u32)*slot;
}

/* How a wait begins, whatever it is for */
static bool is_scheduler(const char *name)
{
	static const char *const begins[] = { "schedule",         "__schedule",    "io_schedule",
					      "preempt_schedule", "bpf_",          "__bpf_",
					      "__traceiter_",     "trace_call_bpf" };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (!strncmp(name, begins[i], strlen(begins[i])))
			return true;
	return false;
}

static u32 find_kernel_function(struct perfetto *p, const struct stack *stack)
{
	struct symbols_frame symbol;

	for (u32 i = 0; stack && i < stack->count; i++)
		if (frames_frame(&p->export.frames, &symbol, stack, i) &&
		    !is_scheduler(symbol.name))
			return names_of_pointer(&p->names, INTERNED_KERNEL_SYMBOLS, symbol.name);
	return 0;
}

u32 perfetto_kernel_function(struct perfetto *p, u32 kernel_stack)
{
	u32 number = timeline_stack_number(p->export.known, kernel_stack);
	u64 *slot = number ? map_put(&p->names.kernel, number) : NULL;

	if (!slot)
		return 0;
	if (!*slot)
		*slot = 1 + find_kernel_function(p, export_stack(&p->export, kernel_stack));
	return (u32)*slot - 1;
}
