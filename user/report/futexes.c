// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* futexes - the variables that threads waited for, by name */
#include "user/report/futexes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/text.h"

#define BOOT_SLACK_NS (10 * NSEC_PER_SEC) /* a clock that is set moves the boot by as much */

/* Recorded on a machine of our name that booted when ours did. */
static bool is_here(const char *host, const struct clock_stamp *start)
{
	u64 then = start->wall_ns - start->boot_ns;
	u64 now = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	char name[256] = "";

	return !gethostname(name, sizeof(name) - 1) && !strcmp(name, host) &&
	       (then > now ? then - now : now - then) < BOOT_SLACK_NS;
}

void futexes_begin(struct futexes *futexes, const char *host, const struct clock_stamp *start)
{
	futexes->start = *start;
	futexes->here = host && is_here(host, start);
}

/* Return: number of a new run of @pid, or negative errno. */
static int begin_run(struct futexes *futexes, u32 pid, u64 since_ns)
{
	u64 *last = map_put(&futexes->last, pid);
	struct futexes_run *grown;
	u32 room;

	if (futexes->count == futexes->room) {
		room = futexes->room ? futexes->room * 2 : 64;
		grown = realloc(futexes->runs, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		futexes->runs = grown;
		futexes->room = room;
	}
	if (!last)
		return -ENOMEM;
	futexes->runs[futexes->count] = (struct futexes_run){
		.since_ns = since_ns,
		.previous = (u32)*last,
	};
	*last = ++futexes->count;
	return (int)futexes->count - 1;
}

static int add_mapping(struct futexes *futexes, const struct trace_mapping *told, u64 time_ns)
{
	const struct clock_stamp *start = &futexes->start;
	const u64 *last = map_get(&futexes->last, told->tgid);
	/* The first one was there before, from whenever on. */
	int run = last ? (int)*last - 1 : begin_run(futexes, told->tgid, 0);
	struct symbols_options options = { .here = futexes->here };
	struct symbols_mapping mapping = {
		.process = (u64)run,
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
	int r;

	if (run < 0)
		return run;
	if (!futexes->symbols) {
		r = symbols_new(&futexes->symbols, &options, NULL);
		if (r < 0)
			return r;
	}
	memcpy(mapping.build_id, told->build_id, mapping.build_id_bytes);
	return symbols_add_mapping(futexes->symbols, &mapping);
}

int futexes_event(void *ctx, const struct trace_event *event)
{
	struct futexes *futexes = ctx;
	int r = 0;

	if (event->kind == EVENT_MAPPING)
		r = add_mapping(futexes, event->mapping, event->time_ns);
	else if (event->kind == EVENT_EXEC)
		r = begin_run(futexes, event->exec.tid, event->time_ns);
	else if (event->kind == EVENT_FORK && event->fork->tid == event->fork->tgid)
		r = begin_run(futexes, event->fork->tgid, event->time_ns);
	return min(r, 0);
}

struct sink futexes_sink(struct futexes *futexes)
{
	return (struct sink){ .ctx = futexes, .program = futexes_event };
}

void futexes_free(struct futexes *futexes)
{
	symbols_free(futexes->symbols);
	map_free(&futexes->last);
	free(futexes->runs);
	*futexes = (struct futexes){ 0 };
}

static bool is_same(const struct symbols_frame *a, const struct symbols_frame *b)
{
	return a->name == b->name && a->name_offset == b->name_offset && a->module == b->module;
}

bool futexes_name(char name[FUTEX_NAME_MAX], const char **module, const struct futexes *futexes,
		  u32 pid, u64 address, u64 time_ns)
{
	const u64 *last = futexes->symbols ? map_get(&futexes->last, pid) : NULL;
	struct symbols_frame found = { 0 }, other;
	bool then = true;
	size_t used;

	for (u32 run = last ? (u32)*last : 0; run; run = futexes->runs[run - 1].previous) {
		bool named = symbols_data(futexes->symbols, &other, run - 1, address);

		if (then && futexes->runs[run - 1].since_ns <= time_ns) {
			if (!named || (found.name && !is_same(&found, &other)))
				return false;
			then = false;
		}
		if (named && found.name && !is_same(&found, &other))
			return false;
		if (named)
			found = other;
	}
	if (then || !found.name)
		return false;
	*module = found.module;
	used = text_printable(name, FUTEX_NAME_MAX - 20, found.name);
	if (found.name_offset)
		snprintf(name + used, FUTEX_NAME_MAX - used, "+0x%" PRIx64, found.name_offset);
	return true;
}
