// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * regions - how long regions took, by name, and where the time of their threads went meanwhile
 *
 * What a thread announced is told before the intervals that it lies in. So each thread has a list
 * of begins and ends that are behind what was told of it, and a sum of all that was told: the
 * difference between two such sums is what the thread did in between.
 */
#include "user/model/regions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"

/* A begin or an end */
struct edge {
	u64 time_ns;
	u64 begin_ns;
	u32 name;
	u32 stack;
	u32 task;
	bool begins;
	bool whole; /* an end: it was announced, and so was its begin */
	bool aside;
};

struct open_region {
	u64 begin_ns;
	u32 name;
	u64 inner_ns;       /* in regions inside this one */
	struct spent spent; /* of the thread, until its begin */
};

struct regions_thread {
	const struct thread *thread;
	struct edge *edges;
	u32 edge_first;
	u32 edge_count;
	u32 edge_room;
	struct open_region *open;
	u32 open_count;
	u32 open_room;
	struct spent spent; /* all that was told */
};

static struct regions_thread *thread_of(struct regions *regions, const struct thread *thread,
					bool make)
{
	u32 room = max(regions->thread_room, 64u);
	struct regions_thread **threads, *found;

	if (thread->id > regions->thread_room) {
		if (!make)
			return NULL;
		while (room < thread->id)
			room *= 2;
		threads = reallocarray(regions->threads, room, sizeof(*threads));
		if (!threads)
			return NULL;
		memset(threads + regions->thread_room, 0,
		       (room - regions->thread_room) * sizeof(*threads));
		regions->threads = threads;
		regions->thread_room = room;
	}
	found = regions->threads[thread->id - 1];
	if (found || !make)
		return found;
	found = calloc(1, sizeof(*found));
	if (found)
		found->thread = thread;
	return regions->threads[thread->id - 1] = found;
}

static struct regions_row *row_of(struct regions *regions, u32 name, bool other)
{
	u64 key = other ? UINT64_MAX : name, *slot = map_put(&regions->numbers, key);

	if (!slot)
		return NULL;
	if (*slot)
		return &regions->rows[*slot - 1];
	if (regions->count >= REGIONS_ROWS_MAX && !other) {
		map_remove(&regions->numbers, key);
		return row_of(regions, 0, true);
	}
	if (!grow(&regions->rows, regions->count, &regions->room, sizeof(*regions->rows)))
		return NULL;
	regions->rows[regions->count] = (struct regions_row){ .name = name, .other = other };
	*slot = ++regions->count;
	return &regions->rows[regions->count - 1];
}

static struct spent spent_since(const struct spent *now, const struct spent *then)
{
	struct spent spent = {
		.execution_ns = now->execution_ns - then->execution_ns,
		.scheduler_wait_ns = now->scheduler_wait_ns - then->scheduler_wait_ns,
		.unknown_ns = now->unknown_ns - then->unknown_ns,
	};

	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++)
		spent.waits_ns[kind] = now->waits_ns[kind] - then->waits_ns[kind];
	return spent;
}

/* The stack that least was spent in makes room: those that matter stay. */
static void count_stack(struct regions_row *row, u32 stack, u64 ns)
{
	u32 least = 0;

	for (u32 i = 0; i < row->stack_count; i++) {
		if (row->stacks[i].stack == stack) {
			row->stacks[i].count++;
			row->stacks[i].ns += ns;
			return;
		}
		if (row->stacks[i].ns < row->stacks[least].ns)
			least = i;
	}
	if (row->stack_count < REGIONS_STACKS_MAX)
		least = row->stack_count++;
	else if (row->stacks[least].ns >= ns)
		return;
	row->stacks[least] = (struct regions_stack){ stack, 1, ns };
}

static int count(struct regions *regions, const struct regions_thread *t, const struct edge *end,
		 const struct spent *spent, u64 inner_ns)
{
	struct regions_row *row = row_of(regions, end->name, false);
	u64 ns = end->time_ns - min(end->begin_ns, end->time_ns);

	if (!row)
		return -ENOMEM;
	row->count++;
	if (!end->whole) {
		row->incomplete++;
		return 0;
	}
	row->self_ns += ns - min(inner_ns, ns);
	spent_merge(&row->spent, spent);
	count_stack(row, end->stack, ns);
	if (!row->thread || ns > row->latency.most) {
		row->thread = t->thread;
		row->begin_ns = end->begin_ns;
		row->task = end->task;
		row->longest_spent = *spent;
	}
	return histogram_add(&row->latency, ns);
}

static int open_region(struct regions_thread *t, const struct edge *edge)
{
	if (!grow(&t->open, t->open_count, &t->open_room, sizeof(*t->open)))
		return -ENOMEM;
	t->open[t->open_count++] = (struct open_region){
		.begin_ns = edge->begin_ns,
		.name = edge->name,
		.spent = t->spent,
	};
	return 0;
}

/* Its begin may not have been told: one of those whose begin nobody saw. */
static int close_region(struct regions *regions, struct regions_thread *t, const struct edge *edge)
{
	u64 ns = edge->time_ns - min(edge->begin_ns, edge->time_ns), inner_ns = 0;
	struct spent spent = { 0 };
	u32 at = t->open_count;

	while (at > 0 &&
	       (t->open[at - 1].name != edge->name || t->open[at - 1].begin_ns != edge->begin_ns))
		at--;
	if (at) {
		spent = spent_since(&t->spent, &t->open[at - 1].spent);
		inner_ns = t->open[at - 1].inner_ns;
		memmove(&t->open[at - 1], &t->open[at], (t->open_count - at) * sizeof(*t->open));
		t->open_count--;
		if (at > 1)
			t->open[at - 2].inner_ns += ns;
	}
	return edge->aside ? 0 : count(regions, t, edge, &spent, inner_ns);
}

/* The next begin or end holds from here on. */
static int pass(struct regions *regions, struct regions_thread *t)
{
	const struct edge edge = t->edges[t->edge_first++];

	t->edge_count--;
	return edge.begins ? open_region(t, &edge) : close_region(regions, t, &edge);
}

static int on_interval(void *ctx, const struct interval *interval)
{
	struct regions *regions = ctx;
	struct regions_thread *t = thread_of(regions, interval->thread, false);
	bool aside = interval->flags & INTERVAL_ASIDE;
	u64 at_ns = interval->begin_ns;
	int r = 0;

	if (!t)
		return 0;
	while (!r && t->edge_count && t->edges[t->edge_first].time_ns < interval->end_ns) {
		u64 edge_ns = max(t->edges[t->edge_first].time_ns, at_ns);

		spent_add(&t->spent, interval, aside ? 0 : edge_ns - at_ns);
		at_ns = edge_ns;
		r = pass(regions, t);
	}
	spent_add(&t->spent, interval, aside ? 0 : interval->end_ns - at_ns);
	return r;
}

static int add_edge(struct regions *regions, const struct edge *edge, const struct thread *thread)
{
	struct regions_thread *t = thread_of(regions, thread, true);
	int r = 0;

	if (!t)
		return -ENOMEM;
	/* Of a time that the filter leaves out nobody tells. */
	while (!r && t->edge_count >= REGIONS_PENDING_MAX)
		r = pass(regions, t);
	if (t->edge_first && t->edge_first + t->edge_count == t->edge_room) {
		memmove(t->edges, t->edges + t->edge_first, t->edge_count * sizeof(*t->edges));
		t->edge_first = 0;
	}
	if (!grow(&t->edges, t->edge_first + t->edge_count, &t->edge_room, sizeof(*t->edges)))
		return -ENOMEM;
	t->edges[t->edge_first + t->edge_count++] = *edge;
	return r;
}

static bool is_selected(const struct regions *regions, u32 name)
{
	const struct names *names = &timeline_threads(regions->timeline)->names;

	return !regions->name_count ||
	       filter_matches_any(regions->names, regions->name_count, names_text(names, name));
}

static int on_note(void *ctx, const struct note *note)
{
	struct regions *regions = ctx;
	const struct edge edge = {
		.time_ns = note->time_ns,
		.begin_ns = note->kind == EVENT_REGION_BEGIN ? note->time_ns : note->begin_ns,
		.name = note->name,
		.stack = note->stack,
		.task = note->task ? note->task->id : 0,
		.begins = note->kind == EVENT_REGION_BEGIN,
		.whole = !(note->how & (NOTE_IMPLIED | NOTE_UNSEEN)),
		.aside = note->how & NOTE_ASIDE || !is_selected(regions, note->name),
	};

	if (note->kind != EVENT_REGION_BEGIN && note->kind != EVENT_REGION_END)
		return 0;
	if (note->misuse == MISUSE_REGION_DEPTH)
		return 0;
	return add_edge(regions, &edge, note->thread);
}

static void thread_free(struct regions_thread *t)
{
	if (!t)
		return;
	free(t->edges);
	free(t->open);
	free(t);
}

static int finish_thread(struct regions *regions, struct regions_thread *t)
{
	int r = 0;

	while (!r && t && t->edge_count)
		r = pass(regions, t);
	return r;
}

static int on_thread(void *ctx, const struct thread *thread, enum thread_change change, u64 time_ns)
{
	struct regions *regions = ctx;
	struct regions_thread *t = thread_of(regions, thread, false);
	int r;

	if (change != THREAD_ENDS || !t)
		return 0;
	r = finish_thread(regions, t);
	thread_free(t);
	regions->threads[thread->id - 1] = NULL;
	return r;
}

struct sink regions_sink(struct regions *regions)
{
	return (struct sink){
		.ctx = regions,
		.everyone = true,
		.interval = on_interval,
		.note = on_note,
		.thread = on_thread,
	};
}

static int compare_stacks(const void *left, const void *right)
{
	const struct regions_stack *a = left, *b = right;

	return a->ns < b->ns   ? 1
	       : a->ns > b->ns ? -1
			       : (a->stack > b->stack) - (a->stack < b->stack);
}

static int compare_rows(const void *left, const void *right)
{
	const struct regions_row *a = left, *b = right;
	u64 x = a->latency.total, y = b->latency.total;

	if (x != y)
		return x < y ? 1 : -1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return (a->name > b->name) - (a->name < b->name);
}

int regions_finish(struct regions *regions)
{
	for (u32 i = 0; i < regions->thread_room; i++) {
		int r = finish_thread(regions, regions->threads[i]);

		if (r < 0)
			return r;
	}
	for (u32 i = 0; i < regions->count; i++)
		qsort(regions->rows[i].stacks, regions->rows[i].stack_count,
		      sizeof(regions->rows[i].stacks[0]), compare_stacks);
	if (regions->count)
		qsort(regions->rows, regions->count, sizeof(*regions->rows), compare_rows);
	map_clear(&regions->numbers);
	return 0;
}

void regions_free(struct regions *regions)
{
	for (u32 i = 0; i < regions->thread_room; i++)
		thread_free(regions->threads[i]);
	free(regions->threads);
	for (u32 i = 0; i < regions->count; i++)
		histogram_free(&regions->rows[i].latency);
	free(regions->rows);
	map_free(&regions->numbers);
	*regions = (struct regions){ 0 };
}

const char *regions_row_name(const struct regions *regions, const struct regions_row *row)
{
	const char *name = names_text(&timeline_threads(regions->timeline)->names, row->name);

	return row->other ? "(other names)" : *name ? name : "(unnamed)";
}
