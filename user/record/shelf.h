/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* shelf - the snapshots in a directory: which are kept, and which go when there are too many */
#ifndef TRACER_RECORD_SHELF_H
#define TRACER_RECORD_SHELF_H

#include "user/base/buffer.h"
#include "user/base/err.h"
#include "user/record/cause.h"

struct shelf_options {
	const char *dir;	/* "": the present one */
	const char *name;	/* what the names of files begin with: NAME-PID-... */
	u32 pid;		/* 0: they have none */
	bool plain;		/* traces that are no snapshots count, too */
	u64 keep;		/* snapshots; 0: any number */
	u64 keep_bytes;		/* of all together; 0: any number */
	u64 keep_slowest;	/* for each trigger of a duration; 0: all */
};

/* Texts are copied. */
struct shelf_item {
	char *path;
	char *trigger;		/* "": none that has a duration */
	u64 bytes;
	u64 duration_ns;
	u64 wall_ns;		/* when it was taken */
};

struct shelf {
	struct shelf_options options;
	struct buffer items;	/* struct shelf_item, the oldest first */
	u64 bytes;
	u64 removed;		/* ever */
};

/**
 * shelf_open() - look at what earlier recorders have left
 * @options: its texts stay
 *
 * Files in the directory that are called as a snapshot of this target would be, and are one, count
 * as kept. None is removed before the next one is added.
 *
 * Return: 0, or a negative errno with @err filled.
 */
int shelf_open(struct shelf *shelf, const struct shelf_options *options, struct err *err);
void shelf_close(struct shelf *shelf);

/* DIR/NAME-PID-YYYYMMDD-HHMMSS.trace, in local time, a name that is free. Return: NULL: no memory. */
char *shelf_path(const struct shelf *shelf);

/* Whether a snapshot would be kept: it is slower than the mildest one of its trigger. */
bool shelf_wants(const struct shelf *shelf, const struct cause *cause);

/**
 * shelf_add() - a snapshot is there; remove what is too many now
 * @cause:	the one that lasted longest
 * @on_removed: called with the path of each that is removed, or that cannot be (@code below 0)
 *
 * Return: 0 or -ENOMEM: it is not counted.
 */
int shelf_add(struct shelf *shelf, const char *path, u64 bytes, const struct cause *cause,
	      void (*on_removed)(void *ctx, const char *path, int code), void *ctx);

static inline size_t shelf_count(const struct shelf *shelf)
{
	return shelf->items.size / sizeof(struct shelf_item);
}

#endif
