// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* writer - chunks into a file that has a head, and at its end an index and totals */
#include "user/trace/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "user/base/buffer.h"
#include "user/trace/head.h"
#include "user/trace/index.h"

#define PARTIAL_NAMES 100 /* that are tried beside those that killed recordings left */

struct trace_writer {
	int fd;
	bool replace;
	bool sync;
	char *path;
	char *partial;
	u64 bytes;
	struct buffer chunks; /* struct trace_chunk_info */
};

static void writer_free(struct trace_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	buffer_free(&w->chunks);
	free(w->path);
	free(w->partial);
	free(w);
}

/* Only a regular file can be cut back, renamed and given an index. */
static int check_target(const char *path, bool replace, struct err *err)
{
	struct stat st;
	int r;

	if (!*path || strcmp(path, "-") == 0) {
		fail(err, -EINVAL, "cannot write a trace to standard output");
		hint(err, "name a file: -o FILE");
		return -EINVAL;
	}
	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return fail(err, -errno, "cannot write '%s': %s", path, strerror(errno));
	}
	if (S_ISLNK(st.st_mode) && stat(path, &st) < 0)
		return fail(err, -errno, "cannot write '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode)) {
		r = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
		fail(err, r, "cannot write a trace to '%s': it is not a regular file", path);
		hint(err, "name a file: -o FILE");
		return r;
	}
	if (replace)
		return 0;
	fail(err, -EEXIST, "'%s' exists already", path);
	hint(err, "name another file with -o, or remove this one");
	return -EEXIST;
}

static int open_partial(struct trace_writer *w, struct err *err)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int r;

	for (unsigned int i = 1; i <= PARTIAL_NAMES; i++) {
		free(w->partial);
		w->partial = NULL;
		r = i == 1 ? asprintf(&w->partial, "%s.partial", w->path)
			   : asprintf(&w->partial, "%s.partial.%u", w->path, i);
		if (r < 0) {
			w->partial = NULL;
			return fail(err, -ENOMEM, "no memory to write '%s'", w->path);
		}
		w->fd = open(w->partial, flags, 0600);
		if (w->fd >= 0)
			return 0;
		if (errno != EEXIST) {
			fail(err, -errno, "cannot create '%s': %s", w->partial, strerror(errno));
			return hint(err, "name a file in a folder that can be written to: -o FILE");
		}
	}
	fail(err, -EEXIST, "'%s.partial' and %u more like it exist already", w->path,
	     PARTIAL_NAMES - 1);
	hint(err, "they are what killed recordings left; look at them with tracer check, and "
		  "remove them");
	return -EEXIST;
}

/* All of it, or nothing: a part that was written is cut off again. */
static int append(struct trace_writer *w, const void *data, size_t size)
{
	size_t done = 0;
	int r;

	while (done < size) {
		ssize_t n = pwrite(w->fd, (const u8 *)data + done, size - done,
				   (off_t)(w->bytes + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n ? -errno : -ENOSPC;
			if (ftruncate(w->fd, (off_t)w->bytes) < 0)
				return r; /* a reader finds the last whole chunk */
			return r;
		}
		done += (size_t)n;
	}
	w->bytes += size;
	return 0;
}

static int write_failed(struct trace_writer *w, int code, struct err *err)
{
	fail(err, code, "cannot write '%s': %s", w->partial, strerror(-code));
	if (code == -ENOSPC || code == -EDQUOT || code == -EFBIG)
		hint(err, "what was written is kept; make room, or name a file elsewhere with -o");
	return code;
}

int trace_writer_open(struct trace_writer **out, const char *path, bool replace,
		      const struct trace_info *info, struct err *err)
{
	CLEANUP(trace_writer_abort) struct trace_writer *w = calloc(1, sizeof(*w));
	struct buffer head = { 0 };
	int r;

	if (!w)
		return fail(err, -ENOMEM, "no memory to write '%s'", path);
	w->fd = -1;
	w->replace = replace;
	r = check_target(path, replace, err);
	if (r < 0)
		return r;
	w->path = strdup(path);
	if (!w->path || head_put(&head, info)) {
		buffer_free(&head);
		return fail(err, -ENOMEM, "no memory to write '%s'", path);
	}
	r = open_partial(w, err);
	if (!r) {
		r = append(w, head.data, head.size);
		if (r < 0)
			write_failed(w, r, err);
	}
	buffer_free(&head);
	if (r < 0)
		return r;
	*out = take(w);
	return 0;
}

int trace_writer_chunk(struct trace_writer *w, const struct chunk *chunk, struct err *err)
{
	struct trace_chunk_info info = {
		.offset = w->bytes,
		.bytes = chunk->bytes,
		.begin_ns = chunk->begin_ns,
		.end_ns = chunk->end_ns,
		.events = chunk->events,
		.lost = chunk->lost,
	};
	int r;

	if (buffer_reserve(&w->chunks, sizeof(info)))
		return fail(err, -ENOMEM, "no memory for the index of '%s'", w->path);
	r = append(w, chunk->data, chunk->bytes);
	if (r < 0)
		return write_failed(w, r, err);
	buffer_append(&w->chunks, &info, sizeof(info));
	return 0;
}

void trace_writer_sync(struct trace_writer *w)
{
	w->sync = true;
}

u64 trace_writer_bytes(const struct trace_writer *w)
{
	return w->bytes;
}

/* Never over a file that has come into being meanwhile, unless that was allowed. */
static int give_name(const struct trace_writer *w)
{
	if (w->replace)
		return rename(w->partial, w->path) < 0 ? -errno : 0;
	if (renameat2(AT_FDCWD, w->partial, AT_FDCWD, w->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (link(w->partial, w->path) < 0) /* a file system without RENAME_NOREPLACE */
		return -errno;
	unlink(w->partial);
	return 0;
}

/* The new name is on the disk, too, when the directory is. */
static void sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(free) char *directory = strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
	CLEANUP(close) int fd = -1;

	if (directory)
		fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* What fails here costs nothing but the name, and only if the machine stops just now. */
	if (fd >= 0)
		fsync(fd);
}

int trace_writer_finish(struct trace_writer *w, const struct trace_totals *totals, struct err *err)
{
	size_t count = w->chunks.size / sizeof(struct trace_chunk_info);
	struct buffer index = { 0 };
	int r;

	/* Without an index the file is as good, only slower to open. */
	if (index_put(&index, (const void *)w->chunks.data, count, totals, w->bytes, count) == 0)
		append(w, index.data, index.size);
	buffer_free(&index);
	if (w->sync && fsync(w->fd)) {
		r = write_failed(w, -errno, err);
		trace_writer_abort(w);
		return r;
	}
	r = give_name(w);
	if (!r && w->sync)
		sync_directory(w->path);
	if (r < 0) {
		fail(err, r, "cannot rename '%s' to '%s': %s", w->partial, w->path, strerror(-r));
		hint(err, "the trace is complete under the name '%s'", w->partial);
	}
	writer_free(w);
	return r;
}

void trace_writer_abort(struct trace_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		unlink(w->partial);
	writer_free(w);
}
