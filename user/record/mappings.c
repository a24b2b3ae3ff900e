// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* mappings - the code that processes have mapped, with build ids, told once each */
#include "user/record/mappings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "user/base/clock.h"
#include "user/base/map.h"
#include "user/record/host.h"
#include "user/symbols/build_id.h"

#define PENDING_MAX 4096
#define TOLD_MAX    (128 * 1024)
#define LINES_MAX   65536 /* of one process; a JIT may have more than anybody wants */
#define IDS_MAX     65536 /* files whose build ids are kept */
#define PAUSE       32 /* reading holds up who maps memory: so many times its length is left free */

struct pending {
	u32 tgid;
	u64 not_before_ns; /* who maps all the time is read now and then */
};

struct mappings {
	struct pending pending[PENDING_MAX];
	size_t pending_count;
	struct map told; /* hash of process, place and file */
	struct map ids;  /* device and inode -> index + 1 into id_list */
	struct {
		u8 bytes;
		u8 id[BUILD_ID_MAX];
	} * id_list;
	size_t id_count;
	struct map last_read; /* tgid -> time */
	bool possible;        /* /proc numbers processes as the kernel does */
};

int mappings_new(struct mappings **out, struct err *err)
{
	struct mappings *mappings = calloc(1, sizeof(*mappings));

	if (!mappings)
		return fail(err, -ENOMEM, "no memory for mappings");
	mappings->possible = host_in_first_pid_namespace();
	*out = mappings;
	return 0;
}

void mappings_free(struct mappings *mappings)
{
	if (!mappings)
		return;
	map_free(&mappings->told);
	map_free(&mappings->ids);
	map_free(&mappings->last_read);
	free(mappings->id_list);
	free(mappings);
}

void mappings_mark(struct mappings *mappings, u32 tgid)
{
	struct pending *pending = mappings->pending;
	u64 *last;

	if (!mappings->possible || mappings->pending_count == PENDING_MAX)
		return;
	for (size_t i = 0; i < mappings->pending_count; i++)
		if (pending[i].tgid == tgid)
			return;
	last = map_get(&mappings->last_read, tgid);
	pending[mappings->pending_count++] = (struct pending){
		.tgid = tgid,
		.not_before_ns = last ? *last + 100 * NSEC_PER_MSEC : 0,
	};
}

u64 mappings_due_ns(const struct mappings *mappings)
{
	u64 due_ns = UINT64_MAX;

	for (size_t i = 0; i < mappings->pending_count; i++)
		due_ns = min(due_ns, mappings->pending[i].not_before_ns);
	return due_ns;
}

/* One line of /proc/PID/maps. Return: whether it maps code. */
static bool parse_line(struct trace_mapping *to, char *line, char range[64])
{
	unsigned int device_major, device_minor;
	unsigned long begin, end;
	int path = 0;
	char perms[8];

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "%lx-%lx %7s %" SCNx64 " %x:%x %" SCNu64 " %n", &begin, &end, perms,
		   &to->offset, &device_major, &device_minor, &to->inode, &path) < 7)
		return false;
	if (perms[2] != 'x' || end <= begin)
		return false;
	to->address = begin;
	to->bytes = end - begin;
	to->device = device_major << 20 | device_minor;
	to->path = path ? line + path : "";
	snprintf(range, 64, "%lx-%lx", begin, end);
	return true;
}

/* The build id of a mapped file, which is read once per file. */
static void find_build_id(struct mappings *mappings, struct trace_mapping *mapping,
			  const char *range)
{
	u64 key = (u64)mapping->device << 40 ^ mapping->inode;
	u64 *index = map_put(&mappings->ids, key);
	CLEANUP(close) int fd = -1;
	char path[128];
	struct stat st;
	void *grown;

	if (!index)
		return;
	if (!*index && mappings->id_count == IDS_MAX)
		return;
	if (!*index) {
		grown = realloc(mappings->id_list,
				(mappings->id_count + 1) * sizeof(*mappings->id_list));
		if (!grown)
			return;
		mappings->id_list = grown;
		memset(&mappings->id_list[mappings->id_count], 0, sizeof(*mappings->id_list));
		*index = ++mappings->id_count;
		snprintf(path, sizeof(path), "/proc/%u/map_files/%s", mapping->tgid, range);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
			mappings->id_list[*index - 1].bytes =
				(u8)build_id_read(mappings->id_list[*index - 1].id, fd);
	}
	mapping->build_id_bytes = mappings->id_list[*index - 1].bytes;
	memcpy(mapping->build_id, mappings->id_list[*index - 1].id, BUILD_ID_MAX);
}

/* Whether it is told now for the first time. */
static bool is_new(struct mappings *mappings, const struct trace_mapping *mapping)
{
	u64 words[] = { mapping->tgid, mapping->address, mapping->bytes, mapping->inode,
			mapping->offset };
	u64 *seen;

	/* A bound, not a cache: in the worst case mappings are told twice. */
	if (mappings->told.count > TOLD_MAX)
		map_clear(&mappings->told);
	seen = map_put(&mappings->told, hash_bytes(words, sizeof(words)));
	if (!seen || *seen)
		return false;
	*seen = 1;
	return true;
}

static void read_process(struct mappings *mappings, u32 tgid, ring_sink sink, void *ctx)
{
	char path[64], range[64], *line = NULL;
	CLEANUP(fclose) FILE *file = NULL;
	size_t room = 0;

	snprintf(path, sizeof(path), "/proc/%u/maps", tgid);
	file = fopen(path, "re");
	if (!file)
		return;
	for (unsigned int i = 0; i < LINES_MAX && getline(&line, &room, file) > 0; i++) {
		struct trace_mapping mapping = { .tgid = tgid };
		struct trace_event event = { .kind = EVENT_MAPPING, .mapping = &mapping };

		if (!parse_line(&mapping, line, range) || !is_new(mappings, &mapping))
			continue;
		if (mapping.inode)
			find_build_id(mappings, &mapping, range);
		event.time_ns = clock_mono_ns();
		sink(ctx, &event);
	}
	free(line);
}

void mappings_read(struct mappings *mappings, unsigned int most, ring_sink sink, void *ctx)
{
	u64 now = clock_mono_ns();
	size_t kept = 0;

	for (size_t i = 0; i < mappings->pending_count; i++) {
		struct pending pending = mappings->pending[i];
		u64 *last, begin_ns;

		if (!most || pending.not_before_ns > now) {
			mappings->pending[kept++] = pending;
			continue;
		}
		most--;
		if (mappings->last_read.count > PENDING_MAX)
			map_clear(&mappings->last_read);
		last = map_put(&mappings->last_read, pending.tgid);
		begin_ns = clock_mono_ns();
		read_process(mappings, pending.tgid, sink, ctx);
		if (last)
			*last = begin_ns + PAUSE * (clock_mono_ns() - begin_ns);
	}
	mappings->pending_count = kept;
}
