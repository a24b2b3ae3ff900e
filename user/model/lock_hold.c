// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * lock_hold - what the holders of a lock did while others waited for it
 *
 * A wait is cut into the stretches in which one thread held the lock, and each is laid over what
 * that thread did. As long as that is not told yet, the wait is parked: the holder may itself be
 * in a call that has not ended. What is older than the history, or never told, is "not known".
 */
#include <errno.h>
#include <stdlib.h>

#include "user/model/grow.h"
#include "user/model/lock_turns.h"

#define CURSORS 16

/* One wait on its way: holders' histories are walked back only once */
struct laying {
	struct locks *locks;
	const struct lock_job *job;
	u32 steps;
	struct held {
		u32 thread;
		bool valid;
		struct past_cursor cursor;
		const struct past_sample *sample;
		u64 sample_place;
	} held[CURSORS];
	u32 held_count;
};

static const struct thread *thread_by_id(const struct locks *locks, u32 id)
{
	return timeline_threads(locks->timeline)->threads[id - 1];
}

void lock_stack_add(struct lock_stack *stacks, u32 user, u32 kernel, u64 weight)
{
	struct lock_stack *least = &stacks[0];

	if (!user && !kernel)
		return;
	for (u32 i = 0; i < LOCK_STACKS; i++) {
		if (stacks[i].weight && stacks[i].user == user && stacks[i].kernel == kernel) {
			stacks[i].weight += weight;
			return;
		}
		if (stacks[i].weight < least->weight)
			least = &stacks[i];
	}
	/* The weight of what gave way stays: it bounds the error. */
	least->user = user;
	least->kernel = kernel;
	least->weight += weight;
}

static void count_doing(struct lock_holder *holder, const struct past *past, u64 ns)
{
	struct lock_doing now = { .state = past->state, .syscall = SYSCALL_NONE, .ns = ns };
	struct lock_doing *doing = holder->doing;
	u32 i;

	if (past->state == STATE_BLOCKED) {
		now.kind = past->kind;
		now.syscall = past->syscall;
		now.word = past->word;
		if ((past->user || past->kernel) && ns > holder->blocked.weight)
			holder->blocked = (struct lock_stack){ past->user, past->kernel, ns };
	}
	holder->ns += ns;
	for (i = 0; i < holder->doing_count; i++)
		if (doing[i].state == now.state && doing[i].kind == now.kind &&
		    doing[i].syscall == now.syscall && doing[i].word == now.word)
			break;
	if (i < holder->doing_count) {
		doing[i].ns += ns;
	} else if (i < LOCK_DOINGS) {
		doing[holder->doing_count++] = now;
	} else {
		doing[i - 1].state = STATE_COUNT; /* several */
		doing[i - 1].ns += ns;
	}
}

static const struct past not_known = { .state = STATE_UNKNOWN };

static struct held *held_of(struct laying *lay, u32 thread)
{
	struct held *held;

	for (u32 i = 0; i < lay->held_count; i++)
		if (lay->held[i].thread == thread)
			return &lay->held[i];
	held = &lay->held[min(lay->held_count, (u32)CURSORS - 1)];
	*held = (struct held){ .thread = thread };
	if (lay->held_count < CURSORS)
		lay->held_count++;
	held->valid = past_latest(&held->cursor, lay->locks->history, thread);
	held->sample = past_sample(lay->locks->history, &held->sample_place, thread);
	return held;
}

static void lay_samples(struct laying *lay, struct held *held, struct lock_holder *holder,
			u64 from_ns, u64 to_ns)
{
	while (held->sample && held->sample->time_ns >= from_ns) {
		if (++lay->steps > LOCK_STEPS)
			return;
		if (held->sample->time_ns < to_ns)
			lock_stack_add(holder->samples, held->sample->user, held->sample->kernel,
				       1);
		held->sample = past_sample_before(lay->locks->history, &held->sample_place);
	}
}

/* What @thread did from @from_ns to @to_ns; stretches come the latest first. */
static int lay_stretch(struct laying *lay, u32 thread, enum lock_part part, u64 from_ns, u64 to_ns)
{
	struct locks *locks = lay->locks;
	struct held *held = held_of(lay, thread);
	struct lock_holder *holder =
		lock_holder_of(locks, lay->job->row, thread_by_id(locks, thread), part);
	u64 left_ns = to_ns; /* what lies before is still to be told */

	if (!holder)
		return -ENOMEM;
	if (holder->latest != locks->laid) {
		holder->latest = locks->laid;
		holder->waits++;
	}
	lay_samples(lay, held, holder, from_ns, to_ns);
	while (held->valid && left_ns > from_ns && ++lay->steps <= LOCK_STEPS) {
		const struct past_cursor *at = &held->cursor;
		u64 end_ns = min(at->end_ns, left_ns), begin_ns = max(at->past->begin_ns, from_ns);

		if (end_ns > begin_ns) {
			if (end_ns < left_ns)
				count_doing(holder, &not_known, left_ns - end_ns);
			count_doing(holder, at->past, end_ns - begin_ns);
			left_ns = begin_ns;
		}
		if (at->past->begin_ns <= from_ns)
			break;
		held->valid = past_before(&held->cursor);
	}
	if (left_ns > from_ns)
		count_doing(holder, &not_known, left_ns - from_ns);
	return lock_involve(locks, lay->job->row, thread, false);
}

static enum lock_part part_of(const struct lock_job *job)
{
	return job->how == HOW_JOIN ? LOCK_JOINED : LOCK_RELEASED;
}

static bool by_turns(const struct lock_job *job)
{
	return job->how == HOW_TURNS || job->how == HOW_WRITER;
}

static int lay_job(struct locks *locks, const struct lock_job *job)
{
	struct laying lay = { .locks = locks, .job = job };
	struct lock_row *row = &locks->rows[job->row];
	struct turns_walk walk;
	int r = 0;

	locks->laid++;
	if (!by_turns(job) && !job->thread)
		row->unknown_ns += job->end_ns - job->begin_ns;
	else if (!by_turns(job))
		return lay_stretch(&lay, job->thread, part_of(job), job->begin_ns, job->end_ns);
	else {
		turns_begin(&walk, row, job->how == HOW_WRITER, job->begin_ns, job->end_ns);
		while (r >= 0 && turns_next(&walk)) {
			if (walk.thread)
				r = lay_stretch(&lay, walk.thread, LOCK_HELD, walk.from_ns,
						walk.until_ns);
			else if (walk.free)
				row->free_ns += walk.until_ns - walk.from_ns;
			else
				row->unknown_ns += walk.until_ns - walk.from_ns;
		}
	}
	return r;
}

/* Return: 1 when a holder's doing is not told yet, and will be; 0; negative errno. */
static int await(struct locks *locks, const struct lock_job *job, u32 number)
{
	struct turns_walk walk;
	int r = 0;

	if (!by_turns(job))
		return job->thread ? history_await(locks->history, locks->client,
						   thread_by_id(locks, job->thread), job->end_ns,
						   number)
				   : 0;
	turns_begin(&walk, &locks->rows[job->row], job->how == HOW_WRITER, job->begin_ns,
		    job->end_ns);
	while (!r && turns_next(&walk))
		if (walk.thread)
			r = history_await(locks->history, locks->client,
					  thread_by_id(locks, walk.thread), walk.until_ns, number);
	return r;
}

int lock_job_ready(void *ctx, u32 number)
{
	struct locks *locks = ctx;
	struct lock_job job = locks->jobs[number];
	int r = await(locks, &job, number);

	if (r)
		return min(r, 0);
	locks->jobs[number].next = locks->job_free;
	locks->job_free = number + 1;
	return lay_job(locks, &job);
}

int lock_job_add(struct locks *locks, const struct lock_job *job)
{
	u32 number = locks->job_free ? locks->job_free - 1 : locks->job_count;

	if (!locks->job_free && locks->job_count == LOCK_JOBS)
		return lay_job(locks, job); /* what is not told yet is not known */
	if (!locks->job_free) {
		if (!grow(&locks->jobs, locks->job_count, &locks->job_room, sizeof(*locks->jobs)))
			return -ENOMEM;
		locks->job_count++;
	} else {
		locks->job_free = locks->jobs[number].next;
	}
	locks->jobs[number] = *job;
	return lock_job_ready(locks, number);
}
