/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* history - what each thread did lately: asked when a wait has ended that another one caused */
#ifndef TRACER_MODEL_HISTORY_H
#define TRACER_MODEL_HISTORY_H

#include "user/model/timeline.h"

#define HISTORY_ROOM_BITS    20 /* intervals of all threads, 32 bytes each */
#define HISTORY_SAMPLES_BITS 17 /* CPU samples, 24 bytes each */
#define HISTORY_AWAITS_MAX   65536
#define HISTORY_CLIENTS_MAX  4

/* Who ended a wait: the thread's id, and the context that is 0 when the waking was not seen. */
#define PAST_WAKER(thread_id, context) (((u32)(context) + 1) << 28 | (thread_id))
#define PAST_WAKER_ID(waker)           ((waker) & 0x0fffffff)
#define PAST_WAKER_SEEN(waker)         ((waker) >> 28 != 0)
#define PAST_WAKER_CONTEXT(waker)      (((waker) >> 28) - 1)

/* One interval, which ends where the next one of its thread begins */
struct past {
	u64 begin_ns;
	u32 previous; /* how many places back the thread's one before lies; 0: there is none */
	u32 user;     /* stacks of a wait; 0: none */
	u32 kernel;
	u32 waker; /* of a wait: PAST_WAKER() */
	u32 word;  /* of a wait for a futex: history_word() */
	u8 state;  /* enum thread_state */
	u8 kind;   /* of a wait: enum wait_kind */
	u16 syscall;
};
_Static_assert(sizeof(struct past) == 32, "a million of them are 32 MiB");

struct past_sample {
	u64 time_ns;
	u32 previous; /* as above */
	u32 user;
	u32 kernel;
};

struct past_thread {
	u64 covered_ns;  /* all that it did is told up to here */
	u64 last;        /* places of the ring used until and with its latest interval; 0: none */
	u64 last_sample; /* the same in the ring of samples */
	u64 next_ns;     /* the earliest of what is awaited */
	u32 awaits;      /* list: number + 1; 0: nobody waits */
	bool ended;
};

struct past_await {
	u64 until_ns;
	u32 next;
	u32 job;
	u32 client;
};

/* A futex word: addresses of processes are their own */
struct past_word {
	u64 address;
	u32 process; /* id */
};

struct history_client {
	void *ctx;
	/* What was awaited for @job is told, or never will be. Return: 0 or negative errno. */
	int (*ready)(void *ctx, u32 job);
};

struct history {
	const struct timeline *timeline;
	struct past *ring;
	u32 bits;
	u64 used; /* places, over and over */
	struct past_sample *samples;
	u64 samples_used;
	struct past_thread *threads; /* by id - 1 */
	u32 thread_room;
	struct past_await *awaits;
	u32 await_room;
	u32 await_count;
	u32 await_free; /* list: number + 1 */
	struct history_client clients[HISTORY_CLIENTS_MAX];
	u32 client_count;
	bool finished;
	struct past_word *words; /* by number - 1 */
	u32 word_count;
	u32 word_room;
	struct map word_numbers;
};

/* @bits: 2^bits intervals are kept; 0: as much as is usual. Return: 0 or -ENOMEM. */
int history_begin(struct history *history, const struct timeline *timeline, u32 bits);

/*
 * Fills @history while the timeline runs: to be attached before those who ask it. The other one
 * calls who awaits something: behind them, because they must know of an interval, too, before
 * anybody draws conclusions from it.
 */
struct sink history_sink(struct history *history);
struct sink history_told_sink(struct history *history);
u32 history_client(struct history *history, const struct history_client *client);

/*
 * Calls client's ready() as soon as all is told that @thread did until @until_ns, or its end. At
 * most HISTORY_AWAITS_MAX can be awaited.
 *
 * Return: 1 when ready() will be called; 0 when it is told already, or never will be; -ENOMEM.
 */
int history_await(struct history *history, u32 client, const struct thread *thread, u64 until_ns,
		  u32 job);

/* All was told: who still waits is called. Return: 0, or what a client returned. */
int history_finish(struct history *history);
void history_free(struct history *history);

/* The number of a futex word, from 1 on; 0 without memory, or with @add false when it is new. */
u32 history_word(struct history *history, u32 process_id, u64 address, bool add);

/* A walk back through what a thread did. */
struct past_cursor {
	const struct history *history;
	u64 place; /* + 1; 0: at the end */
	u64 end_ns;
	const struct past *past; /* from past->begin_ns to end_ns */
};

/* Return: whether there is an interval (the latest; the one before). */
bool past_latest(struct past_cursor *cursor, const struct history *history, u32 thread_id);
bool past_before(struct past_cursor *cursor);

/* The latest sample of a thread; the one before. Return: NULL when there is none. */
const struct past_sample *past_sample(const struct history *history, u64 *place, u32 thread_id);
const struct past_sample *past_sample_before(const struct history *history, u64 *place);

#endif
