/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* intake - from the rings into chunks, and from those into the file */
#ifndef TRACER_RECORD_INTAKE_H
#define TRACER_RECORD_INTAKE_H

#include "user/record/annotate.h"
#include "user/record/chunk_sink.h"
#include "user/record/mappings.h"
#include "user/record/probes.h"
#include "user/record/resolver.h"
#include "user/record/told.h"
#include "user/record/watch.h"
#include "user/trace/chunk.h"

struct cpu_losses {
	u64 seen[CLASS_COUNT];	/* of what the programs count */
	u64 ever[CLASS_COUNT];	/* and what the encoder had no room for */
	struct trace_loss untold;	/* of these, what is not yet in a chunk */
	u64 untold_sum;
};

struct intake {
	struct probes *probes;		/* not owned */
	struct chunk_sink sink;		/* set by whoever opened it, before the first event */
	struct watch *watch;		/* sees all events; NULL: no triggers; not owned */
	struct told *told;		/* NULL: names are told once, and not again; not owned */
	struct chunk_encoder *encoder;
	struct mappings *mappings;
	struct annotate *annotate;	/* NULL: annotations are not recorded */
	struct resolver *resolver;	/* NULL: without stacks */
	struct blocked_thread *blocked;	/* at the end; their stacks are walked when mappings are known */
	u32 blocked_count;
	struct cpu_losses *losses;	/* one per CPU */
	u64 cut_ns;			/* everything up to here is in a chunk */
	u64 chunk_since_ns;		/* no event of the open chunk is earlier; 0: empty */
	u64 stalled_since_ns;
	bool learning;			/* there were stacks of late that the programs were unsure of */
	u64 recorded[CLASS_COUNT];
	u64 events;
	u64 lost;
};

/*
 * All memory, before the first event. @words: probes that the user named; they stay. Return: 0,
 * -ENOMEM, or as annotate_new(), with @err filled.
 */
int intake_open(struct intake *intake, struct probes *probes, const struct probe_list *words,
		u64 start_ns, struct err *err);

/* Frees all. */
void intake_close(struct intake *intake);

/**
 * intake_drain() - everything that was recorded up to now
 * @fullest: set to the largest share of a ring that was in use, in 1/256
 *
 * Closes chunks that are large or old.
 *
 * Return: 0, or a negative errno with @err filled: the file takes no more.
 */
int intake_drain(struct intake *intake, unsigned int *fullest, struct err *err);

/* What probes cost the target, as toll_look(). */
void intake_toll(struct intake *intake, struct toll_report *report);

/* When the next intake_drain() should come at the latest: the open chunk is old then. */
u64 intake_due_ns(const struct intake *intake);

/* Waits a moment for mappings. Return: how many processes' could not be read. */
unsigned int intake_finish_mappings(struct intake *intake);

/* Looks where threads wait that still wait: the programs are stopped, or a snapshot ends now. */
void intake_find_blocked(struct intake *intake);

/* When all is drained: gives the resolver @wait_ns to do what is left. */
void intake_resolve(struct intake *intake, u64 wait_ns, struct resolved *counts);

/* Has the stacks walked that intake_find_blocked() found; they come with later drains. */
void intake_ask_blocked(struct intake *intake);

/* Whether all that the resolver was asked for has come. */
bool intake_is_resolved(const struct intake *intake);

/* The open chunk tells again all mappings, and the names that intake->told knows, which then count as
 * its events. Return: 0 or -ENOMEM. */
int intake_tell_again(struct intake *intake);

/*
 * Closes the open chunk, which tells again all mappings, and the names that intake->told knows: the
 * last one of a snapshot. As intake_drain(), which comes before.
 */
int intake_close_snapshot(struct intake *intake, struct err *err);

/* Closes the open chunk, when there is anything to tell. As intake_drain(). */
int intake_flush(struct intake *intake, struct err *err);

#endif
