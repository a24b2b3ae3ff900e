// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* blocked - where threads wait that still wait when the recording ends */
#include "bpf/state.bpf.h"
#include "bpf/wait_stack.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

static __always_inline bool is_blocked(struct task_struct *thread)
{
	u32 word = thread_state_word(thread);
	u8 state = word ? leave_state(word) : LEAVE_PREEMPTED;

	return state == LEAVE_SLEEPING || state == LEAVE_DISK;
}

/* A wait from before the recording has no begin; nobody knows that it was short. */
static __always_inline bool waits_long(u32 slot, u64 now)
{
	struct thread *thread = thread_at(slot);

	return thread && (!thread->left_ns || now - thread->left_ns >= config_stack_min_ns);
}

static __always_inline void lock_copy(struct blocked_thread *to, struct thread_wait *from)
{
	if (!from)
		return;
	to->lock_word = from->lock_word;
	to->lock_owner = from->lock_owner;
	to->lock_kind = from->lock_kind;
	to->lock_users = from->lock_users;
}

/*
 * For each thread of the target that is blocked: its kernel stack is told, and the registers with
 * which it entered the kernel, for the recorder to walk its user stack from outside. Its events
 * are over, so whoever wakes it now changes nothing of what was recorded.
 */
SEC("iter/task")
int blocked_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *thread = ctx->task;
	struct blocked_thread body = {};
	struct cpu_state *cpu = cpu_here();
	struct thread_wait *seen;
	struct wait wait = {};
	struct pt_regs *regs;
	u64 now;
	u32 slot;

	if (!thread || !cpu || !thread->pid)
		return 0;
	slot = thread_find(thread->pid);
	now = bpf_ktime_get_ns();
	if (!slot || !is_blocked(thread) || !waits_long(slot, now))
		return 0;
	body.tid = thread->pid;
	body.switches = thread->nvcsw + thread->nivcsw;
	seen = thread_wait_at(slot);
	if (seen)
		body.image = seen->image;
	wait_classify(&wait, thread, thread_flags(thread), now, false, false);
	if (waits_for_lock(&wait)) {
		body.futex = wait.address;
		lock_copy(&body, seen);
	}
	body.kernel_stack = kernel_stack(cpu, thread, now);
	if (has_user_stack(thread) && !(thread_flags(thread) & THREAD_IS_COMPAT)) {
		regs = (struct pt_regs *)bpf_task_pt_regs(thread);
		body.tgid = thread->tgid;
#if defined(__TARGET_ARCH_x86)
		body.pc = regs->ip;
		body.sp = regs->sp;
		body.bp = regs->bp;
#elif defined(__TARGET_ARCH_arm64)
		body.pc = regs->pc;
		body.sp = regs->sp;
		body.bp = regs->regs[29];
#endif
	}
	bpf_seq_write(ctx->meta->seq, &body, sizeof(body));
	return 0;
}
