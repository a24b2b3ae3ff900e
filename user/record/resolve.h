/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * resolve - what new stacks teach: rules for the programs, better frames, names
 *
 * All of this belongs to one thread, which may wait for files and for other processes' locks.
 */
#ifndef TRACER_RECORD_RESOLVE_H
#define TRACER_RECORD_RESOLVE_H

#include "user/base/map.h"
#include "user/record/ring.h"
#include "user/record/rules.h"
#include "user/symbols/symbols.h"

struct resolve {
	struct symbols *symbols;
	struct rules rules;
	struct map told;	/* hash of process, image and address -> 1: its name was told */
	struct map images;	/* tgid -> the latest image that it is known to have, and its execs */
	struct map parents;	/* process -> the one that it was forked from + 1 */
	struct map mapped;	/* process -> 1: a mapping of it is known */
	u32 *gone;		/* processes that have ended, the oldest first; a ring */
	u64 gone_count;
	ring_sink sink;		/* gets EVENT_STACK and EVENT_SYMBOL; returns < 0: not now */
	void *ctx;
	u64 mappings;		/* told, ever */
	u64 corrected;		/* stacks that were walked again, to their end */
	u64 named;		/* symbols told */
};

/* @buckets: shared with the programs; NULL: none. Return: 0 or -ENOMEM with @err filled. */
int resolve_begin(struct resolve *resolve, struct unwind_bucket *buckets, ring_sink sink, void *ctx,
		  struct err *err);
void resolve_free(struct resolve *resolve);

/* A process was forked, ran another program, ended, mapped code. */
void resolve_fork(struct resolve *resolve, u32 tgid, u32 parent_tgid);
void resolve_exec(struct resolve *resolve, u32 tgid);
void resolve_exit(struct resolve *resolve, u32 tgid);
void resolve_mapping(struct resolve *resolve, const struct trace_mapping *mapping);

/* The latest image of a process */
u32 resolve_image(const struct resolve *resolve, u32 tgid);

/**
 * resolve_frames() - learn from a new stack
 * @stack:  as the programs told it; becomes what is known then
 * @frames: room for STACK_FRAMES_MAX of them
 * @last:   do with what is known now
 *
 * A stack that the programs were unsure of is walked again by the rules of its functions, in the
 * words of memory that came with it, and told again under its id. Rules that are missing are
 * given to the programs.
 *
 * Return: false when the code at some frame is in no mapping that is known: it may be told soon.
 */
bool resolve_frames(struct resolve *resolve, struct ring_stack *stack, u64 *frames, bool last);

/* Tells the names of @stack's frames, once each. Return: as resolve_frames() */
bool resolve_names(struct resolve *resolve, const struct trace_stack *stack, bool last);

/**
 * resolve_walk() - the frames from @regs on
 * @frames: filled; STACK_FRAMES_MAX of them fit
 * @read:   gives the words of the stack
 * @regs:   of the innermost frame; afterwards of the outermost one that was found
 * @end:    set to enum stack_end
 * @sure:   set to whether all rules were known
 *
 * Return: how many.
 */
u32 resolve_walk(struct resolve *resolve, u64 *frames, u32 tgid, u32 image,
		 struct unwind_regs *regs, unwind_read read, void *ctx, u8 *end, bool *sure);

#endif
