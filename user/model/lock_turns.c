// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * lock_turns - who took and released a lock, and when
 *
 * Of a mutex that threads wait for, every change of hands can be seen: who releases it must wake
 * somebody, and who was woken and does not wait again has taken it. Beyond that the owner that
 * lay in the mutex when a wait began is known. What comes late is put where it belongs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"
#include "user/model/lock_turns.h"

/* How many turns are not later than @at_ns. */
static u32 turns_until(const struct lock_row *row, u64 at_ns)
{
	u32 low = 0, high = row->turn_count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (row->turns[middle].at_ns <= at_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

u32 turns_holder(const struct lock_row *row, u64 at_ns)
{
	u32 used = turns_until(row, at_ns);

	return used && !row->turns[used - 1].released ? row->turns[used - 1].thread : 0;
}

/* All rows forget the older half of their turns. */
static void forget_half(struct locks *locks)
{
	for (u32 i = 0; i < locks->count; i++) {
		struct lock_row *row = &locks->rows[i];
		u32 gone = (row->turn_count + 1) / 2;

		if (!gone)
			continue;
		row->forgotten_ns = row->turns[gone - 1].at_ns + 1;
		row->turn_count -= gone;
		memmove(row->turns, row->turns + gone, row->turn_count * sizeof(*row->turns));
		locks->turns -= gone;
	}
}

static int insert(struct locks *locks, struct lock_row *row, const struct lock_turn *turn)
{
	u32 place = turns_until(row, turn->at_ns);
	const struct lock_turn *before = place ? &row->turns[place - 1] : NULL;

	if (turn->at_ns < row->forgotten_ns ||
	    (before && before->thread == turn->thread && before->released == turn->released))
		return 0;
	if (locks->turns >= LOCK_TURNS) {
		forget_half(locks);
		return insert(locks, row, turn);
	}
	if (!grow(&row->turns, row->turn_count, &row->turn_room, sizeof(*row->turns)))
		return -ENOMEM;
	memmove(row->turns + place + 1, row->turns + place,
		(row->turn_count - place) * sizeof(*row->turns));
	row->turns[place] = *turn;
	row->turn_count++;
	locks->turns++;
	return 0;
}

int turns_hold(struct locks *locks, struct lock_row *row, u64 at_ns, u32 thread_id)
{
	return insert(locks, row, &(struct lock_turn){ at_ns, thread_id, false });
}

int turns_release(struct locks *locks, struct lock_row *row, u64 at_ns, u32 thread_id)
{
	return insert(locks, row, &(struct lock_turn){ at_ns, thread_id, true });
}

void turns_begin(struct turns_walk *walk, const struct lock_row *row, bool writer, u64 begin_ns,
		 u64 end_ns)
{
	*walk = (struct turns_walk){
		.row = row,
		.writer = writer,
		.begin_ns = begin_ns,
		.to_ns = end_ns,
		.next = end_ns ? turns_until(row, end_ns - 1) : 0,
	};
}

bool turns_next(struct turns_walk *walk)
{
	const struct lock_row *row = walk->row;
	const struct lock_turn *turn = walk->next ? &row->turns[walk->next - 1] : NULL;
	const struct lock_turn *then =
		walk->next < row->turn_count ? &row->turns[walk->next] : NULL;

	if (walk->to_ns <= walk->begin_ns)
		return false;
	walk->until_ns = walk->to_ns;
	walk->from_ns = turn ? max(turn->at_ns, walk->begin_ns) : walk->begin_ns;
	walk->thread = turn && !turn->released ? turn->thread : 0;
	walk->free = turn && turn->released && !walk->writer;
	/*
	 * Who releases a lock had it. Took it from whom, when? Nobody else released it meanwhile,
	 * and who had been woken before to take it would have taken it.
	 */
	if (!walk->thread && then && then->released && then->thread) {
		walk->thread = then->thread;
		walk->free = false;
	}
	walk->to_ns = walk->from_ns;
	if (walk->next)
		walk->next--;
	return true;
}
