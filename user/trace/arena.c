// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* arena - memory that is given out in pieces and taken back all at once */
#include "user/trace/arena.h"

#define BLOCK_BYTES ((size_t)64 << 10)

void *arena_take(struct arena *arena, size_t bytes)
{
	struct arena_block *block = arena->blocks;
	void *piece;

	bytes = (bytes + 7) & ~(size_t)7;
	if (arena->limit && bytes > arena->limit - arena->bytes)
		return NULL;
	if (!block || bytes > block->room - block->used) {
		size_t room = max(bytes, BLOCK_BYTES);

		block = malloc(sizeof(*block) + room);
		if (!block)
			return NULL;
		*block = (struct arena_block){ .next = arena->blocks, .room = room };
		arena->blocks = block;
	}
	piece = (u8 *)block->data + block->used;
	block->used += bytes;
	arena->bytes += bytes;
	return memset(piece, 0, bytes);
}

char *arena_text(struct arena *arena, const void *text, size_t bytes)
{
	char *copy = arena_take(arena, bytes + 1);

	if (copy && bytes)
		memcpy(copy, text, bytes);
	return copy;
}

void arena_reset(struct arena *arena)
{
	struct arena_block *keep = arena->blocks;

	arena->bytes = 0;
	if (!keep)
		return;
	while (keep->next) {
		struct arena_block *next = keep->next;

		keep->next = next->next;
		free(next);
	}
	keep->used = 0;
}

void arena_free(struct arena *arena)
{
	arena_reset(arena);
	free(arena->blocks);
	*arena = (struct arena){ .limit = arena->limit };
}
