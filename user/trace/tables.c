// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* tables - how the structs lie in the file that are no events */
#include "user/trace/tables.h"

#include "user/trace/format.h"
#include "user/trace/info.h"
#include "user/trace/reader.h"

static const struct field clock_stamp[] = {
	UINT_FIELD(clock_stamp, mono_ns),
	UINT_FIELD(clock_stamp, boot_ns),
	UINT_FIELD(clock_stamp, wall_ns),
};

static const struct field shape[] = {
	UINT_FIELD(shape, kind),   UINT_FIELD(shape, flags),    UINT_FIELD(shape, number),
	UINT_FIELD(shape, detail), UINT_FIELD(shape, constant),
};

static const struct field address[] = {
	{ 0, sizeof(u64), FIELD_UINT },
};

static const struct field text[] = {
	{ 0, sizeof(const char *), FIELD_TEXT },
};

static const struct field chunk_info[] = {
	UINT_FIELD(trace_chunk_info, offset),   UINT_FIELD(trace_chunk_info, bytes),
	UINT_FIELD(trace_chunk_info, begin_ns), UINT_FIELD(trace_chunk_info, end_ns),
	UINT_FIELD(trace_chunk_info, events),   UINT_FIELD(trace_chunk_info, lost),
};

static const struct field totals[] = {
	UINT_FIELD(trace_totals, end.mono_ns),
	UINT_FIELD(trace_totals, end.boot_ns),
	UINT_FIELD(trace_totals, end.wall_ns),
	UINT_FIELD(trace_totals, why),
	UINT_FIELD(trace_totals, events),
	UINT_FIELD(trace_totals, untracked_threads),
	UINT_FIELD(trace_totals, recorder_cpu_ns),
	UINT_FIELD(trace_totals, recorder_memory_bytes),
	UINT_FIELD(trace_totals, recorded[CLASS_SCHED]),
	UINT_FIELD(trace_totals, lost[CLASS_SCHED]),
	UINT_FIELD(trace_totals, recorded[CLASS_PROCESS]),
	UINT_FIELD(trace_totals, lost[CLASS_PROCESS]),
	UINT_FIELD(trace_totals, recorded[CLASS_SYSCALL]),
	UINT_FIELD(trace_totals, lost[CLASS_SYSCALL]),
	UINT_FIELD(trace_totals, recorded[CLASS_FUTEX]),
	UINT_FIELD(trace_totals, lost[CLASS_FUTEX]),
	UINT_FIELD(trace_totals, recorded[CLASS_OBJECT]),
	UINT_FIELD(trace_totals, lost[CLASS_OBJECT]),
	UINT_FIELD(trace_totals, recorded[CLASS_STACK]),
	UINT_FIELD(trace_totals, lost[CLASS_STACK]),
	UINT_FIELD(trace_totals, recorded[CLASS_SAMPLE]),
	UINT_FIELD(trace_totals, lost[CLASS_SAMPLE]),
	UINT_FIELD(trace_totals, recorded[CLASS_ANNOTATION]),
	UINT_FIELD(trace_totals, lost[CLASS_ANNOTATION]),
};
_Static_assert(ARRAY_SIZE(totals) == 8 + 2 * CLASS_COUNT, "totals count every class");

#define TABLE(name, size)                                                \
	{                                                                \
		.fields = name, .count = ARRAY_SIZE(name), .bytes = size \
	}

const struct field_table clock_fields = TABLE(clock_stamp, sizeof(struct clock_stamp));
const struct field_table shape_fields = TABLE(shape, sizeof(struct shape));
const struct field_table address_fields = TABLE(address, sizeof(u64));
const struct field_table text_fields = TABLE(text, sizeof(const char *));
const struct field_table chunk_fields = TABLE(chunk_info, sizeof(struct trace_chunk_info));
const struct field_table totals_fields = TABLE(totals, sizeof(struct trace_totals));
