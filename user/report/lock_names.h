/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* lock_names - what a lock is and what it is called, and what its holders did, in words */
#ifndef TRACER_REPORT_LOCK_NAMES_H
#define TRACER_REPORT_LOCK_NAMES_H

#include "user/report/table.h"

/* Finishes the locks of @report: kinds by the names of functions, words of one lock joined,
 * sorted. Only the first time. Return: 0 or -ENOMEM. */
int report_finish_locks(struct report *report);

/* How a thread had to do with a lock, as far as the lock itself tells. */
enum lock_part lock_part_of(const struct lock_row *row, const struct lock_holder *holder);

/* The variable that a lock lies in; the thread that is joined. Return: whether it is known. */
bool lock_symbol(char name[FUTEX_NAME_MAX], const char **module, const struct report *report,
		 const struct lock_row *row);

/* "queue_lock (demo_server)", "0x7f2a10", "thread worker-1". Return: @to */
char *lock_text(char to[CELL_TEXT_MAX], const struct report *report, const struct lock_row *row);

/* "mutex", "PI mutex", "condition variable", "thread join", ... */
const char *lock_kind_text(enum lock_kind kind);

/* Of spurious wake-ups, those that a lock of this kind cannot mean otherwise */
u64 lock_spurious(const struct lock_row *row);
u64 lock_spurious_ns(const struct lock_row *row);

/* "running", "blocked in fsync", "waiting for queue_lock". Return: @to */
char *lock_doing_text(char to[CELL_TEXT_MAX], const struct report *report,
		      const struct lock_doing *doing);

/* What most tells what a holder did: where it waited longest, or ran most. */
struct lock_stack lock_holder_stack(const struct lock_holder *holder, bool *sampled);

/* "fsync <- store <- handle": without the inside of the C library. Return: @to; "" for none */
char *lock_stack_text(char to[CELL_TEXT_MAX], const struct report *report,
		      const struct lock_stack *stack);

#endif
