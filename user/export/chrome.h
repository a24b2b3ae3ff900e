/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* chrome - JSON trace events on their way: what events share, and what stands before them */
#ifndef TRACER_EXPORT_CHROME_H
#define TRACER_EXPORT_CHROME_H

#include "user/export/put.h"
#include "user/export/rows.h"

#define CALLS_TRACK (1U << 31) /* added to a tid: no thread of Linux has such a number */

struct chrome {
	struct put put;
	struct tables tables;
	struct filler filler;
	struct map frames; /* hash of parent, name and module -> number in stackFrames */
	u32 *stacks;       /* by number of the stack: of its innermost frame; 0: none */
	u32 stack_count;
	u64 flows;
	bool comma;
};

/* {"ph":"X","pid":1,"tid":2,"ts":3: an event begins. Return: where it goes on */
struct put *chrome_event(struct chrome *c, char phase, u32 pid, u32 tid, u64 time_ns);
void chrome_value(struct put *put, const struct value *value);

/* Before the events, @c learnt: what the recording says of itself, and what is missing; stackFrames.
 * Return: 0 or -ENOMEM. */
void chrome_recording(struct chrome *c);
int chrome_frames(struct chrome *c);

/* The first events: names of processes and threads; where events are missing */
void chrome_names(struct chrome *c);
void chrome_losses(struct chrome *c);

static inline void put_key_text(struct put *put, const char *key, const char *text)
{
	put_text(put, key);
	put_quoted(put, text);
}

static inline void put_key_integer(struct put *put, const char *key, s64 value)
{
	put_text(put, key);
	put_integer(put, value);
}

#endif
