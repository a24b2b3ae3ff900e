/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* calls - system calls by number, futex calls by operation: how often, how long, how they failed */
#ifndef TRACER_MODEL_CALLS_H
#define TRACER_MODEL_CALLS_H

#include "user/model/histogram.h"
#include "user/model/timeline.h"

struct calls_error {
	u32 number; /* errno */
	u64 count;
};

struct calls_row {
	bool futex;  /* futex calls, by operation */
	u16 syscall; /* else: number, SYSCALL_COMPAT */
	u8 futex_op;
	u64 count;           /* finished calls, those with no known duration too */
	u64 unentered;       /* ... begun before the recording: not in ns */
	struct histogram ns; /* durations */
	u64 blocked_ns;      /* of ns: the thread was blocked */
	u64 error_count;
	struct calls_error *errors;
	u32 errors_used;
	u32 errors_room;
};

struct calls {
	struct calls_row *rows;
	u32 count;
	u32 room;
	struct map numbers; /* key -> number of the row + 1 */
};

/* Fills @calls while the timeline runs. Source: calls. */
struct sink calls_sink(struct calls *calls);

/* Rows by the longest total time, their errors by the most; afterwards nothing may be added. */
void calls_sort(struct calls *calls);
void calls_free(struct calls *calls);

#endif
