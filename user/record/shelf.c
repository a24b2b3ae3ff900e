// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* shelf - the snapshots in a directory: which are kept, and which go when there are too many */
#include "user/record/shelf.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/trace/reader.h"

static struct shelf_item *item(const struct shelf *shelf, size_t i)
{
	return (struct shelf_item *)(void *)shelf->items.data + i;
}

/* Digits where the pattern has a 0. Return: what follows, or NULL. */
static const char *skip_like(const char *text, const char *pattern)
{
	for (; *pattern; pattern++, text++)
		if (*pattern == '0' ? !isdigit((unsigned char)*text) : *text != *pattern)
			return NULL;
	return text;
}

/* NAME-YYYYMMDD-HHMMSS.trace or NAME-PID-..., perhaps with -N before ".trace" */
static bool is_called_so(const struct shelf *shelf, const char *name)
{
	size_t length = strlen(shelf->options.name);
	const char *at = name + length, *behind;

	if (strncmp(name, shelf->options.name, length) || *at != '-')
		return false;
	behind = skip_like(at, "-00000000-000000");
	if (!behind && isdigit((unsigned char)at[1])) {
		at += 1 + strspn(at + 1, "0123456789");
		behind = skip_like(at, "-00000000-000000");
	}
	if (behind && *behind == '-' && isdigit((unsigned char)behind[1]))
		behind += 1 + strspn(behind + 1, "0123456789");
	return behind && !strcmp(behind, ".trace");
}

static void free_item(struct shelf_item *old)
{
	free(old->path);
	free(old->trigger);
}

/* Return: 0 or -ENOMEM. */
static int put(struct shelf *shelf, const char *path, const char *trigger, u64 bytes,
	       u64 duration_ns, u64 wall_ns)
{
	struct shelf_item one = { .path = strdup(path),
				  .trigger = strdup(duration_ns ? trigger : ""),
				  .bytes = bytes,
				  .duration_ns = duration_ns,
				  .wall_ns = wall_ns };

	if (!one.path || !one.trigger || buffer_reserve(&shelf->items, sizeof(one))) {
		free_item(&one);
		return -ENOMEM;
	}
	buffer_append(&shelf->items, &one, sizeof(one));
	shelf->bytes += bytes;
	return 0;
}

static const struct trace_cause *slowest(const struct trace_manifest *manifest)
{
	const struct trace_cause *found = NULL;

	for (u32 i = 0; i < manifest->cause_count; i++)
		if (!found || manifest->causes[i].duration_ns > found->duration_ns)
			found = &manifest->causes[i];
	return found;
}

/* Adds a file when it is a snapshot. Return: 0 or -ENOMEM. */
static int look_at(struct shelf *shelf, const char *path)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	const struct trace_manifest *manifest;
	const struct trace_cause *cause;
	struct err unused = { 0 };
	struct stat st;

	/* A pipe would be waited for. */
	if (lstat(path, &st) || !S_ISREG(st.st_mode) ||
	    trace_reader_open(&reader, path, &unused) < 0)
		return 0;
	manifest = trace_reader_info(reader)->manifest;
	if (!manifest && !shelf->options.plain)
		return 0;
	cause = manifest ? slowest(manifest) : NULL;
	return put(shelf, path, cause ? cause->trigger : "", (u64)st.st_size,
		   cause ? cause->duration_ns : 0,
		   (u64)st.st_mtim.tv_sec * NSEC_PER_SEC + (u64)st.st_mtim.tv_nsec);
}

static int compare(const void *left, const void *right)
{
	const struct shelf_item *a = left, *b = right;

	return a->wall_ns < b->wall_ns ? -1 : a->wall_ns > b->wall_ns;
}

static char *path_in(const struct shelf *shelf, const char *name)
{
	const char *dir = shelf->options.dir;
	char *path;

	return asprintf(&path, "%s%s%s", dir, *dir ? "/" : "", name) < 0 ? NULL : path;
}

int shelf_open(struct shelf *shelf, const struct shelf_options *options, struct err *err)
{
	const char *dir = *options->dir ? options->dir : ".";
	struct dirent *entry;
	int r = 0;
	DIR *list;

	*shelf = (struct shelf){ .options = *options };
	/* Where nothing is ever removed, what is there does not matter. */
	if (!options->keep && !options->keep_bytes && !options->keep_slowest)
		return 0;
	list = opendir(dir);
	if (!list)
		return fail(err, -errno, "cannot look into '%s': %s", dir, strerror(errno));
	while (!r && (entry = readdir(list))) {
		CLEANUP(free) char *path = NULL;

		if (!is_called_so(shelf, entry->d_name))
			continue;
		path = path_in(shelf, entry->d_name);
		r = path ? look_at(shelf, path) : -ENOMEM;
	}
	closedir(list);
	if (r < 0)
		return fail(err, r, "no memory for the snapshots in '%s'", dir);
	if (shelf->items.size)
		qsort(shelf->items.data, shelf_count(shelf), sizeof(struct shelf_item), compare);
	return 0;
}

void shelf_close(struct shelf *shelf)
{
	for (size_t i = 0; i < shelf_count(shelf); i++)
		free_item(item(shelf, i));
	buffer_free(&shelf->items);
}

char *shelf_path(const struct shelf *shelf)
{
	time_t now = time(NULL);
	char stamp[32], pid[16] = "";
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	if (shelf->options.pid)
		snprintf(pid, sizeof(pid), "-%u", shelf->options.pid);
	for (unsigned int i = 1;; i++) {
		CLEANUP(free) char *name = NULL;
		CLEANUP(free) char *path = NULL;
		CLEANUP(free) char *partial = NULL;
		char again[16] = "";

		if (i > 1)
			snprintf(again, sizeof(again), "-%u", i);
		if (asprintf(&name, "%s%s-%s%s.trace", shelf->options.name, pid, stamp, again) < 0)
			return NULL;
		path = path_in(shelf, name);
		if (!path || asprintf(&partial, "%s.partial", path) < 0)
			return NULL;
		/* One that is still being written has its name, too. */
		if (access(path, F_OK) && access(partial, F_OK))
			return take(path);
	}
}

bool shelf_wants(const struct shelf *shelf, const struct cause *cause)
{
	u64 slower = 0, as_slow = 0;

	if (!shelf->options.keep_slowest || !cause->duration_ns)
		return true;
	for (size_t i = 0; i < shelf_count(shelf); i++) {
		const struct shelf_item *is = item(shelf, i);

		if (strcmp(is->trigger, cause->text))
			continue;
		as_slow++;
		slower += is->duration_ns >= cause->duration_ns;
	}
	return as_slow < shelf->options.keep_slowest || slower < shelf->options.keep_slowest;
}

struct removal {
	void (*told)(void *ctx, const char *path, int code);
	void *ctx;
};

static void remove_item(struct shelf *shelf, size_t i, const struct removal *removal)
{
	struct shelf_item old = *item(shelf, i);
	int code = unlink(old.path) && errno != ENOENT ? -errno : 0;

	memmove(item(shelf, i), item(shelf, i) + 1,
		(shelf_count(shelf) - i - 1) * sizeof(struct shelf_item));
	shelf->items.size -= sizeof(struct shelf_item);
	shelf->bytes -= old.bytes;
	shelf->removed += !code;
	removal->told(removal->ctx, old.path, code);
	free_item(&old);
}

/* The mildest of a trigger, when there are more than so many */
static void remove_mildest(struct shelf *shelf, const char *trigger, const struct removal *removal)
{
	size_t mildest = 0;
	u64 count = 0;

	for (size_t i = 0; i < shelf_count(shelf); i++) {
		const struct shelf_item *is = item(shelf, i);

		if (strcmp(is->trigger, trigger))
			continue;
		if (!count++ || is->duration_ns < item(shelf, mildest)->duration_ns)
			mildest = i;
	}
	if (count > shelf->options.keep_slowest)
		remove_item(shelf, mildest, removal);
}

int shelf_add(struct shelf *shelf, const char *path, u64 bytes, const struct cause *cause,
	      void (*on_removed)(void *ctx, const char *path, int code), void *ctx)
{
	const struct shelf_options *options = &shelf->options;
	struct removal removal = { on_removed, ctx };
	int r = put(shelf, path, cause->text, bytes, cause->duration_ns, clock_ns(CLOCK_REALTIME));

	if (r < 0)
		return r;
	if (options->keep_slowest && cause->duration_ns)
		remove_mildest(shelf, cause->text, &removal);
	while (options->keep && shelf_count(shelf) > options->keep)
		remove_item(shelf, 0, &removal);
	while (options->keep_bytes && shelf->bytes > options->keep_bytes && shelf_count(shelf) > 1)
		remove_item(shelf, 0, &removal);
	return 0;
}
