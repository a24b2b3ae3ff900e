/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* blocked - the stacks of threads that still wait, walked from outside */
#ifndef TRACER_RECORD_BLOCKED_H
#define TRACER_RECORD_BLOCKED_H

#include "user/record/resolve.h"

struct blocked {
	struct map ids;		/* hash of a stack -> its id */
	u32 next_id;		/* counted down: the programs count up */
	u64 until_ns;		/* no more stacks are walked in this round; 0: none was yet */
};

void blocked_free(struct blocked *blocked);

/**
 * blocked_thread_tell() - where one thread waits
 * @thread: as the programs describe it
 * @sink:   gets EVENT_STACK and EVENT_WAIT_STACK
 *
 * The thread is neither stopped nor asked: its memory is read while it sleeps, and what was read is
 * thrown away when it did not sleep on. All threads of a round take at most 200 ms, reading
 * that does not come back left aside.
 */
void blocked_thread_tell(struct blocked *blocked, struct resolve *resolve,
			 const struct blocked_thread *thread, ring_sink sink, void *ctx);

#endif
