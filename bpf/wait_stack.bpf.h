/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * wait_stack - the stacks of waits, when they were worth it, and the lock that was waited for
 *
 * A short wait costs a note of its time and a comparison. When a thread comes back after a long
 * one, its kernel stack is still as it was; its user stack is walked at the end of the call, or
 * outside calls when it left, since no other thread can read its memory.
 */
#ifndef TRACER_BPF_WAIT_STACK_H
#define TRACER_BPF_WAIT_STACK_H

#include "bpf/asleep.bpf.h"
#include "bpf/wait.bpf.h"

/* What a mutex of glibc begins with: kind and users change places in 32-bit programs. */
struct mutex_head {
	u32 lock;
	u32 count;
	u32 owner;
	u32 users;
	u32 kind;
	u32 spins;
};

static __noinline int lock_note(u32 slot, u64 address, bool compat)
{
	struct thread_wait *to = thread_wait_at(slot);
	struct mutex_head head = {};

	if (!to)
		return 0;
	/* A futex can be the last word of a page. */
	if (bpf_probe_read_user(&head, sizeof(head), (void *)address)) {
		head = (struct mutex_head){};
		bpf_probe_read_user(&head.lock, sizeof(head.lock), (void *)address);
	}
	to->lock_word = head.lock;
	to->lock_owner = head.owner;
	to->lock_kind = compat ? head.users : head.kind;
	to->lock_users = compat ? head.kind : head.users;
	return 0;
}

static __always_inline bool waits_for_lock(struct wait *wait)
{
	switch (wait->futex_op) {
	case FUTEX_OP_WAIT:
	case FUTEX_OP_WAIT_BITSET:
	case FUTEX_OP_LOCK_PI:
	case FUTEX_OP_LOCK_PI2:
	case FUTEX_OP_WAIT2: return wait->futex;
	default: return false;
	}
}

static __always_inline bool has_user_stack(struct task_struct *thread)
{
	return !(thread->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER));
}

/* The stack of @thread, which runs here, where it entered the kernel */
static __noinline u32 user_stack_of(struct cpu_state *cpu, struct task_struct *thread, u32 slot,
				    u64 now)
{
	struct thread_wait *wait = thread_wait_at(slot);

	if (!has_user_stack(thread))
		return 0;
	return user_stack(cpu, (struct pt_regs *)bpf_task_pt_regs(thread), thread->tgid,
			  wait ? wait->image : 0, thread_flags(thread) & THREAD_IS_COMPAT, now);
}

/* A thread leaves, and no call's end will tell where from. */
static __noinline int left_outside_call(struct cpu_state *cpu, struct task_struct *thread, u32 slot,
					u64 now)
{
	struct thread_wait *to = thread_wait_at(slot);
	struct thread *state = thread_at(slot);

	if (!to || !state)
		return 0;
	state->flags |= THREAD_NO_CALL;
	to->user_stack = user_stack_of(cpu, thread, slot, now);
	return 0;
}

/* @thread leaves its CPU. @blocked: not just runnable or stopped, then @wait says why */
static __always_inline void wait_begins(struct cpu_state *cpu, struct task_struct *thread,
					struct thread *state, u32 slot, struct wait *wait,
					bool blocked, u64 now)
{
	if (!config_stacks)
		return;
	if (state->left_ns)
		waited_unseen(slot, now);
	state->left_ns = 0;
	if (blocked) {
		state->left_ns = now;
		state->flags &= ~THREAD_NO_CALL;
		if (wait->syscall == SYSCALL_NONE)
			left_outside_call(cpu, thread, slot, now);
		else if (waits_for_lock(wait) && !(state->flags & THREAD_BLOCKED_IN))
			lock_note(slot, wait->address, state->flags & THREAD_IS_COMPAT);
	} else if (config_preempt_stacks) {
		state->left_ns = now;
		left_outside_call(cpu, thread, slot, now);
	}
}

static __always_inline void wait_stack_emit(struct cpu_state *cpu, struct event_wait_stack *body,
					    u32 bytes, u64 now)
{
	u64 *record = event_reserve(cpu, CLASS_STACK, bytes, now);
	struct event_wait_stack *to;

	if (!record)
		return;
	to = event_body(record, struct event_wait_stack);
	to->tid = body->tid;
	to->moment = body->moment;
	to->user_stack = body->user_stack;
	to->kernel_stack = body->kernel_stack;
	to->enter_ns = body->enter_ns;
	if (bytes == event_bytes(struct event_wait_stack)) {
		to->lock_word = body->lock_word;
		to->lock_owner = body->lock_owner;
		to->lock_kind = body->lock_kind;
		to->lock_users = body->lock_users;
	}
	event_submit(record, EVENT_WAIT_STACK, bytes, now);
}

#define WAIT_STACK_NO_LOCK (sizeof(u64) + offsetof(struct event_wait_stack, lock_word))

static __noinline int wait_was_long(struct cpu_state *cpu, struct task_struct *thread, u32 slot,
				    u64 now)
{
	struct event_wait_stack body = { .moment = STACK_AT_ENTER };
	struct thread_wait *wait = thread_wait_at(slot);
	struct thread *state = thread_at(slot);

	if (!wait || !state)
		return 0;
	wait->kernel_stack = asleep_stack(cpu, thread, state->syscall, now);
	if (!(state->flags & THREAD_NO_CALL)) {
		state->flags |= THREAD_WAITED;
		return 0;
	}
	body.tid = thread->pid;
	body.kernel_stack = wait->kernel_stack;
	body.user_stack = wait->user_stack;
	wait_stack_emit(cpu, &body, WAIT_STACK_NO_LOCK, now);
	return 0;
}

static __always_inline bool wait_is_long(u32 slot, u64 now)
{
	struct thread *state = thread_at(slot);

	return state && state->left_ns && now - state->left_ns >= config_stack_min_ns;
}

/* @thread comes back to a CPU. */
static __always_inline void wait_ends(struct cpu_state *cpu, struct task_struct *thread, u32 slot,
				      u64 now)
{
	struct thread *state = thread_at(slot);
	bool is_long;

	if (!config_stacks || !state)
		return;
	is_long = wait_is_long(slot, now);
	state->left_ns = 0;
	if (is_long)
		wait_was_long(cpu, thread, slot, now);
}

/* The call that ends here, in the thread that runs, had a long wait in it. */
static __noinline int call_waited(struct cpu_state *cpu, struct pt_regs *regs, bool futex, u64 now)
{
	struct event_wait_stack body = { .moment = STACK_AT_CALL_END };
	u32 slot = cpu->current_slot, bytes = WAIT_STACK_NO_LOCK;
	struct thread_wait *wait = thread_wait_at(slot);
	struct thread *state = thread_at(slot);

	if (!wait || !state)
		return 0;
	body.tid = cpu->current_tid;
	body.enter_ns = state->enter_ns;
	body.kernel_stack = wait->kernel_stack;
	body.user_stack = user_stack(cpu, regs, state->tgid, wait->image,
				     state->flags & THREAD_IS_COMPAT, now);
	if (futex) {
		bytes = event_bytes(struct event_wait_stack);
		body.lock_word = wait->lock_word;
		body.lock_owner = wait->lock_owner;
		body.lock_kind = wait->lock_kind;
		body.lock_users = wait->lock_users;
		/* The next call may wait without noting anything. */
		wait->lock_word = wait->lock_owner = wait->lock_kind = wait->lock_users = 0;
	}
	wait_stack_emit(cpu, &body, bytes, now);
	return 0;
}

/* Where @current is, who ends a long wait: a thread by itself, or an interrupt on top of it */
static __noinline int waker_stacks(struct cpu_state *cpu, struct task_struct *current, u32 tid,
				   u32 waker, u64 now)
{
	struct event_wait_stack body = { .tid = tid, .moment = STACK_AT_WAKING };

	if (WAKER_CONTEXT(waker) == WAKER_THREAD)
		body.user_stack = user_stack_of(cpu, current, cpu->current_slot, now);
	body.kernel_stack = kernel_stack(cpu, current, now);
	wait_stack_emit(cpu, &body, WAIT_STACK_NO_LOCK, now);
	return 0;
}

#endif
