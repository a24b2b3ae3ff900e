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

enum tree_field { TREE_PROCESSES = 1, TREE_THREADS = 2 };
enum tree_process_field {
	TREE_PID = 1,
	TREE_CMDLINE = 3,
	TREE_KTHREAD = 8,
	TREE_CMDLINE_IS_COMM = 9,
};
enum tree_thread_field { TREE_TID = 1, TREE_NAME = 2, TREE_TGID = 3 };

#define TREE_BYTES      (64 << 10) /* of a packet */
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

int perfetto_prompt(void *ctx, const struct interval *interval)
{
	struct perfetto *p = ctx;
	struct perfetto_thread *x = perfetto_thread(p, interval->thread);

	if (!x || interval->state == STATE_UNKNOWN)
		return p->failed;
	if (!x->seen && interval->state != STATE_RUNNING && !is_told(interval))
		put_state(p, interval);
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

/* From then on its number may be another thread's. */
static void ends(struct perfetto *p, const struct thread *thread, u64 time_ns)
{
	struct perfetto_thread *x = perfetto_thread(p, thread);

	if (!x || !x->seen || !is_in_window(p, time_ns))
		return;
	/* Behind its last switch; where an exec ended it, before another one has its number. */
	put_free(p, x->cpu, x->run_ns == time_ns ? time_ns + 1 : time_ns - 1, x->tid, thread);
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
	proto_text(to, RENAME_NEW, thread_name(p->export.timeline, thread));
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

static void put_process(struct perfetto *p, struct buffer *to, const struct process *process,
			const struct thread *thread)
{
	const char *name = process_name(p->export.timeline, process);
	size_t begin = proto_begin(to, TREE_PROCESSES);

	/* Without a command line, readers leave it out. */
	proto_number(to, TREE_PID, process->pid);
	proto_item(to, TREE_CMDLINE, name, strlen(name));
	proto_bool(to, TREE_KTHREAD, thread->flags & THREAD_KERNEL);
	proto_bool(to, TREE_CMDLINE_IS_COMM, true);
	proto_end(to, begin);
}

static void put_thread(struct perfetto *p, struct buffer *to, u32 tid, const struct thread *thread)
{
	size_t begin = proto_begin(to, TREE_THREADS);

	proto_number(to, TREE_TID, tid);
	proto_text(to, TREE_NAME, thread_name(p->export.timeline, thread));
	proto_number(to, TREE_TGID, thread->process->pid);
	proto_end(to, begin);
}

static void put_exec_name(struct perfetto *p, const struct perfetto_thread *x,
			  const struct thread *thread)
{
	struct buffer *to;
	size_t begin;

	if (!x->exec_ns)
		return;
	to = packet_at(&p->packets, x->exec_ns + 1, SEQUENCE_MAIN, 0);
	begin = proto_begin(to, PACKET_PROCESS_TREE);
	put_thread(p, to, x->tid, thread);
	proto_end(to, begin);
	packet_end(&p->packets);
}

/* Threads that readers know from one time on come in one packet. A name is the last one. */
void perfetto_put_names(struct perfetto *p)
{
	const struct thread_table *threads = timeline_threads(p->export.timeline);
	u32 count = min(threads->count, p->thread_room);

	for (u32 i = 0; i < count && !p->failed;) {
		u64 born_ns = p->threads[i].born_ns;
		struct buffer *to;
		size_t begin;

		if (!p->threads[i].named && ++i)
			continue;
		to = packet_at(&p->packets, born_ns, SEQUENCE_MAIN, 0);
		begin = proto_begin(to, PACKET_PROCESS_TREE);

		for (; i < count && (!p->threads[i].named || p->threads[i].born_ns == born_ns) &&
		       to->size - begin < TREE_BYTES;
		     i++) {
			const struct thread *thread = threads->threads[i];
			u64 *known;

			if (!p->threads[i].named || !thread->process->pid)
				continue;
			perfetto_knows(p, thread->process, born_ns);
			if (p->failed)
				break;
			known = &p->processes[thread->process->id - 1];
			if (!(*known & PROCESS_NAMED))
				put_process(p, to, thread->process, thread);
			*known |= PROCESS_NAMED;
			put_thread(p, to, p->threads[i].old_tid ?: p->threads[i].tid, thread);
		}
		proto_end(to, begin);
		packet_end(&p->packets);
	}
	for (u32 i = 0; i < count; i++)
		put_exec_name(p, &p->threads[i], threads->threads[i]);
}
