// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* stackset - the stacks of a trace: equal ones are one, and all share their callers */
#include "user/model/stackset.h"

#include <errno.h>
#include <stdlib.h>

#include "user/model/grow.h"
#include "user/trace/format.h"

#define SHOWN_MAX (1 << 20) /* bytes of stacks that are asked for by number, all together */

static bool is_same(const struct stackset_entry *a, const struct stackset_entry *b)
{
	return a->process == b->process && a->leaf == b->leaf && a->image == b->image &&
	       a->flags == b->flags && a->end == b->end;
}

static u64 hash_of(const struct stackset_entry *entry)
{
	u64 who = entry->process ? entry->process->id : 0;

	return hash_u64((u64)entry->leaf << 32 | entry->image << 16 | entry->flags << 8 |
			entry->end) ^
	       who << 32;
}

/* The number of an entry like @entry. Return: 0 or -ENOMEM. */
static int intern(struct stackset *set, u32 *number, const struct stackset_entry *entry)
{
	u64 *slot;

	/* Entries whose hashes are equal lie under the keys that follow. */
	for (u64 key = hash_of(entry);; key++) {
		slot = map_put(&set->numbers, key);
		if (!slot)
			return -ENOMEM;
		if (!*slot)
			break;
		if (is_same(&set->list[*slot - 1], entry)) {
			*number = (u32)*slot;
			return 0;
		}
	}
	if (!grow(&set->list, set->count, &set->room, sizeof(*set->list)))
		return -ENOMEM;
	set->list[set->count] = *entry;
	*number = ++set->count;
	*slot = *number;
	return 0;
}

int stackset_put(struct stackset *set, const struct trace_stack *stack,
		 const struct process *process)
{
	struct stackset_entry entry = {
		.process = process,
		.image = stack->image,
		.flags = stack->flags & (u8)~STACK_RESTATED,
		.end = stack->end,
		.count = min(stack->frames.count, (u32)WORDS_FIELD_MAX),
	};
	u32 number = 0;
	u64 *slot;
	int r;

	if (!stack->id)
		return 0;
	slot = map_put(&set->ids, stack->id);
	if (!slot)
		return -ENOMEM;
	if (*slot)
		entry.process = set->list[*slot - 1].process;
	r = trie_put(&set->trie, &entry.leaf, stack->frames.list, entry.count);
	if (!r)
		r = intern(set, &number, &entry);
	if (r < 0)
		return -ENOMEM;
	*slot = number;
	return 0;
}

u32 stackset_number(const struct stackset *set, u32 id)
{
	const u64 *slot = id ? map_get(&set->ids, id) : NULL;

	return slot ? (u32)*slot : 0;
}

const struct process *stackset_process(const struct stackset *set, u32 id)
{
	u32 number = stackset_number(set, id);

	return number ? set->list[number - 1].process : NULL;
}

static const struct stack *show(struct stackset *set, u32 number, u32 id)
{
	struct stackset_entry *entry = number ? &set->list[number - 1] : NULL;
	struct stack *stack = entry ? arena_take(&set->arena, sizeof(*stack)) : NULL;
	u64 *frames;

	if (!stack)
		return NULL;
	if (!entry->frames || entry->shown != set->shown) {
		frames = arena_take(&set->arena, entry->count * sizeof(*frames) + 1);
		if (!frames)
			return NULL;
		trie_get(&set->trie, entry->leaf, frames, entry->count);
		entry->frames = frames;
		entry->shown = set->shown;
	}
	*stack = (struct stack){
		.process = entry->process,
		.id = id,
		.image = entry->image,
		.flags = entry->flags,
		.end = entry->end,
		.count = entry->count,
		.frames = entry->frames,
	};
	return stack;
}

const struct stack *stackset_get(struct stackset *set, u32 id)
{
	return show(set, stackset_number(set, id), id);
}

const struct stack *stackset_numbered(struct stackset *set, u32 number)
{
	if (set->arena.bytes > SHOWN_MAX)
		stackset_reset(set);
	return number <= set->count ? show(set, number, 0) : NULL;
}

void stackset_free(struct stackset *set)
{
	trie_free(&set->trie);
	free(set->list);
	map_free(&set->ids);
	map_free(&set->numbers);
	arena_free(&set->arena);
}
