// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* mappings - the code that processes have mapped, with build ids, told once each */
#include "user/record/mappings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "user/base/clock.h"
#include "user/base/map.h"
#include "user/record/host.h"
#include "user/symbols/build_id.h"

#define PENDING_MAX    4096
#define TOLD_MAX       (128 * 1024)
#define LINES_MAX      65536      /* of one process; a JIT may have more than anybody wants */
#define IDS_MAX        65536      /* files whose build ids are kept */
#define FOUND_BYTES    (4u << 20) /* that wait to be taken; then the thread waits, too */
#define PAUSE_FIRST_NS (5 * NSEC_PER_MSEC) /* programs map their libraries soon after they begin; */
#define PAUSE_MOST_NS  (100 * NSEC_PER_MSEC) /* who maps all the time is read now and then */
#define QUIET_NS       (1 * NSEC_PER_SEC) /* whoever has mapped nothing for so long begins anew */
#define LOOK_NS        (20 * NSEC_PER_MSEC)
#define PAUSE          32 /* reading holds up who maps memory: so many times its length is left free */

/* 36 years of ns, and up to 15 */
#define DUE(ns, times) ((ns) << 4 | (times))
#define DUE_NS(due)    ((due) >> 4)
#define DUE_TIMES(due) ((due)&15)

struct found {
	struct found *next;
	u64 time_ns;
	struct trace_mapping mapping;
	char path[];
};

struct mappings {
	/* The thread's own */
	struct map told; /* hash of process, place and file */
	struct map ids;  /* device and inode -> index + 1 into id_list */
	struct {
		u8 bytes;
		u8 id[BUILD_ID_MAX];
	} * id_list;
	size_t id_count;
	struct map
		read;  /* tgid -> when it may be read again, and how often it was of late: DUE() */
	bool possible; /* /proc numbers processes as the kernel does */

	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t to_do, done;
	struct map images;        /* tgid -> how many programs it ran before the present one */
	u32 pending[PENDING_MAX]; /* tgid */
	size_t pending_count;
	struct found *first, **last;
	size_t found_bytes;
	bool reading;
	bool ending;    /* nothing is marked any more: what is pending is read without a pause */
	bool abandoned; /* nobody takes anything any more */
};

static void destroy(struct mappings *mappings)
{
	while (mappings->first) {
		struct found *next = mappings->first->next;

		free(mappings->first);
		mappings->first = next;
	}
	pthread_cond_destroy(&mappings->to_do);
	pthread_cond_destroy(&mappings->done);
	pthread_mutex_destroy(&mappings->lock);
	map_free(&mappings->told);
	map_free(&mappings->ids);
	map_free(&mappings->read);
	map_free(&mappings->images);
	free(mappings->id_list);
	free(mappings);
}

void mappings_mark(struct mappings *mappings, u32 tgid)
{
	u32 *pending = mappings->pending;
	size_t i = 0;

	if (!mappings->possible)
		return;
	pthread_mutex_lock(&mappings->lock);
	while (i < mappings->pending_count && pending[i] != tgid)
		i++;
	if (i == mappings->pending_count && i < PENDING_MAX) {
		pending[mappings->pending_count++] = tgid;
		pthread_cond_signal(&mappings->to_do);
	}
	pthread_mutex_unlock(&mappings->lock);
}

u64 mappings_due_ns(struct mappings *mappings)
{
	bool found, soon;

	pthread_mutex_lock(&mappings->lock);
	found = mappings->first;
	soon = mappings->pending_count || mappings->reading;
	pthread_mutex_unlock(&mappings->lock);
	if (found)
		return 0;
	return soon ? clock_mono_ns() + LOOK_NS : UINT64_MAX;
}

void mappings_exec(struct mappings *mappings, u32 tgid)
{
	u64 *image;

	/* Another program's mappings are told even where they look the same: nobody else tells them. */
	pthread_mutex_lock(&mappings->lock);
	if (mappings->images.count > PENDING_MAX)
		map_clear(&mappings->images);
	image = map_put(&mappings->images, tgid);
	if (image)
		++*image;
	pthread_mutex_unlock(&mappings->lock);
	mappings_mark(mappings, tgid);
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

static u64 image_of(struct mappings *mappings, u32 tgid)
{
	u64 *image, number;

	pthread_mutex_lock(&mappings->lock);
	image = map_get(&mappings->images, tgid);
	number = image ? *image : 0;
	pthread_mutex_unlock(&mappings->lock);
	return number;
}

/* Whether it is told now for the first time. */
static bool is_new(struct mappings *mappings, const struct trace_mapping *mapping)
{
	u64 words[] = { mapping->tgid,  mapping->address, mapping->bytes,
			mapping->inode, mapping->offset,  image_of(mappings, mapping->tgid) };
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

/* For mappings_take(), which may be late. */
static void keep(struct mappings *mappings, const struct trace_mapping *mapping)
{
	size_t path_bytes = strlen(mapping->path) + 1;
	struct found *found = malloc(sizeof(*found) + path_bytes);

	if (!found)
		return;
	found->next = NULL;
	found->time_ns = clock_mono_ns();
	found->mapping = *mapping;
	found->mapping.path = found->path;
	memcpy(found->path, mapping->path, path_bytes);
	pthread_mutex_lock(&mappings->lock);
	while (mappings->found_bytes > FOUND_BYTES && !mappings->abandoned)
		pthread_cond_wait(&mappings->to_do, &mappings->lock);
	*mappings->last = found;
	mappings->last = &found->next;
	mappings->found_bytes += sizeof(*found) + path_bytes;
	pthread_mutex_unlock(&mappings->lock);
}

static void read_process(struct mappings *mappings, u32 tgid)
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

		if (!parse_line(&mapping, line, range) || !is_new(mappings, &mapping))
			continue;
		if (mapping.inode)
			find_build_id(mappings, &mapping, range);
		keep(mappings, &mapping);
	}
	free(line);
}

static void read_next(struct mappings *mappings, u32 tgid)
{
	u64 begin_ns = clock_mono_ns(), end_ns, pause_ns, times = 0, *due;

	read_process(mappings, tgid);
	end_ns = clock_mono_ns();
	if (mappings->read.count > PENDING_MAX)
		map_clear(&mappings->read);
	due = map_put(&mappings->read, tgid);
	if (!due)
		return;
	if (*due && begin_ns < DUE_NS(*due) + QUIET_NS)
		times = min(DUE_TIMES(*due) + 1, (u64)15);
	pause_ns = min((u64)PAUSE_FIRST_NS << times, (u64)PAUSE_MOST_NS);
	*due = DUE(end_ns + max(pause_ns, PAUSE * (end_ns - begin_ns)), times);
}

/*
 * A process that may be read now, taken out. Return: its number, 0: none; then @next_ns is when
 * the first one may be.
 */
static u32 take_due(struct mappings *mappings, u64 *next_ns)
{
	u32 *pending = mappings->pending;
	u64 now = clock_mono_ns();

	*next_ns = UINT64_MAX;
	for (size_t i = 0; i < mappings->pending_count; i++) {
		const u64 *due = map_get(&mappings->read, pending[i]);
		u32 tgid = pending[i];

		if (due && now < DUE_NS(*due) && !mappings->ending) {
			*next_ns = min(*next_ns, DUE_NS(*due));
			continue;
		}
		memmove(&pending[i], &pending[i + 1],
			(--mappings->pending_count - i) * sizeof(*pending));
		return tgid;
	}
	return 0;
}

static void wait_until_due(struct mappings *mappings, u64 due_ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(due_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(due_ns % NSEC_PER_SEC),
	};

	if (due_ns == UINT64_MAX)
		pthread_cond_wait(&mappings->to_do, &mappings->lock);
	else
		pthread_cond_timedwait(&mappings->to_do, &mappings->lock, &until);
}

static void *read_all(void *argument)
{
	struct mappings *mappings = argument;

	pthread_mutex_lock(&mappings->lock);
	while (!mappings->abandoned) {
		u64 next_ns;
		u32 tgid = take_due(mappings, &next_ns);

		if (!tgid) {
			wait_until_due(mappings, next_ns);
			continue;
		}
		mappings->reading = true;
		pthread_mutex_unlock(&mappings->lock);
		read_next(mappings, tgid);
		pthread_mutex_lock(&mappings->lock);
		mappings->reading = false;
		pthread_cond_signal(&mappings->done);
	}
	pthread_mutex_unlock(&mappings->lock);
	destroy(mappings);
	return NULL;
}

int mappings_new(struct mappings **out, struct err *err)
{
	struct mappings *mappings = calloc(1, sizeof(*mappings));
	pthread_mutexattr_t inherit;
	pthread_condattr_t monotonic;
	int r;

	if (!mappings)
		return fail(err, -ENOMEM, "no memory for mappings");
	mappings->possible = host_in_first_pid_namespace();
	mappings->last = &mappings->first;
	/* The drain goes before others: whom it waits for must do so, too. */
	pthread_mutexattr_init(&inherit);
	pthread_mutexattr_setprotocol(&inherit, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&mappings->lock, &inherit);
	pthread_mutexattr_destroy(&inherit);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&mappings->to_do, &monotonic);
	pthread_cond_init(&mappings->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	r = pthread_create(&mappings->thread, NULL, read_all, mappings);
	if (r) {
		destroy(mappings);
		return fail(err, -r, "cannot begin a thread: %s", strerror(r));
	}
	pthread_detach(mappings->thread);
	*out = mappings;
	return 0;
}

void mappings_free(struct mappings *mappings)
{
	if (!mappings)
		return;
	/* The thread frees all, as soon as it can. */
	pthread_mutex_lock(&mappings->lock);
	mappings->abandoned = true;
	pthread_cond_signal(&mappings->to_do);
	pthread_mutex_unlock(&mappings->lock);
}

void mappings_take(struct mappings *mappings, ring_sink sink, void *ctx)
{
	struct found *found;

	/* Nearly always there is none. */
	if (!__atomic_load_n(&mappings->first, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&mappings->lock);
	found = take(mappings->first);
	mappings->last = &mappings->first;
	mappings->found_bytes = 0;
	pthread_cond_signal(&mappings->to_do);
	pthread_mutex_unlock(&mappings->lock);
	while (found) {
		struct trace_event event = { .time_ns = found->time_ns, .kind = EVENT_MAPPING };
		struct found *next = found->next;

		event.mapping = &found->mapping;
		sink(ctx, &event);
		free(found);
		found = next;
	}
}

unsigned int mappings_finish(struct mappings *mappings, u64 wait_ns, ring_sink sink, void *ctx)
{
	u64 until_ns = clock_mono_ns() + wait_ns;
	unsigned int left;

	for (;;) {
		struct timespec look;

		pthread_mutex_lock(&mappings->lock);
		mappings->ending = true;
		pthread_cond_signal(&mappings->to_do);
		left = (unsigned int)mappings->pending_count + mappings->reading;
		if (left) {
			clock_gettime(CLOCK_MONOTONIC, &look);
			look.tv_sec += (look.tv_nsec + LOOK_NS) / NSEC_PER_SEC;
			look.tv_nsec = (look.tv_nsec + LOOK_NS) % NSEC_PER_SEC;
			pthread_cond_timedwait(&mappings->done, &mappings->lock, &look);
			left = (unsigned int)mappings->pending_count + mappings->reading;
		}
		pthread_mutex_unlock(&mappings->lock);
		mappings_take(mappings, sink, ctx);
		if (!left || clock_mono_ns() >= until_ns)
			return left;
	}
}
