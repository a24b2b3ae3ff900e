// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* buffer - bytes that grow */
#include "user/base/buffer.h"

#include <stdlib.h>

int buffer_grow(struct buffer *b, size_t more)
{
	size_t room = b->room ? b->room : 256;
	u8 *data;

	if (more > SIZE_MAX / 2 - b->size)
		goto no_memory;
	while (room < b->size + more)
		room *= 2;
	data = realloc(b->data, room);
	if (!data)
		goto no_memory;
	b->data = data;
	b->room = room;
	return 0;

no_memory:
	b->failed = true;
	return -ENOMEM;
}

void buffer_append(struct buffer *b, const void *data, size_t size)
{
	if (!size || buffer_reserve(b, size))
		return;
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

void buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){ 0 };
}
