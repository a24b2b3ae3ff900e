/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* task - tasks as the model knows them: what programs announced as units of their work */
#ifndef TRACER_MODEL_TASK_H
#define TRACER_MODEL_TASK_H

#include "user/model/thread.h"

#define TASKS_MAX      (1 << 20) /* open at once; those behind are counted, and belong to nothing */
#define TASKS_OVER_MAX (1 << 14) /* ended ones that are still known, should they be spoken of */
#define TASK_NAMES_MAX (1 << 16) /* different names of tasks, regions, counters, categories */
#define TASK_LINK_MAX  127

#define TASK_UNBEGUN 1 /* its begin was not seen */
#define TASK_BEFORE  2 /* it stands for all of its process that were begun while nobody recorded */
#define TASK_ENDED   4
#define TASK_DROPPED 8 /* another one with its number was begun, or its process is another program */
#define TASK_PROBED  16 /* the user's probe made it */
#define TASK_TOLD    32 /* all that belongs to it was told: sink.task */
/* The table's own */
#define TASK_HIDDEN  64 /* its number is no longer its */
#define TASK_RETIRED 128 /* freed when nothing uses it */

/* One announced unit of work. Valid until the callback that told of it returns: keep the id. */
struct task {
	u32 id;          /* 1, 2, ... in the order of appearance in the trace; never reused */
	u32 name;        /* names_text(), task_name(); 0: not known */
	u32 parent;      /* id, of the same process or of one that forked it; 0: none, or not known */
	u8 flags;        /* TASK_*; whole: TASK_ENDED without TASK_UNBEGUN */
	u64 number;      /* the program's own */
	u64 begin_ns;    /* TASK_UNBEGUN: the recording's, or when it was first spoken of */
	u64 end_ns;      /* with TASK_ENDED or TASK_DROPPED; without: the recording's, once TASK_TOLD */
	u64 attended_ns; /* at least one thread worked for it */
	u64 ends;        /* TASK_BEFORE: how many ended */
	const struct thread *thread; /* that began it, or spoke of it first */
	const struct process *process;
	const char *link; /* W3C traceparent; NULL */

	/* The timeline's own */
	struct task *newer, *older; /* of the same process */
	struct task *next;	    /* the one before it with the same key */
	struct task *queue;	    /* ended after it */
	struct thread **inside;	    /* threads that have entered it */
	u32 inside_count;
	u32 inside_room;
	u64 inside_since_ns;
	u32 uses; /* by intervals, calls, samples and regions that are not told */
};

/* What a program did against the rules. All of it is kept, and counted. */
enum misuse {
	MISUSE_NONE,
	MISUSE_TASK_UNBEGUN,     /* a task is ended, entered, ... that was never begun */
	MISUSE_TASK_ENDED_TWICE,
	MISUSE_TASK_BEGUN_TWICE, /* a number is begun that has not ended */
	MISUSE_TASK_OVER,        /* entered, although it has ended */
	MISUSE_TASK_LEFT_ORDER,  /* left before one that was entered later */
	MISUSE_TASK_UNENTERED,   /* left by a thread that had not entered it */
	MISUSE_TASK_UNENDED,     /* its process ended, or became another program */
	MISUSE_REGION_UNBEGUN,   /* ended without a begin */
	MISUSE_REGION_ORDER,     /* ended before one that was begun later */
	MISUSE_REGION_THREAD,    /* ended on another thread: goes on on its own */
	MISUSE_REGION_UNENDED,   /* its thread ended inside */
	MISUSE_REGION_DEPTH,     /* more of them inside each other than are followed */
	MISUSE_NAME_CUT,
	MISUSE_NAME_UNREADABLE,
	MISUSE_NAME_NOT_UTF8,
	MISUSE_TOO_MANY,         /* tasks or names for which there was no room */
	MISUSE_COUNT,
};

/* "task_end_without_begin", ...: a key. And "tasks that were never begun": for people. */
const char *misuse_name(enum misuse misuse);
const char *misuse_text(enum misuse misuse);

/* Those that are open, and the latest that are over, by what their programs call them. */
struct task_table {
	u32 last_id;
	u32 open;
	struct map numbers; /* hash of process and number -> struct task *, the latest */
	struct task *over_first, *over_last;
	u32 over;
};

/* The latest task @number of @process, or NULL. */
struct task *task_find(const struct task_table *table, const struct process *process, u64 number);

/* A new one. Return: 0; -ENOSPC when TASKS_MAX are open; -ENOMEM. */
int task_add(struct task **out, struct task_table *table, struct process *process, u64 number);

/* It ended, or was dropped: remembered for a while, until there are more than TASKS_OVER_MAX when the
 * table is trimmed. Once for each. */
void task_over(struct task_table *table, struct task *task);
void tasks_trim(struct task_table *table);

/* Its number is found no more. */
void task_hide(struct task_table *table, struct task *task);

/* Frees it if it may be: TASK_RETIRED, TASK_TOLD, and not used. */
void task_reap(struct task *task);

int task_enter(struct task *task, struct thread *thread, u64 now_ns);
void task_leave(struct task *task, const struct thread *thread, u64 now_ns);
void tasks_free(struct process *process);

static inline bool task_is_over(const struct task *task)
{
	return task->flags & (TASK_ENDED | TASK_DROPPED);
}

#endif
