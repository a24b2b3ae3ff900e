/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* go_marks - what the model tells of threads, as moments in order of time */
#ifndef TRACER_EXPORT_GO_MARKS_H
#define TRACER_EXPORT_GO_MARKS_H

#include "user/export/sorter.h"
#include "user/model/timeline.h"
#include "user/model/what.h"

/*
 * The model tells a stretch when it is over, a wait only when its call has ended: late, and
 * threads not in step. A mark is where a stretch begins; the sorter brings all into order.
 */
enum mark_type {
	MARK_FORKED, /* by whom; before all else of the thread */
	MARK_RUNS,   /* on a CPU */
	MARK_BLOCKS,
	MARK_WAKES,  /* runnable, and not because it was so */
	MARK_READY,  /* runnable: preempted, yielded, new, found */
	MARK_LOST,   /* nothing is known from here on */
	MARK_AWAY,   /* nothing is exported from here on: other tasks, ... */
	MARK_ENDS,
	MARK_SAMPLE,
	MARK_LOSS,   /* a text of what is missing; no thread */
	MARK_BEGINS, /* of a task */
	MARK_NOTE,   /* all else that was announced */
	MARK_TYPE_COUNT,
};

/* How it comes after others of the same time: who leaves a CPU first makes room. */
enum mark_rank {
	RANK_EARLIER, /* what began before the export */
	RANK_LEAVES,
	RANK_ENTERS,
	RANK_BEGINS,
	RANK_SAYS,
};

#define MARK_WORDS 5

struct mark {
	u64 time_ns; /* since the begin of the export */
	u32 type;    /* enum mark_type */
	u32 thread;  /* id; 0: none */
	union {
		u32 words[MARK_WORDS];
		struct {
			u32 parent; /* id */
		} forked;
		struct {
			u32 cpu;
		} runs;
		struct {
			u32 kind : 8, goes_on : 1; /* goes_on: of the wait before, which was cut */
			u32 syscall;
			u32 what; /* whats_get() */
			u32 user; /* stacks */
			u32 kernel;
		} blocks;
		struct {
			u32 context : 8, known : 1; /* enum waker_context */
			u32 waker; /* id */
			u32 user;
			u32 kernel;
		} wakes;
		struct {
			u32 why; /* enum runnable_why */
			u32 user;
			u32 kernel;
		} ready;
		struct {
			u32 cpu;
			u32 user;
			u32 kernel;
		} sample;
		struct {
			u32 kind; /* enum event_kind; of tasks that are entered and left: of regions */
			u32 task; /* id; 0: none */
			u32 name; /* names_text() */
			u32 parent; /* MARK_BEGINS: id */
			u32 stack;
		} note;
	};
	const char *text; /* MARK_LOSS, MARK_NOTE; not ended by 0 */
	u32 text_bytes;
};

/* A task or region that is older than the export */
struct mark_earlier {
	struct mark mark;
	u32 order; /* those around it are less */
};

struct marks {
	struct sorter sorter;
	struct whats whats;
	const struct timeline *timeline;
	u64 begin_ns;
	u64 end_ns;
	u32 at_begin; /* threads that were there at the begin */
	u32 most_cpu; /* the largest number of one */
	u64 *told_ns; /* by id: until when a thread was told; UINT64_MAX: it has ended */
	u32 told_room;
	struct mark_earlier *earlier;
	u32 earlier_count;
	u32 earlier_room;
	u32 fork_tid; /* of the latest fork */
	u32 fork_parent;
	u64 fork_ns;
};

/* Fills @marks while the timeline runs. begin_ns, end_ns and timeline are set, all else is 0. */
struct sink marks_sink(struct marks *marks);

/* Nothing more comes. Return: 0, or what the sorter returned. */
int marks_finish(struct marks *marks);

/* The next mark; its text is valid until the next call. Return: 1, 0, or a negative errno. */
int marks_next(struct marks *marks, struct mark *mark);
void marks_free(struct marks *marks);

#endif
