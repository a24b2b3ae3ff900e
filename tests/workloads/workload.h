/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * workload - what all workloads have in common: options, begin and end, and the truth they tell
 *
 * A workload measures itself and prints one JSON object as its last line of output: per thread
 * how long it lived, its CPU time and its context switches as the kernel counts them, and each
 * timed call with count, total and longest. Tests compare reports with that, not with the time
 * that was asked for, so that a noisy machine does not break them.
 *
 *	--hold	print {"ready":PID} and begin at SIGUSR1: time for a recorder to attach
 *	--stay	after the truth is printed, live on until SIGTERM
 */
#ifndef TRACER_WORKLOAD_H
#define TRACER_WORKLOAD_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define MS     1000000ULL

#define THREADS_MAX 64
#define CALLS_MAX   24

struct call_truth {
	const char *name;
	uint64_t count;
	uint64_t ns;
	uint64_t longest_ns;
};

struct thread_truth {
	pid_t tid;
	char name[16];
	uint64_t begin_ns;
	uint64_t end_ns;
	uint64_t cpu_ns;
	uint64_t run_delay_ns; /* runnable without a CPU, as /proc/thread-self/schedstat tells it */
	long voluntary;
	long preempted;
	struct call_truth calls[CALLS_MAX];
	int call_count;
};

static struct thread_truth truths[THREADS_MAX] UNUSED;
static int truth_count UNUSED;
static pthread_mutex_t truth_lock UNUSED = PTHREAD_MUTEX_INITIALIZER;
static bool workload_stays UNUSED;

static UNUSED __attribute__((format(printf, 1, 2), noreturn)) void die(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(error));
	exit(1);
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline pid_t thread_id(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static UNUSED void sleep_ns(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000ULL), (long)(ns % 1000000000ULL) };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

static inline void spin_rounds(uint64_t rounds)
{
	for (volatile uint64_t i = 0; i < rounds; i++)
		;
}

/* How many rounds of the loop this CPU does in a millisecond; the best of a few trials. */
static UNUSED uint64_t spin_rounds_per_ms(void)
{
	static uint64_t known;
	uint64_t best = 0;

	for (int i = 0; i < 5 && !__atomic_load_n(&known, __ATOMIC_RELAXED); i++) {
		uint64_t ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

		spin_rounds(200000);
		ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - ns;
		if (ns && 200000 * MS / ns > best)
			best = 200000 * MS / ns;
	}
	if (best)
		__atomic_store_n(&known, best, __ATOMIC_RELAXED);
	return __atomic_load_n(&known, __ATOMIC_RELAXED);
}

/* Burns about @ns of CPU time, without a system call on the way. */
static UNUSED void spin_cpu_ns(uint64_t ns)
{
	spin_rounds(spin_rounds_per_ms() * (ns / 1000) / 1000);
}

static UNUSED uint64_t run_delay_ns(void)
{
	unsigned long long run, delay = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "re");

	if (!file)
		return 0;
	if (fscanf(file, "%llu %llu", &run, &delay) != 2)
		delay = 0;
	fclose(file);
	return delay;
}

/* Names the calling thread (NULL: keeps its name) and begins to measure it. */
static UNUSED struct thread_truth *truth_begin(const char *name)
{
	struct thread_truth *t;
	struct rusage usage;

	pthread_mutex_lock(&truth_lock);
	if (truth_count == THREADS_MAX)
		die("more than %d threads tell their truth", THREADS_MAX);
	t = &truths[truth_count++];
	pthread_mutex_unlock(&truth_lock);

	if (name)
		prctl(PR_SET_NAME, name);
	prctl(PR_GET_NAME, t->name);
	t->tid = thread_id();
	getrusage(RUSAGE_THREAD, &usage);
	t->voluntary = -usage.ru_nvcsw;
	t->preempted = -usage.ru_nivcsw;
	t->run_delay_ns = -run_delay_ns();
	t->cpu_ns = -clock_ns(CLOCK_THREAD_CPUTIME_ID);
	t->begin_ns = now_ns();
	return t;
}

static UNUSED void truth_end(struct thread_truth *t)
{
	struct rusage usage;

	t->end_ns = now_ns();
	t->cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID);
	t->run_delay_ns += run_delay_ns();
	getrusage(RUSAGE_THREAD, &usage);
	t->voluntary += usage.ru_nvcsw;
	t->preempted += usage.ru_nivcsw;
}

static UNUSED void truth_call(struct thread_truth *t, const char *name, uint64_t from_ns)
{
	uint64_t ns = now_ns() - from_ns;
	struct call_truth *call = t->calls;

	while (call < t->calls + t->call_count && strcmp(call->name, name))
		call++;
	if (call == t->calls + CALLS_MAX)
		die("more than %d kinds of calls are timed", CALLS_MAX);
	if (call == t->calls + t->call_count) {
		t->call_count++;
		call->name = name;
	}
	call->count++;
	call->ns += ns;
	if (ns > call->longest_ns)
		call->longest_ns = ns;
}

/* The value of @expression, whose time is added to the thread's call @name. */
#define TIMED(t, name, expression)                                  \
	({                                                          \
		uint64_t timed_from_ = now_ns();                    \
		__typeof__(expression) timed_value_ = (expression); \
		truth_call(t, name, timed_from_);                   \
		timed_value_;                                       \
	})

static UNUSED void truth_print_thread(const struct thread_truth *t)
{
	printf("{\"tid\":%d,\"name\":\"%s\",\"begin_ns\":%llu,\"lived_ns\":%lld,\"cpu_ns\":%lld,"
	       "\"run_delay_ns\":%lld,\"voluntary\":%ld,\"preempted\":%ld,\"calls\":{",
	       t->tid, t->name, (unsigned long long)t->begin_ns,
	       (long long)(t->end_ns - t->begin_ns), (long long)t->cpu_ns,
	       (long long)t->run_delay_ns, t->voluntary, t->preempted);
	for (int i = 0; i < t->call_count; i++)
		printf("%s\"%s\":{\"count\":%llu,\"ns\":%llu,\"longest_ns\":%llu}", i ? "," : "",
		       t->calls[i].name, (unsigned long long)t->calls[i].count,
		       (unsigned long long)t->calls[i].ns,
		       (unsigned long long)t->calls[i].longest_ns);
	printf("}}");
}

/* The last line of output. @format: more members, each with a comma before it; "" for none. */
static UNUSED __attribute__((format(printf, 1, 2))) void truth_print(const char *format, ...)
{
	va_list args;

	printf("{\"pid\":%d,\"threads\":[", getpid());
	for (int i = 0; i < truth_count; i++) {
		if (i)
			putchar(',');
		truth_print_thread(&truths[i]);
	}
	putchar(']');
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("}\n");
	fflush(stdout);
}

static UNUSED void wait_for_signal(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	while (sigwaitinfo(&set, NULL) < 0)
		if (errno != EINTR)
			die("cannot wait for signal %d", number);
}

/* Whether @name is among the arguments. */
static UNUSED bool flag_option(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return false;
}

/* What stands behind @name among the arguments. */
static UNUSED const char *text_option(int argc, char **argv, const char *name,
				      const char *otherwise)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], name))
			return argv[i + 1];
	return otherwise;
}

static UNUSED long number_option(int argc, char **argv, const char *name, long otherwise)
{
	const char *text = text_option(argc, argv, name, NULL);

	return text ? atol(text) : otherwise;
}

/* First in main(): honours --hold and --stay. */
static UNUSED void workload_begin(int argc, char **argv)
{
	bool holds = flag_option(argc, argv, "--hold");
	sigset_t set, before;

	workload_stays = flag_option(argc, argv, "--stay");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (workload_stays)
		sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	if (holds) {
		printf("{\"ready\":%d}\n", getpid());
		fflush(stdout);
		wait_for_signal(SIGUSR1);
	}
	if (!workload_stays)
		sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Last in main(). */
static UNUSED int workload_end(void)
{
	if (workload_stays)
		wait_for_signal(SIGTERM);
	return 0;
}

static UNUSED pthread_t thread_start(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, run, argument);
	if (errno)
		die("cannot start a thread");
	return thread;
}

/* Waits until thread @tid of this process is blocked (state S or D); for at most two seconds. */
static UNUSED bool wait_blocked(pid_t tid)
{
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	for (int i = 0; i < 2000; i++) {
		FILE *file = fopen(path, "re");
		char *state = NULL;

		if (file && fgets(line, sizeof(line), file))
			state = strrchr(line, ')');
		if (file)
			fclose(file);
		if (state && (state[2] == 'S' || state[2] == 'D'))
			return true;
		sleep_ns(MS);
	}
	return false;
}

#endif
