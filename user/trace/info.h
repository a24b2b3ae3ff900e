/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* info - what a trace says about itself: where, when and how it was recorded */
#ifndef TRACER_TRACE_INFO_H
#define TRACER_TRACE_INFO_H

#include "bpf/event.h"
#include "user/base/clock.h"
#include "user/base/util.h"
#include "user/trace/manifest.h"

/* The head of a file. Texts are never NULL in what a reader gives; they are UTF-8 as far as the
 * system that was recorded was. */
struct trace_info {
	const char *tracer_version;
	const char *host;
	const char *kernel_release; /* uname -r */
	const char *kernel_version; /* uname -v */
	const char *machine;        /* uname -m: whose system call numbers these are */
	u32 cpu_count;              /* online when the recording began */
	u32 page_bytes;
	u64 memory_bytes;         /* of the machine */
	const char *command_line; /* of the recording */
	const char *target;       /* as a person reads it: "process 4711 (redis-server)" */
	u32 class_mask;           /* 1 << enum event_class: what was asked for */
	bool follows_children;
	u64 stack_min_ns;         /* with the class stack: waits of this length have stacks */
	u64 sample_period_ns;     /* of running time between two CPU samples; 0: none */
	struct clock_stamp start; /* when the first thread was watched; of a snapshot, its begin */
	const struct trace_manifest *manifest; /* of a snapshot; NULL: it is none */

	/* Names of the system calls: syscall_names[i] has number syscall_numbers[i] */
	const u16 *syscall_numbers;
	const char *const *syscall_names;
	size_t syscall_count;
};

/* Why a recording ended. */
enum trace_end {                        /* on disk: append only, never renumber */
		 TRACE_END_UNKNOWN = 0, /* it has no end: killed, or the file was cut */
		 TRACE_END_ASKED = 1,   /* Ctrl-C, SIGTERM */
		 TRACE_END_DURATION = 2,
		 TRACE_END_TARGET = 3, /* the target has exited */
		 TRACE_END_DISK_FULL = 4,
		 TRACE_END_ERROR = 5,
		 TRACE_END_SNAPSHOT = 6, /* a flight recorder went on behind it */
};

/* The tail of a file, written when a recording ends in order. */
struct trace_totals {
	struct clock_stamp end;
	enum trace_end why;
	u64 events; /* recorded, all classes */
	u64 recorded[CLASS_COUNT];
	u64 lost[CLASS_COUNT];
	u64 untracked_threads;     /* threads of the target for which there was no room */
	u64 recorder_cpu_ns;       /* user and system time that the recorder took */
	u64 recorder_memory_bytes; /* its largest resident size */
};

#endif
