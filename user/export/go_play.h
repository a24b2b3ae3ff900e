/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* go_play - marks into Go's events: threads as goroutines and Ms, CPUs as Ps */
#ifndef TRACER_EXPORT_GO_PLAY_H
#define TRACER_EXPORT_GO_PLAY_H

#include "user/export/go_marks.h"
#include "user/export/go_stacks.h"

enum go_state {
	GO_NONE,     /* not created yet */
	GO_RUNNABLE,
	GO_RUNNING,  /* on go_thread.proc */
	GO_WAITING,
	GO_SYSCALL,  /* blocked in a call, without a P */
	GO_DEAD,
};

struct go_region {
	u32 name; /* string */
	u32 task;
};

/* One life of a thread. Number 0 stands for interrupts, idle CPUs and for us. */
struct go_thread {
	u64 id;    /* of goroutine and M */
	u8 state;  /* enum go_state */
	bool away; /* waiting: for nothing that is in the trace */
	bool cut;  /* its wait was ended by the end of the recording */
	u32 proc;  /* number in procs, + 1; 0: none */
	u32 sequence;
	u32 generation; /* that the sequence is of */
	u32 root;       /* frame + 1: its name */
	u32 bare;       /* stack of its name only */
	u32 wait_stack; /* of the latest wait */
	u8 wait_reason; /* enum go_reason; GO_REASON_COUNT: in a system call */
	struct go_region *regions; /* that are open, the innermost last */
	u32 region_count;
	u32 region_room;
	struct go_stream stream;
};

struct go_proc {
	u32 holder; /* number of a thread, + 1; 0: idle */
	u32 sequence;
	u32 generation;
};

enum go_reason {
	GO_REASON_NETWORK,
	GO_REASON_SYNC,
	GO_REASON_SLEEP,
	GO_REASON_SYSTEM,
	GO_REASON_OTHER,
	GO_REASON_PREEMPTED,
	GO_REASON_YIELDED,
	GO_REASON_COUNT, /* none: it stays in its system call */
};

enum go_said {
	GO_SAID_UNSEEN,
	GO_SAID_INTERRUPT,
	GO_SAID_SOFTIRQ,
	GO_SAID_IDLE,
	GO_SAID_LOST,
	GO_SAID_AWAY,
	GO_SAID_END,
	GO_SAID_FOUND,
	GO_SAID_COUNT,
};

struct go_play {
	struct export *export;
	struct marks *marks;
	struct go_wire wire;
	struct go_stacks stacks;
	struct go_thread **threads; /* by id of the model */
	u32 thread_room;
	struct go_thread dead; /* whoever has ended */
	struct map lives; /* of each tid, how many were named */
	struct go_proc *procs;
	u32 proc_room;
	u32 cpus;  /* procs from here on are none of the machine; the first is ours */
	u64 lead_ns; /* what lies at the begin comes as much later */
	u32 losses;  /* texts of what is lost, to be told by the next that runs */
	u64 *loss_texts;
	bool changed; /* the number of Ps was told */
	u32 reasons[GO_REASON_COUNT]; /* strings */
	u32 frames[GO_SAID_COUNT]; /* + 1 */
};

/**
 * go_play_all() - the whole trace
 * @play:  export, marks and of the wire out, version and generation_bytes are set; all else is 0
 *
 * Whatever the marks say, only transitions that Go's readers accept are written: what
 * is missing between two marks is made up, at the time of the second.
 *
 * Return: 0, -ENOMEM, what the sorter returned, or the negative errno of writing.
 */
int go_play_all(struct go_play *play);
void go_play_free(struct go_play *play);

/* go.c: as exporter.write(). @generation_bytes: after so many a new generation begins. */
int go_export(FILE *out, const char *path, const struct export_options *options,
	      u64 generation_bytes, bool *missing, struct err *err);

#define GO_EVENT(play, thread, type, ...)                                                      \
	do {                                                                                \
		const u64 args_[] = { __VA_ARGS__ };                                        \
                                                                                            \
		go_wire_event(&(play)->wire, &(thread)->stream, type, args_, ARRAY_SIZE(args_)); \
	} while (0)

#define GO_EVENT_BARE(play, thread, type) go_wire_event(&(play)->wire, &(thread)->stream, type, NULL, 0)

/*
 * go_threads.c: the steps. Ids are those of the wire in this generation.
 */
u64 go_reason_id(struct go_play *play, enum go_reason reason);
u64 go_stack_id(struct go_play *play, const struct go_place *place);
/* A stack of nothing but the thread */
u64 go_bare_id(struct go_play *play, const struct go_thread *t);
/* The number of a stack of nothing but what is said; no generation has it yet. */
u32 go_said(struct go_play *play, enum go_said what);

/* Thread number @number of the model, or us; NULL without memory. */
struct go_thread *go_thread_of(struct go_play *play, u32 number);
/* NULL when nothing of it was exported up to now, and when it has ended */
struct go_thread *go_born(const struct go_play *play, u32 number);
/* The sequence number of the next event of a P that is held. @t: its holder */
u64 go_proc_next(struct go_play *play, struct go_thread *t, u32 number);

/* It is there from now on. @by: who runs and made it; NULL: us */
void go_create(struct go_play *play, struct go_thread *t, struct go_thread *by);
/* Whatever it did: thread number @id runs on P @number; it does not without memory. */
void go_run(struct go_play *play, struct go_thread *t, u32 id, u32 number);
/* It runs, where it does, or on a P that is no CPU's. */
void go_run_somewhere(struct go_play *play, struct go_thread *t, u32 id);
/* A running thread gives up its CPU, and would run on. */
void go_stop(struct go_play *play, struct go_thread *t, enum go_reason reason, u64 stack);
/* A thread that is blocked is not any longer. @stack: number of a stack of @by */
void go_unblock(struct go_play *play, struct go_thread *t, struct go_thread *by, u32 stack);
/* A running thread is blocked, in @t->wait_stack for @t->wait_reason. */
void go_block(struct go_play *play, struct go_thread *t);
/* What a running thread does from now on is in no profile: it waits for that to end. */
void go_away(struct go_play *play, struct go_thread *t, enum go_said why);
/* It has no P any longer. */
void go_release(struct go_play *play, struct go_thread *t);

/* go_notes.c: MARK_BEGINS and MARK_NOTE. @t is put back into the state that it is in. */
void go_note(struct go_play *play, struct go_thread *t, const struct mark *mark);
/* The thread ends, and so do its regions. */
void go_notes_end(struct go_play *play, struct go_thread *t);

#endif
