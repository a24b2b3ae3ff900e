// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* filter - which threads, and which stretch of time */
#include "user/model/filter.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

bool filter_selects(const struct filter *filter)
{
	return filter->pid_count || filter->tid_count || filter->name_count;
}

static bool has(const u32 *numbers, size_t count, u32 number)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return !count;
}

bool filter_matches(const char *pattern, const char *name)
{
	return strpbrk(pattern, "*?[") ? !fnmatch(pattern, name, 0) : !!strstr(name, pattern);
}

bool filter_matches_any(const char *const *patterns, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (filter_matches(patterns[i], name))
			return true;
	return false;
}

static bool name_matches(const struct filter *filter, const char *name)
{
	return !filter->name_count || filter_matches_any(filter->names, filter->name_count, name);
}

bool filter_task(const struct filter *filter, const struct task *task, const char *name)
{
	for (size_t i = 0; task && i < filter->task_count; i++) {
		const char *pattern = filter->tasks[i];

		if (pattern[strspn(pattern, "0123456789")] ? filter_matches(pattern, name)
							   : strtoul(pattern, NULL, 10) == task->id)
			return true;
	}
	return !filter->task_count;
}

bool filter_thread(const struct filter *filter, const struct thread *thread, const char *name)
{
	return has(filter->pids, filter->pid_count, thread->process->pid) &&
	       has(filter->tids, filter->tid_count, thread->tid) && name_matches(filter, name);
}

bool filter_time(const struct filter *filter, u64 time_ns)
{
	return time_ns >= filter->from_ns && (!filter->to_ns || time_ns < filter->to_ns);
}

bool filter_cut(const struct filter *filter, struct interval *interval)
{
	if (interval->begin_ns == interval->end_ns)
		return filter_time(filter, interval->begin_ns);
	if (interval->begin_ns < filter->from_ns) {
		if (interval->end_ns <= filter->from_ns)
			return false;
		interval->begin_ns = filter->from_ns;
		interval->flags |= INTERVAL_CUT_BEGIN;
	}
	if (filter->to_ns && interval->end_ns > filter->to_ns) {
		if (interval->begin_ns >= filter->to_ns)
			return false;
		interval->end_ns = filter->to_ns;
		interval->flags |= INTERVAL_CUT_END;
	}
	return true;
}
