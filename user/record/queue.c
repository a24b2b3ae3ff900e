// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* queue - messages from one thread to one other, neither of which ever waits for the other */
#include "user/record/queue.h"

#include <errno.h>
#include <stdlib.h>

int queue_init(struct queue *queue, u64 room)
{
	*queue = (struct queue){ .room = room, .data = malloc(room) };
	return queue->data ? 0 : -ENOMEM;
}

void queue_free(struct queue *queue)
{
	free(queue->data);
	*queue = (struct queue){ 0 };
}

static struct queue_head *head_at(struct queue *queue, u64 at)
{
	return (struct queue_head *)(queue->data + (at & (queue->room - 1)));
}

static u64 message_bytes(u64 bytes)
{
	return sizeof(struct queue_head) + ((bytes + 7) & ~7ULL);
}

void *queue_begin(struct queue *queue, u32 kind, size_t bytes)
{
	u64 at = queue->head, need = message_bytes(bytes);
	u64 to_end = queue->room - (at & (queue->room - 1));
	u64 used = at - __atomic_load_n(&queue->tail, __ATOMIC_ACQUIRE);
	u64 skipped = need > to_end ? to_end : 0;

	if (bytes > UINT32_MAX / 2 || used + skipped + need > queue->room)
		return NULL;
	if (skipped) {
		*head_at(queue, at) = (struct queue_head){ .kind = QUEUE_SKIP };
		at += skipped;
	}
	*head_at(queue, at) = (struct queue_head){ .bytes = (u32)bytes, .kind = kind };
	queue->next = at + need;
	return head_at(queue, at) + 1;
}

void queue_put(struct queue *queue)
{
	__atomic_store_n(&queue->head, queue->next, __ATOMIC_RELEASE);
}

void *queue_peek(struct queue *queue, u32 *kind, size_t *bytes)
{
	u64 head = __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE), at = queue->tail;
	struct queue_head *found;

	if (at == head)
		return NULL;
	found = head_at(queue, at);
	if (found->kind == QUEUE_SKIP) {
		at += queue->room - (at & (queue->room - 1));
		__atomic_store_n(&queue->tail, at, __ATOMIC_RELEASE);
		found = head_at(queue, at);
	}
	*kind = found->kind;
	*bytes = found->bytes;
	return found + 1;
}

void queue_drop(struct queue *queue)
{
	u64 at = queue->tail;

	__atomic_store_n(&queue->tail, at + message_bytes(head_at(queue, at)->bytes),
			 __ATOMIC_RELEASE);
}
