// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * codec - how many bytes an event takes, and how long it takes to encode and decode
 *
 *	build/bench/codec [EVENTS] [--json]
 *
 * The events are made up, from mixes that real programs show: durations and gaps spread over
 * powers of two, with random low bits.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/trace/reader.h"
#include "user/trace/writer.h"

#define CPUS 2

struct maker {
	u64 seed;
	u64 time_ns[CPUS];
	u32 running[CPUS];
	u32 threads;
	u32 tids[256];
	struct trace_event *events;
	u8 *ring_units;
	size_t count, room;
};

static u32 roll(struct maker *m, u32 below)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (u32)((m->seed >> 32) * below >> 32);
}

/* Around @typical, with a tail: as waits and calls are */
static u64 spread(struct maker *m, u64 typical)
{
	u64 ns = typical / 2 + roll(m, (u32)typical);

	return roll(m, 16) ? ns : ns + roll(m, (u32)(typical * 8));
}

static struct trace_event *add(struct maker *m, u16 cpu, u16 kind, u64 after_ns, u8 ring_bytes)
{
	struct trace_event *e = &m->events[m->count];

	m->time_ns[cpu] += after_ns;
	m->ring_units[m->count++] = ring_bytes;
	memset(e, 0, sizeof(*e));
	e->time_ns = m->time_ns[cpu];
	e->cpu = cpu;
	e->kind = kind;
	return e;
}

static void call(struct maker *m, u16 cpu, u16 number, u64 gap_ns, u64 duration_ns, s64 result,
		 bool blocked)
{
	struct trace_event *e =
		add(m, cpu, EVENT_SYSCALL, gap_ns + (blocked ? 0 : duration_ns), 24);

	e->syscall.tid = m->running[cpu];
	e->syscall.syscall = number;
	e->syscall.duration_ns = duration_ns;
	e->syscall.result = result;
	e->syscall.flags = blocked ? SYSCALL_BLOCKED : 0;
}

static void wake(struct maker *m, u16 cpu, u32 tid, u64 gap_ns, bool irq)
{
	struct trace_event *e = add(m, cpu, EVENT_WAKING, gap_ns, 16);

	e->waking.tid = tid;
	e->waking.waker = irq ? WAKER_HARDIRQ << 28 | m->running[cpu] : m->running[cpu];
}

static void leave(struct maker *m, u16 cpu, u32 next, u64 gap_ns, u8 state, u8 wait, u16 number,
		  u32 object, u64 address)
{
	struct trace_event *e = add(m, cpu, EVENT_SWITCH, gap_ns,
				    state == LEAVE_PREEMPTED ? 16
				    : address                ? 32
							     : 24);

	e->sw.prev_tid = m->running[cpu];
	e->sw.next_tid = next;
	e->sw.prev_state = state;
	if (state != LEAVE_PREEMPTED) {
		e->sw.wait_kind = wait;
		e->sw.syscall = number;
		e->sw.object = object;
		e->sw.address = address;
	}
	m->running[cpu] = next;
}

/* One busy event loop: epoll_wait that finds something, read, write; it blocks now and then. */
static void redis_step(struct maker *m)
{
	u32 server = m->tids[0];
	u32 ready = 1 + roll(m, 4);

	m->running[0] = server;
	call(m, 0, 232, spread(m, 400), spread(m, 1200), ready, false);
	for (u32 i = 0; i < ready; i++) {
		call(m, 0, 0, spread(m, 300), spread(m, 900), 30 + roll(m, 12), false);
		wake(m, 0, m->tids[1 + roll(m, 3)], spread(m, 2500), false);
		call(m, 0, 1, spread(m, 200), spread(m, 4000), 5, false);
	}
	if (roll(m, 8))
		return;
	leave(m, 0, 0, spread(m, 600), LEAVE_SLEEPING, WAIT_POLL, 232, 77, 0);
	wake(m, 0, server, spread(m, 9000), true);
	leave(m, 0, server, spread(m, 900), LEAVE_PREEMPTED, 0, 0, 0, 0);
	call(m, 0, 232, spread(m, 500), spread(m, 11000), 1, true);
}

/* Threads that pass a few mutexes: wait, wake, and calls that did not block. */
static void futex_step(struct maker *m)
{
	u16 cpu = (u16)roll(m, CPUS);
	u64 address = 0x7f3c12340000ULL + roll(m, 8) * 64;
	u32 next = m->tids[roll(m, m->threads)];
	struct trace_event *e;

	if (!m->running[cpu])
		leave(m, cpu, next, spread(m, 1500), LEAVE_PREEMPTED, 0, 0, 0, 0);
	e = add(m, cpu, EVENT_FUTEX, spread(m, 1500), 32);
	e->futex.tid = m->running[cpu];
	e->futex.op = FUTEX_OP_WAKE;
	e->futex.value = 1;
	e->futex.result = roll(m, 2);
	e->futex.duration_ns = spread(m, 700);
	e->futex.address = address;
	if (e->futex.result) {
		wake(m, cpu, next, 0, false);
		m->events[m->count - 1].time_ns -= 200;
	}
	if (roll(m, 2))
		return;
	leave(m, cpu, roll(m, 3) ? next : 0, spread(m, 800), LEAVE_SLEEPING, WAIT_SYNC, 202, 2,
	      address);
	if (!m->running[cpu])
		return;
	e = add(m, cpu, EVENT_FUTEX, spread(m, 900), 24);
	e->futex.tid = m->running[cpu];
	e->futex.flags = FUTEX_BLOCKED;
	e->futex.value = 2;
	e->futex.duration_ns = spread(m, 60000);
}

/* More busy threads than CPUs: the scheduler takes the CPU away and moves on. */
static void preempt_step(struct maker *m)
{
	u16 cpu = (u16)roll(m, CPUS);
	u32 next = m->tids[roll(m, m->threads)];

	if (next == m->running[cpu])
		return;
	if (!roll(m, 4)) {
		wake(m, cpu, next, spread(m, 300000), true);
		leave(m, cpu, next, spread(m, 900), LEAVE_PREEMPTED, 0, 0, 0, 0);
		return;
	}
	leave(m, cpu, next, spread(m, 2800000), LEAVE_PREEMPTED, 0, 0, 0, 0);
}

static void mixed_step(struct maker *m)
{
	switch (roll(m, 3)) {
	case 0: futex_step(m); break;
	case 1: preempt_step(m); break;
	default: redis_step(m);
	}
}

static const struct mix {
	const char *name;
	u32 threads;
	void (*step)(struct maker *);
} mixes[] = {
	{ "redis", 4, redis_step },
	{ "futex, 8 threads", 8, futex_step },
	{ "futex, 200 threads", 200, futex_step },
	{ "preempted, 4 threads", 4, preempt_step },
	{ "preempted, 200 threads", 200, preempt_step },
	{ "mixed, 64 threads", 64, mixed_step },
};

struct result {
	u64 events, ring_bytes, raw_bytes, file_bytes;
	u64 add_ns, finish_ns, read_ns;
};

static u64 raw_bytes_of(const struct chunk *chunk)
{
	u32 raw;

	memcpy(&raw, (const u8 *)chunk->data + 20, sizeof(raw));
	return raw;
}

static int make(struct maker *m, const struct mix *mix)
{
	m->seed = 0x9e3779b97f4a7c15ULL;
	m->threads = mix->threads;
	m->count = 0;
	for (u32 i = 0; i < mix->threads; i++)
		m->tids[i] = 3900000 + i * 17 + roll(m, 11);
	for (u16 cpu = 0; cpu < CPUS; cpu++) {
		m->time_ns[cpu] = 5000 * NSEC_PER_SEC;
		m->running[cpu] = 0;
	}
	while (m->count + 64 < m->room)
		mix->step(m);
	return 0;
}

static int encode(struct maker *m, const char *path, struct result *result, struct err *err)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *encoder = NULL;
	CLEANUP(trace_writer_abort) struct trace_writer *writer = NULL;
	struct trace_info info = { .cpu_count = CPUS };
	struct trace_totals totals = { .events = m->count };
	size_t at = 0;
	int r = chunk_encoder_new(&encoder, CPUS, 5000 * NSEC_PER_SEC, err);

	if (!r)
		r = trace_writer_open(&writer, path, true, &info, err);
	while (!r && at < m->count) {
		u64 begin = clock_mono_ns(), middle;
		struct chunk chunk;

		while (at < m->count && !chunk_full(encoder))
			chunk_add(encoder, &m->events[at++]);
		middle = clock_mono_ns();
		r = chunk_finish(encoder, m->events[at - 1].time_ns, &chunk, err);
		result->add_ns += middle - begin;
		result->finish_ns += clock_mono_ns() - middle;
		result->raw_bytes += raw_bytes_of(&chunk);
		if (!r)
			r = trace_writer_chunk(writer, &chunk, err);
	}
	if (r < 0)
		return r;
	result->file_bytes = trace_writer_bytes(writer);
	return trace_writer_finish(take(writer), &totals, err);
}

static int decode(const char *path, struct result *result, struct err *err)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	u64 begin = clock_mono_ns(), sum = 0;
	const struct trace_event *event;
	int r = trace_reader_open(&reader, path, err);

	while (!r && (r = trace_reader_next(reader, &event, err)) == 1) {
		sum += event->time_ns ^ event->kind;
		r = 0;
	}
	result->read_ns = clock_mono_ns() - begin;
	return sum == 1 ? -EIO : r; /* the sum is used, so that nothing is optimised away */
}

static void print(const struct mix *mix, const struct result *r, bool json)
{
	double n = (double)r->events;

	printf(json ? "{\"mix\":\"%s\",\"events\":%" PRIu64
		      ",\"ring_bytes\":%.2f,\"raw_bytes\":%.2f,"
		      "\"file_bytes\":%.2f,\"encode_ns\":%.1f,\"compress_ns\":%.1f,"
		      "\"decode_events_per_us\":%.1f}\n"
		    : "%-24s %9" PRIu64 " %6.2f %6.2f %6.2f %8.1f %9.1f %8.1f\n",
	       mix->name, r->events, (double)r->ring_bytes / n, (double)r->raw_bytes / n,
	       (double)r->file_bytes / n, (double)r->add_ns / n, (double)r->finish_ns / n,
	       n * 1e3 / (double)r->read_ns);
}

int main(int argc, char **argv)
{
	const char *path = "codec-bench.trace";
	struct maker m = { .room = 2000000 };
	struct err err = { 0 };
	bool json = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else
			m.room = strtoul(argv[i], NULL, 10);
	}
	m.events = calloc(m.room, sizeof(*m.events));
	m.ring_units = calloc(m.room, 1);
	if (!m.events || !m.ring_units)
		return 1;
	if (!json)
		printf("%-24s %9s %6s %6s %6s %8s %9s %8s\n", "mix", "events", "ring B", "raw B",
		       "file B", "add ns", "finish ns", "read M/s");
	for (size_t i = 0; i < ARRAY_SIZE(mixes); i++) {
		struct result result = { 0 };

		make(&m, &mixes[i]);
		result.events = m.count;
		for (size_t n = 0; n < m.count; n++)
			result.ring_bytes += m.ring_units[n];
		if (encode(&m, path, &result, &err) < 0 || decode(path, &result, &err) < 0) {
			fprintf(stderr, "codec: %s\n", err.text);
			return 1;
		}
		print(&mixes[i], &result, json);
	}
	unlink(path);
	free(m.events);
	free(m.ring_units);
	return 0;
}
