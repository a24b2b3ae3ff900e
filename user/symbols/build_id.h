/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* build_id - which build a program or library is */
#ifndef TRACER_SYMBOLS_BUILD_ID_H
#define TRACER_SYMBOLS_BUILD_ID_H

#include "user/base/util.h"

#define BUILD_ID_ROOM 20

/**
 * build_id_read() - the GNU build id of an ELF file
 * @id: filled
 * @fd: a regular file, open for reading; its position is not used
 *
 * The file may be anything: sizes and offsets in it are not trusted, at most a few KiB are
 * read. Longer ids are cut to BUILD_ID_ROOM bytes.
 *
 * Return: bytes of the id, 0 when there is none.
 */
unsigned int build_id_read(u8 id[BUILD_ID_ROOM], int fd);

#endif
