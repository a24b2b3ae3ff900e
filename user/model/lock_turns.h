/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* lock_turns - the inside of locks: who took and released a lock, and when */
#ifndef TRACER_MODEL_LOCK_TURNS_H
#define TRACER_MODEL_LOCK_TURNS_H

#include "user/model/locks.h"

/* How a wait tells who holds what is waited for. */
enum lock_how {
	HOW_PLAIN,  /* not at all: who ends it is named */
	HOW_TURNS,  /* a mutex: by turns */
	HOW_WRITER, /* a rwlock: by turns, which readers do not show up in */
	HOW_JOIN,
};

/* What a wait's words say: how to find the holder, and who held it when the wait began. */
struct lock_evidence {
	enum lock_how how;
	enum lock_kind kind;
	bool keeps_owner;
	const struct thread *owner; /* NULL: not known; the thread that is joined */
};

/* lock_look.c */
struct lock_evidence lock_look(struct locks *locks, const struct lock_row *row,
			       const struct interval *interval);
bool lock_is_pi(u8 futex_op);

/* From a time on a thread holds the lock, or it released it then. */
struct lock_turn {
	u64 at_ns;
	u32 thread; /* id; 0: not known */
	bool released;
};

/* A wait whose holders' doing is not told yet */
struct lock_job {
	u64 begin_ns;
	u64 end_ns;
	u32 row; /* number */
	u32 thread; /* id: joined, or who ended it; 0: not known */
	u8 how;
	u32 next; /* free */
};

/* What is known goes into the order of time. Return: 0 or -ENOMEM. */
int turns_hold(struct locks *locks, struct lock_row *row, u64 at_ns, u32 thread_id);
int turns_release(struct locks *locks, struct lock_row *row, u64 at_ns, u32 thread_id);

/* Who holds the lock at @at_ns; 0: nobody, or not known. */
u32 turns_holder(const struct lock_row *row, u64 at_ns);

/* The stretches of a wait, the latest first. */
struct turns_walk {
	const struct lock_row *row;
	bool writer;
	u64 begin_ns;
	u64 to_ns; /* what is left ends here */
	u32 next;  /* turns[next - 1] is the latest that began before to_ns */
	/* the stretch */
	u64 from_ns;
	u64 until_ns;
	u32 thread; /* who held it; 0: see free */
	bool free;  /* nobody; else not known */
};

void turns_begin(struct turns_walk *walk, const struct lock_row *row, bool writer, u64 begin_ns,
		 u64 end_ns);
bool turns_next(struct turns_walk *walk);

/* lock_hold.c: charges a wait to who held the lock, or parks it. Return: 0 or -errno. */
int lock_job_add(struct locks *locks, const struct lock_job *job);
int lock_job_ready(void *locks, u32 job);

/* The holder entry of a row. Return: NULL without memory. */
struct lock_holder *lock_holder_of(struct locks *locks, u32 row, const struct thread *thread,
				   enum lock_part part);
int lock_involve(struct locks *locks, u32 row, u32 thread_id, bool waits);

/* Counts @stack in a table of LOCK_STACKS; the least one gives way. */
void lock_stack_add(struct lock_stack *stacks, u32 user, u32 kernel, u64 weight);

#endif
