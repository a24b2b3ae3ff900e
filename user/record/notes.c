// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * notes - what was noted CPU by CPU, brought into the order of time
 *
 * The notes of a CPU are a run that is sorted, but for interrupts; runs are merged.
 */
#include "user/record/notes.h"

static struct watch_note *listed(const struct buffer *list)
{
	return (struct watch_note *)(void *)list->data;
}

struct watch_note *notes_add(struct notes *notes, u32 cpu)
{
	struct watch_note *to;

	if (!notes->count || cpu != notes->cpu)
		buffer_append(&notes->runs, &notes->count, sizeof(notes->count));
	notes->cpu = cpu;
	if (notes->runs.failed || buffer_reserve(&notes->list, sizeof(*to)))
		return NULL;
	notes->list.size += sizeof(*to);
	to = listed(&notes->list) + notes->count++;
	*to = (struct watch_note){ 0 };
	return to;
}

static void sort_run(struct watch_note *list, u32 count)
{
	/* A CPU's ring is sorted but for interrupts: few moves, and short ones. */
	for (u32 i = 1; i < count; i++) {
		struct watch_note one = list[i];
		u32 at = i;

		for (; at && list[at - 1].time_ns > one.time_ns; at--)
			list[at] = list[at - 1];
		list[at] = one;
	}
}

static void merge_two(struct watch_note *to, const struct watch_note *a,
		      const struct watch_note *a_end, const struct watch_note *b,
		      const struct watch_note *b_end)
{
	while (a < a_end && b < b_end)
		*to++ = b->time_ns < a->time_ns ? *b++ : *a++;
	memcpy(to, a, (size_t)((const char *)a_end - (const char *)a));
	to += a_end - a;
	memcpy(to, b, (size_t)((const char *)b_end - (const char *)b));
}

/* Merges neighbours. Return: how many runs are left. */
static u32 merge_neighbours(struct notes *notes, u32 run_count)
{
	const struct watch_note *from = listed(&notes->list);
	struct watch_note *to = listed(&notes->spare);
	u32 *runs = (u32 *)(void *)notes->runs.data;
	struct buffer swap = notes->list;
	u32 left = 0;

	for (u32 i = 0; i < run_count; i += 2) {
		u32 begin = runs[i], middle = i + 1 < run_count ? runs[i + 1] : notes->count;
		u32 end = i + 2 < run_count ? runs[i + 2] : notes->count;

		merge_two(to + begin, from + begin, from + middle, from + middle, from + end);
		runs[left++] = begin;
	}
	notes->spare.size = notes->list.size;
	notes->list = notes->spare;
	notes->spare = swap;
	return left;
}

const struct watch_note *notes_sort(struct notes *notes)
{
	const u32 *runs = (const u32 *)(const void *)notes->runs.data;
	u32 run_count = (u32)(notes->runs.size / sizeof(u32));

	for (u32 i = 0; i < run_count; i++) {
		u32 end = i + 1 < run_count ? runs[i + 1] : notes->count;

		sort_run(listed(&notes->list) + runs[i], end - runs[i]);
	}
	buffer_reset(&notes->spare);
	if (run_count > 1 && buffer_reserve(&notes->spare, notes->list.size))
		return NULL;
	while (run_count > 1)
		run_count = merge_neighbours(notes, run_count);
	return listed(&notes->list);
}

void notes_reset(struct notes *notes)
{
	buffer_reset(&notes->list);
	buffer_reset(&notes->runs);
	notes->count = 0;
}

void notes_free(struct notes *notes)
{
	buffer_free(&notes->list);
	buffer_free(&notes->spare);
	buffer_free(&notes->runs);
}
