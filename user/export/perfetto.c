// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * perfetto - a trace for ui.perfetto.dev and trace_processor
 *
 * Times are CLOCK_BOOTTIME, which that format has its kernel events in. Packets come as the model
 * tells of things, not in order of time: readers sort them.
 */
#include "user/export/perfetto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int loss(void *ctx, const struct trace_loss *loss, u16 cpu)
{
	struct perfetto *p = ctx;

	if (!loss->unreadable)
		cpus_lost(&p->cpus, cpu);
	return 0;
}

static int attach(struct perfetto *p)
{
	const struct sink sink = {
		.ctx = p,
		.prompt = perfetto_prompt,
		.interval = perfetto_interval,
		.call = perfetto_call,
		.thread = perfetto_life,
		.program = perfetto_program,
		.sample = perfetto_sample,
		.loss = loss,
		.note = perfetto_note,
		.task = perfetto_task,
	};

	return timeline_attach(p->export.timeline, &sink);
}

static int begin(struct perfetto *p, FILE *out, struct err *err)
{
	const struct clock_stamp *start = &p->export.info->start;
	s64 offset_ns =
		start->boot_ns > start->mono_ns ? (s64)(start->boot_ns - start->mono_ns) : 0;
	int r = packets_begin(&p->packets, out, p->options->compress, offset_ns);

	p->names.packets = &p->packets;
	if (r >= 0)
		r = cpus_begin(&p->cpus, &p->packets, p->export.timeline, p->export.begin_ns,
			       p->export.info->cpu_count);
	/* In a trace of the scheduler alone, the kernel's states say all. */
	p->every_wait = p->export.info->class_mask &
			(1u << CLASS_SYSCALL | 1u << CLASS_FUTEX | 1u << CLASS_STACK);
	if (r >= 0)
		r = attach(p);
	return r < 0 ? fail(err, r, "cannot prepare the export: %s", strerror(-r)) : 0;
}

static int finish(struct perfetto *p, struct err *err)
{
	int r = cpus_finish(&p->cpus);

	perfetto_put_tail(p);
	if (r >= 0 && (p->failed || p->names.failed))
		r = -ENOMEM;
	if (r >= 0)
		r = packets_finish(&p->packets);
	return r < 0 ? fail(err, r, "cannot write the export: %s", strerror(-r)) : 0;
}

static void end(struct perfetto *p)
{
	packets_free(&p->packets);
	cpus_free(&p->cpus);
	perfetto_names_free(&p->names);
	whats_free(&p->whats);
	free(p->call_names);
	free(p->call_texts);
	free(p->error_texts);
	free(p->what_texts);
	for (u32 i = 0; i < p->thread_room; i++) {
		perfetto_spans_free(p->threads[i].regions);
		perfetto_spans_free(p->threads[i].tasks);
	}
	map_free(&p->counters);
	free(p->threads);
	free(p->processes);
	free(p->sample_counts);
	export_close(&p->export);
}

static int perfetto_write(FILE *out, const char *path, const struct export_options *options,
			  bool *missing, struct err *err)
{
	struct perfetto p = { .options = options };
	int r = export_open_stacks(&p.export, path, options, err);

	if (r >= 0)
		r = begin(&p, out, err);
	if (r >= 0) {
		perfetto_put_head(&p);
		r = export_read(&p.export, err);
	}
	if (r >= 0)
		r = finish(&p, err);
	if (r >= 0)
		*missing = export_is_lower_bound(&p.export);
	end(&p);
	return r;
}

const struct exporter perfetto_exporter = {
	.name = "perfetto",
	.summary = "for ui.perfetto.dev and trace_processor",
	.suffix = "pftrace",
	.binary = true,
	.write = perfetto_write,
};
