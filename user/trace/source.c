// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* source - a trace's bytes, from a file or from standard input */
#include "user/trace/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"

static int copy_to(int fd, FILE *spool)
{
	char piece[65536];

	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return fflush(spool) ? -errno : 0;
		if (fwrite(piece, 1, (size_t)n, spool) != (size_t)n)
			return -errno;
	}
}

/* A pipe cannot be read twice, and the index is at its end: it goes to an unnamed file first. */
static int spool_stdin(struct source *source, struct err *err)
{
	CLEANUP(fclose) FILE *spool = tmpfile();
	int r = spool ? copy_to(STDIN_FILENO, spool) : -errno;

	if (!r) {
		source->fd = fcntl(fileno(spool), F_DUPFD_CLOEXEC, 3);
		r = source->fd < 0 ? -errno : 0;
	}
	return r ? fail(err, r, "cannot read a trace from standard input: %s", strerror(-r)) : 0;
}

int source_open(struct source *source, const char *path, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct stat st;
	int r;

	source->path = strdup(is_stdin ? "standard input" : path);
	if (!source->path)
		return fail(err, -ENOMEM, "no memory to open '%s'", path);
	if (is_stdin) {
		r = spool_stdin(source, err);
		if (r < 0)
			return r;
	} else {
		source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (source->fd < 0) {
			r = -errno;
			fail(err, r, "cannot open trace '%s': %s", path, strerror(-r));
			if (r == -ENOENT)
				hint(err, "traces are made with: tracer -p PID -o FILE");
			return r;
		}
	}
	if (fstat(source->fd, &st) < 0)
		return fail(err, -errno, "cannot open trace '%s': %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		fail(err, -EISDIR, "'%s' is not a trace: it is a directory", path);
		return hint(err, "name a file in it");
	}
	if (!S_ISREG(st.st_mode)) {
		fail(err, -EBADMSG, "'%s' is not a regular file", path);
		return hint(err, "a pipe is read with: tracer COMMAND - < PIPE");
	}
	source->size = (u64)st.st_size;
	return 0;
}

void source_close(struct source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	free(source->path);
	buffer_free(&source->bytes);
}

int source_read(struct source *source, void *to, u64 offset, size_t size, struct err *err)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(source->fd, (u8 *)to + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, -errno, "cannot read '%s': %s", source->path,
				    strerror(errno));
		if (!n)
			return -ENODATA;
		done += (size_t)n;
	}
	return 0;
}

int source_chunk(struct source *source, u64 offset, struct chunk_head *head, const u8 **payload,
		 struct err *err)
{
	u8 bytes[CHUNK_HEAD_BYTES];
	int r;

	if (offset > source->size || source->size - offset < CHUNK_HEAD_BYTES)
		return -ENODATA;
	r = source_read(source, bytes, offset, sizeof(bytes), err);
	if (r < 0)
		return r;
	if (!chunk_head_get(head, bytes))
		return -EBADMSG;
	if (head->bytes > source->size - offset - CHUNK_HEAD_BYTES)
		return -ENODATA;
	buffer_reset(&source->bytes);
	if (buffer_reserve(&source->bytes, head->bytes))
		return fail(err, -ENOMEM, "no memory to read '%s'", source->path);
	r = source_read(source, source->bytes.data, offset + CHUNK_HEAD_BYTES, head->bytes, err);
	if (r < 0)
		return r;
	*payload = source->bytes.data;
	return chunk_checksum(bytes, *payload, head->bytes) == head->crc ? 0 : -EBADMSG;
}
