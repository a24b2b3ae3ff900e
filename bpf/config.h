/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * config - what the loader sets before load
 *
 * Constants to the verifier: it removes what a knob turns off. They are weak because every
 * subject includes them and the linked object holds them once.
 */
#ifndef TRACER_BPF_CONFIG_H
#define TRACER_BPF_CONFIG_H

#define SYSCALL_TABLE 512	/* system call numbers that a wait can be classified by */

/* What a blocked system call waits for, by its number. */
enum syscall_subject {
	SUBJECT_OTHER = 0,
	SUBJECT_FD,	/* the descriptor in argument 0 */
	SUBJECT_FD_PAIR_1,	/* descriptors in arguments 0 and 1: sendfile */
	SUBJECT_FD_PAIR_2,	/* descriptors in arguments 0 and 2: splice, copy_file_range */
	SUBJECT_FILE,	/* a path, or a file system */
	SUBJECT_FUTEX,	/* futex(): operation in argument 1 */
	SUBJECT_FUTEX_WAITV,
	SUBJECT_FUTEX_WAKE,
	SUBJECT_FUTEX_WAIT,
	SUBJECT_FUTEX_REQUEUE,
	SUBJECT_SYNC,	/* semop and the like */
	SUBJECT_MESSAGE,	/* a message queue without a descriptor */
	SUBJECT_POLL_1,	/* any of several descriptors; only time when argument 1 is 0: poll */
	SUBJECT_POLL_0,	/* the same, with argument 0: select */
	SUBJECT_SLEEP,
	SUBJECT_CHILD,
	SUBJECT_FORK,	/* vfork waits for its child */
	SUBJECT_YIELD,
	SUBJECT_MMAP,	/* maps code when argument 2 has PROT_EXEC */
	SUBJECT_IGNORED,	/* no system call: a uprobe's way into the kernel (x86, 6.11) */
};

#ifdef __bpf__

#define CONFIG const volatile __attribute__((weak))

CONFIG bool config_all;			/* every thread is in the target */
CONFIG bool config_children;		/* follow new processes */
CONFIG bool config_command;		/* the target's process is ours: it begins with its exec */
CONFIG bool config_syscalls;		/* record system calls */
CONFIG bool config_futexes;		/* record futex calls */
CONFIG bool config_wakeups;		/* record EVENT_WAKEUP too */
CONFIG bool config_annotations;		/* the recorder wants to see new code at once */
CONFIG bool config_args;		/* record the arguments of system calls */
CONFIG bool config_stacks;		/* take the stacks of waits, ... */
CONFIG bool config_preempt_stacks;	/* ... of preemptions, ... */
CONFIG bool config_waker_stacks;	/* ... and of those who end a wait */
CONFIG u64 config_stack_min_ns;		/* of waits of this length or longer */
CONFIG bool config_samples;		/* the sampler uses stacks, too */
CONFIG u32 config_cpus;			/* that the machine may have */
CONFIG u32 config_sample_mask;		/* bytes of a ring of samples - 1; a power of two */
CONFIG bool config_switch_has_state;	/* sched_switch passes prev_state (5.18) */
CONFIG u32 config_pidns;		/* inode of the recorder's PID namespace: whose numbers are given */
CONFIG u32 config_recorder_pid;		/* its own number there: never in the target */
CONFIG bool config_preempt_count_known;
CONFIG s64 config_preempt_count_from_rq;	/* bytes from a CPU's run queue to its preempt_count */
CONFIG u64 config_cgroup;		/* id of the target's cgroup; 0: none */
CONFIG u32 config_ring_mask;		/* bytes of a ring - 1; a power of two */
CONFIG u32 config_high_water;		/* bytes in use that ring the doorbell */
CONFIG u8 config_syscall_subject[SYSCALL_TABLE];
CONFIG u8 config_compat_subject[SYSCALL_TABLE];

#endif
#endif
