/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* map - a hash map from a 64-bit key to a 64-bit value (a number or a pointer) */
#ifndef TRACER_BASE_MAP_H
#define TRACER_BASE_MAP_H

#include "user/base/util.h"

struct map_slot {
	u64 key;
	u64 value;
	u64 used;
};

struct map {
	struct map_slot *slots;	/* open addressing, linear probing */
	size_t mask;		/* slots - 1; 0 while empty */
	size_t count;
};

/* Return: where the value of @key lies, or NULL. Valid until the next map_put() or map_remove(). */
u64 *map_get(const struct map *map, u64 key);

/* Finds @key or adds it with value 0. Return: where its value lies, NULL when memory ran out. */
u64 *map_put(struct map *map, u64 key);

/* Return: whether @key was there. */
bool map_remove(struct map *map, u64 key);
void map_clear(struct map *map);
void map_free(struct map *map);

#define map_for_each(map, slot)                                                                    \
	for (struct map_slot *slot = (map)->slots;                                                 \
	     slot && slot <= (map)->slots + (map)->mask; slot++)                                   \
		if (slot->used)

static inline u64 hash_u64(u64 x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	x ^= x >> 32;
	return x;
}

/* FNV-1a with a final mix: for text and small structs, not against an attacker */
u64 hash_bytes(const void *data, size_t size);

#endif
