// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* tables - a trace as rows and columns: the list of tables, and what their rows share */
#include "user/export/tables.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"
#include "user/frames/futexes.h"
#include "user/model/grow.h"

extern const struct table_spec recording_table, processes_table, threads_table, states_table,
	syscalls_table, samples_table, tasks_table, regions_table, logs_table, counters_table,
	stacks_table, frames_table, losses_table;

const struct table_spec *const tables_list[] = {
	&recording_table, &processes_table, &threads_table, &states_table, &syscalls_table,
	&samples_table,   &tasks_table,     &regions_table, &logs_table,   &counters_table,
	&stacks_table,    &frames_table,    &losses_table,  NULL,
};

const struct table_spec *table_find(const char *name)
{
	for (const struct table_spec *const *table = tables_list; *table; table++)
		if (!strcmp((*table)->name, name))
			return *table;
	return NULL;
}

int tables_open(struct tables *tables, const char *path, const struct export_options *options,
		struct err *err)
{
	return export_begin(&tables->export, path, options, err);
}

int tables_learn(struct tables *tables, struct err *err)
{
	int r = tables->learnt ? 0 : export_learn(&tables->export, err);

	tables->learnt |= r >= 0;
	return r;
}

void tables_close(struct tables *tables)
{
	export_close(&tables->export);
	tables->learnt = false;
}

struct tables_missing tables_missing(const struct tables *tables)
{
	const struct export *export = &tables->export;
	const struct trace_chunk_info *chunks;
	size_t count = trace_reader_chunks(export->reader, &chunks);
	struct tables_missing missing = {
		.threads = export->totals ? export->totals->untracked_threads : 0,
		.damaged = tables->damaged || export->damaged,
	};

	for (size_t i = 0; i < count; i++)
		missing.events += chunks[i].lost;
	return missing;
}

/* What is said of one of whats, made when it is asked for */
struct what_texts {
	char *object;
	char *symbol;
	bool looked; /* for the symbol */
};

void filler_free(struct filler *filler)
{
	for (u32 i = 0; i < filler->text_room; i++) {
		free(filler->texts[i].object);
		free(filler->texts[i].symbol);
	}
	free(filler->texts);
	for (u32 i = 0; i < SYSCALLS_KEPT; i++)
		free(filler->syscalls[i]);
	free(filler->long_text);
	whats_free(&filler->whats);
	*filler = (struct filler){ 0 };
}

void table_fill(struct filler *filler, const struct table_spec *table, const void *row,
		struct value *values, u64 wanted)
{
	memset(values, 0, table->column_count * sizeof(*values));
	filler->room_used = 0;
	table->fill(filler, row, values, wanted);
}

/* Room for a text of one row; NULL when there is no more. */
static char *room_take(struct filler *filler, size_t bytes)
{
	char *at = filler->room + filler->room_used;

	if (bytes > sizeof(filler->room) - filler->room_used)
		return NULL;
	filler->room_used += (u32)bytes;
	return at;
}

struct value value_time(const struct filler *filler, u64 time_ns)
{
	return value_integer((s64)(time_ns - filler->tables->export.start_ns));
}

struct value value_told(struct filler *filler, const char *text)
{
	size_t size = strlen(text), at = 0, used = 0, length;
	char *to;

	while (at < size && (length = utf8_length(text + at, size - at)))
		at += length;
	if (at == size)
		return value_text(text);
	/* Each byte that is no character becomes U+FFFD: three bytes. */
	size = min(size, (size_t)1000);
	to = room_take(filler, size * 3 + 1);
	for (at = 0; to && at < size; at += max(length, (size_t)1)) {
		length = utf8_length(text + at, size - at);
		memcpy(to + used, length ? text + at : "\xef\xbf\xbd", length ?: 3);
		used += length ?: 3;
	}
	if (to)
		to[used] = 0;
	return value_text(to);
}

static const char *room_copy(struct filler *filler, const char *text)
{
	char *to = room_take(filler, strlen(text) + 1);

	return to ? strcpy(to, text) : "";
}

struct value value_name(struct filler *filler, u32 number)
{
	const struct names *names = &timeline_threads(filler->timeline)->names;

	return number ? value_told(filler, names_text(names, number)) : value_text(NULL);
}

/* Names are searched for: the common ones once. */
struct value value_syscall(struct filler *filler, u16 syscall)
{
	const struct trace_info *info = filler->tables->export.info;
	const char *name;
	char room[32];

	if (syscall == SYSCALL_NONE)
		return value_text(NULL);
	if (syscall < SYSCALLS_KEPT && filler->syscalls[syscall])
		return value_text(filler->syscalls[syscall]);
	name = trace_syscall_name(info, syscall, room);
	if (name == room)
		name = room_copy(filler, room);
	name = value_told(filler, name).text ?: "";
	if (syscall < SYSCALLS_KEPT)
		filler->syscalls[syscall] = strdup(name);
	return value_text(name);
}

struct value value_address(struct filler *filler, u64 address)
{
	char *to = address ? room_take(filler, 20) : NULL;

	if (to)
		snprintf(to, 20, "0x%" PRIx64, address);
	return value_text(to);
}

/* NULL without memory, and for no what at all */
static struct what_texts *texts_of(struct filler *filler, u32 what)
{
	u32 room = max(filler->text_room, 64u);
	struct what_texts *texts;

	if (!what)
		return NULL;
	while (room < what)
		room *= 2;
	if (room > filler->text_room) {
		texts = realloc(filler->texts, room * sizeof(*texts));
		if (!texts)
			return NULL;
		memset(texts + filler->text_room, 0, (room - filler->text_room) * sizeof(*texts));
		filler->texts = texts;
		filler->text_room = room;
	}
	return &filler->texts[what - 1];
}

struct value value_object(struct filler *filler, u32 what)
{
	struct what_texts *texts = texts_of(filler, what);
	char text[WHAT_TEXT_MAX];

	if (texts && !texts->object)
		texts->object = strdup(what_text(text, whats_get(&filler->whats, what)));
	return value_text(texts ? texts->object : NULL);
}

struct value value_symbol(struct filler *filler, u32 what, const struct interval *interval)
{
	struct what_texts *texts = interval->wait.address ? texts_of(filler, what) : NULL;
	char name[FUTEX_NAME_MAX];
	const char *module;

	if (texts && !texts->looked) {
		texts->looked = true;
		if (futexes_name(name, &module, &filler->tables->export.frames,
				 table_thread(filler, interval->thread)->process->pid,
				 interval->wait.address, interval->begin_ns))
			texts->symbol = strdup(name);
	}
	return value_text(texts ? texts->symbol : NULL);
}

const struct thread *table_thread(const struct filler *filler, const struct thread *thread)
{
	const struct tables *tables = filler->tables;
	const struct thread_table *known;

	if (!tables->learnt)
		return thread;
	/* The file may have changed since. */
	known = timeline_threads(tables->export.known);
	return thread->id <= known->count ? known->threads[thread->id - 1] : thread;
}

struct value value_thread_name(struct filler *filler, const struct thread *thread)
{
	const struct timeline *timeline =
		filler->tables->learnt ? filler->tables->export.known : filler->timeline;

	return value_told(filler, thread_name(timeline, table_thread(filler, thread)));
}

void fill_thread(struct filler *filler, struct value *values, const struct thread *thread,
		 u64 wanted)
{
	const struct thread *known;

	values[0] = value_integer(thread->id);
	if (!(wanted & 14))
		return;
	known = table_thread(filler, thread);
	values[1] = value_integer(known->tid);
	values[2] = value_some(known->process->pid);
	if (wanted & COLUMN_BIT(3))
		values[3] = value_thread_name(filler, thread);
}

u32 table_stack(const struct filler *filler, u32 id)
{
	return filler->tables->learnt ? timeline_stack_number(filler->tables->export.known, id) : 0;
}
