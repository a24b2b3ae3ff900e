// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * doctor_explain - why the kernel refused, and what to do about it
 *
 * bpf() answers with few error numbers for many reasons. So the host is asked first whether
 * a known reason is there, in the order in which the kernel would stumble over them.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/record/doctor.h"
#include "user/record/host.h"

static bool is_refusal(int code)
{
	return code == -EPERM || code == -EACCES;
}

static bool no_rights(int code)
{
	return is_refusal(code) && !host_may_load(host_capabilities());
}

static bool foreign_root(int code)
{
	return is_refusal(code) && !host_in_first_user_namespace();
}

static bool locked_down(int code)
{
	return is_refusal(code) && host_lockdown() == LOCKDOWN_CONFIDENTIALITY;
}

static bool little_memlock(int code)
{
	struct rlimit limit;

	return (code == -EPERM || code == -ENOMEM) &&
	       host_kernel_version() < KERNEL_VERSION_OF(5, 11) &&
	       !getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur != RLIM_INFINITY;
}

static bool filtered(int code)
{
	return (is_refusal(code) || code == -ENOSYS) && host_seccomp_mode() == 2;
}

static bool no_btf(int code)
{
	return access(HOST_BTF_PATH, R_OK) != 0;
}

static bool old_kernel(int code)
{
	return host_kernel_version() < KERNEL_VERSION_OF(5, 15) && code != -ENOMEM;
}

static bool no_bpf(int code)
{
	return code == -ENOSYS;
}

static bool no_memory(int code)
{
	return code == -ENOMEM || code == -E2BIG || code == -ENOSPC;
}

static bool no_tracepoint(int code)
{
	return code == -ENOENT || code == -ESRCH;
}

static const struct {
	bool (*applies)(int code);
	const char *text; /* behind "cannot WHAT: " */
	const char *hint;
} reasons[] = {
	{ foreign_root, "root inside a user namespace has no rights over the kernel",
	  "run tracer as root of the host, outside the container" },
	{ no_rights, "it needs root, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE",
	  "try: sudo tracer ..." },
	{ no_btf, "this kernel does not describe its types (" HOST_BTF_PATH " is missing)",
	  "take a kernel built with CONFIG_DEBUG_INFO_BTF=y, as all of today's distributions are" },
	{ locked_down, "kernel lockdown is in confidentiality mode",
	  "boot with lockdown=integrity, or without Secure Boot" },
	{ filtered, "a seccomp filter refuses it",
	  "run the container with seccomp=unconfined, or tracer on the host" },
	{ little_memlock, "too little memory may be locked", "try: ulimit -l unlimited" },
	{ no_bpf, "this kernel has no BPF", "take a kernel with CONFIG_BPF_SYSCALL=y" },
	{ no_memory, "the kernel has too little memory for it",
	  "free memory, or record with smaller buffers" },
	{ old_kernel, "this kernel is older than 5.15 and lacks something",
	  "take a kernel of 5.15 or newer" },
	{ no_tracepoint, "this kernel lacks a tracepoint", "`tracer doctor` tells which" },
};

int doctor_explain(struct err *err, int code, const char *what)
{
	/* main() takes -EINVAL for a wrong command line, which it is not. */
	int returned = code == -EINVAL ? -ENOTSUP : code;

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (!reasons[i].applies(code))
			continue;
		fail(err, returned, "cannot %s: %s", what, reasons[i].text);
		hint(err, "%s", reasons[i].hint);
		return returned;
	}
	fail(err, returned, "cannot %s: %s", what, strerror(-code));
	hint(err, "`sudo tracer doctor` tells what this kernel allows");
	return returned;
}
