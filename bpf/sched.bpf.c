// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sched - who runs, who waits for a CPU, who blocks, and who wakes whom */
#include "bpf/name.bpf.h"
#include "bpf/state.bpf.h"
#include "bpf/wait_stack.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

/* preempt_count: nested interrupts in 16..19, NMIs above, a softirq being served in bit 8 */
#define PREEMPT_SOFTIRQ 0x00000100
#define PREEMPT_HARDIRQ 0x000f0000
#define PREEMPT_NMI     0x00f00000

/*
 * Where this CPU's preempt_count lies. On x86 it is a per-CPU variable, whose address most
 * kernels do not tell; but they tell (in BTF) how far it lies from the CPU's run queue, and the
 * running thread knows that one.
 */
static __always_inline u64 preempt_count_address(struct cpu_state *cpu, struct task_struct *current)
{
#if defined(__TARGET_ARCH_x86)
	if (!config_preempt_count_known || !bpf_core_field_exists(current->se.cfs_rq->rq))
		return 0;
	if (!cpu->preempt_count)
		cpu->preempt_count = (u64)current->se.cfs_rq->rq + config_preempt_count_from_rq;
	return cpu->preempt_count;
#else
	return (u64)&current->thread_info.preempt_count;
#endif
}

static __always_inline u32 waker_context(struct cpu_state *cpu, struct task_struct *current,
					 bool direct)
{
	u64 address = preempt_count_address(cpu, current);
	u32 count;

	if (!address)
		return WAKER_UNKNOWN;
	count = (u32)kernel_word(address, direct);
	if (!(count & (PREEMPT_NMI | PREEMPT_HARDIRQ | PREEMPT_SOFTIRQ)))
		return WAKER_THREAD;
	if (count & PREEMPT_NMI)
		return WAKER_NMI;
	return count & PREEMPT_HARDIRQ ? WAKER_HARDIRQ : WAKER_SOFTIRQ;
}

/* Bytes of a switch that says no more than it has to */
static __always_inline u32 switch_bytes(struct wait *wait, u8 state)
{
	if (state == LEAVE_PREEMPTED)
		return sizeof(u64) + offsetof(struct event_switch, prev_state);
	if (!wait->futex)
		return sizeof(u64) + offsetof(struct event_switch, address);
	if (wait->futex_op == FUTEX_OP_WAIT)
		return sizeof(u64) + offsetof(struct event_switch, futex_op);
	return event_bytes(struct event_switch);
}

/* What a thread of the target was doing when it left its CPU by itself */
static __always_inline void fill_leave(struct event_switch *sw, struct wait *wait, u8 state)
{
	sw->prev_state = state;
	sw->wait_kind = wait->kind;
	sw->syscall = wait->syscall;
	sw->object = wait->object;
	if (!wait->futex)
		return;
	sw->address = wait->address;
	if (wait->futex_op == FUTEX_OP_WAIT)
		return;
	sw->futex_op = wait->futex_op;
	sw->spare = 0;
}

static __always_inline u8 yielded(struct task_struct *prev, u32 flags)
{
	struct call call = {};

	if (flags & THREAD_IS_KERNEL)
		return LEAVE_PREEMPTED;
	call_read(&call, (struct pt_regs *)bpf_task_pt_regs(prev), flags & THREAD_IS_COMPAT);
	return call.number >= 0 && syscall_subject(call.number, flags & THREAD_IS_COMPAT) ==
					   SUBJECT_YIELD
		       ? LEAVE_YIELDED
		       : LEAVE_PREEMPTED;
}

__noinline u64 object_here(u64 at, u64 now)
{
	return object_find(at, now, true, true);
}

static __always_inline int switched(u64 *ctx, bool preempt, struct task_struct *prev,
				    struct task_struct *next, bool direct)
{
	struct cpu_state *cpu = cpu_here();
	u32 prev_tid, next_tid, prev_slot, next_slot;
	u8 state = LEAVE_PREEMPTED;
	struct event_switch *sw;
	struct wait wait = { .syscall = SYSCALL_NONE };
	struct thread *thread;
	u64 now, *record;
	u32 bytes, word = 0;
	bool blocked;

	if (!shared.control.recording)
		return 0;
	prev_tid = prev->pid;
	next_tid = next->pid;
	if (cpu->generation == shared.control.generation && cpu->current_tid == prev_tid)
		prev_slot = cpu->current_slot;
	else
		prev_slot = thread_find(prev_tid);
	next_slot = thread_note(cpu, next_tid);
	if (!prev_slot && !next_slot)
		return 0;

	now = bpf_ktime_get_ns();
	thread = thread_at(prev_slot);
	/* Asked of the pointer, not of the slot again: old verifiers see no connection. */
	barrier_var(thread);
	if (thread) {
		if (!preempt)
			word = state_word(ctx, prev);
		if (word)
			state = leave_state(word);
		else if (!preempt)
			state = yielded(prev, thread->flags);
		/* Who is stopped does not wait for what the call was about. */
		blocked = word && state != LEAVE_DEAD && state != LEAVE_STOPPED;
		if (blocked)
			wait_classify(&wait, prev, thread->flags, now, true, direct);
		wait_begins(cpu, prev, thread, prev_slot, &wait, blocked, now);
		if (blocked)
			thread->flags |= THREAD_BLOCKED_IN;
		if (next_tid && !next_slot)
			name_foreign(cpu, next, now);
	} else if (prev_tid) {
		/* It is who ran while the next one waited. */
		name_foreign(cpu, prev, now);
	}
	wait_ends(cpu, next, next_slot, now);
	bytes = switch_bytes(&wait, state);
	record = event_reserve(cpu, CLASS_SCHED, bytes, now);
	if (record) {
		sw = event_body(record, struct event_switch);
		sw->prev_tid = prev_tid;
		sw->next_tid = next_tid;
		if (state != LEAVE_PREEMPTED) {
			fill_leave(sw, &wait, state);
			if (thread && wait.futex)
				thread->flags |= THREAD_SAID_WHERE;
		}
		event_submit(record, EVENT_SWITCH, bytes, now);
	} else if (thread) {
		thread->flags &= ~THREAD_SAID_WHERE;
	}
	if (state == LEAVE_DEAD)
		thread_remove(prev_tid);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return switched(ctx, preempt, prev, next, true);
}

/* Instead of the one above, before Linux 6.2; likewise those below */
SEC("tp_btf/sched_switch")
int BPF_PROG(on_sched_switch_probing, bool preempt, struct task_struct *prev,
	     struct task_struct *next)
{
	return switched(ctx, preempt, prev, next, false);
}

/* Everything but WAKEUP happens in the waker's context, which is told then. */
static __always_inline int woken(struct task_struct *thread, enum event_kind kind, bool direct)
{
	const u32 bytes = event_bytes(struct event_waking);
	struct cpu_state *cpu = cpu_here();
	struct event_waking *waking;
	struct task_struct *current;
	u32 tid, slot, waker = 0;
	u64 now, *record;

	if (!shared.control.recording)
		return 0;
	tid = thread->pid;
	slot = thread_find(tid);
	if (!slot)
		return 0;
	now = bpf_ktime_get_ns();
	if (kind != EVENT_WAKEUP) {
		current = bpf_get_current_task_btf();
		if (!thread_here(cpu, current) && cpu->current_tid)
			name_foreign(cpu, current, now);
		waker = cpu->current_tid | waker_context(cpu, current, direct) << 28;
		if (config_waker_stacks && wait_is_long(slot, now))
			waker_stacks(cpu, current, tid, waker, now);
	}
	record = event_reserve(cpu, CLASS_SCHED, bytes, now);
	if (!record)
		return 0;
	waking = event_body(record, struct event_waking);
	waking->tid = tid;
	waking->waker = waker;
	event_submit(record, kind, bytes, now);
	return 0;
}

/* Before the other CPU hears of it */
SEC("tp_btf/sched_waking")
int BPF_PROG(on_sched_waking, struct task_struct *thread)
{
	return woken(thread, EVENT_WAKING, true);
}

SEC("tp_btf/sched_waking")
int BPF_PROG(on_sched_waking_probing, struct task_struct *thread)
{
	return woken(thread, EVENT_WAKING, false);
}

/* It has reached the queue of a CPU. */
SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_sched_wakeup, struct task_struct *thread)
{
	return woken(thread, EVENT_WAKEUP, false);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_sched_wakeup_new, struct task_struct *thread)
{
	return woken(thread, EVENT_WAKEUP_NEW, true);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_sched_wakeup_new_probing, struct task_struct *thread)
{
	return woken(thread, EVENT_WAKEUP_NEW, false);
}
