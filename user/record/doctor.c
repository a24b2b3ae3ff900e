// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* doctor - what this kernel and this user allow, what follows, and what to do about it */
#include "user/record/doctor.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/magic.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/record/host.h"

#define RECORDER_BYTES (64ULL << 20) /* what a recording takes by default, at most */

struct fact *doctor_add(struct doctor *doctor, const char *name, enum fact_state state,
			const char *fmt, ...)
{
	struct fact *fact = &doctor->facts[min(doctor->count, (size_t)DOCTOR_FACTS_MAX - 1)];
	va_list args;

	if (doctor->count < DOCTOR_FACTS_MAX)
		doctor->count++;
	*fact = (struct fact){ .name = name, .state = state };
	va_start(args, fmt);
	vsnprintf(fact->found, sizeof(fact->found), fmt, args);
	va_end(args);
	return fact;
}

void fact_means(struct fact *fact, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(fact->means, sizeof(fact->means), fmt, args);
	va_end(args);
}

void fact_advice(struct fact *fact, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(fact->advice, sizeof(fact->advice), fmt, args);
	va_end(args);
}

static void check_machine(struct doctor *doctor)
{
	struct utsname name = { 0 };
	struct fact *fact;
	bool known;

	uname(&name);
	known = !strcmp(name.machine, "x86_64") || !strcmp(name.machine, "aarch64");
	fact = doctor_add(doctor, "machine", known ? FACT_OK : FACT_PROBLEM, "%s", name.machine);
	if (!known) {
		fact_means(fact, "the system calls of this machine are not known");
		fact_advice(fact, "record on x86_64 or aarch64");
	}
}

static void check_kernel(struct doctor *doctor)
{
	struct utsname name = { 0 };
	u32 version = host_kernel_version();
	struct fact *fact;

	uname(&name);
	if (version >= KERNEL_VERSION_OF(5, 15)) {
		doctor_add(doctor, "kernel", FACT_OK, "Linux %s", name.release);
		return;
	}
	fact = doctor_add(doctor, "kernel", FACT_WARNING, "Linux %s", name.release);
	fact_means(fact, "tested from 5.15 on; the trials below tell whether it works");
	fact_advice(fact, "where it does not work, take a kernel of 5.15 or newer");
}

static void check_user(struct doctor *doctor)
{
	static const struct {
		enum capability capability;
		const char *name;
	} wanted[] = {
		{ CAPABILITY_BPF, "CAP_BPF" },
		{ CAPABILITY_PERFMON, "CAP_PERFMON" },
		{ CAPABILITY_SYS_PTRACE, "CAP_SYS_PTRACE" },
		{ CAPABILITY_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH" },
		{ CAPABILITY_SYS_RESOURCE, "CAP_SYS_RESOURCE" },
		{ CAPABILITY_SYS_ADMIN, "CAP_SYS_ADMIN" },
	};
	u64 set = host_capabilities();
	char missing[128] = "";
	struct fact *fact;

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!has_capability(set, wanted[i].capability))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				 "%s%s", missing[0] ? " " : "", wanted[i].name);

	if (!host_may_load(set)) {
		fact = doctor_add(doctor, "rights", FACT_PROBLEM, "uid %u without %s", geteuid(),
				  missing);
		fact_means(fact, "the kernel takes no tracing program from this user; reading "
				 "traces needs no rights");
		fact_advice(fact, "sudo tracer ..., or give CAP_BPF, CAP_PERFMON and "
				  "CAP_SYS_PTRACE");
		return;
	}
	if (!has_capability(set, CAPABILITY_SYS_PTRACE)) {
		fact = doctor_add(doctor, "rights", FACT_WARNING, "uid %u without %s", geteuid(),
				  missing);
		fact_means(fact, "mappings and programs of other users' processes stay unknown");
		fact_advice(fact, "give CAP_SYS_PTRACE too");
		return;
	}
	doctor_add(doctor, "rights", FACT_OK, "uid %u%s%s", geteuid(),
		   missing[0] ? " without " : ", all capabilities that matter", missing);
}

static void check_namespaces(struct doctor *doctor)
{
	struct fact *fact;

	if (!host_in_first_user_namespace()) {
		fact = doctor_add(doctor, "namespace", FACT_PROBLEM, "in a user namespace");
		fact_means(fact, "its root is an ordinary user to the kernel");
		fact_advice(fact, "run tracer as root of the host");
	} else if (!host_in_first_pid_namespace()) {
		fact = doctor_add(doctor, "namespace", FACT_WARNING,
				  "in a PID namespace (a container)");
		fact_means(fact, "events carry the host's PIDs; -p takes those seen here");
		fact_advice(fact, "run tracer on the host, or the container with --pid=host");
	} else if (!host_in_first_time_namespace()) {
		fact = doctor_add(doctor, "namespace", FACT_PROBLEM, "in a time namespace");
		fact_means(fact, "the times of events would not be those of this clock");
		fact_advice(fact, "record from outside: nsenter -t 1 -T tracer ...");
	} else {
		doctor_add(doctor, "namespace", FACT_OK, "the host's PID and user namespace");
	}
}

static void check_lockdown(struct doctor *doctor)
{
	struct fact *fact;

	switch (host_lockdown()) {
	case LOCKDOWN_UNKNOWN:
		doctor_add(doctor, "lockdown", FACT_UNKNOWN,
			   "/sys/kernel/security/lockdown cannot be read");
		return;
	case LOCKDOWN_NONE: doctor_add(doctor, "lockdown", FACT_OK, "none"); return;
	case LOCKDOWN_INTEGRITY:
		doctor_add(doctor, "lockdown", FACT_OK, "integrity: reading is allowed");
		return;
	case LOCKDOWN_CONFIDENTIALITY:
		fact = doctor_add(doctor, "lockdown", FACT_PROBLEM, "confidentiality");
		fact_means(fact, "no program may read kernel memory, not even root's");
		fact_advice(fact, "boot with lockdown=integrity");
		return;
	}
}

static void check_seccomp(struct doctor *doctor)
{
	int mode = host_seccomp_mode();
	struct fact *fact;

	if (mode < 1) {
		doctor_add(doctor, "seccomp", mode ? FACT_UNKNOWN : FACT_OK,
			   mode ? "not told" : "off");
		return;
	}
	fact = doctor_add(doctor, "seccomp", FACT_WARNING, "a filter is on (a container?)");
	fact_means(fact, "it may refuse bpf() and perf_event_open(); the trials below tell");
	fact_advice(fact, "where they fail, run the container with seccomp=unconfined");
}

static void check_unprivileged(struct doctor *doctor)
{
	char line[32];

	if (host_read_line(line, sizeof(line), "/proc/sys/kernel/unprivileged_bpf_disabled"))
		doctor_add(doctor, "bpf-users", FACT_UNKNOWN, "not told");
	else
		doctor_add(doctor, "bpf-users", FACT_OK, "unprivileged_bpf_disabled = %s: %s", line,
			   !strcmp(line, "0") ? "tracing needs rights all the same"
					      : "only with rights");
}

static void check_memlock(struct doctor *doctor)
{
	u32 version = host_kernel_version();
	struct rlimit limit = { 0 };
	struct fact *fact;
	char size[TEXT_MAX];

	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_cur == RLIM_INFINITY)
		snprintf(size, sizeof(size), "unlimited");
	else
		text_bytes(size, limit.rlim_cur);
	if (version >= KERNEL_VERSION_OF(5, 11)) {
		doctor_add(doctor, "memlock", FACT_OK, "%s; counts only before Linux 5.11", size);
		return;
	}
	if (limit.rlim_cur >= RECORDER_BYTES ||
	    has_capability(host_capabilities(), CAPABILITY_SYS_RESOURCE)) {
		doctor_add(doctor, "memlock", FACT_OK, "%s, and it may be raised", size);
		return;
	}
	fact = doctor_add(doctor, "memlock", FACT_PROBLEM, "%s", size);
	fact_means(fact, "too little for the buffers of a recording");
	fact_advice(fact, "ulimit -l unlimited");
}

/* Tried in a thread of its own, as what is tried stays. */
static void *try_priority(void *result)
{
	struct sched_param lowest = { .sched_priority = sched_get_priority_min(SCHED_RR) };

	*(int *)result = pthread_setschedparam(pthread_self(), SCHED_RR, &lowest);
	return NULL;
}

static void check_priority(struct doctor *doctor)
{
	struct fact *fact;
	pthread_t thread;
	int result;

	if (pthread_create(&thread, NULL, try_priority, &result)) {
		doctor_add(doctor, "priority", FACT_UNKNOWN, "no thread could be begun to try it");
		return;
	}
	pthread_join(thread, NULL);
	if (!result) {
		doctor_add(doctor, "priority", FACT_OK, "the drain goes before others, briefly");
		return;
	}
	fact = doctor_add(doctor, "priority", FACT_WARNING, "real-time refused: %s",
			  strerror(result));
	fact_means(fact, "on a machine without a free CPU the rings may fill before they are read; "
			 "such losses are counted");
	fact_advice(fact, "CAP_SYS_NICE, or ulimit -r 1; a larger --ring-size helps, too");
}

static void check_jit(struct doctor *doctor)
{
	char line[32];
	struct fact *fact;

	if (host_read_line(line, sizeof(line), "/proc/sys/net/core/bpf_jit_enable")) {
		doctor_add(doctor, "jit", FACT_UNKNOWN, "bpf_jit_enable cannot be read");
	} else if (strcmp(line, "0")) {
		doctor_add(doctor, "jit", FACT_OK, "on");
	} else {
		fact = doctor_add(doctor, "jit", FACT_WARNING, "off");
		fact_means(fact, "the probes are interpreted: several times their cost");
		fact_advice(fact, "sysctl net.core.bpf_jit_enable=1");
	}
}

static void check_clock(struct doctor *doctor)
{
	/* Each reading leaves the CPU for a device: a microsecond and more per event. */
	static const char *const slow[] = { "hpet", "acpi_pm", "jiffies", "refined-jiffies",
					    "pit" };
	struct fact *fact;
	char line[64];

	if (host_read_line(line, sizeof(line),
			   "/sys/devices/system/clocksource/clocksource0/current_clocksource")) {
		doctor_add(doctor, "clock", FACT_UNKNOWN, "not told");
		return;
	}
	fact = doctor_add(doctor, "clock", FACT_OK, "%s", line);
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		if (strcmp(line, slow[i]))
			continue;
		fact->state = FACT_WARNING;
		fact_means(fact, "slow to read: every event costs a microsecond or more");
		fact_advice(fact, "clocksource=tsc on the kernel's command line, if it is stable");
	}
}

/* The value of a line of /proc/meminfo in bytes; 0 when it is not there */
static u64 meminfo_bytes(const char *key)
{
	CLEANUP(fclose) FILE *file = fopen("/proc/meminfo", "re");
	size_t length = strlen(key);
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, length) && line[length] == ':')
			return strtoull(line + length + 1, NULL, 10) * 1024;
	return 0;
}

static void check_memory(struct doctor *doctor)
{
	u64 available = meminfo_bytes("MemAvailable");
	char size[TEXT_MAX], buffers[TEXT_MAX];
	struct fact *fact;

	fact = doctor_add(doctor, "memory",
			  !available                       ? FACT_UNKNOWN
			  : available < 4 * RECORDER_BYTES ? FACT_WARNING
							   : FACT_OK,
			  "%s available, %ld CPUs; a recording takes up to %s",
			  available ? text_bytes(size, available) : "not told",
			  sysconf(_SC_NPROCESSORS_CONF), text_bytes(buffers, RECORDER_BYTES));
	if (fact->state == FACT_WARNING)
		fact_means(fact, "recording may push other memory out");
}

static bool mounted(const char *path, long magic)
{
	struct statfs fs;

	return !statfs(path, &fs) && (long)fs.f_type == magic;
}

static void check_filesystems(struct doctor *doctor)
{
	const char *cgroup = mounted("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC) ? "/sys/fs/cgroup"
			     : mounted("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC)
				     ? "/sys/fs/cgroup/unified"
				     : NULL;
	bool tracefs = !access("/sys/kernel/tracing/events", R_OK) ||
		       !access("/sys/kernel/debug/tracing/events", R_OK);
	struct fact *fact;

	fact = doctor_add(doctor, "cgroup2", cgroup ? FACT_OK : FACT_WARNING, "%s",
			  cgroup ? cgroup : "not mounted");
	if (!cgroup) {
		fact_means(fact, "--cgroup does not work");
		fact_advice(fact, "mount -t cgroup2 none /sys/fs/cgroup");
	}
	doctor_add(doctor, "tracefs", FACT_OK, "%s; not needed",
		   tracefs ? "accessible" : "not accessible");
}

static void check_perf(struct doctor *doctor)
{
	char line[32];

	if (host_read_line(line, sizeof(line), "/proc/sys/kernel/perf_event_paranoid"))
		doctor_add(doctor, "perf", FACT_UNKNOWN, "perf_event_paranoid is not told");
	else
		doctor_add(doctor, "perf", FACT_OK,
			   "perf_event_paranoid = %s; counts only without CAP_PERFMON", line);
}

void doctor_examine(struct doctor *doctor)
{
	static void (*const checks[])(struct doctor *) = {
		check_machine, check_kernel,       check_user,    check_namespaces,  check_lockdown,
		check_seccomp, check_unprivileged, check_memlock, check_memory,      check_priority,
		check_clock,   check_jit,          check_perf,    check_filesystems, doctor_try,
	};

	*doctor = (struct doctor){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		checks[i](doctor);
}

bool doctor_works(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++)
		if (doctor->facts[i].state == FACT_PROBLEM)
			return false;
	return true;
}

const char *fact_state_name(enum fact_state state)
{
	static const char *const names[] = {
		[FACT_OK] = "ok",
		[FACT_UNKNOWN] = "unknown",
		[FACT_WARNING] = "warning",
		[FACT_PROBLEM] = "problem",
	};

	return names[state];
}
