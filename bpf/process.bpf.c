// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* process - threads and processes that are there, begin, change their program or name, and end */
#include "bpf/filter.bpf.h"
#include "bpf/state.bpf.h"
#include "bpf/wait.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

/* How often a thread's process has exec'd: its stacks are those of that program. */
static __always_inline u32 image_of(u32 slot)
{
	struct thread_wait *wait = slot ? thread_wait_at(slot) : NULL;

	return wait ? wait->image : 0;
}

static __always_inline void image_set(u32 slot, u32 image)
{
	struct thread_wait *wait = thread_wait_at(slot);

	if (wait)
		wait->image = image;
}

/* What a thread was doing when the recording found it */
static __always_inline void describe_state(struct event_thread *to, struct task_struct *thread,
					   u32 flags, u64 now)
{
	u32 word = thread_state_word(thread);
	struct wait wait = {};

	to->syscall = SYSCALL_NONE;
	if (!word) {
		to->state = thread->on_cpu ? LEAVE_RUNNING : LEAVE_PREEMPTED;
		return;
	}
	to->state = leave_state(word);
	if (to->state == LEAVE_DEAD || to->state == LEAVE_STOPPED)
		return;
	wait_classify(&wait, thread, flags, now, false, false);
	to->wait_kind = wait.kind;
	to->syscall = wait.syscall;
	to->object = wait.object;
	to->address = wait.address;
	to->futex_op = wait.futex_op;
}

/* Says that a thread is there. @body: its state is filled in */
static __always_inline void announce(struct cpu_state *cpu, struct event_thread *body,
				     struct task_struct *thread, u32 flags, u64 now)
{
	const u32 bytes = event_bytes(struct event_thread);
	struct pid *pid = BPF_CORE_READ(thread, thread_pid);
	u64 *record;

	body->tid = thread->pid;
	body->tgid = thread->tgid;
	body->ns_tid = pid_innermost(pid);
	body->ns_tgid = pid_innermost(BPF_CORE_READ(thread, group_leader, thread_pid));
	body->parent_tgid = BPF_CORE_READ(thread, real_parent, tgid);
	body->flags = event_thread_flags(flags);
	body->priority = thread->prio;
	comm_read(body->comm, thread);
	record = event_reserve(cpu, CLASS_PROCESS, bytes, now);
	if (!record)
		return;
	*event_body(record, struct event_thread) = *body;
	event_submit(record, EVENT_THREAD, bytes, now);
}

/*
 * For each thread that is there: in the target, it is put into the table and described. The
 * recorder runs this until no thread is new, so that one begun meanwhile by a thread that was
 * not yet in the table is found too. A byte of output per thread of the target makes each
 * read() end early enough to drain the rings in between.
 */
SEC("iter/task")
int existing_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *thread = ctx->task;
	struct cpu_state *cpu = cpu_here();
	struct event_thread body = {};
	u32 flags;
	u8 one = 1;
	u64 now;

	if (!thread || !thread->pid || !should_trace(thread))
		return 0;
	if (thread_find(thread->pid) || thread_state_word(thread) & TASK_DEAD)
		return 0;
	flags = thread_flags(thread);
	if (!thread_add(thread->pid, thread->tgid, flags))
		return 0;
	/* It may be running now, on a CPU that believes that it is not in the target. */
	__sync_fetch_and_add(&shared.control.generation, 1);
	/*
	 * From here on its own events say what it does, so only now it is asked: this program can
	 * be preempted, and in the other order nobody would have seen what happens in between.
	 */
	if (thread_state_word(thread) & TASK_DEAD) {
		/* Its last switch, which takes it out of the table, may have come too early. */
		thread_remove(thread->pid);
		return 0;
	}
	now = bpf_ktime_get_ns();
	describe_state(&body, thread, flags, now);
	bpf_seq_write(ctx->meta->seq, &one, sizeof(one));
	body.start_ns = thread->start_time;
	announce(cpu, &body, thread, flags, now);
	return 0;
}

static __always_inline bool should_follow(struct task_struct *parent, struct task_struct *child)
{
	if (config_all || config_cgroup)
		return should_trace(child);
	if (!thread_find(parent->pid))
		return false;
	return config_children || child->tgid == parent->tgid;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	const u32 bytes = event_bytes(struct event_fork);
	struct cpu_state *cpu = cpu_here();
	struct event_fork *to;
	struct pid *pid;
	u64 now, *record;
	u32 flags, slot;

	if (!shared.control.recording || !should_follow(parent, child))
		return 0;
	flags = thread_flags(child);
	/* The iterator may have found it first: then it is described already. */
	if (thread_find(child->pid))
		return 0;
	slot = thread_add(child->pid, child->tgid, flags | THREAD_FRESH);
	if (!slot)
		return 0;
	if (child->tgid == parent->tgid)
		image_set(slot, image_of(thread_find(parent->pid)));
	now = bpf_ktime_get_ns();
	record = event_reserve(cpu, CLASS_PROCESS, bytes, now);
	if (!record)
		return 0;
	pid = BPF_CORE_READ(child, thread_pid);
	to = event_body(record, struct event_fork);
	to->tid = child->pid;
	to->tgid = child->tgid;
	to->ns_tid = pid_innermost(pid);
	to->ns_tgid = pid_innermost(BPF_CORE_READ(child, group_leader, thread_pid));
	to->parent_tid = parent->pid;
	to->parent_tgid = parent->tgid;
	to->flags = event_thread_flags(flags);
	to->priority = child->prio;
	comm_read(to->comm, child);
	event_submit(record, EVENT_FORK, bytes, now);
	return 0;
}

/* What we started becomes the command: what it did before, waiting for us, was not the command's. */
static __always_inline u32 command_begins(struct cpu_state *cpu, struct task_struct *thread)
{
	struct event_thread body = { .state = LEAVE_RUNNING, .syscall = SYSCALL_NONE };
	u32 flags = thread_flags(thread), slot;

	if (!config_command || !should_trace(thread))
		return 0;
	slot = thread_add(thread->pid, thread->tgid, flags | THREAD_FRESH);
	if (!slot)
		return 0;
	cpu->current_tid = thread->pid;
	cpu->current_slot = slot;
	cpu->current_regs = 0;
	body.start_ns = bpf_ktime_get_ns();
	announce(cpu, &body, thread, flags, body.start_ns);
	return slot;
}

/* A thread that is not the first calls exec: it becomes the only one, under the first's number. */
static __always_inline u32 take_over_tid(struct cpu_state *cpu, struct task_struct *thread,
					 u32 old_tid)
{
	struct thread *old = thread_at(thread_find(old_tid)), *new;
	u64 enter_ns = old ? old->enter_ns : 0;
	u32 image = image_of(thread_find(thread->pid) ?: thread_find(old_tid));
	u16 syscall = old ? old->syscall : SYSCALL_NONE;
	u32 slot;

	/* The first's last switch may come after the numbers were swapped: it took out ours. */
	if (!old && !thread_find(thread->pid))
		return 0;
	/* In this order there is always one: without any the recording would end. */
	thread_remove(thread->pid);
	slot = thread_add(thread->pid, thread->tgid, thread_flags(thread));
	thread_remove(old_tid);
	new = thread_at(slot);
	if (new) {
		image_set(slot, image);
		new->enter_ns = enter_ns;
		new->syscall = syscall;
		cpu->current_tid = thread->pid;
		cpu->current_slot = slot;
		cpu->current_regs = 0;
	}
	return slot;
}

/* A name as it is now: exec gave it before the thread was known under its number. */
static __always_inline void tell_name(struct cpu_state *cpu, struct task_struct *thread, u32 flags,
				      u64 now)
{
	const u32 bytes = event_bytes(struct event_name);
	u64 *record = event_reserve(cpu, CLASS_PROCESS, bytes, now);
	struct event_name *to;

	if (!record)
		return;
	to = event_body(record, struct event_name);
	to->tid = thread->pid;
	to->tgid = thread->tgid;
	to->flags = event_thread_flags(flags);
	to->spare = 0;
	comm_read(to->comm, thread);
	event_submit(record, EVENT_NAME, bytes, now);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *thread, pid_t old_tid, struct linux_binprm *bprm)
{
	const u32 bytes = event_bytes(struct event_exec);
	struct cpu_state *cpu = cpu_here();
	struct event_exec *to;
	struct thread *known;
	u64 now, *record;
	u32 slot;

	if (!shared.control.recording)
		return 0;
	slot = (u32)old_tid == (u32)thread->pid ? thread_find(old_tid)
						: take_over_tid(cpu, thread, old_tid);
	if (!slot)
		slot = command_begins(cpu, thread);
	known = thread_at(slot);
	if (!known)
		return 0;
	known->flags = (known->flags & ~THREAD_IS_COMPAT) | thread_flags(thread);
	image_set(slot, image_of(slot) + 1);
	now = bpf_ktime_get_ns();
	record = event_reserve(cpu, CLASS_PROCESS, bytes, now);
	if (!record)
		return 0;
	to = event_body(record, struct event_exec);
	to->tid = thread->pid;
	to->old_tid = old_tid;
	to->path[0] = 0;
	bpf_probe_read_kernel_str(to->path, sizeof(to->path), BPF_CORE_READ(bprm, filename));
	event_submit(record, EVENT_EXEC, bytes, now);
	code_is_new(cpu);
	if ((u32)old_tid != (u32)thread->pid)
		tell_name(cpu, thread, known->flags, now);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *thread)
{
	const u32 bytes = event_bytes(struct event_exit);
	struct cpu_state *cpu = cpu_here();
	struct event_exit *to;
	u64 now, *record;

	/* It stays in the table until its last switch. */
	if (!shared.control.recording || !thread_find(thread->pid))
		return 0;
	now = bpf_ktime_get_ns();
	record = event_reserve(cpu, CLASS_PROCESS, bytes, now);
	if (!record)
		return 0;
	to = event_body(record, struct event_exit);
	to->tid = thread->pid;
	to->tgid = thread->tgid;
	to->exit_code = thread->exit_code;
	to->last = !BPF_CORE_READ(thread, signal, live.counter);
	event_submit(record, EVENT_EXIT, bytes, now);
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(on_rename, struct task_struct *thread, const char *comm)
{
	const u32 bytes = event_bytes(struct event_name);
	struct cpu_state *cpu = cpu_here();
	struct event_name *to;
	struct thread *known;
	u64 now, *record;

	if (!shared.control.recording)
		return 0;
	known = thread_at(thread_find(thread->pid));
	if (!known)
		return 0;
	now = bpf_ktime_get_ns();
	record = event_reserve(cpu, CLASS_PROCESS, bytes, now);
	if (!record)
		return 0;
	to = event_body(record, struct event_name);
	to->tid = thread->pid;
	to->tgid = thread->tgid;
	to->flags = event_thread_flags(known->flags);
	to->spare = 0;
	__builtin_memset(to->comm, 0, sizeof(to->comm));
	bpf_probe_read_kernel_str(to->comm, sizeof(to->comm), comm);
	event_submit(record, EVENT_NAME, bytes, now);
	return 0;
}

/* A process moved into the target's cgroup: its threads are found by the recorder's next look. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_cgroup_attach, struct cgroup *to, const char *path, struct task_struct *leader)
{
	if (shared.control.recording && config_cgroup && cgroup_is_below(to, config_cgroup))
		shared.control.look_again = 1;
	return 0;
}
