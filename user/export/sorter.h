/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* sorter - any number of small records in order of a key, in bounded memory */
#ifndef TRACER_EXPORT_SORTER_H
#define TRACER_EXPORT_SORTER_H

#include "user/base/util.h"

/*
 * Records are sorted in memory as long as there is room; then in sorted runs in a file without a
 * name (in $TMPDIR, else /var/tmp), which are merged at the end. Records with equal keys come out
 * in the order in which they were added. Fastest when they come almost in order.
 */
struct sorter_item {
	u64 key;
	u32 offset; /* in the arena */
	u32 size;
};

struct sorter_run {
	u64 offset; /* in the file */
	u64 end;
	bool merged; /* of many */
};

struct sorter {
	size_t bytes_max; /* of memory for records; 0: 16 MiB */
	u32 items_max;    /* records in memory; 0: 512 Ki */
	u32 runs_max;     /* that are merged at once; 0: 128 */
	struct sorter_item *items;
	u32 count;
	u32 room;
	u8 *arena;
	size_t used;
	size_t arena_room;
	int file; /* descriptor + 1; 0: none yet */
	u64 file_bytes;
	struct sorter_run *runs;
	u32 run_count;
	u32 run_room;
	struct merge *merge; /* of all runs, once finished */
	u32 next;            /* without runs: of items */
};

/* All zero is an empty one. */
void sorter_free(struct sorter *sorter);

#define SORTER_RECORD_MAX 8192 /* bytes */

/* Return: 0, -ENOMEM, -E2BIG, or the negative errno of the file. */
int sorter_add(struct sorter *sorter, u64 key, const void *data, size_t size);

/* Nothing more is added. As sorter_add(). */
int sorter_finish(struct sorter *sorter);

/* The next record; @data is valid until the next call. Return: 1; 0 at the end; a negative errno. */
int sorter_next(struct sorter *sorter, u64 *key, const u8 **data, size_t *size);

#endif
