/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* grow - lists that double */
#ifndef TRACER_MODEL_GROW_H
#define TRACER_MODEL_GROW_H

#include <stdlib.h>

#include "user/base/util.h"

/* Makes room for one more than @count items of @size bytes in the list that @list points to.
 * Return: false without memory; the list is as it was. */
static inline bool grow(void *list, u32 count, u32 *room, size_t size)
{
	void **items = list;
	u32 more = *room ? *room * 2 : 16;
	void *grown;

	if (count < *room)
		return true;
	grown = realloc(*items, more * size);
	if (!grown)
		return false;
	*items = grown;
	*room = more;
	return true;
}

#endif
