/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * resolver - a thread that learns from new stacks while the recording goes on
 *
 * It reads files, and what processes have mapped of them, which can take long or for ever; so
 * it stands beside the draining of the rings, which never waits for it: messages that find no
 * room are left out and counted.
 */
#ifndef TRACER_RECORD_RESOLVER_H
#define TRACER_RECORD_RESOLVER_H

#include "user/base/cleanup.h"
#include "user/record/resolved.h"
#include "user/record/ring.h"

struct resolver;

/**
 * resolver_new() - start the thread
 * @out:     set on success
 * @buckets: of unwind rules, shared with the programs
 *
 * Return: 0, or a negative errno with @err filled.
 */
int resolver_new(struct resolver **out, struct unwind_bucket *buckets, struct err *err);

/* Ends the thread, if it is not stuck: then its memory stays. Accepts NULL. */
void resolver_free(struct resolver *resolver);
DEFINE_CLEANUP(struct resolver *, resolver_free)

/* Tells it of an event: those that it has no use for are passed over. @event: from ring_drain(),
 * or an EVENT_MAPPING. */
void resolver_event(struct resolver *resolver, const struct trace_event *event);

/* Tells it of a thread that still waits: the recording or a snapshot ends. */
void resolver_blocked(struct resolver *resolver, const struct blocked_thread *thread);

/*
 * Wakes it when there is anything to do; after a number of events.
 *
 * Return: whether some of them were stacks that the programs were unsure of. What is learned from
 * those soon spares many more that would be cut short.
 */
bool resolver_wake(struct resolver *resolver);

/* Whether it has done all that it was told of, and all of that was taken; names may still come. */
bool resolver_is_idle(const struct resolver *resolver);

/**
 * resolver_take() - what it found out since the last call
 * @sink: gets EVENT_STACK (again, under the id of before), EVENT_SYMBOL and EVENT_WAIT_STACK; their
 *        time is left to the sink
 */
void resolver_take(struct resolver *resolver, ring_sink sink, void *ctx);

/**
 * resolver_finish() - no more events: do what is left
 * @wait_ns: so long at most
 *
 * What it finds out meanwhile goes to @sink, as with resolver_take().
 */
void resolver_finish(struct resolver *resolver, u64 wait_ns, ring_sink sink, void *ctx,
		     struct resolved *counts);

#endif
