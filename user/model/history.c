// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * history - what each thread did lately
 *
 * One ring for all threads: who does much is remembered for a shorter time, and memory has a
 * limit. The intervals of a thread are linked from the latest one back. They join, so that
 * each ends where the one behind it begins.
 *
 * The intervals of different threads come late and out of order. So who asks what thread X did
 * until a time first awaits that X is told that far.
 */
#include "user/model/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"

int history_begin(struct history *h, const struct timeline *timeline, u32 bits)
{
	h->timeline = timeline;
	h->bits = bits ?: HISTORY_ROOM_BITS;
	/* What is never used of it is never touched. */
	h->ring = calloc((size_t)1 << h->bits, sizeof(*h->ring));
	h->samples = calloc((size_t)1 << HISTORY_SAMPLES_BITS, sizeof(*h->samples));
	return h->ring && h->samples ? 0 : -ENOMEM;
}

static struct past_thread *thread_of(struct history *h, u32 id)
{
	u32 room = max(h->thread_room, 64u);
	struct past_thread *threads;

	if (id <= h->thread_room)
		return &h->threads[id - 1];
	while (room < id)
		room *= 2;
	threads = realloc(h->threads, room * sizeof(*threads));
	if (!threads)
		return NULL;
	memset(threads + h->thread_room, 0, (room - h->thread_room) * sizeof(*threads));
	h->threads = threads;
	h->thread_room = room;
	return &threads[id - 1];
}

u32 history_word(struct history *h, u32 process_id, u64 address, bool add)
{
	for (u64 key = address ^ hash_u64(process_id);; key++) {
		u64 *slot = map_get(&h->word_numbers, key);

		if (slot && h->words[*slot - 1].address == address &&
		    h->words[*slot - 1].process == process_id)
			return (u32)*slot;
		if (slot)
			continue;
		slot = add ? map_put(&h->word_numbers, key) : NULL;
		if (!slot)
			return 0;
		if (!grow(&h->words, h->word_count, &h->word_room, sizeof(*h->words))) {
			map_remove(&h->word_numbers, key);
			return 0;
		}
		h->words[h->word_count] = (struct past_word){ address, process_id };
		*slot = ++h->word_count;
		return h->word_count;
	}
}

/* Calls for all that is covered, or with @all for everybody who waits for the thread. */
static int call_awaits(struct history *h, u32 id, bool all)
{
	struct past_thread *t = &h->threads[id - 1];
	u32 ready = 0, kept = 0, at = t->awaits;
	u64 next_ns = UINT64_MAX;
	int r = 0, told;

	while (at) {
		struct past_await *await = &h->awaits[at - 1];
		u32 *list = all || await->until_ns <= t->covered_ns ? &ready : &kept;
		u32 next = await->next;

		if (list == &kept)
			next_ns = min(next_ns, await->until_ns);
		await->next = *list;
		*list = at;
		at = next;
	}
	t->awaits = kept;
	t->next_ns = next_ns;
	while (ready) {
		struct past_await await = h->awaits[ready - 1];
		const struct history_client *client = &h->clients[await.client];

		h->awaits[ready - 1].next = h->await_free;
		h->await_free = ready;
		h->await_count--;
		ready = await.next;
		/* It may await anew: the lists change. */
		told = client->ready(client->ctx, await.job);
		r = told < 0 ? told : r;
	}
	return r;
}

static int on_interval(void *ctx, const struct interval *interval)
{
	struct history *h = ctx;
	u32 id = interval->thread->id;
	struct past_thread *t = thread_of(h, id);
	const struct wait *wait = &interval->wait;
	struct past past = {
		.begin_ns = interval->begin_ns,
		.state = interval->state,
		.syscall = SYSCALL_NONE,
	};

	if (!t)
		return -ENOMEM;
	if (interval->state == STATE_BLOCKED) {
		past.kind = wait->kind;
		past.syscall = wait->syscall;
		past.user = interval->where.user;
		past.kernel = interval->where.kernel;
		if (wait->waker_known && !(interval->flags & INTERVAL_CUT_END))
			past.waker =
				PAST_WAKER(wait->waker ? wait->waker->id : 0, wait->waker_context);
		if (wait->address) {
			past.word =
				history_word(h, interval->thread->process->id, wait->address, true);
			if (!past.word)
				return -ENOMEM;
		}
	}
	if (t->last && h->used + 1 - t->last < 1ull << h->bits)
		past.previous = (u32)(h->used + 1 - t->last);
	h->ring[h->used++ & ((1ull << h->bits) - 1)] = past;
	t->last = h->used;
	t->covered_ns = interval->end_ns;
	return 0;
}

static int on_interval_told(void *ctx, const struct interval *interval)
{
	struct history *h = ctx;
	struct past_thread *t = thread_of(h, interval->thread->id);

	if (!t || !t->awaits || t->next_ns > t->covered_ns)
		return t ? 0 : -ENOMEM;
	return call_awaits(h, interval->thread->id, false);
}

static int on_thread(void *ctx, const struct thread *thread, enum thread_change change, u64 time_ns)
{
	struct history *h = ctx;
	struct past_thread *t = thread_of(h, thread->id);

	if (!t)
		return -ENOMEM;
	if (change != THREAD_ENDS)
		return 0;
	t->ended = true;
	return 0;
}

static int on_thread_told(void *ctx, const struct thread *thread, enum thread_change change,
			  u64 time_ns)
{
	return change == THREAD_ENDS ? call_awaits(ctx, thread->id, true) : 0;
}

static int on_sample(void *ctx, const struct sample *sample)
{
	struct history *h = ctx;
	struct past_thread *t = thread_of(h, sample->thread->id);
	struct past_sample past = {
		.time_ns = sample->time_ns,
		.user = sample->user_stack,
		.kernel = sample->kernel_stack,
	};

	if (!t)
		return -ENOMEM;
	if (t->last_sample && h->samples_used + 1 - t->last_sample < 1ull << HISTORY_SAMPLES_BITS)
		past.previous = (u32)(h->samples_used + 1 - t->last_sample);
	h->samples[h->samples_used++ & ((1ull << HISTORY_SAMPLES_BITS) - 1)] = past;
	t->last_sample = h->samples_used;
	return 0;
}

struct sink history_sink(struct history *h)
{
	return (struct sink){
		.ctx = h,
		.everyone = true,
		.interval = on_interval,
		.thread = on_thread,
		.sample = on_sample,
	};
}

struct sink history_told_sink(struct history *h)
{
	return (struct sink){
		.ctx = h,
		.everyone = true,
		.interval = on_interval_told,
		.thread = on_thread_told,
	};
}

u32 history_client(struct history *h, const struct history_client *client)
{
	h->clients[h->client_count] = *client;
	return h->client_count++;
}

static u32 new_await(struct history *h)
{
	u32 number = h->await_free;

	if (number) {
		h->await_free = h->awaits[number - 1].next;
		return number;
	}
	number = h->await_count;
	if (!grow(&h->awaits, number, &h->await_room, sizeof(*h->awaits)))
		return 0;
	return number + 1;
}

int history_await(struct history *h, u32 client, const struct thread *thread, u64 until_ns, u32 job)
{
	struct past_thread *t = thread_of(h, thread->id);
	u32 number;

	if (!t)
		return -ENOMEM;
	if (h->finished || !thread->target || t->ended || t->covered_ns >= until_ns ||
	    h->await_count == HISTORY_AWAITS_MAX)
		return 0;
	number = new_await(h);
	if (!number)
		return -ENOMEM;
	h->await_count++;
	h->awaits[number - 1] = (struct past_await){
		.until_ns = until_ns,
		.next = t->awaits,
		.job = job,
		.client = client,
	};
	t->next_ns = t->awaits ? min(t->next_ns, until_ns) : until_ns;
	t->awaits = number;
	return 1;
}

int history_finish(struct history *h)
{
	int r = 0;

	h->finished = true;
	for (u32 id = 1; id <= h->thread_room && r >= 0; id++)
		if (h->threads[id - 1].awaits)
			r = call_awaits(h, id, true);
	return r;
}

void history_free(struct history *h)
{
	free(h->ring);
	free(h->samples);
	free(h->threads);
	free(h->awaits);
	free(h->words);
	map_free(&h->word_numbers);
	*h = (struct history){ 0 };
}

/* Whether the place is not yet used again. */
static bool is_kept(u64 used, u64 place, u32 bits)
{
	return place && used - place < 1ull << bits;
}

static bool past_at(struct past_cursor *cursor, u64 place)
{
	const struct history *h = cursor->history;

	cursor->place = is_kept(h->used, place, h->bits) ? place : 0;
	if (!cursor->place)
		return false;
	cursor->past = &h->ring[(place - 1) & ((1ull << h->bits) - 1)];
	return true;
}

bool past_latest(struct past_cursor *cursor, const struct history *h, u32 thread_id)
{
	*cursor = (struct past_cursor){ .history = h };
	if (!thread_id || thread_id > h->thread_room)
		return false;
	cursor->end_ns = h->threads[thread_id - 1].covered_ns;
	return past_at(cursor, h->threads[thread_id - 1].last);
}

bool past_before(struct past_cursor *cursor)
{
	u32 previous = cursor->place ? cursor->past->previous : 0;

	if (!previous) {
		cursor->place = 0;
		return false;
	}
	cursor->end_ns = cursor->past->begin_ns;
	return past_at(cursor, cursor->place - previous);
}

static const struct past_sample *sample_at(const struct history *h, u64 *place)
{
	if (!is_kept(h->samples_used, *place, HISTORY_SAMPLES_BITS))
		return NULL;
	return &h->samples[(*place - 1) & ((1ull << HISTORY_SAMPLES_BITS) - 1)];
}

const struct past_sample *past_sample(const struct history *h, u64 *place, u32 thread_id)
{
	*place = thread_id && thread_id <= h->thread_room ? h->threads[thread_id - 1].last_sample
							  : 0;
	return sample_at(h, place);
}

const struct past_sample *past_sample_before(const struct history *h, u64 *place)
{
	const struct past_sample *sample = sample_at(h, place);

	if (!sample || !sample->previous)
		return NULL;
	*place -= sample->previous;
	return sample_at(h, place);
}
