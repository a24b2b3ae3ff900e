/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* names - texts as small numbers: equal texts have equal numbers */
#ifndef TRACER_MODEL_NAMES_H
#define TRACER_MODEL_NAMES_H

#include "user/base/map.h"

struct names {
	char **texts; /* by number; 0 is "" */
	u32 count;
	u32 room;
	struct map numbers; /* hash -> number */
};

/* The number of @text (at most @size bytes, ended by 0 when shorter). Return: 0 or -ENOMEM. */
int names_put(struct names *names, u32 *number, const char *text, size_t size);

/* The number of @text if it was given one, else 0. */
u32 names_find(const struct names *names, const char *text);

/* "" for a number that was never given out. Valid as long as @names. */
const char *names_text(const struct names *names, u32 number);
void names_free(struct names *names);

#endif
