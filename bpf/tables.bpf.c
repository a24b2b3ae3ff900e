// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * tables - the variables that all programs share
 *
 * They are here alone: a weak definition in each file would be one variable, too, but the linked
 * object would hold the room of all of them.
 */
#include "bpf/thread.bpf.h"

struct shared shared SEC(".bss") = {};
struct thread_bucket thread_buckets[THREAD_BUCKETS] SEC(".bss") = {};
