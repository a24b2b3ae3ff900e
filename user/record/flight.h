/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* flight - a recording that goes on and on, keeps a window of it, and writes that when asked */
#ifndef TRACER_RECORD_FLIGHT_H
#define TRACER_RECORD_FLIGHT_H

#include "user/record/intake.h"
#include "user/record/restraint.h"
#include "user/record/shelf.h"
#include "user/record/snapshot.h"
#include "user/record/trigger.h"

struct flight_options {
	u64 window_ns;		/* kept */
	u64 memory_bytes;	/* of the whole process, at most */
	u64 before_ns;		/* so long before its cause a snapshot begins */
	u64 after_ns;		/* and so long behind it ends */
	const char *window_file; /* keeps the window, too; NULL: none */
	struct shelf_options shelf; /* where snapshots go, and how many are kept */
	const struct trigger *triggers;
	size_t trigger_count;
	struct restraint *restraint; /* of the triggers' snapshots; not owned */

	/* One line for each thing that happened, without its end; NULL: nobody wants to know. */
	void (*on_fact)(void *ctx, const char *line);
	void *ctx;
};

struct flight_status {
	struct window_status window;
	u64 memory_bytes;	/* of the whole process, now */
	u64 triggers;		/* met, ever */
	u64 suppressed;		/* of these, that are in no snapshot */
	u64 snapshots;		/* written */
	u64 removed;		/* of these and older ones, because there were too many */
	u64 failed;		/* that could not be written */
	bool pending;		/* one is wanted, or is being written */
	u64 unwatched;		/* threads, tasks and names for which the triggers had no room */
};

struct flight;

/**
 * flight_open() - get ready to keep a window
 * @out:    set on success
 * @intake: opened; its sink is set; must stay
 * @info:   of the recording; must stay
 *
 * Memory beyond what the process uses now is for the window, within options->memory_bytes; when
 * the rest of the process grows, the window shrinks.
 *
 * Return: 0; -EINVAL when there is too little memory; ... with @err filled.
 */
int flight_open(struct flight **out, const struct flight_options *options, struct intake *intake,
		const struct trace_info *info, struct err *err);

/* Gives up what is not written. Accepts NULL. */
void flight_free(struct flight *flight);
DEFINE_CLEANUP(struct flight *, flight_free)

/**
 * flight_snapshot() - ask for a snapshot
 * @path:  of the file, which is replaced; NULL: a new one in the directory
 * @cause: why; copied. Its thread and times are 0 where it is nobody's doing
 * @ticket: set to the snapshot's number, never 0; NULL: not wanted
 *
 * It is taken when options->after_ns have passed since @cause->time_ns; what is asked for until
 * then becomes part of it, unless it is to have another path. Never waits.
 *
 * Return: 0; -EBUSY when as many as can be are being written.
 */
int flight_snapshot(struct flight *flight, const char *path, const struct cause *cause,
		    u64 *ticket);

/* Called when a snapshot is written, or could not be; NULL: nobody. */
void flight_on_written(struct flight *flight,
		       void (*on_written)(void *ctx, u64 ticket,
					  const struct snapshot_result *result),
		       void *ctx);

/* The trigger "signal": SIGUSR1 came from process @pid. */
void flight_signal(struct flight *flight, u32 pid);

/**
 * flight_turn() - after each intake_drain(): take snapshots that are due, tell of those that are done
 *
 * Return: 0, or a negative errno with @err filled: the recording cannot go on.
 */
int flight_turn(struct flight *flight, struct err *err);

/* When the next flight_turn() is wanted; UINT64_MAX: whenever. */
u64 flight_due_ns(const struct flight *flight);

/* flight_turn() is wanted at least so often. */
unsigned int flight_interval_ms(const struct flight *flight);

/* Readable when flight_turn() has something to do. */
int flight_fd(const struct flight *flight);

/* The recording ends, and with it the trigger exit is met: what was asked for is taken now. Return:
 * whether it is all written. */
bool flight_end(struct flight *flight, struct err *err);

void flight_get_status(struct flight *flight, struct flight_status *status);

#endif
