/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* window - what a flight recorder holds: the newest chunks, bounded by time and by bytes */
#ifndef TRACER_RECORD_WINDOW_H
#define TRACER_RECORD_WINDOW_H

#include "bpf/event.h"
#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/trace/chunk.h"

/*
 * One thread puts chunks in, another one reads them while it goes on; neither waits for the other
 * for longer than a few pointers take. Each chunk lies in pages of its own, so what is dropped
 * goes back to the system at once, and the window can shrink when the rest of the process grows.
 */
struct window;

/* Events by class */
struct window_counts {
	u64 recorded[CLASS_COUNT];
	u64 lost[CLASS_COUNT];
};

struct window_chunk {
	struct chunk chunk;
	struct window_counts counts; /* of the chunk */
	u64 number;                  /* of chunks that were put in, from 1 */
};

/* @bytes, @keep_ns: see window_limit(). Return: 0, or -ENOMEM with @err filled. */
int window_new(struct window **out, size_t bytes, u64 keep_ns, struct err *err);
void window_free(struct window *window);
DEFINE_CLEANUP(struct window *, window_free)

/*
 * From now on it takes at most @bytes of memory and drops chunks that ended more than @keep_ns
 * before the newest one; what is larger is dropped now. The newest chunk always stays.
 */
void window_limit(struct window *window, size_t bytes, u64 keep_ns);

/* No chunk that ends behind @from_ns is dropped because of its age; UINT64_MAX: all may be. */
void window_need(struct window *window, u64 from_ns);

/**
 * window_put() - the newest chunk
 * @chunk:  copied
 * @counts: of it
 *
 * Return: 0 or -ENOMEM: then the window is empty, since it has no gaps.
 */
int window_put(struct window *window, const struct chunk *chunk,
	       const struct window_counts *counts);

/**
 * window_hold() - the oldest chunk from a number on
 * @number: at least
 *
 * What is held stays where it is, though the window may drop it meanwhile. Hold one at a time.
 *
 * Return: NULL when there is none; else window_release() is to follow.
 */
const struct window_chunk *window_hold(struct window *window, u64 number);
void window_release(struct window *window, const struct window_chunk *chunk);

/* The number of the oldest chunk that ends behind @time_ns; 0: none does. */
u64 window_number_at(struct window *window, u64 time_ns);

struct window_status {
	u64 from_ns, to_ns; /* held; both 0: nothing */
	u64 chunks;
	size_t bytes;    /* of memory */
	u64 newest;      /* number; 0: none was ever put in */
	u64 dropped;     /* ever, because of the limits */
	u64 refused;     /* for which there was no memory */
};

struct window_status window_status(struct window *window);

#endif
