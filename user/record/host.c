// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* host - what kernel and what rights the recorder has, as far as /proc and /sys tell */
#include "user/record/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "user/base/cleanup.h"

/* Fixed inode numbers of the first namespaces: PROC_*_INIT_INO of the kernel's proc_ns.h */
#define FIRST_USER_NAMESPACE 0xeffffffdU
#define FIRST_PID_NAMESPACE  0xeffffffcU
#define FIRST_TIME_NAMESPACE 0xeffffffaU

u32 host_kernel_version(void)
{
	unsigned int major, minor;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return 0;
	return KERNEL_VERSION_OF(major, minor);
}

int host_read_line(char *to, size_t room, const char *path)
{
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t size;

	to[0] = 0;
	if (fd < 0)
		return -errno;
	size = read(fd, to, room - 1);
	if (size < 0)
		return -errno;
	to[size] = 0;
	to[strcspn(to, "\n")] = 0;
	return 0;
}

/* The text behind "@key:" in /proc/self/status. Return: 0, -ENOENT or a negative errno. */
static int status_field(char *to, size_t room, const char *key)
{
	CLEANUP(fclose) FILE *file = fopen("/proc/self/status", "re");
	size_t length = strlen(key);
	char line[256];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, length) || line[length] != ':')
			continue;
		snprintf(to, room, "%s", line + length + 1 + strspn(line + length + 1, " \t"));
		return 0;
	}
	return -ENOENT;
}

u64 host_capabilities(void)
{
	char text[32];

	return status_field(text, sizeof(text), "CapEff") ? 0 : strtoull(text, NULL, 16);
}

int host_seccomp_mode(void)
{
	char text[32];

	return status_field(text, sizeof(text), "Seccomp") ? -1 : atoi(text);
}

bool host_may_load(u64 set)
{
	return has_capability(set, CAPABILITY_SYS_ADMIN) ||
	       (has_capability(set, CAPABILITY_BPF) && has_capability(set, CAPABILITY_PERFMON));
}

static bool namespace_is(const char *path, ino_t inode)
{
	struct stat st;

	return stat(path, &st) || st.st_ino == inode; /* no /proc: assume the usual case */
}

bool host_in_first_user_namespace(void)
{
	return namespace_is("/proc/self/ns/user", FIRST_USER_NAMESPACE);
}

bool host_in_first_pid_namespace(void)
{
	return namespace_is("/proc/self/ns/pid", FIRST_PID_NAMESPACE);
}

bool host_in_first_time_namespace(void)
{
	return namespace_is("/proc/self/ns/time", FIRST_TIME_NAMESPACE);
}

enum lockdown host_lockdown(void)
{
	char line[128];

	/* "[none] integrity confidentiality": the brackets tell which one is on */
	if (host_read_line(line, sizeof(line), "/sys/kernel/security/lockdown"))
		return LOCKDOWN_UNKNOWN;
	if (strstr(line, "[confidentiality]"))
		return LOCKDOWN_CONFIDENTIALITY;
	if (strstr(line, "[integrity]"))
		return LOCKDOWN_INTEGRITY;
	return LOCKDOWN_NONE;
}
