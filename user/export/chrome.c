// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * chrome - JSON trace events, for chrome://tracing, Perfetto and most viewers
 *
 * A process is a process, a thread is two tracks: what it did (execution, scheduler wait, waits),
 * and what it called (system calls, regions, logs), which would not nest with the first. One more
 * process has a track for each CPU. Tasks are asynchronous slices, wake-ups are flows.
 *
 * Times are microseconds, with the nanoseconds behind the point.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/export/chrome.h"
#include "user/model/waits.h"

static struct put *begin_slice(struct chrome *c, u32 pid, u32 tid, u64 begin_ns, u64 end_ns)
{
	struct put *put = chrome_event(c, 'X', pid, tid, begin_ns);

	put_text(put, ",\"dur\":");
	put_micros(put, end_ns - begin_ns);
	return put;
}

/* One of "args", when it is known */
static void put_arg(struct put *put, bool *any, const char *name, struct value value)
{
	if (value.type == VALUE_NULL)
		return;
	put_text(put, *any ? ",\"" : ",\"args\":{\"");
	put_text(put, name);
	put_text(put, "\":");
	chrome_value(put, &value);
	*any = true;
}

static void put_task(struct chrome *c, bool *any, const struct table_of_task *task)
{
	put_arg(&c->put, any, "task", value_name(&c->filler, task->name));
	put_arg(&c->put, any, "task_id", value_some(task->id));
}

static void end_event(struct put *put, bool args)
{
	put_text(put, args ? "}}" : "}");
}

static void put_stack(struct chrome *c, u32 user, u32 kernel)
{
	u32 number = table_stack(&c->filler, user) ?: table_stack(&c->filler, kernel);

	if (number && number <= c->stack_count && c->stacks[number - 1])
		put_key_integer(&c->put, ",\"sf\":", c->stacks[number - 1]);
}

static u32 pid_of(const struct chrome *c, const struct thread *thread)
{
	return table_thread(&c->filler, thread)->process->pid;
}

static u32 tid_of(const struct chrome *c, const struct thread *thread)
{
	return table_thread(&c->filler, thread)->tid;
}

/* The slice of the waker's thread at that time, to the one of who was woken */
static void put_flow(struct chrome *c, const struct interval *interval)
{
	const struct waits_waker how = waits_waker_of(&interval->wait);
	const struct thread *waker = interval->wait.waker, *woken = interval->thread;
	struct put *put;

	/* Threads outside the target have no slices. */
	if (interval->flags & INTERVAL_CUT_END || how.missing || how.context == WAKER_HARDIRQ ||
	    !table_thread(&c->filler, waker)->target)
		return;
	c->flows++;
	put = chrome_event(c, 's', pid_of(c, waker), tid_of(c, waker), interval->end_ns);
	put_key_integer(put, ",\"cat\":\"wakeup\",\"name\":\"wakeup\",\"id\":", (s64)c->flows);
	end_event(put, false);
	put = chrome_event(c, 'f', pid_of(c, woken), tid_of(c, woken), interval->end_ns);
	put_key_integer(
		put, ",\"bp\":\"e\",\"cat\":\"wakeup\",\"name\":\"wakeup\",\"id\":", (s64)c->flows);
	end_event(put, false);
}

static void put_wait(struct chrome *c, const struct table_interval *row, bool *any)
{
	const struct interval *interval = &row->interval;
	const struct wait *wait = &interval->wait;
	const struct waits_waker how = waits_waker_of(wait);
	struct filler *filler = &c->filler;
	struct put *put = &c->put;

	put_arg(put, any, "kind", value_text(wait_kind_name(wait->kind)));
	put_arg(put, any, "syscall", value_syscall(filler, wait->syscall));
	put_arg(put, any, "object", value_object(filler, row->what));
	put_arg(put, any, "symbol", value_symbol(filler, row->what, interval));
	if (interval->flags & INTERVAL_CUT_END)
		return;
	put_arg(put, any, "waker_context",
		value_text(how.missing ? "missing" : waker_context_name(how.context)));
	if (how.missing || how.context == WAKER_HARDIRQ)
		return;
	put_arg(put, any, "waker", value_thread_name(filler, wait->waker));
	put_arg(put, any, "waker_tid", value_integer(tid_of(c, wait->waker)));
}

/* Colours of chrome://tracing for what threads do */
static const char *const colours[STATE_COUNT] = {
	[STATE_UNKNOWN] = ",\"cname\":\"thread_state_unknown\"",
	[STATE_RUNNING] = ",\"cname\":\"thread_state_running\"",
	[STATE_RUNNABLE] = ",\"cname\":\"thread_state_runnable\"",
	[STATE_BLOCKED] = ",\"cname\":\"thread_state_sleeping\"",
};

static void put_interval(struct chrome *c, const struct table_interval *row)
{
	const struct interval *interval = &row->interval;
	bool blocked = interval->state == STATE_BLOCKED, any = false;
	const char *state = thread_state_name(interval->state);
	u32 pid = pid_of(c, interval->thread), tid = tid_of(c, interval->thread);
	struct put *put = begin_slice(c, pid, tid, interval->begin_ns, interval->end_ns);

	put_text(put, colours[interval->state]);
	put_key_text(put, ",\"cat\":", state);
	put_key_text(put, ",\"name\":", blocked ? wait_kind_name(interval->wait.kind) : state);
	if (blocked || interval->state == STATE_RUNNABLE)
		put_stack(c, interval->where.user, interval->where.kernel);
	if (interval->state == STATE_RUNNABLE)
		put_arg(put, &any, "why", value_text(runnable_why_name(interval->why)));
	if (interval->state == STATE_RUNNING && interval->cpu != CPU_UNKNOWN)
		put_arg(put, &any, "cpu", value_integer(interval->cpu));
	if (blocked)
		put_wait(c, row, &any);
	put_task(c, &any, &row->task);
	end_event(put, any);
	if (blocked)
		put_flow(c, interval);
	if (interval->state != STATE_RUNNING || interval->cpu == CPU_UNKNOWN)
		return;
	put = begin_slice(c, 0, interval->cpu, interval->begin_ns, interval->end_ns);
	put_text(put, ",\"cat\":\"cpu\",\"name\":");
	put_quoted(put, value_thread_name(&c->filler, interval->thread).text ?: "");
	put_key_integer(put, ",\"args\":{\"tid\":", tid);
	put_text(put, "}}");
}

/* One whose begin was not seen has no length. */
static void put_call(struct chrome *c, const struct table_call *row)
{
	const struct call *call = &row->call;
	struct value name, error;
	struct put *put;
	bool any = false;

	if (call->unentered)
		return;
	put = begin_slice(c, pid_of(c, call->thread), tid_of(c, call->thread) + CALLS_TRACK,
			  call->begin_ns, call->end_ns);
	put_text(put, ",\"cat\":\"syscall\",\"name\":");
	call_name(&c->filler, row, &name, &error);
	put_quoted(put, name.text ?: "");
	put_arg(put, &any, "result", value_integer(call->result));
	put_arg(put, &any, "error", error);
	put_task(c, &any, &row->task);
	end_event(put, any);
}

static void put_sample(struct chrome *c, const struct table_sample *row)
{
	const struct sample *sample = &row->sample;
	struct put *put = chrome_event(c, 'P', pid_of(c, sample->thread), tid_of(c, sample->thread),
				       sample->time_ns);
	bool any = false;

	put_text(put, ",\"cat\":\"cpu_sample\",\"name\":\"cpu\"");
	put_stack(c, sample->user_stack, sample->kernel_stack);
	put_arg(put, &any, "cpu", value_integer(sample->cpu));
	put_task(c, &any, &row->task);
	end_event(put, any);
}

static void put_task_end(struct chrome *c, const struct task *task, char phase, u64 time_ns)
{
	struct put *put =
		chrome_event(c, phase, pid_of(c, task->thread), tid_of(c, task->thread), time_ns);

	put_text(put, ",\"cat\":\"task\",\"name\":");
	put_quoted(put, value_name(&c->filler, task->name).text ?: "task");
	put_key_integer(put, ",\"id\":", task->id);
}

static void put_whole_task(struct chrome *c, const struct table_task *row)
{
	const struct task *task = &row->task;
	bool any = false;

	put_task_end(c, task, 'b', task->begin_ns);
	put_arg(&c->put, &any, "task_id", value_integer(task->id));
	put_arg(&c->put, &any, "parent_id", value_some(task->parent));
	put_arg(&c->put, &any, "traceparent", value_text(row->link[0] ? row->link : NULL));
	end_event(&c->put, any);
	put_task_end(c, task, 'e', max(task->end_ns, task->begin_ns));
	end_event(&c->put, false);
}

static void put_region(struct chrome *c, const struct table_note *row)
{
	const struct note *note = &row->note;
	struct put *put =
		begin_slice(c, pid_of(c, note->thread), tid_of(c, note->thread) + CALLS_TRACK,
			    note->begin_ns, max(note->time_ns, note->begin_ns));
	bool any = false;

	put_text(put, ",\"cat\":\"region\",\"name\":");
	put_quoted(put, value_name(&c->filler, note->name).text ?: "region");
	put_stack(c, note->stack, 0);
	put_task(c, &any, &row->task);
	end_event(put, any);
}

static void put_log(struct chrome *c, const struct table_note *row)
{
	const struct note *note = &row->note;
	struct put *put = chrome_event(c, 'i', pid_of(c, note->thread),
				       tid_of(c, note->thread) + CALLS_TRACK, note->time_ns);
	bool any = false;

	put_text(put, ",\"s\":\"t\",\"cat\":\"log\",\"name\":");
	put_quoted(put, value_told(&c->filler, row->text).text ?: "");
	put_arg(put, &any, "category", value_name(&c->filler, note->name));
	put_task(c, &any, &row->task);
	end_event(put, any);
}

static void put_counter(struct chrome *c, const struct table_note *row)
{
	const struct note *note = &row->note;
	struct put *put = chrome_event(c, 'C', pid_of(c, note->thread), tid_of(c, note->thread),
				       note->time_ns);

	put_text(put, ",\"cat\":\"counter\",\"name\":");
	put_quoted(put, value_name(&c->filler, note->name).text ?: "counter");
	put_text(put, ",\"args\":{\"value\":");
	put_real(put, note_number(note));
	put_text(put, "}}");
}

static int put_row(void *ctx, const struct table_spec *table, const void *row, size_t bytes)
{
	struct chrome *c = ctx;

	c->filler.room_used = 0;
	switch (table->source) {
	case TABLE_INTERVALS: put_interval(c, row); break;
	case TABLE_CALLS: put_call(c, row); break;
	case TABLE_SAMPLES: put_sample(c, row); break;
	case TABLE_TASKS: put_whole_task(c, row); break;
	default:
		if (table->note_kind == EVENT_REGION_END)
			put_region(c, row);
		else if (table->note_kind == EVENT_LOG)
			put_log(c, row);
		else
			put_counter(c, row);
	}
	return c->put.error;
}

static int write_all(struct chrome *c, struct err *err)
{
	struct row_maker maker = { .ctx = c, .filler = &c->filler, .whats = true, .row = put_row };
	int r = tables_learn(&c->tables, err);

	if (r < 0)
		return r;
	chrome_recording(c);
	r = chrome_frames(c);
	if (r < 0)
		return fail(err, r, "no memory for the frames of stacks");
	put_text(&c->put, "\"traceEvents\":[");
	chrome_names(c);
	chrome_losses(c);
	r = rows_events(&c->tables, &maker, err);
	put_text(&c->put, "\n]}\n");
	if (r >= 0 && put_flush(&c->put) < 0)
		r = fail(err, c->put.error, "cannot write the export: %s", strerror(-c->put.error));
	return r;
}

static int chrome_write(FILE *out, const char *path, const struct export_options *options,
			bool *missing, struct err *err)
{
	struct chrome *c = calloc(1, sizeof(*c));
	int r = c ? tables_open(&c->tables, path, options, err)
		  : fail(err, -ENOMEM, "no memory for an export");

	if (c) {
		c->put.out = out;
		c->filler.tables = &c->tables;
	}
	if (r >= 0)
		r = write_all(c, err);
	if (r >= 0)
		*missing = export_is_lower_bound(&c->tables.export);
	if (c) {
		map_free(&c->frames);
		free(c->stacks);
		filler_free(&c->filler);
		tables_close(&c->tables);
	}
	free(c);
	return r;
}

const struct exporter chrome_exporter = {
	.name = "chrome",
	.summary = "JSON for chrome://tracing, Perfetto and most viewers",
	.suffix = "json",
	.write = chrome_write,
};
