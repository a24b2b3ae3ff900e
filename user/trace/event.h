/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* event - one event as writers give it and readers get it: whole, in order, with its full time */
#ifndef TRACER_TRACE_EVENT_H
#define TRACER_TRACE_EVENT_H

#include "bpf/event.h"
#include "user/base/util.h"

#define BUILD_ID_MAX 20

/*
 * EVENT_THREAD, and EVENT_NAME of threads outside the target: said again at the beginning of a
 * chunk, so that a reader may begin here
 */
#define THREAD_RESTATED 0x100

/* EVENT_OBJECT: the same, in its field spare */
#define OBJECT_RESTATED 1

struct trace_syscall {
	u32 tid;
	u16 syscall; /* number, SYSCALL_COMPAT */
	u16 flags;   /* SYSCALL_* without SYSCALL_WIDE */
	u64 duration_ns;
	s64 result;      /* negative errno on failure */
	const u64 *args; /* six with SYSCALL_ARGS, else NULL */
};

struct trace_futex {
	u32 tid;
	u8 op;    /* enum futex_op */
	u8 flags; /* FUTEX_* without FUTEX_WIDE */
	u32 value;
	u64 duration_ns;
	s64 result;
	u64 address; /* 0: the same as in the switch that blocked it */
	u64 address2;
};

struct trace_exec {
	u32 tid;
	u32 old_tid;
	const char *path;
};

struct trace_mapping {
	u32 tgid;
	u8 build_id_bytes; /* 0: none could be read */
	u8 build_id[BUILD_ID_MAX];
	u64 address;
	u64 bytes;
	u64 offset; /* in the file */
	u64 inode;
	u32 device;       /* major << 20 | minor */
	const char *path; /* as the kernel names it; "[vdso]", "" for anonymous code */
	u8 restated;      /* a chunk says it again */
};

/* STACK_RESTATED in flags: a chunk says it again */
#define STACK_RESTATED 0x80

struct trace_words {
	const u64 *list;
	u32 count;
};

/*
 * Told again with the same id, it replaces what was told before: the recorder learns how the
 * functions of a stack keep their frames after it has seen the first one.
 */
struct trace_stack {
	u32 id;   /* never 0 */
	u32 tgid; /* 0: the kernel */
	u32 image; /* how often the process has exec'd before, while recorded */
	u8 flags; /* STACK_* */
	u8 end;   /* enum stack_end */
	struct trace_words frames; /* innermost first: an instruction, then return addresses */
};

/* The name of a frame of stacks; addresses as in the stacks, return addresses too. It may come
 * long after the stacks. */
struct trace_symbol {
	u32 tgid; /* 0: the kernel */
	u32 image;
	u64 address;
	u64 offset; /* of the address from where the function begins */
	const char *name; /* demangled; never "" */
};

/* ANNOTATION_RESTATED in flags: a chunk tells of it again, since it has not ended */
#define ANNOTATION_RESTATED 0x8000

/*
 * What a program announced, TASK_BEGIN ... SNAPSHOT. Texts are UTF-8 without a 0; the same name
 * need not be the same pointer. A task is known by the process of @tid and its number: after
 * fork() a child may speak of its parent's.
 */
struct trace_annotation {
	u32 tid;
	u16 flags;        /* ANNOTATION_* */
	u16 probe;        /* not in the file: of the recorder's labels of the user's probes; 0 */
	u64 task;         /* TASK_*, LOG (TASK_NONE: the thread's present one), LINK; TASK_LEAVE:
			   * TASK_NONE is whichever it is in */
	u64 value;        /* TASK_BEGIN: the parent; COUNTER: s64, or a double with ANNOTATION_REAL */
	u64 since_ns;     /* only with ANNOTATION_RESTATED: when it was told first */
	const char *name; /* of a task, region, counter; a log's category. REGION_END: "" ends the
			   * innermost one */
	const char *text; /* LOG; LINK: the traceparent; SNAPSHOT: the reason */
};

struct trace_loss {
	u64 from_ns; /* the first and the last event that was lost, as well as it is known */
	u64 to_ns;
	u64 counts[CLASS_COUNT];
	u8 unreadable; /* made by the reader: a stretch of the file is damaged, counts unknown */
};

/*
 * What a pointer refers to stays valid until the next call of the writer or reader that
 * the event came from.
 */
struct trace_event {
	u64 time_ns; /* CLOCK_MONOTONIC */
	u16 cpu;
	u16 kind; /* enum event_kind */
	union {
		struct event_switch sw;
		struct event_waking waking; /* WAKING, WAKEUP, WAKEUP_NEW */
		struct event_exit exit;
		struct event_name name;
		struct trace_syscall syscall;
		struct trace_futex futex;
		struct trace_exec exec;
		struct event_wait_stack wait_stack;
		struct event_sample sample;
		struct trace_annotation annotation; /* TASK_BEGIN ... SNAPSHOT */
		const struct trace_stack *stack;
		const struct trace_symbol *symbol;
		const struct event_thread *thread;
		const struct event_fork *fork;
		const struct event_object *object;
		const struct trace_mapping *mapping;
		const struct trace_loss *loss;
	};
};

/* Whether it is no event of its own: a chunk says again what was known at its begin. */
bool trace_event_is_restated(const struct trace_event *event);

static inline bool trace_event_is_annotation(const struct trace_event *event)
{
	return event->kind >= EVENT_TASK_BEGIN && event->kind <= EVENT_SNAPSHOT;
}

/* Which class an event is asked for and counted by; CLASS_COUNT for EVENT_LOSS. */
enum event_class trace_event_class(enum event_kind kind);

/* Names as users type and read them: "switch", "sched", "network", "socket", "wait_bitset", ... */
const char *event_kind_name(enum event_kind kind);
const char *event_class_name(enum event_class class);
const char *wait_kind_name(enum wait_kind kind);
const char *object_type_name(enum object_type type);
const char *futex_op_name(enum futex_op op);
const char *leave_state_name(enum leave_state state);
const char *waker_context_name(enum waker_context context);
const char *stack_end_name(enum stack_end end);
const char *stack_moment_name(enum stack_moment moment);

#endif
