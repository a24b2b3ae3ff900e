/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* arena - memory that is given out in pieces and taken back all at once */
#ifndef TRACER_TRACE_ARENA_H
#define TRACER_TRACE_ARENA_H

#include <stdlib.h>
#include <string.h>

#include "user/base/util.h"

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t room;
	u64 data[];
};

struct arena {
	struct arena_block *blocks; /* the newest first */
	size_t bytes;               /* given out since the last reset */
	size_t limit;               /* of that; 0: none */
};

/* Zeroed and aligned to 8 bytes. Return: NULL when memory ran out or the limit is reached. */
void *arena_take(struct arena *arena, size_t bytes);

/* A copy that ends with 0. */
char *arena_text(struct arena *arena, const void *text, size_t bytes);

/* All pieces become invalid; one block is kept. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

#endif
