/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * name - threads outside the target are named once, when they wake or displace one inside
 *
 * What was named is remembered in a table that forgets: a thread is named again after another
 * one took its place, which costs a record and nothing else.
 */
#ifndef TRACER_BPF_NAME_H
#define TRACER_BPF_NAME_H

#include "bpf/filter.bpf.h"

#define NAMED_SLOTS 4096	/* a power of two */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NAMED_SLOTS);
	__type(key, u32);
	__type(value, u64);
} named SEC(".maps") __weak;

/* Names @thread unless that was done and its name is still the same. */
static __noinline int name_foreign(struct cpu_state *cpu, struct task_struct *thread, u64 now)
{
	const u32 bytes = event_bytes(struct event_name);
	struct event_name *name;
	u64 comm[2] = {}, print, *record, *seen;
	u32 tid, slot;

	if (!thread)
		return 0;
	tid = thread->pid;
	slot = tid & (NAMED_SLOTS - 1);
	seen = bpf_map_lookup_elem(&named, &slot);
	if (!seen)
		return 0;
	comm_read((char *)comm, thread);
	print = (comm[0] * 31 + comm[1]) * 0x9e3779b97f4a7c15ull + tid + 1;
	if (*seen == print)
		return 0;
	record = event_reserve(cpu, CLASS_PROCESS, bytes, now);
	if (!record)
		return 0;
	name = event_body(record, struct event_name);
	name->tid = tid;
	name->tgid = thread->tgid;
	name->flags = THREAD_FOREIGN | event_thread_flags(thread_flags(thread));
	name->spare = 0;
	__builtin_memcpy(name->comm, comm, sizeof(comm));
	event_submit(record, EVENT_NAME, bytes, now);
	*seen = print;
	return 0;
}

#endif
