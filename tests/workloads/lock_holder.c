// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * lock_holder - one thread holds a lock, and two wait for it meanwhile
 *
 *	--kind mutex|pi|robust|rwlock|reader|timeout|condition|semaphore|late-condition|
 *	       late-semaphore|signal|join
 *	--how nap|spin|sync	what the holder does while it holds (50 ms, --ms)
 *	--rounds 6
 *
 * reader: the holder reads, and the waiters want to write. timeout: the waiters wait for a mutex,
 * and give up after a fifth of the time; late-... for what nobody signals. signal: what the
 * waiters wait for is a semaphore, and half way there a signal comes. With a condition variable or
 * a semaphore nobody holds anything: the holder ends the wait. With join the main thread waits for
 * the end of the holder.
 *
 * Locks and functions have the names that a report should show.
 */
#include "tests/workloads/workload.h"

#include <semaphore.h>

#define WAITERS 2

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t pi_lock, robust_lock, ready_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t table_lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t ready_condition = PTHREAD_COND_INITIALIZER;
static sem_t slots;
static pthread_barrier_t round_begins, round_ends;
static pthread_t threads[WAITERS + 1];
static const char *kind, *how;
static long rounds, hold_ms, ready_round;
static int sync_fd = -1;

static bool is(const char *name)
{
	return !strcmp(kind, name);
}

static __attribute__((noinline)) void hold_napping(struct thread_truth *t)
{
	TIMED(t, "nap", (sleep_ns((uint64_t)hold_ms * MS), 0));
}

static __attribute__((noinline)) void hold_spinning(struct thread_truth *t)
{
	TIMED(t, "spin", (spin_cpu_ns((uint64_t)hold_ms * MS), 0));
}

static __attribute__((noinline)) void hold_syncing(struct thread_truth *t)
{
	static char block[65536];
	uint64_t end_ns = now_ns() + (uint64_t)hold_ms * MS;

	while (now_ns() < end_ns) {
		if (pwrite(sync_fd, block, sizeof(block), 0) < 0)
			die("cannot write");
		block[0]++;
		if (TIMED(t, "fsync", fsync(sync_fd)))
			die("cannot sync");
	}
}

static void on_signal(int number)
{
}

static void hold(struct thread_truth *t)
{
	if (is("signal")) {
		sleep_ns((uint64_t)hold_ms * MS / 2);
		for (int i = 1; i <= WAITERS; i++)
			pthread_kill(threads[i], SIGUSR2);
	}
	if (!strcmp(how, "spin"))
		hold_spinning(t);
	else if (!strcmp(how, "sync"))
		hold_syncing(t);
	else
		hold_napping(t);
	__asm__ volatile(""); /* no tail call: the caller stays on the stack */
}

static pthread_mutex_t *mutex(void)
{
	return is("pi") ? &pi_lock : is("robust") ? &robust_lock : &queue_lock;
}

/* Whether there is something that a thread can hold. */
static bool is_lock(void)
{
	return !strstr(kind, "condition") && !strstr(kind, "semaphore") && !is("signal");
}

static void take(void)
{
	if (is("rwlock"))
		pthread_rwlock_wrlock(&table_lock);
	else if (is("reader"))
		pthread_rwlock_rdlock(&table_lock);
	else if (is_lock())
		pthread_mutex_lock(mutex());
}

static void give(long round)
{
	if (is("rwlock") || is("reader")) {
		pthread_rwlock_unlock(&table_lock);
	} else if (is("condition")) {
		pthread_mutex_lock(&ready_lock);
		ready_round = round + 1;
		pthread_cond_broadcast(&ready_condition);
		pthread_mutex_unlock(&ready_lock);
	} else if (is("semaphore") || is("signal")) {
		for (int i = 0; i < WAITERS; i++)
			sem_post(&slots);
	} else if (is_lock()) {
		pthread_mutex_unlock(mutex());
	}
}

static void wait_ready(long round)
{
	pthread_mutex_lock(&ready_lock);
	while (ready_round <= round)
		pthread_cond_wait(&ready_condition, &ready_lock);
	pthread_mutex_unlock(&ready_lock);
}

static bool wait_briefly(void)
{
	struct timespec until;
	uint64_t ns = clock_ns(CLOCK_REALTIME) + (uint64_t)hold_ms * MS / 5;
	int code;

	until.tv_sec = (time_t)(ns / 1000000000ULL);
	until.tv_nsec = (long)(ns % 1000000000ULL);
	if (is("late-semaphore"))
		return sem_timedwait(&slots, &until) == 0;
	if (!is("late-condition"))
		return pthread_mutex_timedlock(&queue_lock, &until) == 0;
	pthread_mutex_lock(&ready_lock);
	code = pthread_cond_timedwait(&ready_condition, &ready_lock, &until);
	pthread_mutex_unlock(&ready_lock);
	return !code;
}

static __attribute__((noinline)) void wait_for_it(struct thread_truth *t, long round)
{
	if (is("timeout")) {
		if (TIMED(t, "lock", wait_briefly()))
			pthread_mutex_unlock(&queue_lock);
	} else if (!strncmp(kind, "late-", 5)) {
		if (TIMED(t, "lock", wait_briefly()))
			die("%s: nobody was late", kind);
	} else if (is("signal")) {
		while (TIMED(t, "lock", sem_wait(&slots)))
			truth_call(t, "signalled", now_ns());
	} else if (is("reader")) {
		TIMED(t, "lock", pthread_rwlock_wrlock(&table_lock));
		pthread_rwlock_unlock(&table_lock);
	} else if (is("condition")) {
		TIMED(t, "lock", (wait_ready(round), 0));
	} else if (is("semaphore")) {
		TIMED(t, "lock", sem_wait(&slots));
	} else if (is("rwlock")) {
		TIMED(t, "lock", pthread_rwlock_rdlock(&table_lock));
		pthread_rwlock_unlock(&table_lock);
	} else {
		TIMED(t, "lock", pthread_mutex_lock(mutex()));
		pthread_mutex_unlock(mutex());
	}
}

static void *holder(void *argument)
{
	struct thread_truth *t = truth_begin("holder");

	for (long i = 0; i < rounds; i++) {
		take();
		pthread_barrier_wait(&round_begins);
		TIMED(t, "hold", (hold(t), 0));
		give(i);
		pthread_barrier_wait(&round_ends);
	}
	truth_end(t);
	return NULL;
}

static void *waiter(void *name)
{
	struct thread_truth *t = truth_begin(name);

	for (long i = 0; i < rounds; i++) {
		pthread_barrier_wait(&round_begins);
		wait_for_it(t, i);
		pthread_barrier_wait(&round_ends);
	}
	truth_end(t);
	return NULL;
}

static void *joined(void *argument)
{
	struct thread_truth *t = truth_begin("holder");

	TIMED(t, "hold", (hold(t), 0));
	truth_end(t);
	return NULL;
}

static void make_locks(void)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&pi_lock, &attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_NONE);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust_lock, &attributes);
	sem_init(&slots, 0, 0);
	pthread_barrier_init(&round_begins, NULL, WAITERS + 1);
	pthread_barrier_init(&round_ends, NULL, WAITERS + 1);
}

static void open_sync(void)
{
	char path[64];

	snprintf(path, sizeof(path), "lock_holder.%d", getpid());
	sync_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (sync_fd < 0)
		die("cannot make '%s'", path);
	unlink(path);
}

int main(int argc, char **argv)
{
	const struct sigaction heard = { .sa_handler = on_signal }; /* calls are not begun again */
	struct thread_truth *t;

	workload_begin(argc, argv);
	kind = text_option(argc, argv, "--kind", "mutex");
	how = text_option(argc, argv, "--how", "nap");
	rounds = number_option(argc, argv, "--rounds", 6);
	hold_ms = number_option(argc, argv, "--ms", 50);
	if (!strcmp(how, "sync"))
		open_sync();
	sigaction(SIGUSR2, &heard, NULL);
	make_locks();
	spin_rounds_per_ms();
	t = truth_begin(NULL);
	if (is("join")) {
		threads[0] = thread_start(joined, NULL);
		TIMED(t, "lock", pthread_join(threads[0], NULL));
	} else {
		threads[0] = thread_start(holder, NULL);
		threads[1] = thread_start(waiter, "waiter-b");
		threads[2] = thread_start(waiter, "waiter-c");
		for (int i = 0; i <= WAITERS; i++)
			pthread_join(threads[i], NULL);
	}
	truth_end(t);
	truth_print("%s", "");
	return workload_end();
}
