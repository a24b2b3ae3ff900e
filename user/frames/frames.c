// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* frames - names for the frames of stacks, from the trace first, then from files that are here */
#include "user/frames/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"
#include "user/model/read.h"

#define NAMES_BYTES (32ULL << 20) /* of what the trace tells */
#define TOLD_MAX    (256 * 1024)  /* with their numbers 16 MiB */
#define KNOWN_MAX   32768         /* frames that are found again without looking; 6 MiB */

void frames_begin(struct frames *frames, const struct frames_options *options)
{
	frames->names.bytes_max = NAMES_BYTES;
	frames->runs.timeline = options->timeline;
	runs_begin(&frames->runs, options->host, options->start, options->lines);
}

void frames_free(struct frames *frames)
{
	runs_free(&frames->runs);
	intern_free(&frames->names);
	map_free(&frames->told_numbers);
	map_free(&frames->known_numbers);
	free(frames->told);
	free(frames->known);
	*frames = (struct frames){ 0 };
}

static u64 key_of(u32 run, u64 address, bool call)
{
	u64 words[] = { address, (u64)run << 1 | call };

	return hash_bytes(words, sizeof(words));
}

/* What the trace says of @address in @run, or NULL */
static struct frames_told *find_told(const struct frames *frames, u32 run, u64 address)
{
	u64 *slot;

	for (u64 key = key_of(run, address, false); (slot = map_get(&frames->told_numbers, key));
	     key++) {
		struct frames_told *told = &frames->told[*slot - 1];

		if (told->run == run && told->address == address)
			return told;
	}
	return NULL;
}

static int add_told(struct frames *frames, const struct frames_told *told)
{
	u64 key = key_of(told->run, told->address, false), *slot;

	while (map_get(&frames->told_numbers, key))
		key++;
	if (!grow(&frames->told, frames->told_count, &frames->told_room, sizeof(*told)))
		return -ENOMEM;
	slot = map_put(&frames->told_numbers, key);
	if (!slot)
		return -ENOMEM;
	frames->told[frames->told_count++] = *told;
	*slot = frames->told_count;
	return 0;
}

/* The latest name of an address counts: a JIT compiler puts another function there. */
static int on_symbol(struct frames *frames, const struct trace_symbol *symbol)
{
	struct frames_told told = {
		.address = symbol->address,
		.offset = symbol->offset,
		.run = symbol->tgid ? runs_get(&frames->runs, symbol->tgid, symbol->image)
				    : RUN_KERNEL,
	};
	struct frames_told *known;

	if (!told.run)
		return -ENOMEM;
	if (!symbol->name || !*symbol->name)
		return 0;
	known = find_told(frames, told.run, told.address);
	told.name = intern_text(&frames->names, symbol->name);
	if (!told.name || (!known && frames->told_count == TOLD_MAX)) {
		frames->unnamed++;
		return 0;
	}
	if (!known)
		return add_told(frames, &told);
	*known = told;
	return 0;
}

int frames_event(void *ctx, const struct trace_event *event)
{
	struct frames *frames = ctx;

	if (event->kind == EVENT_SYMBOL)
		return on_symbol(frames, event->symbol);
	return runs_event(&frames->runs, event);
}

struct sink frames_sink(struct frames *frames)
{
	return (struct sink){ .ctx = frames, .program = frames_event };
}

static int read_stretch(struct frames *frames, const char *path, u64 from_ns, u64 to_ns,
			struct err *err)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	const struct trace_event *event;
	int r;

	if (!strcmp(path, "-"))
		return 0;
	r = trace_reader_open(&reader, path, err);
	if (r >= 0 && from_ns)
		r = trace_reader_seek(reader, from_ns, err);
	if (r < 0)
		return r;
	while ((r = trace_reader_next(reader, &event, err)) > 0 && event->time_ns < to_ns) {
		r = event->time_ns >= from_ns ? frames_event(frames, event) : 0;
		if (r < 0)
			return fail(err, r, "cannot keep what was mapped: %s", strerror(-r));
	}
	return min(r, 0);
}

int frames_read_before(struct frames *frames, const char *path, u64 from_ns, struct err *err)
{
	return read_stretch(frames, path, 0, from_ns, err);
}

int frames_read_behind(struct frames *frames, const char *path, u64 to_ns, struct err *err)
{
	return read_stretch(frames, path, to_ns, UINT64_MAX, err);
}

/* @address: of the instruction; @told: what the trace says, or NULL */
static void look_up(struct frames *frames, struct symbols_frame *frame, u32 run, u64 address,
		    const struct frames_told *told)
{
	bool placed = told && !frames->runs.options.lines;

	if (run != RUN_KERNEL)
		runs_code(&frames->runs, frame, run, address, placed);
	else if (!told)
		runs_kernel(&frames->runs, frame, address);
	else
		*frame = (struct symbols_frame){ .module = "[kernel]",
						 .path = "",
						 .offset = address };
	if (!told)
		return;
	frame->name = told->name;
	frame->name_offset = told->offset;
}

static void remember(struct frames *frames, u64 key, const struct frames_known *known)
{
	u64 *slot;

	if (frames->known_count == KNOWN_MAX) {
		map_clear(&frames->known_numbers);
		frames->known_count = 0;
	}
	if (!grow(&frames->known, frames->known_count, &frames->known_room, sizeof(*known)))
		return;
	slot = map_put(&frames->known_numbers, key);
	if (!slot)
		return;
	frames->known[frames->known_count++] = *known;
	*slot = frames->known_count;
}

bool frames_frame(struct frames *frames, struct symbols_frame *frame, const struct stack *stack,
		  u32 i)
{
	const struct process *process = stack->process;
	struct frames_known known = {
		.address = stack->frames[i],
		.run = process ? runs_find(&frames->runs, process->pid, stack->image, process->id)
			       : RUN_KERNEL,
		.call = i && stack->frames[i],
	};
	u64 key = key_of(known.run, known.address, known.call);
	const u64 *slot = map_get(&frames->known_numbers, key);
	const struct frames_known *found = slot ? &frames->known[*slot - 1] : NULL;

	if (found && found->address == known.address && found->run == known.run &&
	    found->call == known.call) {
		*frame = found->frame;
		return frame->name;
	}
	look_up(frames, &known.frame, known.run, known.address - known.call,
		known.run ? find_told(frames, known.run, known.address) : NULL);
	remember(frames, key, &known);
	*frame = known.frame;
	return frame->name;
}

char *frames_name(char to[SYMBOLS_TEXT_MAX], struct frames *frames, const struct stack *stack,
		  u32 i)
{
	struct symbols_frame frame;

	frames_frame(frames, &frame, stack, i);
	return symbols_line_text(to, &frame);
}
