/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* export - a trace as other people's formats: one file for each of them */
#ifndef TRACER_EXPORT_EXPORT_H
#define TRACER_EXPORT_EXPORT_H

#include <stdio.h>

#include "user/frames/frames.h"
#include "user/model/losses.h"
#include "user/model/read.h"

struct profile_kind;

struct export_options {
	struct filter filter;            /* from_ns and to_ns: since the start of the recording */
	const struct profile_kind *kind; /* folded: which waits */
	const char *header;              /* go: "1.22"; NULL: the exporter's choice */
	bool compress;                   /* perfetto: packets in packets, by zlib */
	bool lines;                      /* files and lines of frames, too: slow */
	bool progress;                   /* say on standard error how far it is */
	const volatile int *stop; /* not 0: give up, with -EINTR; NULL: nobody asks for that */
};

/* A format. In its own file, and a line in exporters.c. */
struct exporter {
	const char *name;
	const char *summary; /* one line: what opens it */
	const char *suffix;  /* of files that get a name: "pftrace" */
	const char *other_suffix; /* that such files are known by, too; NULL */
	bool binary;         /* no text for a terminal */

	/**
	 * write() - the whole trace
	 * @out:     where to; need not be a file that can be sought
	 * @path:    of the trace; "-" is standard input
	 * @missing: set when something is missing, by losses or damage
	 *
	 * Memory does not grow with the trace beyond its threads, stacks and names.
	 *
	 * Return: 0; what reading returned; -ENOMEM; the negative errno of writing. @err is filled.
	 */
	int (*write)(FILE *out, const char *path, const struct export_options *options,
		     bool *missing, struct err *err);
	void (*schema)(FILE *out); /* for --schema; NULL: there is none */
};

extern const struct exporter *const exporters[]; /* ended by NULL */
const struct exporter *exporter_find(const char *name);
/* By what a file's name ends with, .gz aside; NULL: none */
const struct exporter *exporter_of_file(const char *path);

/*
 * A trace that is read twice. The first time it is learnt what is told late: stacks and their
 * names, objects, the last names of threads, losses. The second time the exporter's sinks see it.
 * Numbers of threads and processes (their ids) are the same in both.
 */
struct export {
	const char *path;
	const struct export_options *options;
	struct trace_reader *reader;
	const struct trace_info *info;
	const struct trace_totals *totals; /* NULL: the recording has no end */
	struct timeline *known;            /* of the first time: finished, whatever the filter */
	struct frames frames;              /* finished */
	struct losses losses;
	bool stacks_only;          /* known was told of nothing else */
	bool damaged;              /* a part of the file could not be read */
	struct timeline *timeline; /* of the second time: attach sinks before export_read() */
	u64 start_ns;              /* of the recording */
	u64 begin_ns;              /* of the stretch that is exported */
	u64 end_ns;
	u64 progress_ns; /* when it was said last how far it is */
};

/**
 * export_open() - read it the first time
 * @export: all zero; to be given to export_close() in any case
 *
 * Return: 0; what reading returned, with @err filled.
 */
int export_open(struct export *export, const char *path, const struct export_options *options,
		struct err *err);

/*
 * The same for who writes nothing before export_read() has returned: where no stretch of time is chosen
 * that is the only reading, and export->timeline, known and frames are finished by it.
 */
int export_open_once(struct export *export, const char *path, const struct export_options *options,
		     struct err *err);

/* The same for who asks export->known for stacks only, and export->frames and losses: it is not told what
 * threads do, which takes half of the time. */
int export_open_stacks(struct export *export, const char *path,
		       const struct export_options *options, struct err *err);

/* The same in steps, for who may not need all of it: what does not take reading; the first
 * reading; a timeline for another one, with the filter. Return: as export_open(). */
int export_begin(struct export *export, const char *path, const struct export_options *options,
		 struct err *err);
int export_learn(struct export *export, struct err *err);
int export_timeline(struct timeline **out, const struct export *export, struct err *err);

/* Reads it the second time, through the filter. As export_open(). */
int export_read(struct export *export, struct err *err);

/* Whether numbers may be too small because something is missing. */
bool export_is_lower_bound(const struct export *export);

/* The stack @id with all its frames, or NULL; for frames_frame() with export->frames. */
static inline const struct stack *export_stack(const struct export *export, u32 id)
{
	return timeline_stack(export->known, id);
}

void export_close(struct export *export);

#endif
