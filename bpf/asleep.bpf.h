/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * asleep - the kernel stack of a thread that is not running, mostly as it was the last time
 *
 * The kernel does not tell which words its walk has read. But on x86 it unwinds by tables: where a
 * frame's caller is stored follows from the frame's own return address. So when the return
 * addresses of last time are all in their places again, it is the same stack. Only the outermost
 * frame, of the entry into the kernel, lies apart from the rest by a random distance
 * (randomize_kstack_offset), but always at the stack's end.
 */
#ifndef TRACER_BPF_ASLEEP_H
#define TRACER_BPF_ASLEEP_H

#include "bpf/stack.bpf.h"

#if defined(__TARGET_ARCH_x86)

/*
 * Finds the frames in the scratch in its memory. How many were found is kept in the layout: of a
 * number in a register the verifier would follow each possible value through the loop.
 * Return: 1 when all are there
 */
__weak __noinline int layout_learn(u32 scratch_id, u32 index)
{
	struct stack_scratch *scratch = scratch_at(scratch_id);
	struct layout *layout = layout_at(index);
	u64 count, held, found;

	if (!scratch || !layout)
		return 0;
	count = scratch->count;
	held = scratch->held;
	if (count < 2 || count > LAYOUT_WORDS || !held)
		return 0;
	layout->count = 0;
	for (u32 i = 0; i < MEMORY_WORDS; i++) {
		found = *(volatile u32 *)&layout->count;
		if (i >= held || found + 1 >= count)
			break;
		if (scratch->memory[i] != scratch->frames[found & STACK_FRAMES_MAX])
			continue;
		layout->words[found & (LAYOUT_WORDS - 1)] = scratch->memory[i];
		layout->places[found & (LAYOUT_WORDS - 1)] = i;
		*(volatile u32 *)&layout->count = found + 1;
	}
	found = *(volatile u32 *)&layout->count;
	if (found + 1 != count || scratch->memory[(held - 1) & (MEMORY_WORDS - 1)] !=
					  scratch->frames[found & STACK_FRAMES_MAX])
		return 0;
	layout->words[found & (LAYOUT_WORDS - 1)] = scratch->frames[found & STACK_FRAMES_MAX];
	layout->places[found & (LAYOUT_WORDS - 1)] = LAYOUT_LAST;
	layout->count = count;
	return 1;
}

static __always_inline bool asleep_memory(struct stack_scratch *scratch, struct task_struct *thread)
{
	u64 sp = thread->thread.sp, bytes;

	/* A pointer that went through memory is a number, which the verifier lets us subtract. */
	*(volatile u64 *)&scratch->bp = (u64)bpf_task_pt_regs(thread);
	bytes = *(volatile u64 *)&scratch->bp - sp;
	scratch->held = bytes / 8;
	if (!bytes || bytes > 8 * MEMORY_WORDS)
		return false;
	return !bpf_probe_read_kernel(scratch->memory, memory_bytes(scratch->held), (void *)sp);
}

#else

static bool asleep_memory(struct stack_scratch *scratch, struct task_struct *thread)
{
	return false;
}

static int layout_learn(u32 scratch_id, u32 index)
{
	return 0;
}

#endif

/* Where in the kernel @thread is, which waits in system call @syscall. Return: an id, or 0 */
static __always_inline u32 asleep_stack(struct cpu_state *cpu, struct task_struct *thread,
					u16 syscall, u64 now)
{
	struct layout_key key = { .who = (u64)(u32)thread->pid << 16 | syscall };
	u32 scratch_id = scratch_claim(cpu, now), index = 0, id = 0;
	struct stack_scratch *scratch = scratch_at(scratch_id);
	struct layout *layout;

	if (!scratch_id || !scratch)
		return 0;
	layout = asleep_memory(scratch, thread) ? layout_claim(&key, &index) : NULL;
	if (layout && layout_is_of(layout, &key) && layout->id && layout_fits(scratch_id, index))
		id = layout->id;
	if (!id) {
		id = kernel_stack_in(scratch, scratch_id,
				     bpf_get_task_stack(thread, scratch->frames,
							8 * STACK_FRAMES_MAX, 0),
				     now, false);
		if (layout) {
			layout->id = 0;
			if (id && layout_learn(scratch_id, index)) {
				layout->key = key;
				layout->id = id;
			}
		}
	}
	if (layout)
		layout_release(layout);
	scratch_release(scratch);
	return id;
}

#endif
