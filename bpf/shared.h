/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* shared - memory that kernel side and recorder both see while a recording runs */
#ifndef TRACER_BPF_SHARED_H
#define TRACER_BPF_SHARED_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#include "bpf/event.h"

#define RING_SLACK	 4096	/* behind a ring: its last record may reach over the end */
#define RING_OVERSHOOT	 6144	/* kept free: programs that interrupt each other's reservation, each
				 * of which may have checked for the longest record */
#define THREAD_BUCKETS	 16384	/* a power of two */
#define THREAD_WAYS	 4
#define THREADS_MAX	 (THREAD_BUCKETS * THREAD_WAYS)
#define CPUS_MAX	 1024	/* a power of two */
#define OBJECTS_MAX	 16384
#define OBJECTS_NEAR	 256	/* of them for each CPU, found faster; a power of two */
#define STACK_NESTING	 4	/* contexts of a CPU that can take a stack at once */
#define UNWIND_BITS	 14
#define UNWIND_BUCKETS	 (1 << UNWIND_BITS)
#define UNWIND_WAYS	 2

/*
 * One per CPU, written by the kernel side alone, on that CPU alone. Interrupts nest, so what
 * two contexts may change is changed by atomic operations.
 */
struct cpu_state {
	__u64 head;		/* bytes ever reserved in this CPU's ring */
	__u32 current_tid;	/* who runs here; valid when generation matches */
	__u32 current_slot;	/* its slot in the thread table + 1; 0: not in the target */
	__u32 generation;
	__u32 spare;
	__u64 current_regs;	/* where its registers lie when it is in a system call; 0: not known */
	__u64 lost[CLASS_COUNT];	/* ever */
	__u64 lost_first_ns;	/* set when 0; the recorder takes it and sets 0 */
	__u64 lost_last_ns;
	__u64 preempt_count;	/* its address; 0: not yet known */
	__u64 sample_head;	/* bytes ever reserved in this CPU's ring of samples */
	__u32 stacks;		/* told, ever */
	__u32 stacks_forgotten;	/* by the table: when they come again, they are told again */
	__u64 unsure_since_ns;	/* when this stretch began, of UNSURE_NS */
	__u32 unsure;		/* stacks in it that were walked by guesses */
	__u32 spare2;
} __attribute__((aligned(128)));

/* One per CPU, written by the recorder alone */
struct cpu_drain {
	__u64 tail;		/* bytes ever drained */
	__u32 rung;		/* 1: the doorbell was rung since the last drain (set by BPF) */
	__u32 spare;
	__u64 sample_tail;	/* bytes ever drained of the ring of samples */
} __attribute__((aligned(128)));

/* Written by both; read by programs on each event: keep it to one cache line */
struct control {
	__u32 generation;	/* counts changes of the target that invalidate current_slot */
	__u32 second_choice;	/* 1: some thread lies in its second bucket */
	__u32 recording;	/* 0: programs leave at once */
	__u32 object_id;	/* the last one given */
	__u32 look_again;	/* set by programs: run the thread iterator; cleared by the recorder */
	__u32 code_is_new;	/* set by programs: a process runs code that it did not; cleared so */
	__u64 untracked;	/* threads of the target that found no room in the table */
	__u64 threads;		/* in the table now */
	__u64 exited;		/* threads that left the table, ever */
};

/* A thread of the target; the recorder only gives the table its room. */
struct thread {
	__u64 enter_ns;		/* when the present system call began; 0: none, or not seen */
	__u64 left_ns;		/* with stacks: when it left its CPU for a wait that may need one; 0: it
				 * was seen to come back, or it is no such wait */
	__u32 tgid;
	__u16 syscall;		/* the present one; SYSCALL_NONE */
	__u16 flags;		/* THREAD_* of thread.bpf.h */
};

/* What a tid is found by and what is found lie on one page. */
struct thread_bucket {
	__u32 tids[THREAD_WAYS];	/* 0: free */
	struct thread threads[THREAD_WAYS];
};

struct shared_cpu {
	struct cpu_state state;
	struct cpu_drain drain;
};

/*
 * All of it in one variable: programs reach it without a look-up, and what an event touches
 * lies on few pages, which counts where a switch of address spaces forgets translations, as in
 * virtual machines.
 */
struct shared {
	struct control control;
	struct shared_cpu cpus[CPUS_MAX];	/* those that the machine may have are used */
};

/*
 * How the caller of a frame is found, by the instruction that the frame is at. sp and bp are the
 * frame's own; cfa is what sp was before the call: the caller's sp. bp is x29 on arm64.
 */
enum unwind_how {
	UNWIND_FP	= 0,	/* by frame pointer: the pair (caller's bp, return address) is at bp */
	UNWIND_SP	= 1,	/* cfa = sp + cfa_offset */
	UNWIND_BP	= 2,	/* cfa = bp + cfa_offset */
	UNWIND_BP_WORD	= 3,	/* cfa is the word at bp + cfa_offset: a stack that was aligned anew */
	UNWIND_SIGNAL	= 4,	/* a signal handler's caller: the kernel's frame is at sp */
	UNWIND_ROOT	= 5,	/* there is no caller */
	UNWIND_STOP	= 6,	/* a caller that no rule can tell */
};

/*
 * Written by the recorder alone, one element of a mapped array for each bucket. To change a rule:
 * key = 0, then the rest, then the new key, each with release. Programs look at the key before and
 * behind. Where there is no rule they take the frame pointer and say that they are unsure.
 */
struct unwind_rule {
	__u64 key;		/* unwind_key(); 0: none */
	__s32 cfa_offset;
	__s32 bp_offset;	/* the caller's bp is at cfa + bp_offset; 0: it is still in bp;
				 * UNWIND_BP_WORD: at bp + bp_offset */
	__s32 ra_offset;	/* the return address is at cfa + ra_offset (x86: -8); 0: in the
				 * link register, which only an innermost frame has */
	__u8  how;		/* enum unwind_how */
	__u8  spare[3];
};

struct unwind_bucket {
	struct unwind_rule rules[UNWIND_WAYS];
};

/*
 * @at: an instruction of the frame: where the innermost one is (or one that a signal hit), and
 * for all others the return address - 1, which is in the call and never in the next function.
 *
 * Return: the key of its rule, which is in element unwind_bucket_of(key); never 0.
 */
static inline __u64 unwind_key(__u32 tgid, __u32 image, __u64 at)
{
	__u64 key = (at ^ ((__u64)image << 32 | tgid) * 0x9e3779b97f4a7c15ULL) *
		    0xff51afd7ed558ccdULL;

	key = (key ^ key >> 32) * 0xc4ceb9fe1a85ec53ULL;
	return key ?: 1;
}

static inline __u32 unwind_bucket_of(__u64 key)
{
	return key >> (64 - UNWIND_BITS);
}

/* A thread that still waits when the recording ends, as the iterator over threads tells it */
struct blocked_thread {
	__u32 tid;
	__u32 tgid;		/* 0: nobody can walk its user stack */
	__u32 image;
	__u32 kernel_stack;	/* told in a ring; 0: none */
	__u64 pc;		/* where it entered the kernel */
	__u64 sp;
	__u64 bp;
	__u64 switches;		/* of this thread, ever: the same later on means that it waits still */
	__u64 futex;		/* the address of what it waits for, if that may be a lock; 0 */
	__u32 lock_word;	/* as in event_wait_stack; all 0: not seen when the wait began */
	__u32 lock_owner;
	__u32 lock_kind;
	__u32 lock_users;
};

_Static_assert(sizeof(struct unwind_rule) == 24, "shared with the programs");

#endif
