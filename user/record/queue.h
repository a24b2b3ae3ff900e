/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* queue - messages from one thread to one other, neither of which ever waits for the other */
#ifndef TRACER_RECORD_QUEUE_H
#define TRACER_RECORD_QUEUE_H

#include "user/base/util.h"

/* Lies before each message, in 8-byte units */
struct queue_head {
	u32 bytes;	/* of the message */
	u32 kind;	/* the caller's; not QUEUE_SKIP */
};

#define QUEUE_SKIP UINT32_MAX	/* nothing up to the end of the memory */

struct queue {
	u8 *data;
	u64 room;	/* a power of two */
	u64 head;	/* written by who puts, ever */
	u64 tail;	/* written by who takes, ever */
	u64 next;	/* of the message that is being put: its end */
};

/* @room: bytes, a power of two. Return: 0 or -ENOMEM. */
int queue_init(struct queue *queue, u64 room);
void queue_free(struct queue *queue);

/* Room for a message of @bytes, which is there with queue_put(). Return: NULL: not now. */
void *queue_begin(struct queue *queue, u32 kind, size_t bytes);
void queue_put(struct queue *queue);

/* The oldest message, valid until queue_drop(). Return: NULL: none. */
void *queue_peek(struct queue *queue, u32 *kind, size_t *bytes);
void queue_drop(struct queue *queue);

static inline bool queue_is_empty(const struct queue *queue)
{
	return __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE) ==
	       __atomic_load_n(&queue->tail, __ATOMIC_ACQUIRE);
}

#endif
