/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * thread - the threads of the target: a table that is searched on every event
 *
 * Whether a thread belongs to the target is the same question as where its state lies, so one
 * look-up answers both. A tid has two possible buckets of four tids each; a thread outside the
 * target costs one cache line in the first. That took 2 ns where a BPF hash map took 25, and
 * unlike task storage it needs no memory in the scheduler's paths and answers in any context.
 */
#ifndef TRACER_BPF_THREAD_H
#define TRACER_BPF_THREAD_H

#include "bpf/emit.bpf.h"

#define THREAD_IS_KERNEL  1
#define THREAD_IS_COMPAT  2
#define THREAD_BLOCKED_IN 4	/* blocked at least once in the present system call */
#define THREAD_SAID_WHERE 8	/* ... and the last such switch was recorded with its futex */
#define THREAD_FRESH	  16	/* has not yet returned from the fork that made it */
#define THREAD_NO_CALL	  32	/* its last wait was in no system call */
#define THREAD_WAITED	  64	/* long enough for a stack, in the present system call */

/* What ends with a system call */
#define THREAD_OF_CALL (THREAD_BLOCKED_IN | THREAD_SAID_WHERE | THREAD_FRESH | THREAD_WAITED)

struct thread_args {
	u64 args[6];
};

extern struct thread_bucket thread_buckets[THREAD_BUCKETS];

/* Arguments of the present system calls, by slot; the loader gives it room with config_args. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct thread_args);
} thread_args SEC(".maps") __weak;

/* What a wait needs for its stacks, by slot; the loader gives it room with stacks or samples. */
struct thread_wait {
	u32 image;		/* how often the process has exec'd, while recorded */
	u32 user_stack;		/* outside calls: taken when it left */
	u32 kernel_stack;	/* taken when it came back */
	u32 lock_word;		/* as in event_wait_stack */
	u32 lock_owner;
	u32 lock_kind;
	u32 lock_users;
	u32 spare;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct thread_wait);
} thread_waits SEC(".maps") __weak;

static __always_inline struct thread_wait *thread_wait_at(u32 slot)
{
	u32 at = slot - 1;

	return bpf_map_lookup_elem(&thread_waits, &at);
}

static __always_inline u32 first_bucket(u32 tid)
{
	return tid & (THREAD_BUCKETS - 1);
}

static __always_inline u32 second_bucket(u32 tid)
{
	return (tid * 0x9e3779b1u >> 16) & (THREAD_BUCKETS - 1);
}

/* Return: the thread's slot + 1; 0 when it is not in this bucket. */
static __always_inline u32 bucket_find(u32 id, u32 tid)
{
	struct thread_bucket *bucket = &thread_buckets[id & (THREAD_BUCKETS - 1)];

	if (bucket->tids[0] == tid)
		return id * THREAD_WAYS + 1;
	if (bucket->tids[1] == tid)
		return id * THREAD_WAYS + 2;
	if (bucket->tids[2] == tid)
		return id * THREAD_WAYS + 3;
	if (bucket->tids[3] == tid)
		return id * THREAD_WAYS + 4;
	return 0;
}

/* Return: the slot + 1 of a thread of the target, else 0. The idle thread never is one. */
static __always_inline u32 thread_find(u32 tid)
{
	u32 slot;

	if (!tid)
		return 0;
	slot = bucket_find(first_bucket(tid), tid);
	if (!slot && shared.control.second_choice)
		slot = bucket_find(second_bucket(tid), tid);
	return slot;
}

static __always_inline struct thread *thread_at(u32 slot)
{
	u32 at = slot - 1;

	if (!slot)
		return NULL;
	return &thread_buckets[at / THREAD_WAYS & (THREAD_BUCKETS - 1)].threads[at % THREAD_WAYS];
}

/* Notes who runs here. Return: its slot + 1 when it is in the target, else 0. */
static __always_inline u32 thread_note(struct cpu_state *cpu, u32 tid)
{
	/* Before the look: what is added meanwhile must make this one invalid. */
	u32 generation = *(volatile u32 *)&shared.control.generation;
	u32 slot = thread_find(tid);

	cpu->current_tid = tid;
	cpu->current_slot = slot;
	cpu->current_regs = 0;
	cpu->generation = generation;
	return slot;
}

/* @current runs here. Return: its slot + 1 when it is in the target, else 0. */
static __always_inline u32 thread_here(struct cpu_state *cpu,
				       struct task_struct *current)
{
	u32 tid = current->pid;

	if (cpu->generation == shared.control.generation && cpu->current_tid == tid)
		return cpu->current_slot;
	return thread_note(cpu, tid);
}

/* A call has had a long wait, though nobody saw the wait's end: there is no kernel stack. */
static __always_inline void waited_unseen(u32 slot, u64 now)
{
	struct thread_wait *wait = thread_wait_at(slot);
	struct thread *state = thread_at(slot);

	if (!wait || !state || !state->left_ns || now - state->left_ns < config_stack_min_ns ||
	    (state->flags & (THREAD_BLOCKED_IN | THREAD_WAITED | THREAD_NO_CALL)) !=
		    THREAD_BLOCKED_IN)
		return;
	wait->kernel_stack = 0;
	state->flags |= THREAD_WAITED;
}

/*
 * A thread runs here although no switch brought it: some kernels run no programs while
 * certain threads are current, so that the switch away from those is not seen.
 */
static __noinline int thread_appeared(struct cpu_state *cpu, u32 before, u32 tid, u32 slot)
{
	const u32 bytes = sizeof(u64) + offsetof(struct event_switch, prev_state);
	struct event_switch *sw;
	u64 now, *record;

	now = bpf_ktime_get_ns();
	if (config_stacks)
		waited_unseen(slot, now);
	record = event_reserve(cpu, CLASS_SCHED, bytes, now);
	if (!record)
		return 0;
	sw = event_body(record, struct event_switch);
	sw->prev_tid = before;
	sw->next_tid = tid;
	event_submit(record, EVENT_SWITCH, bytes, now);
	return 0;
}

/*
 * The thread that is in a system call here, by its registers' address, which no two threads
 * share: that is at hand, while asking who is current costs as much as all the rest.
 */
static __always_inline u32 thread_in_call(struct cpu_state *cpu,
					  struct pt_regs *regs)
{
	u32 before = cpu->current_tid, tid, slot;
	bool known = cpu->generation == shared.control.generation;

	if (known && cpu->current_regs == (u64)regs)
		return cpu->current_slot;
	tid = bpf_get_current_task_btf()->pid;
	slot = known && before == tid ? cpu->current_slot : thread_note(cpu, tid);
	cpu->current_regs = (u64)regs;
	if (slot && known && before != tid)
		thread_appeared(cpu, before, tid, slot);
	return slot;
}

static __always_inline u32 bucket_add(u32 id, u32 tid, const struct thread *state)
{
	struct thread_bucket *bucket = &thread_buckets[id & (THREAD_BUCKETS - 1)];

#pragma unroll
	for (u32 way = 0; way < THREAD_WAYS; way++) {
		if (bucket->tids[way])
			continue;
		if (__sync_val_compare_and_swap(&bucket->tids[way], 0, ~0u))
			continue;
		bucket->threads[way] = *state;
		if (config_stacks || config_samples) {
			struct thread_wait *wait =
				thread_wait_at(id * THREAD_WAYS + way + 1);

			if (wait)
				wait->image = 0;
		}
		/* Only now can the thread's own events find it. */
		__sync_lock_test_and_set(&bucket->tids[way], tid);
		return id * THREAD_WAYS + way + 1;
	}
	return 0;
}

/* Return: 0 when there is no room: then the thread is counted as untracked. */
static __noinline int thread_add(u32 tid, u32 tgid, u32 flags)
{
	struct thread state = { .tgid = tgid, .syscall = SYSCALL_NONE, .flags = flags };
	u32 slot;

	slot = bucket_add(first_bucket(tid), tid, &state);
	if (!slot) {
		shared.control.second_choice = 1;
		slot = bucket_add(second_bucket(tid), tid, &state);
	}
	if (slot)
		__sync_fetch_and_add(&shared.control.threads, 1);
	else
		__sync_fetch_and_add(&shared.control.untracked, 1);
	return slot;
}

static __always_inline u32 bucket_remove(u32 id, u32 tid)
{
	struct thread_bucket *bucket = &thread_buckets[id & (THREAD_BUCKETS - 1)];
	u32 removed = 0;

#pragma unroll
	for (u32 way = 0; way < THREAD_WAYS; way++) {
		if (bucket->tids[way] != tid)
			continue;
		bucket->tids[way] = 0;
		removed++;
	}
	return removed;
}

/* Takes a thread out wherever it lies: two CPUs may have added it at the same time. */
static __noinline int thread_remove(u32 tid)
{
	u32 removed;

	if (!tid)
		return 0;
	removed = bucket_remove(first_bucket(tid), tid);
	if (second_bucket(tid) != first_bucket(tid))
		removed += bucket_remove(second_bucket(tid), tid);
	if (removed) {
		__sync_fetch_and_add(&shared.control.threads, -(u64)removed);
		__sync_fetch_and_add(&shared.control.exited, 1);
	}
	return 0;
}

#endif
