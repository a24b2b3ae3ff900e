// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* gaps - the stretches of time in which events were lost */
#include "user/model/gaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"

/* The first gap that ends at @ns or later */
static u32 gaps_at(const struct gaps *gaps, u64 ns)
{
	u32 low = 0, high = gaps->count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (gaps->list[middle].to_ns < ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Joins each pair of neighbours: memory has a bound, and more time is doubted, never less. */
static void gaps_halve(struct gaps *gaps)
{
	u32 kept = 0;

	for (u32 i = 0; i < gaps->count; i += 2, kept++) {
		u32 last = min(i + 1, gaps->count - 1);

		gaps->list[kept] = (struct gap){ gaps->list[i].from_ns, gaps->list[last].to_ns };
	}
	gaps->count = kept;
}

static int gaps_reserve(struct gaps *gaps)
{
	if (gaps->count >= GAPS_MAX)
		gaps_halve(gaps);
	return grow(&gaps->list, gaps->count, &gaps->room, sizeof(*gaps->list)) ? 0 : -ENOMEM;
}

int gaps_add(struct gaps *gaps, u64 from_ns, u64 to_ns)
{
	struct gap *list;
	u32 first, last;

	if (to_ns < from_ns)
		to_ns = from_ns;
	if (gaps_reserve(gaps) < 0)
		return -ENOMEM;
	list = gaps->list;
	first = gaps_at(gaps, from_ns);
	for (last = first; last < gaps->count && list[last].from_ns <= to_ns; last++) {
		from_ns = min(from_ns, list[last].from_ns);
		to_ns = max(to_ns, list[last].to_ns);
	}
	memmove(list + first + 1, list + last, (gaps->count - last) * sizeof(*list));
	gaps->count += first + 1 - last;
	list[first] = (struct gap){ from_ns, to_ns };
	return 0;
}

u64 gaps_first(const struct gaps *gaps, u64 from_ns, u64 to_ns)
{
	u32 i = gaps_at(gaps, from_ns);

	if (i == gaps->count || gaps->list[i].from_ns > to_ns)
		return UINT64_MAX;
	return max(from_ns, gaps->list[i].from_ns);
}

void gaps_free(struct gaps *gaps)
{
	free(gaps->list);
	*gaps = (struct gaps){ 0 };
}
