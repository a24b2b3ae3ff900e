// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* flight - a recording that goes on and on, keeps a window of it, and writes that when asked */
#include "user/record/flight.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/text.h"
#include "user/record/ring_file.h"
#include "user/record/watch.h"

#define WINDOW_LEAST (1u << 20)  /* with less it is of no use */
#define GROWTH       (14u << 20) /* what the rest takes later: columns, stacks, names */
#define SPARE        (3u << 20)  /* what it may grow by from one chunk to the next */
#define OPEN_MOST    4           /* snapshots that wait or are written */
#define LOOK_NS      NSEC_PER_SEC

#define RETELL_LEAST_NS (2 * NSEC_PER_SEC)
#define WALK_MOST_NS    (250 * NSEC_PER_MSEC)
#define WALK_STEP_NS    (2 * NSEC_PER_MSEC)

struct flight {
	struct flight_options options;
	struct intake *intake;
	struct window *window;
	struct snapshots *snapshots;
	struct ring_file *file; /* NULL: none */
	u64 retold_ns;          /* when names were told again for it */
	struct told told;
	struct watch *watch; /* NULL: no trigger needs it */
	struct shelf shelf;
	struct window_counts counted;  /* up to the last chunk */
	struct snapshot_order *wanted; /* not yet due; NULL: none */
	u64 due_ns;
	u64 asked_ns;          /* since then it is found out where threads wait, for that one */
	u64 looked_ns;         /* at the memory */
	u64 suppressed_before; /* told by an earlier snapshot */
	struct flight_status status;
	u64 tickets;
	void (*on_written)(void *ctx, u64 ticket, const struct snapshot_result *result);
	void *written_ctx;
};

static void __attribute__((format(printf, 2, 3))) tell(struct flight *flight, const char *fmt, ...)
{
	char line[1024];
	va_list args;

	if (!flight->options.on_fact)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	flight->options.on_fact(flight->options.ctx, line);
}

static u64 resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (file && fscanf(file, "%*s %lu", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return (u64)pages * (u64)sysconf(_SC_PAGESIZE);
}

/* What the rest of the process leaves */
static void adapt_window(struct flight *flight)
{
	u64 rest, most = flight->options.memory_bytes - SPARE;

	flight->status.memory_bytes = resident_bytes();
	flight->status.window = window_status(flight->window);
	rest = flight->status.memory_bytes -
	       min(flight->status.memory_bytes, (u64)flight->status.window.bytes);
	window_limit(flight->window, most > rest ? most - rest : 0,
		     flight->options.window_ns + flight->options.after_ns);
}

static void count(struct window_counts *now, const struct intake *intake)
{
	*now = (struct window_counts){ 0 };
	memcpy(now->recorded, intake->recorded, sizeof(now->recorded));
	for (unsigned int cpu = 0; cpu < intake->probes->cpus; cpu++)
		for (size_t i = 0; i < CLASS_COUNT; i++)
			now->lost[i] += intake->losses[cpu].ever[i];
}

static bool has_room(void *ctx)
{
	return true;
}

static int put(void *ctx, const struct chunk *chunk, struct err *err)
{
	struct flight *flight = ctx;
	struct window_counts now, part;

	count(&now, flight->intake);
	for (size_t i = 0; i < CLASS_COUNT; i++) {
		part.recorded[i] = now.recorded[i] - flight->counted.recorded[i];
		part.lost[i] = now.lost[i] - flight->counted.lost[i];
	}
	flight->counted = now;
	adapt_window(flight);
	if (window_put(flight->window, chunk, &part))
		tell(flight, "no memory for a chunk of the window, which begins anew");
	if (flight->file)
		ring_file_wake(flight->file);
	return 0;
}

/* One of the triggers: it joins a snapshot that is wanted already, or makes one, if it may. */
static void on_met(void *ctx, const struct cause *cause)
{
	struct flight *flight = ctx;
	u64 now = clock_mono_ns();
	bool joins = flight->wanted && !flight->wanted->replace;

	flight->status.triggers++;
	if (!joins && (!restraint_allows(flight->options.restraint, cause, now) ||
		       !shelf_wants(&flight->shelf, cause))) {
		flight->status.suppressed++;
		return;
	}
	if (flight_snapshot(flight, NULL, cause, NULL))
		flight->status.suppressed++;
	else if (!joins)
		restraint_took(flight->options.restraint, cause, now);
}

/* What can be known to go wrong should be told now, and not when a snapshot is wanted. */
static int check_directory(const char *dir, struct err *err)
{
	if (!faccessat(AT_FDCWD, *dir ? dir : ".", W_OK | X_OK, AT_EACCESS))
		return 0;
	fail(err, -errno, "--dir: cannot write to '%s': %s", *dir ? dir : ".", strerror(errno));
	return hint(err, "the recorder gives up the right to write where only root may; it needs a "
			 "directory of its own user");
}

static int check_memory(const struct flight_options *options, struct err *err)
{
	u64 rest = resident_bytes() + GROWTH + SPARE;
	char asked[TEXT_MAX], least[TEXT_MAX];

	if (options->memory_bytes >= rest + WINDOW_LEAST)
		return 0;
	fail(err, -EINVAL, "--memory: %s leave nothing for the window",
	     text_bytes(asked, options->memory_bytes));
	return hint(err,
		    "the recorder itself takes up to %s of it; a smaller --ring-size needs less",
		    text_bytes(least, rest));
}

static int open_file(struct flight *flight, const struct trace_info *info, struct err *err)
{
	const char *path = flight->options.window_file;
	bool moved = false;
	int r = ring_file_open(&flight->file, path, flight->options.memory_bytes, flight->window,
			       info, &moved, err);

	if (moved)
		tell(flight,
		     "'%s' was there, left by a recorder that was killed; it is now '%s.old'", path,
		     path);
	return r;
}

int flight_open(struct flight **out, const struct flight_options *options, struct intake *intake,
		const struct trace_info *info, struct err *err)
{
	CLEANUP(flight_free) struct flight *flight = calloc(1, sizeof(*flight));
	struct watch_options watch = {
		.triggers = options->triggers,
		.count = options->trigger_count,
		.met = on_met,
		.ctx = flight,
		/* Who keeps the slowest has to know how slow: it waits for the end, but not until
		 * the begin has left the window. */
		.running_ns = options->shelf.keep_slowest ? options->window_ns / 2 : 0,
	};
	int r;

	if (!flight)
		return fail(err, -ENOMEM, "no memory for the flight recorder");
	flight->options = *options;
	flight->intake = intake;
	r = check_memory(options, err);
	r = r ?: check_directory(options->shelf.dir, err);
	r = r ?: window_new(&flight->window, options->memory_bytes, options->window_ns, err);
	r = r ?: snapshots_new(&flight->snapshots, flight->window, info, err);
	if (!r && options->window_file)
		r = open_file(flight, info, err);
	r = r ?: shelf_open(&flight->shelf, &options->shelf, err);
	if (!r && options->trigger_count)
		r = watch_new(&flight->watch, &watch, err);
	if (r < 0)
		return r;
	adapt_window(flight);
	intake->watch = flight->watch;
	intake->sink = (struct chunk_sink){ .ctx = flight, .has_room = has_room, .put = put };
	intake->told = &flight->told;
	*out = take(flight);
	return 0;
}

void flight_free(struct flight *flight)
{
	if (!flight)
		return;
	snapshots_free(flight->snapshots);
	ring_file_close(flight->file);
	window_free(flight->window);
	told_free(&flight->told);
	watch_free(flight->watch);
	shelf_close(&flight->shelf);
	snapshot_order_free(flight->wanted);
	free(flight);
}

/* When a snapshot has to begin, so that it holds what it was taken for, too */
static u64 begin_of(const struct flight *flight, const struct cause *cause)
{
	u64 from_ns = cause->time_ns - min(cause->time_ns, flight->options.before_ns);

	return cause->begin_ns ? min(from_ns, cause->begin_ns) : from_ns;
}

static void add_cause(struct flight *flight, const struct cause *cause)
{
	struct snapshot_order *order = flight->wanted;

	order->from_ns = min(order->from_ns, begin_of(flight, cause));
	if (order->cause_count < SNAPSHOT_CAUSES_MAX)
		order->causes[order->cause_count++] = *cause;
	else
		order->more++;
}

/*
 * Who still waits has told no stack, which comes with the wait's end. Return: whether all that will
 * be known is known by now.
 */
static bool know_where_threads_wait(struct flight *flight, u64 now)
{
	if (!flight->asked_ns) {
		flight->asked_ns = now;
		intake_find_blocked(flight->intake);
		intake_ask_blocked(flight->intake);
		return false;
	}
	if (flight->intake->cut_ns < flight->asked_ns)
		return false; /* stacks of the kernel are still in the rings */
	return intake_is_resolved(flight->intake) || now - flight->asked_ns > WALK_MOST_NS;
}

/* The next one may find memory again. */
static void give_up(struct flight *flight)
{
	struct snapshot_result result = { .order = flight->wanted };

	fail(&result.err, -ENOMEM, "no memory for a snapshot");
	tell(flight, "no snapshot: %s", result.err.text);
	flight->status.failed++;
	if (flight->on_written)
		flight->on_written(flight->written_ctx, flight->wanted->ticket, &result);
	snapshot_order_free(take(flight->wanted));
	flight->asked_ns = 0;
}

/* Closes the window at this moment, and has it written. */
static int take_snapshot(struct flight *flight, struct err *err)
{
	struct snapshot_order *order = flight->wanted;
	int r = intake_close_snapshot(flight->intake, err);

	if (r < 0)
		return r;
	if (!order->path)
		order->path = shelf_path(&flight->shelf);
	if (!order->path) {
		give_up(flight);
		return 0;
	}
	flight->status.window = window_status(flight->window);
	order->last_number = flight->status.window.newest;
	order->suppressed = flight->status.suppressed - flight->suppressed_before;
	flight->suppressed_before = flight->status.suppressed;
	order->untracked = flight->intake->probes->control->untracked;
	order->recorder_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (snapshots_order(flight->snapshots, order))
		give_up(flight);
	flight->wanted = NULL;
	flight->asked_ns = 0;
	return 0;
}

int flight_snapshot(struct flight *flight, const char *path, const struct cause *cause, u64 *ticket)
{
	struct snapshot_order *order;

	if (flight->wanted && path)
		return -EBUSY;
	if (!flight->wanted) {
		if (snapshots_open(flight->snapshots) >= OPEN_MOST)
			return -EBUSY;
		order = calloc(1, sizeof(*order));
		if (!order)
			return -ENOMEM;
		order->path = path ? strdup(path) : NULL;
		order->replace = path;
		order->from_ns = UINT64_MAX;
		order->before_ns = flight->options.before_ns;
		order->after_ns = flight->options.after_ns;
		order->ticket = ++flight->tickets;
		flight->wanted = order;
		flight->due_ns = cause->time_ns + flight->options.after_ns;
	}
	add_cause(flight, cause);
	if (ticket)
		*ticket = flight->wanted->ticket;
	return 0;
}

void flight_on_written(struct flight *flight,
		       void (*written)(void *ctx, u64 ticket, const struct snapshot_result *result),
		       void *ctx)
{
	flight->on_written = written;
	flight->written_ctx = ctx;
}

void flight_signal(struct flight *flight, u32 pid)
{
	struct cause cause = { .trigger = CAUSE_ASKED, .time_ns = clock_mono_ns() };

	strcpy(cause.text, "signal");
	snprintf(cause.what, sizeof(cause.what), "SIGUSR1 from process %u", pid);
	flight->status.triggers++;
	if (flight_snapshot(flight, NULL, &cause, NULL))
		flight->status.suppressed++;
}

static void on_removed(void *ctx, const char *path, int code)
{
	struct flight *flight = ctx;

	if (code < 0)
		tell(flight, "cannot remove '%s': %s", path, strerror(-code));
	else
		tell(flight, "removed %s", path);
}

static const struct cause *slowest(const struct snapshot_order *order)
{
	const struct cause *found = &order->causes[0];

	for (u32 i = 1; i < order->cause_count; i++)
		if (order->causes[i].duration_ns > found->duration_ns)
			found = &order->causes[i];
	return found;
}

static void tell_result(struct flight *flight, const struct snapshot_result *result)
{
	const struct snapshot_order *order = result->order;
	char why[3 * CAUSE_TEXT_MAX], length[TEXT_MAX], size[TEXT_MAX], took[TEXT_MAX];

	if (result->err.code) {
		flight->status.failed++;
		tell(flight, "no snapshot: %s%s%s%s", result->err.text,
		     result->err.hint[0] ? " (" : "", result->err.hint,
		     result->err.hint[0] ? ")" : "");
		return;
	}
	flight->status.snapshots++;
	cause_describe(why, sizeof(why), &order->causes[0]);
	tell(flight, "snapshot %s: %s, %s, %" PRIu64 " lost, written in %s; because of %s%s",
	     order->path, text_duration(length, result->to_ns - result->from_ns),
	     text_bytes(size, result->bytes), result->lost, text_duration(took, result->took_ns),
	     why, order->cause_count > 1 ? " and others" : "");
	if (!order->replace)
		shelf_add(&flight->shelf, order->path, result->bytes, slowest(order), on_removed,
			  flight);
}

static void take_results(struct flight *flight)
{
	struct snapshot_result result;

	while (snapshots_take(flight->snapshots, &result)) {
		tell_result(flight, &result);
		if (flight->on_written)
			flight->on_written(flight->written_ctx, result.order->ticket, &result);
		snapshot_order_free(result.order);
	}
}

/* The file has no last chunk that tells all names, so they are told again now and then. */
static void look_after_file(struct flight *flight, u64 now)
{
	struct err err = { 0 };

	if (ring_file_trouble(flight->file, &err))
		tell(flight, "%s", err.text);
	if (now - flight->retold_ns < max(flight->options.window_ns / 4, RETELL_LEAST_NS))
		return;
	flight->retold_ns = now;
	intake_tell_again(flight->intake);
}

int flight_turn(struct flight *flight, struct err *err)
{
	u64 now = clock_mono_ns();

	take_results(flight);
	if (now - flight->looked_ns >= LOOK_NS) {
		flight->looked_ns = now;
		adapt_window(flight);
		if (flight->file)
			look_after_file(flight, now);
	}
	/* What happened up to that moment has to be drained. */
	if (flight->wanted && flight->intake->cut_ns >= flight->due_ns &&
	    know_where_threads_wait(flight, now))
		return take_snapshot(flight, err);
	return 0;
}

u64 flight_due_ns(const struct flight *flight)
{
	u64 due_ns = flight->watch ? watch_due_ns(flight->watch) : UINT64_MAX;

	if (flight->wanted)
		due_ns = min(due_ns,
			     flight->asked_ns ? clock_mono_ns() + WALK_STEP_NS : flight->due_ns);
	/* The drain stays a little behind. */
	return due_ns == UINT64_MAX ? due_ns : due_ns + NSEC_PER_MSEC;
}

unsigned int flight_interval_ms(const struct flight *flight)
{
	return flight->watch ? watch_interval_ms(flight->watch) : UINT32_MAX;
}

int flight_fd(const struct flight *flight)
{
	return snapshots_fd(flight->snapshots);
}

static void meet_exit(struct flight *flight)
{
	struct cause cause = { .time_ns = clock_mono_ns() };

	for (u32 i = 0; i < flight->options.trigger_count; i++) {
		if (flight->options.triggers[i].kind != TRIGGER_EXIT)
			continue;
		cause.trigger = i;
		strcpy(cause.text, flight->options.triggers[i].text);
		on_met(flight, &cause);
	}
}

bool flight_end(struct flight *flight, struct err *err)
{
	u64 before = flight->status.failed;
	int r;

	meet_exit(flight);
	r = flight->wanted ? take_snapshot(flight, err) : 0;

	while (snapshots_open(flight->snapshots)) {
		take_results(flight);
		usleep(1000);
	}
	if (flight->status.suppressed)
		tell(flight, "%" PRIu64 " triggers made no snapshot", flight->status.suppressed);
	return !r && flight->status.failed == before;
}

void flight_get_status(struct flight *flight, struct flight_status *status)
{
	flight->status.window = window_status(flight->window);
	flight->status.removed = flight->shelf.removed;
	flight->status.unwatched = flight->watch ? watch_left_out(flight->watch) : 0;
	flight->status.pending = flight->wanted || snapshots_open(flight->snapshots);
	*status = flight->status;
}
