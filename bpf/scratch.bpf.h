/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * scratch - memory for texts, for programs that can be preempted or sleep
 *
 * Memory of a CPU is not theirs alone, and their stack is too small: so they claim a piece.
 */
#ifndef TRACER_BPF_SCRATCH_H
#define TRACER_BPF_SCRATCH_H

#include "bpf/emit.bpf.h"

#define SCRATCH_SLOTS 8 /* on each CPU, at once: threads that were preempted while they had one */
#define SCRATCH_BYTES 2048

struct scratch {
	u32 taken;
	u32 spare;
	char data[SCRATCH_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, u32);
	__type(value, struct scratch);
} scratch_slots SEC(".maps") __weak;

static __always_inline struct scratch *scratch_claim(void)
{
	for (u32 i = 0; i < SCRATCH_SLOTS; i++) {
		u32 id = i;
		struct scratch *scratch = bpf_map_lookup_elem(&scratch_slots, &id);

		if (!scratch)
			return NULL;
		if (!scratch->taken && !__sync_val_compare_and_swap(&scratch->taken, 0, 1))
			return scratch;
	}
	return NULL;
}

static __always_inline void scratch_release(struct scratch *scratch)
{
	__sync_lock_test_and_set(&scratch->taken, 0);
}

/*
 * A text of the program at @to, of at most @most bytes without its 0, and one byte more of room.
 * @cut, @bad: added to @flags when it is longer, or lies where nothing can be read
 *
 * Return: its length, at most @most.
 */
static __always_inline u32 text_read(char *to, u32 most, u64 address, u16 *flags, u16 cut, u16 bad,
				     bool can_sleep)
{
	long length;
	char past = 0;

	if (!address)
		return 0;
	length = bpf_probe_read_user_str(to, most + 1, (void *)address);
	if (length < 0 && can_sleep) {
		/* Not in memory, perhaps: this waits until it is. */
		bpf_copy_from_user(&past, 1, (void *)address);
		bpf_copy_from_user(&past, 1, (void *)(address + most));
		length = bpf_probe_read_user_str(to, most + 1, (void *)address);
	}
	if (length <= 0) {
		*flags |= bad;
		return 0;
	}
	length--;
	if (length == most) {
		past = 0;
		bpf_probe_read_user(&past, 1, (void *)(address + most));
		if (past)
			*flags |= cut;
	}
	return length;
}

#endif
