// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* waits - what threads waited for, how long, and who ended it */
#include "user/model/waits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/model/grow.h"

static struct waits_row *row_of(struct waits *waits, const struct wait *wait, u32 what, u32 task)
{
	u64 key = (u64)task << 52 | (u64)wait->kind << 48 | (u64)wait->syscall << 32 | what;
	u64 *slot = map_put(&waits->numbers, key);

	_Static_assert(WAIT_KIND_COUNT <= 16 && TASK_GROUPS_MAX <= 1 << 12, "the key has room");
	if (!slot)
		return NULL;
	if (*slot)
		return &waits->rows[*slot - 1];
	if (!grow(&waits->rows, waits->count, &waits->room, sizeof(*waits->rows)))
		return NULL;
	waits->rows[waits->count] = (struct waits_row){
		.kind = wait->kind,
		.task = (u16)task,
		.syscall = wait->syscall,
		.what = what,
	};
	*slot = ++waits->count;
	return &waits->rows[*slot - 1];
}

struct waits_waker waits_waker_of(const struct wait *wait)
{
	struct waits_waker waker = { 0 };

	if (!wait->waker_known) {
		waker.missing = true;
		return waker;
	}
	waker.context = wait->waker_context;
	if (wait->waker_context == WAKER_HARDIRQ || wait->waker_context == WAKER_NMI ||
	    !wait->waker)
		waker.context = WAKER_HARDIRQ;
	else
		waker.name = wait->waker->name;
	return waker;
}

static int count_waker(struct waits *waits, const struct wait *wait, u32 row, u64 ns)
{
	struct waits_waker waker = waits_waker_of(wait);
	u64 key = (u64)row << 36 | (u64)waker.name << 4 | waker.context | (waker.missing ? 8 : 0);
	u64 *slot = map_put(&waits->waker_numbers, key);

	waker.row = row;
	if (!slot)
		return -ENOMEM;
	if (!*slot) {
		if (!grow(&waits->wakers, waits->waker_count, &waits->waker_room,
			  sizeof(*waits->wakers)))
			return -ENOMEM;
		waits->wakers[waits->waker_count] = waker;
		*slot = ++waits->waker_count;
	}
	waits->wakers[*slot - 1].count++;
	waits->wakers[*slot - 1].ns += ns;
	return 0;
}

static int count_place(struct waits *waits, u32 row, u32 stack, u64 ns)
{
	u64 *slot = map_put(&waits->place_numbers, (u64)row << 32 | stack);

	if (!slot)
		return -ENOMEM;
	if (!*slot) {
		if (!grow(&waits->places, waits->place_count, &waits->place_room,
			  sizeof(*waits->places)))
			return -ENOMEM;
		waits->places[waits->place_count] =
			(struct waits_place){ .row = row, .stack = stack };
		*slot = ++waits->place_count;
	}
	waits->places[*slot - 1].ns += ns;
	return 0;
}

static int on_interval(void *ctx, const struct interval *interval)
{
	struct waits *waits = ctx;
	u64 ns = interval->end_ns - interval->begin_ns;
	struct waits_row *row;
	u32 what, task;
	int r;

	if (interval->state != STATE_BLOCKED)
		return 0;
	r = whats_put(&waits->whats, &what, waits->timeline, interval->thread, &interval->wait)
		    ?: task_group(&waits->tasks, &task, interval->task);
	if (r < 0)
		return r;
	row = row_of(waits, &interval->wait, what, task);
	if (!row)
		return -ENOMEM;
	if (!row->longest || ns > row->ns.most) {
		row->longest = interval->thread;
		row->longest_begin_ns = interval->begin_ns;
	}
	row->latency_ns += interval->latency_ns;
	r = histogram_add(&row->ns, ns);
	if (!r && interval->where.user)
		r = count_place(waits, (u32)(row - waits->rows), interval->where.user, ns);
	if (r < 0)
		return r;
	if (interval->flags & INTERVAL_CUT_END) {
		row->unfinished++;
		row->unfinished_ns += ns;
		return 0;
	}
	if (!row->worst || ns > row->worst_ns) {
		row->worst = interval->thread;
		row->worst_ns = ns;
		row->worst_begin_ns = interval->begin_ns;
		row->worst_stack = interval->where.user;
	}
	return count_waker(waits, &interval->wait, (u32)(row - waits->rows), ns);
}

struct sink waits_sink(struct waits *waits, const struct timeline *timeline)
{
	waits->timeline = timeline;
	return (struct sink){ .ctx = waits, .interval = on_interval };
}

static int compare_rows(const void *left, const void *right, void *ctx)
{
	const struct waits_row *rows = ctx;
	const struct waits_row *a = &rows[*(const u32 *)left], *b = &rows[*(const u32 *)right];

	if (a->ns.total != b->ns.total)
		return a->ns.total < b->ns.total ? 1 : -1;
	if (a->ns.count != b->ns.count)
		return a->ns.count < b->ns.count ? 1 : -1;
	return a < b ? -1 : a > b;
}

static int compare_wakers(const void *left, const void *right)
{
	const struct waits_waker *a = left, *b = right;

	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return a->name < b->name ? -1 : a->name > b->name;
}

static int compare_places(const void *left, const void *right)
{
	const struct waits_place *a = left, *b = right;

	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	return a->stack < b->stack ? -1 : a->stack > b->stack;
}

int waits_sort(struct waits *waits)
{
	CLEANUP(free) u32 *order = calloc(waits->count + 1, sizeof(*order));
	CLEANUP(free) u32 *place = calloc(waits->count + 1, sizeof(*place));
	struct waits_row *rows = calloc(waits->count + 1, sizeof(*rows));

	if (!order || !place || !rows) {
		free(rows);
		return -ENOMEM;
	}
	for (u32 i = 0; i < waits->count; i++)
		order[i] = i;
	qsort_r(order, waits->count, sizeof(*order), compare_rows, waits->rows);
	for (u32 i = 0; i < waits->count; i++) {
		rows[i] = waits->rows[order[i]];
		place[order[i]] = i;
	}
	for (u32 i = 0; i < waits->waker_count; i++)
		waits->wakers[i].row = place[waits->wakers[i].row];
	for (u32 i = 0; i < waits->place_count; i++)
		waits->places[i].row = place[waits->places[i].row];
	free(waits->rows);
	waits->rows = rows;
	waits->room = waits->count + 1;
	if (waits->waker_count)
		qsort(waits->wakers, waits->waker_count, sizeof(*waits->wakers), compare_wakers);
	if (waits->place_count)
		qsort(waits->places, waits->place_count, sizeof(*waits->places), compare_places);
	return 0;
}

size_t waits_wakers(const struct waits *waits, u32 row, const struct waits_waker **wakers)
{
	u32 low = 0, high = waits->waker_count, end;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (waits->wakers[middle].row < row)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < waits->waker_count && waits->wakers[end].row == row; end++)
		;
	*wakers = waits->wakers + low;
	return end - low;
}

size_t waits_places(const struct waits *waits, u32 row, const struct waits_place **places)
{
	u32 low = 0, high = waits->place_count, end;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (waits->places[middle].row < row)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < waits->place_count && waits->places[end].row == row; end++)
		;
	*places = waits->places + low;
	return end - low;
}

char *waker_text(char to[WAKER_TEXT_MAX], const struct timeline *timeline,
		 const struct waits_waker *waker)
{
	const char *name = names_text(&timeline_threads(timeline)->names, waker->name);

	if (waker->missing)
		snprintf(to, WAKER_TEXT_MAX, "not seen");
	else if (waker->context == WAKER_HARDIRQ)
		snprintf(to, WAKER_TEXT_MAX, "interrupt");
	else if (!*name)
		snprintf(to, WAKER_TEXT_MAX,
			 waker->context == WAKER_SOFTIRQ ? "softirq" : "unnamed thread");
	else
		snprintf(to, WAKER_TEXT_MAX,
			 waker->context == WAKER_SOFTIRQ ? "softirq (%s)" : "%s", name);
	return to;
}

void waits_free(struct waits *waits)
{
	for (u32 i = 0; i < waits->count; i++)
		histogram_free(&waits->rows[i].ns);
	free(waits->rows);
	free(waits->wakers);
	map_free(&waits->numbers);
	map_free(&waits->waker_numbers);
	free(waits->places);
	map_free(&waits->place_numbers);
	whats_free(&waits->whats);
	task_groups_free(&waits->tasks);
	*waits = (struct waits){ 0 };
}
