// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trie - stacks that share their callers */
#include "user/trace/trie.h"

#include <errno.h>
#include <stdlib.h>

#include "user/base/map.h"

#define ROOM_FIRST 256u

static u32 slot_of(const struct trie *trie, u64 address, u32 parent)
{
	return (u32)hash_u64(address ^ (u64)parent * 0x9e3779b97f4a7c15ULL) & trie->mask;
}

static void fill_slots(struct trie *trie, u32 *slots, u32 mask)
{
	free(trie->slots);
	trie->slots = slots;
	trie->mask = mask;
	for (u32 i = 0; i < trie->count; i++) {
		u32 at = slot_of(trie, trie->addresses[i], trie->parents[i]);

		while (slots[at])
			at = (at + 1) & mask;
		slots[at] = i + 1;
	}
}

/* At most three quarters of the slots are in use. */
static u32 slots_for(u32 room)
{
	u32 slots = ROOM_FIRST;

	while (slots / 4 * 3 < room)
		slots *= 2;
	return slots;
}

static int trie_grow(struct trie *trie)
{
	u32 room = max(trie->room * 2, ROOM_FIRST), wanted;
	u64 *addresses;
	u32 *parents, *slots;

	if (trie->limit)
		room = min(room, trie->limit);
	if (room <= trie->count)
		return trie->limit ? -ENOSPC : -ENOMEM;
	addresses = reallocarray(trie->addresses, room, sizeof(*addresses));
	if (!addresses)
		return -ENOMEM;
	trie->addresses = addresses;
	parents = reallocarray(trie->parents, room, sizeof(*parents));
	if (!parents)
		return -ENOMEM;
	trie->parents = parents;
	wanted = slots_for(room);
	if (!trie->slots || wanted > trie->mask + 1) {
		slots = calloc(wanted, sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		fill_slots(trie, slots, wanted - 1);
	}
	trie->room = room;
	return 0;
}

static int put_frame(struct trie *trie, u32 *node, u64 address, u32 parent)
{
	int r;

	for (;;) {
		u32 at = slot_of(trie, address, parent), number;

		for (; trie->slots && (number = trie->slots[at]); at = (at + 1) & trie->mask) {
			if (trie->addresses[number - 1] == address &&
			    trie->parents[number - 1] == parent) {
				*node = number;
				return 0;
			}
		}
		if (trie->count < trie->room) {
			trie->addresses[trie->count] = address;
			trie->parents[trie->count] = parent;
			*node = trie->slots[at] = ++trie->count;
			return 0;
		}
		r = trie_grow(trie);
		if (r < 0)
			return r;
	}
}

int trie_put(struct trie *trie, u32 *leaf, const u64 *frames, u32 count)
{
	u32 node = 0;

	for (u32 i = count; i-- > 0;) {
		int r = put_frame(trie, &node, frames[i], node);

		if (r < 0)
			return r;
	}
	*leaf = node;
	return 0;
}

u32 trie_get(const struct trie *trie, u32 leaf, u64 *frames, u32 room)
{
	u32 count = 0;

	for (; leaf && count < room; leaf = trie->parents[leaf - 1])
		frames[count++] = trie->addresses[leaf - 1];
	return count;
}

void trie_mark(const struct trie *trie, u32 *marks, u32 leaf)
{
	for (; leaf && !marks[leaf]; leaf = trie->parents[leaf - 1])
		marks[leaf] = 1;
}

int trie_keep(struct trie *trie, u32 *marks)
{
	u32 *slots = calloc(trie->mask + 1, sizeof(*slots));
	u32 kept = 0;

	if (!slots)
		return -ENOMEM;
	for (u32 n = 1; n <= trie->count; n++) {
		if (!marks[n])
			continue;
		/* The caller has a lower number: it has moved already. */
		trie->parents[kept] = marks[trie->parents[n - 1]];
		trie->addresses[kept] = trie->addresses[n - 1];
		marks[n] = ++kept;
	}
	trie->count = kept;
	fill_slots(trie, slots, trie->mask);
	return 0;
}

size_t trie_bytes(const struct trie *trie)
{
	return trie->room * (sizeof(u64) + sizeof(u32)) +
	       (trie->slots ? (trie->mask + 1) * sizeof(u32) : 0);
}

void trie_free(struct trie *trie)
{
	free(trie->addresses);
	free(trie->parents);
	free(trie->slots);
	*trie = (struct trie){ .limit = trie->limit };
}
