// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * lock_look - what a lock is and who held it, by the values of a wait and what lay at its word
 *
 * Nothing here is certain: any program may keep any numbers at a futex. So numbers count as an
 * owner only when they are the tid of a thread of the process that lives.
 */
#include "user/model/lock_turns.h"

#define FUTEX_WORD_WAITERS 0x80000000u
#define FUTEX_WORD_TID     0x3fffffffu
#define MUSL_LOCKED        16u /* EBUSY, which musl's plain mutex has in the place of a tid */

#define GLIBC_CONTENDED  2u /* held, and somebody waits */
#define GLIBC_KIND_TYPE  3u
#define GLIBC_KIND_FLAGS 0x3f0u /* robust, PI, protect, shared, elision */
#define GLIBC_ROBUST     16u

static const struct thread *search_owner(const struct thread_table *threads,
					 const struct process *process, u32 tid, u64 at_ns)
{
	for (u32 i = threads->count; i > 0; i--) {
		const struct thread *t = threads->threads[i - 1];

		if (t->process == process && (t->ns_tid ?: t->tid) == tid &&
		    (!t->end_ns || t->end_ns > at_ns))
			return t;
	}
	return NULL;
}

/* The thread that is @tid for its own process. A miss is remembered until there are new threads. */
static const struct thread *owner_of(struct locks *locks, const struct process *process, u32 tid,
				     u64 at_ns)
{
	const struct thread_table *threads = timeline_threads(locks->timeline);
	u64 *slot = map_put(&locks->owners, (u64)process->id << 32 | tid);
	u64 missed = (u64)threads->count << 1 | 1;
	const struct thread *t;

	if (!slot || !tid || *slot == missed)
		return NULL;
	t = *slot & 1 ? NULL : (const struct thread *)(uintptr_t)*slot;
	if (t && t->process == process && (!t->end_ns || t->end_ns > at_ns))
		return t;
	t = search_owner(threads, process, tid, at_ns);
	*slot = t ? (uintptr_t)t : missed;
	return t;
}

static bool is_plain_wait(u8 op)
{
	return op == FUTEX_OP_WAIT || op == FUTEX_OP_WAIT2 || op == FUTEX_OP_WAIT_BITSET;
}

bool lock_is_pi(u8 op)
{
	return op == FUTEX_OP_LOCK_PI || op == FUTEX_OP_LOCK_PI2;
}

static bool looks_like_glibc_mutex(const struct lock_seen *lock)
{
	return lock->known && lock->word <= GLIBC_CONTENDED && lock->users &&
	       !(lock->kind & ~(GLIBC_KIND_TYPE | GLIBC_KIND_FLAGS));
}

/* glibc's rwlock: its writer lies 16 bytes behind one futex and 12 bytes behind the other. */
static u32 glibc_writer(const struct wait *wait, const struct lock_seen *lock)
{
	if (!lock->known || wait->futex_op != FUTEX_OP_WAIT_BITSET || lock->owner ||
	    (wait->value != 2 && wait->value != 3))
		return 0;
	if (!lock->users && lock->kind)
		return lock->kind;
	return lock->kind <= 1 ? lock->users : 0;
}

struct lock_evidence lock_look(struct locks *locks, const struct lock_row *row,
			       const struct interval *interval)
{
	const struct process *process = interval->thread->process;
	const struct lock_seen *lock = &interval->lock;
	const struct wait *wait = &interval->wait;
	u64 at_ns = interval->begin_ns;
	const struct thread *t;

	if (lock_is_pi(wait->futex_op)) {
		t = lock->known ? owner_of(locks, process, lock->word & FUTEX_WORD_TID, at_ns)
				: NULL;
		return (struct lock_evidence){ HOW_TURNS, LOCK_PI_MUTEX, true, t };
	}
	if (!is_plain_wait(wait->futex_op))
		return (struct lock_evidence){ 0 };
	if (wait->value & FUTEX_WORD_WAITERS) {
		u32 tid = wait->value & FUTEX_WORD_TID;

		t = owner_of(locks, process, tid, at_ns);
		if (t && (tid != MUSL_LOCKED || (lock->known && lock->kind & GLIBC_ROBUST)))
			return (struct lock_evidence){ HOW_TURNS, LOCK_MUTEX, true, t };
		return (struct lock_evidence){ 0 };
	}
	if (wait->value == GLIBC_CONTENDED) {
		t = looks_like_glibc_mutex(lock) ? owner_of(locks, process, lock->owner, at_ns)
						 : NULL;
		/* With a timeout it is WAIT_BITSET, in which others use such a value, too. */
		if (t || wait->futex_op != FUTEX_OP_WAIT_BITSET || row->evidence[LOCK_MUTEX])
			return (struct lock_evidence){ HOW_TURNS, LOCK_MUTEX, t, t };
	}
	t = owner_of(locks, process, glibc_writer(wait, lock), at_ns);
	if (t)
		return (struct lock_evidence){ HOW_WRITER, LOCK_RWLOCK, true, t };
	t = wait->value > 3 ? owner_of(locks, process, wait->value, at_ns) : NULL;
	if (t && t != interval->thread && (!wait->waker_known || wait->waker == t))
		return (struct lock_evidence){ HOW_JOIN, LOCK_JOIN, false, t };
	return (struct lock_evidence){ 0 };
}
