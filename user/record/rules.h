/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* rules - the table by which the programs find the callers of frames, as the recorder fills it */
#ifndef TRACER_RECORD_RULES_H
#define TRACER_RECORD_RULES_H

#include "bpf/shared.h"
#include "user/symbols/unwind.h"

struct rules {
	struct unwind_bucket *buckets;	/* UNWIND_BUCKETS; shared with the programs; not owned */
	u32 turn;	/* whose place in a full bucket is taken next */
	u64 added;
	u64 replaced;
};

/* The rule of an instruction; see unwind_key(). Return: whether there is one. */
bool rules_find(const struct rules *rules, struct unwind *rule, u64 key);

/* Sets it; in a full bucket another one goes. A rule that says nothing is left out. */
void rules_set(struct rules *rules, u64 key, const struct unwind *rule);

/* Forgets all. */
void rules_clear(struct rules *rules);

#endif
