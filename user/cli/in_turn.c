// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* in_turn - short recordings again and again, of which the newest are kept */
#include "user/cli/in_turn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/text.h"
#include "user/cli/recorded.h"
#include "user/record/shelf.h"

static void on_removed(void *ctx, const char *path, int code)
{
	if (code < 0)
		fprintf(stderr, "tracer: cannot remove '%s': %s\n", path, strerror(-code));
}

static void say_what_came(const struct session_status *status, const char *path)
{
	char length[TEXT_MAX], events[TEXT_MAX], lost[TEXT_MAX], shown[512];

	text_printable(shown, sizeof(shown), path);
	printf("%s: %s, %s events, %s lost\n", shown, text_duration(length, status->elapsed_ns),
	       text_count(events, status->events), text_count(lost, status->lost));
	fflush(stdout);
}

/* Return: whether a signal came meanwhile. */
static bool wait_until(u64 time_ns)
{
	u64 now = clock_mono_ns(), left_ns = time_ns - min(now, time_ns);
	struct timespec left = { .tv_sec = (time_t)(left_ns / NSEC_PER_SEC),
				 .tv_nsec = (long)(left_ns % NSEC_PER_SEC) };
	sigset_t set, before;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &before);
	number = sigtimedwait(&set, NULL, &left);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return number > 0;
}

static int record_one(struct session_options *session, struct shelf *shelf,
		      const struct in_turn *turn, struct err *err)
{
	CLEANUP(free) char *path = shelf_path(shelf);
	struct session_status *status = session->status;
	int r;

	if (!path)
		return fail(err, -ENOMEM, "no memory for a file name");
	session->output = path;
	r = session_run(session, err);
	if (r < 0)
		return r;
	recorded_notes(status, session->verbose);
	if (shelf_add(shelf, path, status->file_bytes, &(struct cause){ 0 }, on_removed, NULL))
		return fail(err, -ENOMEM, "no memory to remember '%s'", path);
	if (!turn->quiet)
		say_what_came(status, path);
	return 0;
}

int record_in_turn(const struct wanted *wanted, const struct in_turn *turn, struct err *err)
{
	struct session_status status = { .why = TRACE_END_DURATION };
	struct session_options session = { .status = &status, .duration_ns = turn->duration_ns };
	struct wanted_parts parts = { .pid_count = 0 };
	struct shelf shelf = { 0 };
	u64 next_ns = clock_mono_ns();
	bool ended = false;
	int r;

	if (turn->duration_ns >= turn->every_ns) {
		fail(err, -EINVAL, "--every: the recordings of --duration would meet");
		return hint(err, "for example: --every 10m -d 10s");
	}
	r = wanted_session(&session, &parts, wanted, NULL, err);
	r = r
		    ?: shelf_open(&shelf,
				  &(struct shelf_options){ .dir = "",
							   .name = parts.word,
							   .pid = (u32)parts.pid,
							   .keep = turn->keep,
							   .plain = true },
				  err);
	for (u64 count = 0; !r && !ended; count++) {
		r = record_one(&session, &shelf, turn, err);
		/* It ended between two recordings. */
		if (r == -ESRCH && count) {
			r = 0;
			break;
		}
		next_ns += turn->every_ns;
		ended = status.why != TRACE_END_DURATION || wait_until(next_ns);
	}
	shelf_close(&shelf);
	wanted_free(&parts, &session);
	return r;
}
