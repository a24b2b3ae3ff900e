// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* messages - events with all that belongs to them, as they lie in a queue under their kind */
#include "user/record/messages.h"

#include <string.h>

#define PATH_BYTES 4096

struct mapping_message {
	struct trace_mapping mapping; /* without its path, which follows */
	char path[];
};

struct symbol_message {
	struct trace_symbol symbol; /* without its name, which follows */
	char name[];
};

bool message_stack(message_room room, void *ctx, const struct ring_stack *stack)
{
	size_t frame_bytes = stack->stack.frames.count * sizeof(u64);
	size_t word_bytes = stack->words * sizeof(u64);
	size_t more_bytes = stack->more_words * sizeof(u64);
	struct event_stack *to =
		room(ctx, EVENT_STACK, sizeof(*to) + frame_bytes + word_bytes + more_bytes);

	if (!to)
		return false;
	*to = (struct event_stack){
		.id = stack->stack.id,
		.tgid = stack->stack.tgid,
		.flags = stack->stack.flags,
		.end = stack->stack.end,
		.frames = (u8)stack->stack.frames.count,
		.image = stack->stack.image,
		.sp = stack->sp,
		.bp = stack->bp,
	};
	if (frame_bytes)
		memcpy(to->data, stack->stack.frames.list, frame_bytes);
	if (word_bytes)
		memcpy((u8 *)to->data + frame_bytes, stack->word, word_bytes);
	if (more_bytes)
		memcpy((u8 *)to->data + frame_bytes + word_bytes, stack->more, more_bytes);
	return true;
}

struct ring_stack message_to_stack(const struct event_stack *from, size_t bytes)
{
	return (struct ring_stack){
		.stack = {
			.id = from->id,
			.tgid = from->tgid,
			.image = from->image,
			.flags = from->flags,
			.end = from->end,
			.frames = { (const u64 *)from->data, from->frames },
		},
		.sp = from->sp,
		.bp = from->bp,
		.words = (u32)((bytes - sizeof(*from)) / sizeof(u64)) - from->frames,
		.word = (const u64 *)from->data + from->frames,
	};
}

struct keep {
	struct queue *queue;
	u64 since_ns;
};

static void *keep_room(void *ctx, u32 kind, size_t bytes)
{
	const struct keep *keep = ctx;
	struct kept_stack *to =
		queue_begin(keep->queue, kind, offsetof(struct kept_stack, stack) + bytes);

	if (!to)
		return NULL;
	to->since_ns = keep->since_ns;
	return &to->stack;
}

bool message_keep(struct queue *queue, const struct ring_stack *stack, u64 since_ns)
{
	struct keep keep = { queue, since_ns };
	bool put = message_stack(keep_room, &keep, stack);

	if (put)
		queue_put(queue);
	return put;
}

struct ring_stack message_kept(const struct kept_stack *message, size_t bytes)
{
	return message_to_stack(&message->stack, bytes - offsetof(struct kept_stack, stack));
}

bool message_symbol(message_room room, void *ctx, const struct trace_symbol *symbol)
{
	size_t name_bytes = strlen(symbol->name) + 1;
	struct symbol_message *to = room(ctx, EVENT_SYMBOL, sizeof(*to) + name_bytes);

	if (!to)
		return false;
	to->symbol = *symbol;
	memcpy(to->name, symbol->name, name_bytes);
	return true;
}

struct trace_symbol message_to_symbol(const void *message)
{
	const struct symbol_message *from = message;
	struct trace_symbol symbol = from->symbol;

	symbol.name = from->name;
	return symbol;
}

bool message_mapping(message_room room, void *ctx, const struct trace_mapping *mapping)
{
	size_t path_bytes = strnlen(mapping->path, PATH_BYTES - 1);
	struct mapping_message *to = room(ctx, EVENT_MAPPING, sizeof(*to) + path_bytes + 1);

	if (!to)
		return false;
	to->mapping = *mapping;
	memcpy(to->path, mapping->path, path_bytes);
	to->path[path_bytes] = 0;
	return true;
}

struct trace_mapping message_to_mapping(const void *message)
{
	const struct mapping_message *from = message;
	struct trace_mapping mapping = from->mapping;

	mapping.path = from->path;
	return mapping;
}

bool message_wait_stack(message_room room, void *ctx, const struct event_wait_stack *body)
{
	struct event_wait_stack *to = room(ctx, EVENT_WAIT_STACK, sizeof(*to));

	if (to)
		*to = *body;
	return to;
}
