/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* perfetto - the parts of the exporter for Perfetto, and what they share */
#ifndef TRACER_EXPORT_PERFETTO_H
#define TRACER_EXPORT_PERFETTO_H

#include "user/export/export.h"
#include "user/export/perfetto_cpus.h"
#include "user/export/perfetto_names.h"
#include "user/model/what.h"

/* Tracks of a thread: their uuid is id << TRACK_SHIFT | one of these. */
enum track_kind {
	TRACK_PROCESS, /* the id is a process's */
	TRACK_THREAD,  /* the parent of all others; empty itself */
	TRACK_WAITS,
	TRACK_CALLS,
	TRACK_REGIONS,
	TRACK_TASKS,
	TRACK_LOGS,
	TRACK_TASK, /* the id is a task's */
};

#define TRACK_SHIFT    3
#define TRACK_TRACE    1                   /* begin and end of the recording; ids begin with 1 */
#define TRACK_LOSSES   (1ULL << 40)        /* and the number of a CPU */
#define TRACK_LANES    (1ULL << 42)        /* and the number of another track */
#define TRACK_COUNTERS (1ULL << 41)        /* and a running number */

/* Its track was described. */
#define PROCESS_DESCRIBED (1ULL << 63)
/* Its name was told. */
#define PROCESS_NAMED     (1ULL << 62)

struct perfetto_spans;

/* What is known of a thread while the trace is written */
struct perfetto_thread {
	u32 tid;      /* as it was told last */
	u32 old_tid;  /* before the exec at exec_ns */
	u64 exec_ns;  /* when its tid changed; 0: never */
	u64 born_ns;  /* from when on readers know it */
	u64 run_ns;   /* end of the latest stretch in which it ran; 0: none */
	u64 call_ns;  /* end of its latest call */
	struct wait wait; /* the latest one, when its end was seen at wait_ns */
	u64 wait_ns;  /* 0: another state came behind it */
	struct perfetto_spans *regions;
	struct perfetto_spans *tasks;
	u16 cpu;      /* of that stretch */
	u16 tracks;   /* 1 << enum track_kind: those that were described */
	bool seen;    /* its state is known to readers */
	bool named;   /* it is mentioned somewhere */
	bool dead;    /* that stretch was its last one */
	bool split;   /* the stretch with exec_ns is yet to come */
};

struct perfetto {
	struct export export;
	const struct export_options *options;
	struct packets packets;
	struct cpus cpus;
	struct perfetto_names names;
	struct whats whats;
	u32 *call_names;  /* by number of a system call: iid of an event's name */
	u32 *call_texts;  /* the same: of a text */
	u32 *error_texts; /* by errno */
	u32 wait_names[WAIT_KIND_COUNT];
	u32 *what_texts; /* by number of whats - 1: iid of its text */
	u32 what_room;
	struct perfetto_thread *threads; /* by id - 1 */
	u32 thread_room;
	u64 *processes; /* by id - 1: since when readers know it, PROCESS_*; 0: they do not */
	u32 process_room;
	u64 *sample_counts; /* by CPU */
	u32 sample_room;
	size_t event_begin; /* of the event that is being made */
	struct map counters; /* process and name -> uuid of the track */
	bool every_wait;    /* waits have slices */
	struct {         /* the latest fork */
		u64 time_ns;
		u32 tid;
		u32 parent;
		u16 cpu;
		bool is_thread;
	} fork;
	int failed;
};

/* A number of the process, where its own is not known */
static inline u32 perfetto_pid(const struct thread *thread)
{
	return thread->process->pid ?: thread->tid;
}

/* perfetto_threads.c: what threads did on CPUs, their begin and end, their names */
struct perfetto_thread *perfetto_thread(struct perfetto *p, const struct thread *thread);
int perfetto_prompt(void *ctx, const struct interval *interval);
int perfetto_program(void *ctx, const struct trace_event *event);
int perfetto_life(void *ctx, const struct thread *thread, enum thread_change change, u64 time_ns);
/* The process is mentioned: it will have a name. */
void perfetto_knows(struct perfetto *p, const struct process *process, u64 time_ns);

/* perfetto_tree.c: names of all that were mentioned, at the end */
void perfetto_put_names(struct perfetto *p);

/* perfetto_slices.c: calls, waits and samples */
int perfetto_interval(void *ctx, const struct interval *interval);
int perfetto_call(void *ctx, const struct call *call);
int perfetto_sample(void *ctx, const struct sample *sample);

/* perfetto_notes.c: what programs announced */
int perfetto_note(void *ctx, const struct note *note);
int perfetto_task(void *ctx, const struct task *task, bool aside);
void perfetto_spans_free(struct perfetto_spans *spans);

/* perfetto_tracks.c */
struct buffer *perfetto_event(struct perfetto *p, u64 time_ns, u32 type, u64 track);
void perfetto_event_end(struct perfetto *p);
/* A track of a thread, described when it is new. Return: its uuid. */
u64 perfetto_track(struct perfetto *p, const struct thread *thread, enum track_kind track);
u64 perfetto_process_track(struct perfetto *p, const struct process *process);
const char *perfetto_track_name(enum track_kind track);
void perfetto_describe(struct perfetto *p, u64 time_ns, u64 uuid, u64 parent, const char *name);
void perfetto_describe_counter(struct perfetto *p, u64 time_ns, u64 uuid, u64 parent,
			       const char *name);

/* perfetto_stacks.c: the number of a callstack; 0: none was told */
u32 perfetto_stack(struct perfetto *p, u32 user, u32 kernel);
/* One that says that there is none */
u32 perfetto_no_stack(struct perfetto *p);
/* The number of the function in the kernel in which a thread waited; 0: not known */
u32 perfetto_kernel_function(struct perfetto *p, u32 kernel_stack);

/* perfetto_file.c: what stands at the begin and at the end of a file */
void perfetto_put_head(struct perfetto *p);
void perfetto_put_tail(struct perfetto *p);

/* Fields of TrackEvent and its parts */
enum track_event_field {
	TRACK_EVENT_CATEGORY_IIDS = 3,
	TRACK_EVENT_ANNOTATIONS = 4,
	TRACK_EVENT_TYPE = 9,
	TRACK_EVENT_NAME_IID = 10,
	TRACK_EVENT_TRACK_UUID = 11,
	TRACK_EVENT_LOG_MESSAGE = 21,
	TRACK_EVENT_NAME = 23,
	TRACK_EVENT_COUNTER_VALUE = 30,
	TRACK_EVENT_DOUBLE_COUNTER_VALUE = 44,
	TRACK_EVENT_FLOW_IDS = 47,
	TRACK_EVENT_TERMINATING_FLOW_IDS = 48,
	TRACK_EVENT_CALLSTACK_IID = 56,
};

enum track_event_type {
	TYPE_SLICE_BEGIN = 1,
	TYPE_SLICE_END = 2,
	TYPE_INSTANT = 3,
	TYPE_COUNTER = 4,
};

/* Names of annotations and categories that many events have: their numbers are known */
enum known_annotation {
	KNOWN_RET = 1,
	KNOWN_ERROR,
	KNOWN_OP,
	KNOWN_UADDR,
	KNOWN_UADDR2,
	KNOWN_VAL,
	KNOWN_ARGS,
	KNOWN_BLOCKED_NS,
	KNOWN_OBJECT,
	KNOWN_SYSCALL,
	KNOWN_UNFINISHED,
	KNOWN_TASK_ID,
	KNOWN_ANNOTATIONS,
};
enum known_category {
	CATEGORY_SYSCALL = 1,
	CATEGORY_WAIT,
	CATEGORY_LOSS,
	CATEGORY_REGION,
	CATEGORY_TASK,
	CATEGORY_ATTENTION,
	CATEGORY_RECORDING,
	KNOWN_CATEGORIES,
};
/* Begins the dictionaries. */
void perfetto_know(struct perfetto *p);
/* The number of any other annotation's name */
u32 perfetto_annotation(struct perfetto *p, const char *name);

/* Annotations of the event that is being made; @name: enum known_annotation, or
 * perfetto_annotation() */
void perfetto_note_number(struct perfetto *p, u32 name, s64 value);
void perfetto_note_pointer(struct perfetto *p, u32 name, u64 value);
void perfetto_note_flag(struct perfetto *p, u32 name);
void perfetto_note_text(struct perfetto *p, u32 name, const char *text);
void perfetto_note_interned(struct perfetto *p, u32 name, u32 iid);
void perfetto_note_list(struct perfetto *p, u32 name, const u64 *values, u32 count);

#endif
