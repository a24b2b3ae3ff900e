/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* interval - what the timeline tells: stretches of a thread's life, and its finished calls */
#ifndef TRACER_MODEL_INTERVAL_H
#define TRACER_MODEL_INTERVAL_H

#include "user/model/task.h"
#include "user/model/thread.h"
#include "user/trace/event.h"

enum thread_state {
	STATE_UNKNOWN,  /* events were lost: not part of the observed time */
	STATE_RUNNING,  /* execution */
	STATE_RUNNABLE, /* scheduler wait */
	STATE_BLOCKED,  /* wait */
	STATE_COUNT,
};

/* Why a thread is runnable and does not run. */
enum runnable_why {
	WHY_PREEMPTED,
	WHY_YIELDED,
	WHY_WOKEN,
	WHY_NEW,   /* it has never run */
	WHY_FOUND, /* it was so when the recording began */
	WHY_COUNT,
};

/* Why a thread is blocked, and who ended it. */
struct wait {
	u8 kind;          /* enum wait_kind */
	u8 leave;         /* enum leave_state: sleeping, disk, stopped, ... */
	u8 futex_op;      /* enum futex_op, with an address */
	u8 waker_context; /* enum waker_context, with waker_known */
	u16 syscall;      /* SYSCALL_NONE outside any call */
	u16 waker_cpu;
	u32 object;                 /* timeline_object(); 0: none */
	u32 value;                  /* of the futex word, with an address */
	u64 address;                /* futex word; 0: not in a futex call */
	bool waker_known;           /* the waking was seen */
	const struct thread *waker; /* NULL: not known, or the idle thread */
};

/* Where it happened: ids for timeline_stack(); 0: not told, because it was too short for a stack,
 * or because stacks were not recorded. */
struct where {
	u32 user;
	u32 kernel;
	u32 waker_user; /* of who ended the wait; only with -e waker-stacks */
	u32 waker_kernel;
};

/* What lay at the futex word when the wait began; only with stacks, see event_wait_stack. */
struct lock_seen {
	bool known;
	u32 word;
	u32 owner; /* tid in the process's own PID namespace */
	u32 kind;
	u32 users;
};

#define INTERVAL_CUT_BEGIN 1 /* it began before the recording, or before the filter's --from */
#define INTERVAL_CUT_END   2 /* it goes on behind the recording's end, or behind --to */
#define INTERVAL_MIGRATED  4 /* running: on another CPU than the time before */
#define INTERVAL_ASIDE     8 /* of a thread that the filter leaves out: see sink.everyone */

/*
 * The intervals of one thread come in order, without a gap, from its begin to its end. Those
 * of different threads come when they are known: about in the order of their ends, but a
 * blocked one only together with the runnable one behind it, and with stacks only when the call
 * that it waited in has ended, because its stack is told then.
 */
struct interval {
	const struct thread *thread;
	u64 begin_ns;
	u64 end_ns;
	u8 state; /* enum thread_state */
	u8 why;   /* runnable: enum runnable_why */
	u8 leave; /* running: enum leave_state, how it ended */
	u8 flags; /* INTERVAL_* */
	u16 cpu;  /* running: where; else where it ran last. CPU_UNKNOWN */
	/*
	 * running: who took the CPU; runnable, preempted or yielded: the same; runnable, woken
	 * or new: who ran on the CPU until the thread got it. NULL: idle or not known.
	 */
	const struct thread *other;
	u64 latency_ns;   /* blocked: scheduler wait behind it */
	struct wait wait; /* blocked; runnable (woken): the wait that ended */
	struct where where; /* blocked; runnable: of the wait that ended, or of the preemption */
	struct lock_seen lock; /* blocked in a futex call; runnable (woken): of the wait that ended */
	/* Only with timeline_split_tasks(), which cuts intervals where they change. */
	const struct task *task; /* that the thread works for; NULL: none */
	u32 region;              /* the innermost one at the begin, names_text(); 0: none */
};

#define CPU_UNKNOWN 0xffff

/* A finished system call or futex call. */
struct call {
	const struct thread *thread;
	u64 begin_ns; /* = end_ns when it was entered before the recording */
	u64 end_ns;
	u64 blocked_ns; /* of it, the thread was blocked; the rest ran or was runnable */
	s64 result;
	bool futex;     /* a futex call: the fields below, no syscall number */
	bool unentered; /* the duration is not known */
	u16 syscall;    /* number, SYSCALL_COMPAT */
	u8 futex_op;
	u32 value;
	u64 address;
	u64 address2;
	const u64 *args; /* six, or NULL */
	const struct task *task; /* that the thread worked for when it ended */
};

/* A CPU sample: the thread ran at that time. */
struct sample {
	const struct thread *thread;
	u64 time_ns;
	u16 cpu;
	u32 user_stack; /* timeline_stack(); 0: none */
	u32 kernel_stack;
	const struct task *task; /* that the thread worked for */
	u32 region;              /* the innermost one, names_text() */
};

#define NOTE_IMPLIED    1 /* nobody announced it: it follows from another event */
#define NOTE_UNFINISHED 2 /* it follows from the end of the recording: what it ends goes on */
#define NOTE_UNSEEN     4 /* REGION_END, TASK_LEAVE: nothing is open; it may be older than the recording */
#define NOTE_ASIDE      8 /* of a thread, task or time that the filter leaves out */

/*
 * What a program announced, at its time: before the intervals that it lies in, which are told when
 * they end.
 *
 * REGION_BEGIN and REGION_END of a thread, TASK_ENTER and TASK_LEAVE of a thread and a task are paired,
 * whatever the program did: where an end is missing, one with NOTE_IMPLIED is told (at the end of the
 * task, of the thread, or of the recording). Without a pair are only ends with NOTE_UNSEEN, and begins
 * with one of MISUSE_REGION_DEPTH, MISUSE_TOO_MANY, MISUSE_TASK_OVER, MISUSE_TASK_UNBEGUN without task.
 * Regions that end in the wrong order do not nest: so a pair is one of thread, name and begin_ns, and
 * whoever shows slices needs nothing but REGION_END. TASK_END comes at most once for a task without
 * misuse; whether a task has ended, and that all of it was told, says sink.task.
 */
struct note {
	u16 kind;   /* enum event_kind, TASK_BEGIN ... SNAPSHOT */
	u16 flags;  /* ANNOTATION_* */
	u8 misuse;  /* enum misuse: against which rule it is; further ones of its texts in flags */
	u8 how;     /* NOTE_* */
	u16 depth;  /* of a region: how many others are open around it */
	u32 name;   /* of a task, region, counter; a log's category. names_text() */
	const struct thread *thread; /* TASK_LEAVE: which leaves, whoever announced it */
	const struct task *task; /* that it is about; of others, which the thread works for. NULL */
	u64 time_ns;
	u64 begin_ns;     /* REGION_END: of the region; with NOTE_UNSEEN, the recording's. TASK_END */
	u64 value;        /* COUNTER: note_number() */
	u32 stack;        /* REGION_*: where it began, timeline_stack(); 0: not recorded */
	const char *text; /* LOG, LINK, SNAPSHOT; valid until the callback returns */
};

enum thread_change {
	THREAD_BEGINS,
	THREAD_RENAMED,
	THREAD_EXECS, /* another program; its tid may have changed */
	THREAD_ENDS,
};

/*
 * Who wants to know. A callback may be NULL. It returns 0, or a negative errno that ends the
 * run. Pointers to threads stay valid as long as the timeline; all others (to tasks, too) until the
 * return.
 */
struct sink {
	void *ctx;
	/* Intervals (with INTERVAL_ASIDE), calls, changes and samples of threads that the filter
	 * leaves out are told too: what held up the others. Its stretch of time holds as ever. */
	bool everyone;
	int (*interval)(void *ctx, const struct interval *interval);
	/* The same, but each one as soon as it is known, and so without stacks and locks: those that
	 * ran on one CPU come in order, however long a call lasts in which a thread waits. */
	int (*prompt)(void *ctx, const struct interval *interval);
	int (*call)(void *ctx, const struct call *call);
	int (*thread)(void *ctx, const struct thread *thread, enum thread_change change,
		      u64 time_ns);
	int (*loss)(void *ctx, const struct trace_loss *loss, u16 cpu);
	/* EVENT_FORK, EVENT_EXEC, EVENT_MAPPING, EVENT_SYMBOL: what processes run; whatever the
	 * filter is */
	int (*program)(void *ctx, const struct trace_event *event);
	int (*sample)(void *ctx, const struct sample *sample);
	/* All of them are told, with NOTE_ASIDE where the filter leaves them out. */
	int (*note)(void *ctx, const struct note *note);
	/* Once for each task, when it is over (or the recording is), and all intervals, calls, samples
	 * and regions that belong to it were told. @aside: the filter leaves out the thread that began
	 * it, its name, or its time; others may have worked for it. */
	int (*task)(void *ctx, const struct task *task, bool aside);
};

/* What a counter is now. */
double note_number(const struct note *note);

/* "unknown", "running", "runnable", "blocked" */
const char *thread_state_name(enum thread_state state);
/* "preempted", "yielded", "woken", "new", "found" */
const char *runnable_why_name(enum runnable_why why);

#endif
