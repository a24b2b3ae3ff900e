/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* sampler - a clock on each CPU, which asks who runs there and where */
#ifndef TRACER_RECORD_SAMPLER_H
#define TRACER_RECORD_SAMPLER_H

#include "user/base/util.h"

struct bpf_link;
struct bpf_program;

struct sampler {
	struct bpf_link **links; /* one for each CPU that is online */
	size_t count;
};

/**
 * sampler_attach() - begin to run @program on each CPU, each @period_ns of its time
 * @sampler: empty; to be closed in any case
 * @cpus:    how many the machine may have. Those that are offline now have no samples.
 *
 * Source: cpu-clock, a timer of the kernel, which needs no hardware counters.
 *
 * Return: 0, or a negative errno: -EACCES (perf_event_paranoid, seccomp), -ENOENT, -EMFILE, ...
 */
int sampler_attach(struct sampler *sampler, struct bpf_program *program, unsigned int cpus,
		   u64 period_ns);
void sampler_close(struct sampler *sampler);

/* Whether the kernel gives us such a clock. Return: 0, or a negative errno as above. */
int sampler_try(void);

#endif
