// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* index - symbols by address, 16 bytes each; their names are elsewhere */
#include "user/symbols/index.h"

#include <stdlib.h>

#define STEPS_MAX 64 /* symbols that begin before an address and end before it too */

static bool is_before(const struct index_entry *a, const struct index_entry *b)
{
	return a->key != b->key ? a->key < b->key : a->name < b->name;
}

/*
 * Shell's method: qsort() would take the same memory once more, and a plain quicksort can be
 * made slow by a file that is made for it. The gaps are Ciura's, continued by 2.25.
 */
void index_sort(struct index *index)
{
	static const u32 gaps[] = { 1,    4,    10,    23,    57,    132,    301,    701,    1577,
				    3548, 7983, 17961, 40412, 90927, 204585, 460316, 1035711 };
	struct index_entry *e = index->entries;

	for (size_t g = ARRAY_SIZE(gaps); g-- > 0;) {
		u32 gap = gaps[g];

		for (u32 i = gap; i < index->count; i++) {
			struct index_entry moved = e[i];
			u32 at = i;

			for (; at >= gap && is_before(&moved, &e[at - gap]); at -= gap)
				e[at] = e[at - gap];
			e[at] = moved;
		}
	}
}

u32 index_until(const struct index *index, u64 address)
{
	u32 low = 0, high = index->count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (index_address(&index->entries[middle]) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool covers(const struct index *index, const struct index_entry *entry, u64 address,
		   bool nearest)
{
	u64 distance = address - index_address(entry);

	if (entry->bytes)
		return distance < entry->bytes;
	if (entry->key & INDEX_OBJECT)
		return !distance;
	return nearest && distance < index->reach;
}

unsigned int index_find(const struct index_entry *found[INDEX_ALIASES], const struct index *index,
			u64 address, bool object)
{
	u32 begin = index_until(index, address);
	unsigned int count = 0;
	u64 nearest;

	if (!begin)
		return 0;
	nearest = index_address(&index->entries[begin - 1]);
	for (u32 i = begin; i > 0 && begin - i < STEPS_MAX && count < INDEX_ALIASES; i--) {
		const struct index_entry *entry = &index->entries[i - 1];
		bool is_object = entry->key & INDEX_OBJECT;

		if (count && index_address(entry) != index_address(found[0]))
			break;
		if (is_object == object &&
		    covers(index, entry, address, index_address(entry) == nearest))
			found[count++] = entry;
	}
	return count;
}

void index_free(struct index *index)
{
	free(index->entries);
	*index = (struct index){ 0 };
}
