/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* file_sync - waits for the disk: write and fsync, then reads past the page cache (--dir, --rounds) */
#include "tests/workloads/workload.h"

#define BLOCK (1 << 20)

int main(int argc, char **argv)
{
	const char *dir;
	struct thread_truth *t;
	char path[512];
	long rounds;
	void *data;
	int fd, direct;

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 20);
	dir = text_option(argc, argv, "--dir", ".");
	snprintf(path, sizeof(path), "%s/file_sync.%d", dir, getpid());
	if (posix_memalign(&data, 4096, BLOCK))
		die("no memory for a block");
	memset(data, 'x', BLOCK);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		die("cannot make '%s'", path);

	t = truth_begin("file-sync");
	for (long i = 0; i < rounds; i++) {
		if (TIMED(t, "pwrite64", pwrite(fd, data, BLOCK, i * BLOCK)) != BLOCK)
			die("cannot write '%s'", path);
		if (TIMED(t, "fsync", fsync(fd)))
			die("cannot sync '%s'", path);
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	for (long i = 0; i < rounds; i++)
		if (TIMED(t, "pread64", pread(fd, data, BLOCK, i * BLOCK)) != BLOCK)
			die("cannot read '%s'", path);
	direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	for (long i = 0; direct >= 0 && i < rounds; i++)
		if (TIMED(t, "pread64_direct", pread(direct, data, BLOCK, i * BLOCK)) != BLOCK)
			break;
	truth_end(t);
	unlink(path);
	truth_print(",\"rounds\":%ld,\"direct\":%s", rounds, direct >= 0 ? "true" : "false");
	return workload_end();
}
