// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* window - what a flight recorder holds: the newest chunks, bounded by time and by bytes */
#include "user/record/window.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct pane {
	struct window_chunk is; /* its data lies behind this struct */
	struct pane *next;      /* the next newer one */
	size_t bytes;           /* of memory, all of it */
	bool held, dropped;
};

struct window {
	pthread_mutex_t lock;
	struct pane *oldest, *newest;
	struct window_status status; /* but from_ns and to_ns */
	size_t limit_bytes;
	u64 keep_ns;
	u64 need_ns;
	size_t page_bytes;
};

int window_new(struct window **out, size_t bytes, u64 keep_ns, struct err *err)
{
	struct window *window = calloc(1, sizeof(*window));
	pthread_mutexattr_t inherit;

	if (!window)
		return fail(err, -ENOMEM, "no memory for the window");
	/* The drain goes before others: whom it waits for must do so, too. */
	pthread_mutexattr_init(&inherit);
	pthread_mutexattr_setprotocol(&inherit, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&window->lock, &inherit);
	pthread_mutexattr_destroy(&inherit);
	window->limit_bytes = bytes;
	window->keep_ns = keep_ns;
	window->need_ns = UINT64_MAX;
	window->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	*out = window;
	return 0;
}

static void pane_free(struct pane *pane)
{
	munmap(pane, pane->bytes);
}

void window_free(struct window *window)
{
	if (!window)
		return;
	while (window->oldest) {
		struct pane *next = window->oldest->next;

		pane_free(window->oldest);
		window->oldest = next;
	}
	pthread_mutex_destroy(&window->lock);
	free(window);
}

/* Takes the oldest one out. Return: NULL when it is held: who holds it frees it. */
static struct pane *drop_oldest(struct window *window)
{
	struct pane *pane = window->oldest;

	window->oldest = pane->next;
	if (!window->oldest)
		window->newest = NULL;
	window->status.bytes -= pane->bytes;
	window->status.chunks--;
	window->status.dropped++;
	pane->dropped = true;
	return pane->held ? NULL : pane;
}

static bool is_too_old(const struct window *window, const struct pane *pane)
{
	u64 newest_ns = window->newest->is.chunk.end_ns;

	return pane->is.chunk.end_ns + window->keep_ns < newest_ns &&
	       pane->is.chunk.end_ns <= window->need_ns;
}

/* Whether the oldest one has to go. @more: bytes that are about to come */
static bool is_beyond(const struct window *window, size_t more)
{
	return window->oldest && window->oldest != window->newest &&
	       (window->status.bytes + more > window->limit_bytes ||
		is_too_old(window, window->oldest));
}

static bool has_any(const struct window *window, size_t more)
{
	return window->oldest;
}

/* Return: what is to be freed, as a list. */
static struct pane *drop_while(struct window *window, bool (*should)(const struct window *, size_t),
			       size_t more)
{
	struct pane *list = NULL;

	while (should(window, more)) {
		struct pane *pane = drop_oldest(window);

		if (pane) {
			pane->next = list;
			list = pane;
		}
	}
	return list;
}

static void free_all(struct pane *list)
{
	while (list) {
		struct pane *next = list->next;

		pane_free(list);
		list = next;
	}
}

void window_limit(struct window *window, size_t bytes, u64 keep_ns)
{
	struct pane *beyond;

	pthread_mutex_lock(&window->lock);
	window->limit_bytes = bytes;
	window->keep_ns = keep_ns;
	beyond = drop_while(window, is_beyond, 0);
	pthread_mutex_unlock(&window->lock);
	free_all(beyond);
}

void window_need(struct window *window, u64 from_ns)
{
	pthread_mutex_lock(&window->lock);
	window->need_ns = from_ns;
	pthread_mutex_unlock(&window->lock);
}

static struct pane *pane_new(const struct window *window, const struct chunk *chunk)
{
	size_t bytes = (sizeof(struct pane) + chunk->bytes + window->page_bytes - 1) &
		       ~(window->page_bytes - 1);
	struct pane *pane =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pane == MAP_FAILED)
		return NULL;
	pane->bytes = bytes;
	pane->is.chunk = *chunk;
	pane->is.chunk.data = pane + 1;
	memcpy(pane + 1, chunk->data, chunk->bytes);
	return pane;
}

int window_put(struct window *window, const struct chunk *chunk, const struct window_counts *counts)
{
	struct pane *beyond, *pane;

	/* Makes room first: memory is short. */
	pthread_mutex_lock(&window->lock);
	beyond = drop_while(window, is_beyond, chunk->bytes + window->page_bytes);
	pthread_mutex_unlock(&window->lock);
	free_all(beyond);
	pane = pane_new(window, chunk);
	if (pane)
		pane->is.counts = *counts;

	pthread_mutex_lock(&window->lock);
	window->status.newest++;
	if (pane) {
		pane->is.number = window->status.newest;
		if (window->newest)
			window->newest->next = pane;
		else
			window->oldest = pane;
		window->newest = pane;
		window->status.bytes += pane->bytes;
		window->status.chunks++;
	} else {
		window->status.refused++;
	}
	/* Without gaps: what follows a chunk that is missing begins anew. */
	beyond = drop_while(window, pane ? is_beyond : has_any, 0);
	pthread_mutex_unlock(&window->lock);
	free_all(beyond);
	return pane ? 0 : -ENOMEM;
}

const struct window_chunk *window_hold(struct window *window, u64 number)
{
	struct pane *pane;

	pthread_mutex_lock(&window->lock);
	pane = window->oldest;
	while (pane && pane->is.number < number)
		pane = pane->next;
	if (pane)
		pane->held = true;
	pthread_mutex_unlock(&window->lock);
	return pane ? &pane->is : NULL;
}

void window_release(struct window *window, const struct window_chunk *chunk)
{
	struct pane *pane = container_of(chunk, struct pane, is);
	bool dropped;

	pthread_mutex_lock(&window->lock);
	pane->held = false;
	dropped = pane->dropped;
	pthread_mutex_unlock(&window->lock);
	if (dropped)
		pane_free(pane);
}

u64 window_number_at(struct window *window, u64 time_ns)
{
	const struct pane *pane;
	u64 number = 0;

	pthread_mutex_lock(&window->lock);
	for (pane = window->oldest; pane && !number; pane = pane->next)
		if (pane->is.chunk.end_ns > time_ns)
			number = pane->is.number;
	pthread_mutex_unlock(&window->lock);
	return number;
}

struct window_status window_status(struct window *window)
{
	struct window_status status;

	pthread_mutex_lock(&window->lock);
	status = window->status;
	if (window->oldest) {
		status.from_ns = window->oldest->is.chunk.begin_ns;
		status.to_ns = window->newest->is.chunk.end_ns;
	}
	pthread_mutex_unlock(&window->lock);
	return status;
}
