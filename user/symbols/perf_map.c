// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* perf_map - names of functions that a JIT compiler made, as it tells them in /tmp */
#include "user/symbols/perf_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/symbols/open.h"

#define FILE_MOST    (64ULL << 20)
#define NAMES_MOST   (4ULL << 20)
#define ENTRIES_MOST 262144
#define PIECE_BYTES  65536
#define STEPS_MAX    64   /* functions that may overlap */
#define NAME_MOST    1024 /* bytes; the rest of a longer one is left out */

static bool parse_hex(u64 *to, const char **at)
{
	const char *begin = *at;
	u64 value = 0;

	if (begin[0] == '0' && (begin[1] == 'x' || begin[1] == 'X'))
		begin += 2;
	*at = begin;
	for (;; ++*at) {
		char c = **at;
		unsigned int digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned int)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			digit = (unsigned int)((c | 32) - 'a' + 10);
		else
			break;
		if (value >> 60)
			return false;
		value = value << 4 | digit;
	}
	*to = value;
	return *at > begin && **at == ' ';
}

/* One line without its end. Return: 0 or -ENOMEM. */
static int add_line(struct perf_map *map, u32 *room, char *line)
{
	const char *at = line;
	struct index_entry *grown;
	u64 begin, bytes;

	if (!parse_hex(&begin, &at) || (at++, !parse_hex(&bytes, &at)) || !bytes ||
	    begin > INDEX_ADDRESS_MASK || !at[1]) {
		map->skipped++;
		return 0;
	}
	at++;
	if (map->index.count == ENTRIES_MOST || map->names.size > NAMES_MOST) {
		map->cut = true;
		return 0;
	}
	if (map->index.count == *room) {
		*room = *room ? *room * 2 : 1024;
		grown = realloc(map->index.entries, *room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		map->index.entries = grown;
	}
	map->index.entries[map->index.count++] = (struct index_entry){
		.key = index_key(begin, 0),
		.bytes = (u32)min(bytes, (u64)UINT32_MAX),
		.name = (u32)map->names.size,
	};
	line[min(strlen(line), (size_t)(at - line) + NAME_MOST)] = 0;
	buffer_append(&map->names, at, strlen(at) + 1);
	return map->names.failed ? -ENOMEM : 0;
}

/* The whole lines of @piece. Return: bytes of the rest, moved to its begin; negative errno. */
static ssize_t add_lines(struct perf_map *map, u32 *room, char *piece, size_t size)
{
	char *line = piece, *end;

	while ((end = memchr(line, '\n', size - (size_t)(line - piece)))) {
		*end = 0;
		/* A 0 in the middle: not a text. */
		if (strlen(line) != (size_t)(end - line))
			map->skipped++;
		else if (add_line(map, room, line))
			return -ENOMEM;
		line = end + 1;
	}
	size -= (size_t)(line - piece);
	memmove(piece, line, size);
	return (ssize_t)size;
}

static int read_map(struct perf_map *map, int fd)
{
	CLEANUP(free) char *piece = malloc(PIECE_BYTES);
	ssize_t kept = 0, bytes;
	bool in_long_line = false;
	u32 room = 0;
	u64 at = 0;

	if (!piece)
		return -ENOMEM;
	while (at < FILE_MOST) {
		bytes = pread(fd, piece + kept, (size_t)(PIECE_BYTES - kept), (off_t)at);
		if (bytes <= 0)
			break;
		at += (u64)bytes;
		if (in_long_line) {
			char *end = memchr(piece, '\n', (size_t)bytes);

			if (!end)
				continue;
			in_long_line = false;
			bytes -= end + 1 - piece;
			memmove(piece, end + 1, (size_t)bytes);
		}
		kept = add_lines(map, &room, piece, (size_t)(kept + bytes));
		if (kept < 0)
			return (int)kept;
		if (kept == PIECE_BYTES) {
			map->skipped++;
			in_long_line = true;
			kept = 0;
		}
	}
	map->cut |= at >= FILE_MOST;
	/* The last line may be on its way. */
	map->skipped += kept > 0;
	index_sort(&map->index);
	return 0;
}

int perf_map_open(struct perf_map **out, const char *root, const char *path, uid_t owner)
{
	CLEANUP(close) int fd = open_regular(root, path, false);
	CLEANUP(perf_map_free) struct perf_map *map = NULL;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid != owner && st.st_uid)
		return -EPERM;
	map = calloc(1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	r = read_map(map, fd);
	if (r < 0)
		return r;
	*out = take(map);
	return 0;
}

void perf_map_free(struct perf_map *map)
{
	if (!map)
		return;
	index_free(&map->index);
	buffer_free(&map->names);
	free(map);
}

const char *perf_map_find(const struct perf_map *map, u64 address, u64 *begin)
{
	const struct index_entry *entries = map->index.entries, *last = NULL;
	u32 until = index_until(&map->index, address);

	/* Memory of functions that are gone is used again, and nobody says that they are gone. */
	for (u32 i = until; i > 0 && until - i < STEPS_MAX; i--) {
		const struct index_entry *entry = &entries[i - 1];

		if (address - index_address(entry) < entry->bytes &&
		    (!last || entry->name > last->name))
			last = entry;
	}
	if (!last)
		return NULL;
	*begin = index_address(last);
	return (const char *)map->names.data + last->name;
}
