/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* futex_ops - every futex operation that this kernel has, each a known number of times */
#include <linux/futex.h>

#include "tests/workloads/workload.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
#define NR_FUTEX_WAITV   449
#define NR_FUTEX_WAKE    454
#define NR_FUTEX_WAIT    455
#define NR_FUTEX_REQUEUE 456
#define FUTEX2_U32       2
#define FUTEX2_OWN       128

struct futex_of_waitv {
	uint64_t value;
	uint64_t address;
	uint32_t flags;
	uint32_t reserved;
};

static uint32_t words[4]; /* 0: waits, 1: requeue's target, 2: PI, 3: WAKE_OP's second */
static const char *const op_names[] = {
	"wait",           "wake",    "requeue",   "cmp_requeue", "wake_op",  "wait_bitset",
	"wake_bitset",    "lock_pi", "unlock_pi", "trylock_pi",  "lock_pi2", "wait_requeue_pi",
	"cmp_requeue_pi", "waitv",   "wait2",     "wake2",       "requeue2",
};

enum op {
	WAIT,
	WAKE,
	REQUEUE,
	CMP_REQUEUE,
	WAKE_OP,
	WAIT_BITSET,
	WAKE_BITSET,
	LOCK_PI,
	UNLOCK_PI,
	TRYLOCK_PI,
	LOCK_PI2,
	WAIT_REQUEUE_PI,
	CMP_REQUEUE_PI,
	WAITV,
	WAIT2,
	WAKE2,
	REQUEUE2,
	OPS,
};

static uint64_t counts[OPS];
static volatile enum op waiter_op = OPS;
static volatile pid_t waiter_tid;
static pthread_barrier_t turn;
static struct thread_truth *waiter_truth;

static long futex(enum op op, uint32_t *word, int number, uint32_t value, const void *timeout,
		  uint32_t *word2, uint32_t value3)
{
	__atomic_add_fetch(&counts[op], 1, __ATOMIC_RELAXED);
	return syscall(SYS_futex, word, number | FUTEX_PRIVATE_FLAG, value, timeout, word2, value3);
}

static long futex2_wait(uint32_t *word)
{
	counts[WAIT2]++;
	return syscall(NR_FUTEX_WAIT, word, 0UL, (unsigned long)~0U, FUTEX2_U32 | FUTEX2_OWN, NULL,
		       CLOCK_MONOTONIC);
}

static long futex2_waitv(uint32_t *first, uint32_t *second)
{
	struct futex_of_waitv of[2] = {
		{ .address = (uintptr_t)first, .flags = FUTEX2_U32 | FUTEX2_OWN },
		{ .address = (uintptr_t)second, .flags = FUTEX2_U32 | FUTEX2_OWN },
	};

	counts[WAITV]++;
	return syscall(NR_FUTEX_WAITV, of, 2, 0, NULL, CLOCK_MONOTONIC);
}

static long wait_by(enum op op)
{
	switch (op) {
	case WAIT: return futex(WAIT, &words[0], FUTEX_WAIT, 0, NULL, NULL, 0);
	case WAIT_BITSET: return futex(WAIT_BITSET, &words[0], FUTEX_WAIT_BITSET, 0, NULL, NULL, 4);
	case LOCK_PI: return futex(LOCK_PI, &words[2], FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	case LOCK_PI2: return futex(LOCK_PI2, &words[2], FUTEX_LOCK_PI2, 0, NULL, NULL, 0);
	case WAIT_REQUEUE_PI:
		return futex(WAIT_REQUEUE_PI, &words[0], FUTEX_WAIT_REQUEUE_PI, 0, NULL, &words[2],
			     0);
	case WAITV: return futex2_waitv(&words[1], &words[0]);
	case WAIT2: return futex2_wait(&words[0]);
	default: return 0;
	}
}

/* Does what the main thread says, one operation per turn. */
static void *waiter(void *unused)
{
	struct thread_truth *t = waiter_truth = truth_begin("futex-waiter");

	waiter_tid = t->tid;
	for (;;) {
		enum op op;

		pthread_barrier_wait(&turn);
		op = waiter_op;
		if (op == OPS)
			break;
		if (TIMED(t, op_names[op], wait_by(op)) < 0)
			die("futex operation %s", op_names[op]);
		if (op == LOCK_PI || op == LOCK_PI2 || op == WAIT_REQUEUE_PI)
			futex(UNLOCK_PI, &words[2], FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
		pthread_barrier_wait(&turn);
	}
	truth_end(t);
	return NULL;
}

/* Lets the waiter wait by @op for @ms; the caller then ends the wait. */
static void let_wait(enum op op, uint64_t ms)
{
	waiter_op = op;
	pthread_barrier_wait(&turn);
	sleep_ns(ms * MS);
	if (!wait_blocked(waiter_tid))
		die("the waiter does not block in %s", op_names[op]);
}

static void waiter_done(enum op op, long woken)
{
	if (woken < 1)
		die("nobody was woken from %s (%ld)", op_names[op], woken);
	pthread_barrier_wait(&turn);
}

static long wake(void)
{
	return futex(WAKE, &words[0], FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void classic_ops(long ms)
{
	let_wait(WAIT, ms);
	waiter_done(WAIT, wake());

	let_wait(WAIT_BITSET, ms);
	if (futex(WAKE_BITSET, &words[0], FUTEX_WAKE_BITSET, 1, NULL, NULL, 8))
		die("a wake with the wrong bit found somebody");
	waiter_done(WAIT_BITSET,
		    futex(WAKE_BITSET, &words[0], FUTEX_WAKE_BITSET, 1, NULL, NULL, 4));

	let_wait(WAIT, ms);
	futex(REQUEUE, &words[0], FUTEX_REQUEUE, 0, (void *)1L, &words[1], 0);
	waiter_done(REQUEUE, futex(WAKE, &words[1], FUTEX_WAKE, 1, NULL, NULL, 0));

	let_wait(WAIT, ms);
	futex(CMP_REQUEUE, &words[0], FUTEX_CMP_REQUEUE, 0, (void *)1L, &words[1], 0);
	waiter_done(CMP_REQUEUE, futex(WAKE, &words[1], FUTEX_WAKE, 1, NULL, NULL, 0));

	let_wait(WAIT, ms);
	waiter_done(WAKE_OP, futex(WAKE_OP, &words[0], FUTEX_WAKE_OP, 1, (void *)0L, &words[3],
				   FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0)));
}

static bool pi_lock(void)
{
	return futex(TRYLOCK_PI, &words[2], FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0) == 0;
}

static long pi_unlock(void)
{
	return futex(UNLOCK_PI, &words[2], FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0;
}

static void pi_ops(long ms, bool lock_pi2)
{
	if (!pi_lock())
		die("cannot take a PI futex");
	let_wait(LOCK_PI, ms);
	waiter_done(LOCK_PI, pi_unlock());

	if (lock_pi2) {
		if (!pi_lock())
			die("cannot take a PI futex");
		let_wait(LOCK_PI2, ms);
		waiter_done(LOCK_PI2, pi_unlock());
	}

	let_wait(WAIT_REQUEUE_PI, ms);
	waiter_done(WAIT_REQUEUE_PI, 1 + futex(CMP_REQUEUE_PI, &words[0], FUTEX_CMP_REQUEUE_PI, 1,
					       (void *)1L, &words[2], 0));
}

static bool kernel_has(long number)
{
	return syscall(number, NULL, 0, ~0U, ~0UL, 0, 0) == 0 || errno != ENOSYS;
}

static long wake2(uint32_t *word)
{
	counts[WAKE2]++;
	return syscall(NR_FUTEX_WAKE, word, (unsigned long)~0U, 1, FUTEX2_U32 | FUTEX2_OWN);
}

static void newer_ops(long ms, bool waitv, bool futex2)
{
	if (waitv) {
		let_wait(WAITV, ms);
		waiter_done(WAITV, wake());
	}
	if (futex2) {
		struct futex_of_waitv of[2] = {
			{ .address = (uintptr_t)&words[0], .flags = FUTEX2_U32 | FUTEX2_OWN },
			{ .address = (uintptr_t)&words[1], .flags = FUTEX2_U32 | FUTEX2_OWN },
		};

		let_wait(WAIT2, ms);
		waiter_done(WAIT2, wake2(&words[0]));

		let_wait(WAIT2, ms);
		counts[REQUEUE2]++;
		if (syscall(NR_FUTEX_REQUEUE, of, 0, 0, 1) != 1)
			die("cannot requeue");
		waiter_done(REQUEUE2, wake2(&words[1]));
	}
}

int main(int argc, char **argv)
{
	bool lock_pi2, waitv, futex2;
	uint32_t free_word = 0;
	pthread_t thread;
	long rounds, ms;

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 5);
	ms = number_option(argc, argv, "--ms", 20);
	lock_pi2 = !syscall(SYS_futex, &free_word, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, NULL);
	waitv = kernel_has(NR_FUTEX_WAITV);
	futex2 = kernel_has(NR_FUTEX_WAKE);
	counts[WAKE2] += futex2;

	pthread_barrier_init(&turn, NULL, 2);
	thread = thread_start(waiter, NULL);
	for (long i = 0; i < rounds; i++) {
		classic_ops(ms);
		pi_ops(ms, lock_pi2);
		newer_ops(ms, waitv, futex2);
	}
	waiter_op = OPS;
	pthread_barrier_wait(&turn);
	pthread_join(thread, NULL);

	printf("{\"pid\":%d,\"threads\":[", getpid());
	truth_print_thread(waiter_truth);
	printf("],\"waker\":%d,\"words\":[\"%#lx\",\"%#lx\",\"%#lx\"],\"ops\":{", thread_id(),
	       (unsigned long)&words[0], (unsigned long)&words[1], (unsigned long)&words[2]);
	for (int op = 0; op < OPS; op++)
		printf("%s\"%s\":%llu", op ? "," : "", op_names[op],
		       (unsigned long long)counts[op]);
	printf("}}\n");
	fflush(stdout);
	return workload_end();
}
