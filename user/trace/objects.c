// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* objects - what an encoder remembers of descriptors' objects, to say it again where it is used */
#include "user/trace/objects.h"

#include <stdlib.h>

#include "user/trace/fields.h"

#define OBJECTS_MAX 65536

static struct object_entry *find(const struct objects *objects, u32 id)
{
	const u64 *value = map_get(&objects->by_id, id);

	return value ? (struct object_entry *)(uintptr_t)*value : NULL;
}

int objects_learn(struct objects *objects, const struct event_object *object)
{
	struct object_entry *entry = find(objects, object->id);
	u64 *value;

	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return -ENOMEM;
		value = map_put(&objects->by_id, object->id);
		if (!value) {
			free(entry);
			return -ENOMEM;
		}
		*value = (uintptr_t)entry;
		entry->told_chunk = objects->chunk;
	}
	entry->is = *object;
	entry->is.spare = 0;
	if (entry->chunk != objects->chunk && entry->told_chunk != objects->chunk)
		objects->used_count++;
	entry->chunk = objects->chunk;
	return 0;
}

void objects_use_slow(struct objects *objects, u32 id)
{
	struct object_entry *entry = find(objects, id);

	objects->used_last = id;
	if (!entry || entry->chunk == objects->chunk)
		return;
	entry->chunk = objects->chunk;
	objects->used_count++;
}

void objects_put(const struct objects *objects, struct buffer *b)
{
	struct event_object *rows = calloc(objects->used_count + 1, sizeof(*rows));
	size_t count = 0;

	if (!rows) {
		b->failed = true;
		return;
	}
	map_for_each(&objects->by_id, slot) {
		const struct object_entry *entry = (void *)(uintptr_t)slot->value;

		if (entry->chunk == objects->chunk && entry->told_chunk != objects->chunk)
			rows[count++] = entry->is;
	}
	buffer_varint(b, count);
	fields_put(b, &event_fields[EVENT_OBJECT], rows, count);
	free(rows);
}

/* Which ids go: collected first, because a removal moves others. */
static void forget(struct objects *objects, u64 age)
{
	u32 *ids = calloc(objects->by_id.count + 1, sizeof(*ids));
	size_t count = 0;

	if (!ids)
		return; /* next time */
	map_for_each(&objects->by_id, slot) {
		const struct object_entry *entry = (void *)(uintptr_t)slot->value;

		if (objects->chunk - entry->chunk >= age)
			ids[count++] = (u32)slot->key;
	}
	while (count) {
		free(find(objects, ids[--count]));
		map_remove(&objects->by_id, ids[count]);
	}
	free(ids);
}

void objects_next_chunk(struct objects *objects)
{
	objects->chunk++;
	objects->used_last = 0;
	objects->used_count = 0;
	if (objects->by_id.count <= OBJECTS_MAX)
		return;
	for (u64 age = 1024; age && objects->by_id.count > OBJECTS_MAX / 4 * 3; age /= 2)
		forget(objects, age);
}

void objects_free(struct objects *objects)
{
	map_for_each(&objects->by_id, slot)
		free((void *)(uintptr_t)slot->value);
	map_free(&objects->by_id);
}
