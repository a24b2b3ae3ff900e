/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* session - one recording, from the attached programs to the finished file */
#ifndef TRACER_RECORD_SESSION_H
#define TRACER_RECORD_SESSION_H

#include <sys/types.h>

#include "user/base/err.h"
#include "user/base/util.h"
#include "user/record/resolved.h"
#include "user/record/probe_words.h"
#include "user/record/toll.h"
#include "user/trace/info.h"

struct flight_options;

struct session_options {
	const pid_t *pids;		/* processes or threads */
	size_t pid_count;
	bool all;
	const char *cgroup;		/* a folder in a cgroup2 file system; NULL: none */
	char **command;			/* NULL-terminated; NULL: none */
	bool children;			/* follow new processes */
	u32 class_mask;			/* 1 << enum event_class */
	bool wakeups;
	bool args;
	u64 stack_min_ns;		/* with CLASS_STACK: of waits of this length or longer */
	bool preempt_stacks;		/* ... and of preemptions */
	bool waker_stacks;		/* ... and of those who end waits */
	u32 sample_hz;			/* with CLASS_SAMPLE: of each CPU's time; 0: no samples */
	u64 duration_ns;		/* 0: until asked to end, or until the target has exited */
	u64 ring_bytes;			/* per CPU; 0: chosen */
	struct probe_list probes;	/* functions and static probes to record */
	const struct flight_options *flight; /* keep a window, and write it when asked; NULL: a file */
	const char *output;		/* name of the file */
	bool replace;			/* it may replace a file */
	const char *command_line;	/* for the file's head */
	const char *target;		/* as a person reads it, for the file's head */
	bool verbose;			/* say what the recorder does, on stderr */

	/* Called about twice a second while recording; NULL: never. */
	void (*on_status)(void *ctx, const struct session_options *options);
	void *ctx;
	struct session_status *status;	/* filled before on_status() and at the end */
};

/* What a recording has come to */
struct session_status {
	u64 elapsed_ns;
	u64 events;
	u64 events_per_second;		/* lately */
	u64 file_bytes;
	u64 lost;
	struct resolved resolved;	/* at the end */
	int samples_refused;		/* by the kernel, with this negative errno; 0: none were */
	u64 stacks;			/* told; those that came again were told once */
	u64 stacks_forgotten;		/* of these, that were told again when they came again */
	struct toll_report toll;	/* what probes cost the target */
	u64 untracked;			/* threads for which there was no room */
	u64 recorder_cpu_ns;
	u64 longest_turn_ns;		/* of CPU time: so long at most the drain did something else */
	u32 ring_bytes;			/* per CPU */
	u64 ring_bytes_used;		/* what the programs put into the rings, ever */
	u64 memory_bytes;		/* the recorder's largest resident size; at the end */
	unsigned int unread;		/* processes whose mappings could not be read in time */
	enum trace_end why;
	pid_t command_pid;		/* of a command that was started */
	bool command_ended;
	struct err trouble;		/* what could not be recorded, though the rest is */
	int command_status;		/* as wait4() tells it */
};

/**
 * session_run() - record until it ends
 * @options: what, for how long, and where to
 *
 * Takes SIGINT, SIGTERM and SIGHUP as the wish to end; a second one has its usual effect.
 * Memory (about 16 MiB of rings for all CPUs together, 12 MiB to encode, and some per
 * thread) is allocated before the first event is recorded. When the disk stands still, up to 12
 * MiB of chunks wait for it, and then as much as one chunk can hold; events beyond are lost and
 * counted, while rings and target go on as ever. A full disk ends the recording
 * and keeps what was written: then the file is finished and the error is returned.
 *
 * Return: 0; -ESRCH (no such process), -EPERM, -ENOSPC, ... with @err filled.
 */
int session_run(const struct session_options *options, struct err *err);

#endif
