/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* runs - which programs processes ran, one after the other, and what each had mapped */
#ifndef TRACER_FRAMES_RUNS_H
#define TRACER_FRAMES_RUNS_H

#include "user/base/clock.h"
#include "user/model/timeline.h"
#include "user/symbols/symbols.h"

/* What a process ran, from a time on: with an exec, and when its PID comes again, another. Its
 * number (index in runs) is what symbols know it by. */
struct run {
	u64 since_ns;
	u32 previous; /* number + 1 of the one before of the same PID; 0: none */
	u32 parent;   /* number + 1 of the run whose mappings a fork has inherited; 0: none */
	u32 image;    /* how often the process had exec'd before, while recorded */
	u32 process;  /* id of the model's process; 0: not known */
	bool mapped;  /* it has mappings of its own */
};

struct runs {
	const struct timeline *timeline; /* NULL: processes have no ids */
	struct symbols_options options;
	struct symbols *symbols; /* NULL: nothing was asked for yet */
	struct clock_stamp start;
	struct map last; /* PID -> number + 1 of its last run */
	struct run *list;
	u32 count;
	u32 room;
};

/**
 * runs_begin() - before the first event
 * @host:  where it was recorded, and @start when; decides whether /proc/PID and the running
 *         kernel are those of the trace: NULL: not known, so they are not
 * @lines: look for files and lines too
 */
void runs_begin(struct runs *runs, const char *host, const struct clock_stamp *start, bool lines);

/* Takes EVENT_FORK, EVENT_EXEC and EVENT_MAPPING. Return: 0 or -ENOMEM. */
int runs_event(struct runs *runs, const struct trace_event *event);
void runs_free(struct runs *runs);

/* The latest run of @pid that has exec'd @image times; of the model's process with id
 * @process, when that is not 0. Return: its number + 1; 0: none. */
u32 runs_find(const struct runs *runs, u32 pid, u32 image, u32 process);

/* As runs_find(), made when there is none. Return: 0 without memory. */
u32 runs_get(struct runs *runs, u32 pid, u32 image);

/*
 * What lies at an address of run @number - 1, or of those that it was forked from, as
 * symbols_code() and symbols_data(): @frame is filled in any case but data without a name.
 * @placed: the name is not asked for. Return: whether the name is known.
 */
bool runs_code(const struct runs *runs, struct symbols_frame *frame, u32 number, u64 address,
	       bool placed);
bool runs_data(const struct runs *runs, struct symbols_frame *frame, u32 number, u64 address);

/* As symbols_kernel(), when the trace is of the kernel that runs. */
bool runs_kernel(struct runs *runs, struct symbols_frame *frame, u64 address);

#endif
