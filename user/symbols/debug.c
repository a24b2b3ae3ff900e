// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* debug - the separate file that holds what was stripped */
#include "user/symbols/debug.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "user/base/cleanup.h"
#include "user/symbols/build_id.h"
#include "user/symbols/open.h"

#define DEBUG_DIR "/usr/lib/debug"
#define CRC_PIECE 65536
#define CRC_MOST  (2ULL << 30) /* bytes; to read more takes longer than anybody waits for */

static bool has_crc(int fd, u32 wanted)
{
	CLEANUP(free) u8 *piece = malloc(CRC_PIECE);
	uLong crc = crc32(0, NULL, 0);
	u64 at = 0;
	ssize_t bytes;

	if (!piece)
		return false;
	while ((bytes = pread(fd, piece, CRC_PIECE, (off_t)at)) > 0 && at < CRC_MOST) {
		crc = crc32(crc, piece, (uInt)bytes);
		at += (u64)bytes;
	}
	return !bytes && (u32)crc == wanted;
}

/* Whether it is of the same build and has symbols. */
static bool is_of(struct elf_file *debug, int fd, const struct elf_file *elf, const u8 *id,
		  unsigned int id_bytes)
{
	u8 other[BUILD_ID_ROOM];

	if (id_bytes && (build_id_read(other, fd) != id_bytes || memcmp(other, id, id_bytes)))
		return false;
	return elf_file_read(debug, fd) == 0 && debug->wide == elf->wide &&
	       debug->machine == elf->machine;
}

static int open_by_id(struct elf_file *debug, const char *root, const struct elf_file *elf,
		      const u8 *id, unsigned int id_bytes)
{
	char path[sizeof(DEBUG_DIR "/.build-id/") + 2 * BUILD_ID_ROOM + 16];
	CLEANUP(close) int fd = -1;
	int used;

	if (id_bytes < 2)
		return -ENOENT;
	used = snprintf(path, sizeof(path), DEBUG_DIR "/.build-id/%02x/", id[0]);
	for (unsigned int i = 1; i < id_bytes; i++)
		used += snprintf(path + used, sizeof(path) - (size_t)used, "%02x", id[i]);
	snprintf(path + used, sizeof(path) - (size_t)used, ".debug");
	fd = open_regular(root, path, true);
	return fd >= 0 && is_of(debug, fd, elf, id, id_bytes) ? take_fd(&fd) : -ENOENT;
}

static int open_by_link(struct elf_file *debug, const char *root, const char *path,
			const struct elf_file *elf, const u8 *id, unsigned int id_bytes)
{
	static const char *const forms[] = { "%.*s/%s", "%.*s/.debug/%s", DEBUG_DIR "%.*s/%s" };
	const char *end = strrchr(path, '/');

	for (size_t i = 0; end && elf->link[0] && i < ARRAY_SIZE(forms); i++) {
		CLEANUP(close) int fd = -1;
		char place[PATH_MAX];

		if (snprintf(place, sizeof(place), forms[i], (int)(end - path), path, elf->link) >=
		    (int)sizeof(place))
			continue;
		fd = open_regular(root, place, true);
		if (fd >= 0 && is_of(debug, fd, elf, id, id_bytes) && has_crc(fd, elf->link_crc))
			return take_fd(&fd);
	}
	return -ENOENT;
}

int debug_open(struct elf_file *debug, const char *root, const char *path,
	       const struct elf_file *elf, const u8 *id, unsigned int id_bytes)
{
	int fd = open_by_id(debug, root, elf, id, id_bytes);

	return fd >= 0 ? fd : open_by_link(debug, root, path, elf, id, id_bytes);
}
