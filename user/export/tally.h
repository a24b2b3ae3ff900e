/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* tally - a trace, added up by stack: what pprof and flame graphs are made of */
#ifndef TRACER_EXPORT_TALLY_H
#define TRACER_EXPORT_TALLY_H

#include "user/frames/futexes.h"
#include "user/model/losses.h"
#include "user/model/profile.h"
#include "user/model/read.h"

/* One frame of any number of stacks. */
struct tally_frame {
	struct symbols_frame symbol; /* of what is said in place of a stack: the text is its name */
	u64 address; /* of the instruction: of a caller, its call; 0: no code at all */
	bool kernel;
};

/* Frames of a row: numbers of struct tally_frame, the innermost first. */
struct tally_list {
	const u32 *numbers;
	u32 count;
};

struct tally {
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
	struct tally_frame *list; /* every frame once */
	u32 count;
	u32 room;
	struct map frame_numbers; /* hash -> number + 1 */
	u32 *numbers;             /* frames of all stacks, one behind the other */
	u32 number_count;
	u32 number_room;
	struct map places; /* user stack, kernel stack or what is said instead -> where + 1, count */
	u64 truncated; /* stacks that do not reach their root */
};

struct tally_options {
	const struct profile_kind *kind;
	bool lines;
	struct filter filter; /* from_ns and to_ns: since the start of the recording */
};

/**
 * tally_read() - a trace, added up by stack
 * @tally:  all zero; to be freed with tally_free() in any case
 * @path:    of the trace; "-" is standard input
 *
 * Source: all events of the kind; with lost events, a lower bound.
 *
 * Return: 0; -ENODATA when the trace has nothing of that kind, because it was not recorded;
 * what reading returns. @err is filled.
 */
int tally_read(struct tally *tally, const char *path, const struct tally_options *options,
		struct err *err);
void tally_free(struct tally *tally);

/* For tests: as tally_read() when the timeline has run with the sinks of profile, frames and
 * losses. Return: 0 or -ENOMEM. */
int tally_finish(struct tally *tally);

/*
 * The frames of a row: those of the kernel, then those of the program; what is said instead,
 * when there is no stack, and behind a stack that does not reach its root. Never empty.
 */
struct tally_list tally_frames(const struct tally *tally, const struct profile_row *row);

/* Whether stacks were recorded at all. */
bool tally_has_stacks(const struct tally *tally);

/* Whether counts and times may be too small because something is missing. */
bool tally_is_lower_bound(const struct tally *tally);

#define TALLY_TEXT_MAX 256

/* Of a row: who ended the wait ("" for nobody), and what it was for ("": nothing known), with
 * the name of a lock's variable. Return: @to */
char *tally_waker(char to[TALLY_TEXT_MAX], const struct tally *tally,
		   const struct profile_row *row);
char *tally_object(char to[TALLY_TEXT_MAX], const struct tally *tally,
		    const struct profile_row *row);
const struct thread *tally_thread(const struct tally *tally, const struct profile_row *row);

#endif
