/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* messages - events with all that belongs to them, as they lie in a queue under their kind */
#ifndef TRACER_RECORD_MESSAGES_H
#define TRACER_RECORD_MESSAGES_H

#include "user/record/queue.h"
#include "user/record/ring.h"

/* Gives room for a message, as queue_begin(), which may wait for it. */
typedef void *(*message_room)(void *ctx, u32 kind, size_t bytes);

/* Each returns whether there was room; then queue_put() is to follow. */
bool message_stack(message_room room, void *ctx, const struct ring_stack *stack);
bool message_symbol(message_room room, void *ctx, const struct trace_symbol *symbol);
bool message_mapping(message_room room, void *ctx, const struct trace_mapping *mapping);
bool message_wait_stack(message_room room, void *ctx, const struct event_wait_stack *body);

/* A stack that is kept for later, and since when */
struct kept_stack {
	u64 since_ns;
	struct event_stack stack;
};

/* Puts it into @queue. Return: whether there was room. */
bool message_keep(struct queue *queue, const struct ring_stack *stack, u64 since_ns);
struct ring_stack message_kept(const struct kept_stack *message, size_t bytes);

/* And back; what it points to is in the message. @bytes: of the message */
struct ring_stack message_to_stack(const struct event_stack *message, size_t bytes);
struct trace_symbol message_to_symbol(const void *message);
struct trace_mapping message_to_mapping(const void *message);

#endif
