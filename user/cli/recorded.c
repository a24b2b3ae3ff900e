// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* recorded - what a recording says of itself beside its summary, on standard error */
#include "user/cli/recorded.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "user/base/text.h"

void recorded_begin(const struct session_options *session)
{
	char ring[TEXT_MAX];

	fprintf(stderr, "recording %s to %s; rings of %s per CPU; ", session->target,
		session->output,
		session->ring_bytes ? text_bytes(ring, session->ring_bytes) : "16 MiB / CPUs");
	fprintf(stderr, "%s new processes\n", session->children ? "following" : "not following");
}

/* For -v, and for whoever measures the recorder: words that scripts can read */
static void say_what_it_took(const struct session_status *status)
{
	fprintf(stderr,
		"recorded: events=%" PRIu64 " lost=%" PRIu64 " untracked=%" PRIu64
		" ring_bytes=%" PRIu64 " chunk_bytes=%" PRIu64 " cpu_ns=%" PRIu64
		" elapsed_ns=%" PRIu64 " memory_bytes=%" PRIu64 " stacks=%" PRIu64
		" stacks_forgotten=%" PRIu64 "\n",
		status->events, status->lost, status->untracked, status->ring_bytes_used,
		status->file_bytes, status->recorder_cpu_ns, status->elapsed_ns,
		status->memory_bytes, status->stacks, status->stacks_forgotten);
}

static void say_what_was_resolved(const struct resolved *resolved)
{
	fprintf(stderr,
		"resolved: stacks=%" PRIu64 " corrected=%" PRIu64 " symbols=%" PRIu64
		" rules=%" PRIu64 " refused=%" PRIu64 " left=%" PRIu64 "\n",
		resolved->stacks, resolved->corrected, resolved->symbols, resolved->rules,
		resolved->refused, resolved->left);
}

/* The recording is whole, but for them. */
static void note_refused_samples(int refused)
{
	if (refused)
		fprintf(stderr,
			"note: without CPU samples: this kernel refuses a clock to sample by (%s); "
			"`sudo tracer doctor` tells more, -F 0 asks for none\n",
			strerror(-refused));
}

/* Nothing is missing for it; the file has become larger. */
static void note_forgotten_stacks(u64 forgotten)
{
	char count[TEXT_MAX];

	if (forgotten)
		fprintf(stderr,
			"note: the kernel side's table of stacks was full: %s stacks were forgotten, "
			"and told again when they came again\n",
			text_count(count, forgotten));
}

/* What a person should know of stacks that have no names, or not their best frames */
static void note_what_was_not_resolved(const struct resolved *resolved)
{
	if (resolved->refused)
		fprintf(stderr,
			"note: %" PRIu64 " of %" PRIu64 " new stacks came too fast to be resolved "
			"while recording; their frames may lack names or callers of libc\n",
			resolved->refused, resolved->stacks);
	if (resolved->left)
		fprintf(stderr,
			"note: %" PRIu64 " of %" PRIu64 " new stacks were not resolved when the "
			"recording ended: reading the target's files took too long\n",
			resolved->left, resolved->stacks);
}

bool recorded_toll(const struct toll_report *toll, u32 told_percent, bool clear)
{
	char rate[TEXT_MAX], price[TEXT_MAX];

	if (toll->percent <= TOLL_PERCENT_WORTH_A_WORD || toll->percent < 2 * told_percent)
		return false;
	fprintf(stderr,
		"%swarning: probes take about %u %% of the CPU time of process %d%s: reached %s "
		"times a second, about %s each\n"
		"hint: name fewer, or those that are reached less often; what is recorded is that "
		"much slower\n",
		clear ? "\r\033[K" : "", toll->percent, toll->pid,
		toll->processes > 1 ? " and others" : "", text_count(rate, toll->per_second),
		text_duration(price, toll->hit_ns));
	return true;
}

void recorded_status(void *told_percent, const struct session_options *session)
{
	u32 *told = told_percent;

	if (recorded_toll(&session->status->toll, *told, false))
		*told = session->status->toll.percent;
}

void recorded_notes(const struct session_status *status, bool verbose)
{
	if (verbose) {
		say_what_it_took(status);
		say_what_was_resolved(&status->resolved);
	}
	note_refused_samples(status->samples_refused);
	note_forgotten_stacks(status->stacks_forgotten);
	note_what_was_not_resolved(&status->resolved);
	if (status->unread)
		fprintf(stderr,
			"tracer: the mappings of %u process%s could not be read in time: what runs "
			"there has no names\n",
			status->unread, status->unread == 1 ? "" : "es");
	if (status->trouble.code)
		fprintf(stderr, "tracer: %s\nhint: %s\n", status->trouble.text,
			status->trouble.hint);
}

void recorded_end(const struct session_status *status)
{
	if (!status->command_pid)
		return;
	if (!status->command_ended)
		fprintf(stderr, "the command goes on as process %d\n", status->command_pid);
	else if (WIFSIGNALED(status->command_status))
		fprintf(stderr, "the command was ended by signal %d (%s)\n",
			WTERMSIG(status->command_status),
			strsignal(WTERMSIG(status->command_status)));
	else
		fprintf(stderr, "the command ended with status %d\n",
			WEXITSTATUS(status->command_status));
}
