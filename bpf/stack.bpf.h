/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* stack - where a thread waits or runs */
#ifndef TRACER_BPF_STACK_H
#define TRACER_BPF_STACK_H

#include "bpf/thread.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_BUCKETS);
	__type(key, u32);
	__type(value, struct unwind_bucket);
} unwind_rules SEC(".maps") __weak;

#endif
