// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* row_maker - what a timeline tells as rows of tables, each to those that it belongs to */
#include <string.h>

#include "user/export/tables.h"

static struct table_of_task of_task(const struct task *task)
{
	return task ? (struct table_of_task){ task->id, task->name } : (struct table_of_task){ 0 };
}

static int make(const struct row_maker *maker, enum table_source source, u16 note_kind,
		const void *row)
{
	size_t bytes = row_bytes(source);
	int r = 0;

	if (maker->only)
		return maker->row(maker->ctx, maker->only, row, bytes);
	for (const struct table_spec *const *t = tables_list; *t && !r; t++)
		if ((*t)->source == source && (*t)->note_kind == note_kind)
			r = maker->row(maker->ctx, *t, row, bytes);
	return r;
}

static int on_interval(void *ctx, const struct interval *interval)
{
	const struct row_maker *maker = ctx;
	struct table_interval row = { *interval, of_task(interval->task), 0 };
	int r = 0;

	if (maker->whats && interval->state == STATE_BLOCKED)
		r = whats_put(&maker->filler->whats, &row.what, maker->filler->timeline,
			      interval->thread, &interval->wait);
	return r < 0 ? r : make(maker, TABLE_INTERVALS, 0, &row);
}

static int on_call(void *ctx, const struct call *call)
{
	struct table_call row = { .call = *call, .task = of_task(call->task) };

	if (call->args)
		memcpy(row.args, call->args, sizeof(row.args));
	return make(ctx, TABLE_CALLS, 0, &row);
}

static int on_sample(void *ctx, const struct sample *sample)
{
	const struct table_sample row = { *sample, of_task(sample->task) };

	return make(ctx, TABLE_SAMPLES, 0, &row);
}

static void copy(char *to, size_t room, const char *text)
{
	size_t length = text ? strnlen(text, room - 1) : 0;

	memcpy(to, text ?: "", length);
	to[length] = 0;
}

static int on_task(void *ctx, const struct task *task, bool aside)
{
	struct table_task row = { .task = *task };

	copy(row.link, sizeof(row.link), task->link);
	return aside ? 0 : make(ctx, TABLE_TASKS, 0, &row);
}

static int on_note(void *ctx, const struct note *note)
{
	const struct row_maker *maker = ctx;
	struct table_note row;

	if (note->how & NOTE_ASIDE || (maker->only && maker->only->note_kind != note->kind))
		return 0;
	row.note = *note;
	row.task = of_task(note->task);
	copy(row.text, sizeof(row.text), note->text);
	return make(maker, TABLE_NOTES, note->kind, &row);
}

static const struct {
	size_t bytes;
	struct sink sink;
} sources[TABLE_SOURCE_COUNT] = {
	[TABLE_INTERVALS] = { sizeof(struct table_interval), { .interval = on_interval } },
	[TABLE_CALLS] = { sizeof(struct table_call), { .call = on_call } },
	[TABLE_SAMPLES] = { sizeof(struct table_sample), { .sample = on_sample } },
	[TABLE_TASKS] = { sizeof(struct table_task), { .task = on_task } },
	[TABLE_NOTES] = { sizeof(struct table_note), { .note = on_note } },
};

size_t row_bytes(enum table_source source)
{
	return sources[source].bytes;
}

int row_maker_attach(struct row_maker *maker, struct timeline *timeline)
{
	int r = 0;

	timeline_split_tasks(timeline);
	for (int source = TABLE_LIST + 1; source < TABLE_SOURCE_COUNT && !r; source++) {
		struct sink sink = sources[source].sink;

		sink.ctx = maker;
		if (!maker->only || maker->only->source == source)
			r = timeline_attach(timeline, &sink);
	}
	return r;
}
