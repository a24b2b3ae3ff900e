// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * trace - writes a made-up trace of any size, for the benchmarks of what reads one
 *
 *	build/bench/trace FILE [--events 10000000] [--threads 200] [--cpus 8]
 *
 * A server as a kernel would tell it: threads run on CPUs, wait for locks, sockets, files and time,
 * wake each other, and make calls. Nothing is lost and nothing contradicts itself. Waits of 100 us
 * have stacks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/trace/writer.h"

#define BEGIN_NS (5000 * NSEC_PER_SEC)
#define TID(i)   (3000 + (i))
#define OBJECTS  50
#define STACKS   200
#define LONG_NS  (100 * NSEC_PER_USEC)
#define CODE     0x400000

enum doing { READY, RUNS, SLEEPS };

struct worker {
	enum doing doing;
	u64 slept_ns; /* since */
	u16 call;     /* that it waited in and has not left; SYSCALL_NONE */
};

struct maker {
	u64 seed;
	u64 now_ns;
	u64 events;
	u32 threads;
	u32 cpus;
	struct worker *workers;
	u32 *on_cpu; /* worker + 1; 0: idle */
	struct chunk_encoder *encoder;
	struct trace_writer *writer;
	struct err err;
	int error;
};

static u32 below(struct maker *m, u32 limit)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (u32)(m->seed >> 20) % limit;
}

static void finish_chunk(struct maker *m)
{
	struct chunk chunk;

	m->error = m->error ?: chunk_finish(m->encoder, m->now_ns, &chunk, &m->err);
	m->error = m->error ?: trace_writer_chunk(m->writer, &chunk, &m->err);
}

static void add(struct maker *m, struct trace_event event)
{
	event.time_ns = m->now_ns;
	m->error = m->error ?: chunk_add(m->encoder, &event);
	m->events++;
	if (chunk_full(m->encoder))
		finish_chunk(m);
}

static void announce(struct maker *m)
{
	u64 frames[8];

	for (u32 i = 0; i < m->threads; i++) {
		struct event_thread thread = { .tid = TID(i), .tgid = TID(0), .syscall = 202 };

		thread.state = m->workers[i].doing == SLEEPS ? LEAVE_SLEEPING : LEAVE_PREEMPTED;
		thread.wait_kind = WAIT_SYNC;
		snprintf(thread.comm, sizeof(thread.comm), "worker-%u", i % 50);
		add(m, (struct trace_event){ .kind = EVENT_THREAD, .thread = &thread });
	}
	for (u32 i = 1; i <= OBJECTS; i++) {
		struct event_object object = {
			.id = i,
			.type = i % 2 ? OBJECT_SOCKET : OBJECT_FILE,
			.family = i % 2 ? 2 : 0,
			.protocol = i % 2 ? 6 : 0,
			.local_port = i % 2 ? 8080 : 0,
			.remote_port = i % 2 ? (u16)(40000 + i) : 0,
			.inode = i,
		};

		add(m, (struct trace_event){ .kind = EVENT_OBJECT, .object = &object });
	}
	for (u32 i = 1; i <= STACKS; i++) {
		struct trace_stack stack = { .id = i, .tgid = TID(0), .frames = { frames, 8 } };

		for (u64 n = 0; n < 8; n++)
			frames[n] = CODE + 16 * (n * 64 + below(m, 8 * (8 - (u32)n)));
		add(m, (struct trace_event){ .kind = EVENT_STACK, .stack = &stack });
	}
}

/* The worker of @cpu ends the call that it waited in, if any. */
static void end_call(struct maker *m, u16 cpu)
{
	u32 number = m->on_cpu[cpu] - 1;
	struct worker *worker = &m->workers[number];
	u64 took_ns = m->now_ns - worker->slept_ns;
	struct trace_event e = { .cpu = cpu };

	if (took_ns >= LONG_NS) {
		e.kind = EVENT_WAIT_STACK;
		e.wait_stack = (struct event_wait_stack){
			.tid = TID(number),
			.user_stack = 1 + (worker->call + number * 7) % STACKS,
			.enter_ns = worker->slept_ns,
		};
		add(m, e);
	}
	e.kind = EVENT_SYSCALL;
	e.syscall = (struct trace_syscall){
		.tid = TID(number),
		.syscall = worker->call,
		.flags = SYSCALL_BLOCKED,
		.duration_ns = took_ns,
	};
	worker->call = SYSCALL_NONE;
	add(m, e);
}

static void wait_for_something(struct maker *m, struct event_switch *sw, struct worker *worker)
{
	static const struct {
		u8 kind;
		u16 call;
	} waits[] = { { WAIT_SYNC, 202 },
		      { WAIT_NETWORK, 45 },
		      { WAIT_DISK, 74 },
		      { WAIT_POLL, 232 },
		      { WAIT_SLEEP, 230 } };
	u32 which = below(m, ARRAY_SIZE(waits));

	worker->doing = SLEEPS;
	worker->slept_ns = m->now_ns;
	worker->call = waits[which].call;
	sw->prev_state = LEAVE_SLEEPING;
	sw->wait_kind = waits[which].kind;
	sw->syscall = waits[which].call;
	if (sw->wait_kind == WAIT_SYNC)
		sw->address = 0x7f0000001000 + below(m, 40) * 64;
	else if (sw->wait_kind == WAIT_NETWORK || sw->wait_kind == WAIT_DISK)
		sw->object = 1 + below(m, OBJECTS / 2) * 2 + (sw->wait_kind == WAIT_DISK);
	sw->object = min(sw->object, (u32)OBJECTS);
}

static void change(struct maker *m, u16 cpu)
{
	struct trace_event e = { .cpu = cpu, .kind = EVENT_SWITCH };
	u32 prev = m->on_cpu[cpu], next = 0;

	e.sw.syscall = SYSCALL_NONE;
	for (int tries = 0; tries < 8 && !next; tries++) {
		next = 1 + below(m, m->threads);
		if (m->workers[next - 1].doing != READY)
			next = 0;
	}
	if (!prev && !next)
		return;
	if (prev) {
		e.sw.prev_tid = TID(prev - 1);
		m->workers[prev - 1].doing = READY;
		if (below(m, 4) || !next)
			wait_for_something(m, &e.sw, &m->workers[prev - 1]);
	}
	m->on_cpu[cpu] = next;
	if (next) {
		m->workers[next - 1].doing = RUNS;
		e.sw.next_tid = TID(next - 1);
	}
	add(m, e);
}

static void step(struct maker *m)
{
	u16 cpu = (u16)below(m, m->cpus);
	u32 thread = below(m, m->threads), what = below(m, 100), on = m->on_cpu[cpu];
	struct trace_event e = { .cpu = cpu };

	m->now_ns += 1 + below(m, 8000 / m->cpus);
	if (on && m->workers[on - 1].call != SYSCALL_NONE) {
		end_call(m, cpu);
	} else if (what < 40 && m->workers[thread].doing == SLEEPS) {
		m->workers[thread].doing = READY;
		e.kind = EVENT_WAKING;
		e.waking.tid = TID(thread);
		e.waking.waker = on ? TID(on - 1) : 0;
		add(m, e);
	} else if (what < 60 && on) {
		e.kind = EVENT_SYSCALL;
		e.syscall.tid = TID(on - 1);
		e.syscall.syscall = (u16)below(m, 30);
		e.syscall.duration_ns = below(m, 200);
		e.syscall.result = below(m, 50) ? 0 : -11;
		add(m, e);
	} else {
		change(m, cpu);
	}
}

static int make(struct maker *m, const char *path, u64 events)
{
	const struct trace_info info = {
		.cpu_count = m->cpus,
		.machine = "x86_64",
		.class_mask = 1u << CLASS_SCHED | 1u << CLASS_PROCESS | 1u << CLASS_SYSCALL |
			      1u << CLASS_OBJECT | 1u << CLASS_STACK,
		.stack_min_ns = LONG_NS,
		.start = { .mono_ns = BEGIN_NS, .wall_ns = 1700000000 * NSEC_PER_SEC },
	};
	struct trace_totals totals = { .why = TRACE_END_ASKED };
	int r = chunk_encoder_new(&m->encoder, m->cpus, BEGIN_NS, &m->err);

	if (!r)
		r = trace_writer_open(&m->writer, path, true, &info, &m->err);
	if (r < 0)
		return r;
	m->now_ns = BEGIN_NS;
	announce(m);
	while (!m->error && m->events < events)
		step(m);
	finish_chunk(m);
	if (m->error)
		return m->error;
	totals.end.mono_ns = m->now_ns;
	totals.events = m->events;
	return trace_writer_finish(take(m->writer), &totals, &m->err);
}

int main(int argc, char **argv)
{
	struct maker m = { .seed = 88172645463325252ULL, .threads = 200, .cpus = 8 };
	const char *path = NULL;
	u64 events = 10000000;
	int r;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--events") && i + 1 < argc)
			events = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--threads") && i + 1 < argc)
			m.threads = max(1u, (u32)strtoul(argv[++i], NULL, 10));
		else if (!strcmp(argv[i], "--cpus") && i + 1 < argc)
			m.cpus = max(1u, min(4096u, (u32)strtoul(argv[++i], NULL, 10)));
		else
			path = argv[i];
	}
	if (!path) {
		fprintf(stderr, "usage: trace FILE [--events N] [--threads N] [--cpus N]\n");
		return 2;
	}
	m.workers = calloc(m.threads, sizeof(*m.workers));
	m.on_cpu = calloc(m.cpus, sizeof(*m.on_cpu));
	if (!m.workers || !m.on_cpu)
		return 1;
	for (u32 i = 0; i < m.threads; i++)
		m.workers[i] = (struct worker){ i % 2 ? SLEEPS : READY, BEGIN_NS, SYSCALL_NONE };
	r = make(&m, path, events);
	if (r < 0)
		fprintf(stderr, "trace: %s\n", *m.err.text ? m.err.text : strerror(-r));
	trace_writer_abort(m.writer);
	chunk_encoder_free(m.encoder);
	free(m.workers);
	free(m.on_cpu);
	return r < 0;
}
