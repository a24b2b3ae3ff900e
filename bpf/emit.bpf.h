/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * emit - the only place that reserves and submits: the transport can be changed here alone
 *
 * Each CPU has a ring of its own: one element of a memory-mapped array. Reserving is one
 * atomic add to a position that only this CPU changes, submitting is one store of the head
 * word. That took 4 ns per record where a BPF ring buffer took 17, and the recorder reads it
 * without a system call. Interrupts may reserve in between; what they add to the position
 * between our check and our add fits into RING_OVERSHOOT.
 */
#ifndef TRACER_BPF_EMIT_H
#define TRACER_BPF_EMIT_H

#include "vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "bpf/config.h"
#include "bpf/event.h"
#include "bpf/shared.h"

/* Its size is set by the loader: CPUs and bytes of a ring. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, RING_SLACK);
} rings SEC(".maps") __weak;

/* The same for samples: their interrupts hit the programs that fill the other rings. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, RING_SLACK);
} sample_rings SEC(".maps") __weak;

extern struct shared shared; /* tables.bpf.c: each file that has it would make it larger */

/*
 * A number becomes a pointer that can be read from, at no cost: a probe's reading is three calls
 * deep, which is 20 ns where returns are made slow on purpose. From Linux 6.2 on; older verifiers
 * refuse even a program that never comes to it, so programs that gain by it are there twice.
 */
extern void *bpf_rdonly_cast(const void *object, u32 btf_id) __ksym __weak;

#define direct_pointer(type, address) \
	((type *)bpf_rdonly_cast((void *)(address), bpf_core_type_id_kernel(type)))

/* Reads 8 bytes of kernel memory: as what they are taken for there does not matter. */
static __always_inline u64 kernel_word(u64 address, bool direct)
{
	u64 word = 0;

	if (direct)
		return *(u64 *)direct_pointer(struct thread_info, address);
	bpf_probe_read_kernel(&word, sizeof(word), (void *)address);
	return word;
}

/* Wakes the recorder, at most once between two drains of a CPU's ring */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} doorbell SEC(".maps") __weak;

/* The loader refuses machines with more CPUs than there is room for. */
static __always_inline struct cpu_state *cpu_here(void)
{
	return &shared.cpus[bpf_get_smp_processor_id() & (CPUS_MAX - 1)].state;
}

static __always_inline struct cpu_drain *drain_of(struct cpu_state *cpu)
{
	return &((struct shared_cpu *)cpu)->drain;
}

static __noinline int event_lost(struct cpu_state *cpu, u32 class, u64 now)
{
	if (class >= CLASS_COUNT)
		return 0;
	__sync_fetch_and_add(&cpu->lost[class], 1);
	if (!cpu->lost_first_ns)
		cpu->lost_first_ns = now;
	cpu->lost_last_ns = now;
	return 0;
}

/* The recorder may be asleep for longer than the rest of this ring lasts. */
static __noinline int doorbell_ring(struct cpu_drain *drain)
{
	u64 one = 1;

	if (drain->rung)
		return 0;
	drain->rung = 1;
	bpf_ringbuf_output(&doorbell, &one, sizeof(one), BPF_RB_FORCE_WAKEUP);
	return 0;
}

/*
 * A process of the target runs other code now: its own probes are attached as soon as it is
 * known. That happens a few times in the life of a process.
 */
static __always_inline void code_is_new(struct cpu_state *cpu)
{
	if (!config_annotations)
		return;
	shared.control.code_is_new = 1;
	doorbell_ring(drain_of(cpu));
}

/*
 * event_reserve() - room for a record of @bytes (a multiple of 8, head word included)
 *
 * Return: the record, whose first word event_submit() writes; NULL when there is no room:
 * then the loss is counted for @class.
 */
static __always_inline u64 *event_reserve(struct cpu_state *cpu, enum event_class class, u32 bytes,
					  u64 now)
{
	u32 id = bpf_get_smp_processor_id();
	struct cpu_drain *drain = drain_of(cpu);
	char *ring = bpf_map_lookup_elem(&rings, &id);
	u64 used;

	if (!ring) {
		event_lost(cpu, class, now);
		return NULL;
	}
	used = cpu->head - drain->tail;
	if (used > config_high_water) {
		if (used + bytes + RING_OVERSHOOT > (u64)config_ring_mask + 1) {
			event_lost(cpu, class, now);
			return NULL;
		}
		doorbell_ring(drain);
	}
	return (u64 *)(ring + (__sync_fetch_and_add(&cpu->head, bytes) & config_ring_mask));
}

/* event_reserve() for the sampler, which nothing but itself fills this ring beside */
static __always_inline u64 *sample_reserve(struct cpu_state *cpu, enum event_class class, u32 bytes,
					   u64 now)
{
	u32 id = bpf_get_smp_processor_id();
	char *ring = bpf_map_lookup_elem(&sample_rings, &id);

	/* Without samples, the ring has no room that the verifier could see. */
	if (!config_samples)
		return NULL;
	if (!ring || cpu->sample_head - drain_of(cpu)->sample_tail + bytes >
			     (u64)config_sample_mask + 1) {
		event_lost(cpu, class, now);
		return NULL;
	}
	return (u64 *)(ring +
		       (__sync_fetch_and_add(&cpu->sample_head, bytes) & config_sample_mask));
}

/* Whether half of the ring is free: for what may be left out without a loss */
static __always_inline bool ring_is_ample(struct cpu_state *cpu, bool sampler)
{
	struct cpu_drain *drain = drain_of(cpu);

	if (sampler)
		return cpu->sample_head - drain->sample_tail < config_sample_mask / 2;
	return cpu->head - drain->tail < config_high_water;
}

#define RESERVE_TRIES 8

/*
 * event_reserve_anywhere() - event_reserve() for programs that can be preempted: those of uprobes
 *
 * Between the check and the add of event_reserve() another thread could run here and fill
 * the ring. So here both are one step, which fails when somebody came in between.
 */
static __always_inline u64 *event_reserve_anywhere(struct cpu_state *cpu, enum event_class class,
						   u32 bytes, u64 now)
{
	u32 id = bpf_get_smp_processor_id();
	struct cpu_drain *drain = drain_of(cpu);
	char *ring = bpf_map_lookup_elem(&rings, &id);

	for (int i = 0; ring && i < RESERVE_TRIES; i++) {
		u64 head = *(volatile u64 *)&cpu->head;
		u64 used = head - drain->tail;

		if (used + bytes + RING_OVERSHOOT > (u64)config_ring_mask + 1)
			break;
		if (used > config_high_water)
			doorbell_ring(drain);
		if (__sync_val_compare_and_swap(&cpu->head, head, head + bytes) == head)
			return (u64 *)(ring + (head & config_ring_mask));
	}
	event_lost(cpu, class, now);
	return NULL;
}

static __always_inline void event_submit(u64 *record, enum event_kind kind, u32 bytes, u64 now)
{
	u64 head = now << EVENT_TIME_SHIFT | (u64)kind << EVENT_KIND_SHIFT | bytes / EVENT_SIZE_UNIT;

#if defined(__TARGET_ARCH_x86)
	/* Stores are seen in their order here; only the compiler must not swap them. */
	barrier();
	*(volatile u64 *)record = head;
#else
	__sync_lock_test_and_set(record, head);
#endif
}

/* The struct behind the head word */
#define event_body(record, type) ((type *)((record) + 1))
#define event_bytes(type) (sizeof(u64) + sizeof(type))

#endif
