// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* runs - which programs processes ran, one after the other, and what each had mapped */
#include "user/frames/runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/model/grow.h"

#define BOOT_SLACK_NS (10 * NSEC_PER_SEC) /* a clock that is set moves the boot by as much */
#define FORKS_BARE    4096                /* ... without, one behind the other */
#define FORKS_DEEP    64                  /* forks of forks with mappings of their own in between */

/* Recorded on a machine of our name that booted when ours did. */
static bool is_here(const char *host, const struct clock_stamp *start)
{
	u64 then = start->wall_ns - start->boot_ns;
	u64 now = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	char name[256] = "";

	return !gethostname(name, sizeof(name) - 1) && !strcmp(name, host) &&
	       (then > now ? then - now : now - then) < BOOT_SLACK_NS;
}

void runs_begin(struct runs *runs, const char *host, const struct clock_stamp *start, bool lines)
{
	runs->start = *start;
	runs->options.here = host && is_here(host, start);
	runs->options.lines = lines;
}

void runs_free(struct runs *runs)
{
	symbols_free(runs->symbols);
	map_free(&runs->last);
	free(runs->list);
	*runs = (struct runs){ 0 };
}

static struct run *last_run(const struct runs *runs, u32 pid)
{
	const u64 *last = map_get(&runs->last, pid);

	return last ? &runs->list[*last - 1] : NULL;
}

/* The id of the process that the model knows by @pid now */
static u32 process_id(const struct runs *runs, u32 pid)
{
	const struct thread_table *threads =
		runs->timeline ? timeline_threads(runs->timeline) : NULL;
	const u64 *live = threads ? map_get(&threads->live_processes, pid) : NULL;

	return live ? ((const struct process *)(uintptr_t)*live)->id : 0;
}

/* A new run of @pid. Return: its number + 1; 0 without memory. */
static u32 begin_run(struct runs *runs, u32 pid, const struct run *run)
{
	u64 *last = map_put(&runs->last, pid);

	if (!last || !grow(&runs->list, runs->count, &runs->room, sizeof(*runs->list)))
		return 0;
	runs->list[runs->count] = *run;
	runs->list[runs->count].previous = (u32)*last;
	*last = ++runs->count;
	return runs->count;
}

u32 runs_find(const struct runs *runs, u32 pid, u32 image, u32 process)
{
	const u64 *last = map_get(&runs->last, pid);

	for (u32 number = last ? (u32)*last : 0; number; number = runs->list[number - 1].previous) {
		const struct run *run = &runs->list[number - 1];

		if (run->image == image && (!process || !run->process || run->process == process))
			return number;
	}
	return 0;
}

u32 runs_get(struct runs *runs, u32 pid, u32 image)
{
	struct run run = { .image = image, .process = process_id(runs, pid) };

	return runs_find(runs, pid, image, 0) ?: begin_run(runs, pid, &run);
}

static int on_fork(struct runs *runs, const struct event_fork *fork, u64 time_ns)
{
	const u64 *parent = map_get(&runs->last, fork->parent_tgid);
	/* What the parent has mapped may be told later: the recorder looks now and then. */
	const struct run run = {
		.since_ns = time_ns,
		.parent = parent ? (u32)*parent : runs_get(runs, fork->parent_tgid, 0),
	};

	return run.parent && begin_run(runs, fork->tgid, &run) ? 0 : -ENOMEM;
}

static int on_exec(struct runs *runs, const struct trace_exec *exec, u64 time_ns)
{
	const struct run *before = last_run(runs, exec->tid);
	const struct run run = {
		.since_ns = time_ns,
		.image = before ? before->image + 1 : 1,
		.process = process_id(runs, exec->tid),
	};

	return begin_run(runs, exec->tid, &run) ? 0 : -ENOMEM;
}

static int need_symbols(struct runs *runs)
{
	return runs->symbols ? 0 : symbols_new(&runs->symbols, &runs->options, NULL);
}

bool runs_kernel(struct runs *runs, struct symbols_frame *frame, u64 address)
{
	*frame = (struct symbols_frame){ .module = "[kernel]", .path = "", .offset = address };
	return !need_symbols(runs) && symbols_kernel(runs->symbols, frame, address);
}

static int on_mapping(struct runs *runs, const struct trace_mapping *told, u64 time_ns)
{
	const struct clock_stamp *start = &runs->start;
	const u64 *last = map_get(&runs->last, told->tgid);
	/* The first one was there before, from whenever on. */
	u32 number = last ? (u32)*last : runs_get(runs, told->tgid, 0);
	struct symbols_mapping mapping = {
		.process = number - 1,
		.pid = told->tgid,
		.address = told->address,
		.bytes = told->bytes,
		.offset = told->offset,
		.inode = told->inode,
		.device = told->device,
		.path = told->path,
		.build_id_bytes = (u8)min(told->build_id_bytes, (u8)BUILD_ID_ROOM),
		.seen_ns = max(start->wall_ns + (time_ns - start->mono_ns), (u64)1),
	};
	struct run *run;

	if (!number || need_symbols(runs) < 0)
		return -ENOMEM;
	run = &runs->list[number - 1];
	run->mapped = true;
	if (!run->process)
		run->process = process_id(runs, told->tgid);
	memcpy(mapping.build_id, told->build_id, mapping.build_id_bytes);
	return symbols_add_mapping(runs->symbols, &mapping);
}

int runs_event(struct runs *runs, const struct trace_event *event)
{
	if (event->kind == EVENT_MAPPING)
		return on_mapping(runs, event->mapping, event->time_ns);
	if (event->kind == EVENT_EXEC)
		return on_exec(runs, &event->exec, event->time_ns);
	if (event->kind == EVENT_FORK && event->fork->tid == event->fork->tgid)
		return on_fork(runs, event->fork, event->time_ns);
	return 0;
}

/* The next one that has something mapped: @number, or who it was forked from */
static u32 mapped_run(const struct runs *runs, u32 number)
{
	for (u32 i = 0; number && !runs->list[number - 1].mapped; i++)
		number = i < FORKS_BARE ? runs->list[number - 1].parent : 0;
	return number;
}

bool runs_code(const struct runs *runs, struct symbols_frame *frame, u32 number, u64 address,
	       bool placed)
{
	u32 run = number;

	*frame = (struct symbols_frame){ .module = "[unknown]", .path = "", .offset = address };
	if (!runs->symbols)
		return false;
	/* The nearest that has it mapped; code that nobody has is perhaps in its perf map. */
	for (u32 i = 0; i < FORKS_DEEP && (number = mapped_run(runs, number)); i++) {
		if (symbols_place(runs->symbols, frame, number - 1, address))
			return !placed && symbols_code(runs->symbols, frame, number - 1, address);
		number = runs->list[number - 1].parent;
	}
	return run && !placed && symbols_code(runs->symbols, frame, run - 1, address);
}

bool runs_data(const struct runs *runs, struct symbols_frame *frame, u32 number, u64 address)
{
	if (!runs->symbols)
		return false;
	for (u32 i = 0; i < FORKS_DEEP && (number = mapped_run(runs, number)); i++) {
		if (symbols_data(runs->symbols, frame, number - 1, address))
			return true;
		number = runs->list[number - 1].parent;
	}
	return false;
}
