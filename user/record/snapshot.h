/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* snapshot - chunks of the window into a file, by a thread of its own while recording goes on */
#ifndef TRACER_RECORD_SNAPSHOT_H
#define TRACER_RECORD_SNAPSHOT_H

#include "user/record/cause.h"
#include "user/record/window.h"
#include "user/trace/info.h"

#define SNAPSHOT_CAUSES_MAX 16

/* Why, and how much */
struct snapshot_order {
	char *path;   /* of the file; replaced only with @replace */
	bool replace;
	u64 ticket;      /* for whoever ordered it */
	u64 from_ns;     /* chunks that end behind it */
	u64 last_number; /* the last chunk */
	u64 before_ns, after_ns;
	u64 suppressed;
	u64 more;
	struct cause causes[SNAPSHOT_CAUSES_MAX];
	u32 cause_count;
	u64 untracked; /* for the totals */
	u64 recorder_cpu_ns;
};

/* What has become of an order */
struct snapshot_result {
	struct snapshot_order *order; /* belongs to who took the result */
	struct err err;               /* code 0: the file is there */
	u64 bytes;
	u64 from_ns, to_ns;
	u64 events, lost;
	u64 took_ns;
};

struct snapshots;

/* @info: of the recording; stays. Return: 0, or a negative errno with @err filled. */
int snapshots_new(struct snapshots **out, struct window *window, const struct trace_info *info,
		  struct err *err);

/* Waits until the one that is being written is done; those behind it are given up. Accepts NULL. */
void snapshots_free(struct snapshots *snapshots);
DEFINE_CLEANUP(struct snapshots *, snapshots_free)

void snapshot_order_free(struct snapshot_order *order);
DEFINE_CLEANUP(struct snapshot_order *, snapshot_order_free)

/*
 * Takes the order. The window keeps chunks that it needs as long as its bytes allow; should it
 * overtake the writing, the snapshot begins later than asked, and has no gap.
 *
 * Return: 0, or -ENOMEM; then the order is still the caller's.
 */
int snapshots_order(struct snapshots *snapshots, struct snapshot_order *order);

/* Orders whose results were not taken yet. */
unsigned int snapshots_open(struct snapshots *snapshots);

/* Return: whether there was one. Never waits. */
bool snapshots_take(struct snapshots *snapshots, struct snapshot_result *result);

/* Readable when there is a result. */
int snapshots_fd(const struct snapshots *snapshots);

#endif
