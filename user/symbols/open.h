/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* open - files that traced processes name, opened with care */
#ifndef TRACER_SYMBOLS_OPEN_H
#define TRACER_SYMBOLS_OPEN_H

#include "user/base/util.h"

/**
 * open_regular() - a regular file as a process with another root sees it
 * @root: a directory, "/proc/PID/root"; "" for our own
 * @path: absolute; its links lead to where they would lead below @root, never out of it
 * @link: the last part may be a link
 *
 * Never waits for a FIFO and never makes a terminal ours.
 *
 * Return: a descriptor for reading, or a negative errno; -EINVAL for what is no regular file.
 */
int open_regular(const char *root, const char *path, bool link);

#endif
