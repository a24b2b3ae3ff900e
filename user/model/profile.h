/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* profile - waits, scheduler waits or CPU samples, added up by stack and by what they were */
#ifndef TRACER_MODEL_PROFILE_H
#define TRACER_MODEL_PROFILE_H

#include "user/model/waits.h"

/* What is added up: kinds of waits, or scheduler wait, or samples. */
struct profile_kind {
	const char *name;
	const char *summary; /* one line for a list */
	u32 waits;           /* 1 << enum wait_kind */
	bool sched;
	bool cpu;
};

/*
 * As Go names them: net, sync, syscall, sched, cpu; wait is all kinds of waits together. Then
 * the kinds of waits by themselves. Ended by one without a name.
 */
extern const struct profile_kind profile_kinds[];
const struct profile_kind *profile_kind_find(const char *name);

/* Why a row has no stack. */
enum profile_bare {
	BARE_NOT,   /* it has one, as far as the ids tell */
	BARE_SHORT, /* the wait was shorter than what stacks are taken of */
	BARE_NONE,  /* stacks were not recorded, or this one was lost */
	BARE_OTHER, /* there were too many different rows: all the others together */
};

struct profile_row {
	/* what they have in common */
	u32 user_stack; /* timeline_stack(); 0: none */
	u32 kernel_stack;
	u32 thread;     /* id; 0: of BARE_OTHER */
	u32 name;       /* the thread's, then; names_text() */
	u32 what;       /* whats_get() */
	u32 waker_name; /* as in struct waits_waker */
	u32 task;        /* that the thread worked for: its name, names_text(); 0: none. With tasks */
	u32 region;      /* the innermost one, the same */
	u16 syscall;
	u8 kind;        /* enum wait_kind; of a scheduler wait, see why */
	u8 why;         /* enum runnable_why */
	u8 bare;        /* enum profile_bare */
	u8 waker_context;
	bool waker_missing;
	bool unfinished; /* waits that go on behind the end: nobody ended them */
	/* from here on added up */
	u64 count;
	u64 ns;
	u64 begin_ns; /* of the first */
	u64 longest_ns;
};

struct profile {
	const struct profile_kind *kind;
	const struct timeline *timeline;
	u64 stack_min_ns;     /* waits of this length have stacks; UINT64_MAX: none have */
	bool tasks;           /* rows tell tasks and regions: of a timeline that splits tasks */
	u64 sample_period_ns; /* what a sample stands for */
	struct profile_row *rows;
	u32 count;
	u32 room;
	u32 rows_max; /* 0: PROFILE_ROWS_MAX */
	struct map numbers; /* hash of the row -> number + 1 */
	struct whats whats;
	u64 total_count;
	u64 total_ns;
	u64 other_count; /* of it, in rows of BARE_OTHER */
};

#define PROFILE_ROWS_MAX (1 << 20)

/**
 * profile_sink() - fills @profile while the timeline runs
 * @profile: kind, timeline, tasks and the two lengths are set; all else is 0
 *
 * Every wait counts, whether it has a stack or not, so that the sums are those of times and
 * waits. Source: intervals and samples; with lost events, a lower bound.
 */
struct sink profile_sink(struct profile *profile);

/**
 * profile_finish() - after all events: equal stacks are one, the longest total comes first
 *
 * The same stack may have several ids; from here on it has one of them. An id whose
 * stack was never told is none.
 *
 * Return: 0 or -ENOMEM.
 */
int profile_finish(struct profile *profile);
void profile_free(struct profile *profile);

#endif
