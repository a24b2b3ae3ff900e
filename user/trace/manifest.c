// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* manifest - what a flight recorder's snapshot tells: why it was taken, and how much it holds */
#include "user/trace/manifest.h"

#include <errno.h>

#include "user/trace/fields.h"

static const struct field manifest_columns[] = {
	UINT_FIELD(trace_manifest, before_ns),  UINT_FIELD(trace_manifest, after_ns),
	UINT_FIELD(trace_manifest, from_ns),    UINT_FIELD(trace_manifest, to_ns),
	UINT_FIELD(trace_manifest, suppressed), UINT_FIELD(trace_manifest, more),
};

static const struct field cause_columns[] = {
	TEXT_FIELD(trace_cause, trigger),     UINT_FIELD(trace_cause, time_ns),
	UINT_FIELD(trace_cause, tid),         UINT_FIELD(trace_cause, tgid),
	TEXT_FIELD(trace_cause, thread),      UINT_FIELD(trace_cause, task),
	TEXT_FIELD(trace_cause, what),        UINT_FIELD(trace_cause, begin_ns),
	UINT_FIELD(trace_cause, duration_ns), UINT_FIELD(trace_cause, running),
};

static const struct field_table manifest_table = {
	.fields = manifest_columns,
	.count = ARRAY_SIZE(manifest_columns),
	.bytes = sizeof(struct trace_manifest),
};

static const struct field_table cause_table = {
	.fields = cause_columns,
	.count = ARRAY_SIZE(cause_columns),
	.bytes = sizeof(struct trace_cause),
};

void manifest_put(struct buffer *b, const struct trace_manifest *manifest)
{
	u32 count = min(manifest->cause_count, (u32)MANIFEST_CAUSES_MAX);
	struct buffer row = { 0 };

	/* What a later version adds to the first row must not move the others. */
	fields_put(&row, &manifest_table, manifest, 1);
	buffer_bytes(b, row.data, row.size);
	b->failed |= row.failed;
	buffer_free(&row);
	buffer_varint(b, count);
	fields_put(b, &cause_table, manifest->causes, count);
}

int manifest_get(const struct trace_manifest **out, struct cursor *value, struct arena *arena)
{
	struct trace_manifest *manifest = arena_take(arena, sizeof(*manifest));
	struct cursor row = cursor_sub(value);
	u64 count = cursor_varint(value);
	struct trace_cause *causes;
	int r;

	if (value->failed || count > MANIFEST_CAUSES_MAX)
		return -EBADMSG;
	causes = arena_take(arena, (count ?: 1) * sizeof(*causes));
	if (!manifest || !causes)
		return -ENOMEM;
	r = fields_get(&row, &manifest_table, manifest, 1, arena);
	r = r ?: fields_get(value, &cause_table, causes, count, arena);
	if (r < 0)
		return r;
	manifest->causes = causes;
	manifest->cause_count = (u32)count;
	*out = manifest;
	return 0;
}
