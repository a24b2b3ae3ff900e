// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* vdso - the library that the kernel maps into each process */
#include "user/symbols/vdso.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "user/base/cleanup.h"

#define VDSO_BYTES_MAX 65536
#define PAGE_BYTES     4096

static ssize_t read_memory(u8 *to, u32 pid, u64 address, u64 bytes)
{
	CLEANUP(close) int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : pread(fd, to, bytes, (off_t)address);
}

int vdso_open(u32 pid, u64 address, u64 bytes)
{
	CLEANUP(close) int fd = memfd_create("vdso", MFD_CLOEXEC);
	u8 copy[VDSO_BYTES_MAX];
	ssize_t got;

	if (fd < 0)
		return -errno;
	bytes = min(bytes, (u64)sizeof(copy));
	got = read_memory(copy, pid, address, bytes);
	if (got < PAGE_BYTES || memcmp(copy, "\177ELF", 4)) {
		u64 ours = getauxval(AT_SYSINFO_EHDR);

		if (!ours || sizeof(void *) < 8 || address <= UINT32_MAX)
			return -ESRCH;
		/* Ours is as large as all others are; mapped by the kernel, it does not shrink. */
		got = read_memory(copy, (u32)getpid(), ours, bytes);
	}
	if (got < PAGE_BYTES || write(fd, copy, (size_t)got) != got)
		return -EIO;
	return take_fd(&fd);
}
