// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * stacks - what the kernel side takes for the stacks of a wait, and for a sample
 *
 *	build/bench/stacks [--rounds N] [--json]		as root
 *
 * Two threads on one CPU wait for each other, below some functions as in real programs. They are
 * recorded in turns of a few milliseconds: without stacks, with stacks of which no wait is worth
 * one, and with the stacks of each wait, walked by the rules that a recorder learns. Then one of
 * them computes: without samples, beside the clocks that samples are taken by, and with samples,
 * which come fifty times as often as usual. Time is CPU time; what is printed are medians of the
 * differences between turns that follow each other.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/helpers_spread.h"
#include "tests/bench/helpers_worker.h"
#include "user/base/util.h"

#include "bpf/shared.h"
#include "bpf/tracer.skel.h"
#include "user/base/clock.h"
#include "user/record/mappings.h"
#include "user/record/probes.h"
#include "user/record/resolver.h"
#include "user/record/ring.h"

#define ROUNDS     200
#define ROUNDS_MAX 2001
#define LEARNING   5 /* rounds that do not count, in which rules are learnt */
#define LEARN_NS   (2 * NSEC_PER_SEC)
#define DEPTH      8 /* functions between the thread's first one and its wait */
#define TIMES      1000
#define WORDS      (1 << 14) /* that computing goes through: 128 KiB */
#define STEPS      (1 << 22)
#define NEVER_NS   (3600 * NSEC_PER_SEC)
#define HZ         99
#define HZ_MORE    50 /* times HZ, to be seen above the noise */
#define FRAME \
	__attribute__((noinline, optimize("no-omit-frame-pointer", "no-optimize-sibling-calls")))

/* What the worker does, by number */
enum task { TASK_WAIT, TASK_COMPUTE };

static int there[2], back[2]; /* pipes between the two threads */
static u64 words[WORDS];

static FRAME int pass(int in, int out, bool first)
{
	char byte = 'x';

	if (first && write(out, &byte, 1) != 1)
		return -1;
	if (read(in, &byte, 1) != 1)
		return -1;
	if (!first && write(out, &byte, 1) != 1)
		return -1;
	return 0;
}

static FRAME int below(int depth, int in, int out, bool first)
{
	int r = depth ? below(depth - 1, in, out, first) : pass(in, out, first);

	__asm__ volatile("" : "+r"(r));
	return r;
}

static FRAME void *answer(void *unused)
{
	while (!below(DEPTH, there[0], back[1], false))
		;
	return NULL;
}

static FRAME void compute(int depth)
{
	u64 at = 1;

	if (depth) {
		compute(depth - 1);
		__asm__ volatile("" ::: "memory");
		return;
	}
	for (u32 i = 0; i < STEPS; i++) {
		at = at * 6364136223846793005ull + 1442695040888963407ull;
		words[at >> 32 & (WORDS - 1)] += at;
	}
}

static FRAME void run(u32 task)
{
	if (task == TASK_COMPUTE)
		compute(DEPTH);
	for (int i = 0; task == TASK_WAIT && i < TIMES; i++)
		if (below(DEPTH, back[0], there[1], true))
			exit(1);
}

static void begin(void)
{
	pthread_t second;

	if (pipe(there) || pipe(back) || pthread_create(&second, NULL, answer, NULL))
		exit(1);
}

static const struct work work = { .begin = begin, .run = run };

/* How it is recorded */
enum way { WAY_NONE, WAY_SHORT, WAY_LONG, WAYS };

/* What was found in the rings; [0] is the user's, [1] the kernel's */
struct counted {
	u64 events;
	u64 waits; /* that have stacks */
	u64 samples;
	u64 stacks[2];
	u64 frames[2];
	u64 unsure; /* of the stacks of users: walked without all rules */
	u64 lost;
};

struct bench {
	struct worker worker;
	struct probes *probes[WAYS];
	struct mappings *mappings;
	struct resolver *resolver; /* of WAY_LONG, until it has learnt */
	struct counted counted[WAYS];
	struct counted sampled;
	long rounds;
	double wait_ns[ROUNDS_MAX];        /* without stacks */
	double added_ns[WAYS][ROUNDS_MAX]; /* per wait; WAY_LONG: per wait with stacks */
	double sample_ns[ROUNDS_MAX];      /* per sample */
	double program_ns[ROUNDS_MAX];     /* ... without the interrupt of its clock */
	double sample_share[ROUNDS_MAX];   /* of the time that it ran, at HZ */
};

static void bench_close(struct bench *bench)
{
	resolver_free(bench->resolver);
	mappings_free(bench->mappings);
	for (enum way way = 0; way < WAYS; way++)
		probes_close(bench->probes[way]);
	worker_end(&bench->worker);
}

struct counting {
	struct counted *counted;
	struct resolver *resolver;
};

static int count_event(void *ctx, const struct trace_event *event)
{
	const struct counting *counting = ctx;
	struct counted *counted = counting->counted;

	counted->events++;
	counted->waits += event->kind == EVENT_WAIT_STACK;
	counted->samples += event->kind == EVENT_SAMPLE;
	if (event->kind == EVENT_STACK) {
		const struct trace_stack *stack = event->stack;
		bool kernel = stack->flags & STACK_KERNEL;

		counted->stacks[kernel]++;
		counted->frames[kernel] += stack->frames.count;
		counted->unsure += !!(stack->flags & STACK_UNSURE);
	}
	if (counting->resolver)
		resolver_event(counting->resolver, event);
	return 0;
}

/* Empties the rings; more than a turn fills. */
static void drain(struct probes *probes, struct counted *counted, struct resolver *resolver)
{
	struct counting counting = { .counted = counted, .resolver = resolver };

	for (unsigned int cpu = 0; cpu < probes->cpus; cpu++) {
		bool stalled = false;

		ring_drain(&probes->rings[cpu], (u16)cpu, probes->ring_bytes, clock_mono_ns(),
			   count_event, &counting, &stalled);
		if (probes->sample_rings)
			ring_drain(&probes->sample_rings[cpu], (u16)cpu, probes->sample_bytes,
				   clock_mono_ns(), count_event, &counting, &stalled);
		for (size_t i = 0; i < CLASS_COUNT; i++)
			counted->lost += __atomic_exchange_n(&probes->rings[cpu].state->lost[i], 0,
							     __ATOMIC_RELAXED);
	}
}

static int no_more(void *ctx, struct err *err)
{
	return 0;
}

static int on_mapping(void *ctx, const struct trace_event *event)
{
	resolver_event(ctx, event);
	return 0;
}

static int open_way(struct bench *bench, enum way way, struct err *err)
{
	struct probes_options options = {
		.children = true,
		.pids = &bench->worker.pid,
		.pid_count = 1,
		.class_mask = 1 << CLASS_SCHED | 1 << CLASS_SYSCALL | 1 << CLASS_FUTEX |
			      1 << CLASS_PROCESS | 1 << CLASS_OBJECT,
		.stack_min_ns = way == WAY_LONG ? 0 : NEVER_NS,
	};
	struct probes *probes;
	int r;

	if (way != WAY_NONE)
		options.class_mask |= 1 << CLASS_STACK;
	/* Its own clock never rings. */
	if (way == WAY_LONG) {
		options.class_mask |= 1 << CLASS_SAMPLE;
		options.sample_period_ns = NEVER_NS;
	}
	r = probes_open(&bench->probes[way], &options, err);
	if (r < 0)
		return r;
	probes = bench->probes[way];
	probes_start(probes);
	r = probes_find_threads(probes, no_more, NULL, err);
	probes_stop(probes);
	drain(probes, &(struct counted){ 0 }, NULL);
	return min(r, 0);
}

/* One turn, in which nobody else records */
static int turn(u64 *ns, struct bench *bench, enum way way, enum task task, struct err *err)
{
	struct probes *probes = bench->probes[way];
	int r;

	/* What the CPUs ran meanwhile was not seen. */
	__atomic_add_fetch(&probes->control->generation, 1, __ATOMIC_SEQ_CST);
	probes_start(probes);
	r = worker_run(ns, &bench->worker, task, err);
	probes_stop(probes);
	return r;
}

static int waits_round(struct bench *bench, long round, struct err *err)
{
	u64 ns[WAYS], before = bench->counted[WAY_LONG].waits, waits;

	for (enum way way = 0; way < WAYS; way++) {
		int r = turn(&ns[way], bench, way, TASK_WAIT, err);

		if (r < 0)
			return r;
		drain(bench->probes[way], &bench->counted[way],
		      way == WAY_LONG ? bench->resolver : NULL);
	}
	waits = bench->counted[WAY_LONG].waits - before;
	if (!waits)
		return fail(err, -ENODATA, "no wait had a stack");
	bench->wait_ns[round] = (double)ns[WAY_NONE] / (double)waits;
	for (enum way way = WAY_SHORT; way < WAYS; way++)
		bench->added_ns[way][round] =
			((double)ns[way] - (double)ns[WAY_NONE]) / (double)waits;
	return 0;
}

/* One turn beside clocks that ring HZ_MORE times as often as usual */
static int clocks_turn(u64 *ns, struct bench *bench, bool recording, struct err *err)
{
	struct probes *probes = bench->probes[WAY_LONG];
	struct sampler sampler = { 0 };
	int r = sampler_attach(&sampler, probes->bpf->progs.on_sample, probes->cpus,
			       NSEC_PER_SEC / HZ / HZ_MORE);

	if (r < 0)
		return fail(err, r, "cannot sample: %s", strerror(-r));
	r = recording ? turn(ns, bench, WAY_LONG, TASK_COMPUTE, err)
		      : worker_run(ns, &bench->worker, TASK_COMPUTE, err);
	sampler_close(&sampler);
	return r;
}

static int samples_round(struct bench *bench, long round, struct err *err)
{
	u64 plain, clocks, sampled, before = bench->sampled.samples, samples;
	int r = turn(&plain, bench, WAY_LONG, TASK_COMPUTE, err);

	r = r ?: clocks_turn(&clocks, bench, false, err);
	r = r ?: clocks_turn(&sampled, bench, true, err);
	if (r < 0)
		return r;
	drain(bench->probes[WAY_LONG], &bench->sampled, bench->resolver);
	samples = bench->sampled.samples - before;
	if (!samples)
		return fail(err, -ENODATA, "no samples were taken");
	bench->sample_ns[round] = ((double)sampled - (double)plain) / (double)samples;
	bench->program_ns[round] = ((double)sampled - (double)clocks) / (double)samples;
	bench->sample_share[round] = ((double)sampled - (double)plain) / (double)plain / HZ_MORE;
	return 0;
}

/* Some rounds that tell the recorder all stacks there are: it finds out how to walk them. */
static int learn(struct bench *bench, struct err *err)
{
	int r = mappings_new(&bench->mappings, err);

	r = r ?: resolver_new(&bench->resolver, bench->probes[WAY_LONG]->unwind, err);
	if (r < 0)
		return r;
	mappings_mark(bench->mappings, (u32)bench->worker.pid);
	if (mappings_finish(bench->mappings, LEARN_NS, on_mapping, bench->resolver))
		return fail(err, -ETIMEDOUT, "the worker's mappings could not be read");
	for (long i = 0; i < LEARNING && !r; i++) {
		struct resolved counts;

		r = waits_round(bench, 0, err);
		r = r ?: samples_round(bench, 0, err);
		resolver_wake(bench->resolver);
		usleep(100000);
		if (i == LEARNING - 1)
			resolver_finish(bench->resolver, LEARN_NS, count_event,
					&(struct counting){ .counted = &(struct counted){ 0 } },
					&counts);
	}
	memset(bench->counted, 0, sizeof(bench->counted));
	memset(&bench->sampled, 0, sizeof(bench->sampled));
	resolver_free(bench->resolver);
	bench->resolver = NULL;
	return r;
}

static int measure(struct bench *bench, struct err *err)
{
	int r = worker_start(&bench->worker, &work, err);

	for (enum way way = 0; way < WAYS && !r; way++)
		r = open_way(bench, way, err);
	r = r ?: learn(bench, err);
	for (long i = 0; i < bench->rounds && !r; i++) {
		r = waits_round(bench, i, err);
		r = r ?: samples_round(bench, i, err);
	}
	return r;
}

static void print(struct bench *bench, bool json)
{
	const struct counted *counted = &bench->counted[WAY_LONG];
	const struct {
		const char *name, *key;
		struct spread spread;
	} rows[] = {
		{ "a wait without stacks, ns", "wait_ns",
		  spread_of(bench->wait_ns, (size_t)bench->rounds) },
		{ "added to one that is too short", "short_ns",
		  spread_of(bench->added_ns[WAY_SHORT], (size_t)bench->rounds) },
		{ "added to one that has stacks", "long_ns",
		  spread_of(bench->added_ns[WAY_LONG], (size_t)bench->rounds) },
		{ "a sample, ns", "sample_ns", spread_of(bench->sample_ns, (size_t)bench->rounds) },
		{ "... without its clock's interrupt", "program_ns",
		  spread_of(bench->program_ns, (size_t)bench->rounds) },
		{ "99 samples a second, % of a CPU", "sample_share",
		  spread_of(bench->sample_share, (size_t)bench->rounds) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct spread *s = &rows[i].spread;
		double unit = !json && i == ARRAY_SIZE(rows) - 1 ? 100 : 1;

		if (json)
			printf("%s\"%s\":{\"low\":%.6f,\"median\":%.6f,\"high\":%.6f}",
			       i ? "," : "{", rows[i].key, s->low, s->median, s->high);
		else
			printf("%-34s %9.3f (%.3f to %.3f)\n", rows[i].name, s->median * unit,
			       s->low * unit, s->high * unit);
	}
	printf(json ? ",\"waits\":%llu,\"samples\":%llu,\"stacks\":%llu,\"unsure\":%llu,"
		      "\"lost\":%llu}\n"
		    : "%llu waits, %llu samples, %llu more stacks (%llu of them unsure), %llu "
		      "events lost\n",
	       (unsigned long long)counted->waits, (unsigned long long)bench->sampled.samples,
	       (unsigned long long)(counted->stacks[0] + counted->stacks[1]),
	       (unsigned long long)counted->unsure,
	       (unsigned long long)(counted->lost + bench->sampled.lost));
}

int main(int argc, char **argv)
{
	static struct bench bench = { .rounds = ROUNDS };
	struct err err = { 0 };
	bool json = false;
	int r;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (!strcmp(argv[i], "--rounds") && i + 1 < argc)
			bench.rounds = min(max(atol(argv[++i]), 1L), (long)ROUNDS_MAX);
	}
	r = measure(&bench, &err);
	bench_close(&bench);
	if (r < 0) {
		fprintf(stderr, "stacks: %s\n%s\n", err.text, err.hint);
		return 1;
	}
	print(&bench, json);
	return 0;
}
