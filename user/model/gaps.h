/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* gaps - the stretches of time in which events were lost */
#ifndef TRACER_MODEL_GAPS_H
#define TRACER_MODEL_GAPS_H

#include "user/base/util.h"

#define GAPS_MAX 4096 /* then neighbours are joined */

struct gap {
	u64 from_ns;
	u64 to_ns;
};

struct gaps {
	struct gap *list; /* sorted, apart from each other */
	u32 count;
	u32 room;
};

/* Return: 0 or -ENOMEM. */
int gaps_add(struct gaps *gaps, u64 from_ns, u64 to_ns);

/* Where the first gap that touches [@from_ns, @to_ns] begins, but not before @from_ns; UINT64_MAX
 * when there is none. */
u64 gaps_first(const struct gaps *gaps, u64 from_ns, u64 to_ns);
void gaps_free(struct gaps *gaps);

#endif
