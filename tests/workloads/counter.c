/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * counter - makes an exactly known number of system calls, futex calls and switches
 *
 * All threads are blocked in read() before SIGUSR1 and again when the truth has been printed, so
 * that a recorder can attach and detach while nothing happens. Between the two, only what is
 * counted here is called. The first call of each thread was entered before the recorder came:
 * it is counted, and told apart as "unentered".
 */
#include <linux/futex.h>

#include "tests/workloads/workload.h"

#define COUNTERS 7

struct counter {
	const char *name;
	void (*run)(struct counter *c);
	long times;
	pid_t tid;
	uint64_t syscalls; /* that ended, futex calls not included */
	uint64_t futexes;
	int in, out; /* of the pipe pair */
	bool first;  /* of the futex pair */
};

static int go[2], done[2], forever[2];
static uint32_t word;

static void run_getppid(struct counter *c)
{
	for (long i = 0; i < c->times; i++)
		syscall(SYS_getppid);
	c->syscalls += (uint64_t)c->times;
}

static void run_yield(struct counter *c)
{
	for (long i = 0; i < c->times; i++)
		syscall(SYS_sched_yield);
	c->syscalls += (uint64_t)c->times;
}

static void run_pipe(struct counter *c)
{
	char byte = 'x';

	for (long i = 0; i < c->times; i++) {
		if (write(c->out, &byte, 1) != 1 || read(c->in, &byte, 1) != 1)
			die("cannot pass a byte");
	}
	c->syscalls += 2 * (uint64_t)c->times;
}

static long futex(struct counter *c, int op, uint32_t value)
{
	c->futexes++;
	return syscall(SYS_futex, &word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

/* Two threads take turns: the first one at even values of the word, the second one at odd ones. */
static void run_futex(struct counter *c)
{
	for (long i = 0; i < c->times; i++) {
		for (;;) {
			uint32_t value = __atomic_load_n(&word, __ATOMIC_ACQUIRE);

			if ((value & 1) == (c->first ? 0 : 1))
				break;
			futex(c, FUTEX_WAIT, value);
		}
		__atomic_add_fetch(&word, 1, __ATOMIC_RELEASE);
		futex(c, FUTEX_WAKE, 1);
	}
}

static void *counter_thread(void *argument)
{
	struct counter *c = argument;
	char byte;

	prctl(PR_SET_NAME, c->name);
	__atomic_store_n(&c->tid, thread_id(), __ATOMIC_RELEASE);
	if (read(go[0], &byte, 1) != 1)
		die("cannot wait for the beginning");
	c->syscalls++;
	c->run(c);
	c->syscalls++;
	if (write(done[1], &byte, 1) != 1)
		die("cannot tell the end");
	if (read(forever[0], &byte, 1) < 0)
		die("cannot wait for ever");
	return NULL;
}

static void pass_bytes_between(struct counter *a, struct counter *b)
{
	int to_a[2], to_b[2];

	if (pipe2(to_a, O_CLOEXEC) || pipe2(to_b, O_CLOEXEC))
		die("cannot make a pipe");
	a->in = to_a[0];
	b->out = to_a[1];
	b->in = to_b[0];
	a->out = to_b[1];
}

int main(int argc, char **argv)
{
	long times = number_option(argc, argv, "--times", 20000);
	struct counter counters[COUNTERS] = {
		{ .name = "count-getppid-a", .run = run_getppid, .times = times },
		{ .name = "count-getppid-b", .run = run_getppid, .times = times },
		{ .name = "count-yield", .run = run_yield, .times = times / 4 },
		{ .name = "count-futex-a", .run = run_futex, .times = times / 4, .first = true },
		{ .name = "count-futex-b", .run = run_futex, .times = times / 4 },
		{ .name = "count-pipe-a", .run = run_pipe, .times = times / 4 },
		{ .name = "count-pipe-b", .run = run_pipe, .times = times / 4 },
	};
	uint64_t syscalls = 0, futexes = 0, main_syscalls;
	sigset_t set;
	char bytes[COUNTERS] = { 0 };
	pid_t pid = getpid(), tid = thread_id();

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pass_bytes_between(&counters[5], &counters[6]);
	if (pipe2(go, O_CLOEXEC) || pipe2(done, O_CLOEXEC) || pipe2(forever, O_CLOEXEC))
		die("cannot make a pipe");
	prctl(PR_SET_NAME, "count-main");
	for (int i = 0; i < COUNTERS; i++) {
		thread_start(counter_thread, &counters[i]);
		while (!__atomic_load_n(&counters[i].tid, __ATOMIC_ACQUIRE))
			sleep_ns(MS);
		if (!wait_blocked(counters[i].tid))
			die("a counter does not wait");
	}
	printf("{\"ready\":%d,\"tids\":[%d", pid, tid);
	for (int i = 0; i < COUNTERS; i++)
		printf(",%d", counters[i].tid);
	printf("]}\n");
	fflush(stdout);

	wait_for_signal(SIGUSR1);
	main_syscalls = 1;
	if (write(go[1], bytes, COUNTERS) != COUNTERS)
		die("cannot begin");
	main_syscalls++;
	for (int i = 0; i < COUNTERS; i++, main_syscalls++)
		if (read(done[0], bytes, 1) != 1)
			die("cannot wait for the end");

	main_syscalls++; /* the line that is printed now */
	printf("{\"pid\":%d,\"main\":{\"tid\":%d,\"syscalls\":%llu},\"counters\":[", pid, tid,
	       (unsigned long long)main_syscalls);
	for (int i = 0; i < COUNTERS; i++) {
		struct counter *c = &counters[i];

		printf("%s{\"tid\":%d,\"name\":\"%s\",\"syscalls\":%llu,\"futexes\":%llu}",
		       i ? "," : "", c->tid, c->name, (unsigned long long)c->syscalls,
		       (unsigned long long)c->futexes);
		syscalls += c->syscalls;
		futexes += c->futexes;
	}
	printf("],\"getppid\":%ld,\"yield\":%ld,\"syscalls\":%llu,\"futexes\":%llu,"
	       "\"unentered\":%d}\n",
	       2 * times, times / 4, (unsigned long long)(syscalls + main_syscalls),
	       (unsigned long long)futexes, COUNTERS + 1);
	fflush(stdout);
	wait_for_signal(SIGTERM);
	return 0;
}
