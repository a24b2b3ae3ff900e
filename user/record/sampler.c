// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sampler - a clock on each CPU, which asks who runs there and where */
#include "user/record/sampler.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/base/cleanup.h"

/* Return: a descriptor, or a negative errno; -ENODEV: this CPU is offline. */
static int clock_open(unsigned int cpu, u64 period_ns)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = period_ns,
	};
	long fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

static int attach_one(struct sampler *sampler, struct bpf_program *program, unsigned int cpu,
		      u64 period_ns)
{
	CLEANUP(close) int fd = clock_open(cpu, period_ns);
	struct bpf_link *link;

	if (fd == -ENODEV)
		return 0;
	if (fd < 0)
		return fd;
	link = bpf_program__attach_perf_event(program, fd);
	if (!link)
		return -errno;
	take_fd(&fd); /* it is the link's */
	sampler->links[sampler->count++] = link;
	return 0;
}

int sampler_attach(struct sampler *sampler, struct bpf_program *program, unsigned int cpus,
		   u64 period_ns)
{
	int r = 0;

	sampler->links = calloc(cpus, sizeof(*sampler->links));
	if (!sampler->links)
		return -ENOMEM;
	for (unsigned int cpu = 0; cpu < cpus && !r; cpu++)
		r = attach_one(sampler, program, cpu, period_ns);
	if (r < 0)
		sampler_close(sampler);
	return r;
}

void sampler_close(struct sampler *sampler)
{
	while (sampler->count)
		bpf_link__destroy(sampler->links[--sampler->count]);
	free(sampler->links);
	sampler->links = NULL;
}

int sampler_try(void)
{
	/* The one that this thread runs on is online. */
	CLEANUP(close) int fd = clock_open(0, 1000000000);

	return fd < 0 && fd != -ENODEV ? fd : 0;
}
