// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* export - a trace as other people's formats: one file for each of them */
#include "user/export/export.h"

#include <errno.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"

#define PROGRESS_AFTER_NS NSEC_PER_SEC
#define PROGRESS_EACH_NS  (200 * NSEC_PER_MSEC)

static int set_stretch(struct export *export, struct err *err)
{
	const struct filter *asked = &export->options->filter;
	u64 end_ns = trace_end_ns(export->reader);
	char from[TEXT_MAX], length[TEXT_MAX];

	export->start_ns = trace_reader_begin_ns(export->reader);
	export->begin_ns = export->start_ns + asked->from_ns;
	export->end_ns = asked->to_ns ? min(export->start_ns + asked->to_ns, end_ns) : end_ns;
	if (export->begin_ns < export->end_ns || !asked->from_ns)
		return 0;
	fail(err, -EINVAL, "--from: nothing was recorded %s after the start",
	     text_duration(from, asked->from_ns));
	return hint(err, "the recording lasts %s",
		    text_duration(length, end_ns - export->start_ns));
}

/* Somebody may have had enough. */
static int watch(void *ctx, const struct interval *interval)
{
	const struct export *export = ctx;

	return *export->options->stop ? -EINTR : 0;
}

/* A timeline that learns what is told late. */
static int prepare(struct export *export, struct err *err)
{
	const struct sink watching = { .ctx = export, .interval = watch };
	struct sink sinks[3];
	int r;

	/* It may have been given up before. */
	timeline_free(take(export->known));
	frames_free(&export->frames);
	losses_free(&export->losses);
	r = timeline_new(&export->known, export->start_ns, err);
	if (r < 0)
		return r;
	frames_begin(&export->frames, &(struct frames_options){
					      .host = export->info->host,
					      .start = &export->info->start,
					      .lines = export->options->lines,
					      .timeline = export->known,
				      });
	sinks[0] = frames_sink(&export->frames);
	sinks[1] = losses_sink(&export->losses);
	sinks[2] = watching;
	/* A timeline whose intervals nobody watches is faster. */
	for (size_t i = 0; i < (export->options->stop ? 3 : 2); i++) {
		r = timeline_attach(export->known, &sinks[i]);
		if (r < 0)
			return fail(err, r, "cannot prepare the export: %s", strerror(-r));
	}
	return 0;
}

/* What tells of stacks, names, mappings and losses */
static bool tells_of_stacks(const struct trace_event *event)
{
	switch (event->kind) {
	case EVENT_SWITCH:
	case EVENT_WAKING:
	case EVENT_WAKEUP:
	case EVENT_WAKEUP_NEW:
	case EVENT_SYSCALL:
	case EVENT_FUTEX:
	case EVENT_WAIT_STACK:
	case EVENT_SAMPLE: return false;
	default: return !trace_event_is_annotation(event);
	}
}

static int read_stacks(struct export *export, struct err *err)
{
	const struct trace_event *event;
	int r, stopped = 0;
	u64 count = 0;

	while ((r = trace_reader_next(export->reader, &event, err)) > 0 && stopped >= 0) {
		if (!(++count & 0xffff) && export->options->stop)
			stopped = watch(export, NULL);
		if (tells_of_stacks(event) && !stopped)
			stopped = timeline_event(export->known, event);
	}
	if (r >= 0 && stopped >= 0)
		stopped = timeline_finish(export->known, trace_end_ns(export->reader));
	return stopped < 0 && r >= 0
		       ? fail(err, stopped, "cannot follow the trace: %s", strerror(-stopped))
		       : min(r, 0);
}

static int read_known(struct export *export, struct err *err)
{
	const struct trace_damage *damage;
	int r = trace_reader_seek(export->reader, 0, err);

	if (r >= 0 && export->stacks_only)
		r = read_stacks(export, err);
	else if (r >= 0)
		r = timeline_read(export->known, export->reader, 0, 0, err);
	if (r < 0)
		return r;
	damage = trace_reader_damage(export->reader);
	export->damaged = damage->bad_chunks || damage->bad_bytes || damage->cut_bytes;
	return 0;
}

int export_learn(struct export *export, struct err *err)
{
	int r = prepare(export, err);

	return r < 0 ? r : read_known(export, err);
}

int export_begin(struct export *export, const char *path, const struct export_options *options,
		 struct err *err)
{
	int r;

	export->path = path;
	export->options = options;
	export->progress_ns = clock_mono_ns() + PROGRESS_AFTER_NS;
	r = trace_reader_open(&export->reader, path, err);
	if (r < 0)
		return r;
	export->info = trace_reader_info(export->reader);
	export->totals = trace_reader_totals(export->reader);
	return set_stretch(export, err);
}

int export_timeline(struct timeline **out, const struct export *export, struct err *err)
{
	struct filter filter = export->options->filter;
	int r = timeline_new(out, export->start_ns, err);

	if (r < 0)
		return r;
	filter.from_ns = filter.from_ns ? export->begin_ns : 0;
	filter.to_ns = filter.to_ns ? export->end_ns : 0;
	timeline_set_filter(*out, &filter);
	return 0;
}

int export_open(struct export *export, const char *path, const struct export_options *options,
		struct err *err)
{
	int r = export_begin(export, path, options, err);

	if (r >= 0)
		r = export_learn(export, err);
	return r < 0 ? r : export_timeline(&export->timeline, export, err);
}

int export_open_stacks(struct export *export, const char *path,
		       const struct export_options *options, struct err *err)
{
	export->stacks_only = true;
	return export_open(export, path, options, err);
}

int export_open_once(struct export *export, const char *path, const struct export_options *options,
		     struct err *err)
{
	int r;

	if (options->filter.from_ns || options->filter.to_ns)
		return export_open(export, path, options, err);
	r = export_begin(export, path, options, err);
	if (r >= 0)
		r = prepare(export, err);
	if (r < 0)
		return r;
	timeline_set_filter(export->known, &options->filter);
	export->timeline = export->known;
	return 0;
}

/* A line that is written over, on a terminal and only when it takes long */
static int show_progress(void *ctx, const struct interval *interval)
{
	struct export *export = ctx;
	u64 now, whole_ns = export->end_ns - export->begin_ns;
	u64 done_ns = interval->end_ns - min(interval->end_ns, export->begin_ns);

	/* The clock is asked now and then only. */
	if (interval->end_ns & 0x3ff || !whole_ns)
		return 0;
	now = clock_mono_ns();
	if (now < export->progress_ns)
		return 0;
	export->progress_ns = now + PROGRESS_EACH_NS;
	fprintf(stderr, "\r%s: %3u %%", export->path, (unsigned int)(done_ns * 100 / whole_ns));
	return 0;
}

static int read_again(struct export *export, struct err *err)
{
	u64 to_ns = export->options->filter.to_ns ? export->end_ns : 0;
	int r = trace_reader_seek(export->reader, 0, err);

	/* From its begin on, whatever the filter: threads get the numbers of the first time. */
	return r < 0 ? r : timeline_read(export->timeline, export->reader, 0, to_ns, err);
}

int export_read(struct export *export, struct err *err)
{
	const struct sink progress = { .ctx = export, .interval = show_progress };
	u64 shown_ns = export->progress_ns;
	int r = 0;

	if (export->options->progress)
		r = timeline_attach(export->timeline, &progress);
	if (r < 0)
		return fail(err, r, "cannot prepare the export: %s", strerror(-r));
	r = export->timeline == export->known ? read_known(export, err) : read_again(export, err);
	if (export->progress_ns != shown_ns)
		fputs("\r\033[K", stderr);
	return r;
}

bool export_is_lower_bound(const struct export *export)
{
	return export->losses.events || export->losses.unreadable || export->damaged ||
	       (export->totals && export->totals->untracked_threads);
}

void export_close(struct export *export)
{
	frames_free(&export->frames);
	losses_free(&export->losses);
	if (export->timeline != export->known)
		timeline_free(export->timeline);
	timeline_free(export->known);
	trace_reader_close(export->reader);
	*export = (struct export){ 0 };
}
