// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sched - how long runnable threads waited for a CPU, and who had it instead */
#include "user/model/sched.h"

#include <errno.h>
#include <stdlib.h>

#include "user/model/grow.h"

static int count_rival(struct sched *sched, const struct thread *other, u64 ns)
{
	struct sched_rival rival = { 0 };
	u64 *slot;

	if (other) {
		rival.name = other->name;
		rival.foreign = !other->target;
	}
	slot = map_put(&sched->rival_numbers, (u64)rival.name << 1 | rival.foreign);
	if (!slot)
		return -ENOMEM;
	if (!*slot) {
		if (!grow(&sched->rivals, sched->rival_count, &sched->rival_room,
			  sizeof(*sched->rivals)))
			return -ENOMEM;
		sched->rivals[sched->rival_count] = rival;
		*slot = ++sched->rival_count;
	}
	sched->rivals[*slot - 1].count++;
	sched->rivals[*slot - 1].ns += ns;
	return 0;
}

static int on_runnable(struct sched *sched, const struct interval *interval)
{
	u64 ns = interval->end_ns - interval->begin_ns;
	int r;

	if (!sched->longest || ns > sched->latency.most) {
		sched->longest = interval->thread;
		sched->longest_begin_ns = interval->begin_ns;
	}
	r = histogram_add(&sched->latency, ns);
	if (r < 0)
		return r;
	r = histogram_add(&sched->by_why[interval->why], ns);
	return r ?: count_rival(sched, interval->other, ns);
}

static int on_interval(void *ctx, const struct interval *interval)
{
	struct sched *sched = ctx;

	if (interval->state == STATE_RUNNABLE)
		return on_runnable(sched, interval);
	if (interval->state != STATE_RUNNING)
		return 0;
	sched->runs++;
	sched->run_ns += interval->end_ns - interval->begin_ns;
	sched->migrations += !!(interval->flags & INTERVAL_MIGRATED);
	if (!(interval->flags & INTERVAL_CUT_END) && interval->leave < LEAVE_STATE_COUNT)
		sched->left[interval->leave]++;
	return 0;
}

struct sink sched_sink(struct sched *sched)
{
	return (struct sink){ .ctx = sched, .interval = on_interval };
}

static int compare_rivals(const void *left, const void *right)
{
	const struct sched_rival *a = left, *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	return a->name < b->name ? -1 : a->name > b->name;
}

void sched_sort(struct sched *sched)
{
	if (sched->rival_count)
		qsort(sched->rivals, sched->rival_count, sizeof(*sched->rivals), compare_rivals);
}

void sched_free(struct sched *sched)
{
	histogram_free(&sched->latency);
	for (int why = 0; why < WHY_COUNT; why++)
		histogram_free(&sched->by_why[why]);
	free(sched->rivals);
	map_free(&sched->rival_numbers);
	*sched = (struct sched){ 0 };
}
