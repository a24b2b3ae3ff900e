// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* advice - one sentence of diagnosis, only where the numbers leave no doubt */
#include <stdio.h>
#include <string.h>

#include "user/base/text.h"
#include "user/report/summary.h"

struct numbers {
	u64 active_ns; /* observed without idleness: what can be made shorter */
	u64 run_ns;
	u64 sched_ns;
};

/* Runnable threads were without a CPU for a good part of the time. */
static bool too_few_cpus(char *to, const struct report *report, const struct summary *sum,
			 const struct numbers *n)
{
	u64 wanted_ns = n->run_ns + n->sched_ns;
	char share[TEXT_MAX];
	char name[NAME_SHOWN_MAX] = "";

	if (n->sched_ns * 5 < wanted_ns || n->sched_ns * 10 < n->active_ns)
		return false;
	if (sum->rival && sum->rival->ns * 2 >= n->sched_ns)
		name_show(name,
			  names_text(&timeline_threads(report->timeline)->names, sum->rival->name));
	snprintf(to, CELL_TEXT_MAX,
		 "Too few CPUs: runnable threads had none for %s of the time%s%s.",
		 text_share(share, n->sched_ns, wanted_ns), name[0] ? ", mostly for " : "", name);
	return true;
}

/* One row of the waits is most of what can be made shorter. */
static bool one_wait(char *to, const struct report *report, const struct summary *sum,
		     const struct numbers *n)
{
	const struct waits_row *row = sum->active_count ? sum->waits[0] : NULL;
	char share[TEXT_MAX], what[REPORT_WHAT_MAX], room[32];

	if (!row || summary_active_ns(row) * 2 < n->active_ns)
		return false;
	report_what(what, report, row);
	if (!what[0])
		snprintf(what, sizeof(what), "%s",
			 row->syscall == SYSCALL_NONE ? "page faults"
						      : report_syscall(report, row->syscall, room));
	snprintf(to, CELL_TEXT_MAX, "%s of the time not idle went into one %s wait: %.150s.",
		 text_share(share, summary_active_ns(row), n->active_ns), wait_kind_name(row->kind),
		 what);
	return true;
}

static bool one_kind(char *to, const struct summary *sum, const struct numbers *n)
{
	static const enum wait_kind kinds[] = { WAIT_SYNC, WAIT_DISK, WAIT_NETWORK, WAIT_PIPE,
						WAIT_FAULT };
	u64 ns[WAIT_KIND_COUNT] = { 0 };
	char share[TEXT_MAX];

	for (size_t i = 0; i < sum->active_count; i++)
		ns[sum->waits[i]->kind] += summary_active_ns(sum->waits[i]);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (ns[kinds[i]] * 2 < n->active_ns)
			continue;
		snprintf(to, CELL_TEXT_MAX, "%s of the time not idle went into %s waits.",
			 text_share(share, ns[kinds[i]], n->active_ns), wait_kind_name(kinds[i]));
		return true;
	}
	return false;
}

bool summary_advice(char to[CELL_TEXT_MAX], const struct report *report, const struct summary *sum)
{
	u64 observed_ns = sum->total.observed_ns;
	struct numbers n = {
		.active_ns = observed_ns - min(sum->idle_ns, observed_ns),
		.run_ns = sum->total.execution.ns,
		.sched_ns = sum->total.scheduler_wait.ns,
	};
	char share[TEXT_MAX];

	if (!observed_ns || sum->total.unknown_ns > observed_ns / 4)
		return false;
	if (n.active_ns * 100 < observed_ns) {
		strcpy(to, "The threads were idle more than 99 % of the time.");
		return true;
	}
	if (too_few_cpus(to, report, sum, &n) || one_wait(to, report, sum, &n) ||
	    one_kind(to, sum, &n))
		return true;
	if (n.run_ns * 10 >= n.active_ns * 8) {
		snprintf(to, CELL_TEXT_MAX, "The threads compute: %s of the time not idle.",
			 text_share(share, n.run_ns, n.active_ns));
		return true;
	}
	return false;
}
