// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* intern - texts that are kept once each, until the end */
#include "user/symbols/intern.h"

#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"

#define BLOCK_BYTES 65536
#define TEXT_BYTES  4096 /* of one text; longer ones are cut */

static char *room_for(struct intern *intern, size_t size)
{
	char **blocks, *block;

	if (intern->bytes + size > intern->bytes_max)
		return NULL;
	if (!intern->block_count || BLOCK_BYTES - intern->block_used < size) {
		blocks = realloc(intern->blocks, (intern->block_count + 1) * sizeof(*blocks));
		if (!blocks)
			return NULL;
		intern->blocks = blocks;
		block = malloc(BLOCK_BYTES);
		if (!block)
			return NULL;
		blocks[intern->block_count++] = block;
		intern->block_used = 0;
	}
	block = intern->blocks[intern->block_count - 1] + intern->block_used;
	intern->block_used += size;
	intern->bytes += size;
	return block;
}

const char *intern_text(struct intern *intern, const char *text)
{
	char clean[TEXT_BYTES], *kept;
	size_t size = text_printable(clean, sizeof(clean), text) + 1;
	u64 *slot;

	for (u64 key = hash_bytes(clean, size);; key++) {
		slot = map_get(&intern->texts, key);
		if (!slot)
			slot = map_put(&intern->texts, key);
		if (!slot)
			return NULL;
		if (!*slot)
			break;
		if (!strcmp((const char *)(uintptr_t)*slot, clean))
			return (const char *)(uintptr_t)*slot;
	}
	kept = room_for(intern, size);
	if (!kept)
		return NULL;
	memcpy(kept, clean, size);
	*slot = (u64)(uintptr_t)kept;
	return kept;
}

void intern_free(struct intern *intern)
{
	for (size_t i = 0; i < intern->block_count; i++)
		free(intern->blocks[i]);
	free(intern->blocks);
	map_free(&intern->texts);
	*intern = (struct intern){ 0 };
}
