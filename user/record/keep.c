// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* keep - where a session's chunks go: a file, or the window of a flight recorder */
#include "user/record/keep.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/record/syscalls.h"

static void fill_info(struct session *session, const struct clock_stamp *start)
{
	const struct session_options *options = session->options;
	const struct syscall_names *names = syscall_names();
	bool samples = session->probes->sampler.count;

	uname(&session->host);
	session->info = (struct trace_info){
		.tracer_version = TRACER_VERSION,
		.host = session->host.nodename,
		.kernel_release = session->host.release,
		.kernel_version = session->host.version,
		.machine = session->host.machine,
		.cpu_count = (u32)sysconf(_SC_NPROCESSORS_ONLN),
		.page_bytes = (u32)sysconf(_SC_PAGESIZE),
		.memory_bytes = (u64)sysconf(_SC_PHYS_PAGES) * (u64)sysconf(_SC_PAGESIZE),
		.command_line = options->command_line,
		.target = options->target,
		.class_mask = options->class_mask & ~(samples ? 0 : 1u << CLASS_SAMPLE),
		.sample_period_ns = samples ? session_sample_period_ns(options) : 0,
		.follows_children = options->children,
		.stack_min_ns = options->class_mask >> CLASS_STACK & 1 ? options->stack_min_ns : 0,
		.start = *start,
		.syscall_numbers = names->numbers,
		.syscall_names = names->names,
		.syscall_count = names->count,
	};
}

static int open_file(struct session *session, struct err *err)
{
	const struct session_options *options = session->options;
	CLEANUP(trace_writer_abort) struct trace_writer *writer = NULL;
	int r = trace_writer_open(&writer, options->output, options->replace, &session->info, err);

	r = r ?: outbox_new(&session->outbox, writer, err);
	if (r < 0)
		return r;
	writer = NULL; /* the outbox has it */
	session->intake.sink = outbox_sink(session->outbox);
	return 0;
}

static void stop(void *ctx)
{
	session_end(ctx, TRACE_END_ASKED);
}

/* Without a socket it records all the same. */
static void open_control(struct session *session)
{
	struct control_owner owner = {
		.status = session->status, .options = session->options, .stop = stop, .ctx = session
	};
	const struct flight_options *options = session->options->flight;
	struct err err = { 0 };

	if (control_open(&session->control, session->flight, &owner, &err) ||
	    session_listen(session, control_fd(session->control), &err)) {
		if (options->on_fact)
			options->on_fact(options->ctx, err.text);
	}
}

static int open_window(struct session *session, struct err *err)
{
	int r = flight_open(&session->flight, session->options->flight, &session->intake,
			    &session->info, err);

	r = r ?: session_listen(session, flight_fd(session->flight), err);
	if (!r)
		open_control(session);
	return r;
}

int keep_open(struct session *session, const struct clock_stamp *start, struct err *err)
{
	fill_info(session, start);
	return session->options->flight ? open_window(session, err) : open_file(session, err);
}

u64 keep_bytes(const struct session *session)
{
	struct flight_status status;

	if (session->outbox)
		return outbox_bytes(session->outbox);
	flight_get_status(session->flight, &status);
	return status.window.bytes;
}

void keep_abandon(struct session *session)
{
	outbox_free(take(session->outbox));
	control_close(take(session->control));
	flight_free(take(session->flight));
}

enum trace_end keep_end_of(int code)
{
	bool full = code == -ENOSPC || code == -EDQUOT || code == -EFBIG;

	return full ? TRACE_END_DISK_FULL : TRACE_END_ERROR;
}

static void fill_totals(struct trace_totals *totals, struct session *session)
{
	const struct intake *intake = &session->intake;
	struct session_status *status = session->status;
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	*totals = (struct trace_totals){
		.end = clock_stamp_now(),
		.why = status->why,
		.events = intake->events,
		.untracked_threads = session->probes->control->untracked,
		.recorder_cpu_ns = status->recorder_cpu_ns,
		.recorder_memory_bytes = (u64)usage.ru_maxrss * 1024,
	};
	/* The recording ends with what was drained, not with this moment. */
	totals->end.mono_ns = intake->cut_ns;
	memcpy(totals->recorded, intake->recorded, sizeof(totals->recorded));
	for (unsigned int cpu = 0; cpu < session->probes->cpus; cpu++) {
		const struct cpu_state *state = session->probes->rings[cpu].state;

		status->stacks += state->stacks;
		status->stacks_forgotten += state->stacks_forgotten;
		status->ring_bytes_used += session->probes->rings[cpu].tail;
		if (session->probes->sample_rings)
			status->ring_bytes_used += session->probes->sample_rings[cpu].tail;
		for (size_t i = 0; i < CLASS_COUNT; i++)
			totals->lost[i] += intake->losses[cpu].ever[i];
	}
	status->memory_bytes = totals->recorder_memory_bytes;
}

static int finish_file(struct session *session, struct err *err)
{
	struct session_status *status = session->status;
	struct trace_writer *writer;
	struct trace_totals totals;
	struct err later = { 0 };
	int r = 0, finished, written;

	if (status->why != TRACE_END_DISK_FULL)
		r = intake_flush(&session->intake, err);
	session_update_status(session, true);
	written = outbox_finish(take(session->outbox), &writer, r < 0 ? &later : err);
	/* It was told already, when it ended the recording. */
	if (status->why != TRACE_END_DISK_FULL)
		r = r < 0 ? r : written;
	status->file_bytes = trace_writer_bytes(writer);
	if (r < 0)
		status->why = keep_end_of(r);
	fill_totals(&totals, session);
	/* What was written before is whole: keep it, and tell the first error. */
	finished = trace_writer_finish(writer, &totals, r < 0 ? &later : err);
	return r < 0 ? r : finished;
}

static int finish_window(struct session *session, struct err *err)
{
	struct trace_totals unused;
	bool written = flight_end(session->flight, err);

	session_update_status(session, true);
	fill_totals(&unused, session);
	if (written)
		return 0;
	return err->code < 0 ? err->code : fail(err, -EIO, "the last snapshot was not written");
}

int keep_finish(struct session *session, struct err *err)
{
	return session->flight ? finish_window(session, err) : finish_file(session, err);
}
