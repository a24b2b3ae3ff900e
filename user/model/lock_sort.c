// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* lock_sort - locks after the run: words that are one lock, and what matters most first */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/lock_turns.h"

const char *lock_kind_name(enum lock_kind kind)
{
	static const char *const names[] = { "other",     "mutex",     "pi_mutex", "rwlock",
					     "condition", "semaphore", "join" };

	_Static_assert(ARRAY_SIZE(names) == LOCK_KIND_COUNT, "every kind has a name");
	return kind < LOCK_KIND_COUNT ? names[kind] : "?";
}

const char *lock_part_name(enum lock_part part)
{
	static const char *const names[] = { "held", "released", "joined" };

	_Static_assert(ARRAY_SIZE(names) == LOCK_PART_COUNT, "every part has a name");
	return part < LOCK_PART_COUNT ? names[part] : "?";
}

static void merge_stacks(struct lock_stack *to, const struct lock_stack *from)
{
	for (u32 i = 0; i < LOCK_STACKS; i++)
		if (from[i].weight)
			lock_stack_add(to, from[i].user, from[i].kernel, from[i].weight);
}

static void merge_doing(struct lock_holder *to, const struct lock_doing *from)
{
	u32 i;

	for (i = 0; i < to->doing_count; i++)
		if (to->doing[i].state == from->state && to->doing[i].kind == from->kind &&
		    to->doing[i].syscall == from->syscall && to->doing[i].word == from->word)
			break;
	if (i == to->doing_count && i < LOCK_DOINGS) {
		to->doing[to->doing_count++] = *from;
		return;
	}
	if (i == LOCK_DOINGS)
		to->doing[--i].state = STATE_COUNT;
	to->doing[i].ns += from->ns;
}

static void merge_holder(struct lock_holder *to, const struct lock_holder *from)
{
	to->ns += from->ns;
	to->waits += from->waits;
	for (u32 i = 0; i < from->doing_count; i++)
		merge_doing(to, &from->doing[i]);
	if (from->blocked.weight > to->blocked.weight)
		to->blocked = from->blocked;
	merge_stacks(to->samples, from->samples);
}

/* Threads that had to do with several words count once. */
static int join_involved(struct locks *locks, const u32 *to)
{
	CLEANUP(free) struct map_slot *all = calloc(locks->involved.count + 1, sizeof(*all));
	size_t count = 0;
	int r = 0;

	if (!all)
		return -ENOMEM;
	map_for_each(&locks->involved, slot)
		all[count++] = *slot;
	for (size_t i = 0; i < count && r >= 0; i++) {
		u32 row = (u32)(all[i].key >> 32), id = (u32)all[i].key;

		if (to[row] != row && all[i].value & 1)
			r = lock_involve(locks, to[row], id, false);
		if (r >= 0 && to[row] != row && all[i].value & 2)
			r = lock_involve(locks, to[row], id, true);
	}
	return r;
}

static int join_holders(struct locks *locks, const u32 *to)
{
	u32 count = locks->holder_count;

	for (u32 i = 0; i < count; i++) {
		const struct lock_holder *old = &locks->holders[i];
		struct lock_holder *holder;

		if (to[old->row] == old->row)
			continue;
		holder = lock_holder_of(locks, to[old->row], old->thread, old->part);
		if (!holder)
			return -ENOMEM;
		/* The list may have moved. */
		merge_holder(holder, &locks->holders[i]);
		locks->holders[i].ns = 0;
	}
	return 0;
}

static int join_row(struct lock_row *to, struct lock_row *from)
{
	int r;

	if (from->longest && (!to->longest || from->ns.most > to->ns.most)) {
		to->longest = from->longest;
		to->longest_begin_ns = from->longest_begin_ns;
		to->longest_stack = from->longest_stack;
	}
	r = histogram_merge(&to->ns, &from->ns);
	to->keeps_owner |= from->keeps_owner;
	to->latency_ns += from->latency_ns;
	to->spurious += from->spurious;
	to->spurious_ns += from->spurious_ns;
	to->again += from->again;
	to->again_ns += from->again_ns;
	to->timeouts += from->timeouts;
	to->timeout_ns += from->timeout_ns;
	to->interrupts += from->interrupts;
	to->interrupt_ns += from->interrupt_ns;
	to->unfinished += from->unfinished;
	to->unfinished_ns += from->unfinished_ns;
	to->free_ns += from->free_ns;
	to->unknown_ns += from->unknown_ns;
	merge_stacks(to->stacks, from->stacks);
	histogram_free(&from->ns);
	from->ns = (struct histogram){ 0 };
	return r;
}

int locks_join(struct locks *locks, const u32 *to)
{
	int r = join_involved(locks, to) ?: join_holders(locks, to);

	for (u32 i = 0; i < locks->count && r >= 0; i++)
		if (to[i] != i) {
			locks->rows[i].joined = to[i] + 1;
			r = join_row(&locks->rows[to[i]], &locks->rows[i]);
		}
	return r;
}

static int compare_rows(const void *left, const void *right, void *ctx)
{
	const struct lock_row *rows = ctx;
	const struct lock_row *a = &rows[*(const u32 *)left], *b = &rows[*(const u32 *)right];

	if (a->ns.total != b->ns.total)
		return a->ns.total < b->ns.total ? 1 : -1;
	if (a->ns.count != b->ns.count)
		return a->ns.count < b->ns.count ? 1 : -1;
	return a->word < b->word ? -1 : a->word > b->word;
}

static int compare_holders(const void *left, const void *right)
{
	const struct lock_holder *a = left, *b = right;
	u32 a_id = a->thread ? a->thread->id : UINT32_MAX;
	u32 b_id = b->thread ? b->thread->id : UINT32_MAX;

	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	return a_id < b_id ? -1 : a_id > b_id;
}

static int compare_doings(const void *left, const void *right)
{
	const struct lock_doing *a = left, *b = right;

	return a->ns < b->ns ? 1 : a->ns > b->ns ? -1 : 0;
}

static int compare_stacks(const void *left, const void *right)
{
	const struct lock_stack *a = left, *b = right;

	return a->weight < b->weight ? 1 : a->weight > b->weight ? -1 : 0;
}

/* Rows without waits of their own only followed what others did. */
static void drop_empty(struct locks *locks, struct lock_row *rows, const u32 *order, u32 *place)
{
	u32 count = 0;

	for (u32 i = 0; i < locks->count; i++) {
		struct lock_row *row = &locks->rows[order[i]];

		place[order[i]] = UINT32_MAX;
		if (!row->ns.count) {
			histogram_free(&row->ns);
			free(row->turns);
			continue;
		}
		qsort(row->stacks, LOCK_STACKS, sizeof(row->stacks[0]), compare_stacks);
		place[order[i]] = count;
		rows[count++] = *row;
	}
	for (u32 i = 0; i < locks->count; i++)
		if (locks->rows[i].joined)
			place[i] = place[locks->rows[i].joined - 1];
	free(locks->rows);
	locks->rows = rows;
	locks->room = locks->count + 1;
	locks->count = count;
}

static void sort_holders(struct locks *locks, const u32 *place)
{
	u32 count = 0;

	for (u32 i = 0; i < locks->holder_count; i++) {
		struct lock_holder *holder = &locks->holders[i];

		if (!holder->ns || place[holder->row] == UINT32_MAX)
			continue;
		holder->row = place[holder->row];
		qsort(holder->doing, holder->doing_count, sizeof(holder->doing[0]), compare_doings);
		qsort(holder->samples, LOCK_STACKS, sizeof(holder->samples[0]), compare_stacks);
		locks->holders[count++] = *holder;
	}
	locks->holder_count = count;
	if (count)
		qsort(locks->holders, count, sizeof(*locks->holders), compare_holders);
}

int locks_sort(struct locks *locks)
{
	CLEANUP(free) u32 *order = calloc(locks->count + 1, sizeof(*order));
	CLEANUP(free) u32 *place = calloc(locks->count + 1, sizeof(*place));
	struct lock_row *rows = calloc(locks->count + 1, sizeof(*rows));
	u32 words = locks->count;

	if (!order || !place || !rows) {
		free(rows);
		return -ENOMEM;
	}
	for (u32 i = 0; i < locks->count; i++)
		order[i] = i;
	qsort_r(order, locks->count, sizeof(*order), compare_rows, locks->rows);
	drop_empty(locks, rows, order, place);
	sort_holders(locks, place);
	locks->places = take(place);
	locks->word_count = words;
	map_clear(&locks->holder_numbers);
	map_clear(&locks->involved);
	return 0;
}

const struct lock_row *locks_of_word(const struct locks *locks, u32 word)
{
	u32 place = word && word <= locks->word_count ? locks->places[word - 1] : UINT32_MAX;

	return place < locks->count ? &locks->rows[place] : NULL;
}

size_t locks_holders(const struct locks *locks, u32 row, const struct lock_holder **holders)
{
	u32 low = 0, high = locks->holder_count, end;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (locks->holders[middle].row < row)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < locks->holder_count && locks->holders[end].row == row; end++)
		;
	*holders = locks->holders + low;
	return end - low;
}
