/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* probes - the kernel side, loaded and attached, and the memory that it shares with us */
#ifndef TRACER_RECORD_PROBES_H
#define TRACER_RECORD_PROBES_H

#include <sys/types.h>

#include "bpf/shared.h"
#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/base/util.h"
#include "user/record/sampler.h"
#include "user/record/uprobes.h"

#define PROBES_MAX 16

struct probes_options {
	bool all;		/* every thread of the system */
	bool children;		/* follow new processes */
	bool command;		/* the one process in @pids is yet to become the target, by exec */
	u64 cgroup;		/* id of a cgroup; 0: none */
	const pid_t *pids;	/* processes or threads, as this process numbers them */
	size_t pid_count;
	u32 class_mask;		/* 1 << enum event_class */
	bool wakeups;		/* EVENT_WAKEUP too */
	bool args;		/* arguments of system calls */
	u64 stack_min_ns;	/* with CLASS_STACK: of waits of this length */
	bool preempt_stacks;	/* ... and of preemptions */
	bool waker_stacks;	/* ... and of those who end waits */
	bool user_probes;	/* the user has named functions or static probes */
	u64 sample_period_ns;	/* with CLASS_SAMPLE: of each CPU's time; 0: no samples */
	bool verbose;		/* libbpf may say on stderr what it does */
	u64 ring_bytes;		/* per CPU; 0: chosen by the number of CPUs */
};

static inline bool probes_samples(const struct probes_options *options)
{
	return options->class_mask >> CLASS_SAMPLE & 1 && options->sample_period_ns;
}

/* One CPU's ring, as the recorder sees it */
struct ring {
	char *data;		/* its bytes and RING_SLACK; what was read is zeroed */
	struct cpu_state *state;
	struct cpu_drain *drain;
	__u64 *head;		/* which of the CPU's positions are this ring's: bytes ever reserved, */
	__u64 *given_back;	/* ... and ever drained, as the programs know it */
	u64 tail;		/* bytes drained */
};

struct probes {
	struct tracer_bpf *bpf;
	struct control *control;
	struct ring *rings;
	unsigned int cpus;
	u32 ring_bytes;		/* a power of two */
	struct ring *sample_rings;	/* one for each CPU, too; NULL: no samples */
	u32 sample_bytes;
	struct sampler sampler;
	int samples_refused;	/* by the kernel, with this negative errno; 0: as was asked for */
	struct unwind_bucket *unwind;	/* UNWIND_BUCKETS of them; NULL: without stacks */
	int doorbell;		/* readable when a ring is half full; -1: none */
	struct ring_buffer *doorbell_buffer;
	struct uprobes_kernel uprobes;
	struct bpf_program *annotation;	/* for the probes of programs; NULL: not loaded */
	struct bpf_program *probe;	/* for those that the user named; NULL: not loaded */
	struct bpf_link *links[PROBES_MAX];
	size_t link_count;
	void *maps[4];		/* mapped memory, to be unmapped */
	size_t map_bytes[4];
};

/**
 * probes_open() - load the programs and attach them; nothing is recorded yet
 * @out: set on success
 *
 * Return: 0; -EPERM, -ENOENT (no BTF), -ENOMEM, ... with @err filled and advice in it.
 */
int probes_open(struct probes **out, const struct probes_options *options, struct err *err);

/* Detaches everything. Accepts NULL. */
void probes_close(struct probes *probes);
DEFINE_CLEANUP(struct probes *, probes_close)

/* Lets the programs record. From here on new threads of the target are found by themselves. */
void probes_start(struct probes *probes);

/* No more events: what is in the rings can still be drained. */
void probes_stop(struct probes *probes);

/**
 * probes_find_threads() - put the threads that are there into the target
 * @probes:  started
 * @between: called again and again while threads are found, so that the rings can be drained
 * @ctx:     for @between
 *
 * Return: how many were new, or a negative errno with @err filled.
 */
int probes_find_threads(struct probes *probes, int (*between)(void *ctx, struct err *err), void *ctx,
			struct err *err);

/**
 * probes_find_blocked() - the threads of the target that are blocked now
 * @probes:  stopped
 * @threads: filled
 * @most:    so many at most
 *
 * Their kernel stacks are in the rings afterwards. With CLASS_STACK only.
 *
 * Return: how many; 0 also when they cannot be listed.
 */
u32 probes_find_blocked(struct probes *probes, struct blocked_thread *threads, u32 most);

/* Waits for at most @timeout_ms or until a ring is half full or @signal_fd is readable. */
int probes_wait(struct probes *probes, int signal_fd, int timeout_ms);

#endif
