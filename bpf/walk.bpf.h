/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * walk - the frames of a user stack, by what the recorder knows of its functions
 *
 * A stack is walked into a piece of memory that belongs to its CPU, several of which are there
 * because contexts nest: a call's end, a switch, a waking in an interrupt, a sample.
 */
#ifndef TRACER_BPF_WALK_H
#define TRACER_BPF_WALK_H

#include "bpf/thread.bpf.h"

#define PAGE_MASK    4095ull
#define UNSURE_NS    (50 * 1000 * 1000ull)
#define UNSURE_MOST  64		/* stacks that were guessed and can be corrected, in that time */
#define MEMORY_WORDS 256	/* a power of two */
#define USER_WORDS   128	/* of a user stack, the first time it is walked */
#define LAYOUT_WORDS 64		/* of stacks that took more to walk, no layout is kept */

/* A frame on the way from the innermost one to the root */
struct frame {
	u64 pc;
	u64 sp;
	u64 bp;
	u64 lr;		/* arm64: the return address of a frame that has not stored it; else 0 */
	u64 at;		/* the instruction by which its rule is found */
};

struct stack_scratch {
	u32 busy;	/* claimed */
	u8  flags;	/* STACK_* */
	u8  end;	/* enum stack_end */
	u16 spare;
	u32 tgid;	/* 0: a kernel stack */
	u32 image;
	u64 sp;		/* where the walk began */
	u64 bp;
	struct frame frame;	/* where it is */
	u64 count;	/* of frames */
	u64 hash;
	u64 check;
	u64 frames[STACK_FRAMES_MAX + 1];
	u64 held;	/* words of the stack's memory, read at once: that takes less time */
	u64 wanted;	/* of these; at most MEMORY_WORDS */
	u64 memory[MEMORY_WORDS];
	u32 reads;	/* of words of that memory; more than LAYOUT_WORDS: of others, too */
	u32 reads_held;	/* the words that they lie in */
	u8  read_at[LAYOUT_WORDS];
};

/* Its size is set by the loader: CPUs * STACK_NESTING. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STACK_NESTING);
	__type(key, u32);
	__type(value, struct stack_scratch);
} stack_scratches SEC(".maps") __weak;

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

/*
 * Copies the rule of a frame. The recorder may change it just now: the key is looked at again.
 * Return: whether there is one.
 */
static __always_inline bool rule_find(struct unwind_rule *to, u64 key)
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

static __always_inline void read_note(struct stack_scratch *scratch, u64 place)
{
	u32 reads = scratch->reads;

	if (reads < LAYOUT_WORDS) {
		scratch->read_at[reads] = place;
		if (scratch->reads_held <= place)
			scratch->reads_held = place + 1;
	}
	scratch->reads = reads + 1;
}

/* What was read lies elsewhere. */
static __always_inline void read_elsewhere(struct stack_scratch *scratch)
{
	scratch->reads = LAYOUT_WORDS + 1;
}

/* Two words of the user's memory, mostly out of what was read before. Return: as helpers do */
static __always_inline long read_pair(struct stack_scratch *scratch, u64 pair[2], u64 address)
{
	u64 offset = address - scratch->sp, i = offset / 8;

	if (!(offset & 7) && i + 1 < scratch->held) {
		read_note(scratch, i);
		read_note(scratch, i + 1);
		pair[0] = scratch->memory[i & (MEMORY_WORDS - 1)];
		pair[1] = scratch->memory[(i + 1) & (MEMORY_WORDS - 1)];
		return 0;
	}
	read_elsewhere(scratch);
	return bpf_probe_read_user(pair, 16, (void *)address);
}

static __always_inline long read_word(struct stack_scratch *scratch, u64 *word, u64 address)
{
	u64 offset = address - scratch->sp, i = offset / 8;

	if (!(offset & 7) && i < scratch->held) {
		read_note(scratch, i);
		*word = scratch->memory[i & (MEMORY_WORDS - 1)];
		return 0;
	}
	read_elsewhere(scratch);
	return bpf_probe_read_user(word, 8, (void *)address);
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
static __always_inline u32 frame_leave(struct stack_scratch *scratch, struct frame *frame,
				       struct unwind_rule *rule)
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
		if (read_word(scratch, &cfa, frame->bp + rule->cfa_offset) ||
		    read_word(scratch, &frame->bp, frame->bp + rule->bp_offset))
			return STACK_END_MEMORY;
		rule->bp_offset = 0;
		break;
	case UNWIND_SIGNAL: read_elsewhere(scratch); return leave_signal(frame);
	case UNWIND_ROOT: return STACK_END_ROOT;
	case UNWIND_STOP: return STACK_END_CHAIN;
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
		if (read_pair(scratch, pair, cfa + rule->bp_offset))
			return STACK_END_MEMORY;
		frame->bp = pair[0];
	} else {
		if (!rule->ra_offset)
			pair[1] = frame->lr;
		else if (read_word(scratch, &pair[1], cfa + rule->ra_offset))
			return STACK_END_MEMORY;
		if (rule->bp_offset && read_word(scratch, &frame->bp, cfa + rule->bp_offset))
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

/*
 * Keeps a frame and goes on to its caller. Verified once, apart from the loop around it: inside,
 * its branches would be verified again and again.
 * Return: enum stack_end, or WALK_GOES_ON
 */
__weak __noinline int stack_step(u32 id)
{
	struct stack_scratch *scratch = scratch_at(id);
	struct unwind_rule rule = {};
	struct frame frame;
	u64 hash, check;
	u32 end;

	if (!scratch)
		return STACK_END_CHAIN;
	frame = scratch->frame;
	scratch->frames[scratch->count & STACK_FRAMES_MAX] = frame.pc;
	scratch->count++;
	hash = scratch->hash;
	check = scratch->check;
	hash_word(&hash, &check, frame.pc);
	scratch->hash = hash;
	scratch->check = check;
	if (!rule_find(&rule, unwind_key(scratch->tgid, scratch->image, frame.at))) {
		scratch->flags = STACK_UNSURE;
		rule.how = UNWIND_FP;
	}
	end = frame_leave(scratch, &frame, &rule);
	scratch->frame = frame;
	return end;
}

/* Of these words, in a way that the verifier follows and the compiler cannot leave out */
static __always_inline u32 memory_bytes(u32 words)
{
	u32 bytes = 8 * words;

	barrier_var(bytes);
	return bytes > 8 * MEMORY_WORDS ? 8 * MEMORY_WORDS : bytes;
}

static __always_inline bool memory_read(struct stack_scratch *scratch, u64 words)
{
	u32 bytes = memory_bytes(words);

	scratch->held = bytes / 8;
	return !bpf_probe_read_user(scratch->memory, bytes, (void *)scratch->sp);
}

/* The stack's memory from sp on, as much as there is */
static __always_inline void memory_read_some(struct stack_scratch *scratch)
{
	u32 here = PAGE_MASK + 1 - (scratch->sp & PAGE_MASK);

	if (memory_read(scratch, scratch->wanted))
		return;
	/* The next page may be none of the stack's. */
	if (here >= 8 * scratch->wanted || !memory_read(scratch, here / 8))
		scratch->held = 0;
}

/* Whether there is room for one more that is told with its memory */
static __always_inline bool unsure_fits(struct cpu_state *cpu, u64 now)
{
	if (now - cpu->unsure_since_ns > UNSURE_NS) {
		cpu->unsure_since_ns = now;
		cpu->unsure = 0;
	}
	return __sync_fetch_and_add(&cpu->unsure, 1) < UNSURE_MOST;
}

/*
 * What the recorder finds when it walks a stack again holds for all that have the same id. So
 * words that may be return addresses count: into the program, and to where libraries lie, within
 * 2 TiB of the stack. Numbers and pointers into the heap mostly do not, which differ each time.
 */
__weak __noinline int hash_callers(u32 id)
{
	struct stack_scratch *scratch = scratch_at(id);
	struct task_struct *thread = bpf_get_current_task_btf();
	u64 begin, bytes, near, hash, check;

	if (!scratch)
		return 0;
	begin = BPF_CORE_READ(thread, mm, start_code);
	bytes = BPF_CORE_READ(thread, mm, end_code) - begin;
	near = scratch->sp - (2ull << 40);
	hash = scratch->hash;
	check = scratch->check;
	for (u32 i = 0; i < STACK_WORDS_MAX; i++) {
		u64 word;

		if (i >= scratch->held)
			break;
		word = scratch->memory[i & (MEMORY_WORDS - 1)];
		if (word - begin < bytes || word - near < 4ull << 40)
			hash_word(&hash, &check, word);
	}
	scratch->hash = hash;
	scratch->check = check;
	return 0;
}

/* Walks a user stack from the frame in the scratch. Return: 0, as verifiers want something. */
__weak __noinline int stack_walk(u32 id, u64 now)
{
	struct stack_scratch *scratch = scratch_at(id);
	u64 hash, check;
	int end = WALK_GOES_ON;

	if (!scratch)
		return 0;
	memory_read_some(scratch);
	scratch->reads = 0;
	scratch->reads_held = 0;
	scratch->count = 0;
	scratch->hash = scratch->tgid;
	scratch->check = scratch->image;
	for (u32 i = 0; i < STACK_FRAMES_MAX; i++) {
		end = stack_step(id);
		if (end != WALK_GOES_ON)
			break;
	}
	scratch->end = end == WALK_GOES_ON ? STACK_END_DEPTH : end;
	if (scratch->flags & STACK_UNSURE) {
		/* What was skipped unknowingly may differ: then the depth mostly does, too. */
		hash = scratch->hash;
		check = scratch->check;
		hash_word(&hash, &check, (scratch->sp & PAGE_MASK) + 1);
		scratch->hash = hash;
		scratch->check = check;
		if (unsure_fits(cpu_here(), now))
			hash_callers(id);
		else
			scratch->held = 0;	/* it stays as it is */
	}
	return 0;
}

#endif
