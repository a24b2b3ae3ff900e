/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * stack - where a thread waits or runs: taken into scratch memory, and told once
 *
 * A stack is walked into a piece of memory that belongs to its CPU, several of which are there
 * because contexts nest: a call's end, a switch, a waking in an interrupt, a sample. Then its
 * hash is looked for in a table of what was told before. A stack that is new, or that the table
 * has forgotten, is told under a new id; the table learns it only when the ring had room for it.
 */
#ifndef TRACER_BPF_STACK_H
#define TRACER_BPF_STACK_H

#include "bpf/thread.bpf.h"

#define STACK_SETS    16384	/* of the table; a power of two */
#define STACK_WAYS    4
#define PAGE_MASK     4095ull

struct stack_scratch {
	u32 busy;	/* claimed */
	u8  flags;	/* STACK_* */
	u8  end;	/* enum stack_end */
	u16 spare;
	u32 tgid;	/* 0: a kernel stack */
	u32 image;
	u64 pc;		/* where the walk begins */
	u64 sp;
	u64 bp;
	u64 lr;		/* arm64: the return address of a frame that has not stored it; else 0 */
	u64 count;	/* of frames */
	u64 hash;
	u64 check;
	u64 frames[STACK_FRAMES_MAX + 1];
	u64 words[STACK_WORDS_MAX];
};

/* Its size is set by the loader: CPUs * STACK_NESTING. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STACK_NESTING);
	__type(key, u32);
	__type(value, struct stack_scratch);
} stack_scratches SEC(".maps") __weak;

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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_BUCKETS);
	__type(key, u32);
	__type(value, struct unwind_bucket);
} unwind_rules SEC(".maps") __weak;

/* Return: a scratch's number + 1, for this context alone until scratch_release(); 0: all are busy. */
static __always_inline u32 scratch_claim(struct cpu_state *cpu, u64 now)
{
	u32 first = bpf_get_smp_processor_id() * STACK_NESTING;

#pragma unroll
	for (u32 i = 0; i < STACK_NESTING; i++) {
		u32 id = first + i;
		struct stack_scratch *scratch = bpf_map_lookup_elem(&stack_scratches, &id);

		if (scratch && !__sync_val_compare_and_swap(&scratch->busy, 0, 1))
			return id + 1;
	}
	event_lost(cpu, CLASS_STACK, now);
	return 0;
}

static __always_inline struct stack_scratch *scratch_at(u32 scratch)
{
	u32 id = scratch - 1;

	return bpf_map_lookup_elem(&stack_scratches, &id);
}

static __always_inline void scratch_release(struct stack_scratch *scratch)
{
	__sync_lock_test_and_set(&scratch->busy, 0);
}

/* Two hashes: one to look for, one to be sure with. */
static __always_inline void hash_word(u64 *hash, u64 *check, u64 word)
{
	*hash = (*hash ^ word) * 0x9e3779b97f4a7c15ull;
	*hash ^= *hash >> 32;
	*check = (*check >> 47 ^ *check) * 0xc2b2ae3d27d4eb4full + word;
}

static __always_inline u64 seal_of(u64 check, u64 id)
{
	return check ^ id * 0xd6e8feb86659fd93ull;
}

/* A frame on the way from the innermost one to the root */
struct frame {
	u64 pc;
	u64 sp;
	u64 bp;
	u64 lr;
	u64 at;		/* the instruction by which its rule is found */
};

/*
 * Copies the rule of a frame. The recorder may change it just now: the key is looked at again.
 * Return: whether there is one.
 */
static __always_inline bool rule_find(struct unwind_rule *to, struct frame *frame, u64 key)
{
	u32 id = unwind_bucket_of(key);
	struct unwind_bucket *bucket = bpf_map_lookup_elem(&unwind_rules, &id);
	volatile struct unwind_rule *rule;

	if (!bucket)
		return false;
	rule = &bucket->rules[0];
	if (rule->key != key) {
		rule = &bucket->rules[1];
		if (rule->key != key)
			return false;
	}
	to->cfa_offset = rule->cfa_offset;
	to->bp_offset = rule->bp_offset;
	to->ra_offset = rule->ra_offset;
	to->how = rule->how;
	return rule->key == key;
}

#define WALK_GOES_ON STACK_END_COUNT

/* The kernel's frame of a signal: what sigreturn puts back */
static __always_inline u32 leave_signal(struct frame *frame)
{
#if defined(__TARGET_ARCH_x86)
	/* struct ucontext: flags, link, stack take 40 bytes, then r8 to r15, rdi, rsi, and these */
	struct {
		u64 bp, bx, dx, ax, cx, sp, ip;
	} saved;

	if (bpf_probe_read_user(&saved, sizeof(saved), (void *)(frame->sp + 120)))
		return STACK_END_MEMORY;
	frame->pc = saved.ip;
#else
	/* struct siginfo takes 128 bytes, ucontext 176 up to its registers, one is the address */
	struct {
		u64 bp, lr, sp, pc;
	} saved;

	if (bpf_probe_read_user(&saved, sizeof(saved), (void *)(frame->sp + 312 + 29 * 8)))
		return STACK_END_MEMORY;
	frame->pc = saved.pc;
	frame->lr = saved.lr;
#endif
	frame->bp = saved.bp;
	frame->sp = saved.sp;
	frame->at = frame->pc;
	return WALK_GOES_ON;
}

static __always_inline u64 return_address(u64 word)
{
#if defined(__TARGET_ARCH_arm64)
	/* Upper bits sign the address. */
	return word & ((1ull << 48) - 1);
#else
	return word;
#endif
}

/* Return: WALK_GOES_ON when @frame is now the caller's, else why there is none. */
static __always_inline u32 frame_leave(struct frame *frame, struct unwind_rule *rule)
{
	u64 cfa, pair[2] = {};

	switch (rule->how) {
	case UNWIND_SP:
		cfa = frame->sp + rule->cfa_offset;
		break;
	case UNWIND_BP:
		cfa = frame->bp + rule->cfa_offset;
		break;
	case UNWIND_BP_WORD:
		if (bpf_probe_read_user(&cfa, sizeof(cfa),
					(void *)(frame->bp + rule->cfa_offset)) ||
		    bpf_probe_read_user(&frame->bp, sizeof(frame->bp),
					(void *)(frame->bp + rule->bp_offset)))
			return STACK_END_MEMORY;
		rule->bp_offset = 0;
		break;
	case UNWIND_SIGNAL:
		return leave_signal(frame);
	case UNWIND_ROOT:
		return STACK_END_ROOT;
	case UNWIND_STOP:
		return STACK_END_CHAIN;
	default:
		if (!frame->bp)
			return STACK_END_ROOT;
		cfa = frame->bp + 16;
		rule->bp_offset = -16;
		rule->ra_offset = -8;
	}
	/* Callers lie above; only a frame that has stored nothing takes no room. */
	if (cfa < frame->sp || (cfa == frame->sp && rule->ra_offset))
		return STACK_END_CHAIN;
	if (rule->ra_offset == rule->bp_offset + 8) {
		if (bpf_probe_read_user(pair, sizeof(pair), (void *)(cfa + rule->bp_offset)))
			return STACK_END_MEMORY;
		frame->bp = pair[0];
	} else {
		if (!rule->ra_offset)
			pair[1] = frame->lr;
		else if (bpf_probe_read_user(&pair[1], 8, (void *)(cfa + rule->ra_offset)))
			return STACK_END_MEMORY;
		if (rule->bp_offset &&
		    bpf_probe_read_user(&frame->bp, 8, (void *)(cfa + rule->bp_offset)))
			return STACK_END_MEMORY;
	}
	frame->pc = return_address(pair[1]);
	frame->at = frame->pc - 1;
	frame->sp = cfa;
	frame->lr = 0;
	if (!frame->pc)
		return STACK_END_ROOT;
	/* No code is in the first page, nor in the kernel's half. */
	return frame->pc > PAGE_MASK && (s64)frame->pc > 0 ? WALK_GOES_ON : STACK_END_CHAIN;
}

/* Walks a user stack from the registers in the scratch. Return: 0, as verifiers want something. */
__weak __noinline int stack_walk(u32 id)
{
	struct stack_scratch *scratch = scratch_at(id);
	struct frame frame;
	u64 hash, check;
	u32 i, end = STACK_END_DEPTH;

	if (!scratch)
		return 0;
	frame.pc = frame.at = scratch->pc;
	frame.sp = scratch->sp;
	frame.bp = scratch->bp;
	frame.lr = scratch->lr;
	hash = scratch->tgid;
	check = scratch->image;
	for (i = 0; i < STACK_FRAMES_MAX; i++) {
		struct unwind_rule rule = {};

		scratch->frames[i & STACK_FRAMES_MAX] = frame.pc;
		scratch->count = i + 1;
		hash_word(&hash, &check, frame.pc);
		if (!rule_find(&rule, &frame, unwind_key(scratch->tgid, scratch->image, frame.at))) {
			scratch->flags = STACK_UNSURE;
			rule.how = UNWIND_FP;
		}
		end = frame_leave(&frame, &rule);
		if (end != WALK_GOES_ON)
			break;
	}
	scratch->end = end == WALK_GOES_ON ? STACK_END_DEPTH : end;
	/* What was skipped unknowingly may differ, and then the depth of the stack mostly does, too. */
	if (scratch->flags & STACK_UNSURE)
		hash_word(&hash, &check, (scratch->sp & PAGE_MASK) + 1);
	scratch->hash = hash;
	scratch->check = check;
	return 0;
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

/* The stack's memory, for whoever walks it better. Return: how many words */
static __always_inline u32 read_words(struct stack_scratch *scratch)
{
	u32 bytes = PAGE_MASK + 1 - (scratch->sp & PAGE_MASK);

	if (!bpf_probe_read_user(scratch->words, sizeof(scratch->words), (void *)scratch->sp))
		return STACK_WORDS_MAX;
	/* The next page may be none of the stack's. */
	if (bytes >= sizeof(scratch->words))
		return 0;
	return bpf_probe_read_user(scratch->words, bytes, (void *)scratch->sp) ? 0 : bytes / 8;
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
	if (scratch->flags & STACK_UNSURE)
		words = read_words(scratch);
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
		bpf_probe_read_kernel(to->data + frames, 8 * words, scratch->words);
	event_submit(record, EVENT_STACK, bytes, now);
	return true;
}

/*
 * Looks the stack in a scratch up, and tells it when it is not there.
 * Return: its id; 0 when it could not be told, which was counted.
 */
__weak __noinline int stack_tell(u32 scratch_id, u64 now, bool sampler)
{
	struct stack_scratch *scratch = scratch_at(scratch_id);
	struct cpu_state *cpu = cpu_here();
	struct stack_entry *entry;
	struct stack_set *set;
	u32 index, id;

	if (!scratch || !cpu)
		return 0;
	index = scratch->hash >> 32 & (STACK_SETS - 1);
	set = bpf_map_lookup_elem(&stack_sets, &index);
	if (!set)
		return 0;
	for (u32 way = 0; way < STACK_WAYS; way++) {
		entry = &set->ways[way];
		if (entry->hash == scratch->hash) {
			u64 known = *(volatile u64 *)&entry->id;

			if (known && entry->seal == seal_of(scratch->check, known))
				return known;
		}
	}
	/* Each CPU gives numbers of its own. */
	id = __sync_fetch_and_add(&cpu->stacks, 1) * config_cpus + bpf_get_smp_processor_id() + 1;
	if (!stack_emit(cpu, scratch, id, now, sampler))
		return 0;
	entry = &set->ways[__sync_fetch_and_add(&set->next, 1) & (STACK_WAYS - 1)];
	if (entry->id)
		__sync_fetch_and_add(&cpu->stacks_forgotten, 1);
	entry->id = 0;
	entry->hash = scratch->hash;
	entry->seal = seal_of(scratch->check, id);
	entry->id = id;
	return id;
}

static __always_inline void begin_at(struct stack_scratch *scratch, struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	scratch->pc = regs->ip;
	scratch->sp = regs->sp;
	scratch->bp = regs->bp;
	scratch->lr = 0;
#elif defined(__TARGET_ARCH_arm64)
	scratch->pc = regs->pc;
	scratch->sp = regs->sp;
	scratch->bp = regs->regs[29];
	scratch->lr = return_address(regs->regs[30]);
#endif
}

/* Walks and tells, and gives the scratch back. Its pc, sp, bp and lr are set. Return: an id, 0 */
static __always_inline u32 user_stack_from(struct stack_scratch *scratch, u32 id, u32 tgid,
					   u32 image, bool compat, u64 now, bool sampler)
{
	u32 stack;

	scratch->flags = 0;
	scratch->tgid = tgid;
	scratch->image = image;
	if (compat) {
		/* Frames of a 32-bit program are not walked: only where it is. */
		scratch->frames[0] = scratch->pc;
		scratch->count = 1;
		scratch->end = STACK_END_CHAIN;
		stack_hash(id);
		scratch->hash ^= tgid * 0x9e3779b97f4a7c15ull;
		scratch->check += image;
	} else {
		stack_walk(id);
	}
	stack = stack_tell(id, now, sampler);
	scratch_release(scratch);
	return stack;
}

/* The stack of the program that entered the kernel with @regs, here. Return: its id, or 0 */
static __always_inline u32 user_stack(struct cpu_state *cpu, struct pt_regs *regs, u32 tgid,
				      u32 image, bool compat, u64 now)
{
	u32 id = scratch_claim(cpu, now);
	struct stack_scratch *scratch = scratch_at(id);

	if (!id || !scratch)
		return 0;
	begin_at(scratch, regs);
	return user_stack_from(scratch, id, tgid, image, compat, now, false);
}

/* Tells what a helper has put into the scratch. @bytes: of frames, or a negative errno */
static __always_inline u32 kernel_stack_in(struct stack_scratch *scratch, u32 id, long bytes,
					   u64 now, bool sampler)
{
	u32 stack = 0;

	if (bytes > 0) {
		scratch->flags = STACK_KERNEL;
		scratch->tgid = 0;
		scratch->image = 0;
		scratch->sp = 0;
		scratch->bp = 0;
		scratch->count = bytes / 8;
		scratch->end = bytes / 8 >= STACK_FRAMES_MAX ? STACK_END_DEPTH : STACK_END_ROOT;
		stack_hash(id);
		stack = stack_tell(id, now, sampler);
	}
	scratch_release(scratch);
	return stack;
}

/*
 * Where in the kernel @thread is: exact when it is not running; the stack of the running one
 * begins with the frames of the tracing itself. Return: its id, or 0
 */
static __always_inline u32 kernel_stack(struct cpu_state *cpu, struct task_struct *thread, u64 now)
{
	u32 id = scratch_claim(cpu, now);
	struct stack_scratch *scratch = scratch_at(id);
	long bytes;

	if (!id || !scratch)
		return 0;
	bytes = bpf_get_task_stack(thread, scratch->frames, 8 * STACK_FRAMES_MAX, 0);
	return kernel_stack_in(scratch, id, bytes, now, false);
}

#endif
