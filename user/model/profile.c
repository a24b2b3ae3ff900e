// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* profile - waits, scheduler waits or CPU samples, added up by stack and by what they were */
#include "user/model/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"

#define BIT(kind) (1u << (kind))

const struct profile_kind profile_kinds[] = {
	{ "net", "waits for the network", BIT(WAIT_NETWORK), false, false },
	{ "sync", "waits for locks and other threads", BIT(WAIT_SYNC), false, false },
	{ "syscall", "blocked in other system calls: disk, pipe, other",
	  BIT(WAIT_DISK) | BIT(WAIT_PIPE) | BIT(WAIT_OTHER), false, false },
	{ "sched", "runnable, but without a CPU", 0, true, false },
	{ "cpu", "CPU samples", 0, false, true },
	{ "wait", "waits of every kind", BIT(WAIT_KIND_COUNT) - 1, false, false },
	{ "network", NULL, BIT(WAIT_NETWORK), false, false },
	{ "disk", NULL, BIT(WAIT_DISK), false, false },
	{ "pipe", NULL, BIT(WAIT_PIPE), false, false },
	{ "poll", NULL, BIT(WAIT_POLL), false, false },
	{ "sleep", NULL, BIT(WAIT_SLEEP), false, false },
	{ "fault", NULL, BIT(WAIT_FAULT), false, false },
	{ "child", NULL, BIT(WAIT_CHILD), false, false },
	{ "other", NULL, BIT(WAIT_OTHER), false, false },
	{ NULL, NULL, 0, false, false },
};

const struct profile_kind *profile_kind_find(const char *name)
{
	for (const struct profile_kind *kind = profile_kinds; kind->name; kind++)
		if (!strcmp(kind->name, name))
			return kind;
	return NULL;
}

/* What rows have in common lies before what is added up. */
#define KEY_BYTES offsetof(struct profile_row, count)
_Static_assert(KEY_BYTES == 40, "no gaps between the fields of the key");

/* The row of @key, made when there is none; NULL without memory. */
static struct profile_row *row_of(struct profile *profile, const struct profile_row *key)
{
	const struct profile_row other = { .kind = key->kind, .bare = BARE_OTHER };
	u64 hash = hash_bytes(key, KEY_BYTES), *slot;

	/* Keys whose hashes are equal lie under those that follow. */
	while ((slot = map_get(&profile->numbers, hash))) {
		if (!memcmp(&profile->rows[*slot - 1], key, KEY_BYTES))
			return &profile->rows[*slot - 1];
		hash++;
	}
	if (profile->count >= (profile->rows_max ?: PROFILE_ROWS_MAX) && key->bare != BARE_OTHER)
		return row_of(profile, &other);
	if (!grow(&profile->rows, profile->count, &profile->room, sizeof(*profile->rows)))
		return NULL;
	slot = map_put(&profile->numbers, hash);
	if (!slot)
		return NULL;
	memset(&profile->rows[profile->count], 0, sizeof(*profile->rows));
	memcpy(&profile->rows[profile->count], key, KEY_BYTES);
	*slot = ++profile->count;
	return &profile->rows[profile->count - 1];
}

/* Adds @row to the one that it has all in common with. */
static int add(struct profile *profile, const struct profile_row *row)
{
	struct profile_row *sum = row_of(profile, row);

	if (!sum)
		return -ENOMEM;
	if (!sum->count || row->begin_ns < sum->begin_ns)
		sum->begin_ns = row->begin_ns;
	sum->count += row->count;
	sum->ns += row->ns;
	sum->longest_ns = max(sum->longest_ns, row->longest_ns);
	return 0;
}

static int count(struct profile *profile, const struct profile_row *row)
{
	profile->total_count += row->count;
	profile->total_ns += row->ns;
	return add(profile, row);
}

static u8 why_bare(const struct profile *profile, const struct profile_row *row, bool cut)
{
	if (row->user_stack || row->kernel_stack)
		return BARE_NOT;
	if (profile->stack_min_ns == UINT64_MAX || cut || row->ns >= profile->stack_min_ns)
		return BARE_NONE;
	return BARE_SHORT;
}

static void set_waker(struct profile_row *row, const struct wait *wait)
{
	const struct waits_waker waker = waits_waker_of(wait);

	row->waker_name = waker.name;
	row->waker_context = waker.context;
	row->waker_missing = waker.missing;
}

static void set_task(const struct profile *profile, struct profile_row *row,
		     const struct task *task, u32 region)
{
	if (!profile->tasks)
		return;
	row->task = task ? task->name : 0;
	row->region = region;
}

static int on_interval(void *ctx, const struct interval *interval)
{
	struct profile *profile = ctx;
	bool sched = interval->state == STATE_RUNNABLE && profile->kind->sched;
	bool wait =
		interval->state == STATE_BLOCKED && profile->kind->waits >> interval->wait.kind & 1;
	bool cut = interval->flags & (INTERVAL_CUT_BEGIN | INTERVAL_CUT_END);
	struct profile_row row = {
		.user_stack = interval->where.user,
		.kernel_stack = interval->where.kernel,
		.thread = interval->thread->id,
		.name = interval->thread->name,
		.syscall = SYSCALL_NONE,
		.count = 1,
		.ns = interval->end_ns - interval->begin_ns,
		.begin_ns = interval->begin_ns,
	};
	int r = 0;

	row.longest_ns = row.ns;
	if (!sched && !wait)
		return 0;
	set_task(profile, &row, interval->task, interval->region);
	row.bare = sched && !(row.user_stack || row.kernel_stack) ? (u8)BARE_NONE
								  : why_bare(profile, &row, cut);
	row.unfinished = interval->flags & INTERVAL_CUT_END;
	if (sched)
		row.why = interval->why;
	if (wait || interval->why == WHY_WOKEN) {
		row.kind = interval->wait.kind;
		row.syscall = interval->wait.syscall;
		r = whats_put(&profile->whats, &row.what, profile->timeline, interval->thread,
			      &interval->wait);
		if (sched || !row.unfinished)
			set_waker(&row, &interval->wait);
	}
	return r < 0 ? r : count(profile, &row);
}

static int on_sample(void *ctx, const struct sample *sample)
{
	struct profile *profile = ctx;
	struct profile_row row = {
		.user_stack = sample->user_stack,
		.kernel_stack = sample->kernel_stack,
		.thread = sample->thread->id,
		.name = sample->thread->name,
		.syscall = SYSCALL_NONE,
		.bare = sample->user_stack || sample->kernel_stack ? BARE_NOT : BARE_NONE,
		.count = 1,
		.ns = profile->sample_period_ns,
		.begin_ns = sample->time_ns,
	};

	set_task(profile, &row, sample->task, sample->region);
	return profile->kind->cpu ? count(profile, &row) : 0;
}

struct sink profile_sink(struct profile *profile)
{
	return (struct sink){ .ctx = profile, .interval = on_interval, .sample = on_sample };
}

static u64 hash_stack(const struct stack *stack)
{
	u64 words[] = {
		stack->process ? stack->process->id : 0,
		stack->image,
		stack->flags,
		stack->end,
		hash_bytes(stack->frames, stack->count * sizeof(*stack->frames)),
	};

	return hash_bytes(words, sizeof(words));
}

static bool is_same(const struct stack *a, const struct stack *b)
{
	return a->process == b->process && a->image == b->image && a->flags == b->flags &&
	       a->end == b->end && a->count == b->count &&
	       !memcmp(a->frames, b->frames, a->count * sizeof(*a->frames));
}

/* Sets @id to the one that all equal stacks have, found by their content in @known. */
static int unify(struct map *known, const struct timeline *timeline, u32 *id)
{
	const struct stack *stack = *id ? timeline_stack(timeline, *id) : NULL;
	u64 *slot;

	*id = stack && stack->count ? *id : 0;
	if (!*id)
		return 0;
	for (u64 hash = hash_stack(stack);; hash++) {
		slot = map_put(known, hash);
		if (!slot)
			return -ENOMEM;
		if (!*slot)
			*slot = *id;
		if (*slot == *id || is_same(timeline_stack(timeline, (u32)*slot), stack))
			break;
	}
	*id = (u32)*slot;
	return 0;
}

static int compare_rows(const void *left, const void *right)
{
	const struct profile_row *a = left, *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return memcmp(a, b, KEY_BYTES);
}

static int merge(struct profile *profile, struct map *known)
{
	CLEANUP(free) struct profile_row *rows = take(profile->rows);
	u32 old = profile->count;
	int r = 0;

	map_clear(&profile->numbers);
	profile->count = profile->room = 0;
	for (u32 i = 0; i < old && !r; i++) {
		bool had = rows[i].user_stack || rows[i].kernel_stack;

		r = unify(known, profile->timeline, &rows[i].user_stack)
			    ?: unify(known, profile->timeline, &rows[i].kernel_stack);
		if (had && !rows[i].user_stack && !rows[i].kernel_stack)
			rows[i].bare = BARE_NONE;
		r = r ?: add(profile, &rows[i]);
	}
	return r;
}

int profile_finish(struct profile *profile)
{
	struct map known = { 0 };
	int r = merge(profile, &known);

	map_free(&known);
	map_free(&profile->numbers);
	if (r < 0)
		return r;
	for (u32 i = 0; i < profile->count; i++)
		if (profile->rows[i].bare == BARE_OTHER)
			profile->other_count += profile->rows[i].count;
	if (profile->count)
		qsort(profile->rows, profile->count, sizeof(*profile->rows), compare_rows);
	return 0;
}

void profile_free(struct profile *profile)
{
	free(profile->rows);
	map_free(&profile->numbers);
	whats_free(&profile->whats);
	*profile = (struct profile){ 0 };
}
