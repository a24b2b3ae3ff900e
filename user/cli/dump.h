/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* dump - what is shared by the two ways to print an event */
#ifndef TRACER_CLI_DUMP_H
#define TRACER_CLI_DUMP_H

#include <stdio.h>

#include "user/base/map.h"
#include "user/trace/reader.h"

struct dump_thread {
	u32 tgid;
	char comm[EVENT_COMM_BYTES + 1];
};

/* What was learned so far, so that numbers get names */
struct dump {
	FILE *out;
	const struct trace_info *info;
	u64 begin_ns;
	struct map threads; /* tid -> struct dump_thread * */
	struct map objects; /* id -> struct event_object * */
};

#define OBJECT_TEXT_MAX 160

/* NULL: nothing is known of it. */
const struct dump_thread *dump_thread(const struct dump *d, u32 tid);

/* "tcp 10.0.0.1:6379 - 10.0.0.2:51234", "pipe inode 4711", "object 77" */
void dump_object_text(const struct dump *d, u32 id, char to[OBJECT_TEXT_MAX]);

/* The thread that an event is mainly about; 0: none. */
u32 dump_subject(const struct trace_event *event);

void dump_text(const struct dump *d, const struct trace_event *event);
void dump_json(const struct dump *d, const struct trace_event *event);

#endif
