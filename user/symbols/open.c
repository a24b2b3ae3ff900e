// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* open - files that traced processes name, opened with care */
#include "user/symbols/open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/base/cleanup.h"

static int open_below(const char *root, const char *path, int flags)
{
	struct open_how how = { .flags = (u64)flags, .resolve = RESOLVE_IN_ROOT };
	CLEANUP(close) int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char whole[PATH_MAX];
	int fd;

	if (dir < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd >= 0 ? fd : -errno;
	/* A sandbox without openat2(): what is opened is verified in any case. */
	if (snprintf(whole, sizeof(whole), "%s%s", root, path) >= (int)sizeof(whole))
		return -ENAMETOOLONG;
	fd = open(whole, flags);
	return fd >= 0 ? fd : -errno;
}

int open_regular(const char *root, const char *path, bool link)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (link ? 0 : O_NOFOLLOW);
	CLEANUP(close) int fd = -1;
	struct stat st;

	if (path[0] != '/')
		return -ENOENT;
	if (root[0])
		fd = open_below(root, path, flags);
	else if ((fd = open(path, flags)) < 0)
		return -errno;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		return -errno;
	return S_ISREG(st.st_mode) ? take_fd(&fd) : -EINVAL;
}
