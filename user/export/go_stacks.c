// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* go_stacks - stacks as Go's tools want them: a leaf that says why, and the thread as the root */
#include "user/export/go_stacks.h"

#include <stdlib.h>

#include "user/base/text.h"
#include "user/frames/futexes.h"
#include "user/model/grow.h"

u32 go_frame_text(struct go_stacks *stacks, const char *text)
{
	return go_wire_frame(stacks->wire, text, "", 0) + 1;
}

/* Where @key keeps its frame; a place of no use without memory. */
static u64 *slot_of(struct go_stacks *stacks, struct map *map, u64 key)
{
	static u64 none;
	u64 *slot = map_put(map, key);

	if (slot)
		return slot;
	stacks->wire->failed = true;
	none = 0;
	return &none;
}

u32 go_frame_syscall(struct go_stacks *stacks, u16 syscall, enum wait_kind kind)
{
	u64 key = syscall == SYSCALL_NONE ? 1u << 16 | kind : syscall;
	u64 *slot = slot_of(stacks, &stacks->syscalls, key);
	char room[32], text[64];

	if (*slot)
		return (u32)*slot;
	if (syscall != SYSCALL_NONE)
		snprintf(text, sizeof(text), "%s",
			 trace_syscall_name(stacks->export->info, syscall, room));
	else if (kind == WAIT_FAULT)
		snprintf(text, sizeof(text), "page fault");
	else
		snprintf(text, sizeof(text), "[%s, outside any call]", wait_kind_name(kind));
	*slot = go_frame_text(stacks, text);
	return (u32)*slot;
}

static void object_text(struct go_stacks *stacks, char *to, size_t size, const struct what *what,
			u64 when_ns)
{
	const struct thread_table *threads = timeline_threads(stacks->export->known);
	char name[FUTEX_NAME_MAX], text[WHAT_TEXT_MAX];
	const char *module;

	if (what->futex && what->process && what->process <= threads->process_count &&
	    futexes_name(name, &module, &stacks->export->frames,
			 threads->processes[what->process - 1]->pid, what->futex, when_ns))
		snprintf(to, size, "[%s]", name);
	else if (what->futex)
		snprintf(to, size, "[futex 0x%llx]", (unsigned long long)what->futex);
	else
		snprintf(to, size, "[%s]", what_text(text, what));
}

u32 go_frame_object(struct go_stacks *stacks, u32 what, u64 when_ns)
{
	char raw[FUTEX_NAME_MAX + 8], text[FUTEX_NAME_MAX + 8];
	u64 *slot;

	if (!what)
		return 0;
	slot = slot_of(stacks, &stacks->objects, what);
	if (*slot)
		return (u32)*slot;
	object_text(stacks, raw, sizeof(raw), whats_get(stacks->whats, what), when_ns);
	text_printable(text, sizeof(text), raw);
	*slot = go_frame_text(stacks, text);
	return (u32)*slot;
}

u32 go_frame_thread(struct go_stacks *stacks, const struct thread *thread)
{
	const struct timeline *known = stacks->export->known;
	const char *name = thread_name(known, thread), *process;
	char raw[64], text[64];

	process = process_name(known, thread->process);
	if (!*name)
		snprintf(raw, sizeof(raw), "thread %u", thread->tid);
	else if (stacks->processes && *process && strcmp(name, process))
		snprintf(raw, sizeof(raw), "%s/%s", process, name);
	else
		snprintf(raw, sizeof(raw), "%s", name);
	text_printable(text, sizeof(text), raw);
	/* What begins so is hidden by the tools: Go's own. */
	if (!strncmp(text, "runtime.", 8))
		memmove(text, "runtime/", 8);
	return go_frame_text(stacks, text);
}

static u32 frame_of(struct go_stacks *stacks, const struct stack *stack, u32 i)
{
	u64 *slot = slot_of(stacks, &stacks->frames, (u64)stack->id << 8 | i);
	char text[SYMBOLS_TEXT_MAX];
	struct symbols_frame frame;
	const char *file;

	if (*slot)
		return (u32)*slot - 1;
	frames_frame(&stacks->export->frames, &frame, stack, i);
	symbols_text(text, &frame);
	file = frame.file ?: frame.path ?: "";
	*slot = (u64)go_wire_frame(stacks->wire, text, file, frame.file ? frame.line : 0) + 1;
	return (u32)*slot - 1;
}

static u32 add_frames(struct go_stacks *stacks, u32 *frames, u32 count, u32 id)
{
	const struct stack *stack = id ? export_stack(stacks->export, id) : NULL;

	for (u32 i = 0; stack && i < stack->count && count < GO_FRAMES_MAX - 1; i++)
		frames[count++] = frame_of(stacks, stack, i);
	return count;
}

static u32 make(struct go_stacks *stacks, const struct go_place *place)
{
	u32 frames[GO_FRAMES_MAX], count = 0;

	if (place->leaf)
		frames[count++] = place->leaf - 1;
	if (place->object)
		frames[count++] = place->object - 1;
	count = add_frames(stacks, frames, count, place->kernel);
	count = add_frames(stacks, frames, count, place->user);
	if (place->root)
		frames[count++] = place->root - 1;
	return count ? go_wire_stack(stacks->wire, frames, count) : 0;
}

u32 go_stack_of(struct go_stacks *stacks, const struct go_place *place)
{
	u64 hash = hash_bytes(place, sizeof(*place)), *slot;

	for (;; hash++) {
		slot = slot_of(stacks, &stacks->numbers, hash);
		if (!*slot)
			break;
		if (!memcmp(&stacks->known[*slot - 1].place, place, sizeof(*place)))
			return stacks->known[*slot - 1].stack;
	}
	if (!grow(&stacks->known, stacks->count, &stacks->room, sizeof(*stacks->known))) {
		stacks->wire->failed = true;
		return 0;
	}
	stacks->known[stacks->count] =
		(struct go_place_known){ .place = *place, .stack = make(stacks, place) };
	*slot = ++stacks->count;
	return stacks->known[stacks->count - 1].stack;
}

void go_stacks_begin(struct go_stacks *stacks)
{
	const struct thread_table *threads = timeline_threads(stacks->export->known);
	const struct process *first = NULL;

	for (u32 i = 0; i < threads->count; i++) {
		const struct thread *thread = threads->threads[i];

		if (!thread->target)
			continue;
		first = first ?: thread->process;
		stacks->processes |= thread->process != first;
	}
}

void go_stacks_free(struct go_stacks *stacks)
{
	free(stacks->known);
	map_free(&stacks->numbers);
	map_free(&stacks->syscalls);
	map_free(&stacks->objects);
	map_free(&stacks->frames);
	*stacks = (struct go_stacks){ 0 };
}
