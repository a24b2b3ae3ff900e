// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* map - a hash map from a 64-bit key to a 64-bit value */
#include "user/base/map.h"

#include <stdlib.h>
#include <string.h>

u64 *map_get(const struct map *map, u64 key)
{
	if (!map->slots)
		return NULL;
	for (size_t i = hash_u64(key) & map->mask; map->slots[i].used; i = (i + 1) & map->mask)
		if (map->slots[i].key == key)
			return &map->slots[i].value;
	return NULL;
}

static bool map_grow(struct map *map)
{
	size_t room = map->slots ? (map->mask + 1) * 2 : 16;
	struct map_slot *slots = calloc(room, sizeof(*slots));

	if (!slots)
		return false;
	map_for_each(map, old) {
		size_t i = hash_u64(old->key) & (room - 1);

		while (slots[i].used)
			i = (i + 1) & (room - 1);
		slots[i] = *old;
	}
	free(map->slots);
	map->slots = slots;
	map->mask = room - 1;
	return true;
}

u64 *map_put(struct map *map, u64 key)
{
	u64 *found = map_get(map, key);
	size_t i;

	if (found)
		return found;
	if (!map->slots || (map->count + 1) * 4 > (map->mask + 1) * 3)
		if (!map_grow(map))
			return NULL;
	i = hash_u64(key) & map->mask;
	while (map->slots[i].used)
		i = (i + 1) & map->mask;
	map->slots[i] = (struct map_slot){ .key = key, .used = 1 };
	map->count++;
	return &map->slots[i].value;
}

bool map_remove(struct map *map, u64 key)
{
	u64 *found = map_get(map, key);
	size_t hole, i;

	if (!found)
		return false;
	hole = (size_t)(container_of(found, struct map_slot, value) - map->slots);

	/* Move back whoever would no longer be found past the hole. */
	for (i = (hole + 1) & map->mask; map->slots[i].used; i = (i + 1) & map->mask) {
		size_t home = hash_u64(map->slots[i].key) & map->mask;

		if (((i - home) & map->mask) >= ((i - hole) & map->mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole].used = 0;
	map->count--;
	return true;
}

void map_clear(struct map *map)
{
	if (map->slots)
		memset(map->slots, 0, (map->mask + 1) * sizeof(*map->slots));
	map->count = 0;
}

void map_free(struct map *map)
{
	free(map->slots);
	*map = (struct map){ 0 };
}

u64 hash_bytes(const void *data, size_t size)
{
	const u8 *at = data;
	u64 hash = 0xcbf29ce484222325ULL;

	while (size--)
		hash = (hash ^ *at++) * 0x100000001b3ULL;
	return hash_u64(hash);
}
