// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * load - makes events at a given rate, on all CPUs, and leaves no CPU idle
 *
 *	build/bench/load [--rate 1000000] [--seconds 10] [--unpaced] [--ping-pong]
 *
 * A thread on each CPU makes system calls of four kinds in small bursts and spins in between, so
 * that the calls come at the rate, all CPUs together. --ping-pong: instead, two threads on each
 * CPU wake each other by a futex, as often as they can. Prints what was made, as JSON.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/util.h"

#define CPUS_MAX    256
#define BURST_UNITS 16
#define UNIT_CALLS  4

static u64 rate = 1000000, seconds = 10;
static bool unpaced;
static u64 begin_ns, end_ns;

struct maker {
	int cpu;
	u64 calls;
	u32 word;
	char apart[64];
};

static struct maker makers[CPUS_MAX];

static void pin(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((size_t)cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static void *make(void *argument)
{
	struct maker *m = argument;
	u64 per_second = rate / (u64)sysconf(_SC_NPROCESSORS_ONLN), now;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char byte = 0;

	pin(m->cpu);
	while ((now = clock_mono_ns()) < end_ns) {
		/* What it could not make while it had no CPU, it makes up for. */
		u64 due = now < begin_ns ? 0 : (now - begin_ns) / 1000 * per_second / 1000000;

		if (m->calls >= due && !unpaced)
			continue;
		for (int i = 0; i < BURST_UNITS; i++) {
			syscall(SYS_getppid);
			syscall(SYS_futex, &m->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL,
				0);
			m->calls += syscall(SYS_write, null, &byte, 1) == 1;
			m->calls += syscall(SYS_read, null, &byte, 1) == 0;
		}
		m->calls += BURST_UNITS * (UNIT_CALLS - 2);
	}
	close(null);
	return NULL;
}

static void take_turns(struct maker *m, u32 mine)
{
	pin(m->cpu);
	while (clock_mono_ns() < end_ns) {
		u32 value;

		while (((value = __atomic_load_n(&m->word, __ATOMIC_ACQUIRE)) & 1) != mine) {
			/* The other one may have ended. */
			struct timespec most = { .tv_nsec = 100000000 };

			syscall(SYS_futex, &m->word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, &most,
				NULL, 0);
			m->calls++;
			if (clock_mono_ns() >= end_ns)
				return;
		}
		__atomic_add_fetch(&m->word, 1, __ATOMIC_RELEASE);
		syscall(SYS_futex, &m->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
		m->calls++;
	}
}

static void *ping(void *maker)
{
	take_turns(maker, 0);
	return NULL;
}

static void *pong(void *maker)
{
	take_turns(maker, 1);
	return NULL;
}

int main(int argc, char **argv)
{
	int cpus = (int)min(sysconf(_SC_NPROCESSORS_ONLN), (long)CPUS_MAX);
	bool ping_pong = false;
	pthread_t threads[2 * CPUS_MAX];
	size_t count = 0;
	u64 calls = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--unpaced"))
			unpaced = true;
		else if (!strcmp(argv[i], "--ping-pong"))
			ping_pong = true;
		else if (!strcmp(argv[i], "--rate") && i + 1 < argc)
			rate = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
			seconds = strtoull(argv[++i], NULL, 10);
	}
	begin_ns = clock_mono_ns();
	end_ns = begin_ns + seconds * NSEC_PER_SEC;
	for (int cpu = 0; cpu < cpus; cpu++) {
		makers[cpu].cpu = cpu;
		if (pthread_create(&threads[count++], NULL, ping_pong ? ping : make, &makers[cpu]))
			return 1;
		if (ping_pong && pthread_create(&threads[count++], NULL, pong, &makers[cpu]))
			return 1;
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	for (int cpu = 0; cpu < cpus; cpu++)
		calls += makers[cpu].calls;
	printf("{\"calls\":%llu,\"seconds\":%.3f}\n", (unsigned long long)calls,
	       (double)(clock_mono_ns() - begin_ns) / 1e9);
	return 0;
}
