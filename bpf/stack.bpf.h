/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * stack - where a thread waits or runs, told once
 *
 * The hash of a stack is looked for in a table of what was told before. A stack that is new, or
 * that the table has forgotten, is told under a new id; the table learns it only when the ring
 * had room for it.
 */
#ifndef TRACER_BPF_STACK_H
#define TRACER_BPF_STACK_H

#include "bpf/layout.bpf.h"

#define STACK_SETS 16384	/* of the table; a power of two */
#define STACK_WAYS 4
#define UNSURE_SHIFT 34	/* of ns: so long, 17 s, a stack that was walked unsurely is told once */

/*
 * CPUs write here without a lock. An entry that two of them wrote at the same time, or that is
 * read while it is written, does not fit together, because its seal covers the id: then the
 * stack counts as new.
 */
struct stack_entry {
	u64 hash;
	u64 seal;
	u64 id;		/* 0: free */
};

struct stack_set {
	struct stack_entry ways[STACK_WAYS];
	u64 next;	/* the way that is replaced next */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STACK_SETS);
	__type(key, u32);
	__type(value, struct stack_set);
} stack_sets SEC(".maps") __weak;

static __always_inline u64 seal_of(u64 check, u64 id)
{
	return check ^ id * 0xd6e8feb86659fd93ull;
}

/* The hash of a kernel stack, which a helper has put into the scratch. Return: 0 */
__weak __noinline int stack_hash(u32 id)
{
	struct stack_scratch *scratch = scratch_at(id);
	u64 hash = 0, check = 0, count;

	if (!scratch)
		return 0;
	count = scratch->count;
	for (u32 i = 0; i < STACK_FRAMES_MAX; i++) {
		if (i >= count)
			break;
		hash_word(&hash, &check, scratch->frames[i & STACK_FRAMES_MAX]);
	}
	scratch->hash = hash;
	scratch->check = check;
	return 0;
}

/*
 * One record of the stack's memory from @at on, up to the page's end. Return: where it goes on; 0:
 * nowhere
 */
static __always_inline u64 memory_record(struct cpu_state *cpu, u32 id, u64 at, u64 now,
					 bool sampler)
{
	const u32 most = 8 * STACK_MEMORY_WORDS;
	u32 room = PAGE_MASK + 1 - (at & PAGE_MASK), bytes = room < most ? room : most;
	struct event_stack_memory *to;
	u64 *record;

	bytes &= ~7u;
	if (!bytes || !ring_is_ample(cpu, sampler))
		return 0;
	record = sampler ? sample_reserve(cpu, CLASS_STACK, event_bytes(*to) + bytes, now)
			 : event_reserve(cpu, CLASS_STACK, event_bytes(*to) + bytes, now);
	if (!record)
		return 0;
	to = event_body(record, struct event_stack_memory);
	to->id = id;
	to->address = at;
	barrier_var(bytes);
	if (bytes > most)
		bytes = most;
	if (bpf_probe_read_user(to->data, bytes, (void *)at))
		to->id = 0;
	at = to->id ? at + bytes : 0;
	event_submit(record, EVENT_STACK_MEMORY, event_bytes(*to) + bytes, now);
	return at;
}

/* What does not fit into the record of the stack itself */
static __always_inline void memory_emit(struct cpu_state *cpu, struct stack_scratch *scratch,
					u32 id, u64 now, bool sampler)
{
	u64 at = scratch->sp + 8 * STACK_WORDS_MAX;

	if (!(scratch->flags & STACK_UNSURE) || scratch->held < STACK_WORDS_MAX)
		return;
	for (int i = 0; at && i < STACK_MEMORY_RECORDS; i++)
		at = memory_record(cpu, id, at, now, sampler);
}

/* Return: false when there was no room in the ring, which was counted. */
static __always_inline bool stack_emit(struct cpu_state *cpu, struct stack_scratch *scratch, u32 id,
				       u64 now, bool sampler)
{
	u32 frames = scratch->count, words = 0, bytes;
	struct event_stack *to;
	u64 *record;

	if (frames > STACK_FRAMES_MAX)
		frames = STACK_FRAMES_MAX;
	/* For whoever can walk it better */
	if (scratch->flags & STACK_UNSURE)
		words = scratch->held;
	if (words > STACK_WORDS_MAX)
		words = STACK_WORDS_MAX;
	bytes = event_bytes(struct event_stack) + 8 * (frames + words);
	record = sampler ? sample_reserve(cpu, CLASS_STACK, bytes, now)
			 : event_reserve(cpu, CLASS_STACK, bytes, now);
	if (!record)
		return false;
	to = event_body(record, struct event_stack);
	to->id = id;
	to->tgid = scratch->tgid;
	to->flags = scratch->flags;
	to->end = scratch->end;
	to->frames = frames;
	to->words = words;
	to->image = scratch->image;
	to->sp = scratch->sp;
	to->bp = scratch->bp;
	bpf_probe_read_kernel(to->data, 8 * frames, scratch->frames);
	if (words)
		bpf_probe_read_kernel(to->data + frames, 8 * words, scratch->memory);
	event_submit(record, EVENT_STACK, bytes, now);
	return true;
}

static __always_inline struct stack_set *stack_set_of(u64 hash)
{
	u32 index = hash >> 32 & (STACK_SETS - 1);

	return bpf_map_lookup_elem(&stack_sets, &index);
}

/* Return: the id under which the stack was told, 0: none */
static __always_inline u32 stack_find(struct stack_set *set, u64 hash, u64 check)
{
#pragma unroll
	for (u32 way = 0; way < STACK_WAYS; way++) {
		struct stack_entry *entry = &set->ways[way];
		u64 id = *(volatile u64 *)&entry->id;

		if (entry->hash == hash && id && entry->seal == seal_of(check, id))
			return id;
	}
	return 0;
}

/* Return: whether another stack had to be forgotten */
static __always_inline bool stack_remember(struct stack_set *set, u64 hash, u64 check, u64 id)
{
	struct stack_entry *entry;
	bool full;

	entry = &set->ways[__sync_fetch_and_add(&set->next, 1) & (STACK_WAYS - 1)];
	full = entry->id;
	entry->id = 0;
	entry->hash = hash;
	entry->seal = seal_of(check, id);
	entry->id = id;
	return full;
}

/*
 * Looks the stack in a scratch up, and tells it when it is not there.
 * Return: its id; 0 when it could not be told, which was counted.
 */
__weak __noinline int stack_tell(u32 scratch_id, u64 now, bool sampler)
{
	struct stack_scratch *scratch = scratch_at(scratch_id);
	struct cpu_state *cpu = cpu_here();
	struct stack_set *set;
	u32 id;

	if (!scratch)
		return 0;
	/* The recorder may know how to walk it by then; one that it could not help is told again. */
	if (scratch->flags & STACK_UNSURE)
		scratch->hash += (now >> UNSURE_SHIFT) * 0x9e3779b97f4a7c15ull;
	set = stack_set_of(scratch->hash);
	if (!set)
		return 0;
	id = stack_find(set, scratch->hash, scratch->check);
	if (id)
		return id;
	/* Each CPU gives numbers of its own. */
	id = __sync_fetch_and_add(&cpu->stacks, 1) * config_cpus + bpf_get_smp_processor_id() + 1;
	memory_emit(cpu, scratch, id, now, sampler);
	if (!stack_emit(cpu, scratch, id, now, sampler))
		return 0;
	if (stack_remember(set, scratch->hash, scratch->check, id))
		__sync_fetch_and_add(&cpu->stacks_forgotten, 1);
	return id;
}

static __always_inline void begin_at(struct stack_scratch *scratch, struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	scratch->frame.pc = regs->ip;
	scratch->frame.sp = regs->sp;
	scratch->frame.bp = regs->bp;
	scratch->frame.lr = 0;
#elif defined(__TARGET_ARCH_arm64)
	scratch->frame.pc = regs->pc;
	scratch->frame.sp = regs->sp;
	scratch->frame.bp = regs->regs[29];
	scratch->frame.lr = return_address(regs->regs[30]);
#endif
}

/* Behind begin_at() and the like: that frame is the innermost one. */
static __always_inline void begin_walk(struct stack_scratch *scratch)
{
	scratch->sp = scratch->frame.sp;
	scratch->bp = scratch->frame.bp;
	scratch->frame.at = scratch->frame.pc;
	scratch->wanted = USER_WORDS;
}

/* Walks and tells the stack whose first frame is in the scratch. Return: an id, or 0 */
static __always_inline u32 user_stack_from(struct stack_scratch *scratch, u32 id, u32 tgid,
					   u32 image, bool compat, u64 now, bool sampler)
{
	scratch->flags = 0;
	scratch->tgid = tgid;
	scratch->image = image;
	if (compat) {
		/* Frames of a 32-bit program are not walked: only where it is. */
		scratch->frames[0] = scratch->frame.pc;
		scratch->count = 1;
		scratch->held = 0;
		scratch->end = STACK_END_CHAIN;
		stack_hash(id);
		scratch->hash ^= tgid * 0x9e3779b97f4a7c15ull;
		scratch->check += image;
	} else {
		stack_walk(id, now);
	}
	return stack_tell(id, now, sampler);
}

/* The words of a layout that is of this stack are looked at. Return: the stack's id, or 0 */
static __always_inline u32 user_stack_again(struct stack_scratch *scratch, u32 scratch_id,
					    struct layout *layout, u32 index)
{
	return memory_read(scratch, layout->held) && layout_fits(scratch_id, index) ? layout->id
										    : 0;
}

/* A stack that was told, as @id, was walked: it will be known again by what is kept here. */
static __always_inline void user_stack_keep(struct stack_scratch *scratch, u32 scratch_id,
					    struct layout *layout, u32 index,
					    struct layout_key *key, u32 id)
{
	bool again = layout_is_of(layout, key);

	layout->id = 0;
	layout->key = *key;
	/* The first time, it may be that more memory has to be read at once. */
	layout->held = again ? 0 : MEMORY_WORDS;
	if (scratch->flags || scratch->end != STACK_END_ROOT) {
		layout->key.who = 0;
	} else if (scratch->reads <= LAYOUT_WORDS) {
		layout_keep(scratch_id, index);
		layout->id = id;
	}
}

/* The stack of the program that entered the kernel with @regs, here. Return: its id, or 0 */
static __always_inline u32 user_stack(struct cpu_state *cpu, struct pt_regs *regs, u32 tgid,
				      u32 image, bool compat, u64 now)
{
	struct layout_key key = { .who = (u64)image << 32 | tgid };
	u32 id = scratch_claim(cpu, now), index = 0, stack = 0;
	struct stack_scratch *scratch = scratch_at(id);
	struct layout *layout;

	if (!id || !scratch)
		return 0;
	begin_at(scratch, regs);
	begin_walk(scratch);
	key.pc = scratch->frame.pc;
	key.sp = scratch->frame.sp;
	key.bp = scratch->frame.bp;
	key.lr = scratch->frame.lr;
	layout = compat ? NULL : layout_claim(&key, &index);
	if (layout && layout_is_of(layout, &key)) {
		if (layout->id)
			stack = user_stack_again(scratch, id, layout, index);
		else if (layout->held)
			scratch->wanted = MEMORY_WORDS;
	}
	if (!stack) {
		stack = user_stack_from(scratch, id, tgid, image, compat, now, false);
		if (layout && stack)
			user_stack_keep(scratch, id, layout, index, &key, stack);
	}
	if (layout)
		layout_release(layout);
	scratch_release(scratch);
	return stack;
}

/* Tells what a helper has put into the scratch. @bytes: of frames, or a negative errno */
static __always_inline u32 kernel_stack_in(struct stack_scratch *scratch, u32 id, long bytes,
					   u64 now, bool sampler)
{
	if (bytes <= 0)
		return 0;
	scratch->flags = STACK_KERNEL;
	scratch->tgid = 0;
	scratch->image = 0;
	scratch->sp = 0;
	scratch->bp = 0;
	scratch->count = bytes / 8;
	scratch->end = bytes / 8 >= STACK_FRAMES_MAX ? STACK_END_DEPTH : STACK_END_ROOT;
	stack_hash(id);
	return stack_tell(id, now, sampler);
}

/*
 * Where in the kernel @thread is: exact when it is not running; the stack of the running one
 * begins with the frames of the tracing itself. Return: its id, or 0
 */
static __always_inline u32 kernel_stack(struct cpu_state *cpu, struct task_struct *thread, u64 now)
{
	u32 id = scratch_claim(cpu, now), stack;
	struct stack_scratch *scratch = scratch_at(id);
	long bytes;

	if (!id || !scratch)
		return 0;
	bytes = bpf_get_task_stack(thread, scratch->frames, 8 * STACK_FRAMES_MAX, 0);
	stack = kernel_stack_in(scratch, id, bytes, now, false);
	scratch_release(scratch);
	return stack;
}

#endif
