// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * spinner - threads that compute, 70 % of their time in one function and 30 % in another
 *
 *	--threads 2	(16 at most)
 *	--ms 3000	of CPU time for each thread
 *	--reads		the rarer function reads from /dev/zero: it is in the kernel, mostly
 *
 * The truth has CPU time by function: {"spin":{"spin_often":NS,"spin_rarely":NS}}.
 */
#include "tests/workloads/workload.h"

#define TURN_NS    (100 * MS)
#define SPINNERS   16
#define READ_BYTES (1 << 20)

static long threads, ms;
static bool reads;
static uint64_t often_ns[SPINNERS], rarely_ns[SPINNERS];

static __attribute__((noipa)) void spin_often(uint64_t ns)
{
	spin_cpu_ns(ns);
}

static __attribute__((noipa)) void spin_rarely(uint64_t ns, int zero)
{
	static __thread char buffer[READ_BYTES];
	uint64_t end_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ns;

	if (!reads) {
		spin_cpu_ns(ns);
		return;
	}
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end_ns)
		if (read(zero, buffer, sizeof(buffer)) != sizeof(buffer))
			die("cannot read /dev/zero");
}

static void *run(void *argument)
{
	long number = (long)argument;
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct thread_truth *t;
	uint64_t now;
	char name[16];

	snprintf(name, sizeof(name), "spinner-%ld", number);
	t = truth_begin(name);
	for (uint64_t done = 0; done < (uint64_t)ms * MS; done += TURN_NS) {
		now = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		spin_often(TURN_NS * 7 / 10);
		often_ns[number] += clock_ns(CLOCK_THREAD_CPUTIME_ID) - now;
		now = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		spin_rarely(TURN_NS * 3 / 10, zero);
		rarely_ns[number] += clock_ns(CLOCK_THREAD_CPUTIME_ID) - now;
	}
	truth_end(t);
	close(zero);
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t often = 0, rarely = 0;
	pthread_t ids[SPINNERS];

	workload_begin(argc, argv);
	threads = number_option(argc, argv, "--threads", 2);
	ms = number_option(argc, argv, "--ms", 3000);
	reads = flag_option(argc, argv, "--reads");
	if (threads < 1 || threads > SPINNERS)
		threads = SPINNERS;
	spin_rounds_per_ms();
	for (long i = 0; i < threads; i++)
		ids[i] = thread_start(run, (void *)i);
	for (long i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		often += often_ns[i];
		rarely += rarely_ns[i];
	}
	truth_print(",\"spin\":{\"spin_often\":%llu,\"spin_rarely\":%llu}",
		    (unsigned long long)often, (unsigned long long)rarely);
	return workload_end();
}
