# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""traces - a trace file, its reports, and judgements of their rows

All that tests assume of the keys of --json beyond the words of the design stands here.
"""

import json

from judge import MS, US, Failed, between, check, equal, near

# Wait kinds, as reports call them: a partition of the blocked time.
KINDS = ("network", "sync", "disk", "pipe", "poll", "sleep", "fault", "child", "other")


class Trace:
    """A trace file and its reports."""

    def __init__(self, scene, path):
        self.scene = scene
        self.path = str(path)
        self.reports = {}
        self.begin_ns = None

    def report(self, kind, *filters):
        """The report of @kind as the object that --json prints."""
        key = (kind, *filters)
        if key not in self.reports:
            done = self.scene.tracer("report", kind, self.path, "--json", *filters)
            equal(done.returncode, 0, f"exit status of report {kind} ({done.stderr.strip()})")
            found = json.loads(done.stdout)
            check(kind in found or kind == "summary", f"report {kind} has no member '{kind}'")
            check("losses" in found, f"report {kind} says nothing of losses")
            self.reports[key] = found
            if kind == "threads":
                sums_are_exact(found["threads"])
        return self.reports[key]

    def threads(self, *filters):
        """The rows of the report threads, whose sums have been judged."""
        return self.report("threads", *filters)["threads"]

    def thread(self, tid=None, name=None):
        """The one thread with this tid or name."""
        rows = [row for row in self.threads()
                if (tid is None or row["tid"] == tid) and (name is None or row["name"] == name)]
        which = f"thread tid={tid} name={name}"
        check(rows, f"{which} is not in the report")
        equal(len(rows), 1, f"rows of {which}")
        return rows[0]

    def started_ns(self):
        """When it begins, by CLOCK_MONOTONIC; times in reports and events count from there."""
        if self.begin_ns is None:
            done = self.scene.tracer("check", "--json", self.path)
            self.begin_ns = json.loads(done.stdout)["check"][0]["begin_ns"]
        return self.begin_ns

    def chunks(self):
        """Its chunks: offset, bytes, begin_ns, end_ns, events."""
        done = self.scene.tracer("check", "--json", "-v", self.path)
        return json.loads(done.stdout)["check"][0]["chunk_table"]

    def during(self, truth):
        """The filters for the stretch of time in which a thread measured itself."""
        begin_ns = truth["begin_ns"] - self.started_ns()
        return ("--from", f"{begin_ns}ns", "--to", f"{begin_ns + truth['lived_ns']}ns")

    def waits(self, *filters):
        """The rows of the report waits."""
        return self.report("waits", *filters)["waits"]

    def lost(self):
        """How many events were lost."""
        return self.report("threads")["losses"]["events"]

    def unreported(self):
        """Switches that contradict the ones before them, though none was lost."""
        found = self.report("losses")
        return 0 if found["losses"]["events"] else found["repairs"]["contradictions"]

    def events(self, *kinds):
        """Events of dump --json, of these kinds (all without)."""
        for event in self.scene.dump(self.path):
            if not kinds or event["kind"] in kinds:
                yield event

    def nothing_lost(self):
        equal(self.lost(), 0, "lost events")


def wait_of(row, kind):
    """Wait of @kind of a thread's row: ns, count, longest_ns (zeros when there is none)."""
    return row["waits"].get(kind) or {"ns": 0, "count": 0, "longest_ns": 0}


def waited_ns(row):
    """All waits of a thread's row together."""
    return sum(wait["ns"] for wait in row["waits"].values())


def sums_are_exact(rows):
    """For every thread execution + scheduler wait + waits = observed time, to the nanosecond."""
    for row in rows:
        total = row["execution_ns"] + row["scheduler_wait_ns"] + waited_ns(row)
        who = f"thread {row.get('tid')} '{row.get('name')}'"
        equal(total, row["observed_ns"], f"execution + scheduler wait + waits of {who}")
        unknown = set(row["waits"]) - set(KINDS)
        check(not unknown, f"unknown wait kinds {unknown} of {who}")


def who_woke(row):
    """How often threads of each name ended the waits of a row of the report waits.

    A waker is the thread itself, or a softirq that ran on top of it: that is how the answer of
    a server comes over loopback.
    """
    wakers = {}
    for waker in row["wakers"]:
        if waker["context"] in ("thread", "softirq"):
            wakers[waker["name"]] = wakers.get(waker["name"], 0) + waker["count"]
    return wakers


# From a waking until the woken CPU has the thread on its queue, the kernel's own run delay does
# not count yet, and an idle CPU has to be interrupted first: in a virtual machine that takes long.
ARRIVAL_NS = 250 * US

# The kernel charges a switch to the thread that comes from the moment it decides; the tracepoint
# is behind that, by up to some 20 us where the timer of an idle CPU is a hypervisor's.
SWITCH_NS = 40 * US

# There are kernels that do not report every switch, to nobody. Where such a switch would have
# brought a thread back, the time slice before it is in doubt.
SLICE_NS = 8 * MS


def matches_truth(trace, truth, kinds=None, waits_per_call=1, doubt=0):
    """Judges the row of one thread by the truth that the thread told; returns the row.

    The row is of the stretch of time in which the thread measured itself.
    @kinds: per wait kind the timed calls that make it up. A call's own measure also holds
    its way back to a CPU, so the thread's scheduler wait is allowed below it.
    @doubt: ns by which execution and scheduler wait may be exchanged
    @waits_per_call: how often a call may block at most; the least is once.
    """
    rows = trace.threads("--tid", truth["tid"], *trace.during(truth))
    who = f"thread {truth['tid']} '{truth['name']}'"
    equal(len(rows), 1, f"rows of {who}")
    row = rows[0]
    equal(row["name"], truth["name"], f"name of {who}")
    near(row["observed_ns"], truth["lived_ns"], f"observed time of {who}", share=0, slack=10)
    switches = truth["voluntary"] + truth["preempted"]
    slack = 2 * MS + doubt + trace.unreported() * SLICE_NS
    between(row["execution_ns"], truth["cpu_ns"] * 0.95 - slack - switches * SWITCH_NS,
            truth["cpu_ns"] * 1.05 + slack, f"execution of {who}")
    between(row["scheduler_wait_ns"], truth["run_delay_ns"] * 0.95 - slack,
            truth["run_delay_ns"] * 1.05 + slack + truth["voluntary"] * ARRIVAL_NS,
            f"scheduler wait of {who}")
    for kind, calls in (kinds or {}).items():
        ns = sum(truth["calls"][call]["ns"] for call in calls)
        count = sum(truth["calls"][call]["count"] for call in calls)
        longest = max(truth["calls"][call]["longest_ns"] for call in calls)
        wait = wait_of(row, kind)
        between(wait["ns"], ns * 0.95 - row["scheduler_wait_ns"] - 20 * US * count,
                ns * 1.05 + MS, f"{kind} wait of {who}")
        between(wait["count"], count * 0.95 - 1, count * waits_per_call * 1.05 + 1,
                f"number of {kind} waits of {who}")
        # the longest call may have blocked several times
        between(wait["longest_ns"],
                longest * 0.95 / waits_per_call - row["scheduler_wait_ns"] - MS,
                longest * 1.05 + MS, f"longest {kind} wait of {who}")
    return row


def thread_truth(truth, name):
    """What the workload's thread @name told."""
    for thread in truth["threads"]:
        if thread["name"] == name:
            return thread
    raise Failed(f"the workload told nothing of its thread {name}")
