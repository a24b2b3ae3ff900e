// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* ring_file - the window in a file, too, which is still there when the recorder was killed */
#include "user/record/ring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "user/trace/head.h"

struct ring_file {
	struct window *window;
	char *path;
	int fd;
	u64 begin, end; /* of the ring in the file */
	u64 at;         /* where the next chunk goes */
	u64 number;     /* of the next chunk */
	pthread_t thread;
	bool running;
	sem_t news;
	bool ending;
	pthread_mutex_t lock; /* of all below */
	struct err trouble;
	bool told; /* the same trouble goes on */
};

static int write_all(int fd, const void *data, size_t bytes, u64 offset)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t n =
			pwrite(fd, (const u8 *)data + done, bytes - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		done += (size_t)n;
	}
	return 0;
}

static void note(struct ring_file *file, int code)
{
	pthread_mutex_lock(&file->lock);
	if (!code)
		file->told = false;
	else if (!file->told)
		fail(&file->trouble, code, "cannot write the window to '%s': %s", file->path,
		     strerror(-code));
	pthread_mutex_unlock(&file->lock);
}

static void put(struct ring_file *file, const struct chunk *chunk)
{
	int r;

	if (chunk->bytes > file->end - file->begin)
		return;
	if (chunk->bytes > file->end - file->at)
		file->at = file->begin;
	r = write_all(file->fd, chunk->data, chunk->bytes, file->at);
	note(file, r);
	if (!r)
		file->at += chunk->bytes;
}

static void *write_chunks(void *argument)
{
	struct ring_file *file = argument;
	const struct window_chunk *chunk;

	for (;;) {
		while (sem_wait(&file->news) && errno == EINTR)
			;
		if (__atomic_load_n(&file->ending, __ATOMIC_ACQUIRE))
			return NULL;
		while ((chunk = window_hold(file->window, file->number))) {
			put(file, &chunk->chunk);
			file->number = chunk->number + 1;
			window_release(file->window, chunk);
		}
	}
}

/* What another recorder has left, and no longer writes, is moved out of the way. */
static int move_away(const char *path, bool *moved, struct err *err)
{
	CLEANUP(free) char *old = NULL;
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return fail(err, -errno, "--window-file: cannot open '%s': %s", path,
			    strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		fail(err, -EBUSY, "--window-file: another recorder writes '%s'", path);
		return hint(err, "each recorder needs a file of its own");
	}
	if (asprintf(&old, "%s.old", path) < 0)
		return fail(err, -ENOMEM, "no memory for a file name");
	if (rename(path, old))
		return fail(err, -errno, "--window-file: cannot rename '%s': %s", path,
			    strerror(errno));
	*moved = true;
	return 0;
}

static int prepare(struct ring_file *file, u64 bytes, const struct trace_info *info,
		   struct err *err)
{
	struct buffer head = { 0 };
	int r = head_put(&head, info);

	if (r < 0) {
		buffer_free(&head);
		return fail(err, r, "no memory for the head of '%s'", file->path);
	}
	file->begin = file->at = head.size;
	file->end = head.size + bytes;
	/* Now, or there would be none when it is needed. */
	r = -posix_fallocate(file->fd, 0, (off_t)file->end);
	r = r ?: write_all(file->fd, head.data, head.size, 0);
	buffer_free(&head);
	if (r < 0) {
		fail(err, r, "--window-file: cannot make '%s': %s", file->path, strerror(-r));
		hint(err, "it takes as much as --memory of the disk");
	}
	return r;
}

int ring_file_open(struct ring_file **out, const char *path, u64 bytes, struct window *window,
		   const struct trace_info *info, bool *moved, struct err *err)
{
	CLEANUP(ring_file_close) struct ring_file *file = calloc(1, sizeof(*file));
	int r;

	if (!file)
		return fail(err, -ENOMEM, "no memory for '%s'", path);
	file->fd = -1;
	file->window = window;
	file->number = 1;
	sem_init(&file->news, 0, 0);
	pthread_mutex_init(&file->lock, NULL);
	r = move_away(path, moved, err);
	if (r < 0)
		return r;
	file->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file->fd < 0)
		return fail(err, -errno, "--window-file: cannot create '%s': %s", path,
			    strerror(errno));
	file->path = strdup(path);
	flock(file->fd, LOCK_EX | LOCK_NB);
	r = file->path ? prepare(file, bytes, info, err)
		       : fail(err, -ENOMEM, "no memory for '%s'", path);
	if (r < 0)
		return r;
	r = pthread_create(&file->thread, NULL, write_chunks, file);
	if (r)
		return fail(err, -r, "cannot begin a thread for '%s': %s", path, strerror(r));
	file->running = true;
	*out = take(file);
	return 0;
}

void ring_file_wake(struct ring_file *file)
{
	sem_post(&file->news);
}

bool ring_file_trouble(struct ring_file *file, struct err *err)
{
	bool some;

	pthread_mutex_lock(&file->lock);
	some = file->trouble.code;
	if (some) {
		*err = file->trouble;
		file->trouble.code = 0;
		file->told = true;
	}
	pthread_mutex_unlock(&file->lock);
	return some;
}

void ring_file_close(struct ring_file *file)
{
	if (!file)
		return;
	if (file->running) {
		__atomic_store_n(&file->ending, true, __ATOMIC_RELEASE);
		sem_post(&file->news);
		pthread_join(file->thread, NULL);
	}
	if (file->fd >= 0 && file->path)
		unlink(file->path);
	if (file->fd >= 0)
		close(file->fd);
	sem_destroy(&file->news);
	pthread_mutex_destroy(&file->lock);
	free(file->path);
	free(file);
}
