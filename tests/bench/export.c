// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * export - how many events per second each exporter takes on one core, its memory and its bytes
 *
 * Makes a trace (threads that run, sleep and wake each other on several CPUs; with or without the
 * system calls in between) and exports it, each time in a process of its own.
 *
 *	export [--json] [--events N] [EXPORTER...]
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/export/export.h"
#include "user/model/profile.h"
#include "user/trace/writer.h"

#define THREADS  200
#define CPUS     8
#define EVENTS   4000000ULL
#define START_NS (5000 * NSEC_PER_SEC)
#define TID(i)   (4000 + 7 * (i))
#define BATCH    65536

enum { READY, RUNS, SLEEPS };

struct maker {
	u64 seed;
	u64 now_ns;
	bool calls;
	u8 doing[THREADS];
	u32 on_cpu[CPUS]; /* thread + 1; 0: idle */
	u32 sleeps_in[THREADS];
};

static u32 below(struct maker *m, u32 limit)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (u32)(m->seed >> 20) % limit;
}

static u32 ready_thread(struct maker *m)
{
	u32 at = below(m, THREADS);

	for (u32 i = 0; i < 12; i++)
		if (m->doing[(at + i) % THREADS] == READY)
			return (at + i) % THREADS + 1;
	return 0;
}

static void make_switch(struct maker *m, struct trace_event *e)
{
	u32 prev = m->on_cpu[e->cpu], next = ready_thread(m);

	e->kind = EVENT_SWITCH;
	e->sw.syscall = SYSCALL_NONE;
	if (prev) {
		e->sw.prev_tid = TID(prev - 1);
		m->doing[prev - 1] = READY;
		if (below(m, 8)) {
			m->doing[prev - 1] = SLEEPS;
			e->sw.prev_state = LEAVE_SLEEPING;
			e->sw.wait_kind = (u8)(1 + below(m, 4));
			e->sw.syscall = m->calls ? below(m, 2) : SYSCALL_NONE;
			m->sleeps_in[prev - 1] = e->sw.syscall;
		}
	}
	if (next)
		m->doing[next - 1] = RUNS;
	m->on_cpu[e->cpu] = next;
	e->sw.next_tid = next ? TID(next - 1) : 0;
}

/* Who runs wakes another, makes a call, or leaves; to an idle CPU, an interrupt wakes somebody. */
static struct trace_event make_event(struct maker *m)
{
	struct trace_event e = { .time_ns = m->now_ns += 1 + below(m, 400),
				 .cpu = (u16)below(m, CPUS) };
	u32 runs = m->on_cpu[e.cpu], other = below(m, THREADS);

	if (m->doing[other] == SLEEPS && below(m, 4)) {
		m->doing[other] = READY;
		e.kind = EVENT_WAKING;
		e.waking.tid = TID(other);
		e.waking.waker = runs ? TID(runs - 1) : WAKER_HARDIRQ << 28;
	} else if (runs && m->calls && below(m, 2)) {
		e.kind = EVENT_SYSCALL;
		e.syscall.tid = TID(runs - 1);
		e.syscall.syscall = (u16)m->sleeps_in[runs - 1];
		e.syscall.duration_ns = below(m, 3000);
		e.syscall.result = below(m, 50) ? 17 : -EAGAIN;
	} else {
		make_switch(m, &e);
	}
	return e;
}

static int announce(struct chunk_encoder *encoder)
{
	int r = 0;

	for (u32 i = 0; i < THREADS && !r; i++) {
		struct event_thread thread = {
			.tid = TID(i), .tgid = TID(0), .state = LEAVE_PREEMPTED, .priority = 120
		};
		struct trace_event e = { .time_ns = START_NS,
					 .kind = EVENT_THREAD,
					 .thread = &thread };

		snprintf(thread.comm, sizeof(thread.comm), "worker-%u", i % 16);
		r = chunk_add(encoder, &e);
	}
	return r;
}

static int add_batch(struct chunk_encoder *encoder, struct maker *m, struct trace_event *events,
		     u64 count)
{
	int r = 0;

	for (u64 i = 0; i < count; i++)
		events[i] = make_event(m);
	for (u16 cpu = 0; cpu < CPUS; cpu++)
		for (u64 i = 0; i < count && !r; i++)
			if (events[i].cpu == cpu)
				r = chunk_add(encoder, &events[i]);
	return r;
}

static int make_trace(const char *path, u64 count, bool calls, struct err *err)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *encoder = NULL;
	CLEANUP(trace_writer_abort) struct trace_writer *writer = NULL;
	static const u16 numbers[] = { 0, 1 };
	static const char *const names[] = { "read", "write" };
	const struct trace_info info = {
		.kernel_release = "6.1.0",
		.machine = "x86_64",
		.cpu_count = CPUS,
		.class_mask = 1u << CLASS_SCHED | (calls ? 1u << CLASS_SYSCALL : 0),
		.start = { START_NS, START_NS, 1700000000 * NSEC_PER_SEC },
		.syscall_numbers = numbers,
		.syscall_names = names,
		.syscall_count = ARRAY_SIZE(names),
	};
	struct maker m = { .seed = 88172645463325252ULL, .now_ns = START_NS, .calls = calls };
	struct trace_event *events = calloc(BATCH, sizeof(*events));
	struct trace_totals totals = { .why = TRACE_END_ASKED };
	struct chunk chunk;
	int r = events ? 0 : -ENOMEM;

	r = r ?: chunk_encoder_new(&encoder, CPUS, START_NS, err);
	r = r ?: trace_writer_open(&writer, path, true, &info, err);
	r = r ?: announce(encoder);
	for (u64 done = 0; done < count && !r; done += BATCH) {
		r = add_batch(encoder, &m, events, min((u64)BATCH, count - done));
		r = r ?: chunk_finish(encoder, m.now_ns, &chunk, err);
		r = r ?: trace_writer_chunk(writer, &chunk, err);
	}
	free(events);
	totals.end = (struct clock_stamp){ m.now_ns, m.now_ns, 1700000001 * NSEC_PER_SEC };
	return r ?: trace_writer_finish(take(writer), &totals, err);
}

struct result {
	u64 ns;
	u64 bytes;
	long memory_kib;
};

/* In a process of its own: how much memory it takes is asked of the system. */
static int export_trace(struct result *result, const struct exporter *exporter, const char *path,
			bool plain)
{
	int status, fds[2];
	pid_t child;

	if (pipe(fds) < 0)
		return -errno;
	child = fork();
	if (!child) {
		const struct export_options options = { .kind = profile_kind_find("wait"),
							.plain = plain };
		FILE *out = fopen("export-bench.out", "we");
		u64 begin_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		struct err err = { 0 };
		bool missing;

		if (!out || exporter->write(out, path, &options, &missing, &err) < 0 ||
		    fflush(out)) {
			fprintf(stderr, "%s: %s\n", exporter->name, err.text);
			_exit(1);
		}
		result->ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin_ns;
		result->bytes = (u64)ftello(out);
		if (write(fds[1], result, sizeof(*result)) != sizeof(*result))
			_exit(1);
		_exit(0);
	}
	close(fds[1]);
	if (child < 0 || read(fds[0], result, sizeof(*result)) != sizeof(*result)) {
		close(fds[0]);
		return -EIO;
	}
	close(fds[0]);
	struct rusage usage;

	if (wait4(child, &status, 0, &usage) < 0 || status)
		return -EIO;
	result->memory_kib = usage.ru_maxrss;
	return 0;
}

static void print(const struct exporter *exporter, bool plain, bool calls, u64 count,
		  const struct result *r, bool json)
{
	double rate = (double)count * 1e9 / (double)r->ns, bytes = (double)r->bytes / (double)count;

	printf(json ? "{\"exporter\":\"%s\",\"plain\":%s,\"calls\":%s,\"events\":%" PRIu64
		      ",\"events_per_second\":%.0f,\"bytes_per_event\":%.2f,\"memory_kib\":%ld}\n"
		    : "%-10s plain: %-5s calls: %-5s %9" PRIu64
		      " events %9.0f/s %7.2f B/event %7ld KiB\n",
	       exporter->name, plain ? "true" : "false", calls ? "true" : "false", count, rate,
	       bytes, r->memory_kib);
	fflush(stdout);
}

static bool is_wanted(const struct exporter *exporter, char **names)
{
	for (char **name = names; *name; name++)
		if (!strcmp(*name, exporter->name))
			return true;
	return !*names;
}

int main(int argc, char **argv)
{
	const char *path = "export-bench.trace";
	u64 count = EVENTS;
	struct err err = { 0 };
	bool json = false;
	int at = 1, failed = 0;

	for (; at < argc && argv[at][0] == '-'; at++) {
		if (!strcmp(argv[at], "--json"))
			json = true;
		else if (!strcmp(argv[at], "--events") && at + 1 < argc)
			count = strtoull(argv[++at], NULL, 10);
	}
	for (int calls = 0; calls < 2; calls++) {
		if (make_trace(path, count, calls, &err) < 0) {
			fprintf(stderr, "export: %s\n", err.text);
			return 1;
		}
		for (const struct exporter *const *e = exporters; *e; e++) {
			bool both = !strcmp((*e)->name, "perfetto");

			for (int plain = both; plain >= 0 && is_wanted(*e, argv + at); plain--) {
				struct result result = { 0 };

				if (export_trace(&result, *e, path, plain) < 0)
					failed = 1;
				else
					print(*e, plain, calls, count, &result, json);
			}
		}
	}
	unlink(path);
	unlink("export-bench.out");
	return failed;
}
