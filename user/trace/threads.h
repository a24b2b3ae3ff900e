/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* threads - what an encoder remembers of threads, to say it again in each chunk */
#ifndef TRACER_TRACE_THREADS_H
#define TRACER_TRACE_THREADS_H

#include "user/base/map.h"
#include "user/trace/event.h"
#include "user/trace/fields.h"

/* A row of a chunk's dictionary: who, and what it was doing at the chunk's begin. */
struct thread_row {
	struct event_thread is;
	u16 cpu;
	u8 known; /* 0: nothing but its tid was known at the chunk's begin */
};

extern const struct field_table thread_row_fields;

struct thread_entry {
	struct thread_row now;
	u64 named_ns;   /* when it got its name: CPUs are read one after another, so what */
	u64 moved_ns;   /* comes later may be older, and must not undo what is newer */
	u64 chunk;      /* the last one in which it occurred */
	u64 exit_chunk; /* in which its EXIT came; 0: none */
	u64 exit_ns;
	u32 number;     /* in that chunk's dictionary */
	bool used;
};

struct threads {
	struct map by_tid; /* tid -> position in entries */
	struct thread_entry *entries;
	u32 *vacant;             /* positions to use again */
	struct thread_row *rows; /* of the open chunk, as things were at its begin */
	size_t count, room;      /* entries */
	size_t vacant_count;
	size_t row_count, row_room;
	size_t outsiders; /* entries outside the target or without a name */
	u64 chunk;        /* counts from 1 */
};

/* An entry by its position, which stays while the chunk is open (the entries may move). */
static inline struct thread_entry *threads_at(struct threads *threads, u32 position)
{
	return &threads->entries[position];
}

/**
 * threads_touch() - find or add a thread, and give it a number in the open chunk
 *
 * Return: its position, or -ENOMEM.
 */
s64 threads_touch(struct threads *threads, u32 tid);

/* What events tell; @time_ns is the event's. An older event does not undo a newer one. */
void thread_leaves(struct thread_entry *t, u64 time_ns, u16 cpu, const struct event_switch *sw);
void thread_runs(struct thread_entry *t, u64 time_ns, u16 cpu);
void thread_woken(struct thread_entry *t, u64 time_ns);
int threads_learn(struct threads *threads, const struct trace_event *event);

/* Rows for all threads that a chunk tells of: those touched, then the others of the target. */
int threads_fill_rows(struct threads *threads);

/* Lets go of those that ended (and of outsiders that were not seen for long); next chunk. */
void threads_next_chunk(struct threads *threads);
void threads_free(struct threads *threads);

#endif
