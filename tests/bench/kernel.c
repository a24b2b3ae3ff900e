// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * kernel - what the kernel side takes per event, and what it takes from those it does not record
 *
 *	build/bench/kernel [--rounds N] [--json]		as root
 *
 * Two equal worker processes on one CPU, one of them the target, run the same loops: with nothing
 * attached, with an empty program at each of our tracepoints, and with ours. The four ways take
 * turns; what is printed is the median of the rounds' differences, with the quartiles. Time is
 * the worker's CPU time, so what else runs on the machine is left out as far as that goes.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/bench/helpers_spread.h"
#include "tests/bench/helpers_worker.h"
#include "user/base/util.h"

#include "bpf/shared.h"
#include "bpf/tracer.skel.h"
#include "user/base/clock.h"
#include "user/record/probes.h"
#include "user/record/ring.h"

#define ROUNDS      15
#define ROUNDS_MAX  101
#define QUIET_TRIES 5
#define QUIET_WAITS 200 /* of 20 ms */

static int passed[2][2]; /* pipes: to the partner, and back */
static u32 word;
static long times;

/* The loops, in two threads that share a CPU; the second one only where there is a partner */

static void getppid_loop(bool second)
{
	for (long i = 0; i < times; i++)
		syscall(SYS_getppid);
}

static void wake_loop(bool second)
{
	for (long i = 0; i < times; i++)
		syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

static void yield_loop(bool second)
{
	for (long i = 0; i < times; i++)
		syscall(SYS_sched_yield);
}

static void pipe_loop(bool second)
{
	int in = passed[!second][0], out = passed[second][1];
	char byte = 'x';

	for (long i = 0; i < times; i++) {
		if (!second && write(out, &byte, 1) != 1)
			exit(1);
		if (read(in, &byte, 1) != 1)
			exit(1);
		if (second && write(out, &byte, 1) != 1)
			exit(1);
	}
}

static void futex_loop(bool second)
{
	for (long i = 0; i < times; i++) {
		u32 value;

		while (((value = __atomic_load_n(&word, __ATOMIC_ACQUIRE)) & 1) != second)
			syscall(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, NULL,
				NULL, 0);
		__atomic_add_fetch(&word, 1, __ATOMIC_RELEASE);
		syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
	}
}

/* How often: a ring of the default size is less than half full afterwards. */
static const struct loop {
	const char *name;
	void (*run)(bool second);
	long times;
	bool partner;
} loops[] = {
	{ "getppid", getppid_loop, 120000, false },
	{ "futex wake of nobody", wake_loop, 100000, false },
	{ "yield alone", yield_loop, 120000, false },
	{ "yield to a partner", yield_loop, 30000, true },
	{ "pipe ping-pong", pipe_loop, 18000, true },
	{ "futex ping-pong", futex_loop, 14000, true },
};

#define LOOPS ARRAY_SIZE(loops)

static void *second_thread(void *loop)
{
	((const struct loop *)loop)->run(true);
	return NULL;
}

static void run_loop(u32 number)
{
	const struct loop *loop = &loops[number];
	pthread_t second;

	times = loop->times;
	word = 0;
	if (loop->partner && pthread_create(&second, NULL, second_thread, (void *)loop))
		exit(1);
	loop->run(false);
	if (loop->partner)
		pthread_join(second, NULL);
}

static void make_pipes(void)
{
	if (pipe(passed[0]) || pipe(passed[1]))
		exit(1);
}

static const struct work work = { .begin = make_pipes, .run = run_loop };

/* Which programs are attached, and whether the worker is in the target */
enum way { WAY_NOTHING, WAY_EMPTY, WAY_EMPTY_OTHER, WAY_TARGET, WAY_OTHER, WAYS };

struct counted {
	u64 events;
	u64 steps; /* switches and system calls */
	u64 bytes;
	u64 lost;
};

struct bench {
	struct probes *probes;
	struct worker workers[2]; /* the target, the other */
	int empty_programs[PROBES_MAX];
	int empty_links[PROBES_MAX];
	size_t empty_count;
	long rounds;
	u64 ns[WAYS][LOOPS][ROUNDS_MAX];
	struct counted counted[LOOPS][ROUNDS_MAX];
	u64 foreign_events; /* recorded while the other one ran */
	u64 disturbed;      /* times that another recording did not leave us alone */
};

/* "sched_switch" of "tp_btf/sched_switch"; NULL for what is no tracepoint */
static const char *tracepoint_of(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);

	if (!bpf_program__autoload(program) || strncmp(section, "tp_btf/", 7))
		return NULL;
	return section + 7;
}

static int load_empties(struct bench *bench, struct err *err)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *program;
	int r = 0;

	bpf_object__for_each_program(program, bench->probes->bpf->obj)
	{
		const char *tracepoint = tracepoint_of(program);
		char type[80];

		if (!tracepoint)
			continue;
		snprintf(type, sizeof(type), "btf_trace_%s", tracepoint);
		r = btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF);
		if (r < 0)
			break;
		opts.attach_btf_id = (u32)r;
		r = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "Dual BSD/GPL", insns,
				  ARRAY_SIZE(insns), &opts);
		if (r < 0)
			break;
		bench->empty_programs[bench->empty_count++] = r;
	}
	btf__free(btf);
	return r < 0 ? fail(err, r, "cannot load an empty program: %s", strerror(-r)) : 0;
}

static int attach_empties(struct bench *bench, struct err *err)
{
	for (size_t i = 0; i < bench->empty_count; i++) {
		bench->empty_links[i] = bpf_raw_tracepoint_open(NULL, bench->empty_programs[i]);
		if (bench->empty_links[i] < 0)
			return fail(err, -errno, "cannot attach: %s", strerror(errno));
	}
	return 0;
}

static void detach_empties(struct bench *bench)
{
	for (size_t i = 0; i < bench->empty_count; i++)
		close(bench->empty_links[i]);
}

static int attach_ours(struct probes *probes, struct err *err)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, probes->bpf->obj)
	{
		if (!tracepoint_of(program))
			continue;
		probes->links[probes->link_count] = bpf_program__attach(program);
		if (!probes->links[probes->link_count])
			return fail(err, -errno, "cannot attach: %s", strerror(errno));
		probes->link_count++;
	}
	/* What the CPUs ran meanwhile was not seen. */
	__atomic_add_fetch(&probes->control->generation, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void detach_ours(struct probes *probes)
{
	while (probes->link_count)
		bpf_link__destroy(probes->links[--probes->link_count]);
}

static int count_event(void *ctx, const struct trace_event *event)
{
	struct counted *counted = ctx;

	counted->events++;
	counted->steps += event->kind == EVENT_SWITCH || event->kind == EVENT_SYSCALL ||
			  event->kind == EVENT_FUTEX;
	return 0;
}

/* Empties the rings. */
static struct counted count(struct probes *probes)
{
	struct counted counted = { 0 };

	for (unsigned int cpu = 0; cpu < probes->cpus; cpu++) {
		struct ring *ring = &probes->rings[cpu];
		u64 tail = ring->tail;
		bool stalled = false;

		ring_drain(ring, (u16)cpu, probes->ring_bytes, clock_mono_ns(), count_event,
			   &counted, &stalled);
		counted.bytes += ring->tail - tail;
		for (size_t i = 0; i < CLASS_COUNT; i++)
			counted.lost +=
				__atomic_exchange_n(&ring->state->lost[i], 0, __ATOMIC_RELAXED);
	}
	return counted;
}

/* Another recording on this machine adds its programs to ours. */
static bool disturbed(const struct bench *bench)
{
	const char *name = bpf_program__name(bench->probes->bpf->progs.on_sched_switch);
	unsigned int found = 0;
	u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = { 0 };
		u32 size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &size))
			found += !strncmp(info.name, name, sizeof(info.name) - 1);
		close(fd);
	}
	return found > 1;
}

/* Runs a loop while nobody else records, as well as that can be had. */
static int run_quietly(struct bench *bench, const struct worker *worker, enum way way, u32 loop,
		       long round, struct err *err)
{
	int r = 0;

	for (int tries = 0; tries < QUIET_TRIES && r >= 0; tries++) {
		for (int i = 0; i < QUIET_WAITS && disturbed(bench); i++)
			usleep(20000);
		if (way >= WAY_TARGET)
			count(bench->probes);
		r = worker_run(&bench->ns[way][loop][round], worker, loop, err);
		usleep(2000); /* its way back to where it waits for us */
		if (way == WAY_TARGET)
			bench->counted[loop][round] = count(bench->probes);
		if (!disturbed(bench))
			return r;
	}
	bench->disturbed++;
	return r;
}

static int run_way(struct bench *bench, enum way way, long round, struct err *err)
{
	/* Two processes are never quite as fast: each is compared with itself. */
	const struct worker *worker = &bench->workers[way == WAY_EMPTY_OTHER || way == WAY_OTHER];
	int r = 0;

	for (u32 i = 0; i < LOOPS && !r; i++) {
		r = run_quietly(bench, worker, way, i, round, err);
		if (way == WAY_OTHER)
			bench->foreign_events += count(bench->probes).events;
	}
	return r;
}

static int run_round(struct bench *bench, long round, struct err *err)
{
	int r;

	detach_ours(bench->probes);
	r = run_way(bench, WAY_NOTHING, round, err);
	r = r ?: attach_empties(bench, err);
	r = r ?: run_way(bench, WAY_EMPTY, round, err);
	r = r ?: run_way(bench, WAY_EMPTY_OTHER, round, err);
	detach_empties(bench);
	r = r ?: attach_ours(bench->probes, err);
	r = r ?: run_way(bench, WAY_TARGET, round, err);
	return r ?: run_way(bench, WAY_OTHER, round, err);
}

struct result {
	struct spread bare;  /* one time through the loop with nothing attached */
	struct spread empty; /* ... what empty programs add */
	struct spread event; /* per recorded event, over empty programs */
	struct spread other; /* per switch or system call that is not recorded, as above */
	double events;       /* recorded per time through the loop */
	double bytes;        /* of ring, per event */
	u64 lost;
};

static struct result evaluate(const struct bench *bench, u32 loop)
{
	double bare[ROUNDS_MAX], empty[ROUNDS_MAX], event[ROUNDS_MAX], other[ROUNDS_MAX];
	struct counted sum = { 0 };
	struct result result = { 0 };
	size_t n = (size_t)bench->rounds;

	for (size_t i = 0; i < n; i++) {
		const struct counted *counted = &bench->counted[loop][i];
		double base = (double)bench->ns[WAY_EMPTY][loop][i];

		bare[i] = (double)bench->ns[WAY_NOTHING][loop][i];
		empty[i] = (base - bare[i]) / (double)loops[loop].times;
		bare[i] /= (double)loops[loop].times;
		event[i] = ((double)bench->ns[WAY_TARGET][loop][i] - base) /
			   (double)max(counted->events, (u64)1);
		other[i] = ((double)bench->ns[WAY_OTHER][loop][i] -
			    (double)bench->ns[WAY_EMPTY_OTHER][loop][i]) /
			   (double)max(counted->steps, (u64)1);
		sum.events += counted->events;
		sum.bytes += counted->bytes;
		result.lost += counted->lost;
	}
	result.bare = spread_of(bare, n);
	result.empty = spread_of(empty, n);
	result.event = spread_of(event, n);
	result.other = spread_of(other, n);
	result.events = (double)sum.events / (double)loops[loop].times / (double)n;
	result.bytes = (double)sum.bytes / (double)max(sum.events, (u64)1);
	return result;
}

static u32 verified_instructions(const struct bpf_program *program)
{
	struct bpf_prog_info info = { 0 };
	u32 size = sizeof(info);

	bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size);
	return info.verified_insns;
}

static void print_table(const struct bench *bench, const struct result *results)
{
	struct bpf_program *program;

	printf("%-22s %9s %8s %8s %22s %22s %6s\n", "ns", "untraced", "empty", "events",
	       "per event (quartiles)", "not target (quartiles)", "lost");
	for (u32 i = 0; i < LOOPS; i++) {
		const struct result *r = &results[i];

		printf("%-22s %9.1f %+8.1f %8.2f %8.1f (%5.1f %5.1f) %8.1f (%5.1f %5.1f) %6llu\n",
		       loops[i].name, r->bare.median, r->empty.median, r->events, r->event.median,
		       r->event.low, r->event.high, r->other.median, r->other.low, r->other.high,
		       (unsigned long long)r->lost);
	}
	if (bench->disturbed)
		printf("%llu times another recording was in the way\n",
		       (unsigned long long)bench->disturbed);
	printf("\n%-22s %s\n", "program", "verifier instructions");
	bpf_object__for_each_program(program,
				     bench->probes->bpf->obj) if (bpf_program__autoload(program))
		printf("%-22s %9u\n", bpf_program__name(program), verified_instructions(program));
}

static void print_spread(const char *name, const struct spread *spread)
{
	printf(",\"%s\":{\"low\":%.2f,\"median\":%.2f,\"high\":%.2f}", name, spread->low,
	       spread->median, spread->high);
}

static void print_json(const struct bench *bench, const struct result *results)
{
	struct bpf_program *program;
	const char *comma = "";

	printf("{\"bench\":\"kernel\",\"rounds\":%ld,\"foreign_events\":%llu,"
	       "\"disturbed\":%llu,\"loops\":[",
	       bench->rounds, (unsigned long long)bench->foreign_events,
	       (unsigned long long)bench->disturbed);
	for (u32 i = 0; i < LOOPS; i++) {
		const struct result *r = &results[i];

		printf("%s{\"loop\":\"%s\",\"events\":%.3f,\"ring_bytes_per_event\":%.2f,"
		       "\"lost\":%llu",
		       i ? "," : "", loops[i].name, r->events, r->bytes,
		       (unsigned long long)r->lost);
		print_spread("untraced_ns", &r->bare);
		print_spread("empty_programs_ns", &r->empty);
		print_spread("per_event_ns", &r->event);
		print_spread("not_target_ns", &r->other);
		printf("}");
	}
	printf("],\"programs\":[");
	bpf_object__for_each_program(program, bench->probes->bpf->obj)
	{
		if (!bpf_program__autoload(program))
			continue;
		printf("%s{\"program\":\"%s\",\"verifier_instructions\":%u}", comma,
		       bpf_program__name(program), verified_instructions(program));
		comma = ",";
	}
	printf("]}\n");
}

static int no_more(void *ctx, struct err *err)
{
	return 0;
}

static int measure(struct bench *bench, struct err *err)
{
	struct probes_options options = {
		.children = true,
		.pid_count = 1,
		.class_mask = (1 << CLASS_COUNT) - 1 - (1 << CLASS_STACK) - (1 << CLASS_SAMPLE),
	};
	int r = worker_start(&bench->workers[0], &work, err);

	r = r ?: worker_start(&bench->workers[1], &work, err);
	if (r < 0)
		return r;
	options.pids = &bench->workers[0].pid;
	r = probes_open(&bench->probes, &options, err);
	if (r < 0)
		return r;
	r = load_empties(bench, err);
	if (r < 0)
		return r;
	probes_start(bench->probes);
	r = probes_find_threads(bench->probes, no_more, NULL, err);
	/* One more than is counted: the first one warms up. */
	for (long i = -1; i < bench->rounds && r >= 0; i++)
		r = run_round(bench, max(i, 0L), err);
	return r;
}

int main(int argc, char **argv)
{
	static struct bench bench = { .rounds = ROUNDS };
	struct result results[LOOPS];
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
	if (r < 0) {
		fprintf(stderr, "kernel: %s\n%s\n", err.text, err.hint);
		return 1;
	}
	for (u32 i = 0; i < LOOPS; i++)
		results[i] = evaluate(&bench, i);
	(json ? print_json : print_table)(&bench, results);
	probes_close(bench.probes);
	return 0;
}
