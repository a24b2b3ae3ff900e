// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* table_lists - the recording itself, its processes and threads, and what it lost */
#include "user/export/tables.h"

static u32 one(const struct tables *tables)
{
	return 1;
}

static const struct column_spec recording_columns[] = {
	{ "target", "what was recorded: 'process 4711 (redis-server)'", COLUMN_TEXT, false },
	{ "host", "where", COLUMN_TEXT, false },
	{ "kernel", "uname -r", COLUMN_TEXT, false },
	{ "machine", "uname -m", COLUMN_TEXT, false },
	{ "cpus", "online when it began", COLUMN_INTEGER, false },
	{ "command_line", "of the recorder", COLUMN_TEXT, false },
	{ "tracer_version", "", COLUMN_TEXT, false },
	{ "start_wall_ns", "when it began, since 1970", COLUMN_INTEGER, false },
	{ "start_mono_ns", "the same on CLOCK_MONOTONIC: what all other times count from",
	  COLUMN_INTEGER, false },
	{ "begin_ns", "of the stretch that is told: --from", COLUMN_INTEGER, false },
	{ "end_ns", "of the stretch that is told: --to, or the end", COLUMN_INTEGER, false },
	{ "stack_min_ns", "waits of this length have stacks; NULL: none", COLUMN_INTEGER, false },
	{ "sample_period_ns", "of running time between CPU samples; NULL: none", COLUMN_INTEGER,
	  false },
	{ "events", "recorded", COLUMN_INTEGER, false },
	{ "lost_events", "that found no room", COLUMN_INTEGER, false },
	{ "unreadable_stretches", "of the file: nobody knows how many events", COLUMN_INTEGER,
	  false },
	{ "damaged", "1: the file is not whole", COLUMN_INTEGER, false },
	{ "untracked_threads", "threads of the target that the recorder had no room for",
	  COLUMN_INTEGER, false },
	{ "lower_bound", "1: something is missing, so times and counts may be too small",
	  COLUMN_INTEGER, false },
};

static void fill_recording(struct filler *filler, const void *row, struct value *values, u64 wanted)
{
	const struct export *export = &filler->tables->export;
	const struct trace_info *info = export->info;
	bool stacks = info->class_mask & 1u << CLASS_STACK;
	const struct value all[] = {
		value_told(filler, info->target),
		value_told(filler, info->host),
		value_told(filler, info->kernel_release),
		value_told(filler, info->machine),
		value_integer(info->cpu_count),
		value_told(filler, info->command_line),
		value_told(filler, info->tracer_version),
		value_some(info->start.wall_ns),
		value_integer((s64) export->start_ns),
		value_time(filler, export->begin_ns),
		value_time(filler, export->end_ns),
		value_some(stacks ? info->stack_min_ns : 0),
		value_some(info->sample_period_ns),
		value_integer((s64)timeline_counts(export->known)->events),
		value_integer((s64) export->losses.events),
		value_integer((s64) export->losses.unreadable),
		value_integer(export->damaged || export->losses.unreadable),
		value_integer(export->totals ? (s64) export->totals->untracked_threads : 0),
		value_integer(export_is_lower_bound(export)),
	};
	_Static_assert(ARRAY_SIZE(all) == ARRAY_SIZE(recording_columns), "one for each");

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		values[i] = all[i];
}

const struct table_spec recording_table = {
	.name = "recording",
	.means = "one row: what was recorded, and what is missing",
	.columns = recording_columns,
	.column_count = ARRAY_SIZE(recording_columns),
	.majors = one,
	.fill = fill_recording,
};

static const struct column_spec process_columns[] = {
	{ "process_id", "1, 2, ...; never used again, as a PID may be", COLUMN_INTEGER, false },
	{ "pid", "NULL: not known", COLUMN_INTEGER, false },
	{ "name", "of its main thread", COLUMN_TEXT, false },
};

static u32 process_count(const struct tables *tables)
{
	return timeline_threads(tables->export.known)->process_count;
}

static void fill_process(struct filler *filler, const void *row, struct value *values, u64 wanted)
{
	const struct table_place *place = row;
	const struct timeline *known = filler->tables->export.known;
	const struct process *process = timeline_threads(known)->processes[place->major];

	values[0] = value_integer(process->id);
	values[1] = value_some(process->pid);
	values[2] = value_told(filler, process_name(known, process));
}

const struct table_spec processes_table = {
	.name = "processes",
	.means = "all processes that the trace names, the target's and others",
	.columns = process_columns,
	.column_count = ARRAY_SIZE(process_columns),
	.keyed = true,
	.majors = process_count,
	.fill = fill_process,
};

static const struct column_spec thread_columns[] = {
	{ "thread_id", "1, 2, ...; never used again, as a TID may be", COLUMN_INTEGER, false },
	{ "tid", "its number in the system", COLUMN_INTEGER, false },
	{ "pid", "of its process", COLUMN_INTEGER, false },
	{ "name", "its last name", COLUMN_TEXT, false },
	{ "process_id", "of processes", COLUMN_INTEGER, false },
	{ "process", "name of its process", COLUMN_TEXT, false },
	{ "recorded", "1: of the target; 0: known only because it woke one, or had its CPU",
	  COLUMN_INTEGER, false },
	{ "kernel", "1: of the kernel", COLUMN_INTEGER, false },
	{ "ns_tid", "its number in its own PID namespace", COLUMN_INTEGER, false },
	{ "begin_ns", "observed from", COLUMN_INTEGER, false },
	{ "end_ns", "when it ended; NULL: it did not", COLUMN_INTEGER, false },
	{ "exit_code", "as waitpid() tells it; NULL: it did not exit", COLUMN_INTEGER, false },
	{ "priority", "the kernel's: 120 is nice 0, below 100 is real time", COLUMN_INTEGER,
	  false },
};

static u32 thread_count(const struct tables *tables)
{
	return timeline_threads(tables->export.known)->count;
}

static void fill_threads(struct filler *filler, const void *row, struct value *values, u64 wanted)
{
	const struct table_place *place = row;
	const struct timeline *known = filler->tables->export.known;
	const struct thread *thread = timeline_threads(known)->threads[place->major];

	values[0] = value_integer(thread->id);
	values[1] = value_integer(thread->tid);
	values[2] = value_some(thread->process->pid);
	values[3] = value_told(filler, thread_name(known, thread));
	values[4] = value_integer(thread->process->id);
	values[5] = value_told(filler, process_name(known, thread->process));
	values[6] = value_integer(thread->target);
	values[7] = value_integer(!!(thread->flags & THREAD_KERNEL));
	values[8] = value_some(thread->ns_tid);
	if (!thread->target)
		return;
	values[9] = value_time(filler, thread->begin_ns);
	if (thread->exited) {
		values[10] = value_time(filler, thread->end_ns);
		values[11] = value_integer(thread->exit_code);
	}
	values[12] = value_integer(thread->priority);
}

const struct table_spec threads_table = {
	.name = "threads",
	.means = "all threads that the trace names, the target's and others",
	.columns = thread_columns,
	.column_count = ARRAY_SIZE(thread_columns),
	.keyed = true,
	.majors = thread_count,
	.fill = fill_threads,
};

static const struct column_spec loss_columns[] = {
	{ "cpu", "NULL: a stretch of the file that cannot be read", COLUMN_INTEGER, false },
	{ "from_ns", "since the start of the recording: the first event that was lost",
	  COLUMN_INTEGER, false },
	{ "to_ns", "the last one", COLUMN_INTEGER, false },
	{ "class", "of events: sched, process, syscall, ...; NULL: nobody knows", COLUMN_TEXT,
	  false },
	{ "events", "how many; NULL: nobody knows", COLUMN_INTEGER, false },
};

static u32 loss_count(const struct tables *tables)
{
	return tables->export.losses.count;
}

/* A row for each class of which any were lost */
static u32 class_count(const struct tables *tables, u32 major)
{
	const struct losses_row *loss = &tables->export.losses.rows[major];
	u32 count = 0;

	for (int class = 0; class < CLASS_COUNT; class ++)
		count += !!loss->counts[class];
	return loss->unreadable ? 1 : count;
}

static void fill_loss(struct filler *filler, const void *row, struct value *values, u64 wanted)
{
	const struct table_place *place = row;
	const struct losses_row *loss = &filler->tables->export.losses.rows[place->major];
	u32 class = 0, left = place->minor;

	values[1] = value_time(filler, max(loss->from_ns, filler->tables->export.start_ns));
	values[2] = value_time(filler, max(loss->to_ns, filler->tables->export.start_ns));
	if (loss->unreadable)
		return;
	while (class < CLASS_COUNT && (!loss->counts[class] || left--))
		class ++;
	if (loss->cpu != CPU_UNKNOWN)
		values[0] = value_integer(loss->cpu);
	if (class == CLASS_COUNT)
		return;
	values[3] = value_text(event_class_name(class));
	values[4] = value_integer((s64)loss->counts[class]);
}

const struct table_spec losses_table = {
	.name = "losses",
	.means = "events that are missing, by CPU, class and time",
	.columns = loss_columns,
	.column_count = ARRAY_SIZE(loss_columns),
	.majors = loss_count,
	.minors = class_count,
	.fill = fill_loss,
};
