// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * session - one recording, from the attached programs to the finished file
 *
 * The rings are drained on a timer, which follows the load: a ring should be at an eighth when
 * it is drained. One that gets half full before rings a doorbell once.
 */
#include "user/record/session.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/record/host.h"
#include "user/record/inside.h"
#include "user/record/keep.h"
#include "user/record/notify.h"
#include "user/record/privileges.h"
#include "user/record/target.h"
#include "user/record/urgency.h"

#define STATUS_NS         (400 * NSEC_PER_MSEC)
#define INTERVAL_LEAST_MS 2
#define RESOLVE_NS        (2 * NSEC_PER_SEC) /* so long the end waits for names of frames */
#define INTERVAL_MOST_MS  450 /* waking up costs more than what few events there are */
#define LEARNING_MOST_MS  50  /* as long as the programs lack rules to walk stacks with */

u64 session_sample_period_ns(const struct session_options *options)
{
	return options->sample_hz ? NSEC_PER_SEC / options->sample_hz : 0;
}

static u64 own_cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return ((u64)usage.ru_utime.tv_sec + (u64)usage.ru_stime.tv_sec) * NSEC_PER_SEC +
	       ((u64)usage.ru_utime.tv_usec + (u64)usage.ru_stime.tv_usec) * NSEC_PER_USEC;
}

static int drain_between(void *ctx, struct err *err)
{
	struct session *session = ctx;
	unsigned int fullest;

	return intake_drain(&session->intake, &fullest, err);
}

/* Often enough that a ring is at an eighth when it is drained, and no oftener. */
static void choose_interval(struct session *session, unsigned int fullest)
{
	unsigned int most = session->intake.learning ? LEARNING_MOST_MS : INTERVAL_MOST_MS;
	unsigned int next = fullest ? session->interval_ms * 32 / fullest : INTERVAL_MOST_MS;

	if (session->flight)
		most = min(most, flight_interval_ms(session->flight));
	next = min(next, session->interval_ms * 2);
	session->interval_ms = min(max(next, (unsigned int)INTERVAL_LEAST_MS), most);
}

void session_update_status(struct session *session, bool force)
{
	struct session_status *status = session->status;
	u64 now = clock_mono_ns();
	u64 since = now - session->status_ns;

	if (since < STATUS_NS && !force)
		return;
	status->elapsed_ns = now - session->start_ns;
	status->events = session->intake.events;
	status->lost = session->intake.lost;
	status->file_bytes = keep_bytes(session);
	if (since)
		status->events_per_second =
			(u64)((double)(status->events - session->status_events) * 1e9 / since);
	status->recorder_cpu_ns = own_cpu_ns() - session->cpu_ns_before;
	status->untracked = session->probes->control->untracked;
	session->status_ns = now;
	session->status_events = status->events;
	intake_toll(&session->intake, &status->toll);
	if (session->options->on_status)
		session->options->on_status(session->options->ctx, session->options);
}

void session_end(struct session *session, enum trace_end why)
{
	if (session->ending)
		return;
	session->ending = true;
	session->status->why = why;
}

static void take_signals(struct session *session)
{
	struct signalfd_siginfo info;

	while (read(session->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			flight_signal(session->flight, info.ssi_pid);
		else if (info.ssi_signo != SIGCHLD)
			session_end(session, TRACE_END_ASKED);
	}
	if (session->child.pid <= 0 || session->status->command_ended)
		return;
	if (waitpid(session->child.pid, &session->status->command_status, WNOHANG) ==
	    session->child.pid) {
		session->status->command_ended = true;
		session_end(session, TRACE_END_TARGET);
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
		fail(err, -EINVAL, "process %d is this recorder, which leaves itself out",
		     getpid());
		return hint(err, "give the number of another process");
	}
	fail(err, -ESRCH, "process %d%s ended before the recording began", options->pids[0], more);
	return hint(err, "if it still runs, this kernel does not show it to tracing programs");
}

int session_listen(struct session *session, int fd, struct err *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(session->news, EPOLL_CTL_ADD, fd, &event))
		return fail(err, -errno, "cannot wait for news: %s", strerror(errno));
	return 0;
}

/* Return: whether there is news on a descriptor. */
static bool wait_for_news(struct session *session, u64 end_ns)
{
	u64 now = clock_mono_ns();
	u64 until = min(end_ns, intake_due_ns(&session->intake));
	u64 left_ms;

	if (session->flight)
		until = min(until, flight_due_ns(session->flight));
	left_ms = now < until ? (until - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC : 0;

	/* What rang the doorbell just now is too new to be drained at once. */
	if (__atomic_exchange_n(&session->probes->control->code_is_new, 0, __ATOMIC_RELAXED))
		left_ms = min(left_ms, (u64)1);
	return probes_wait(session->probes, session->news,
			   (int)min((u64)session->interval_ms, left_ms));
}

/* What is done between two drains must not keep the next one waiting. */
static int turn_of_flight(struct session *session, struct err *err)
{
	u64 before_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID), took_ns;
	int r;

	if (session->control)
		control_turn(session->control);
	notify_alive(clock_mono_ns());
	r = flight_turn(session->flight, err);
	took_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns;
	session->status->longest_turn_ns = max(session->status->longest_turn_ns, took_ns);
	return r;
}

static int record(struct session *session, struct err *err)
{
	const struct session_options *options = session->options;
	u64 end_ns = options->duration_ns ? session->start_ns + options->duration_ns : UINT64_MAX;

	session->interval_ms = 10;
	while (!session->ending) {
		unsigned int fullest;
		int r;

		if (wait_for_news(session, end_ns))
			take_signals(session);
		if (clock_mono_ns() >= end_ns)
			session_end(session, TRACE_END_DURATION);
		r = intake_drain(&session->intake, &fullest, err);
		if (r < 0)
			return r;
		if (session->flight)
			r = turn_of_flight(session, err);
		if (r < 0)
			return r;
		choose_interval(session, fullest);
		if (__atomic_exchange_n(&session->probes->control->look_again, 0,
					__ATOMIC_RELAXED)) {
			r = look_for_threads(session, err);
			if (r < 0)
				return r;
		}
		if (target_has_gone(session))
			session_end(session, TRACE_END_TARGET);
		urgency_check(&session->urgency);
		session_update_status(session, false);
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
	if (session->options->flight)
		sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A full disk or a closed pipe is an error that is told, not the end. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	session->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (session->signals < 0)
		return fail(err, -errno, "cannot listen to signals: %s", strerror(errno));
	session->news = epoll_create1(EPOLL_CLOEXEC);
	return session_listen(session, session->signals, err);
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
	intake_find_blocked(&session->intake);
	usleep(1000);
	r = intake_drain(&session->intake, &fullest, err);
	if (!r)
		session->status->unread = intake_finish_mappings(&session->intake);
	if (r >= 0)
		intake_resolve(&session->intake, RESOLVE_NS, &session->status->resolved);
	return r;
}

/* What the user asked for and did not get, or only in part */
static void note_trouble(struct session *session)
{
	const struct annotate *annotate = session->intake.annotate;
	struct err *trouble = &session->status->trouble;
	const char *path = annotate ? annotate_unmatched(annotate) : NULL;

	if (annotate && annotate_trouble(annotate)) {
		*trouble = *annotate_trouble(annotate);
	} else if (path && !path[0]) {
		fail(trouble, -ENOENT,
		     "the target has none of the probes that the file of --probes names");
		hint(trouble, "`tracer probes PID` lists what it has; programs without symbols and "
			      "static probes have none");
	} else if (path) {
		fail(trouble, -ENOENT,
		     "the target has mapped no file '%s': its probes are not there", path);
		hint(trouble, "a path with a / names a file that need not be mapped yet");
	}
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
		session->status->why = keep_end_of(r);
	urgency_end(&session->urgency);
	release_signals(session);
	note_trouble(session);
	ended = keep_finish(session, r < 0 ? &later : err);
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
		.stack_min_ns = options->stack_min_ns,
		.preempt_stacks = options->preempt_stacks,
		.waker_stacks = options->waker_stacks,
		.user_probes = options->probes.count,
		.sample_period_ns = session_sample_period_ns(options),
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
	/* Before the first of our threads: each has rights of its own. */
	if (options->flight)
		privileges_drop();
	session->status->ring_bytes = session->probes->ring_bytes;
	session->status->samples_refused = session->probes->samples_refused;
	start = clock_stamp_now();
	r = intake_open(&session->intake, session->probes, &options->probes, start.mono_ns, err);
	r = r ?: keep_open(session, &start, err);
	if (r < 0)
		return r;

	urgency_begin(&session->urgency);
	session->start_ns = session->status_ns = start.mono_ns;
	session->cpu_ns_before = own_cpu_ns();
	probes_start(session->probes);
	if (options->command && session->intake.annotate)
		annotate_command(session->intake.annotate, options->command[0]);
	r = options->command ? command_go(&session->child, options->command[0], err)
			     : look_for_threads(session, err);
	if (r >= 0 && target_has_gone(session))
		r = nothing_found(session, err);
	if (r < 0) {
		/* Nothing was recorded yet that anybody asked for. */
		keep_abandon(session);
		return r;
	}
	if (session->flight)
		notify_tell("READY=1");
	r = record(session, err);
	if (session->flight)
		notify_tell("STOPPING=1");
	return end_recording(session, r, err);
}

int session_run(const struct session_options *options, struct err *err)
{
	struct session session = { .options = options,
				   .status = options->status,
				   .signals = -1,
				   .news = -1,
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
	urgency_end(&session.urgency);
	command_abort(&session.child);
	keep_abandon(&session);
	intake_close(&session.intake);
	probes_close(session.probes);
	if (session.signals >= 0)
		close(session.signals);
	if (session.news >= 0)
		close(session.news);
	release_signals(&session);
	return r;
}
