/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* debug - the separate file that holds what was stripped */
#ifndef TRACER_SYMBOLS_DEBUG_H
#define TRACER_SYMBOLS_DEBUG_H

#include "user/symbols/elf.h"

/**
 * debug_open() - the separate debug file of a program or library
 * @debug:    filled
 * @root:     where to look, see open_regular()
 * @path:     of the stripped file below @root
 * @elf:      the stripped file
 * @id:       its build id
 * @id_bytes: 0: it has none
 *
 * By build id in /usr/lib/debug/.build-id, then by .gnu_debuglink beside the file, in .debug
 * there and in /usr/lib/debug. A file with another build id is not it; one that was found by
 * its link must have the checksum that the link says.
 *
 * Return: a descriptor to be closed, or -ENOENT.
 */
int debug_open(struct elf_file *debug, const char *root, const char *path,
	       const struct elf_file *elf, const u8 *id, unsigned int id_bytes);

#endif
