/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* watched - the inside of a watch: what threads do, and which tasks and regions are open */
#ifndef TRACER_RECORD_WATCHED_H
#define TRACER_RECORD_WATCHED_H

#include "user/base/map.h"
#include "user/record/notes.h"
#include "user/record/pulse.h"
#include "user/record/watch.h"

enum doing {
	DOING_UNKNOWN = 0,
	DOING_RUN,
	DOING_WAIT_FOR_CPU,
	DOING_WAIT,
};

struct watched_region {
	u64 since_ns;
	u64 matches, met; /* triggers, as bits */
	u32 name;
};

struct watched_thread {
	u32 tid;
	u32 tgid;
	u32 stack; /* of its last wait that had one */
	u16 syscall;
	u16 call;
	u8 doing;
	u8 wait_kind;
	u16 depth;        /* of regions, which may be more than are kept */
	u64 named_ns;     /* when it got its name: a rename may be told before the fork */
	u64 born_ns;      /* not here before */
	u64 since_ns;     /* when what it is doing began */
	u64 woken_ns;     /* while it was still running */
	u64 call_ns;      /* when it first blocked in a call that is watched; 0: in none */
	u64 met;          /* triggers that what it is doing has met */
	u64 call_met;     /* ... that the call has met */
	struct watched_region *regions; /* WATCH_DEPTH_MAX of them; NULL: it never had one */
	char comm[EVENT_COMM_BYTES + 1];
};

struct watched_task {
	u64 task;
	u64 since_ns;
	u64 matches, met;
	u32 tgid;
	u32 tid; /* that began it */
	u32 name;
};

struct watch_name {
	u64 tasks, regions; /* triggers that match it */
	char text[];
};

struct watch {
	struct watch_options options;
	u64 mask[TRIGGER_KIND_COUNT]; /* triggers of the kind, as bits */
	u64 lasting;                  /* triggers of durations */
	u64 least_call_ns;            /* calls that last no longer meet no trigger */
	u64 *calls;                   /* by number (+ SYSCALLS for 32-bit ones): triggers */
	struct map threads;           /* tid -> struct watched_thread * */
	struct map tasks;             /* process and number -> struct watched_task * */
	struct map name_numbers;      /* hash -> number */
	struct watch_name *names[WATCH_NAMES_MAX];
	u32 name_count;
	struct notes notes;
	u64 lost[CLASS_COUNT]; /* that were told since the last watch_time() */
	u64 now_ns, scanned_ns, due_ns;
	u64 left_out;
	u32 crashed[8]; /* processes, each is told once */
	u32 crashes;
	u64 random;
	struct pulse pulse;
};

#define SYSCALLS 1024

/* watched.c: one event, in order of time. */
void watched_note(struct watch *watch, const struct watch_note *note);

/* What goes on for too long now; sets when to look again. */
void watched_look(struct watch *watch);

/* Where events were lost, what is believed to go on may have ended. */
void watched_forget(struct watch *watch);

/* watched_threads.c: EVENT_THREAD, EVENT_FORK, ... */
void watched_learn(struct watch *watch, const struct trace_event *event);
void watched_fork(struct watch *watch, const struct trace_event *event);
void watched_exec(struct watch *watch, const struct trace_exec *exec);
void watched_rename(struct watch *watch, const struct trace_event *event);
void watched_crash(struct watch *watch, const struct trace_event *event);

void watched_free(struct watch *watch);

static inline struct watched_thread *watched_thread(const struct watch *watch, u32 tid)
{
	const u64 *found = map_get(&watch->threads, tid);

	return found ? (struct watched_thread *)*found : NULL;
}

/* @cause: its thread, trigger and text are filled; then it is told. @thread: NULL: none's doing */
void watch_met(struct watch *watch, unsigned int trigger, const struct watched_thread *thread,
	       struct cause *cause);

/* "fsync", "syscall 999" */
void watch_syscall_name(char *to, size_t room, u16 number);

#endif
