/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* stackset - the stacks of a trace: equal ones are one, and all share their callers */
#ifndef TRACER_MODEL_STACKSET_H
#define TRACER_MODEL_STACKSET_H

#include "user/base/map.h"
#include "user/model/timeline.h"
#include "user/trace/arena.h"
#include "user/trace/trie.h"

struct stackset_entry {
	const struct process *process;
	const u64 *frames; /* written out, when shown is the set's */
	u32 leaf;
	u32 image;
	u32 shown;
	u32 count; /* of the frames */
	u8 flags;
	u8 end;
};

struct stackset {
	struct trie trie;
	struct stackset_entry *list; /* by number - 1 */
	u32 count;
	u32 room;
	struct map ids;     /* id -> number */
	struct map numbers; /* hash of the content -> number */
	struct arena arena; /* what was asked for since the last event */
	u32 shown;          /* counts from 1, with every reset of the arena */
};

/* What @stack is from now on. @process: whose, NULL: the kernel's; of a stack that is known already
 * it stays the one that it was. Return: 0 or -ENOMEM. */
int stackset_put(struct stackset *set, const struct trace_stack *stack,
		 const struct process *process);

/* The process that stack @id was told of; NULL: not known, or the kernel's. */
const struct process *stackset_process(const struct stackset *set, u32 id);

/* See timeline_stack(), timeline_stack_number(). */
const struct stack *stackset_get(struct stackset *set, u32 id);
u32 stackset_number(const struct stackset *set, u32 id);
/* See timeline_stack_numbered(). */
const struct stack *stackset_numbered(struct stackset *set, u32 number);

/* Stacks that were given out are no longer valid. */
static inline void stackset_reset(struct stackset *set)
{
	if (unlikely(set->arena.bytes)) {
		arena_reset(&set->arena);
		set->shown++;
	}
}

void stackset_free(struct stackset *set);

#endif
