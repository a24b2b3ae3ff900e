/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* manifest - what a flight recorder's snapshot tells: why it was taken, and how much it holds */
#ifndef TRACER_TRACE_MANIFEST_H
#define TRACER_TRACE_MANIFEST_H

#include "user/base/buffer.h"
#include "user/trace/arena.h"

#define MANIFEST_CAUSES_MAX 64

/* One trigger that was met. Texts are never NULL in what a reader gives. */
struct trace_cause {
	const char *trigger; /* as it was asked for: "task:checkout>300ms" */
	u64 time_ns;         /* when it was met */
	u32 tid;             /* 0: no thread's doing, and so in the fields below */
	u32 tgid;
	const char *thread; /* its name */
	u64 task;           /* 0: none */
	const char *what;   /* of task, region, call, wait; the text of a log or annotation */
	u64 begin_ns;       /* when it began */
	u64 duration_ns;    /* 0: it has none */
	u8 running;         /* it had not ended when the trigger was met */
};

struct trace_manifest {
	u64 before_ns; /* asked for: so long before the cause, ... */
	u64 after_ns;  /* ... so long behind it */
	u64 from_ns;   /* held */
	u64 to_ns;
	u64 suppressed; /* triggers that made no snapshot since the one before */
	u64 more;       /* causes beyond those below */
	const struct trace_cause *causes;
	u32 cause_count;
};

/* The value of the head's field. */
void manifest_put(struct buffer *b, const struct trace_manifest *manifest);

/* The reverse; @out in the arena. Return: 0, -EBADMSG or -ENOMEM. */
int manifest_get(const struct trace_manifest **out, struct cursor *value, struct arena *arena);

#endif
