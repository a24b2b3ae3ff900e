/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* wakers - who released whom, how often, after how long; and who had released that one before */
#ifndef TRACER_MODEL_WAKERS_H
#define TRACER_MODEL_WAKERS_H

#include "user/model/histogram.h"
#include "user/model/history.h"

#define WAKERS_DEPTH     3 /* wakers in a chain, when nothing else is asked for */
#define WAKERS_DEPTH_MAX 16
#define WAKERS_LINKS     65536 /* of all chains; what is more counts as an end before it */
#define WAKERS_JOBS      65536

/* By name, because pools and clients are many */
struct wakers_who {
	u32 name;     /* names_text() of timeline_threads()->names; 0: not a thread, or no name */
	u8 context;   /* enum waker_context; WAKER_HARDIRQ for all that is no thread's doing */
	bool missing; /* the waking was not seen */
};

/* @who ended waits of @woken. */
struct wakers_pair {
	u32 woken; /* name */
	u8 kind;   /* enum wait_kind */
	struct wakers_who who;
	struct histogram ns; /* of the waits that it ended */
	u64 latency_ns;      /* scheduler wait behind them */
	u32 from;            /* stack that the waker had in most of that time; 0: not recorded */
	u64 from_ns;         /* by how much it is ahead of all others, at least */
};

/* One more in a chain: it released the one before, while the first one waited. */
struct wakers_link {
	u32 before; /* number + 1 of the link before; 0: it released the first one */
	u32 woken;  /* name; when it released the first one */
	u8 kind;    /* of the wait that it ended */
	struct wakers_who who;
	u32 depth; /* 1, 2, ... */
	u64 count; /* waits of the first one whose chain ends here */
	u64 ns;
	u64 longest_ns;
};

struct wakers_job;

struct wakers {
	struct history *history;
	const struct timeline *timeline;
	u32 client;
	u32 depth;
	struct wakers_pair *pairs;
	u32 count;
	u32 room;
	struct map pair_numbers;
	struct wakers_link *links;
	u32 link_count;
	u32 link_room;
	struct map link_numbers;
	struct wakers_job *jobs;
	u32 job_count;
	u32 job_room;
	u32 job_free;
	u64 unfinished; /* waits that nobody ended */
	u64 unfinished_ns;
	u64 cut; /* chains that are shorter than they might be, for want of room */
	u32 *chains; /* after wakers_sort(): numbers of links at which chains end, the hottest first */
	u32 chain_count;
};

/* @history: begun, and attached before; @depth: 1 to WAKERS_DEPTH_MAX. */
void wakers_begin(struct wakers *wakers, struct history *history, const struct timeline *timeline,
		  u32 depth);

/**
 * wakers_sink() - fills @wakers while the timeline runs
 *
 * A chain: C waited, and B ended that. If B's own last wait had ended after C's began, then who
 * ended it made C's wait end, too: A. And so on, as long as it lies within C's wait. An interrupt
 * ends a chain, because whom it hit did nothing; a softirq may well be the doing of the thread
 * that it ran on, as when that sends to itself over loopback, and goes on.
 *
 * Source: EVENT_SWITCH, EVENT_WAKING; with lost events, chains are shorter.
 */
struct sink wakers_sink(struct wakers *wakers);

/* After all events, and after history_finish(): pairs and chains by the longest total time.
 * Return: 0 or -ENOMEM. */
int wakers_sort(struct wakers *wakers);
void wakers_free(struct wakers *wakers);

#endif
