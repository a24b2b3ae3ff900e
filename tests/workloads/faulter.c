/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* faulter - page faults that block: a mapped file that is not in memory, and userfaultfd */
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "tests/workloads/workload.h"

#define FILE_PAGES 512
#define PAGE       4096UL

static long faults, answer_ms;
static int fault_fd;
static char *fault_pages;

static void touch_file(struct thread_truth *t, const char *dir)
{
	static char page[PAGE];
	const volatile char *data;
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/faulter.%d", dir, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		die("cannot make '%s'", path);
	unlink(path);
	for (int i = 0; i < FILE_PAGES; i++)
		if (write(fd, page, sizeof(page)) != sizeof(page))
			die("cannot write '%s'", path);
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	data = mmap(NULL, FILE_PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		die("cannot map '%s'", path);
	madvise((void *)data, FILE_PAGES * PAGE, MADV_RANDOM);
	for (unsigned long i = 0; i < FILE_PAGES; i++)
		TIMED(t, "file_fault", data[i * PAGE]);
	close(fd);
}

/* Gives each page that is asked for after a while. */
static void *giver(void *unused)
{
	struct thread_truth *t = truth_begin("page-giver");
	static char page[PAGE] __attribute__((aligned(4096)));

	for (long i = 0; i < faults; i++) {
		struct uffd_msg message;
		struct uffdio_copy copy = { .src = (uintptr_t)page, .len = PAGE };

		if (read(fault_fd, &message, sizeof(message)) != sizeof(message))
			die("cannot read a fault");
		TIMED(t, "sleep", (sleep_ns((uint64_t)answer_ms * MS), 0));
		copy.dst = message.arg.pagefault.address & ~(PAGE - 1);
		if (ioctl(fault_fd, UFFDIO_COPY, &copy))
			die("cannot give a page");
	}
	truth_end(t);
	return NULL;
}

static bool userfault_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t bytes = (size_t)faults * PAGE;

	fault_fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fault_fd < 0 || ioctl(fault_fd, UFFDIO_API, &api))
		return false;
	fault_pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fault_pages == MAP_FAILED)
		die("no memory to map");
	range.range.start = (uintptr_t)fault_pages;
	range.range.len = bytes;
	return !ioctl(fault_fd, UFFDIO_REGISTER, &range);
}

int main(int argc, char **argv)
{
	struct rusage before, after;
	struct thread_truth *t;
	pthread_t thread;
	bool userfaults;

	workload_begin(argc, argv);
	faults = number_option(argc, argv, "--faults", 20);
	answer_ms = number_option(argc, argv, "--ms", 10);

	t = truth_begin("faulter");
	getrusage(RUSAGE_THREAD, &before);
	touch_file(t, text_option(argc, argv, "--dir", "."));
	getrusage(RUSAGE_THREAD, &after);
	userfaults = userfault_open();
	if (userfaults) {
		thread = thread_start(giver, NULL);
		for (long i = 0; i < faults; i++)
			TIMED(t, "user_fault", ((volatile char *)fault_pages)[(size_t)i * PAGE]);
		pthread_join(thread, NULL);
	}
	truth_end(t);
	truth_print(",\"major_faults\":%ld,\"userfaultfd\":%s", after.ru_majflt - before.ru_majflt,
		    userfaults ? "true" : "false");
	return workload_end();
}
