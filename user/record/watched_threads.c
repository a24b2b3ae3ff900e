// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* watched_threads - which threads there are, what they are called, and how they end */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "user/record/watched.h"

/* Known at once, whatever the order of CPUs: nothing is told of a thread before. */
static struct watched_thread *learn(struct watch *watch, u32 tid, u32 tgid, const char *comm,
				    u64 time_ns)
{
	u64 *slot = watch->threads.count < WATCH_THREADS_MAX || map_get(&watch->threads, tid)
			    ? map_put(&watch->threads, tid)
			    : NULL;
	struct watched_thread *t;
	char was[sizeof(t->comm)];

	if (slot && !*slot)
		*slot = (u64)calloc(1, sizeof(*t));
	if (!slot || !*slot) {
		if (slot)
			map_remove(&watch->threads, tid);
		watch->left_out++;
		return NULL;
	}
	t = (struct watched_thread *)*slot;
	memcpy(was, t->comm, sizeof(was));
	free(t->regions);
	*t = (struct watched_thread){ .tid = tid,
				      .tgid = tgid,
				      .born_ns = time_ns,
				      .syscall = SYSCALL_NONE,
				      .named_ns = t->named_ns };
	if (t->named_ns <= time_ns) {
		t->named_ns = time_ns;
		memcpy(t->comm, comm, EVENT_COMM_BYTES);
	} else {
		memcpy(t->comm, was, sizeof(was));
	}
	return t;
}

void watched_learn(struct watch *watch, const struct trace_event *event)
{
	const struct event_thread *is = event->thread;
	struct watched_thread *t;

	if (is->flags & THREAD_FOREIGN)
		return;
	t = learn(watch, is->tid, is->tgid, is->comm, event->time_ns);
	if (!t)
		return;
	t->since_ns = is->since_ns ?: event->time_ns;
	t->wait_kind = is->wait_kind;
	t->syscall = is->syscall;
	switch (is->state) {
	case LEAVE_RUNNING: t->doing = DOING_RUN; break;
	case LEAVE_PREEMPTED: t->doing = DOING_WAIT_FOR_CPU; break;
	case LEAVE_SLEEPING:
	case LEAVE_DISK: t->doing = DOING_WAIT; break;
	default: t->doing = DOING_UNKNOWN;
	}
}

void watched_rename(struct watch *watch, const struct trace_event *event)
{
	const struct event_name *is = &event->name;
	struct watched_thread *t = watched_thread(watch, is->tid);

	if (is->flags & THREAD_FOREIGN)
		return;
	if (!t) {
		learn(watch, is->tid, is->tgid, is->comm, event->time_ns);
		return;
	}
	if (t->named_ns > event->time_ns)
		return;
	t->named_ns = event->time_ns;
	memcpy(t->comm, is->comm, EVENT_COMM_BYTES);
}

/* All other threads of the process have ended; the one that called exec takes its number. */
void watched_exec(struct watch *watch, const struct trace_exec *exec)
{
	struct watched_thread *t = watched_thread(watch, exec->old_tid), *old;
	u64 *slot;

	if (!t)
		return;
	t->depth = 0;
	if (exec->tid == exec->old_tid)
		return;
	old = watched_thread(watch, exec->tid);
	map_remove(&watch->threads, exec->old_tid);
	slot = map_put(&watch->threads, exec->tid);
	if (slot)
		*slot = (u64)t;
	t->tid = exec->tid;
	if (old)
		free(old->regions);
	free(old);
	if (!slot) {
		free(t->regions);
		free(t);
	}
}

static bool ends_badly(u32 exit_code)
{
	int number = WTERMSIG((int)exit_code);

	/* What ends a program in order, or is its user's wish */
	return WIFSIGNALED((int)exit_code) && number != SIGTERM && number != SIGINT &&
	       number != SIGHUP && number != SIGPIPE && number != SIGALRM;
}

void watched_crash(struct watch *watch, const struct trace_event *event)
{
	const struct event_exit *is = &event->exit;
	struct cause cause = { .time_ns = event->time_ns };

	if (!watch->mask[TRIGGER_CRASH] || !ends_badly(is->exit_code))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(watch->crashed); i++)
		if (watch->crashed[i] == is->tgid)
			return;
	watch->crashed[watch->crashes++ % ARRAY_SIZE(watch->crashed)] = is->tgid;
	snprintf(cause.what, sizeof(cause.what), "SIG%s%s",
		 sigabbrev_np(WTERMSIG((int)is->exit_code)) ?: "?",
		 WCOREDUMP((int)is->exit_code) ? ", core dumped" : "");
	for (u64 mask = watch->mask[TRIGGER_CRASH]; mask; mask &= mask - 1)
		watch_met(watch, (unsigned int)__builtin_ctzll(mask),
			  watched_thread(watch, is->tid), &cause);
}

void watched_fork(struct watch *watch, const struct trace_event *event)
{
	learn(watch, event->fork->tid, event->fork->tgid, event->fork->comm, event->time_ns);
}
