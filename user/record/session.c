// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * session - one recording, from the attached programs to the finished file
 *
 * The rings are drained on a timer, in stretches of time that are the same for all CPUs: every
 * event up to a cut is in the open chunk before anything later is. So a chunk can be closed at
 * any cut, and no later chunk holds an earlier event. The timer follows the load; a ring that
 * gets half full rings a doorbell once.
 */
#include "user/record/session.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/record/host.h"
#include "user/record/mappings.h"
#include "user/record/probes.h"
#include "user/record/ring.h"
#include "user/record/syscalls.h"
#include "user/record/target.h"
#include "user/trace/chunk.h"
#include "user/trace/writer.h"

#define CUT_BEHIND_NS	(100 * NSEC_PER_USEC)	/* a program may be between its clock and its ring */
#define STRETCH_NS	(50 * NSEC_PER_MSEC)	/* drained at once; more would overfill a chunk */
#define CHUNK_NS	(800 * NSEC_PER_MSEC)	/* what a kill of the recorder may cost, nearly */
#define STALL_NS	(50 * NSEC_PER_MSEC)	/* how long a chunk waits for an unfinished record */
#define STATUS_NS	(500 * NSEC_PER_MSEC)
#define INTERVAL_LEAST_MS 2
#define INTERVAL_MOST_MS  100
#define MAPPINGS_AT_ONCE  16

struct cpu_losses {
	u64 seen[CLASS_COUNT];	/* of what the programs count */
	u64 ever[CLASS_COUNT];	/* and what the encoder had no room for */
	struct trace_loss untold;	/* of these, what is not yet in a chunk */
	u64 untold_sum;
};

struct session {
	const struct session_options *options;
	struct session_status *status;
	struct probes *probes;
	struct chunk_encoder *encoder;
	struct trace_writer *writer;
	struct mappings *mappings;
	struct cpu_losses *losses;
	struct command_child child;
	int signals;		/* signalfd */
	u64 start_ns;
	u64 cut_ns;		/* everything up to here is in a chunk */
	u64 chunk_since_ns;	/* when the first event came into the open chunk; 0: empty */
	u64 stalled_since_ns;
	u64 recorded[CLASS_COUNT];
	u64 cpu_ns_before;	/* what loading took is not the recording's */
	u64 status_ns, status_events;
	unsigned int interval_ms;
	bool ending;
};

static u64 own_cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return ((u64)usage.ru_utime.tv_sec + (u64)usage.ru_stime.tv_sec) * NSEC_PER_SEC +
	       ((u64)usage.ru_utime.tv_usec + (u64)usage.ru_stime.tv_usec) * NSEC_PER_USEC;
}

static void add_losses(struct session *session, unsigned int cpu, enum event_class class,
		       u64 count, u64 from_ns, u64 to_ns)
{
	struct cpu_losses *losses = &session->losses[cpu];
	struct trace_loss *untold = &losses->untold;

	untold->from_ns = losses->untold_sum ? min(untold->from_ns, from_ns) : from_ns;
	untold->to_ns = max(untold->to_ns, to_ns);
	untold->counts[class] += count;
	losses->untold_sum += count;
	losses->ever[class] += count;
	session->status->lost += count;
}

/* An event for which the encoder has no room is a loss like any other. */
static void count_loss(struct session *session, const struct trace_event *event)
{
	enum event_class class = trace_event_class(event->kind);

	if (class < CLASS_COUNT)
		add_losses(session, event->cpu, class, 1, event->time_ns, event->time_ns);
}

static int keep(struct session *session, const struct trace_event *event)
{
	enum event_class class = trace_event_class(event->kind);
	int r = chunk_add(session->encoder, event);

	if (unlikely(r < 0)) {
		count_loss(session, event);
		return r;
	}
	if (class < CLASS_COUNT) {
		session->recorded[class]++;
		session->status->events++;
	}
	return 0;
}

/* One event out of a ring */
static int on_event(void *ctx, const struct trace_event *event)
{
	struct session *session = ctx;

	switch (event->kind) {
	case EVENT_MAPPING:
		/* Only a hint: the mapping itself is read from /proc. It counts as recorded. */
		mappings_mark(session->mappings, event->mapping->tgid);
		session->recorded[CLASS_PROCESS]++;
		return 0;
	case EVENT_THREAD:
		if (event->thread->tid == event->thread->tgid)
			mappings_mark(session->mappings, event->thread->tgid);
		break;
	case EVENT_EXEC:
		mappings_mark(session->mappings, event->exec.tid);
		break;
	default:
		break;
	}
	return keep(session, event);
}

static int on_mapping(void *ctx, const struct trace_event *event)
{
	struct session *session = ctx;
	struct trace_event at_cut = *event;

	/* Learnt now; the open chunk ends at the cut. */
	at_cut.time_ns = session->cut_ns;
	return chunk_add(session->encoder, &at_cut);
}

/* What found no room on @cpu since the last look becomes an event of its own. */
static void keep_losses(struct session *session, unsigned int cpu)
{
	struct cpu_state *state = session->probes->rings[cpu].state;
	struct cpu_losses *losses = &session->losses[cpu];
	struct trace_event event = { .cpu = (u16)cpu, .kind = EVENT_LOSS, .loss = &losses->untold };
	u64 counts[CLASS_COUNT], sum = 0, from_ns, to_ns;

	for (size_t i = 0; i < CLASS_COUNT; i++) {
		u64 lost = __atomic_load_n(&state->lost[i], __ATOMIC_RELAXED);

		counts[i] = lost - losses->seen[i];
		losses->seen[i] = lost;
		sum += counts[i];
	}
	if (sum) {
		to_ns = __atomic_load_n(&state->lost_last_ns, __ATOMIC_RELAXED);
		from_ns = __atomic_exchange_n(&state->lost_first_ns, 0, __ATOMIC_RELAXED);
		if (!from_ns || from_ns > to_ns)
			from_ns = to_ns;
		for (enum event_class class = 0; class < CLASS_COUNT; class++)
			add_losses(session, cpu, class, counts[class], from_ns, to_ns);
	}
	if (!losses->untold_sum)
		return;
	/* Before any event behind the gap, or readers could not explain what follows by it. */
	event.time_ns = min(losses->untold.from_ns, session->cut_ns);
	if (chunk_add(session->encoder, &event) < 0)
		return;	/* a full chunk: the next one tells */
	losses->untold = (struct trace_loss){ 0 };
	losses->untold_sum = 0;
}

/* Return: the largest share of a ring that was in use, in 1/256. */
static unsigned int drain_to(struct session *session, u64 cut_ns, bool *stalled)
{
	struct probes *probes = session->probes;
	u64 fullest = 0;

	for (unsigned int cpu = 0; cpu < probes->cpus; cpu++) {
		struct ring *ring = &probes->rings[cpu];
		u64 used = __atomic_load_n(&ring->state->head, __ATOMIC_RELAXED) - ring->tail;

		fullest = max(fullest, used);
		if (used)
			ring_drain(ring, (u16)cpu, probes->ring_bytes, cut_ns, on_event, session,
				   stalled);
	}
	session->cut_ns = cut_ns;
	for (unsigned int cpu = 0; cpu < probes->cpus; cpu++)
		keep_losses(session, cpu);
	return (unsigned int)(fullest * 256 / probes->ring_bytes);
}

static int close_chunk(struct session *session, struct err *err)
{
	struct chunk chunk;
	int r;

	session->chunk_since_ns = 0;
	session->stalled_since_ns = 0;
	r = chunk_finish(session->encoder, session->cut_ns, &chunk, err);
	if (r < 0)
		return r;
	r = trace_writer_chunk(session->writer, &chunk, err);
	session->status->file_bytes = trace_writer_bytes(session->writer);
	return r;
}

/* A chunk is closed when it is large or old, but rather not while a CPU is in mid-record. */
static int close_chunk_if_due(struct session *session, bool stalled, struct err *err)
{
	u64 now = clock_mono_ns();

	if (!chunk_events(session->encoder))
		return 0;
	if (!session->chunk_since_ns)
		session->chunk_since_ns = now;
	if (!chunk_full(session->encoder) && now - session->chunk_since_ns < CHUNK_NS)
		return 0;
	if (stalled) {
		if (!session->stalled_since_ns)
			session->stalled_since_ns = now;
		if (now - session->stalled_since_ns < STALL_NS)
			return 0;
	}
	return close_chunk(session, err);
}

/* Everything up to now, in stretches. Return: 0 or a negative errno: the file takes no more. */
static int drain(struct session *session, unsigned int *fullest, struct err *err)
{
	u64 until = clock_mono_ns() - CUT_BEHIND_NS;
	bool last;

	*fullest = 0;
	do {
		u64 cut = min(until, session->cut_ns + STRETCH_NS);
		bool stalled = false;
		unsigned int used;
		int r;

		last = cut >= until;
		if (cut <= session->cut_ns)
			return 0;
		used = drain_to(session, cut, &stalled);
		*fullest = max(*fullest, used);
		r = close_chunk_if_due(session, stalled, err);
		if (r < 0)
			return r;
	} while (!last);
	mappings_read(session->mappings, MAPPINGS_AT_ONCE, on_mapping, session);
	return 0;
}

static int drain_between(void *ctx, struct err *err)
{
	unsigned int fullest;

	return drain(ctx, &fullest, err);
}

/* Often enough that a ring is at an eighth when it is drained, and no oftener. */
static void choose_interval(struct session *session, unsigned int fullest)
{
	unsigned int next = fullest ? session->interval_ms * 32 / fullest : INTERVAL_MOST_MS;

	next = min(next, session->interval_ms * 2);
	session->interval_ms = min(max(next, (unsigned int)INTERVAL_LEAST_MS),
				   (unsigned int)INTERVAL_MOST_MS);
}

static void update_status(struct session *session, bool force)
{
	struct session_status *status = session->status;
	u64 now = clock_mono_ns();
	u64 since = now - session->status_ns;

	if (since < STATUS_NS && !force)
		return;
	status->elapsed_ns = now - session->start_ns;
	if (since)
		status->events_per_second =
			(u64)((double)(status->events - session->status_events) * 1e9 / since);
	status->recorder_cpu_ns = own_cpu_ns() - session->cpu_ns_before;
	status->untracked = session->probes->control->untracked;
	session->status_ns = now;
	session->status_events = status->events;
	if (session->options->on_status)
		session->options->on_status(session->options->ctx, session->options);
}

static void end_because(struct session *session, enum trace_end why)
{
	if (session->ending)
		return;
	session->ending = true;
	session->status->why = why;
}

static void take_signals(struct session *session)
{
	struct signalfd_siginfo info;

	while (read(session->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			end_because(session, TRACE_END_ASKED);
	if (session->child.pid <= 0 || session->status->command_ended)
		return;
	if (waitpid(session->child.pid, &session->status->command_status, WNOHANG) ==
	    session->child.pid) {
		session->status->command_ended = true;
		end_because(session, TRACE_END_TARGET);
	}
}

static bool target_has_gone(struct session *session)
{
	const struct session_options *options = session->options;

	return options->pid_count && !options->command &&
	       !__atomic_load_n(&session->probes->control->threads, __ATOMIC_RELAXED);
}

static int look_for_threads(struct session *session, struct err *err)
{
	int r = probes_find_threads(session->probes, drain_between, session, err);

	return r < 0 ? r : 0;
}

/* No thread of the target was there, nor came since. Return: 0 when some have been seen. */
static int nothing_found(struct session *session, struct err *err)
{
	const struct session_options *options = session->options;
	const char *more = options->pid_count > 1 ? " and the others" : "";

	if (session->probes->control->exited || session->probes->control->untracked)
		return 0;
	if (options->pids[0] == getpid()) {
		fail(err, -EINVAL, "process %d is this recorder, which leaves itself out", getpid());
		return hint(err, "give the number of another process");
	}
	fail(err, -ESRCH, "process %d%s ended before the recording began", options->pids[0], more);
	return hint(err, "if it still runs, this kernel does not show it to tracing programs");
}

static int record(struct session *session, struct err *err)
{
	const struct session_options *options = session->options;
	u64 end_ns = options->duration_ns ? session->start_ns + options->duration_ns : UINT64_MAX;

	session->interval_ms = 10;
	while (!session->ending) {
		u64 now = clock_mono_ns();
		u64 left_ms = now < end_ns ? (end_ns - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC : 0;
		unsigned int fullest;
		int r;

		probes_wait(session->probes, session->signals,
			    (int)min((u64)session->interval_ms, left_ms));
		take_signals(session);
		if (clock_mono_ns() >= end_ns)
			end_because(session, TRACE_END_DURATION);
		r = drain(session, &fullest, err);
		if (r < 0)
			return r;
		choose_interval(session, fullest);
		if (__atomic_exchange_n(&session->probes->control->look_again, 0, __ATOMIC_RELAXED)) {
			r = look_for_threads(session, err);
			if (r < 0)
				return r;
		}
		if (target_has_gone(session))
			end_because(session, TRACE_END_TARGET);
		update_status(session, false);
	}
	return 0;
}

/* From here on a signal has its usual effect: the second Ctrl-C ends at once. */
static void release_signals(struct session *session)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int take_over_signals(struct session *session, struct err *err)
{
	struct sigaction hangup;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	/* nohup ignores it; to block it would bring it back. */
	if (sigaction(SIGHUP, NULL, &hangup) || hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A full disk or a closed pipe is an error that is told, not the end. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	session->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (session->signals < 0)
		return fail(err, -errno, "cannot listen to signals: %s", strerror(errno));
	return 0;
}

static int open_writer(struct session *session, const struct clock_stamp *start, struct err *err)
{
	const struct session_options *options = session->options;
	const struct syscall_names *names = syscall_names();
	struct utsname host;
	struct trace_info info = {
		.tracer_version = TRACER_VERSION,
		.cpu_count = (u32)sysconf(_SC_NPROCESSORS_ONLN),
		.page_bytes = (u32)sysconf(_SC_PAGESIZE),
		.memory_bytes = (u64)sysconf(_SC_PHYS_PAGES) * (u64)sysconf(_SC_PAGESIZE),
		.command_line = options->command_line,
		.target = options->target,
		.class_mask = options->class_mask,
		.follows_children = options->children,
		.start = *start,
		.syscall_numbers = names->numbers,
		.syscall_names = names->names,
		.syscall_count = names->count,
	};

	uname(&host);
	info.host = host.nodename;
	info.kernel_release = host.release;
	info.kernel_version = host.version;
	info.machine = host.machine;
	return trace_writer_open(&session->writer, options->output, options->replace, &info, err);
}

static int close_last_chunk(struct session *session, struct err *err)
{
	int r = chunk_events(session->encoder) ? close_chunk(session, err) : 0;

	if (r < 0)
		return r;
	/* Losses that it had no room for make one more. */
	for (unsigned int cpu = 0; cpu < session->probes->cpus; cpu++)
		keep_losses(session, cpu);
	return chunk_events(session->encoder) ? close_chunk(session, err) : 0;
}

static int finish(struct session *session, struct err *err)
{
	struct trace_totals totals = {
		.why = session->status->why,
		.events = session->status->events,
		.untracked_threads = session->probes->control->untracked,
	};
	struct rusage usage;
	int r = 0;

	update_status(session, true);
	getrusage(RUSAGE_SELF, &usage);
	totals.end.mono_ns = session->cut_ns;
	totals.end = clock_stamp_now();
	totals.recorder_cpu_ns = session->status->recorder_cpu_ns;
	totals.recorder_memory_bytes = (u64)usage.ru_maxrss * 1024;
	session->status->memory_bytes = totals.recorder_memory_bytes;
	for (unsigned int cpu = 0; cpu < session->probes->cpus; cpu++)
		session->status->ring_bytes_used += session->probes->rings[cpu].tail;
	memcpy(totals.recorded, session->recorded, sizeof(totals.recorded));
	for (unsigned int cpu = 0; cpu < session->probes->cpus; cpu++)
		for (size_t i = 0; i < CLASS_COUNT; i++)
			totals.lost[i] += session->losses[cpu].ever[i];
	if (session->status->why != TRACE_END_DISK_FULL)
		r = close_last_chunk(session, err);
	totals.end.mono_ns = session->cut_ns;
	if (r < 0) {
		struct err later = { 0 };

		/* What was written before is whole: keep it, and tell the first error. */
		totals.why = r == -ENOSPC || r == -EDQUOT ? TRACE_END_DISK_FULL : TRACE_END_ERROR;
		trace_writer_finish(take(session->writer), &totals, &later);
		return r;
	}
	session->status->file_bytes = trace_writer_bytes(session->writer);
	return trace_writer_finish(take(session->writer), &totals, err);
}

/* The last events: nothing is added to the rings any more. */
static int drain_rest(struct session *session, struct err *err)
{
	unsigned int fullest;
	int r;

	probes_stop(session->probes);
	/*
	 * Programs that were running when the flag changed still submit; when each CPU has passed
	 * a quiet state, they have. Where that cannot be asked for, a moment has to do.
	 */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	usleep(1000);
	r = drain(session, &fullest, err);
	return r;
}

/* Ends the file in any case. Return: @r, or what went wrong now. */
static int end_recording(struct session *session, int r, struct err *err)
{
	struct err later = { 0 };
	int ended;

	if (r >= 0) {
		r = drain_rest(session, err);
	} else {
		probes_stop(session->probes);
	}
	if (r < 0)
		session->status->why = r == -ENOSPC || r == -EDQUOT || r == -EFBIG
					       ? TRACE_END_DISK_FULL
					       : TRACE_END_ERROR;
	release_signals(session);
	ended = finish(session, r < 0 ? &later : err);
	return r < 0 ? r : ended;
}

static int run(struct session *session, struct err *err)
{
	const struct session_options *options = session->options;
	struct probes_options probes = {
		.all = options->all,
		.children = options->children,
		.command = options->command,
		.pids = options->command ? &session->child.pid : options->pids,
		.pid_count = options->command ? 1 : options->pid_count,
		.class_mask = options->class_mask,
		.wakeups = options->wakeups,
		.args = options->args,
		.ring_bytes = options->ring_bytes,
		.verbose = options->verbose,
	};
	struct clock_stamp start;
	int r = 0;

	if (!host_in_first_time_namespace()) {
		fail(err, -ENOTSUP, "in a time namespace the kernel's clock is not this one's");
		return hint(err, "record from outside, as with: nsenter -t 1 -T tracer ...");
	}
	if (options->cgroup)
		r = target_cgroup(&probes.cgroup, options->cgroup, err);
	r = r ?: probes_open(&session->probes, &probes, err);
	if (r < 0)
		return r;
	session->status->ring_bytes = session->probes->ring_bytes;
	session->losses = calloc(session->probes->cpus, sizeof(*session->losses));
	if (!session->losses)
		return fail(err, -ENOMEM, "no memory for the recorder");
	r = mappings_new(&session->mappings, err);
	start = clock_stamp_now();
	r = r ?: chunk_encoder_new(&session->encoder, session->probes->cpus, start.mono_ns, err);
	r = r ?: open_writer(session, &start, err);
	if (r < 0)
		return r;

	session->start_ns = session->cut_ns = session->status_ns = start.mono_ns;
	session->cpu_ns_before = own_cpu_ns();
	probes_start(session->probes);
	r = options->command ? command_go(&session->child, options->command[0], err) :
			       look_for_threads(session, err);
	if (r >= 0 && target_has_gone(session))
		r = nothing_found(session, err);
	if (r < 0) {
		/* Nothing was recorded yet that anybody asked for. */
		trace_writer_abort(take(session->writer));
		return r;
	}
	return end_recording(session, record(session, err), err);
}

int session_run(const struct session_options *options, struct err *err)
{
	struct session session = { .options = options,
				   .status = options->status,
				   .signals = -1,
				   .child = { .go = -1, .failed = -1 } };
	int r = 0;

	*session.status = (struct session_status){ 0 };
	for (size_t i = 0; i < options->pid_count && !r; i++)
		r = target_check_pid(options->pids[i], err);
	r = r ?: take_over_signals(&session, err);
	if (!r && options->command) {
		r = command_start(&session.child, options->command, err);
		session.status->command_pid = session.child.pid;
	}
	r = r ?: run(&session, err);
	command_abort(&session.child);
	trace_writer_abort(session.writer);
	chunk_encoder_free(session.encoder);
	mappings_free(session.mappings);
	probes_close(session.probes);
	free(session.losses);
	if (session.signals >= 0)
		close(session.signals);
	release_signals(&session);
	return r;
}
