/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* configure - what the programs are told before they are loaded: the wishes, and this kernel */
#ifndef TRACER_RECORD_CONFIGURE_H
#define TRACER_RECORD_CONFIGURE_H

#include "user/record/probes.h"

struct btf;
struct tracer_bpf;

/* What is the same for all programs: @btf is the kernel's, sizes are those of the maps. */
void configure(struct tracer_bpf *bpf, const struct probes_options *options, const struct btf *btf,
	       u32 cpus, u32 ring_bytes, u32 sample_bytes);

#endif
