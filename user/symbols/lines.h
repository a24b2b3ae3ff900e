/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* lines - file and line of an address, from DWARF */
#ifndef TRACER_SYMBOLS_LINES_H
#define TRACER_SYMBOLS_LINES_H

#include "user/base/cleanup.h"
#include "user/base/util.h"

/* The DWARF of one file, opened when it is asked for; takes as much memory as that has bytes. */
struct lines;

/**
 * lines_open() - the DWARF of a file
 * @lines: set on success
 * @fd:    the file, or its separate debug file; duplicated
 *
 * Read by libdw, without mapping the file. Files of more than 2 GiB are refused.
 *
 * Return: 0; -ENODATA: it has none; -EFBIG; -ENOMEM.
 */
int lines_open(struct lines **lines, int fd);
void lines_close(struct lines *lines);
DEFINE_CLEANUP(struct lines *, lines_close)

/* The line that the code at @address (as the file counts) was made from. Return: the file's name,
 * valid until lines_close(), or NULL. */
const char *lines_find(struct lines *lines, u64 address, u32 *line);

#endif
