/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* filter - which threads, and which stretch of time */
#ifndef TRACER_MODEL_FILTER_H
#define TRACER_MODEL_FILTER_H

#include "user/model/interval.h"

/*
 * Everything that reads the model is filtered in one place, before the sinks:
 *
 *  - Intervals are cut at from_ns and to_ns (flags INTERVAL_CUT_*). A cut interval counts as
 *    one: counts of neighbouring stretches may add up to more than the count of the whole.
 *  - Calls are not cut: a call belongs to the stretch that its end lies in.
 *  - A thread is selected by what holds when the interval ends, so a thread that is renamed
 *    is selected by name from then on.
 *  - With tasks, intervals are cut where a thread enters or leaves a task that is selected. A call
 *    belongs to the task that its thread works for at its end.
 *  - Losses are never filtered by thread: they can hit any.
 */
struct filter {
	u64 from_ns; /* CLOCK_MONOTONIC; 0: from the begin */
	u64 to_ns;   /* exclusive; 0: to the end */
	const u32 *pids;
	size_t pid_count; /* 0: all */
	const u32 *tids;
	size_t tid_count;
	const char *const *names; /* globs where they hold one of * ? [, else parts of a name */
	size_t name_count;
	const char *const *tasks; /* the same of tasks; a number is the id of one */
	size_t task_count;
};

/* Whether any thread can be left out. */
bool filter_selects(const struct filter *filter);

/* @name: the thread's */
bool filter_thread(const struct filter *filter, const struct thread *thread, const char *name);

/* @task: NULL: none. @name: the task's */
bool filter_task(const struct filter *filter, const struct task *task, const char *name);

/* "worker" matches "worker-1", "work*1" too; "worker-?" all with one more letter. */
bool filter_matches(const char *pattern, const char *name);
bool filter_matches_any(const char *const *patterns, size_t count, const char *name);

/* Cuts @interval. Return: false when nothing of it is left. */
bool filter_cut(const struct filter *filter, struct interval *interval);

bool filter_time(const struct filter *filter, u64 time_ns);

#endif
