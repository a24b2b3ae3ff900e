/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * named_waits - waits in functions whose names a report should show
 *
 *	--rounds 20 --ms 10	so often main() calls outer_step(), that middle_step(), and that
 *				wait_in_step(), which sleeps
 *	--depth N		recursive_step() calls itself so often before that
 *	--jit			outer_step() is called by code of no file, at JIT_AT
 *	--map FILE:OFFSET	... and by code in a file; may be given more than once
 *	--churn			another thread maps and unmaps code all the time
 *	--hang			a thread holds hung_lock and pauses, another one waits for it, for ever
 *	--exec PATH		at the end it runs this program instead
 *
 * Tests compile it in other ways, too.
 */
#include "tests/workloads/workload.h"

#include <sys/mman.h>

#define JIT_AT   0x200000000000UL
#define MAPS_MAX 64

typedef void (*step)(void);
typedef void (*caller)(step called);

static long ms, depth;
static struct thread_truth *truth;
static pthread_mutex_t hung_lock = PTHREAD_MUTEX_INITIALIZER;
static volatile bool ends;

/* A function that calls what it is given, and keeps a frame pointer */
#if defined(__x86_64__)
static const uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
#elif defined(__aarch64__)
static const uint32_t code[] = { 0xa9bf7bfd, 0x910003fd, 0xd63f0000, 0xa8c17bfd, 0xd65f03c0 };
#endif

static __attribute__((noinline)) void wait_in_step(void)
{
	struct timespec ts = { ms / 1000, ms % 1000 * (long)MS };

	TIMED(truth, "wait", clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL));
	__asm__ volatile(""); /* no tail call: the caller stays on the stack */
}

static __attribute__((noinline)) void middle_step(void)
{
	/* Callers lie behind more memory than is copied of a stack. */
	volatile char room[4096];

	room[0] = 1;
	wait_in_step();
	room[1] = room[0];
}

static __attribute__((noinline)) void outer_step(void)
{
	middle_step();
	__asm__ volatile("");
}

static __attribute__((noinline)) void recursive_step(long left)
{
	if (left)
		recursive_step(left - 1);
	else
		outer_step();
	__asm__ volatile("");
}

static caller jit(void)
{
	void *at = mmap((void *)JIT_AT, 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (at == MAP_FAILED)
		die("cannot map memory for code");
	memcpy(at, code, sizeof(code));
	if (mprotect(at, 4096, PROT_READ | PROT_EXEC))
		die("cannot make code of memory");
	__builtin___clear_cache(at, (char *)at + sizeof(code));
	return (caller)at;
}

static caller map(const char *text)
{
	char path[4096];
	unsigned long offset;
	char *at;
	int fd;

	if (sscanf(text, "%4095[^:]:%lu", path, &offset) != 2)
		die("--map %s", text);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	at = fd < 0 ? MAP_FAILED
		    : mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			   (off_t)offset & -4096);
	if (at == MAP_FAILED)
		die("cannot map '%s'", path);
	close(fd);
	return (caller)(at + (offset & 4095));
}

static void *churn(void *name)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	while (!ends) {
		char *at = mmap(NULL, 16 * 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		void *plain =
			mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED || plain == MAP_FAILED)
			die("cannot map code");
		munmap(at + 4096, 4096);
		munmap(at, 16 * 4096);
		munmap(plain, 4096);
	}
	close(fd);
	return NULL;
}

static __attribute__((noinline)) void hang_with_lock(void)
{
	pthread_mutex_lock(&hung_lock);
	for (;;)
		pause();
}

static __attribute__((noinline)) void hang_for_lock(void)
{
	sleep_ns(50 * MS);
	pthread_mutex_lock(&hung_lock);
}

static void *hang(void *argument)
{
	prctl(PR_SET_NAME, argument ? "hangs-with" : "hangs-for");
	if (argument)
		hang_with_lock();
	hang_for_lock();
	return NULL;
}

static void begin_others(int argc, char **argv)
{
	if (flag_option(argc, argv, "--churn"))
		thread_start(churn, NULL);
	if (flag_option(argc, argv, "--hang")) {
		thread_start(hang, &hung_lock);
		thread_start(hang, NULL);
	}
}

int main(int argc, char **argv)
{
	const char *next = text_option(argc, argv, "--exec", NULL);
	long rounds = number_option(argc, argv, "--rounds", 20);
	caller callers[MAPS_MAX];
	int count = 0;

	ms = number_option(argc, argv, "--ms", 10);
	depth = number_option(argc, argv, "--depth", 0);
	if (flag_option(argc, argv, "--jit"))
		callers[count++] = jit();
	for (int i = 1; i + 1 < argc && count < MAPS_MAX; i++)
		if (!strcmp(argv[i], "--map"))
			callers[count++] = map(argv[i + 1]);
	workload_begin(argc, argv);
	truth = truth_begin(NULL);
	begin_others(argc, argv);
	for (long i = 0; i < rounds; i++) {
		for (int j = 0; j < count; j++)
			callers[j](outer_step);
		if (!count)
			recursive_step(depth);
	}
	ends = true;
	truth_end(truth);
	truth_print("%s", "");
	if (next) {
		execl(next, next, (char *)NULL);
		die("cannot run '%s'", next);
	}
	return workload_end();
}
