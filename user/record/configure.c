// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* configure - what the programs are told before they are loaded: the wishes, and this kernel */
#include "user/record/configure.h"

#include <sys/stat.h>
#include <unistd.h>

#include "bpf/shared.h"
#include "bpf/tracer.skel.h"
#include "user/record/kernel_types.h"
#include "user/record/syscalls.h"

#define PROC_PID_INIT_INO 0xeffffffcu /* the first PID namespace */

/* The namespace that getpid() and -p number processes in. Source: /proc. */
static u32 pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) ? PROC_PID_INIT_INO : (u32)st.st_ino;
}

void configure(struct tracer_bpf *bpf, const struct probes_options *options, const struct btf *btf,
	       u32 cpus, u32 ring_bytes, u32 sample_bytes)
{
	struct tracer_bpf__rodata *config = bpf->rodata;

	config->config_all = options->all;
	config->config_children = options->children;
	config->config_command = options->command;
	config->config_syscalls = options->class_mask >> CLASS_SYSCALL & 1;
	config->config_futexes = options->class_mask >> CLASS_FUTEX & 1;
	config->config_wakeups = options->wakeups;
	config->config_annotations = options->class_mask >> CLASS_ANNOTATION & 1;
	config->config_args = options->args;
	config->config_stacks = options->class_mask >> CLASS_STACK & 1;
	config->config_preempt_stacks = options->preempt_stacks;
	config->config_waker_stacks = options->waker_stacks;
	config->config_stack_min_ns = options->stack_min_ns;
	config->config_cpus = cpus;
	config->config_switch_has_state = kernel_switch_has_state(btf);
	config->config_preempt_count_known =
		kernel_preempt_count(&config->config_preempt_count_from_rq, btf);
	config->config_pidns = pid_namespace();
	config->config_recorder_pid = (u32)getpid();
	config->config_cgroup = options->cgroup;
	config->config_ring_mask = ring_bytes - 1;
	config->config_high_water = ring_bytes / 2;
	config->config_samples = probes_samples(options);
	config->config_sample_mask = sample_bytes - 1;
	syscall_subjects(config->config_syscall_subject, config->config_compat_subject);
}
