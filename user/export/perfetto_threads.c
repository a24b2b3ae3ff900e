// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* perfetto_threads - what threads did on CPUs, their begin, their end and their names, for Perfetto */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/protobuf.h"
#include "user/export/perfetto.h"

enum ftrace_event {
	FTRACE_NEWTASK = 235,
	FTRACE_RENAME = 236,
	FTRACE_PROCESS_FREE = 240,
};

enum newtask_field { NEWTASK_PID = 1, NEWTASK_COMM = 2, NEWTASK_FLAGS = 3 };
enum rename_field { RENAME_PID = 1, RENAME_NEW = 3 };
enum free_field { FREE_COMM = 1, FREE_PID = 2, FREE_PRIO = 3 };

#define CLONE_THREAD_FLAG 0x10000

/* GenericKernelTaskStateEvent */
enum state_field { STATE_CPU = 1, STATE_COMM = 2, STATE_TID = 3, STATE_STATE = 4, STATE_PRIO = 5 };
enum generic_state {
	GENERIC_RUNNABLE = 2,
	GENERIC_SLEEPING = 4,
	GENERIC_DISK = 5,
	GENERIC_STOPPED = 6,
};

#define PRIORITY_NORMAL 120

static const u16 raw_states[] = {
	[LEAVE_PREEMPTED] = RAW_PREEMPTED, [LEAVE_YIELDED] = RAW_RUNNABLE,
	[LEAVE_SLEEPING] = RAW_SLEEPING,   [LEAVE_DISK] = RAW_DISK,
	[LEAVE_STOPPED] = RAW_STOPPED,     [LEAVE_DEAD] = RAW_DEAD,
	[LEAVE_IDLE] = RAW_IDLE,           [LEAVE_PARKED] = RAW_PARKED,
	[LEAVE_RUNNING] = RAW_PARKED, /* nothing is known of it from then on */
};
_Static_assert(ARRAY_SIZE(raw_states) == LEAVE_STATE_COUNT, "every state has the kernel's own");

/* Room for @id in a list that is zero where it is new. Return: false without memory. */
static bool reserve(void *list, u32 *room, u32 id, size_t size)
{
	void **items = list, *grown;
	u32 more = *room ?: 64;

	if (id <= *room)
		return true;
	while (more < id)
		more *= 2;
	grown = realloc(*items, more * size);
	if (!grown)
		return false;
	memset((u8 *)grown + *room * size, 0, (more - *room) * size);
	*items = grown;
	*room = more;
	return true;
}

struct perfetto_thread *perfetto_thread(struct perfetto *p, const struct thread *thread)
{
	struct perfetto_thread *x;

	if (unlikely(!reserve(&p->threads, &p->thread_room, thread->id, sizeof(*p->threads)))) {
		p->failed = -ENOMEM;
		return NULL;
	}
	x = &p->threads[thread->id - 1];
	if (x->named)
		return x;
	x->named = true;
	x->tid = thread->tid;
	x->born_ns = max(thread->begin_ns, p->export.begin_ns);
	perfetto_knows(p, thread->process, x->born_ns);
	return x;
}

void perfetto_knows(struct perfetto *p, const struct process *process, u64 time_ns)
{
	if (!reserve(&p->processes, &p->process_room, process->id, sizeof(*p->processes)))
		p->failed = -ENOMEM;
	else if (!p->processes[process->id - 1])
		p->processes[process->id - 1] = max(time_ns, (u64)1);
}

static s32 priority_of(const struct thread *thread)
{
	return thread->priority ?: PRIORITY_NORMAL;
}

/* Of threads that did not run when the window began. For a reader, others begin with what they do. */
static void put_state(struct perfetto *p, const struct interval *interval)
{
	const struct thread *thread = interval->thread;
	struct buffer *to = packet_at(&p->packets, interval->begin_ns, SEQUENCE_MAIN, 0);
	size_t begin = proto_begin(to, PACKET_TASK_STATE);
	enum generic_state state = GENERIC_SLEEPING;

	if (interval->state == STATE_RUNNABLE)
		state = GENERIC_RUNNABLE;
	else if (interval->wait.leave == LEAVE_DISK)
		state = GENERIC_DISK;
	else if (interval->wait.leave == LEAVE_STOPPED)
		state = GENERIC_STOPPED;
	proto_number(to, STATE_CPU, interval->cpu == CPU_UNKNOWN ? 0 : interval->cpu);
	proto_text(to, STATE_COMM, thread_name(p->export.timeline, thread));
	proto_number(to, STATE_TID, thread->tid);
	proto_number(to, STATE_STATE, state);
	proto_number(to, STATE_PRIO, (u64)(s64)priority_of(thread));
	proto_end(to, begin);
	packet_end(&p->packets);
}

/* Whether nothing is told of what it does: outside the target, or left out by a filter */
static bool is_aside(const struct perfetto *p, const struct thread *thread)
{
	return !thread->target || p->options->filter.task_count ||
	       !timeline_selects(p->export.timeline, thread, NULL);
}

/* Who took the CPU of a thread that could have run: known for that moment only. */
static void put_rival(struct perfetto *p, const struct interval *interval)
{
	const struct thread *rival = interval->other;
	struct cpu_run run = {
		.begin_ns = interval->end_ns,
		.end_ns = interval->end_ns,
		.state = RAW_PARKED,
		.flags = RUN_MOMENT,
	};

	if (!rival || p->options->filter.task_count || !is_aside(p, rival) ||
	    !perfetto_thread(p, rival))
		return;
	if (!map_put(&p->cpus.foreign, rival->tid))
		p->failed = -ENOMEM;
	run.tid = rival->tid;
	run.name = rival->name;
	run.priority = priority_of(rival);
	cpus_run(&p->cpus, interval->cpu, &run);
}

static struct cpu_wake wake_of(struct perfetto *p, const struct thread *thread,
			       const struct wait *wait, u64 time_ns)
{
	static const u8 contexts[] = { [WAKER_SOFTIRQ] = WAKE_SOFTIRQ,
				       [WAKER_HARDIRQ] = WAKE_HARDIRQ,
				       [WAKER_NMI] = WAKE_HARDIRQ };
	struct cpu_wake wake = {
		.time_ns = time_ns,
		.tid = thread->tid,
		.name = thread->name,
		.priority = priority_of(thread),
		.target = CPU_UNKNOWN,
		.waker_priority = PRIORITY_NORMAL,
	};
	struct perfetto_thread *waker;

	if (wait->waker_context < ARRAY_SIZE(contexts))
		wake.context = contexts[wait->waker_context];
	if (!wait->waker)
		return wake;
	waker = perfetto_thread(p, wait->waker);
	wake.waker = waker ? waker->tid : wait->waker->tid;
	wake.waker_name = wait->waker->name;
	wake.waker_priority = priority_of(wait->waker);
	wake.how = is_aside(p, wait->waker) ? WAKE_FOREIGN : WAKE_NORMAL;
	if (wake.how == WAKE_FOREIGN && !map_put(&p->cpus.foreign, wake.waker))
		p->failed = -ENOMEM;
	if (!wait->waker->target)
		wake.how = WAKE_UNKNOWN;
	return wake;
}

static void put_run(struct perfetto *p, struct perfetto_thread *x, const struct interval *interval)
{
	const struct thread *thread = interval->thread;
	bool at_end = interval->flags & INTERVAL_CUT_END && interval->end_ns == p->export.end_ns;
	struct cpu_run run = {
		.begin_ns = interval->begin_ns,
		.end_ns = interval->end_ns,
		.tid = thread->tid,
		.name = thread->name,
		.priority = priority_of(thread),
		.state = raw_states[min(interval->leave, (u8)LEAVE_RUNNING)],
		.flags = (at_end ? RUN_OPEN : 0) | (x->seen ? 0 : RUN_FOUND),
	};

	/*
	 * Where a switch is missing, a thread leaves one CPU and runs on another at one time. But what
	 * happens on two CPUs at one time readers take in any order.
	 */
	if (run.end_ns > run.begin_ns && x->run_ns && x->run_ns == run.begin_ns &&
	    x->cpu != interval->cpu)
		run.begin_ns++;
	if (x->wait_ns && x->wait_ns == run.begin_ns) {
		const struct cpu_wake wake = wake_of(p, thread, &x->wait, x->wait_ns);

		cpus_wake_before(&p->cpus, interval->cpu, &wake);
	}
	x->run_ns = run.end_ns;
	x->dead = interval->leave == LEAVE_DEAD;
	x->cpu = interval->cpu;
	if (x->split && x->exec_ns >= run.begin_ns && x->exec_ns <= run.end_ns) {
		struct cpu_run before = run;

		x->split = false;
		before.tid = x->old_tid;
		before.end_ns = run.begin_ns = x->exec_ns;
		before.state = RAW_DEAD;
		before.flags &= ~RUN_OPEN;
		run.flags &= ~RUN_FOUND;
		cpus_run(&p->cpus, interval->cpu, &before);
	}
	cpus_run(&p->cpus, interval->cpu, &run);
	if (interval->leave == LEAVE_PREEMPTED || interval->leave == LEAVE_YIELDED)
		put_rival(p, interval);
}

static void put_wake(struct perfetto *p, struct perfetto_thread *x, const struct interval *interval)
{
	struct cpu_wake wake = wake_of(p, interval->thread, &interval->wait, interval->begin_ns);
	u16 cpu = interval->wait.waker_cpu;

	wake.target = interval->cpu;
	/*
	 * The waking was a moment before the switch-out that it ends. Of an interrupt, readers learn
	 * only from wakings on its own CPU, which have to be later than that switch-out.
	 */
	if (x->run_ns && wake.time_ns == x->run_ns && x->cpu != CPU_UNKNOWN) {
		if (wake.context) {
			wake.time_ns++;
		} else {
			wake.how = WAKE_BEHIND;
			cpu = x->cpu;
		}
	}
	cpus_wake(&p->cpus, cpu, &wake);
}

/* Whether a reader learns by another event that the thread is there. */
static bool is_told(const struct interval *interval)
{
	if (interval->state != STATE_RUNNABLE || interval->flags & INTERVAL_CUT_BEGIN)
		return false;
	return interval->why == WHY_WOKEN;
}

static void put_free(struct perfetto *p, u16 cpu, u64 time_ns, u32 tid, const struct thread *thread)
{
	struct buffer *to = cpus_event(&p->cpus, cpu, time_ns, tid);
	size_t begin;

	if (!to)
		return;
	begin = proto_begin(to, FTRACE_PROCESS_FREE);
	proto_text(to, FREE_COMM, thread_name(p->export.timeline, thread));
	proto_number(to, FREE_PID, tid);
	proto_number(to, FREE_PRIO, (u64)(s64)priority_of(thread));
	proto_end(to, begin);
	cpus_event_end(&p->cpus, cpu);
}

/* What was told of others with its number was of another thread, or of it before it was the target's. */
static void first_seen(struct perfetto *p, struct perfetto_thread *x,
		       const struct interval *interval)
{
	if (interval->begin_ns > p->export.begin_ns &&
	    map_remove(&p->cpus.foreign, interval->thread->tid))
		put_free(p, interval->cpu, interval->begin_ns - 1, x->tid, interval->thread);
	if (interval->state != STATE_RUNNING && !is_told(interval))
		put_state(p, interval);
}

int perfetto_prompt(void *ctx, const struct interval *interval)
{
	struct perfetto *p = ctx;
	struct perfetto_thread *x = perfetto_thread(p, interval->thread);

	if (!x || interval->state == STATE_UNKNOWN)
		return p->failed;
	if (!x->seen)
		first_seen(p, x, interval);
	if (interval->state == STATE_RUNNING)
		put_run(p, x, interval);
	x->seen = true;
	x->wait_ns = 0;
	if (interval->state == STATE_BLOCKED && interval->wait.waker_known &&
	    !(interval->flags & INTERVAL_CUT_END)) {
		x->wait = interval->wait;
		x->wait_ns = interval->end_ns;
	}
	if (interval->state != STATE_RUNNABLE || interval->flags & INTERVAL_CUT_BEGIN)
		return p->failed;
	if (interval->why == WHY_WOKEN && interval->wait.waker_known)
		put_wake(p, x, interval);
	return p->failed;
}

/* A fork tells who began the thread that begins now. */
int perfetto_program(void *ctx, const struct trace_event *event)
{
	struct perfetto *p = ctx;

	if (event->kind != EVENT_FORK)
		return 0;
	p->fork.time_ns = event->time_ns;
	p->fork.tid = event->fork->tid;
	p->fork.parent = event->fork->parent_tid;
	p->fork.cpu = event->cpu;
	p->fork.is_thread = event->fork->tgid == event->fork->parent_tgid;
	return 0;
}

static bool is_in_window(const struct perfetto *p, u64 time_ns)
{
	return time_ns >= p->export.begin_ns && time_ns < p->export.end_ns;
}

static void put_newtask(struct perfetto *p, struct perfetto_thread *x, const struct thread *thread)
{
	struct buffer *to = cpus_event(&p->cpus, p->fork.cpu, p->fork.time_ns, p->fork.parent);
	size_t begin;

	if (!to)
		return;
	begin = proto_begin(to, FTRACE_NEWTASK);
	proto_number(to, NEWTASK_PID, thread->tid);
	proto_text(to, NEWTASK_COMM, thread_name(p->export.timeline, thread));
	proto_number(to, NEWTASK_FLAGS, p->fork.is_thread ? CLONE_THREAD_FLAG : 0);
	proto_end(to, begin);
	cpus_event_end(&p->cpus, p->fork.cpu);
	x->seen = true;
}

static void begins(struct perfetto *p, const struct thread *thread, u64 time_ns)
{
	bool forked = p->fork.tid == thread->tid && p->fork.time_ns == time_ns &&
		      is_in_window(p, time_ns);
	struct perfetto_thread *x;

	/* Before that, readers would take it for another one of that number. */
	if (forked && !p->fork.is_thread)
		perfetto_knows(p, thread->process, time_ns + 1);
	x = perfetto_thread(p, thread);
	if (!map_put(&p->cpus.ours, thread->tid))
		p->failed = -ENOMEM;
	if (!x || !forked)
		return;
	x->born_ns = time_ns + 1;
	put_newtask(p, x, thread);
}

/* From then on its number may be another thread's. */
static void ends(struct perfetto *p, const struct thread *thread, u64 time_ns)
{
	struct perfetto_thread *x = perfetto_thread(p, thread);

	if (!x || !(x->seen || x->tracks) || !is_in_window(p, time_ns))
		return;
	/* Behind its last switch; where that was not seen, before another one has its number. */
	put_free(p, x->cpu, x->dead ? time_ns + 1 : time_ns - 1, x->tid, thread);
}

static void renamed(struct perfetto *p, const struct thread *thread, u64 time_ns)
{
	struct perfetto_thread *x = perfetto_thread(p, thread);
	struct buffer *to;
	size_t begin;

	if (!x || !x->seen || !is_in_window(p, time_ns))
		return;
	to = cpus_event(&p->cpus, x->cpu, time_ns, x->tid);
	if (!to)
		return;
	begin = proto_begin(to, FTRACE_RENAME);
	proto_number(to, RENAME_PID, x->tid);
	proto_item(to, RENAME_NEW, thread_name(p->export.timeline, thread),
		   strlen(thread_name(p->export.timeline, thread)));
	proto_end(to, begin);
	cpus_event_end(&p->cpus, x->cpu);
}

/* The thread that calls exec gets the number of its process's first one, which has ended. */
static void execs(struct perfetto *p, const struct thread *thread, u64 time_ns)
{
	struct perfetto_thread *x = perfetto_thread(p, thread);

	if (!x || x->tid == thread->tid)
		return;
	if (x->seen && is_in_window(p, time_ns)) {
		x->old_tid = x->tid;
		x->exec_ns = time_ns;
		x->split = true;
		put_free(p, x->cpu, time_ns + 1, x->old_tid, thread);
	}
	x->tid = thread->tid;
}

int perfetto_life(void *ctx, const struct thread *thread, enum thread_change change, u64 time_ns)
{
	struct perfetto *p = ctx;

	switch (change) {
	case THREAD_BEGINS: begins(p, thread, time_ns); break;
	case THREAD_RENAMED: renamed(p, thread, time_ns); break;
	case THREAD_EXECS: execs(p, thread, time_ns); break;
	case THREAD_ENDS: ends(p, thread, time_ns); break;
	}
	return p->failed;
}
