/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * filter - which threads belong to the target
 *
 * Asked once per thread, when it is first seen (iterator, fork, change of cgroup): the answer is
 * the thread's place in the table, so the events themselves never ask again.
 */
#ifndef TRACER_BPF_FILTER_H
#define TRACER_BPF_FILTER_H

#include "bpf/thread.bpf.h"

#define PF_IO_WORKER   0x00000010
#define PF_USER_WORKER 0x00004000
#define PF_KTHREAD     0x00200000
#define COMPAT_SIZE    (1ull << 32)	/* address space of an i386 or arm program, at most */
#define CGROUP_DEPTH   32
#define PIDNS_DEPTH    33

/* Numbers of processes and threads given with -p, in the recorder's PID namespace */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u32);
} target_pids SEC(".maps") __weak;

static __always_inline u32 thread_flags(struct task_struct *thread)
{
	u64 size;

	if (thread->flags & PF_KTHREAD)
		return THREAD_IS_KERNEL;
	/* The bit of thread_info that says it has moved with 6.18, and BTF knows no macros. */
	size = BPF_CORE_READ(thread, mm, task_size);
	return size && size <= COMPAT_SIZE ? THREAD_IS_COMPAT : 0;
}

static __always_inline u32 event_thread_flags(u32 flags)
{
	return (flags & THREAD_IS_KERNEL ? THREAD_KERNEL : 0) |
	       (flags & THREAD_IS_COMPAT ? THREAD_COMPAT : 0);
}

static __always_inline void comm_read(char *comm, struct task_struct *thread)
{
	bpf_core_read(comm, EVENT_COMM_BYTES, &thread->comm);
}

static __always_inline struct upid upid_at(struct pid *pid, u32 level)
{
	struct upid upid = {};
	void *at;

	/* CO-RE knows fields, not elements: the element is ours to find. */
	at = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	     level * bpf_core_type_size(struct upid);
	bpf_probe_read_kernel(&upid.nr, sizeof(upid.nr), at + bpf_core_field_offset(struct upid, nr));
	bpf_probe_read_kernel(&upid.ns, sizeof(upid.ns), at + bpf_core_field_offset(struct upid, ns));
	return upid;
}

/* A thread's number as it sees itself, in its innermost PID namespace */
static __always_inline u32 pid_innermost(struct pid *pid)
{
	return pid ? upid_at(pid, BPF_CORE_READ(pid, level)).nr : 0;
}

/* A thread's number in the recorder's PID namespace; 0 when it has none there. */
static __noinline u32 pid_for_recorder(struct pid *pid)
{
	u32 level = pid ? BPF_CORE_READ(pid, level) : 0;

	for (u32 i = 0; i <= level && i < PIDNS_DEPTH && pid; i++) {
		struct upid upid = upid_at(pid, i);

		if (BPF_CORE_READ(upid.ns, ns.inum) == config_pidns)
			return upid.nr;
	}
	return 0;
}

static __always_inline bool is_recorder(struct task_struct *thread)
{
	return pid_for_recorder(BPF_CORE_READ(thread, group_leader, thread_pid)) ==
	       config_recorder_pid;
}

static __always_inline bool cgroup_is_below(struct cgroup *cgroup, u64 id)
{
	for (int i = 0; i < CGROUP_DEPTH && cgroup; i++) {
		struct cgroup_subsys_state *parent;

		if (BPF_CORE_READ(cgroup, kn, id) == id)
			return true;
		parent = BPF_CORE_READ(cgroup, self.parent);
		cgroup = parent ? BPF_CORE_READ(parent, cgroup) : NULL;
	}
	return false;
}

/* Whether -a, -p or --cgroup names this thread. */
static __always_inline bool should_trace(struct task_struct *thread)
{
	u32 pid;

	if (is_recorder(thread))
		return false;
	if (config_all)
		return true;
	if (config_cgroup)
		return cgroup_is_below(BPF_CORE_READ(thread, cgroups, dfl_cgrp), config_cgroup);
	pid = pid_for_recorder(BPF_CORE_READ(thread, group_leader, thread_pid));
	if (pid && bpf_map_lookup_elem(&target_pids, &pid))
		return true;
	pid = pid_for_recorder(BPF_CORE_READ(thread, thread_pid));
	return pid && bpf_map_lookup_elem(&target_pids, &pid);
}

#endif
