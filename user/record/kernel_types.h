/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* kernel_types - what the types of the running kernel (BTF) tell about where things lie */
#ifndef TRACER_RECORD_KERNEL_TYPES_H
#define TRACER_RECORD_KERNEL_TYPES_H

#include "user/base/util.h"

struct btf;

/* Whether sched_switch tells prev_state as its fourth argument (5.18). */
bool kernel_switch_has_state(const struct btf *btf);

/**
 * kernel_preempt_count() - where a CPU's preempt_count lies
 * @from_queue: in bytes behind its run queue
 *
 * Return: whether this kernel tells.
 */
bool kernel_preempt_count(s64 *from_queue, const struct btf *btf);

#endif
