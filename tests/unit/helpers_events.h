/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* helpers_events - making, comparing, writing and reading events in tests of the trace */
#ifndef TRACER_TESTS_UNIT_HELPERS_EVENTS_H
#define TRACER_TESTS_UNIT_HELPERS_EVENTS_H

#include "user/trace/arena.h"
#include "user/trace/reader.h"
#include "user/trace/writer.h"

struct event_list {
	struct trace_event *events;
	size_t count, room;
	struct arena arena; /* what they point to */
};

void event_list_free(struct event_list *list);
static inline void event_list_free_at_end(struct event_list *list)
{
	event_list_free(list);
}

/* An empty event at the list's end, its payload (if it is a pointer) allocated and zero. */
struct trace_event *list_add(struct event_list *list, u64 time_ns, u16 cpu, u16 kind);

/* A copy with all that it points to. */
void list_copy(struct event_list *list, const struct trace_event *event);

/* The kinds that most tests need */
struct trace_event *list_switch(struct event_list *list, u64 time_ns, u16 cpu, u32 prev, u8 state,
				u32 next);
struct trace_event *list_waking(struct event_list *list, u64 time_ns, u16 cpu, u32 tid, u32 waker);
struct trace_event *list_thread(struct event_list *list, u64 time_ns, u32 tid, const char *comm);
struct trace_event *list_fork(struct event_list *list, u64 time_ns, u16 cpu, u32 parent, u32 tid,
			      const char *comm);
struct trace_event *list_name(struct event_list *list, u64 time_ns, u32 tid, const char *comm);
struct trace_event *list_exit(struct event_list *list, u64 time_ns, u16 cpu, u32 tid);
struct trace_event *list_exec(struct event_list *list, u64 time_ns, u16 cpu, u32 old_tid, u32 tid);
struct trace_event *list_object(struct event_list *list, u64 time_ns, u32 id, u16 port);
struct trace_event *list_syscall(struct event_list *list, u64 time_ns, u16 cpu, u32 tid,
				 u16 number);

struct random {
	u64 state;
};

u64 random_u64(struct random *r);
u32 random_below(struct random *r, u32 below);

/* Any number, the extreme ones more often than chance would have it */
u64 random_any(struct random *r);

/* @count events of all kinds on @cpus CPUs, sorted by time, no two at one time. */
void list_random(struct event_list *list, struct random *r, size_t count, u16 cpus, u64 begin_ns);

/* Whether two events say the same; describes the first difference on stderr. */
bool same_event(const struct trace_event *a, const struct trace_event *b);

/* Adds events @from..@to of the list CPU by CPU, as the recorder does. */
void encode_range(struct chunk_encoder *encoder, const struct event_list *list, size_t from,
		  size_t to);

/* A whole trace of chunks of @per_chunk events. */
void write_trace(const char *path, const struct event_list *list, size_t per_chunk, u64 begin_ns);

/* All events of a trace, restated ones left out unless @restated; fails the test on an error. */
void read_trace(struct event_list *list, struct trace_reader *reader, bool restated);
void read_file(struct event_list *list, const char *path);

/*
 * Writes the list in chunks that end with each full second behind BEGIN_NS, and reads from chunk
 * @nth on, restated events too.
 */
#define BEGIN_NS (1000 * NSEC_PER_SEC)
#define SECOND	 NSEC_PER_SEC
void read_from_chunk(struct event_list *out, const struct event_list *in, size_t nth);

size_t count_restated(const struct event_list *list, u16 kind);

extern const struct trace_info some_info;
extern const struct trace_totals some_totals;

/* A directory of its own for each test, which is the working directory while it runs. */
int enter_directory(void **state);
int leave_directory(void **state);

/* Whole files */
u8 *load_file(const char *path, size_t *size);
void store_file(const char *path, const void *data, size_t size);

#endif
