/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* host - what kernel and what rights the recorder has, as far as /proc and /sys tell */
#ifndef TRACER_RECORD_HOST_H
#define TRACER_RECORD_HOST_H

#include "user/base/util.h"

#define HOST_BTF_PATH "/sys/kernel/btf/vmlinux"

#define KERNEL_VERSION_OF(major, minor) ((u32)(major) << 16 | (u32)(minor))

/* KERNEL_VERSION_OF() the running kernel; 0 when it does not tell. */
u32 host_kernel_version(void);

/* The numbers of the kernel, so that no header of a certain age is needed */
enum capability {
	CAPABILITY_DAC_READ_SEARCH = 2,
	CAPABILITY_SYS_PTRACE = 19,
	CAPABILITY_SYS_ADMIN = 21,
	CAPABILITY_SYS_RESOURCE = 24,
	CAPABILITY_PERFMON = 38,
	CAPABILITY_BPF = 39,
};

/* Effective capabilities, as bits; 0 when /proc does not tell. */
u64 host_capabilities(void);

static inline bool has_capability(u64 set, enum capability capability)
{
	return set >> capability & 1;
}

/*
 * Whether @set is enough to load tracing programs: CAP_SYS_ADMIN, or from 5.8 on CAP_BPF
 * with CAP_PERFMON.
 */
bool host_may_load(u64 set);

/* Namespaces of the machine itself, whose capabilities and PIDs the kernel side knows */
bool host_in_first_user_namespace(void);
bool host_in_first_pid_namespace(void);
bool host_in_first_time_namespace(void);	/* else CLOCK_MONOTONIC is not the kernel side's */

/* What the kernel forbids even root */
enum lockdown {
	LOCKDOWN_UNKNOWN,	/* securityfs is not mounted, or it is not ours to read */
	LOCKDOWN_NONE,
	LOCKDOWN_INTEGRITY,
	LOCKDOWN_CONFIDENTIALITY,	/* no program may read kernel memory: no recording */
};

enum lockdown host_lockdown(void);

/* 0 none, 1 strict, 2 a filter; -1 when /proc does not tell */
int host_seccomp_mode(void);

/*
 * The first line of a small file of /proc or /sys, without its end; never waits.
 * Return: 0 or a negative errno; @to is "" then.
 */
int host_read_line(char *to, size_t room, const char *path);

#endif
