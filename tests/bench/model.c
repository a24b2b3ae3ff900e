// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * model - how many events per second the timeline and all tables take on one core
 *
 * Events of a made-up server: THREADS threads on CPUS CPUs that run, wait for locks, sockets
 * and files, wake each other, and make system calls. Prints a table, or JSON with --json.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "user/base/clock.h"
#include "user/model/calls.h"
#include "user/model/losses.h"
#include "user/model/sched.h"
#include "user/model/times.h"
#include "user/model/waits.h"

#define THREADS 200
#define CPUS    8
#define EVENTS  20000000ULL
#define BATCH   (1u << 16) /* made before the clock starts */
#define TID(i)  (1000 + (i))

enum { READY, RUNS, SLEEPS };

struct maker {
	u64 seed;
	u64 now_ns;
	int doing[THREADS];
	int on_cpu[CPUS]; /* thread + 1; 0: idle */
};

static u32 below(struct maker *m, u32 limit)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (u32)(m->seed >> 20) % limit;
}

static struct trace_event make_switch(struct maker *m, u16 cpu)
{
	struct trace_event e = { .time_ns = m->now_ns, .cpu = cpu, .kind = EVENT_SWITCH };
	int prev = m->on_cpu[cpu], next = (int)below(m, THREADS);

	e.sw.syscall = SYSCALL_NONE;
	if (prev) {
		e.sw.prev_tid = TID((u32)prev - 1);
		m->doing[prev - 1] = READY;
		if (below(m, 4)) {
			m->doing[prev - 1] = SLEEPS;
			e.sw.prev_state = LEAVE_SLEEPING;
			e.sw.wait_kind = (u8)(1 + below(m, 4));
			e.sw.syscall = (u16)(200 + e.sw.wait_kind);
			e.sw.object = 1 + below(m, 50);
			e.sw.address = e.sw.wait_kind == WAIT_SYNC
					       ? 0x7f0000001000 + below(m, 40) * 64
					       : 0;
		}
	}
	for (int tries = 0; tries < 8 && m->doing[next] != READY; tries++)
		next = (int)below(m, THREADS);
	m->on_cpu[cpu] = 0;
	if (m->doing[next] == READY) {
		m->doing[next] = RUNS;
		m->on_cpu[cpu] = next + 1;
		e.sw.next_tid = TID((u32)next);
	}
	return e;
}

static struct trace_event make_event(struct maker *m)
{
	u16 cpu = (u16)below(m, CPUS);
	u32 thread = below(m, THREADS);
	struct trace_event e = { .time_ns = m->now_ns += below(m, 1000), .cpu = cpu };
	u32 what = below(m, 100);

	if (what < 30 && m->doing[thread] == SLEEPS) {
		m->doing[thread] = READY;
		e.kind = EVENT_WAKING;
		e.waking.tid = TID(thread);
		e.waking.waker = m->on_cpu[cpu] ? TID((u32)m->on_cpu[cpu] - 1) : 0;
	} else if (what < 60 && m->on_cpu[cpu]) {
		e.kind = EVENT_SYSCALL;
		e.syscall.tid = TID((u32)m->on_cpu[cpu] - 1);
		e.syscall.syscall = (u16)below(m, 30);
		e.syscall.duration_ns = below(m, 5000);
		e.syscall.result = below(m, 50) ? 0 : -11;
	} else {
		return make_switch(m, cpu);
	}
	return e;
}

static void announce(struct timeline *tl)
{
	for (u32 i = 0; i < THREADS; i++) {
		struct event_thread thread = { .tid = TID(i), .tgid = TID(0), .comm = "worker" };
		struct trace_event e = { .kind = EVENT_THREAD, .thread = &thread };

		timeline_event(tl, &e);
	}
	for (u32 i = 1; i <= 50; i++) {
		struct event_object object = { .id = i, .type = OBJECT_PIPE };
		struct trace_event e = { .kind = EVENT_OBJECT, .object = &object };

		timeline_event(tl, &e);
	}
}

int main(int argc, char **argv)
{
	struct maker m = { .seed = 88172645463325252ULL };
	struct trace_event *events = calloc(BATCH, sizeof(*events));
	struct times times = { 0 };
	struct waits waits = { 0 };
	struct calls calls = { 0 };
	struct sched sched = { 0 };
	struct losses losses = { 0 };
	struct timeline *tl;
	struct rusage usage;
	u64 spent_ns = 0, done = 0;

	if (!events || timeline_new(&tl, 0, NULL) < 0)
		return 1;
	const struct sink sinks[] = { times_sink(&times), waits_sink(&waits, tl),
				      calls_sink(&calls), sched_sink(&sched),
				      losses_sink(&losses) };
	for (size_t i = 0; i < ARRAY_SIZE(sinks); i++)
		timeline_attach(tl, &sinks[i]);
	announce(tl);
	while (done < EVENTS) {
		u64 begin_ns;

		for (u32 i = 0; i < BATCH; i++)
			events[i] = make_event(&m);
		begin_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		for (u32 i = 0; i < BATCH; i++)
			if (timeline_event(tl, &events[i]) < 0)
				return 1;
		spent_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
		done += BATCH;
	}
	timeline_finish(tl, m.now_ns);
	getrusage(RUSAGE_SELF, &usage);
	if (argc > 1 && !strcmp(argv[1], "--json"))
		printf("{\"bench\":\"model\",\"events\":%" PRIu64 ",\"ns_per_event\":%.1f,"
		       "\"events_per_second\":%.0f,\"memory_kib\":%ld,\"repaired\":%" PRIu64 "}\n",
		       done, (double)spent_ns / (double)done, (double)done * 1e9 / (double)spent_ns,
		       usage.ru_maxrss, timeline_counts(tl)->repaired);
	else
		printf("model: %.1f ns per event, %.1f million events/s (reach: 5), %ld KiB\n",
		       (double)spent_ns / (double)done, (double)done * 1e3 / (double)spent_ns,
		       usage.ru_maxrss);
	times_free(&times);
	waits_free(&waits);
	calls_free(&calls);
	sched_free(&sched);
	losses_free(&losses);
	timeline_free(tl);
	free(events);
	return 0;
}
