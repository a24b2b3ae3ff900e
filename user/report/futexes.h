/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* futexes - the variables that threads waited for, by name */
#ifndef TRACER_REPORT_FUTEXES_H
#define TRACER_REPORT_FUTEXES_H

#include "user/base/clock.h"
#include "user/model/interval.h"
#include "user/symbols/symbols.h"

/* What a process ran, from a time on: with an exec, and when its PID comes again, another. */
struct futexes_run {
	u64 since_ns;
	u32 previous; /* number + 1 of the one before in the same process; 0: none */
};

struct futexes {
	struct symbols *symbols; /* NULL: nothing is mapped */
	struct clock_stamp start;
	bool here;       /* recorded on this machine since it booted */
	struct map last; /* PID -> number + 1 of its last run */
	struct futexes_run *runs;
	u32 count;
	u32 room;
};

/* @host and @start: of the recording; NULL: not known. */
void futexes_begin(struct futexes *futexes, const char *host, const struct clock_stamp *start);

/* Takes what processes run and map from EVENT_FORK, EVENT_EXEC and EVENT_MAPPING. Return: 0 or
 * -ENOMEM. */
int futexes_event(void *futexes, const struct trace_event *event);
struct sink futexes_sink(struct futexes *futexes);
void futexes_free(struct futexes *futexes);

#define FUTEX_NAME_MAX 256

/**
 * futexes_name() - the variable that a futex word lies in
 * @name:    "queue_lock"; "pool+0x28" inside a larger one; cut when it is longer
 * @module:  of the program or library that it belongs to; lives as long as @futexes
 * @futexes: after all events
 * @pid:     whose memory
 * @address: of the word
 * @time_ns: of a wait for it
 *
 * Source: the mappings in the trace, and files on this machine that are verified to be the
 * ones that were mapped. Where two programs that the process ran one after the other both have
 * a variable at @address, and of different names, nobody can tell.
 *
 * Return: whether there is one. Words in the heap, on stacks and in shared memory have no name.
 */
bool futexes_name(char name[FUTEX_NAME_MAX], const char **module, const struct futexes *futexes,
		  u32 pid, u64 address, u64 time_ns);

#endif
