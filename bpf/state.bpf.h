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
#define TASK_WAKING	     0x0200
#define TASK_NOLOAD	     0x0400

static __always_inline u32 thread_state_word(struct task_struct *thread)
{
	if (bpf_core_field_exists(thread->__state))
		return thread->__state;
	return (u32)BPF_CORE_READ((struct task_struct___state *)thread, state);
}

/*
 * The kernel's state word, which __sched_switch passes from 5.18 on. In the thread itself it
 * says TASK_WAKING when somebody wakes it just now, and TASK_RUNNING when it does not sleep
 * after all, since a signal is pending: that is passed on from 6.14 on only.
 */
static __always_inline u32 state_word(u64 *ctx, struct task_struct *prev)
{
	u32 now = thread_state_word(prev);

	return now && config_switch_has_state ? (u32)ctx[3] : now;
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
	if (state & (TASK_INTERRUPTIBLE | TASK_WAKING))
		return LEAVE_SLEEPING;
	return LEAVE_PARKED;
}

#endif
