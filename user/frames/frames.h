/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* frames - names for the frames of stacks, from the trace first, then from files that are here */
#ifndef TRACER_FRAMES_FRAMES_H
#define TRACER_FRAMES_FRAMES_H

#include "user/frames/runs.h"
#include "user/symbols/intern.h"

#define RUN_KERNEL UINT32_MAX

/* EVENT_SYMBOL */
struct frames_told {
	u64 address;
	u64 offset;
	u32 run; /* number + 1; RUN_KERNEL */
	const char *name;
};

/* What was found out before */
struct frames_known {
	u64 address;
	u32 run; /* number + 1; RUN_KERNEL */
	bool call;
	struct symbols_frame frame;
};

struct frames {
	struct runs runs;
	struct intern names;
	struct frames_told *told;
	u32 told_count;
	u32 told_room;
	struct map told_numbers; /* hash of run and address -> number + 1 */
	u64 unnamed;             /* symbols for which there was no room */
	struct frames_known *known;
	u32 known_count;
	u32 known_room;
	struct map known_numbers; /* hash of run, address and how -> number + 1 */
};

struct frames_options {
	const char *host;                /* where it was recorded; NULL: not known */
	const struct clock_stamp *start; /* and when */
	bool lines;                      /* files and lines too: slow */
	const struct timeline *timeline; /* tells processes of one PID apart; NULL: do not */
};

/* @frames: all zero. Memory stays below 64 MiB for names, and what symbols_new() tells. */
void frames_begin(struct frames *frames, const struct frames_options *options);
void frames_free(struct frames *frames);

/* Takes EVENT_SYMBOL, EVENT_FORK, EVENT_EXEC, EVENT_MAPPING. Return: 0 or -ENOMEM. */
int frames_event(void *frames, const struct trace_event *event);
struct sink frames_sink(struct frames *frames);

/**
 * frames_read_before() - what was told before the stretch of a trace that is read
 * @path: of the trace; "-" cannot be read twice: nothing is told then
 *
 * A mapping is told once, when it is new; names may come any time later, so that what comes
 * behind the stretch counts too: frames_read_behind(), after the stretch was read.
 *
 * Return: 0; what the reader or frames_event() returned, with @err filled.
 */
int frames_read_before(struct frames *frames, const char *path, u64 from_ns, struct err *err);
int frames_read_behind(struct frames *frames, const char *path, u64 to_ns, struct err *err);

/**
 * frames_frame() - what the @i-th frame of a stack is
 * @frame:  filled in any case; its texts live as long as @frames
 * @frames: after all events
 * @stack:  of timeline_stack()
 * @i:      0 is the innermost; all others are return addresses, and looked up as the call before
 *
 * Source: EVENT_SYMBOL; else the files that EVENT_MAPPING names, verified to be the ones that
 * were mapped; of the kernel the names of the one that runs, if it is the same. frame->offset
 * is that of the call.
 *
 * Return: whether its name is known.
 */
bool frames_frame(struct frames *frames, struct symbols_frame *frame, const struct stack *stack,
		  u32 i);

/* "queue_push", "worker+0x1234 [1f2e3d4c]", with lines "queue_push queue.c:88": as
 * symbols_line_text(). Return: @to */
char *frames_name(char to[SYMBOLS_TEXT_MAX], struct frames *frames, const struct stack *stack,
		  u32 i);

#endif
