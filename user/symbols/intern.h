/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* intern - texts that are kept once each, until the end */
#ifndef TRACER_SYMBOLS_INTERN_H
#define TRACER_SYMBOLS_INTERN_H

#include "user/base/map.h"

struct intern {
	struct map texts;	/* hash -> text */
	char **blocks;
	size_t block_count;
	size_t block_used;	/* bytes of the last block */
	size_t bytes;		/* of all texts */
	size_t bytes_max;
};

/*
 * @text as it is kept: equal texts are the same pointer, valid until intern_free(). Control
 * characters and bytes that are not UTF-8 become '?'. Return: NULL beyond bytes_max, or
 * without memory.
 */
const char *intern_text(struct intern *intern, const char *text);
void intern_free(struct intern *intern);

#endif
