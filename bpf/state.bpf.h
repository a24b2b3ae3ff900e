/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* state - the kernel's word for what a thread does, and ours */
#ifndef TRACER_BPF_STATE_H
#define TRACER_BPF_STATE_H

#include "bpf/emit.bpf.h"

#define TASK_INTERRUPTIBLE   0x0001
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_STOPPED	     0x0004
#define TASK_TRACED	     0x0008
#define EXIT_DEAD	     0x0010
#define EXIT_ZOMBIE	     0x0020
#define TASK_DEAD	     0x0080
#define TASK_NOLOAD	     0x0400

static __always_inline u32 thread_state_word(struct task_struct *thread)
{
	if (bpf_core_field_exists(thread->__state))
		return thread->__state;
	return (u32)BPF_CORE_READ((struct task_struct___state *)thread, state);
}

/*
 * The kernel's state word, which __sched_switch passes from 5.18 on. Reading it from the
 * thread is a race: who was woken since is TASK_RUNNING already.
 */
static __always_inline u32 state_word(u64 *ctx, struct task_struct *prev)
{
	if (config_switch_has_state)
		return (u32)ctx[3];
	return thread_state_word(prev);
}

/* Bits that we do not know are left alone: kernels keep adding some. */
static __always_inline u8 leave_state(u32 state)
{
	if (state & (TASK_DEAD | EXIT_DEAD | EXIT_ZOMBIE))
		return LEAVE_DEAD;
	if (state & (TASK_STOPPED | TASK_TRACED))
		return LEAVE_STOPPED;
	if (state & TASK_UNINTERRUPTIBLE)
		return state & TASK_NOLOAD ? LEAVE_IDLE : LEAVE_DISK;
	if (state & TASK_INTERRUPTIBLE)
		return LEAVE_SLEEPING;
	return LEAVE_PARKED;
}

#endif
