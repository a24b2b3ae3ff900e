/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* cause - a trigger that was met: what, when, and by which thread */
#ifndef TRACER_RECORD_CAUSE_H
#define TRACER_RECORD_CAUSE_H

#include "user/trace/manifest.h"

#define CAUSE_TEXT_MAX 256

/* As struct trace_cause, but it owns its texts, so that it can be copied. */
struct cause {
	u32 trigger; /* position among those that were asked for; CAUSE_ASKED: a person asked */
	u32 tid;
	u32 tgid;
	u32 stack; /* where the thread waited; 0: not known */
	u64 time_ns;
	u64 task;
	u64 begin_ns;
	u64 duration_ns;
	bool running;
	char thread[32];
	char text[CAUSE_TEXT_MAX]; /* the trigger, as it was typed */
	char what[CAUSE_TEXT_MAX];
};

#define CAUSE_ASKED UINT32_MAX

/* "task:checkout>300ms: worker (4711), checkout, over 302 ms" */
void cause_describe(char *to, size_t room, const struct cause *cause);

#endif
