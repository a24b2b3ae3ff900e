/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* restraint - how many snapshots are enough: at most so many in a time, one of a kind */
#ifndef TRACER_RECORD_RESTRAINT_H
#define TRACER_RECORD_RESTRAINT_H

#include "user/base/err.h"
#include "user/base/map.h"
#include "user/record/cause.h"

#define RATES_MAX  8
#define RATE_MOST  10000 /* snapshots */
#define KINDS_MOST 65536 /* that are told apart; those beyond make no snapshot */

struct rate {
	u64 count;
	u64 per_ns;
};

/* Of the same kind are causes that have this in common: */
enum once_per {
	ONCE_PER_TRIGGER = 1,
	ONCE_PER_TASK = 2,	/* its name; of what is no task: region, call, kind of wait */
	ONCE_PER_STACK = 4,	/* where it waited; what has no stack: as ONCE_PER_TASK */
};

struct restraint {
	struct rate rates[RATES_MAX];
	u64 *taken_ns[RATES_MAX];	/* the newest count of them, in a circle */
	u64 taken[RATES_MAX];		/* ever */
	size_t rate_count;
	u32 once_per;			/* enum once_per, as bits */
	struct map kinds;
};

/* "1/1m", "20/1d". Return: 0, or -EINVAL with @err filled, which points at the place. */
int rate_parse(struct rate *to, const char *text, struct err *err);

/* "trigger", "task", "stack". As rate_parse(). */
int once_per_parse(u32 *bits, const char *text, struct err *err);

/* One more rate; all of them hold. Return: 0, -EINVAL or -ENOMEM with @err filled. */
int restraint_add_rate(struct restraint *restraint, const struct rate *rate, struct err *err);
void restraint_free(struct restraint *restraint);

/* Whether a snapshot may be taken now. */
bool restraint_allows(const struct restraint *restraint, const struct cause *cause, u64 now_ns);

/* It was taken. */
void restraint_took(struct restraint *restraint, const struct cause *cause, u64 now_ns);

#endif
