// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * probes - what annotations and probed functions cost the program that they are in
 *
 *	build/bench/probes [--rounds N] [--json]		as root
 *
 * Two equal workers on one CPU, one of them the target, run the same loops: with nothing
 * attached; with our programs attached that leave at once, which is the kernel's own price of
 * a probe; and recorded. The ways take turns; what is printed is the median of the rounds, with
 * the quartiles of our part. Time is the worker's CPU time.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/shared.h"
#include "tests/bench/helpers_spread.h"
#include "tests/bench/helpers_worker.h"
#include "user/annotate/tracer.h"
#include "user/base/clock.h"
#include "user/record/annotate.h"
#include "user/record/probes.h"
#include "user/record/ring.h"

#define ROUNDS     15
#define ROUNDS_MAX 101
#define TIMES      8000     /* through a loop; its records fill less than half of a ring */
#define TIMES_IDLE 20000000 /* of what takes less than a nanosecond */

#define FUNCTION __attribute__((noinline, noclone, externally_visible, visibility("default")))

FUNCTION long tracer_bench_region(long number);
FUNCTION long tracer_bench_log(const char *text, long number);

/* The compiler must not see that they do nothing. */
long tracer_bench_region(long number)
{
	__asm__ volatile("" : "+r"(number));
	return number;
}

long tracer_bench_log(const char *text, long number)
{
	__asm__ volatile("" : "+r"(number) : "r"(text));
	return number;
}

/*
 * The kernel carries out the push that most functions begin with by itself; other instructions
 * it lets the program execute elsewhere, and is called again behind them.
 */
#if defined(__x86_64__)
long tracer_bench_pushes(long number);
__asm__(".pushsection .text\n"
	"	.globl tracer_bench_pushes\n"
	"	.type tracer_bench_pushes, @function\n"
	"tracer_bench_pushes:\n"
	"	push %rbp\n"
	"	mov %rdi, %rax\n"
	"	pop %rbp\n"
	"	ret\n"
	"	.size tracer_bench_pushes, . - tracer_bench_pushes\n"
	"	.popsection\n");
#else
#define tracer_bench_pushes tracer_bench_region
#endif

static void nothing_loop(long times)
{
	for (long i = 0; i < times; i++)
		__asm__ volatile("" : : "r"(i) : "memory");
}

static void untraced_loop(long times)
{
	for (long i = 0; i < times; i++) {
		__asm__ volatile("" : : "r"(i) : "memory");
		tracer_counter("queue length", i);
	}
}

static void region_loop(long times)
{
	for (long i = 0; i < times; i++) {
		tracer_region_begin("save the rows");
		tracer_region_end("save the rows");
	}
}

static void counter_loop(long times)
{
	for (long i = 0; i < times; i++)
		tracer_counter("queue length", i);
}

static void text_loop(long times)
{
	for (long i = 0; i < times; i++)
		tracer_text(TRACER_NO_TASK, "db", "a message of usual length, as 42 rows");
}

static void push_loop(long times)
{
	for (long i = 0; i < times; i++)
		tracer_bench_pushes(i);
}

static void function_loop(long times)
{
	for (long i = 0; i < times; i++)
		tracer_bench_region(i);
}

static void log_loop(long times)
{
	for (long i = 0; i < times; i++)
		tracer_bench_log("/index.html?from=here", i);
}

static const struct loop {
	const char *name;
	void (*run)(long times);
	long times;
} loops[] = {
	{ "nothing", nothing_loop, TIMES_IDLE },
	{ "annotation not traced", untraced_loop, TIMES_IDLE },
	{ "region pair", region_loop, TIMES },
	{ "counter", counter_loop, TIMES },
	{ "log", text_loop, TIMES },
	{ "--region function", push_loop, TIMES },
	{ "--region function without a push", function_loop, TIMES },
	{ "--log function(s,d)", log_loop, TIMES },
};

#define LOOPS  ARRAY_SIZE(loops)
#define TRACED 2 /* the first of the loops that are recorded */

static void run_loop(u32 number)
{
	loops[number].run(loops[number].times);
}

static const struct work work = { .run = run_loop };

/* Which programs are attached, and whether the worker is in the target */
enum way { WAY_NOTHING, WAY_LEAVING, WAY_TARGET, WAY_OTHER, WAYS };

struct bench {
	struct probes *probes;
	struct probe_list words;
	struct worker workers[2]; /* the target, the other */
	long rounds;
	u64 ns[WAYS][LOOPS][ROUNDS_MAX];
	u64 events[LOOPS]; /* of one round */
	u64 lost;
};

static int count_event(void *ctx, const struct trace_event *event)
{
	*(u64 *)ctx += trace_event_is_annotation(event);
	return 0;
}

/* Empties the rings. */
static u64 count(struct bench *bench)
{
	u64 events = 0;

	for (unsigned int cpu = 0; cpu < bench->probes->cpus; cpu++) {
		struct ring *ring = &bench->probes->rings[cpu];
		bool stalled = false;

		ring_drain(ring, (u16)cpu, bench->probes->ring_bytes, clock_mono_ns(), count_event,
			   &events, &stalled);
		for (size_t i = 0; i < CLASS_COUNT; i++)
			bench->lost +=
				__atomic_exchange_n(&ring->state->lost[i], 0, __ATOMIC_RELAXED);
	}
	return events;
}

static int run_way(struct bench *bench, enum way way, long round, struct err *err)
{
	const struct worker *worker = &bench->workers[way == WAY_OTHER];
	int r = 0;

	bench->probes->control->recording = way >= WAY_TARGET;
	for (u32 i = way == WAY_NOTHING ? 0 : TRACED; i < LOOPS && !r; i++) {
		count(bench);
		r = worker_run(&bench->ns[way][i][round], worker, i, err);
		if (way == WAY_TARGET)
			bench->events[i] = count(bench);
	}
	bench->probes->control->recording = 0;
	return r;
}

static int run_round(struct bench *bench, long round, struct err *err)
{
	struct annotate *annotate = NULL;
	int r = run_way(bench, WAY_NOTHING, round, err);

	r = r ?: annotate_new(&annotate, bench->probes, &bench->words, err);
	r = r ?: run_way(bench, WAY_LEAVING, round, err);
	r = r ?: run_way(bench, WAY_TARGET, round, err);
	r = r ?: run_way(bench, WAY_OTHER, round, err);
	annotate_free(annotate);
	return r;
}

/* What one way takes more than another one, each time through a loop, divided by @parts */
static struct spread more(const struct bench *bench, enum way way, enum way than, u32 loop,
			  u32 than_loop, double parts)
{
	double values[ROUNDS_MAX];
	size_t n = (size_t)bench->rounds;

	for (size_t i = 0; i < n; i++)
		values[i] =
			((double)bench->ns[way][loop][i] - (double)bench->ns[than][than_loop][i]) /
			(double)loops[loop].times / parts;
	return spread_of(values, n);
}

static void print_table(const struct bench *bench)
{
	struct spread idle = more(bench, WAY_NOTHING, WAY_NOTHING, 1, 0, 1);

	printf("%-32s %.2f ns (%.2f %.2f)\n", loops[1].name, idle.median, idle.low, idle.high);
	printf("%-32s %5s %12s %22s %12s\n", "ns per hit", "hits", "the kernel's",
	       "ours (quartiles)", "of others");
	for (u32 i = TRACED; i < LOOPS; i++) {
		double hits = (double)bench->events[i] / (double)loops[i].times;
		struct spread kernel = more(bench, WAY_LEAVING, WAY_NOTHING, i, i, hits);
		struct spread ours = more(bench, WAY_TARGET, WAY_LEAVING, i, i, hits);
		struct spread others = more(bench, WAY_OTHER, WAY_LEAVING, i, i, hits);

		printf("%-32s %5.2f %12.1f %8.1f (%5.1f %5.1f) %12.1f\n", loops[i].name, hits,
		       kernel.median, ours.median, ours.low, ours.high, others.median);
	}
	printf("lost: %llu\n", (unsigned long long)bench->lost);
}

static void print_spread(const char *name, struct spread spread)
{
	printf(",\"%s\":{\"low\":%.2f,\"median\":%.2f,\"high\":%.2f}", name, spread.low,
	       spread.median, spread.high);
}

static void print_json(const struct bench *bench)
{
	printf("{\"bench\":\"probes\",\"rounds\":%ld,\"lost\":%llu", bench->rounds,
	       (unsigned long long)bench->lost);
	print_spread("not_traced_ns", more(bench, WAY_NOTHING, WAY_NOTHING, 1, 0, 1));
	printf(",\"loops\":[");
	for (u32 i = TRACED; i < LOOPS; i++) {
		double hits = (double)bench->events[i] / (double)loops[i].times;

		printf("%s{\"loop\":\"%s\",\"hits\":%.3f", i > TRACED ? "," : "", loops[i].name,
		       hits);
		print_spread("kernel_ns", more(bench, WAY_LEAVING, WAY_NOTHING, i, i, hits));
		print_spread("ours_ns", more(bench, WAY_TARGET, WAY_LEAVING, i, i, hits));
		print_spread("others_ns", more(bench, WAY_OTHER, WAY_LEAVING, i, i, hits));
		print_spread("call_ns", more(bench, WAY_TARGET, WAY_NOTHING, i, i, 1));
		printf("}");
	}
	printf("]}\n");
}

static int no_more(void *ctx, struct err *err)
{
	return 0;
}

static int name_functions(struct probe_list *words, struct err *err)
{
	char path[4096], text[4200];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int r;

	if (length < 0)
		return fail(err, -errno, "cannot tell where this program lies");
	path[length] = 0;
	snprintf(text, sizeof(text), "%s:tracer_bench_[rp]*", path);
	r = probe_list_add(words, EVENT_REGION_BEGIN, text, "region", err);
	snprintf(text, sizeof(text), "%s:tracer_bench_log(s,d)", path);
	return r ?: probe_list_add(words, EVENT_LOG, text, "log", err);
}

static int measure(struct bench *bench, struct err *err)
{
	struct probes_options options = {
		.pid_count = 1,
		.class_mask = 1 << CLASS_ANNOTATION,
		.user_probes = true,
	};
	int r = worker_start(&bench->workers[0], &work, err);

	r = r ?: worker_start(&bench->workers[1], &work, err);
	r = r ?: name_functions(&bench->words, err);
	if (r < 0)
		return r;
	options.pids = &bench->workers[0].pid;
	r = probes_open(&bench->probes, &options, err);
	if (r < 0)
		return r;
	probes_start(bench->probes);
	r = probes_find_threads(bench->probes, no_more, NULL, err);
	/* One more than is counted: the first one warms up. */
	for (long i = -1; i < bench->rounds && r >= 0; i++)
		r = run_round(bench, max(i, 0L), err);
	for (u32 i = TRACED; i < LOOPS && r >= 0; i++)
		if (!bench->events[i])
			return fail(err, -ENODATA, "'%s': nothing was recorded", loops[i].name);
	return r;
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
	for (size_t i = 0; i < ARRAY_SIZE(bench.workers); i++)
		worker_end(&bench.workers[i]);
	if (r >= 0)
		(json ? print_json : print_table)(&bench);
	else
		fprintf(stderr, "probes: %s\n%s\n", err.text, err.hint);
	probes_close(bench.probes);
	probe_list_free(&bench.words);
	return r < 0;
}
