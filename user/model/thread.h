/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* thread - threads and processes as the model knows them: objects, not numbers */
#ifndef TRACER_MODEL_THREAD_H
#define TRACER_MODEL_THREAD_H

#include "user/base/map.h"
#include "user/model/names.h"
#include "user/trace/event.h"

struct task;

struct process {
	u32 id; /* 1, 2, ... in the order of appearance; never reused */
	u32 pid;
	u32 name;  /* names_text(): the main thread's name */
	u32 alive; /* threads of the target that live now */
	u64 begin_ns; /* its first thread was observed from here; UINT64_MAX: none was */
	struct process *parent; /* that forked it, as far as it is known; NULL */
	struct task *tasks; /* of its present program, the latest first: task->sibling */
};

struct track;
struct steps;

/* One life of a thread: a tid that is used again is another thread. */
struct thread {
	u32 id;     /* 1, 2, ... in the order of appearance; never reused */
	u32 tid;    /* after an exec: the new one */
	u32 ns_tid; /* in its own PID namespace; 0: not known */
	u32 flags;  /* THREAD_KERNEL, THREAD_FOREIGN, THREAD_COMPAT */
	s32 priority;
	u32 name;    /* the latest; names_text() */
	bool target; /* recorded; else known only because it woke others or took their CPU */
	bool exited; /* its exit was seen */
	u32 exit_code;
	struct process *process; /* never NULL; pid 0 when not known */
	u64 begin_ns;            /* observed from */
	u64 end_ns;              /* observed to; 0 while it lives */
	u64 spurious_wakeups;    /* wakings of a thread that was runnable already */
	u64 missing_wakeups;     /* blocked until the switch-in, for want of a waking */
	u64 repaired;            /* events that contradicted what was known */
	struct track *track;     /* the timeline's own; NULL when foreign or ended */
	struct steps *steps;     /* the same: what it announced; NULL: nothing, or it has ended */
};

/* All threads, by number and by their tid while they live. */
struct thread_table {
	struct names names;
	struct thread **threads;    /* by id - 1 */
	struct process **processes; /* by id - 1 */
	u32 count;
	u32 room;
	u32 process_count;
	u32 process_room;
	struct map live;           /* tid -> struct thread * */
	struct map live_processes; /* pid -> struct process * */
};

/* The living thread @tid, or NULL. */
struct thread *thread_find(const struct thread_table *table, u32 tid);

/* A new thread @tid of process @pid (0: not known), named "". An older one of that tid is
 * forgotten by its tid. Return: NULL without memory. */
struct thread *thread_add(struct thread_table *table, u32 tid, u32 pid);

/* The process @pid, made when there is none. Return: NULL without memory. */
struct process *process_get(struct thread_table *table, u32 pid);

/* One more thread of the target lives in it, observed from @begin_ns. */
void process_lives(struct process *process, u64 begin_ns);

/* The living process @pid, or NULL. */
struct process *process_of_pid(const struct thread_table *table, u32 pid);

/* From now on @pid is another process. */
void process_forget(struct thread_table *table, u32 pid);

/* Return: 0 or -ENOMEM. @comm: at most EVENT_COMM_BYTES, ended by 0 when shorter. */
int thread_rename(struct thread_table *table, struct thread *thread, const char *comm);

/* @thread is no longer found by its tid. */
void thread_forget(struct thread_table *table, struct thread *thread);

/* @thread is found as @tid from now on. Return: 0 or -ENOMEM. */
int thread_move(struct thread_table *table, struct thread *thread, u32 tid);

void thread_table_free(struct thread_table *table);

#endif
