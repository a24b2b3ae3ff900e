/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* ring - what the programs wrote, back into events */
#ifndef TRACER_RECORD_RING_H
#define TRACER_RECORD_RING_H

#include "user/record/probes.h"
#include "user/trace/event.h"

/*
 * What an EVENT_STACK's stack lies in: when the programs were unsure how to walk it, there is what
 * is needed to walk it again. An EVENT_STACK_MEMORY has but the id, its address as sp, and words.
 */
struct ring_stack {
	struct trace_stack stack;
	u64 sp; /* at the innermost frame */
	u64 bp;
	u32 words;       /* 0: none */
	const u64 *word; /* the stack's memory from sp on */
	u32 more_words;  /* and what follows that */
	const u64 *more;
};

static inline const struct ring_stack *ring_stack_of(const struct trace_event *event)
{
	return (const struct ring_stack *)event->stack;
}

/* Takes one event; what it points to is valid during the call. Return: 0 or a negative errno. */
typedef int (*ring_sink)(void *ctx, const struct trace_event *event);

/**
 * ring_drain() - hand over what one CPU recorded up to a time
 * @ring:    its memory is given back to the programs
 * @cpu:     the ring's number
 * @cut_ns:  CLOCK_MONOTONIC; later events stay for the next call
 * @sink:    called for each event, in the order of the ring (nearly sorted by time)
 * @stalled: set to true when a record is reserved and not yet submitted: events before
 *           @cut_ns may still come. Left alone otherwise.
 *
 * Return: 0, or what @sink returned first; the ring is drained all the same.
 */
int ring_drain(struct ring *ring, u16 cpu, u32 ring_bytes, u64 cut_ns, ring_sink sink, void *ctx,
	       bool *stalled);

/* The time of the event that ring_drain() would hand over first. Return: false when none would. */
bool ring_next_ns(u64 *time_ns, const struct ring *ring, u32 ring_bytes, u64 cut_ns);

#endif
