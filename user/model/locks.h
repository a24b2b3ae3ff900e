/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* locks - which lock was waited for, how long, who held it, and what the holder did meanwhile */
#ifndef TRACER_MODEL_LOCKS_H
#define TRACER_MODEL_LOCKS_H

#include "user/model/histogram.h"
#include "user/model/history.h"

enum lock_kind {
	LOCK_OTHER,
	LOCK_MUTEX,
	LOCK_PI_MUTEX,
	LOCK_RWLOCK,
	LOCK_CONDITION,
	LOCK_SEMAPHORE,
	LOCK_JOIN,
	LOCK_KIND_COUNT,
};

/* "other", "mutex", "pi_mutex", "rwlock", "condition", "semaphore", "join" */
const char *lock_kind_name(enum lock_kind kind);

/* How it is known that a thread had to do with a wait. */
enum lock_part {
	LOCK_HELD,     /* the lock itself names it, or it was seen to take and to release it */
	LOCK_RELEASED, /* it ended the wait; whether it held anything all the time is not known */
	LOCK_JOINED,   /* its end was waited for */
	LOCK_PART_COUNT,
};

/* "held", "released", "joined" */
const char *lock_part_name(enum lock_part part);

#define LOCK_DOINGS  12 /* what is more of them goes into the last one */
#define LOCK_STACKS  8
#define LOCK_HOLDERS 65536 /* of all locks together */
#define LOCK_JOBS    65536 /* waits whose holder's doing is not told yet */
#define LOCK_TURNS   (1 << 20) /* takes and releases that are remembered, 16 bytes each */
#define LOCK_STEPS   (1 << 16) /* intervals that are looked at for one wait */

struct lock_doing {
	u8 state;    /* enum thread_state; STATE_UNKNOWN: not known */
	u8 kind;     /* blocked: enum wait_kind */
	u16 syscall; /* ... */
	u32 word;    /* ... in a futex call */
	u64 ns;
};

struct lock_stack {
	u32 user; /* timeline_stack() */
	u32 kernel;
	u64 weight; /* ns of a wait, or how many */
};

/* What one thread had to do with the waits for a lock. */
struct lock_holder {
	u32 row;                     /* number in rows */
	u8 part;                     /* enum lock_part */
	const struct thread *thread; /* NULL: all for which there was no room */
	u64 ns;                      /* of the waits; all of doing */
	u64 waits;
	u64 latest; /* of locks->laid: the latest of these waits */
	u32 doing_count;
	struct lock_doing doing[LOCK_DOINGS];
	struct lock_stack blocked;               /* its longest wait meanwhile; weight 0: none */
	struct lock_stack samples[LOCK_STACKS]; /* CPU samples meanwhile */
};

struct lock_row {
	u32 word;            /* history->words[word - 1] */
	u32 joined;          /* number + 1 of the row that it was added to; 0: none */
	u64 address;         /* of the lock: that of the word, until somebody knows better */
	u8 kind;             /* enum lock_kind: what the words and calls tell; set by locks_finish() */
	bool keeps_owner;    /* the lock itself names who holds it */
	struct histogram ns; /* blocked time: from switch-out to waking */
	u64 latency_ns;      /* woken, but without a CPU, behind these waits */
	u64 spurious;        /* woken, and had to wait again in the same call */
	u64 spurious_ns;
	u64 again; /* the same, in a call right behind: of a mutex it means as much */
	u64 again_ns;
	u64 timeouts;
	u64 timeout_ns;
	u64 interrupts; /* by a signal */
	u64 interrupt_ns;
	u64 unfinished; /* cut by the end of the recording, or by a filter */
	u64 unfinished_ns;
	u64 threads; /* that waited for it, or held it */
	u64 waiters;
	u64 free_ns;    /* of ns: nobody had the lock, the next one was on its way */
	u64 unknown_ns; /* of ns: who had it is not known */
	const struct thread *longest;
	u64 longest_begin_ns;
	struct lock_stack longest_stack;
	struct lock_stack stacks[LOCK_STACKS]; /* where it was waited for, by ns */
	u64 evidence[LOCK_KIND_COUNT];         /* waits that looked like this kind */
	bool by_turns;           /* who takes and releases it can be followed */
	struct lock_turn *turns; /* lock_turns.c */
	u32 turn_count;
	u32 turn_room;
	u64 forgotten_ns; /* turns before it are forgotten */
};

/* The latest wait of a thread, until its call ends, and its latest call */
struct lock_wait {
	u32 row; /* + 1; 0: none, or it is settled */
	u8 how;  /* enum lock_how */
	bool cut;
	bool aside;  /* of a thread that the filter leaves out */
	u32 joined;  /* id of the thread */
	u32 ender;   /* id of who woke it; 0: not a thread of the target */
	u64 begin_ns;
	u64 end_ns;
	u32 done_row;     /* + 1: the latest call was a wait for it, woken, and ended ... */
	u64 done_ns;      /* ... at this time, ... */
	u64 done_wait_ns; /* ... having waited so long at last */
	u64 call_begin_ns;
	u64 call_end_ns;
	s64 call_result;
};

struct lock_job;

struct locks {
	struct history *history;
	const struct timeline *timeline;
	u32 client;
	struct lock_row *rows; /* until locks_sort() by word - 1 */
	u32 count;
	u32 room;
	struct lock_holder *holders;
	u32 holder_count;
	u32 holder_room;
	struct map holder_numbers; /* row, thread, part -> number + 1 */
	struct map involved;       /* row and thread -> 1 held, 2 waited */
	struct map owners;         /* process and tid in its namespace -> thread */
	struct lock_wait *waits;   /* by id of the thread - 1 */
	u32 wait_room;
	struct lock_job *jobs;
	u32 job_count;
	u32 job_room;
	u32 job_free;
	u64 turns; /* of all rows */
	u64 laid;  /* waits that were charged */
	u32 *places; /* by word - 1, after locks_sort(): number of the row; UINT32_MAX: none */
	u32 word_count;
};

/* @history: begun, and attached before. */
void locks_begin(struct locks *locks, struct history *history, const struct timeline *timeline);

/* Fills @locks while the timeline runs. Source: intervals of futex waits, futex calls. */
struct sink locks_sink(struct locks *locks);

/**
 * locks_finish() - after all events; then history_finish(), which tells what is still awaited
 *
 * For each row: ns.total = all of its holders' ns + free_ns + unknown_ns. Blocked time, as of
 * waits.h; what was held is counted once for each thread that waited.
 *
 * Source: of a mutex of glibc the owner that lay in it when a wait began, and who took and
 * released it from then on; of PI and robust mutexes the word; of rwlocks of glibc that are
 * held for writing the writer. Without those, who ended a wait is named as such. Needs stacks.
 *
 * Return: 0 or negative errno.
 */
int locks_finish(struct locks *locks);

/**
 * locks_join() - words that are one lock become one row
 * @to: for each row, its own number, or that of the one that it is added to (which stays)
 *
 * The words of a condition variable, say. After locks_finish(), before locks_sort().
 *
 * Return: 0 or -ENOMEM.
 */
int locks_join(struct locks *locks, const u32 *to);

/* Rows by the longest total time; holders by row and by their time, doings by time. Nothing may
 * be added afterwards. Rows without waits are left out. Return: 0 or -ENOMEM. */
int locks_sort(struct locks *locks);

/* The row of a word, after locks_sort(). Return: NULL when nobody waited for it. */
const struct lock_row *locks_of_word(const struct locks *locks, u32 word);

/* Holders of row @row. Return: how many. */
size_t locks_holders(const struct locks *locks, u32 row, const struct lock_holder **holders);
void locks_free(struct locks *locks);

#endif
