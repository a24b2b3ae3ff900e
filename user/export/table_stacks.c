// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* table_stacks - where in the code: stacks, and their frames */
#include <stdlib.h>
#include <string.h>

#include "user/export/tables.h"

enum {
	STACK,
	PROCESS,
	KERNEL,
	DEPTH,
	COMPLETE,
	LEAF,
	FOLDED,
	STACK_COLUMN_COUNT,
};

static const struct column_spec stack_columns[] = {
	{ "stack_id", "1, 2, ...: equal stacks are one", COLUMN_INTEGER, false },
	{ "process_id", "of processes; NULL: the kernel's", COLUMN_INTEGER, false },
	{ "kernel", "1: of the kernel", COLUMN_INTEGER, false },
	{ "depth", "how many frames it has", COLUMN_INTEGER, false },
	{ "complete", "1: it reaches its root", COLUMN_INTEGER, false },
	{ "leaf", "the innermost function", COLUMN_TEXT, false },
	{ "folded", "all functions, the outermost first: 'main;work;read'", COLUMN_TEXT, false },
};
_Static_assert(ARRAY_SIZE(stack_columns) == STACK_COLUMN_COUNT, "one for each");

static struct frames *frames_of(const struct filler *filler)
{
	return (struct frames *)&filler->tables->export.frames; /* remembers what it found */
}

static struct timeline *known_of(const struct filler *filler)
{
	return filler->tables->export.known;
}

static u32 stack_count(const struct tables *tables)
{
	return timeline_stack_count(tables->export.known);
}

/* Names one behind the other; a semicolon in a name is a colon. */
static const char *fold(struct filler *filler, const struct stack *stack)
{
	size_t bytes = (size_t)stack->count * SYMBOLS_TEXT_MAX + 1, used = 0;
	char *to;

	if (bytes > filler->long_bytes) {
		to = realloc(filler->long_text, bytes);
		if (!to)
			return NULL;
		filler->long_text = to;
		filler->long_bytes = bytes;
	}
	to = filler->long_text;
	to[0] = 0;
	for (u32 i = stack->count; i; i--) {
		char *name = to + used;

		frames_name(name, frames_of(filler), stack, i - 1);
		for (; *name; name++)
			if (*name == ';')
				*name = ':';
		used = (size_t)(name - to);
		if (i > 1)
			to[used++] = ';';
	}
	return to;
}

static void fill_stack(struct filler *filler, const void *row, struct value *values, u64 wanted)
{
	const struct table_place *place = row;
	const struct stack *stack = timeline_stack_numbered(known_of(filler), place->major + 1);
	struct symbols_frame frame;

	values[STACK] = value_integer(place->major + 1);
	if (!stack)
		return;
	if (stack->process)
		values[PROCESS] = value_integer(stack->process->id);
	values[KERNEL] = value_integer(!stack->process);
	values[DEPTH] = value_integer(stack->count);
	values[COMPLETE] = value_integer(stack->end == STACK_END_ROOT);
	if (wanted & COLUMN_BIT(LEAF) && stack->count &&
	    frames_frame(frames_of(filler), &frame, stack, 0))
		values[LEAF] = value_told(filler, frame.name);
	if (wanted & COLUMN_BIT(FOLDED))
		values[FOLDED] = value_text(fold(filler, stack));
}

const struct table_spec stacks_table = {
	.name = "stacks",
	.means = "where in the code: of waits and of CPU samples",
	.columns = stack_columns,
	.column_count = STACK_COLUMN_COUNT,
	.keyed = true,
	.majors = stack_count,
	.fill = fill_stack,
};

enum {
	FRAME_STACK,
	FRAME_DEPTH,
	FUNCTION,
	OFFSET,
	MODULE,
	PATH,
	ADDRESS,
	FILE_NAME,
	LINE,
	FRAME_COLUMN_COUNT,
};

static const struct column_spec frame_columns[] = {
	{ "stack_id", "of stacks", COLUMN_INTEGER, false },
	{ "depth", "0 is the innermost, which runs or waits; 1 has called it", COLUMN_INTEGER,
	  false },
	{ "function", "NULL: not known", COLUMN_TEXT, false },
	{ "offset", "in the module; of a caller, that of its call", COLUMN_INTEGER, false },
	{ "module", "'libc.so.6', '[kernel]', '[jit]'", COLUMN_TEXT, false },
	{ "path", "of the module's file", COLUMN_TEXT, false },
	{ "address", "in memory, '0x7f2a10'", COLUMN_TEXT, false },
	{ "file", "of the source, with --lines", COLUMN_TEXT, false },
	{ "line", "the same", COLUMN_INTEGER, false },
};
_Static_assert(ARRAY_SIZE(frame_columns) == FRAME_COLUMN_COUNT, "one for each");

static u32 frame_count(const struct tables *tables, u32 major)
{
	const struct stack *stack = timeline_stack_numbered(tables->export.known, major + 1);

	return stack ? stack->count : 0;
}

static void fill_frame(struct filler *filler, const void *row, struct value *values, u64 wanted)
{
	const struct table_place *place = row;
	const struct stack *stack = timeline_stack_numbered(known_of(filler), place->major + 1);
	struct symbols_frame frame;

	values[FRAME_STACK] = value_integer(place->major + 1);
	values[FRAME_DEPTH] = value_integer(place->minor);
	if (!stack || place->minor >= stack->count || !(wanted >> FUNCTION))
		return;
	frames_frame(frames_of(filler), &frame, stack, place->minor);
	values[FUNCTION] = value_text(frame.name);
	values[OFFSET] = value_integer((s64)frame.offset);
	values[MODULE] = value_text(frame.module);
	values[PATH] = value_text(*frame.path ? frame.path : NULL);
	values[ADDRESS] = value_address(filler, stack->frames[place->minor]);
	values[FILE_NAME] = value_text(frame.file);
	values[LINE] = value_some(frame.line);
}

const struct table_spec frames_table = {
	.name = "frames",
	.means = "the frames of stacks",
	.columns = frame_columns,
	.column_count = FRAME_COLUMN_COUNT,
	.keyed = true,
	.majors = stack_count,
	.minors = frame_count,
	.fill = fill_frame,
};
