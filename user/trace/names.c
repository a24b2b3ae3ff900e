// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* names - the numbers of the trace as users type and read them */
#include <stdio.h>

#include "user/trace/event.h"
#include "user/trace/reader.h"

static const char *const kinds[] = {
	[EVENT_NONE] = "none",
	[EVENT_SWITCH] = "switch",
	[EVENT_WAKING] = "waking",
	[EVENT_WAKEUP] = "wakeup",
	[EVENT_WAKEUP_NEW] = "wakeup_new",
	[EVENT_THREAD] = "thread",
	[EVENT_FORK] = "fork",
	[EVENT_EXEC] = "exec",
	[EVENT_EXIT] = "exit",
	[EVENT_NAME] = "name",
	[EVENT_SYSCALL] = "syscall",
	[EVENT_FUTEX] = "futex",
	[EVENT_OBJECT] = "object",
	[EVENT_MAPPING] = "mapping",
	[EVENT_LOSS] = "loss",
	[EVENT_STACK] = "stack",
	[EVENT_WAIT_STACK] = "wait_stack",
	[EVENT_SAMPLE] = "sample",
	[EVENT_SYMBOL] = "symbol",
	[EVENT_TASK_BEGIN] = "task_begin",
	[EVENT_TASK_END] = "task_end",
	[EVENT_TASK_ENTER] = "task_enter",
	[EVENT_TASK_LEAVE] = "task_leave",
	[EVENT_REGION_BEGIN] = "region_begin",
	[EVENT_REGION_END] = "region_end",
	[EVENT_LOG] = "log",
	[EVENT_COUNTER] = "counter",
	[EVENT_LINK] = "link",
	[EVENT_SNAPSHOT] = "snapshot",
};
_Static_assert(ARRAY_SIZE(kinds) == EVENT_KIND_COUNT, "every kind has a name");

static const u8 classes[] = {
	[EVENT_NONE] = CLASS_COUNT,       [EVENT_SWITCH] = CLASS_SCHED,
	[EVENT_WAKING] = CLASS_SCHED,     [EVENT_WAKEUP] = CLASS_SCHED,
	[EVENT_WAKEUP_NEW] = CLASS_SCHED, [EVENT_THREAD] = CLASS_PROCESS,
	[EVENT_FORK] = CLASS_PROCESS,     [EVENT_EXEC] = CLASS_PROCESS,
	[EVENT_EXIT] = CLASS_PROCESS,     [EVENT_NAME] = CLASS_PROCESS,
	[EVENT_SYSCALL] = CLASS_SYSCALL,  [EVENT_FUTEX] = CLASS_FUTEX,
	[EVENT_OBJECT] = CLASS_OBJECT,    [EVENT_MAPPING] = CLASS_PROCESS,
	[EVENT_LOSS] = CLASS_COUNT,       [EVENT_STACK] = CLASS_STACK,
	[EVENT_WAIT_STACK] = CLASS_STACK, [EVENT_SAMPLE] = CLASS_SAMPLE,
	[EVENT_SYMBOL] = CLASS_COUNT,     [EVENT_TASK_BEGIN... EVENT_SNAPSHOT] = CLASS_ANNOTATION,
};
_Static_assert(ARRAY_SIZE(classes) == EVENT_KIND_COUNT, "every kind has a class");

static const char *const class_names[] = {
	[CLASS_SCHED] = "sched",   [CLASS_PROCESS] = "process",       [CLASS_SYSCALL] = "syscall",
	[CLASS_FUTEX] = "futex",   [CLASS_OBJECT] = "object",         [CLASS_STACK] = "stack",
	[CLASS_SAMPLE] = "sample", [CLASS_ANNOTATION] = "annotation",
};
_Static_assert(ARRAY_SIZE(class_names) == CLASS_COUNT, "every class has a name");

static const char *const wait_kinds[] = {
	[WAIT_OTHER] = "other", [WAIT_NETWORK] = "network", [WAIT_SYNC] = "sync",
	[WAIT_DISK] = "disk",   [WAIT_PIPE] = "pipe",       [WAIT_POLL] = "poll",
	[WAIT_SLEEP] = "sleep", [WAIT_FAULT] = "fault",     [WAIT_CHILD] = "child",
};
_Static_assert(ARRAY_SIZE(wait_kinds) == WAIT_KIND_COUNT, "every wait kind has a name");

static const char *const object_types[] = {
	[OBJECT_NONE] = "none",           [OBJECT_SOCKET] = "socket",
	[OBJECT_PIPE] = "pipe",           [OBJECT_FILE] = "file",
	[OBJECT_DIRECTORY] = "directory", [OBJECT_BLOCK] = "block",
	[OBJECT_CHAR] = "char",           [OBJECT_TTY] = "tty",
	[OBJECT_EPOLL] = "epoll",         [OBJECT_EVENTFD] = "eventfd",
	[OBJECT_TIMERFD] = "timerfd",     [OBJECT_SIGNALFD] = "signalfd",
	[OBJECT_INOTIFY] = "inotify",     [OBJECT_PIDFD] = "pidfd",
	[OBJECT_IO_URING] = "io_uring",   [OBJECT_MQUEUE] = "mqueue",
	[OBJECT_ANON] = "anon",           [OBJECT_BAD_FD] = "bad_fd",
};
_Static_assert(ARRAY_SIZE(object_types) == OBJECT_TYPE_COUNT, "every object type has a name");

static const char *const leave_states[] = {
	[LEAVE_PREEMPTED] = "preempted", [LEAVE_YIELDED] = "yielded", [LEAVE_SLEEPING] = "sleeping",
	[LEAVE_DISK] = "disk",           [LEAVE_STOPPED] = "stopped", [LEAVE_DEAD] = "dead",
	[LEAVE_IDLE] = "idle",           [LEAVE_PARKED] = "parked",   [LEAVE_RUNNING] = "running",
};
_Static_assert(ARRAY_SIZE(leave_states) == LEAVE_STATE_COUNT, "every state has a name");

static const char *const waker_contexts[] = {
	[WAKER_THREAD] = "thread", [WAKER_SOFTIRQ] = "softirq", [WAKER_HARDIRQ] = "hardirq",
	[WAKER_NMI] = "nmi",       [WAKER_UNKNOWN] = "unknown",
};
_Static_assert(ARRAY_SIZE(waker_contexts) == WAKER_UNKNOWN + 1, "every context has a name");

static const char *const stack_ends[] = {
	[STACK_END_ROOT] = "root",
	[STACK_END_DEPTH] = "depth",
	[STACK_END_MEMORY] = "memory",
	[STACK_END_CHAIN] = "chain",
};
_Static_assert(ARRAY_SIZE(stack_ends) == STACK_END_COUNT, "every end has a name");

static const char *const stack_moments[] = {
	[STACK_AT_CALL_END] = "call_end", [STACK_AT_LEAVE] = "leave", [STACK_AT_ENTER] = "enter",
	[STACK_AT_WAKING] = "waking",     [STACK_AT_END] = "end",
};
_Static_assert(ARRAY_SIZE(stack_moments) == STACK_MOMENT_COUNT, "every moment has a name");

static const char *const futex_ops[] = {
	[FUTEX_OP_WAIT] = "wait",
	[FUTEX_OP_WAKE] = "wake",
	[FUTEX_OP_FD] = "fd",
	[FUTEX_OP_REQUEUE] = "requeue",
	[FUTEX_OP_CMP_REQUEUE] = "cmp_requeue",
	[FUTEX_OP_WAKE_OP] = "wake_op",
	[FUTEX_OP_LOCK_PI] = "lock_pi",
	[FUTEX_OP_UNLOCK_PI] = "unlock_pi",
	[FUTEX_OP_TRYLOCK_PI] = "trylock_pi",
	[FUTEX_OP_WAIT_BITSET] = "wait_bitset",
	[FUTEX_OP_WAKE_BITSET] = "wake_bitset",
	[FUTEX_OP_WAIT_REQUEUE_PI] = "wait_requeue_pi",
	[FUTEX_OP_CMP_REQUEUE_PI] = "cmp_requeue_pi",
	[FUTEX_OP_LOCK_PI2] = "lock_pi2",
	[FUTEX_OP_WAITV] = "waitv",
	[FUTEX_OP_WAKE2] = "wake2",
	[FUTEX_OP_WAIT2] = "wait2",
	[FUTEX_OP_REQUEUE2] = "requeue2",
};
_Static_assert(ARRAY_SIZE(futex_ops) == FUTEX_OP_REQUEUE2 + 1, "every operation has a name");

/* A trace may hold numbers that a later tracer invented. */
static const char *name_of(const char *const *names, size_t count, unsigned int number)
{
	return number < count && names[number] ? names[number] : "unknown";
}

bool trace_event_is_restated(const struct trace_event *e)
{
	switch (e->kind) {
	case EVENT_THREAD: return e->thread->flags & THREAD_RESTATED;
	case EVENT_NAME: return e->name.flags & THREAD_RESTATED;
	case EVENT_OBJECT: return e->object->spare == OBJECT_RESTATED;
	case EVENT_STACK: return e->stack->flags & STACK_RESTATED;
	case EVENT_MAPPING: return e->mapping->restated;
	default: return trace_event_is_annotation(e) && e->annotation.flags & ANNOTATION_RESTATED;
	}
}

enum event_class trace_event_class(enum event_kind kind)
{
	return (unsigned int)kind < EVENT_KIND_COUNT ? classes[kind] : CLASS_COUNT;
}

const char *event_kind_name(enum event_kind kind)
{
	return name_of(kinds, ARRAY_SIZE(kinds), kind);
}

const char *event_class_name(enum event_class class)
{
	return name_of(class_names, ARRAY_SIZE(class_names), class);
}

const char *wait_kind_name(enum wait_kind kind)
{
	return name_of(wait_kinds, ARRAY_SIZE(wait_kinds), kind);
}

const char *object_type_name(enum object_type type)
{
	return name_of(object_types, ARRAY_SIZE(object_types), type);
}

const char *futex_op_name(enum futex_op op)
{
	return name_of(futex_ops, ARRAY_SIZE(futex_ops), op);
}

const char *leave_state_name(enum leave_state state)
{
	return name_of(leave_states, ARRAY_SIZE(leave_states), state);
}

const char *waker_context_name(enum waker_context context)
{
	return name_of(waker_contexts, ARRAY_SIZE(waker_contexts), context);
}

const char *stack_end_name(enum stack_end end)
{
	return name_of(stack_ends, ARRAY_SIZE(stack_ends), end);
}

const char *stack_moment_name(enum stack_moment moment)
{
	return name_of(stack_moments, ARRAY_SIZE(stack_moments), moment);
}

const char *trace_syscall_name(const struct trace_info *info, u16 syscall, char room[32])
{
	const char *name = NULL;
	u16 number = syscall & (u16)~SYSCALL_COMPAT;

	if (syscall < info->syscall_count && info->syscall_numbers[syscall] == syscall)
		return info->syscall_names[syscall];
	for (size_t i = 0; i < info->syscall_count && !name; i++)
		if (info->syscall_numbers[i] == syscall)
			name = info->syscall_names[i];
	if (name && !(syscall & SYSCALL_COMPAT))
		return name;
	if (name)
		snprintf(room, 32, "%.21s (32-bit)", name);
	else
		snprintf(room, 32, "syscall_%u%s", number,
			 syscall & SYSCALL_COMPAT ? " (32-bit)" : "");
	return room;
}
