/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* waits - what threads waited for, how long, and who ended it */
#ifndef TRACER_MODEL_WAITS_H
#define TRACER_MODEL_WAITS_H

#include "user/model/histogram.h"
#include "user/model/task_groups.h"
#include "user/model/timeline.h"
#include "user/model/what.h"

struct waits_row {
	u8 kind;             /* enum wait_kind */
	u16 task;            /* task_group_name() */
	u16 syscall;         /* SYSCALL_NONE outside any call */
	u32 what;            /* whats_get() */
	struct histogram ns; /* blocked time: from switch-out to waking */
	u64 latency_ns;      /* scheduler wait behind the waits, all together */
	u64 unfinished;      /* cut by the end of the recording, or by a filter */
	u64 unfinished_ns;
	const struct thread *longest; /* who waited longest, and since when */
	u64 longest_begin_ns;
	const struct thread *worst; /* the same of the finished ones; NULL: none */
	u64 worst_ns;
	u64 worst_begin_ns;
	u32 worst_stack; /* the user's; 0: none */
};

/* Who ended the waits of a row: by name, because clients and pools are many. */
struct waits_waker {
	u32 row;      /* number in rows */
	u32 name;     /* names_text() of timeline_threads()->names; 0: see context */
	u8 context;   /* enum waker_context; WAKER_HARDIRQ with name 0: an interrupt */
	bool missing; /* the waking was not seen */
	u64 count;
	u64 ns;
};

/* Where in the code the waits of a row were */
struct waits_place {
	u32 row;   /* number in rows */
	u32 stack; /* timeline_stack(): the user's */
	u64 ns;
};

struct waits {
	const struct timeline *timeline;
	struct waits_row *rows;
	u32 count;
	u32 room;
	struct map numbers; /* task, kind, syscall, what -> number of the row + 1 */
	struct task_groups tasks; /* on: a row of each */
	struct waits_waker *wakers;
	u32 waker_count;
	u32 waker_room;
	struct map waker_numbers; /* row, name, context -> number + 1 */
	struct waits_place *places;
	u32 place_count;
	u32 place_room;
	struct map place_numbers; /* row, stack -> number + 1 */
	struct whats whats;
};

/* Fills @waits while @timeline runs. Source: intervals. */
struct sink waits_sink(struct waits *waits, const struct timeline *timeline);

/**
 * waits_sort() - rows by the longest total time, wakers by row and the most wakings
 * @waits: complete; afterwards nothing may be added
 *
 * Blocked time, without the scheduler wait behind it. Source: EVENT_SWITCH, EVENT_WAKING;
 * with lost events, a lower bound.
 *
 * Return: 0 or -ENOMEM.
 */
int waits_sort(struct waits *waits);

/* The wakers of row @row, the most frequent first. Return: how many. */
size_t waits_wakers(const struct waits *waits, u32 row, const struct waits_waker **wakers);

/* The stacks of row @row, those with an id; the longest total first. Return: how many. */
size_t waits_places(const struct waits *waits, u32 row, const struct waits_place **places);

/* Who ended a wait that is over; row and sums are 0. An interrupt is not the doing of the thread
 * that it hit; a softirq may well be. */
struct waits_waker waits_waker_of(const struct wait *wait);

#define WAKER_TEXT_MAX 64

/* "redis-server", "softirq (redis-server)", "interrupt", "not seen". Return: @to */
char *waker_text(char to[WAKER_TEXT_MAX], const struct timeline *timeline,
		 const struct waits_waker *waker);
void waits_free(struct waits *waits);

#endif
