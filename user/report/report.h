/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* report - what a trace tells, on a terminal or as JSON */
#ifndef TRACER_REPORT_REPORT_H
#define TRACER_REPORT_REPORT_H

#include <stdio.h>

#include "user/base/err.h"
#include "user/frames/futexes.h"
#include "user/model/calls.h"
#include "user/model/locks.h"
#include "user/model/losses.h"
#include "user/model/profile.h"
#include "user/model/read.h"
#include "user/model/sched.h"
#include "user/model/logs.h"
#include "user/model/regions.h"
#include "user/model/instances.h"
#include "user/model/times.h"
#include "user/model/waits.h"
#include "user/model/wakers.h"
#include "user/report/style.h"

struct report_options {
	const char *kind; /* "threads", ...; NULL: "summary" */
	bool json;        /* see JSON.md */
	u64 limit;        /* rows of a table; 0: as the report finds fit, JSON: all */
	bool all;         /* no limit at all */
	enum times_by by;
	bool lines; /* where functions are named: files and lines, too; slow */
	u32 depth; /* of chains of wakers; 0: WAKERS_DEPTH */
	struct tasks_query query;  /* tasks: which instances; log: of logs, too */
	const char *category;      /* logs: only these */
	const char *const *names;  /* regions: only with these names */
	size_t name_count;
	struct filter filter;      /* from_ns and to_ns: since the start of the recording */
	const struct style *style; /* NULL: style_of(out) */
	bool passing; /* the trace will not stay: nothing refers to its file */
};

/**
 * report_print() - one report of one trace
 * @out:     where to
 * @path:    of the trace; "-" is standard input
 * @options: what and how
 *
 * Source: all events; with lost events or a damaged file the times are lower bounds, and
 * the last line says so.
 *
 * Return: 0; -EINVAL for an unknown kind; what trace_reader_open() and reading return; -EIO
 * when @out takes no more. @err is filled.
 */
int report_print(FILE *out, const char *path, const struct report_options *options,
		 struct err *err);

/* The summary of one screen, as at the end of a recording; @passing: see above. As report_print(). */
int report_print_summary(FILE *out, const char *path, bool passing, struct err *err);

/* The kinds of reports. */
struct report;
struct json;
struct report_kind {
	const char *name;
	const char *summary; /* one line for a list */
	unsigned int needs;  /* NEEDS_* */
	/* @json: inside an object that is open; NULL: as text */
	int (*print)(struct report *report, struct json *json);
};

/* Ended by one without a name. */
extern const struct report_kind report_kinds[];
const struct report_kind *report_kind_find(const char *name);

#define NEEDS_TIMES 1
#define NEEDS_WAITS 2
#define NEEDS_CALLS 4
#define NEEDS_SCHED 8
#define NEEDS_FRAMES 16 /* names of frames and of variables */
#define NEEDS_LOCKS  32
#define NEEDS_STACKS 64
#define NEEDS_WAKERS 128
#define NEEDS_TASKS  256
#define NEEDS_REGIONS 512
#define NEEDS_LOGS   1024

/* A report on its way: what it is made of. Tests fill it by hand. */
struct report {
	FILE *out;
	const struct report_options *options;
	struct style style;
	const char *path;
	const struct trace_info *info;     /* NULL in tests */
	const struct trace_totals *totals; /* NULL: the recording has no end */
	const struct trace_damage *damage; /* NULL: none */
	struct timeline *timeline;
	u64 begin_ns; /* of the stretch that is reported */
	u64 end_ns;
	struct times times;
	struct waits waits;
	struct calls calls;
	struct sched sched;
	struct profile stack_waits; /* by stack: blocked, and runnable */
	struct profile stack_sched;
	struct profile stack_cpu; /* where threads ran, by CPU samples */
	struct losses losses;
	struct frames frames;
	struct history history;
	struct locks locks;
	struct wakers wakers;
	struct tasks tasks;
	struct instances instances;
	struct regions regions;
	struct logs logs;
	bool locks_finished;
};

/* Attaches what @needs asks for. Return: 0 or a negative errno. */
int report_attach(struct report *report, unsigned int needs);
void report_free(struct report *report);

/**
 * report_part() - the tables of a part of a trace, beside those of the whole
 * @part:    filled; report_free() in any case
 * @of:      whose trace is read once more
 * @options: which part; stays
 * @needs:   NEEDS_*
 *
 * Return: 0; -ESPIPE when it cannot be read again; another negative errno.
 */
int report_part(struct report *part, const struct report *of, const struct report_options *options,
		unsigned int needs);

/* The whole output of @kind, losses included. Return: 0 or -ENOMEM. */
int report_write(struct report *report, const struct report_kind *kind);

/* Whether a number may be too small because something is missing. */
bool report_is_lower_bound(const struct report *report);

/* The name of a system call; "futex" forms for futex calls are up to the caller. */
const char *report_syscall(const struct report *report, u16 syscall, char room[32]);

/* What a wait was for: "futex queue_lock (demo_server)" where the variable is known, else as
 * what_text(). Return: @to */
#define REPORT_WHAT_MAX 256
char *report_what(char to[REPORT_WHAT_MAX], const struct report *report, const struct waits_row *row);

/* The name of the variable that a futex of @row lies in, and its module; false: not known */
bool report_futex(char name[FUTEX_NAME_MAX], const char **module, const struct report *report,
		  const struct waits_row *row);

/* The last line of every report: what is missing, and that times are then a lower bound */
void report_losses_line(struct report *report);

/* How many rows to show: --limit, else @fit; all of them as JSON. */
size_t report_limit(const struct report *report, size_t rows, size_t fit);

/* Of a flight recorder's snapshot: why it was taken, what the thread did, how much it holds. */
void report_snapshot_text(struct report *report);
void report_snapshot_json(const struct report *report, struct json *json);

int report_threads(struct report *report, struct json *json);
int report_waits(struct report *report, struct json *json);
int report_locks(struct report *report, struct json *json);
int report_wakers(struct report *report, struct json *json);
int report_tasks(struct report *report, struct json *json);
int report_regions(struct report *report, struct json *json);
int report_logs(struct report *report, struct json *json);
int report_syscalls(struct report *report, struct json *json);
int report_sched(struct report *report, struct json *json);
int report_stacks(struct report *report, struct json *json);
int report_losses(struct report *report, struct json *json);
int report_summary(struct report *report, struct json *json);

#endif
