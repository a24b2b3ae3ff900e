// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * syscall - system calls, one record each, at their end
 *
 * The entry only notes the time in the thread's slot. Futex calls, which say more, are told
 * apart by their number; why a call blocked is said by its switch (sched.bpf.c).
 */
#include "bpf/wait_stack.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

#define PROT_EXEC 4

static __always_inline void save_args(u32 slot, struct pt_regs *regs, bool compat)
{
	u32 at = slot - 1;
	struct thread_args *to = bpf_map_lookup_elem(&thread_args, &at);

	if (!to)
		return;
#if defined(__TARGET_ARCH_x86)
	if (compat) {
		to->args[0] = (u32)regs->bx;
		to->args[1] = (u32)regs->cx;
		to->args[2] = (u32)regs->dx;
		to->args[3] = (u32)regs->si;
		to->args[4] = (u32)regs->di;
		to->args[5] = (u32)regs->bp;
		return;
	}
	to->args[0] = regs->di;
	to->args[1] = regs->si;
	to->args[2] = regs->dx;
	to->args[3] = regs->r10;
	to->args[4] = regs->r8;
	to->args[5] = regs->r9;
#elif defined(__TARGET_ARCH_arm64)
	to->args[0] = regs->regs[0];
	to->args[1] = regs->regs[1];
	to->args[2] = regs->regs[2];
	to->args[3] = regs->regs[3];
	to->args[4] = regs->regs[4];
	to->args[5] = regs->regs[5];
#endif
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long number)
{
	struct cpu_state *cpu = cpu_here();
	struct thread *thread;
	u32 slot;

	if (!shared.control.recording)
		return 0;
	slot = thread_in_call(cpu, regs);
	thread = thread_at(slot);
	if (!thread)
		return 0;
	thread->syscall = (u16)number;
	thread->flags &= ~THREAD_OF_CALL;
	if (config_args)
		save_args(slot, regs, thread->flags & THREAD_IS_COMPAT);
	thread->enter_ns = bpf_ktime_get_ns();
	return 0;
}

/* What a call that ends has in common, however it is recorded */
struct ended {
	u64 now;
	u64 duration_ns;
	u64 result;
	u32 tid;
	u16 number;
	bool compat;
	bool blocked;
	bool entered;
};

static __always_inline u8 futex_op_of(struct call *call, u8 subject)
{
	switch (subject) {
	case SUBJECT_FUTEX_WAITV: return FUTEX_OP_WAITV;
	case SUBJECT_FUTEX_WAKE: return FUTEX_OP_WAKE2;
	case SUBJECT_FUTEX_WAIT: return FUTEX_OP_WAIT2;
	case SUBJECT_FUTEX_REQUEUE: return FUTEX_OP_REQUEUE2;
	default: return call->args[1] & FUTEX_OP_MASK;
	}
}

/* Address and value of a futex call, wherever its variant has them */
static __always_inline void futex_words(u64 *address, u32 *value, struct call *call,
					struct pt_regs *regs, u8 subject, bool compat)
{
	struct futex_waitv_head words[2] = {};

	*address = call->args[0];
	switch (subject) {
	case SUBJECT_FUTEX_WAITV:
		bpf_probe_read_user(words, sizeof(words[0]), (void *)call->args[0]);
		*address = words[0].address;
		*value = words[0].value;
		break;
	case SUBJECT_FUTEX_REQUEUE:
		bpf_probe_read_user(words, sizeof(words[0]), (void *)call->args[0]);
		*address = words[0].address;
		*value = call->args[2];
		break;
	case SUBJECT_FUTEX_WAIT: *value = call->args[1]; break;
	case SUBJECT_FUTEX_WAKE:
		*value = call->args[2]; /* how many, after the mask */
		break;
	default: *value = call->args[2];
	}
}

static __always_inline u64 futex_second(struct call *call, struct pt_regs *regs, u8 op, bool compat)
{
	struct futex_waitv_head words[2] = {};

	switch (op) {
	case FUTEX_OP_REQUEUE:
	case FUTEX_OP_CMP_REQUEUE:
	case FUTEX_OP_WAKE_OP:
	case FUTEX_OP_WAIT_REQUEUE_PI:
	case FUTEX_OP_CMP_REQUEUE_PI: return call_fifth_argument(regs, compat);
	case FUTEX_OP_REQUEUE2:
		/* two struct futex_waitv of 24 bytes: from and to */
		bpf_probe_read_user(&words[1], sizeof(words[1]), (void *)call->args[0] + 24);
		return words[1].address;
	default: return 0;
	}
}

/* Return: whether the call was short and plain, and has been recorded. */
static __always_inline bool futex_ended_briefly(struct cpu_state *cpu, struct ended *ended, u8 op,
						u32 value, u64 address)
{
	const u32 bytes = event_bytes(struct event_futex_brief);
	u32 result = (u32)ended->result + FUTEX_BRIEF_BIAS;
	u64 *record;

	if (value == 0x7fffffff)
		value = FUTEX_BRIEF_ALL;
	else if (value >= FUTEX_BRIEF_ALL)
		return false;
	if (result > 63 || op > 15 || address >> 48 || ended->duration_ns >> 32)
		return false;
	record = event_reserve(cpu, CLASS_FUTEX, bytes, ended->now);
	if (!record)
		return true; /* counted as lost */
	record[1] = ended->tid | ended->duration_ns << 32;
	record[2] = address | (u64)op << 48 | (u64)value << 52 | (u64)result << 58;
	event_submit(record, EVENT_FUTEX_BRIEF, bytes, ended->now);
	return true;
}

static __always_inline void futex_ended(struct cpu_state *cpu, struct ended *ended,
					struct pt_regs *regs, u8 subject, bool said_where)
{
	struct event_futex *to;
	struct call call = {};
	u64 address = 0, address2, *record;
	u32 value = 0, bytes;
	u8 op, flags;

	call_read(&call, regs, ended->compat);
	op = futex_op_of(&call, subject);
	futex_words(&address, &value, &call, regs, subject, ended->compat);
	address2 = futex_second(&call, regs, op, ended->compat);

	flags = (ended->blocked ? FUTEX_BLOCKED : 0) | (ended->entered ? 0 : FUTEX_UNENTERED) |
		(ended->compat ? FUTEX_COMPAT : 0);
	if (!flags && !address2 && futex_ended_briefly(cpu, ended, op, value, address))
		return;
	/* A blocked wait's switch has told address and value: only this call's own are said. */
	if (address2)
		bytes = event_bytes(struct event_futex);
	else if (ended->duration_ns >> 32 || (value >> 16 && !said_where))
		bytes = sizeof(u64) + offsetof(struct event_futex, address2);
	else if (!said_where)
		bytes = sizeof(u64) + offsetof(struct event_futex, value_high);
	else
		bytes = sizeof(u64) + offsetof(struct event_futex, address);
	record = event_reserve(cpu, CLASS_FUTEX, bytes, ended->now);
	if (!record)
		return;
	to = event_body(record, struct event_futex);
	to->tid = ended->tid;
	to->op = op;
	to->value = value;
	to->duration_ns = ended->duration_ns;
	to->result = ended->result;
	if (bytes > sizeof(u64) + offsetof(struct event_futex, address))
		to->address = address;
	if (bytes > sizeof(u64) + offsetof(struct event_futex, value_high)) {
		flags |= FUTEX_WIDE;
		to->value_high = value >> 16;
		to->duration_high = ended->duration_ns >> 32;
	}
	if (bytes == event_bytes(struct event_futex))
		to->address2 = address2;
	to->flags = flags;
	event_submit(record, EVENT_FUTEX, bytes, ended->now);
}

/* Return: whether the call was short and plain, and has been recorded. */
static __always_inline bool call_ended_briefly(struct cpu_state *cpu, struct ended *ended)
{
	const u32 bytes = event_bytes(struct event_syscall_brief);
	u64 result = ended->result + SYSCALL_BRIEF_BIAS, *record;

	if (result >> 14 || ended->duration_ns >> 18 || ended->number >> 9 || ended->tid >> 22 ||
	    ended->compat || !ended->entered)
		return false;
	record = event_reserve(cpu, CLASS_SYSCALL, bytes, ended->now);
	if (!record)
		return true; /* counted as lost */
	record[1] = ended->tid | (u64)ended->number << 22 | (u64)ended->blocked << 31 |
		    ended->duration_ns << 32 | result << 50;
	event_submit(record, EVENT_SYSCALL_BRIEF, bytes, ended->now);
	return true;
}

static __always_inline void copy_args(struct event_syscall *to, u32 slot)
{
	u32 at = slot - 1;
	struct thread_args *args = bpf_map_lookup_elem(&thread_args, &at);

	if (args)
		__builtin_memcpy(to->args, args->args, sizeof(to->args));
}

static __always_inline void call_ended(struct cpu_state *cpu, struct ended *ended)
{
	bool wide = ended->duration_ns >> 32 || (s64)ended->result != (s32)ended->result;
	u32 bytes = sizeof(u64) + offsetof(struct event_syscall, duration_high);
	struct event_syscall *to;
	u64 *record;

	if (!config_args && call_ended_briefly(cpu, ended))
		return;
	if (config_args)
		bytes = event_bytes(struct event_syscall);
	else if (wide)
		bytes = sizeof(u64) + offsetof(struct event_syscall, args);
	record = event_reserve(cpu, CLASS_SYSCALL, bytes, ended->now);
	if (!record)
		return;
	to = event_body(record, struct event_syscall);
	to->tid = ended->tid;
	to->syscall = ended->number | (ended->compat ? SYSCALL_COMPAT : 0);
	to->flags = (ended->blocked ? SYSCALL_BLOCKED : 0) |
		    (ended->entered ? 0 : SYSCALL_UNENTERED) | (wide ? SYSCALL_WIDE : 0) |
		    (config_args ? SYSCALL_ARGS : 0);
	to->duration_ns = ended->duration_ns;
	to->result = ended->result;
	if (wide || config_args) {
		to->duration_high = ended->duration_ns >> 32;
		to->result_high = ended->result >> 32;
	}
	if (config_args)
		copy_args(to, cpu->current_slot);
	event_submit(record, EVENT_SYSCALL, bytes, ended->now);
}

/* A process that maps code has functions that the recorder does not know yet. */
static __always_inline void code_mapped(struct cpu_state *cpu, struct ended *ended, u32 tgid,
					struct pt_regs *regs)
{
	const u32 bytes = event_bytes(struct event_mapping);
	struct event_mapping *to;
	struct call call = {};
	u64 *record;

	call_read(&call, regs, ended->compat);
	if (!(call.args[2] & PROT_EXEC) || (s64)ended->result < 0)
		return;
	record = event_reserve(cpu, CLASS_PROCESS, bytes, ended->now);
	if (!record)
		return;
	to = event_body(record, struct event_mapping);
	to->tgid = tgid;
	to->spare = 0;
	to->address = ended->result;
	to->bytes = call.args[1];
	event_submit(record, EVENT_MAPPING, bytes, ended->now);
	code_is_new(cpu);
}

/* The number of the call that ends, for a thread whose entry was not seen */
static __always_inline s32 unseen_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (s32)regs->orig_ax;
#else
	return regs->syscallno;
#endif
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long result)
{
	struct cpu_state *cpu = cpu_here();
	struct thread *thread;
	struct ended ended;
	s32 number;
	u16 flags;
	u8 subject;

	if (!shared.control.recording)
		return 0;
	thread = thread_at(thread_in_call(cpu, regs));
	if (!thread)
		return 0;
	flags = thread->flags;
	number = thread->syscall;
	thread->syscall = SYSCALL_NONE;
	thread->flags = flags & ~THREAD_OF_CALL;
	if (number == SYSCALL_NONE) {
		number = unseen_number(regs);
		/* A new thread's way out of fork is not a call that it made. */
		if (number < 0 || flags & THREAD_FRESH)
			return 0;
		thread->enter_ns = 0;
	}
	ended.compat = flags & THREAD_IS_COMPAT;
	subject = syscall_subject(number, ended.compat);
	if (subject == SUBJECT_IGNORED)
		return 0;
	ended.now = bpf_ktime_get_ns();
	ended.entered = thread->enter_ns;
	ended.duration_ns = ended.entered ? ended.now - thread->enter_ns : 0;
	ended.result = result;
	ended.tid = cpu->current_tid;
	ended.number = number;
	ended.blocked = flags & THREAD_BLOCKED_IN;

	if (config_stacks && flags & THREAD_WAITED)
		call_waited(cpu, regs, subject >= SUBJECT_FUTEX && subject <= SUBJECT_FUTEX_REQUEUE,
			    ended.now);
	if (subject == SUBJECT_MMAP)
		code_mapped(cpu, &ended, thread->tgid, regs);
	if (subject >= SUBJECT_FUTEX && subject <= SUBJECT_FUTEX_REQUEUE) {
		if (config_futexes)
			futex_ended(cpu, &ended, regs, subject, flags & THREAD_SAID_WHERE);
		return 0;
	}
	if (config_syscalls)
		call_ended(cpu, &ended);
	return 0;
}
