# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_accounting - what was recorded and what is counted as lost is together what was made"""

import os
import signal
import time

from harness import TracepointCounter, switches_of
from judge import between, check, equal, test, wait_until


# Mostly the two agree to the last event, but now and then perf counts less: some in 100,000, and
# once all 405 switches from idle to one thread of 30,030 events, in a recording whose switches per
# thread were the kernel's own to the last one. It never counts what did not happen.
PERF_MORE = 0.001
PERF_LESS = 0.02


class Count:
    """Events of a trace, counted; and its losses by class."""

    def __init__(self, trace, tids):
        self.syscalls = self.futexes = self.unentered = self.sched = 0
        self.by_name = {}
        self.left = dict.fromkeys(tids, 0)
        for event in trace.events("syscall", "futex", "switch", "waking", "wakeup_new"):
            if event["kind"] in ("switch", "waking", "wakeup_new"):
                self.sched += 1
                if event["kind"] == "switch" and event["prev_tid"] in self.left:
                    self.left[event["prev_tid"]] += 1
            elif event["tid"] not in self.left:
                continue
            else:
                self.unentered += "duration_ns" not in event
                if event["kind"] == "futex":
                    self.futexes += 1
                else:
                    self.syscalls += 1
                    name = event["syscall"]
                    self.by_name[name] = self.by_name.get(name, 0) + 1
        losses = trace.report("losses")
        self.lost = losses["losses"]["events"]
        self.lost_by_class = losses["losses"]["by_class"]
        for name, lost in self.lost_by_class.items():
            equal(sum(stretch[name] for stretch in losses["stretches"]), lost,
                  f"losses of class {name} in all stretches")


def record_counter(scene, *options, times=20000, during=None):
    """Records the generator from before its first to after its last call.

    Its threads are blocked when the recorder comes and when it goes, so that the kernel's
    own counts are the truth. Returns trace, truth, {tid: times it left a CPU}, scheduler events.
    """
    workload = scene.workload("counter", "--times", times)
    tids = workload.ready()["tids"]
    wait_until(lambda: all(state_of(workload.pid, tid) == "S" for tid in tids),
               "all counters are blocked")
    time.sleep(0.05)
    before = switches_of(workload.pid)
    sched = scheduler_events(scene, tids)
    recorder = scene.recorder("-p", workload.pid, *options)
    workload.go()
    if during:
        during(recorder)
    truth = workload.truth()
    wait_until(lambda: all(state_of(workload.pid, tid) == "S" for tid in tids),
               "all counters are blocked again")
    time.sleep(0.2)
    equal(recorder.stop(), 0, f"exit status of tracer ({recorder.stderr().strip()})")
    after = switches_of(workload.pid)
    made = {tid: after[tid] - before[tid] for tid in tids}
    return scene.trace(recorder.trace), truth, made, sched()


def scheduler_events(scene, tids):
    """Lets the kernel count what the recorder should see of these threads: a function that tells.

    /proc does not tell who was switched in by whom, nor who was woken how often: perf counts
    the tracepoints themselves.
    """
    both = " || ".join(f"prev_pid == {tid} || next_pid == {tid}" for tid in tids)
    woken = " || ".join(f"pid == {tid}" for tid in tids)
    counters = [TracepointCounter("sched/sched_switch", both),
                TracepointCounter("sched/sched_waking", woken),
                TracepointCounter("sched/sched_wakeup_new", woken)]
    for counter in counters:
        scene.at_end(counter.close)
    return lambda: sum(counter.count() for counter in counters)


def state_of(pid, tid):
    with open(f"/proc/{pid}/task/{tid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


@test(seconds=120)
def everything_is_recorded_when_there_is_room(scene):
    trace, truth, made, sched = record_counter(scene)
    trace.nothing_lost()
    count = Count(trace, made)
    equal(count.by_name.get("getppid"), truth["getppid"], "getppid")
    equal(count.by_name.get("sched_yield"), truth["yield"], "sched_yield")
    equal(count.syscalls, truth["syscalls"], "system calls")
    equal(count.futexes, truth["futexes"], "futex calls")
    equal(count.unentered, truth["unentered"], "calls that began before the recording")
    equal(count.left, made, "switches per thread, as the kernel counts them")
    between(count.sched, sched * (1 - PERF_MORE), sched * (1 + PERF_LESS),
            "switches and wakings, as perf counts them")


def recorded_and_lost_are_made(scene, *options, times=20000, during=None):
    trace, truth, made, sched = record_counter(scene, *options, times=times, during=during)
    count = Count(trace, made)
    check(count.lost > 0, "nothing was lost: the test shows nothing")
    equal(sum(count.lost_by_class.values()), count.lost, "losses of all classes")
    equal(count.syscalls + count.lost_by_class["syscall"], truth["syscalls"],
          "system calls, recorded and lost")
    equal(count.futexes + count.lost_by_class["futex"], truth["futexes"],
          "futex calls, recorded and lost")
    check(sum(count.left.values()) <= sum(made.values()), "more switches recorded than made")
    between(count.sched + count.lost_by_class["sched"], sched * (1 - PERF_MORE),
            sched * (1 + PERF_LESS), "switches and wakings, recorded and lost")
    return trace


@test(seconds=120)
def losses_of_a_tiny_ring_are_counted_exactly(scene):
    recorded_and_lost_are_made(scene, "--ring-size", "16K", times=200000)


@test(seconds=120)
def losses_of_a_recorder_that_is_stopped_are_counted_exactly(scene):
    def stop_for_a_while(recorder):
        recorder.signal(signal.SIGSTOP)
        time.sleep(2)
        recorder.signal(signal.SIGCONT)

    trace = recorded_and_lost_are_made(scene, "--ring-size", "64K", times=200000,
                                       during=stop_for_a_while)
    check(any(event for event in trace.events("loss")), "losses are not placed in time")


@test(seconds=120)
def a_report_with_losses_says_that_it_is_a_lower_bound(scene):
    trace, _truth, _made, _sched = record_counter(scene, "--ring-size", "16K", times=200000)
    check(trace.lost() > 0, "nothing was lost: the test shows nothing")
    for kind in ("threads", "waits", "syscalls", "sched", "summary"):
        said = scene.tracer("report", kind, trace.path).stdout
        check("lower bound" in said, f"report {kind} does not say 'lower bound'")
    done = scene.tracer("check", trace.path)
    check("lost" in done.stdout, "check says nothing of the losses")
    check(os.path.getsize(trace.path) > 0, "the trace is empty")
