// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* stack - stacks by their ids */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/track.h"

void on_stack(struct timeline *tl, const struct trace_event *event)
{
	const struct trace_stack *told = event->stack;
	size_t bytes = told->frames.count * sizeof(u64);
	struct stack *stack = malloc(sizeof(*stack) + bytes);
	u64 *slot = stack ? map_put(&tl->stacks, told->id) : NULL;
	u64 *frames = (u64 *)(stack + 1);

	if (!slot) {
		free(stack);
		timeline_fail(tl, -ENOMEM);
		return;
	}
	if (bytes)
		memcpy(frames, told->frames.list, bytes);
	*stack = (struct stack){
		.process = told->tgid ? process_get(&tl->threads, told->tgid) : NULL,
		.id = told->id,
		.image = told->image,
		.flags = told->flags & (u8)~STACK_RESTATED,
		.end = told->end,
		.count = told->frames.count,
		.frames = frames,
	};
	free((void *)(uintptr_t)*slot);
	*slot = (uintptr_t)stack;
}

const struct stack *timeline_stack(const struct timeline *tl, u32 id)
{
	const u64 *slot = id ? map_get(&tl->stacks, id) : NULL;

	return slot ? (const struct stack *)(uintptr_t)*slot : NULL;
}

void stack_map_free(struct timeline *tl)
{
	map_for_each(&tl->stacks, slot)
		free((void *)(uintptr_t)slot->value);
	map_free(&tl->stacks);
}
