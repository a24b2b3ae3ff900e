// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * probe - functions and static probes of programs that were not changed, as tasks, regions, logs
 *
 * The cookie says what a hit announces and where its arguments lie. A task has the number
 * that its begin made up, which its thread's end finds again.
 */
#include "bpf/filter.bpf.h"
#include "bpf/scratch.bpf.h"

#include "bpf/annotate.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

#define REGISTERS_MAX 0xf8 /* bytes of the saved registers that an argument may lie in */
#define PROBED_TASK   (1ull << 63)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set by the loader */
	__type(key, u32);
	__type(value, struct probe_layout);
} probe_layouts SEC(".maps");

struct open_task {
	u32 tid;
	u32 probe;
};

/* The task that a thread has begun by a probe; those of threads that died in one are forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* set by the loader */
	__type(key, struct open_task);
	__type(value, u64);
} probe_tasks SEC(".maps");

u64 probe_task_count SEC(".bss") __weak = 0;

static __always_inline u64 register_read(struct pt_regs *regs, u16 at)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)regs + (at & REGISTERS_MAX));
	return value;
}

static __always_inline u64 widen(u64 value, u8 bytes, bool is_signed)
{
	u32 shift = bytes && bytes < 8 ? 64 - bytes * 8 : 0;

	value <<= shift & 63;
	return is_signed ? (u64)((s64)value >> (shift & 63)) : value >> (shift & 63);
}

static __always_inline u64 argument_read(struct pt_regs *regs, const struct probe_arg *arg,
					 bool can_sleep)
{
	u64 address, value = 0;

	switch (arg->place) {
	case PROBE_ARG_CONSTANT: return arg->offset;
	case PROBE_ARG_REGISTER: value = register_read(regs, arg->base) + arg->offset; break;
	case PROBE_ARG_MEMORY:
		address = register_read(regs, arg->base) + arg->offset;
		if (arg->scale)
			address += register_read(regs, arg->index) * arg->scale;
		if (bpf_probe_read_user(&value, sizeof(value), (void *)address) && can_sleep)
			bpf_copy_from_user(&value, sizeof(value), (void *)address);
		break;
	default: return 0;
	}
	return widen(value, arg->bytes, arg->is == PROBE_ARG_SIGNED);
}

/* All that a probe was given. Return: bytes of @scratch in use. */
static __always_inline u32 arguments_read(struct scratch *scratch, struct pt_regs *regs,
					  const struct probe_layout *layout, bool can_sleep)
{
	struct probe_values *values = (struct probe_values *)scratch->data;
	u32 used = sizeof(*values);

	__builtin_memset(values, 0, sizeof(*values));
	for (u32 i = 0; i < PROBE_ARGS_MAX; i++) {
		const struct probe_arg *arg = &layout->args[i];
		u32 length = 0;
		u16 flags = 0;
		u64 value;

		if (i >= layout->count)
			break;
		value = argument_read(regs, arg, can_sleep);
		values->value[i] = value;
		values->is[i] = arg->is;
		/* No program has memory in the first pages. */
		if (arg->is < PROBE_ARG_TEXT || arg->bytes != 8 || value < 65536)
			continue;
		if (used > sizeof(*values) + PROBE_TEXTS_FULL) {
			values->cut = 1;
			continue;
		}
		used &= 1023;
		length = text_read(scratch->data + used, PROBE_TEXT_MAX, value, &flags, 1, 2,
				   can_sleep);
		length &= PROBE_TEXT_MAX;
		values->bytes[i] = length;
		values->cut |= flags & 1;
		values->unreadable |= flags & 2 ? 1u << i : 0;
		used += length;
	}
	values->count = layout->count;
	return used;
}

/* Which task a hit is about */
static __always_inline u64 task_of(u32 kind, u32 tid, u32 probe)
{
	struct open_task key = { .tid = tid, .probe = probe };
	u64 task, *found;

	if (kind == EVENT_TASK_BEGIN) {
		task = PROBED_TASK | (__sync_fetch_and_add(&probe_task_count, 1) + 1);
		bpf_map_update_elem(&probe_tasks, &key, &task, BPF_ANY);
		return task;
	}
	if (kind != EVENT_TASK_END)
		return TASK_NONE;
	found = bpf_map_lookup_elem(&probe_tasks, &key);
	task = found ? *found : TASK_EARLIER;
	if (found)
		bpf_map_delete_elem(&probe_tasks, &key);
	return task;
}

/* What a hit says of itself */
struct hit {
	u64 now;
	u32 tid;
	u32 kind;
	u32 number; /* of the name that it goes by */
};

/* @scratch: @bytes of arguments; NULL: none */
static __always_inline void probe_tell(struct cpu_state *cpu, const struct hit *hit,
				       struct scratch *scratch, u32 bytes)
{
	const u32 head = event_bytes(struct event_annotation);
	struct event_annotation *to;
	u64 *record;

	record = event_reserve_anywhere(cpu, CLASS_ANNOTATION, head + bytes, hit->now);
	if (!record)
		return;
	to = event_body(record, struct event_annotation);
	to->tid = hit->tid;
	to->flags = ANNOTATION_PROBED;
	to->probe = hit->number;
	to->task = task_of(hit->kind, hit->tid, hit->number);
	to->value = 0;
	to->name_bytes = 0;
	to->text_bytes = bytes;
	to->spare = 0;
	if (scratch && bytes)
		bpf_probe_read_kernel(to->data, bytes, scratch->data);
	event_submit(record, hit->kind, head + bytes, hit->now);
}

static __always_inline int probe(struct pt_regs *regs, bool can_sleep)
{
	struct cpu_state *cpu = cpu_here();
	struct probe_layout *layout;
	struct scratch *scratch;
	struct hit hit;
	u64 cookie;
	u32 id;

	if (!shared.control.recording)
		return 0;
	hit.tid = (u32)bpf_get_current_pid_tgid();
	if (!thread_find(hit.tid))
		return 0;
	hit.now = bpf_ktime_get_ns();
	cookie = bpf_get_attach_cookie(regs);
	hit.kind = cookie & COOKIE_KIND;
	/* A recorder measures its own price. */
	if (!hit.kind)
		return 0;
	hit.number = cookie >> COOKIE_PROBE_SHIFT & 0xffff;
	id = cookie >> COOKIE_LAYOUT_SHIFT & 0xffff;
	/* The first layout is that without arguments. */
	layout = id ? bpf_map_lookup_elem(&probe_layouts, &id) : NULL;
	if (!layout) {
		probe_tell(cpu, &hit, NULL, 0);
		return 0;
	}
	scratch = scratch_claim();
	if (!scratch) {
		event_lost(cpu, CLASS_ANNOTATION, hit.now);
		return 0;
	}
	probe_tell(cpu, &hit, scratch,
		   (arguments_read(scratch, regs, layout, can_sleep) + 7) & 1016);
	scratch_release(scratch);
	return 0;
}

SEC("uprobe")
int on_probe(struct pt_regs *regs)
{
	return probe(regs, false);
}

SEC("uprobe.s")
int on_probe_sleepable(struct pt_regs *regs)
{
	return probe(regs, true);
}
