// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * sample - where threads of the target run, asked by the clock of each CPU
 *
 * Its interrupt may hit any other program of ours in the middle: so it has a ring of its own, only
 * reads what the others know of the CPU, and takes stacks in a scratch that nobody has claimed.
 */
#include "bpf/wait_stack.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

/* The registers that were interrupted, as the context of a perf_event program has them */
struct interrupted {
#if defined(__TARGET_ARCH_x86)
	u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
	u64 ip, cs, flags, sp, ss;
#else
	u64 regs[31], sp, pc, pstate;
#endif
};

static __always_inline bool in_user_mode(struct interrupted *at)
{
#if defined(__TARGET_ARCH_x86)
	return (at->cs & 3) == 3;
#else
	return !(at->pstate & 15);
#endif
}

/* Volatile: the verifier takes no address in the context that the compiler has added up. */
static __always_inline void frame_of(struct frame *frame, volatile struct interrupted *at)
{
#if defined(__TARGET_ARCH_x86)
	frame->pc = at->ip;
	frame->sp = at->sp;
	frame->bp = at->bp;
	frame->lr = 0;
#else
	frame->pc = at->pc;
	frame->sp = at->sp;
	frame->bp = at->regs[29];
	frame->lr = return_address(at->regs[30]);
#endif
}

static __always_inline u32 sampled_user(struct cpu_state *cpu, struct interrupted *at,
					struct task_struct *current, u32 slot, u64 now)
{
	struct thread_wait *wait = thread_wait_at(slot);
	struct thread *state = thread_at(slot);
	u32 id = scratch_claim(cpu, now), stack = 0;
	struct stack_scratch *scratch = scratch_at(id);

	if (!id || !scratch)
		return 0;
	if (!state || !wait)
		goto out;
	if (in_user_mode(at))
		frame_of(&scratch->frame, at);
	else
		begin_at(scratch, (struct pt_regs *)bpf_task_pt_regs(current));
	begin_walk(scratch);
	stack = user_stack_from(scratch, id, state->tgid, wait->image,
				state->flags & THREAD_IS_COMPAT, now, true);
out:
	scratch_release(scratch);
	return stack;
}

static __always_inline u32 sampled_kernel(struct cpu_state *cpu, void *ctx, u64 now)
{
	u32 id = scratch_claim(cpu, now), stack;
	struct stack_scratch *scratch = scratch_at(id);
	long bytes;

	if (!id || !scratch)
		return 0;
	bytes = bpf_get_stack(ctx, scratch->frames, 8 * STACK_FRAMES_MAX, 0);
	stack = kernel_stack_in(scratch, id, bytes, now, true);
	scratch_release(scratch);
	return stack;
}

SEC("perf_event")
int on_sample(struct interrupted *ctx)
{
	const u32 bytes = event_bytes(struct event_sample);
	struct cpu_state *cpu = cpu_here();
	struct task_struct *current;
	struct event_sample *to;
	u32 tid, slot, user = 0, kernel = 0;
	u64 now, *record;

	if (!shared.control.recording)
		return 0;
	current = bpf_get_current_task_btf();
	tid = current->pid;
	if (cpu->generation == shared.control.generation && cpu->current_tid == tid)
		slot = cpu->current_slot;
	else
		slot = thread_find(tid);
	if (!slot)
		return 0;
	now = bpf_ktime_get_ns();
	if (!in_user_mode(ctx))
		kernel = sampled_kernel(cpu, ctx, now);
	if (has_user_stack(current))
		user = sampled_user(cpu, ctx, current, slot, now);
	record = sample_reserve(cpu, CLASS_SAMPLE, bytes, now);
	if (!record)
		return 0;
	to = event_body(record, struct event_sample);
	to->tid = tid;
	to->user_stack = user;
	to->kernel_stack = kernel;
	to->spare = 0;
	event_submit(record, EVENT_SAMPLE, bytes, now);
	return 0;
}
