/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * wait - why a thread blocks: asked once, while it leaves its CPU
 *
 * What it asked for is in the registers that it entered the kernel with, so this works without
 * having seen the entry: a thread that slept before the recording is classified like any other.
 */
#ifndef TRACER_BPF_WAIT_H
#define TRACER_BPF_WAIT_H

#include "bpf/filter.bpf.h"
#include "bpf/object.bpf.h"

struct wait {
	u64 address;
	u32 object;	/* or the futex's value, as in event_switch */
	u16 syscall;
	u8 kind;
	u8 futex_op;
	bool futex;
};

#define FUTEX_OP_MASK 0x7f	/* without FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME */

/* Arguments of the system call that @regs entered the kernel with */
struct call {
	u64 args[3];
	s32 number;	/* -1: none, the thread came by an exception */
};

static __always_inline void call_read(struct call *call, struct pt_regs *regs, bool compat)
{
#if defined(__TARGET_ARCH_x86)
	call->number = (s32)regs->orig_ax;
	if (compat) {
		call->args[0] = (u32)regs->bx;
		call->args[1] = (u32)regs->cx;
		call->args[2] = (u32)regs->dx;
		return;
	}
	call->args[0] = regs->di;
	call->args[1] = regs->si;
	call->args[2] = regs->dx;
#elif defined(__TARGET_ARCH_arm64)
	call->number = regs->syscallno;
	call->args[0] = regs->orig_x0;
	call->args[1] = regs->regs[1];
	call->args[2] = regs->regs[2];
#else
#error "which registers hold the arguments of a system call here?"
#endif
}

static __always_inline u64 call_fifth_argument(struct pt_regs *regs, bool compat)
{
#if defined(__TARGET_ARCH_x86)
	return compat ? (u32)regs->di : regs->r8;
#else
	return regs->regs[4];
#endif
}

static __always_inline u8 syscall_subject(u32 number, bool compat)
{
	if (number >= SYSCALL_TABLE)
		return SUBJECT_OTHER;
	/* Once more in words that the verifier follows and the compiler cannot leave out */
	barrier_var(number);
	number &= SYSCALL_TABLE - 1;
	return compat ? config_compat_subject[number] : config_syscall_subject[number];
}

/* struct futex_waitv: u64 val; u64 uaddr; u32 flags; u32 reserved */
struct futex_waitv_head {
	u64 value;
	u64 address;
};

static __always_inline void wait_on_futex(struct wait *wait, struct call *call, u8 subject,
					  bool here)
{
	wait->kind = WAIT_SYNC;
	wait->futex = true;
	wait->address = call->args[0];
	switch (subject) {
	case SUBJECT_FUTEX_WAITV: {
		struct futex_waitv_head first = {};

		/* It was read by the call a moment ago, so its page is there. */
		if (here)
			bpf_probe_read_user(&first, sizeof(first), (void *)call->args[0]);
		wait->address = first.address;
		wait->object = (u32)first.value;
		wait->futex_op = FUTEX_OP_WAITV;
		break;
	}
	case SUBJECT_FUTEX_WAIT:
		wait->object = (u32)call->args[1];
		wait->futex_op = FUTEX_OP_WAIT2;
		break;
	case SUBJECT_FUTEX_WAKE:
		wait->futex_op = FUTEX_OP_WAKE2;
		break;
	case SUBJECT_FUTEX_REQUEUE:
		wait->futex_op = FUTEX_OP_REQUEUE2;
		break;
	default:
		wait->object = (u32)call->args[2];
		wait->futex_op = call->args[1] & FUTEX_OP_MASK;
	}
}

/* Kinds that need no more than the number of the call, and what decides for the rest */
static __always_inline u8 subject_wait_kind(u8 subject, struct call *call)
{
	switch (subject) {
	case SUBJECT_FILE:
		return WAIT_DISK;
	case SUBJECT_SYNC:
		return WAIT_SYNC;
	case SUBJECT_MESSAGE:
		return WAIT_PIPE;
	case SUBJECT_POLL_0:
		return (u32)call->args[0] ? WAIT_POLL : WAIT_SLEEP;
	case SUBJECT_POLL_1:
		return (u32)call->args[1] ? WAIT_POLL : WAIT_SLEEP;
	case SUBJECT_SLEEP:
		return WAIT_SLEEP;
	case SUBJECT_CHILD:
	case SUBJECT_FORK:
		return WAIT_CHILD;
	default:
		return WAIT_OTHER;
	}
}

/* What the descriptors of a call refer to decides. A file is waited for only with in_iowait. */
static __always_inline void wait_on_fds(struct wait *wait, struct task_struct *thread, u8 subject,
					struct call *call, u64 now, bool here, bool direct)
{
	u64 first = file_address(thread, call->args[0]), second = NO_DESCRIPTOR, object;

	if (subject == SUBJECT_FD_PAIR_1)
		second = file_address(thread, call->args[1]);
	else if (subject == SUBJECT_FD_PAIR_2)
		second = file_address(thread, call->args[2]);
	object = objects_of(first, second, now, here, direct);
	wait->object = OBJECT_ID(object);
	wait->kind = object_wait_kind(OBJECT_TYPE(object));
}

/*
 * Fills @wait for @thread, which blocks or has blocked.
 * @here:   it is the running one, whose memory can be read
 * @direct: it is, and the program may use direct_pointer()
 */
static __always_inline void wait_classify(struct wait *wait, struct task_struct *thread, u32 flags,
					  u64 now, bool here, bool direct)
{
	bool compat = flags & THREAD_IS_COMPAT;
	struct call call = {};
	u8 subject;

	wait->syscall = SYSCALL_NONE;
	wait->kind = WAIT_OTHER;
	if (flags & THREAD_IS_KERNEL || thread->flags & (PF_IO_WORKER | PF_USER_WORKER)) {
		if (BPF_CORE_READ_BITFIELD(thread, in_iowait))
			wait->kind = WAIT_DISK;
		return;
	}
	call_read(&call, (struct pt_regs *)bpf_task_pt_regs(thread), compat);
	if (call.number < 0) {
		wait->kind = WAIT_FAULT;
		return;
	}
	wait->syscall = (u16)call.number | (compat ? SYSCALL_COMPAT : 0);
	subject = syscall_subject(call.number, compat);
	if (subject >= SUBJECT_FUTEX && subject <= SUBJECT_FUTEX_REQUEUE) {
		wait_on_futex(wait, &call, subject, here);
		return;
	}
	if (subject >= SUBJECT_FD && subject <= SUBJECT_FD_PAIR_2)
		wait_on_fds(wait, thread, subject, &call, now, here, direct);
	else
		wait->kind = subject_wait_kind(subject, &call);
	/*
	 * Whatever was asked for: a thread that waits for I/O waits for the disk. Not so in
	 * io_uring_enter(), which says that it waits for I/O for the sake of the CPU's frequency.
	 */
	if (wait->kind != WAIT_NETWORK && wait->kind != WAIT_POLL &&
	    BPF_CORE_READ_BITFIELD(thread, in_iowait))
		wait->kind = WAIT_DISK;
}

#endif
