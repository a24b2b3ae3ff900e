/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * layout - a stack that was walked before is known again by the words that led through it
 *
 * Whoever waits in a loop mostly waits in the same place, deep below the same functions. To walk
 * that again takes 25 ns and more for each frame, the kernel's own walk even 200 ns. But a walk
 * only depends on the registers it begins with and on the words it reads: when those are the same
 * as the last time, it is the same stack. So they are kept, each with its place in the stack's
 * memory, and compared.
 */
#ifndef TRACER_BPF_LAYOUT_H
#define TRACER_BPF_LAYOUT_H

#include "bpf/walk.bpf.h"

#define LAYOUTS	     4096	/* a power of two */
#define LAYOUT_LAST  255	/* a place: the last word of the memory */

/* Whose stack, and where it begins: all of it has to be the same. */
struct layout_key {
	u64 who;
	u64 pc;
	u64 sp;
	u64 bp;
	u64 lr;		/* as in struct frame */
};

struct layout {
	u32 busy;	/* a CPU reads or writes the rest */
	u32 id;		/* of the stack; 0: none is kept yet */
	struct layout_key key;
	u32 count;	/* of words that led through it */
	u32 held;	/* words of memory that they lie in; without a stack: words to read next
			 * time; 0: no more than usually */
	u8  places[LAYOUT_WORDS];
	u64 words[LAYOUT_WORDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LAYOUTS);
	__type(key, u32);
	__type(value, struct layout);
} layouts SEC(".maps") __weak;

static __always_inline struct layout *layout_at(u32 index)
{
	return bpf_map_lookup_elem(&layouts, &index);
}

/* The one place where the layout of this key is. NULL: another CPU uses it now. */
static __always_inline struct layout *layout_claim(struct layout_key *key, u32 *index)
{
	u64 hash = (key->who ^ key->sp) * 0x9e3779b97f4a7c15ull ^ key->pc;
	struct layout *layout;

	*index = hash * 0xff51afd7ed558ccdull >> 52 & (LAYOUTS - 1);
	layout = layout_at(*index);
	return layout && !__sync_val_compare_and_swap(&layout->busy, 0, 1) ? layout : NULL;
}

static __always_inline void layout_release(struct layout *layout)
{
	__sync_lock_test_and_set(&layout->busy, 0);
}

static __always_inline bool layout_is_of(struct layout *layout, struct layout_key *key)
{
	return layout->key.who == key->who && layout->key.pc == key->pc &&
	       layout->key.sp == key->sp && layout->key.bp == key->bp &&
	       layout->key.lr == key->lr;
}

/* Return: 1 when the memory in the scratch holds the words of the layout, each in its place */
__weak __noinline int layout_fits(u32 scratch_id, u32 index)
{
	struct stack_scratch *scratch = scratch_at(scratch_id);
	struct layout *layout = layout_at(index);
	u64 count, last;

	if (!scratch || !layout || !scratch->held)
		return 0;
	count = layout->count;
	last = scratch->held - 1;
	for (u32 i = 0; i < LAYOUT_WORDS; i++) {
		u64 place;

		if (i >= count)
			return 1;
		place = layout->places[i];
		if (place == LAYOUT_LAST)
			place = last;
		if (scratch->memory[place & (MEMORY_WORDS - 1)] != layout->words[i])
			return 0;
	}
	return 1;
}

/* Keeps what the walk of a user stack has read. Return: 0 */
__weak __noinline int layout_keep(u32 scratch_id, u32 index)
{
	struct stack_scratch *scratch = scratch_at(scratch_id);
	struct layout *layout = layout_at(index);
	u64 count;

	if (!scratch || !layout)
		return 0;
	count = scratch->reads;
	if (count > LAYOUT_WORDS)
		return 0;
	for (u32 i = 0; i < LAYOUT_WORDS; i++) {
		u64 place;

		if (i >= count)
			break;
		place = scratch->read_at[i];
		layout->places[i] = place;
		layout->words[i] = scratch->memory[place & (MEMORY_WORDS - 1)];
	}
	layout->count = count;
	layout->held = scratch->reads_held;
	return 0;
}

#endif
