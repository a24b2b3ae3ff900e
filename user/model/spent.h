/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* spent - where some time went, in few bytes */
#ifndef TRACER_MODEL_SPENT_H
#define TRACER_MODEL_SPENT_H

#include "user/model/interval.h"

struct spent {
	u64 execution_ns;
	u64 scheduler_wait_ns;
	u64 waits_ns[WAIT_KIND_COUNT];
	u64 unknown_ns; /* because events were lost; part of no sum */
};

static inline void spent_add(struct spent *spent, const struct interval *interval, u64 ns)
{
	switch (interval->state) {
	case STATE_RUNNING: spent->execution_ns += ns; break;
	case STATE_RUNNABLE: spent->scheduler_wait_ns += ns; break;
	case STATE_BLOCKED: spent->waits_ns[interval->wait.kind] += ns; break;
	default: spent->unknown_ns += ns;
	}
}

static inline void spent_merge(struct spent *to, const struct spent *from)
{
	to->execution_ns += from->execution_ns;
	to->scheduler_wait_ns += from->scheduler_wait_ns;
	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++)
		to->waits_ns[kind] += from->waits_ns[kind];
	to->unknown_ns += from->unknown_ns;
}

/* All but what is not known */
static inline u64 spent_sum(const struct spent *spent)
{
	u64 ns = spent->execution_ns + spent->scheduler_wait_ns;

	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++)
		ns += spent->waits_ns[kind];
	return ns;
}

#endif
