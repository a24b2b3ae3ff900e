/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* perf_map - names of functions that a JIT compiler made, as it tells them in /tmp */
#ifndef TRACER_SYMBOLS_PERF_MAP_H
#define TRACER_SYMBOLS_PERF_MAP_H

#include <sys/types.h>

#include "user/base/buffer.h"
#include "user/base/cleanup.h"
#include "user/symbols/index.h"

struct perf_map {
	struct index index;
	struct buffer names;	/* each ended by 0 */
	u64 skipped;		/* lines that say nothing */
	bool cut;		/* there was more than we read */
};

/**
 * perf_map_open() - a file in the form of /tmp/perf-PID.map
 * @map:   set on success
 * @root:  see open_regular()
 * @path:  below @root; neither it may be a link, nor anything but a regular file
 * @owner: whose it must be; root's is taken too
 *
 * At most 64 MiB are read, and 262,144 functions with 4 MiB of names. Lines that are not "BEGIN
 * SIZE NAME" in hexadecimal are left out and counted.
 *
 * Return: 0; -ENOENT; -EPERM: another owner's; -ELOOP, -EINVAL: no regular file; -ENOMEM.
 */
int perf_map_open(struct perf_map **map, const char *root, const char *path, uid_t owner);
void perf_map_free(struct perf_map *map);
DEFINE_CLEANUP(struct perf_map *, perf_map_free)

/* The function that @address lies in; where several say so, the one that was told last. Return:
 * its name, valid as long as @map, or NULL. */
const char *perf_map_find(const struct perf_map *map, u64 address, u64 *begin);

#endif
