/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* objects - what an encoder remembers of descriptors' objects, to say it again where it is used */
#ifndef TRACER_TRACE_OBJECTS_H
#define TRACER_TRACE_OBJECTS_H

#include "user/base/buffer.h"
#include "user/base/map.h"
#include "user/trace/event.h"

struct object_entry {
	struct event_object is;
	u64 chunk;      /* the last one that uses it */
	u64 told_chunk; /* in which its event is */
};

struct objects {
	struct map by_id;  /* id -> struct object_entry * */
	u64 chunk;         /* counts from 1 */
	u32 used_last;     /* most uses come in a row */
	size_t used_count; /* in the open chunk, told before it */
};

/* An object is told. Return: 0 or -ENOMEM. */
int objects_learn(struct objects *objects, const struct event_object *object);

/* An event of the open chunk, or a thread's state at its begin, refers to @id. */
void objects_use_slow(struct objects *objects, u32 id);

static inline void objects_use(struct objects *objects, u32 id)
{
	if (id && id != objects->used_last)
		objects_use_slow(objects, id);
}

/* Those that the open chunk uses and that were told before it: a count, and their fields. */
void objects_put(const struct objects *objects, struct buffer *b);

/* Forgets those unused for longest when they are too many; next chunk. */
void objects_next_chunk(struct objects *objects);
void objects_free(struct objects *objects);

#endif
