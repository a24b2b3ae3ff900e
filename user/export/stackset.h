/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* stackset - a trace as stacks with counts and times: what pprof and flame graphs are made of */
#ifndef TRACER_EXPORT_STACKSET_H
#define TRACER_EXPORT_STACKSET_H

#include "user/frames/futexes.h"
#include "user/model/losses.h"
#include "user/model/profile.h"
#include "user/model/read.h"

/* One frame of any number of stacks. */
struct stackset_frame {
	struct symbols_frame symbol; /* of what is said in place of a stack: the text is its name */
	u64 address; /* of the instruction: of a caller, its call; 0: no code at all */
	bool kernel;
};

/* Frames of a row: numbers of struct stackset_frame, the innermost first. */
struct stackset_list {
	const u32 *numbers;
	u32 count;
};

struct stackset {
	struct trace_reader *reader;
	const struct trace_info *info;
	const struct trace_totals *totals; /* NULL: the recording has no end */
	struct timeline *timeline;
	u64 begin_ns; /* of the stretch */
	u64 end_ns;
	struct frames frames;
	struct profile profile; /* finished: equal stacks are one, longest first */
	struct losses losses;
	bool damaged;
	struct stackset_frame *list; /* every frame once */
	u32 count;
	u32 room;
	struct map frame_numbers; /* hash -> number + 1 */
	u32 *numbers;             /* frames of all stacks, one behind the other */
	u32 number_count;
	u32 number_room;
	struct map places; /* user stack, kernel stack or what is said instead -> where + 1, count */
	u64 truncated; /* stacks that do not reach their root */
};

struct stackset_options {
	const struct profile_kind *kind;
	bool lines;
	struct filter filter; /* from_ns and to_ns: since the start of the recording */
};

/**
 * stackset_read() - a trace, added up by stack
 * @stacks:  all zero; to be freed with stackset_free() in any case
 * @path:    of the trace; "-" is standard input
 *
 * Source: all events of the kind; with lost events, a lower bound.
 *
 * Return: 0; -ENODATA when the trace has nothing of that kind, because it was not recorded;
 * what reading returns. @err is filled.
 */
int stackset_read(struct stackset *stacks, const char *path, const struct stackset_options *options,
		struct err *err);
void stackset_free(struct stackset *stacks);

/* For tests: as stackset_read() when the timeline has run with the sinks of profile, frames and
 * losses. Return: 0 or -ENOMEM. */
int stackset_finish(struct stackset *stacks);

/*
 * The frames of a row: those of the kernel, then those of the program; what is said instead,
 * when there is no stack, and behind a stack that does not reach its root. Never empty.
 */
struct stackset_list stackset_frames(const struct stackset *stacks, const struct profile_row *row);

/* Whether stacks were recorded at all. */
bool stackset_has_stacks(const struct stackset *stacks);

/* Whether counts and times may be too small because something is missing. */
bool stackset_is_lower_bound(const struct stackset *stacks);

#define STACKSET_TEXT_MAX 256

/* Of a row: who ended the wait ("" for nobody), and what it was for ("": nothing known), with
 * the name of a lock's variable. Return: @to */
char *stackset_waker(char to[STACKSET_TEXT_MAX], const struct stackset *stacks,
		   const struct profile_row *row);
char *stackset_object(char to[STACKSET_TEXT_MAX], const struct stackset *stacks,
		    const struct profile_row *row);
const struct thread *stackset_thread(const struct stackset *stacks, const struct profile_row *row);

#endif
