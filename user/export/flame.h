/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* flame - a flame graph: one SVG file that a browser opens, with search and zoom, off-line */
#ifndef TRACER_EXPORT_FLAME_H
#define TRACER_EXPORT_FLAME_H

#include <stdio.h>

#include "user/export/tally.h"

/**
 * flame_write() - one flame graph
 * @out:    where to; flushed
 * @tally: read
 *
 * A frame is as wide as the time of all stacks that go through it; callers are above. The colour
 * is the kind of wait that most of that time is. Frames of less than 0.1 pixels are left out, and
 * counted in the last line. With several processes the first row is theirs.
 *
 * Return: 0; -ENOMEM; the negative errno of writing. @err is filled.
 */
int flame_write(FILE *out, const struct tally *tally, struct err *err);

#endif
