/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* helpers_tasks - scenarios of what programs announce, and what sinks are told of it */
#ifndef TRACER_TESTS_HELPERS_TASKS_H
#define TRACER_TESTS_HELPERS_TASKS_H

#include "tests/unit/helpers_model.h"

/* An interval with the task that it was for: their pointers last no longer than the callback. */
struct piece {
	u32 tid;
	u8 state;
	u64 begin_ns;
	u64 end_ns;
	u32 task; /* id; 0: none */
	u32 region;
};

struct told_note {
	struct note note; /* its pointers are not to be followed, but for the thread's */
	u32 task;	  /* id; 0: none */
	char text[64];
};

struct told_task {
	struct task task; /* the same */
	bool aside;
};

/* A scene, and all that was announced in it. */
struct play {
	struct scene *scene;
	struct timeline *timeline; /* the scene's */
	struct told_note *notes;
	size_t note_count;
	struct told_task *tasks; /* in the order in which they were told */
	size_t task_count;
	struct piece *pieces;
	size_t piece_count;
};

struct play *play_new(void);
struct play *play_filtered(const struct filter *filter);
void play_free(struct play *play);
DEFINE_CLEANUP(struct play *, play_free)

/* Any announcement */
void announces(struct play *p, u64 t, u32 tid, const struct trace_annotation *a, u16 kind);

void task_begins(struct play *p, u64 t, u32 tid, u64 task, const char *name);
void task_begins_in(struct play *p, u64 t, u32 tid, u64 task, u64 parent, const char *name);
void task_ends(struct play *p, u64 t, u32 tid, u64 task);
void task_enters(struct play *p, u64 t, u32 tid, u64 task);
void task_leaves(struct play *p, u64 t, u32 tid, u64 task);
void region_begins(struct play *p, u64 t, u32 tid, const char *name);
void region_ends(struct play *p, u64 t, u32 tid, const char *name);
void logs(struct play *p, u64 t, u32 tid, u64 task, const char *category, const char *text);

/* A process of its own, forked by MAIN. */
void forks_process(struct play *p, u64 t, u32 pid);

u64 misuses(const struct play *p, enum misuse misuse);
u64 all_misuses(const struct play *p);

/* The task with that id as it was told; fails when it was not, or more than once. */
const struct task *told_task(const struct play *p, u32 id);
const char *name_of_task(const struct play *p, const struct task *task);

/* The @n-th note of a kind, from 0; NULL when there are fewer. */
const struct told_note *note_of(const struct play *p, enum event_kind kind, size_t n);
size_t notes_of(const struct play *p, enum event_kind kind);

/* How long @tid was in @state for the task @id (0: for none) */
u64 spent_ns(const struct play *p, u32 tid, enum thread_state state, u32 id);

/* Begins and ends are paired as interval.h says; pieces join; all of it is told. Asserts. */
void assert_pairs_hold(const struct play *p);

#endif
