// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* privileges - what a recorder that runs for long keeps of its rights */
#include "user/record/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/base/util.h"
#include "user/record/host.h"

/* By number: headers of a certain age do not know all of them. */
enum {
	KEEP_DAC_READ_SEARCH = 2, /* programs and libraries of other users */
	KEEP_IPC_LOCK = 14,       /* the rings stay in memory */
	KEEP_SYS_PTRACE = 19,     /* /proc/PID/maps and the files behind it */
	KEEP_SYS_ADMIN = 21,      /* before 5.9: /proc/PID/map_files, probes */
	KEEP_SYS_NICE = 23,       /* the drain goes before others */
	KEEP_SYS_RESOURCE = 24,   /* before 5.11: memory of maps */
	KEEP_SYSLOG = 34,         /* /proc/kallsyms */
	KEEP_PERFMON = 38,
	KEEP_BPF = 39,
	KEEP_CHECKPOINT_RESTORE = 40, /* /proc/PID/map_files */
};

static u64 kept(void)
{
	u64 set = 1ull << KEEP_DAC_READ_SEARCH | 1ull << KEEP_IPC_LOCK | 1ull << KEEP_SYS_PTRACE |
		  1ull << KEEP_SYS_NICE | 1ull << KEEP_SYS_RESOURCE | 1ull << KEEP_SYSLOG |
		  1ull << KEEP_PERFMON | 1ull << KEEP_BPF | 1ull << KEEP_CHECKPOINT_RESTORE;

	if (host_kernel_version() < KERNEL_VERSION_OF(5, 9))
		set |= 1ull << KEEP_SYS_ADMIN;
	return set;
}

void privileges_drop(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	u64 set = kept();

	if (syscall(SYS_capget, &head, data))
		return;
	for (unsigned int i = 0; i < 2; i++) {
		u32 part = (u32)(set >> 32 * i);

		data[i].permitted &= part;
		data[i].effective &= part;
		data[i].inheritable = 0;
	}
	/* Less than before is always allowed; and what is begun later cannot get it back. */
	syscall(SYS_capset, &head, data);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
