// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* perfetto_cpus - who ran on each CPU and who woke whom, as the events of Perfetto's scheduler */
#include "user/export/perfetto_cpus.h"

#include <stdlib.h>

#include "user/base/protobuf.h"
#include "user/export/perfetto_lanes.h"
#include "user/model/grow.h"

#define WINDOW_LEAST 1024
#define WINDOW_ALL   65536
#define WAKES_MAX    8192
#define SPARE_CPUS   4
#define EVENTS_BYTES (32 << 10) /* of a CPU before they are written */

struct cpu {
	u16 number;
	bool started;
	bool lost;
	bool spare;           /* there is no such CPU */
	struct cpu_run *runs; /* not yet written; by their begin */
	u32 run_count;
	u32 run_room;
	struct cpu_wake *wakes;
	u32 wake_count;
	u32 wake_room;
	struct cpu_run now; /* the last one that was written; tid 0: nobody, since end_ns */
	u64 told_ns;        /* of the last switch that was written */
	struct buffer events;
	size_t event_begin;
};

static const struct cpu_run nobody = { .priority = 120 };

int cpus_begin(struct cpus *cpus, struct packets *packets, const struct timeline *timeline,
	       u64 begin_ns, u32 cpu_count)
{
	u32 share = WINDOW_ALL / (cpu_count ?: 1);

	*cpus = (struct cpus){
		.packets = packets,
		.timeline = timeline,
		.begin_ns = begin_ns,
		.cpu_count = cpu_count,
		.window = max((u32)WINDOW_LEAST, share),
	};
	cpus->lanes = calloc(2, sizeof(*cpus->lanes));
	return cpus->lanes ? 0 : -ENOMEM;
}

static struct cpu *cpu_of(struct cpus *cpus, u16 number)
{
	u32 room = max(cpus->room, 16u);
	struct cpu **list;

	if (number >= cpus->room) {
		while (room <= number)
			room *= 2;
		list = realloc(cpus->list, room * sizeof(*list));
		if (!list)
			goto no_memory;
		for (u32 i = cpus->room; i < room; i++)
			list[i] = NULL;
		cpus->list = list;
		cpus->room = room;
	}
	if (cpus->list[number])
		return cpus->list[number];
	cpus->list[number] = calloc(1, sizeof(struct cpu));
	if (cpus->list[number]) {
		cpus->list[number]->number = number;
		return cpus->list[number];
	}
no_memory:
	cpus->failed = -ENOMEM;
	return NULL;
}

/*
 * The first switch of a CPU in the short form makes no slice, and wakings before it have no waker. So
 * each CPU begins with a long one; and who runs then has been woken, or else readers
 * do not follow what it wakes.
 */
static void start(struct cpus *cpus, struct cpu *cpu, const struct cpu_run *run)
{
	struct lanes *lanes = &cpus->lanes[0];
	const struct cpu_wake wake = {
		.time_ns = cpus->begin_ns,
		.tid = run->tid,
		.name = run->name,
		.priority = run->priority,
		.target = cpu->number,
	};

	cpu->started = true;
	if (run->tid)
		lanes_long_waking(lanes, cpus, &wake);
	lanes_long_switch(lanes, cpus, cpus->begin_ns, run);
	lanes_put(lanes, cpus, cpu->number, false);
	cpu->now = *run;
	cpu->now.begin_ns = cpus->begin_ns;
	cpu->now.end_ns = max(run->end_ns, cpus->begin_ns);
	cpu->told_ns = cpus->begin_ns;
}

/* The CPU becomes idle, when it is not. */
static void leave(struct cpus *cpus, struct cpu *cpu)
{
	if (!cpu->now.tid)
		return;
	lanes_switch(&cpus->lanes[0], cpus, cpu->now.end_ns, cpu->now.state, &nobody);
	cpu->told_ns = cpu->now.end_ns;
	cpu->now = (struct cpu_run){ .begin_ns = cpu->told_ns, .end_ns = cpu->told_ns };
}

static void put_run(struct cpus *cpus, struct cpu *cpu, struct cpu_run *run)
{
	if (!cpu->started) {
		start(cpus, cpu,
		      run->flags & RUN_FOUND && run->begin_ns <= cpus->begin_ns ? run : &nobody);
		if (cpu->now.tid)
			return;
	}
	if (run->flags & RUN_MOMENT && run->begin_ns < cpu->now.end_ns)
		return;
	if (run->begin_ns < cpu->now.end_ns) {
		cpus->clipped++;
		run->begin_ns = cpu->now.end_ns;
		run->end_ns = max(run->end_ns, run->begin_ns);
	}
	if (run->begin_ns > cpu->now.end_ns)
		leave(cpus, cpu);
	lanes_switch(&cpus->lanes[0], cpus, run->begin_ns,
		     cpu->now.tid ? cpu->now.state : RAW_RUNNABLE, run);
	cpu->told_ns = run->begin_ns;
	cpu->now = *run;
}

/*
 * A thread outside the export woke one of ours: for that moment, it is on its CPU. What it does
 * before and after is not known.
 */
static void put_moment(struct cpus *cpus, struct cpu *cpu, const struct cpu_wake *wake)
{
	const struct cpu_run waker = {
		.tid = wake->waker,
		.name = wake->waker_name,
		.priority = wake->waker_priority,
	};

	leave(cpus, cpu);
	lanes_switch(&cpus->lanes[0], cpus, wake->time_ns, RAW_RUNNABLE, &waker);
	lanes_waking(&cpus->lanes[0], cpus, wake);
	/* In a bundle behind that: at one time, the order in the file counts. */
	lanes_switch(&cpus->lanes[1], cpus, wake->time_ns, RAW_PARKED, &nobody);
	cpu->told_ns = wake->time_ns;
	cpu->now = (struct cpu_run){ .begin_ns = wake->time_ns, .end_ns = wake->time_ns };
}

static bool is_foreign(const struct cpus *cpus, const struct cpu_wake *wake)
{
	return wake->how == WAKE_FOREIGN ||
	       (wake->how == WAKE_UNKNOWN && !map_get(&cpus->ours, wake->waker));
}

/* All that the CPU did until then was written. Return: false when the time has not come. */
static bool put_wake(struct cpus *cpus, struct cpu *cpu, const struct cpu_wake *wake, bool last)
{
	bool runs, late;
	u32 actor;

	if (wake->how == WAKE_BEHIND) {
		if (wake->time_ns > cpu->told_ns && !last)
			return false;
		lanes_long_waking(&cpus->lanes[1], cpus, wake);
		return true;
	}
	if (!cpu->started)
		start(cpus, cpu, &nobody);
	late = wake->time_ns < cpu->now.begin_ns;
	runs = cpu->now.tid && (wake->time_ns < cpu->now.end_ns || cpu->now.flags & RUN_OPEN);
	actor = late ? wake->waker : runs ? cpu->now.tid : 0;
	if (late && wake->how != WAKE_NORMAL)
		lanes_long_waking(&cpus->lanes[1], cpus, wake);
	else if (actor == wake->waker || (wake->context && (actor || !wake->waker)))
		lanes_waking(&cpus->lanes[0], cpus, wake);
	else if (!actor && is_foreign(cpus, wake))
		put_moment(cpus, cpu, wake);
	else
		lanes_long_waking(&cpus->lanes[1], cpus, wake);
	return true;
}

static int compare_wakes(const void *left, const void *right)
{
	const struct cpu_wake *a = left, *b = right;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Writes what happened on the CPU, but for its last @keep stretches. @all: also wakings behind. */
static void flush(struct cpus *cpus, struct cpu *cpu, u32 keep, bool all, bool last)
{
	u32 count = cpu->run_count - min(keep, cpu->run_count), wake = 0, kept = 0;
	u64 limit = count < cpu->run_count && !all ? cpu->runs[count].begin_ns : UINT64_MAX;

	if (cpu->wake_count)
		qsort(cpu->wakes, cpu->wake_count, sizeof(*cpu->wakes), compare_wakes);
	for (u32 i = 0; i <= count; i++) {
		u64 until = i < count ? cpu->runs[i].begin_ns : limit;

		for (; wake < cpu->wake_count && (cpu->wakes[wake].time_ns < until || all);
		     wake++) {
			if (i < count && cpu->wakes[wake].time_ns >= until)
				break;
			if (!put_wake(cpus, cpu, &cpu->wakes[wake], last))
				cpu->wakes[kept++] = cpu->wakes[wake];
		}
		if (i < count)
			put_run(cpus, cpu, &cpu->runs[i]);
	}
	while (wake < cpu->wake_count)
		cpu->wakes[kept++] = cpu->wakes[wake++];
	cpu->wake_count = kept;
	memmove(cpu->runs, cpu->runs + count, (cpu->run_count - count) * sizeof(*cpu->runs));
	cpu->run_count -= count;
	if (last && !(cpu->now.flags & RUN_OPEN))
		leave(cpus, cpu);
	lanes_put(&cpus->lanes[0], cpus, cpu->number, cpu->lost);
	lanes_put(&cpus->lanes[1], cpus, cpu->number, false);
	cpu->lost = false;
}

/* Pieces of one stretch come one after the other: a task that begins cuts it. */
static bool joins(const struct cpu_run *run, const struct cpu_run *more)
{
	return run->tid == more->tid && run->end_ns == more->begin_ns && run->state == RAW_PARKED &&
	       !((run->flags | more->flags) & (RUN_OPEN | RUN_MOMENT));
}

/* Where in the list of the CPU a stretch belongs */
static u32 place_of(const struct cpu *cpu, const struct cpu_run *run)
{
	u32 at = cpu->run_count;

	while (at && cpu->runs[at - 1].begin_ns > run->begin_ns)
		at--;
	return at;
}

static bool overlaps(const struct cpu *cpu, const struct cpu_run *run)
{
	u32 at = place_of(cpu, run);
	u64 before_ns = at ? cpu->runs[at - 1].end_ns : cpu->started ? cpu->now.end_ns : 0;

	return before_ns > run->begin_ns ||
	       (at < cpu->run_count && cpu->runs[at].begin_ns < run->end_ns &&
		!(cpu->runs[at].flags & RUN_MOMENT));
}

/*
 * Where events contradict each other, two threads may have run on one CPU at once. Readers cannot
 * have that: so that the times of both are right, one is told on a CPU behind those that there are.
 */
static struct cpu *beside(struct cpus *cpus, struct cpu *cpu, const struct cpu_run *run)
{
	struct cpu *spare = NULL;

	if (run->flags & RUN_MOMENT || !overlaps(cpu, run))
		return cpu;
	cpus->overlapping++;
	if (!cpus->spare)
		cpus->spare = (u16)cpus->cpu_count;
	for (u32 i = cpus->spare; i < cpus->room; i++)
		if (cpus->list[i] && !cpus->list[i]->spare)
			cpus->spare = (u16)(i + 1);
	for (u16 i = 0; i < SPARE_CPUS && (!spare || overlaps(spare, run)); i++) {
		spare = cpu_of(cpus, cpus->spare + i);
		if (!spare)
			return cpu;
		spare->spare = true;
	}
	return spare;
}

static void insert_run(struct cpus *cpus, struct cpu *cpu, const struct cpu_run *run)
{
	u32 at;

	if (cpu->run_count == cpus->window)
		flush(cpus, cpu, cpus->window / 4, false, false);
	if (!grow(&cpu->runs, cpu->run_count, &cpu->run_room, sizeof(*cpu->runs))) {
		cpus->failed = -ENOMEM;
		return;
	}
	at = place_of(cpu, run);
	if (at && joins(&cpu->runs[at - 1], run)) {
		cpu->runs[at - 1].end_ns = run->end_ns;
		cpu->runs[at - 1].state = run->state;
		return;
	}
	memmove(cpu->runs + at + 1, cpu->runs + at, (cpu->run_count - at) * sizeof(*cpu->runs));
	cpu->runs[at] = *run;
	cpu->run_count++;
}

void cpus_run(struct cpus *cpus, u16 number, const struct cpu_run *run)
{
	struct cpu *cpu;

	if (number == CPU_UNKNOWN) {
		if (!grow(&cpus->homeless, cpus->homeless_count, &cpus->homeless_room,
			  sizeof(*cpus->homeless)))
			cpus->failed = -ENOMEM;
		else
			cpus->homeless[cpus->homeless_count++] = *run;
		return;
	}
	cpu = cpu_of(cpus, number);
	if (cpu)
		cpu = beside(cpus, cpu, run);
	if (cpu)
		insert_run(cpus, cpu, run);
}

void cpus_wake(struct cpus *cpus, u16 number, const struct cpu_wake *wake)
{
	struct cpu *cpu = cpu_of(cpus, number);

	if (!cpu)
		return;
	if (cpu->wake_count == WAKES_MAX) {
		/* Those of long ago alone make no room: nothing more is waited for. */
		flush(cpus, cpu, min(cpu->run_count, cpus->window / 4), false, false);
		if (cpu->wake_count > WAKES_MAX / 2)
			flush(cpus, cpu, 0, true, false);
	}
	if (!grow(&cpu->wakes, cpu->wake_count, &cpu->wake_room, sizeof(*cpu->wakes))) {
		cpus->failed = -ENOMEM;
		return;
	}
	cpu->wakes[cpu->wake_count] = *wake;
	cpu->wakes[cpu->wake_count++].order = cpus->order++;
}

/* At one time, the order in the file counts: the switch is not yet written. */
void cpus_wake_before(struct cpus *cpus, u16 number, const struct cpu_wake *wake)
{
	struct cpu *cpu = number == CPU_UNKNOWN ? NULL : cpu_of(cpus, number);

	if (!cpu)
		return;
	lanes_long_waking(&cpus->lanes[0], cpus, wake);
	lanes_put(&cpus->lanes[0], cpus, number, false);
}

static void put_events(struct cpus *cpus, struct cpu *cpu)
{
	struct lanes *lanes = &cpus->lanes[0];

	if (cpu->events.failed)
		cpus->failed = -ENOMEM;
	buffer_append(&lanes->events, cpu->events.data, cpu->events.size);
	buffer_reset(&cpu->events);
	lanes_put(lanes, cpus, cpu->number, false);
}

struct buffer *cpus_event(struct cpus *cpus, u16 number, u64 time_ns, u32 tid)
{
	struct cpu *cpu = cpu_of(cpus, number == CPU_UNKNOWN ? 0 : number);
	struct lanes lanes;

	if (!cpu)
		return NULL;
	lanes = (struct lanes){ .events = cpu->events };
	cpu->event_begin = lanes_event(&lanes, cpus, time_ns, tid);
	cpu->events = lanes.events;
	return &cpu->events;
}

void cpus_event_end(struct cpus *cpus, u16 number)
{
	struct cpu *cpu = cpu_of(cpus, number == CPU_UNKNOWN ? 0 : number);

	if (!cpu)
		return;
	proto_end(&cpu->events, cpu->event_begin);
	if (cpu->events.size >= EVENTS_BYTES)
		put_events(cpus, cpu);
}

void cpus_lost(struct cpus *cpus, u16 number)
{
	struct cpu *cpu = cpu_of(cpus, number);

	if (cpu)
		cpu->lost = true;
}

/* Where nobody else was seen, a thread may have run unseen all the time. */
static void house(struct cpus *cpus)
{
	u16 number = 0;

	for (u32 i = 0; i < cpus->homeless_count; i++, number++) {
		while (number < cpus->room && cpus->list[number] &&
		       (cpus->list[number]->run_count || cpus->list[number]->started))
			number++;
		cpus_run(cpus, number, &cpus->homeless[i]);
	}
}

int cpus_finish(struct cpus *cpus)
{
	house(cpus);
	for (u32 i = 0; i < cpus->room; i++) {
		struct cpu *cpu = cpus->list[i];

		if (!cpu)
			continue;
		flush(cpus, cpu, 0, true, true);
		put_events(cpus, cpu);
	}
	return cpus->failed;
}

void cpus_free(struct cpus *cpus)
{
	for (u32 i = 0; i < cpus->room; i++) {
		if (!cpus->list[i])
			continue;
		free(cpus->list[i]->runs);
		free(cpus->list[i]->wakes);
		buffer_free(&cpus->list[i]->events);
		free(cpus->list[i]);
	}
	if (cpus->lanes) {
		lanes_free(&cpus->lanes[0]);
		lanes_free(&cpus->lanes[1]);
	}
	map_free(&cpus->ours);
	map_free(&cpus->foreign);
	free(cpus->lanes);
	free(cpus->list);
	free(cpus->homeless);
	*cpus = (struct cpus){ 0 };
}
