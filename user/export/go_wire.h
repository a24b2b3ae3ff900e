/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* go_wire - Go execution trace v2 as bytes: streams of events, tables, generations */
#ifndef TRACER_EXPORT_GO_WIRE_H
#define TRACER_EXPORT_GO_WIRE_H

#include <stdio.h>

#include "user/base/buffer.h"
#include "user/base/clock.h"
#include "user/model/names.h"

/* Types of events and batches, as the format numbers them */
enum go_event {
	GO_EVENT_BATCH = 1,
	GO_STACKS = 2,
	GO_STACK = 3,
	GO_STRINGS = 4,
	GO_STRING = 5,
	GO_CPU_SAMPLES = 6,
	GO_CPU_SAMPLE = 7,
	GO_FREQUENCY = 8,
	GO_PROCS_CHANGE = 9,
	GO_PROC_START = 10,
	GO_PROC_STOP = 11,
	GO_PROC_STATUS = 13,
	GO_CREATE = 14,
	GO_START = 16,
	GO_DESTROY = 17,
	GO_STOP = 19,
	GO_BLOCK = 20,
	GO_UNBLOCK = 21,
	GO_SYSCALL_BEGIN = 22,
	GO_SYSCALL_END_BLOCKED = 24,
	GO_STATUS = 25,
	GO_TASK_BEGIN = 40,
	GO_TASK_END = 41,
	GO_REGION_BEGIN = 42,
	GO_REGION_END = 43,
	GO_LOG = 44,
	GO_STATUS_STACK = 48, /* 1.23 */
	GO_SYNC = 50,         /* 1.25 */
	GO_CLOCK = 51,
};

#define GO_NOBODY UINT64_MAX /* no M, no stream */

/* The events of one M: in order of time */
struct go_stream {
	u64 m;
	struct buffer data;
	u64 begin_ns; /* of what is in data */
	u64 last_ns;
	u32 listed; /* place in the list of those with data + 1 */
};

/* A function, and where it is. Its PC is made up: one for each. */
struct go_frame {
	u32 function; /* numbers of strings */
	u32 file;
	u32 line;
};

struct go_stack {
	u32 first; /* in frames_of */
	u32 count;
	u32 generation; /* that has it in its table */
};

struct go_wire {
	FILE *out;
	u32 version; /* 22, 23, 25 */
	struct clock_stamp begin; /* 1.25: of time 0 */
	u64 generation_bytes; /* a new generation when one is longer */
	/* state */
	u32 generation; /* counted from 1 */
	u64 want_ns;    /* time of the next event; later where the one before was not earlier */
	u64 now_ns;
	u64 events; /* all of them */
	u64 events_before; /* of the generations before */
	u64 bytes;  /* of this generation, written */
	u64 buffered;
	u64 kept; /* room of buffers of streams */
	struct go_stream **streams; /* with data */
	u32 stream_count;
	u32 stream_room;
	struct names strings;
	u32 *string_generations; /* that have them in their tables, by number */
	u32 string_room;
	struct go_frame *frames;
	u32 frame_count;
	u32 frame_room;
	struct map frame_numbers; /* hash -> number + 1 */
	struct go_stack *stacks;
	u32 stack_count;
	u32 stack_room;
	u32 *frames_of; /* of all stacks: numbers of frames, innermost first */
	u32 frames_of_count;
	u32 frames_of_room;
	struct buffer string_table;
	struct buffer stack_table;
	struct buffer sample_table;
	u32 texts; /* strings of this generation that have no number of their own */
	bool failed; /* no memory */
};

/* The head of the file. @wire: out, version, begin and generation_bytes are set, all else is 0 */
void go_wire_begin(struct go_wire *wire);
/* Ends the last generation. Return: 0, -ENOMEM, or the negative errno of writing. */
int go_wire_end(struct go_wire *wire);
void go_wire_free(struct go_wire *wire);

/* Whether it is time for a new generation: in that all is numbered anew. */
bool go_wire_is_full(const struct go_wire *wire);
void go_wire_next(struct go_wire *wire);
/* Whether this generation has no event: readers take that for the end of a broken file. */
bool go_wire_is_empty(const struct go_wire *wire);

/* Appends an event; the time is want_ns, or 1 ns behind the event before. */
void go_wire_event(struct go_wire *wire, struct go_stream *stream, enum go_event type,
		   const u64 *args, u32 count);
/* Appends a CPU sample at want_ns. */
void go_wire_sample(struct go_wire *wire, u64 m, u64 p, u64 g, u32 stack);
/* What is in @stream is written, and its memory given back. */
void go_stream_end(struct go_wire *wire, struct go_stream *stream);

/* The number of a text, the same for the whole file; 0 is "". */
u32 go_wire_string(struct go_wire *wire, const char *text);
/* Says that this generation needs string @number. Return: @number */
u32 go_wire_use_string(struct go_wire *wire, u32 number);
/* A text that will hardly come again: its id in this generation. */
u64 go_wire_text(struct go_wire *wire, const char *text, size_t size);
u32 go_wire_frame(struct go_wire *wire, const char *function, const char *file, u32 line);
/* A stack of frames, counted from 1. */
u32 go_wire_stack(struct go_wire *wire, const u32 *frames, u32 count);
/* Says that this generation needs stack @number (0: none). Return: @number */
u32 go_wire_use_stack(struct go_wire *wire, u32 number);

#define GO_TEXT_MAX   1024 /* bytes of a string */
#define GO_FRAMES_MAX 128

#endif
