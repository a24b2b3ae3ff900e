// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * locks - which lock was waited for, how long, and who held it
 *
 * A wait is one stretch in which a thread was blocked in a futex call, so that the totals are
 * those of the waits. What the lock is, the model takes from values and calls alone; reports know
 * better by the names of functions.
 */
#include "user/model/locks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"
#include "user/model/lock_turns.h"

/* A call right behind: the thread did nothing with the lock */
#define AGAIN_NS (20 * NSEC_PER_USEC)

/* sys_exit tells what signals make of a call before it becomes EINTR, or goes on. */
#define ERR_INTERRUPTED(r) \
	((r) == -EINTR || (r) == -512 || (r) == -513 || (r) == -514 || (r) == -516)

void locks_begin(struct locks *locks, struct history *history, const struct timeline *timeline)
{
	const struct history_client client = { .ctx = locks, .ready = lock_job_ready };

	locks->history = history;
	locks->timeline = timeline;
	locks->client = history_client(history, &client);
}

static struct lock_row *row_of(struct locks *locks, u32 word)
{
	struct lock_row *rows = locks->rows;
	u32 room = max(locks->room, 16u);

	if (word > locks->room) {
		while (room < word)
			room *= 2;
		rows = realloc(rows, room * sizeof(*rows));
		if (!rows)
			return NULL;
		memset(rows + locks->room, 0, (room - locks->room) * sizeof(*rows));
		locks->rows = rows;
		locks->room = room;
	}
	locks->count = max(locks->count, word);
	rows[word - 1].word = word;
	return &rows[word - 1];
}

static struct lock_wait *wait_of(struct locks *locks, const struct thread *thread)
{
	struct lock_wait *waits = locks->waits;
	u32 room = max(locks->wait_room, 64u);

	if (thread->id > locks->wait_room) {
		while (room < thread->id)
			room *= 2;
		waits = realloc(waits, room * sizeof(*waits));
		if (!waits)
			return NULL;
		memset(waits + locks->wait_room, 0, (room - locks->wait_room) * sizeof(*waits));
		locks->waits = waits;
		locks->wait_room = room;
	}
	return &waits[thread->id - 1];
}

struct lock_holder *lock_holder_of(struct locks *locks, u32 row, const struct thread *thread,
				   enum lock_part part)
{
	bool full = locks->holder_count >= LOCK_HOLDERS;
	u64 key = (u64)row << 30 | (u64)(thread ? thread->id : 0) << 2 | part;
	u64 *slot =
		full ? map_get(&locks->holder_numbers, key) : map_put(&locks->holder_numbers, key);

	if (slot && *slot)
		return &locks->holders[*slot - 1];
	if (full && thread)
		return lock_holder_of(locks, row, NULL, part);
	if (full)
		slot = map_put(&locks->holder_numbers, key);
	if (!slot || !grow(&locks->holders, locks->holder_count, &locks->holder_room,
			   sizeof(*locks->holders)))
		return NULL;
	locks->holders[locks->holder_count] = (struct lock_holder){
		.row = row,
		.thread = thread,
		.part = (u8)part,
	};
	*slot = ++locks->holder_count;
	return &locks->holders[*slot - 1];
}

int lock_involve(struct locks *locks, u32 row, u32 thread_id, bool waits)
{
	u64 *slot = map_put(&locks->involved, (u64)row << 32 | thread_id);

	if (!slot)
		return -ENOMEM;
	locks->rows[row].threads += !*slot;
	locks->rows[row].waiters += waits && !(*slot & 2);
	*slot |= waits ? 2 : 1;
	return 0;
}

static bool is_cut(const struct interval *interval)
{
	return interval->flags & INTERVAL_CUT_END;
}

static const struct thread *ender_of(const struct interval *interval)
{
	const struct wait *wait = &interval->wait;
	bool by_thread =
		wait->waker_context == WAKER_THREAD || wait->waker_context == WAKER_UNKNOWN;

	if (is_cut(interval) || !wait->waker_known || !by_thread || !wait->waker)
		return NULL;
	return wait->waker->target ? wait->waker : NULL;
}

/* Who held the lock when the wait began: that holds for all others of the time, too. */
static int tell_owner(struct locks *locks, struct lock_row *row, const struct interval *interval,
		      const struct lock_evidence *e)
{
	u32 holder = turns_holder(row, interval->begin_ns);

	if (e->how != HOW_TURNS && e->how != HOW_WRITER)
		return 0;
	row->by_turns = true;
	if (e->owner && holder != e->owner->id)
		return turns_hold(locks, row, interval->begin_ns, e->owner->id);
	if (!e->owner && holder == interval->thread->id)
		return turns_hold(locks, row, interval->begin_ns, 0);
	return 0;
}

static int count_wait(struct locks *locks, u32 number, const struct interval *interval,
		      const struct lock_evidence *e)
{
	struct lock_row *row = &locks->rows[number];
	const struct where *where = &interval->where;
	u64 ns = interval->end_ns - interval->begin_ns;

	if (!row->longest || ns > row->ns.most) {
		row->longest = interval->thread;
		row->longest_begin_ns = interval->begin_ns;
		row->longest_stack = (struct lock_stack){ where->user, where->kernel, ns };
	}
	row->latency_ns += interval->latency_ns;
	row->evidence[e->kind]++;
	row->keeps_owner |= e->keeps_owner;
	if (is_cut(interval)) {
		row->unfinished++;
		row->unfinished_ns += ns;
	}
	lock_stack_add(row->stacks, where->user, where->kernel, ns);
	return histogram_add(&row->ns, ns)
		       ?: lock_involve(locks, number, interval->thread->id, true);
}

/* How a wait ended */
enum outcome {
	OUTCOME_UNKNOWN, /* its call was not seen to end */
	OUTCOME_WOKEN,
	OUTCOME_SPURIOUS, /* woken, and blocked again in the same call */
	OUTCOME_TIMEOUT,
	OUTCOME_INTERRUPTED,
	OUTCOME_OTHER,
};

static void count_outcome(struct lock_row *row, enum outcome outcome, u64 ns)
{
	if (outcome == OUTCOME_SPURIOUS) {
		row->spurious++;
		row->spurious_ns += ns;
	} else if (outcome == OUTCOME_TIMEOUT) {
		row->timeouts++;
		row->timeout_ns += ns;
	} else if (outcome == OUTCOME_INTERRUPTED) {
		row->interrupts++;
		row->interrupt_ns += ns;
	}
}

/* It is known how the wait ended: now it can be charged to somebody. */
static int settle(struct locks *locks, u32 thread_id, struct lock_wait *k, enum outcome outcome)
{
	struct lock_row *row = &locks->rows[k->row - 1];
	bool released = k->ender && (outcome == OUTCOME_WOKEN || outcome == OUTCOME_UNKNOWN);
	struct lock_job job = {
		.begin_ns = k->begin_ns,
		.end_ns = k->end_ns,
		.row = k->row - 1,
		.how = k->how,
	};
	int r = 0;

	k->row = 0;
	if (k->how == HOW_JOIN)
		job.thread = k->joined;
	else if (released)
		job.thread = k->ender;
	if (released && row->by_turns)
		r = turns_release(locks, row, k->end_ns, k->ender);
	if (r >= 0 && outcome == OUTCOME_WOKEN && k->how == HOW_TURNS)
		r = turns_hold(locks, row, k->call_end_ns, thread_id);
	if (r < 0 || k->aside)
		return r;
	count_outcome(row, outcome, k->end_ns - k->begin_ns);
	return lock_job_add(locks, &job);
}

static int end_call(struct locks *locks, u32 thread_id, struct lock_wait *k)
{
	enum outcome outcome = OUTCOME_OTHER;

	k->done_row = 0;
	if (k->call_result >= 0) {
		k->done_row = k->row;
		k->done_ns = k->call_end_ns;
		k->done_wait_ns = k->end_ns - k->begin_ns;
		outcome = OUTCOME_WOKEN;
	} else if (k->call_result == -ETIMEDOUT) {
		outcome = OUTCOME_TIMEOUT;
	} else if (ERR_INTERRUPTED(k->call_result)) {
		outcome = OUTCOME_INTERRUPTED;
	}
	return settle(locks, thread_id, k, outcome);
}

/* The thread blocks again: in the same call, or the end of that one was not seen. */
static int next_wait(struct locks *locks, struct lock_wait *k, const struct interval *interval,
		     u32 word)
{
	struct lock_row *row = &locks->rows[word - 1];
	u64 begin_ns = interval->begin_ns;

	if (k->row)
		return settle(locks, interval->thread->id, k,
			      k->row == word && !k->cut ? OUTCOME_SPURIOUS : OUTCOME_UNKNOWN);
	if (!k->aside && k->done_row == word && begin_ns >= k->done_ns &&
	    begin_ns - k->done_ns <= AGAIN_NS) {
		row->again++;
		row->again_ns += k->done_wait_ns;
	}
	return 0;
}

static int on_interval(void *ctx, const struct interval *interval)
{
	const struct thread *thread = interval->thread, *ender = ender_of(interval);
	bool aside = interval->flags & INTERVAL_ASIDE;
	struct locks *locks = ctx;
	struct lock_evidence e;
	struct lock_wait *k;
	u32 word;
	int r;

	if (interval->state != STATE_BLOCKED || !interval->wait.address)
		return 0;
	word = history_word(locks->history, thread->process->id, interval->wait.address, true);
	k = wait_of(locks, thread);
	if (!word || !k || !row_of(locks, word))
		return -ENOMEM;
	e = lock_look(locks, &locks->rows[word - 1], interval);
	r = next_wait(locks, k, interval, word);
	if (r >= 0)
		r = tell_owner(locks, &locks->rows[word - 1], interval, &e);
	if (r >= 0 && !aside)
		r = count_wait(locks, word - 1, interval, &e);
	if (r < 0)
		return r;
	k->row = word;
	k->how = (u8)e.how;
	k->joined = e.how == HOW_JOIN ? e.owner->id : 0;
	k->ender = ender ? ender->id : 0;
	k->aside = aside;
	k->cut = is_cut(interval);
	k->begin_ns = interval->begin_ns;
	k->end_ns = interval->end_ns;
	/* Its call may have been told before. */
	if (k->call_end_ns >= k->end_ns && k->call_begin_ns <= k->begin_ns)
		return end_call(locks, thread->id, k);
	return 0;
}

static bool releases(u8 op)
{
	return op == FUTEX_OP_WAKE || op == FUTEX_OP_WAKE_BITSET || op == FUTEX_OP_WAKE_OP ||
	       op == FUTEX_OP_WAKE2 || op == FUTEX_OP_UNLOCK_PI;
}

/* A call in which the thread did not wait */
static int plain_call(struct locks *locks, const struct call *call)
{
	u32 word = history_word(locks->history, call->thread->process->id, call->address, false);
	struct lock_row *row = word && word <= locks->count ? &locks->rows[word - 1] : NULL;

	if (!row || !row->by_turns)
		return 0;
	if (releases(call->futex_op))
		return turns_release(locks, row, call->begin_ns, call->thread->id);
	if (lock_is_pi(call->futex_op) && !call->result)
		return turns_hold(locks, row, call->end_ns, call->thread->id);
	return 0;
}

static int on_call(void *ctx, const struct call *call)
{
	struct locks *locks = ctx;
	struct lock_wait *k = wait_of(locks, call->thread);
	u64 begin_ns = call->unentered ? 0 : call->begin_ns;
	int r = 0;

	if (!k)
		return -ENOMEM;
	if (k->row && (!call->futex || k->begin_ns < begin_ns))
		r = settle(locks, call->thread->id, k, OUTCOME_UNKNOWN);
	k->done_row = 0;
	if (r < 0 || !call->futex)
		return r;
	k->call_begin_ns = begin_ns;
	k->call_end_ns = call->end_ns;
	k->call_result = call->result;
	return k->row ? end_call(locks, call->thread->id, k) : plain_call(locks, call);
}

struct sink locks_sink(struct locks *locks)
{
	return (struct sink){
		.ctx = locks,
		.everyone = true,
		.interval = on_interval,
		.call = on_call,
	};
}

static enum lock_kind likeliest(const struct lock_row *row)
{
	enum lock_kind most = LOCK_OTHER;

	for (int kind = 0; kind < LOCK_KIND_COUNT; kind++)
		if (row->evidence[kind] > row->evidence[most])
			most = (enum lock_kind)kind;
	return most;
}

int locks_finish(struct locks *locks)
{
	int r = 0;

	for (u32 i = 0; i < locks->wait_room && r >= 0; i++)
		if (locks->waits[i].row)
			r = settle(locks, i + 1, &locks->waits[i], OUTCOME_UNKNOWN);
	for (u32 i = 0; i < locks->count; i++) {
		struct lock_row *row = &locks->rows[i];

		if (!row->word)
			continue;
		row->kind = (u8)likeliest(row);
		row->address = locks->history->words[row->word - 1].address;
	}
	return r;
}

void locks_free(struct locks *locks)
{
	for (u32 i = 0; i < locks->count; i++) {
		histogram_free(&locks->rows[i].ns);
		free(locks->rows[i].turns);
	}
	free(locks->rows);
	free(locks->holders);
	free(locks->waits);
	free(locks->jobs);
	free(locks->places);
	map_free(&locks->holder_numbers);
	map_free(&locks->involved);
	map_free(&locks->owners);
	*locks = (struct locks){ 0 };
}
