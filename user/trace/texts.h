/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* texts - the names that a chunk's events share, each written once and then called by number */
#ifndef TRACER_TRACE_TEXTS_H
#define TRACER_TRACE_TEXTS_H

#include "user/base/buffer.h"
#include "user/base/map.h"

struct texts {
	struct map by_hash;    /* of the text -> its number, from 1 */
	struct buffer begins;  /* u32: where each one's length lies in bytes */
	struct buffer written; /* each as a length + 1 and the bytes of it */
	u32 count;
};

/**
 * texts_number() - the number of a text in the open chunk
 *
 * Return: from 1 on; 0 when there is no room for one more, or no memory: then it is written
 * where it is used.
 */
u32 texts_number(struct texts *texts, const char *text, size_t size);

/* How many there are, and all of them. */
void texts_put(const struct texts *texts, struct buffer *b);

void texts_next_chunk(struct texts *texts);
void texts_free(struct texts *texts);

#endif
