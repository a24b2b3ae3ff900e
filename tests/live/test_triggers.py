# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_triggers - snapshots that are taken by themselves: when they should be, and only then"""

import os
import re
import signal
import time

from flights import Flight, files_in, is_whole
from harness import WORKLOADS
from judge import MS, SECOND, between, check, equal, test, wait_until
from traces import Trace

BECAUSE = re.compile(r"because of (.*)$", re.M)
SUPPRESSED = re.compile(r"(\d+) triggers made no snapshot")


def causes_of(scene, trace):
    """The causes that the manifest of a snapshot tells."""
    return trace.report("summary")["summary"]["snapshot"]["causes"]


def held(trace):
    """From when to when a snapshot reaches, by CLOCK_MONOTONIC."""
    snapshot = trace.report("summary")["summary"]["snapshot"]
    return snapshot["from_ns"], snapshot["to_ns"]


def slow_tasks(scene, *args, flight=()):
    """Five workers under a recorder with the trigger at 300 ms: the recorder, its truth."""
    workload = scene.workload("slow_tasks", "--hold", "--stay", *args)
    workload.ready()
    recorder = Flight(scene, "-p", workload.pid, *flight)
    workload.go()
    return workload, recorder


@test(seconds=120)
def every_slow_task_has_a_snapshot_with_its_begin_and_no_fast_one_has(scene):
    workload, flight = slow_tasks(scene, "--rounds", 12,
                                  flight=("--on", "task:job>300ms", "--window", "10s"))
    truth = workload.truth()
    time.sleep(1)
    flight.end()
    # half a millisecond may pass between the task's own measure and ours
    slow = {t["task"]: t for t in truth["tasks"] if t["end_ns"] - t["begin_ns"] > 301 * MS}
    fast = {t["task"] for t in truth["tasks"] if t["end_ns"] - t["begin_ns"] <= 299 * MS}
    check(len(slow) >= 10 and len(fast) >= 10, f"{len(slow)} slow and {len(fast)} fast tasks")
    told = set()
    for path in flight.snapshots():
        trace = Trace(scene, path)
        is_whole(scene, trace)
        begin, end = held(trace)
        for cause in causes_of(scene, trace):
            task = cause["task"]
            told.add(task)
            check(task not in fast, f"the fast task {task} made a snapshot: {cause}")
            if task not in slow:
                continue
            equal(cause["tid"], slow[task]["tid"], "thread of a cause")
            equal(cause["what"], "job", "name of a cause")
            check(begin <= slow[task]["begin_ns"] <= end, f"{path} does not hold the task's begin")
            check(abs(cause["begin_ns"] - slow[task]["begin_ns"]) < MS, "begin of the task")
    check(set(slow) <= told, f"slow tasks without a snapshot: {set(slow) - told}")


@test
def a_task_that_hangs_is_noticed_within_a_tenth_of_a_second(scene):
    workload, flight = slow_tasks(scene, "--workers", 1, "--rounds", 1, "--most-ms", 1, "--hang",
                                  flight=("--on", "task:job>400ms"))
    task = workload.truth()["tasks"][-1]
    trace = flight.wait_for(1)[0]
    cause = causes_of(scene, trace)[0]
    equal(cause["task"], task["task"], "task of the cause")
    equal(cause["thread"], "hanging", "thread of the cause")
    check(cause["running"], f"the task has not ended: {cause}")
    late = cause["time_ns"] - task["begin_ns"] - 400 * MS
    between(late, 0, 100 * MS, "how late a hanging task was noticed")
    time.sleep(1)
    equal(len(flight.snapshots()), 1, "snapshots of one task that hangs")
    flight.end()


@test
def a_wait_and_a_call_that_hang_are_noticed_together(scene):
    workload = scene.workload("sleeper", "--hold", "--count", 3, "--ms", 2000)
    workload.ready()
    flight = Flight(scene, "-p", workload.pid, "--on", "wait:sleep>500ms",
                    "--on", "syscall:clock_nanosleep>500ms", "--at-most", "1/10s")
    workload.go()
    trace = flight.wait_for(1)[0]
    causes = causes_of(scene, trace)
    equal(sorted(cause["trigger"] for cause in causes),
          ["syscall:clock_nanosleep>500ms", "wait:sleep>500ms"], "causes")
    for cause in causes:
        between(cause["duration_ns"], 500 * MS, 600 * MS, "duration when it was noticed")
    flight.end()


@test
def fifty_triggers_in_a_second_make_as_many_snapshots_as_allowed(scene):
    workload, flight = slow_tasks(scene, "--workers", 1, "--rounds", 1, "--most-ms", 1,
                                  "--burst", 100,
                                  flight=("--on", "task:late>50ms", "--at-most", "3/1m"))
    workload.truth()
    time.sleep(1)
    said = flight.end()
    equal(len(flight.snapshots()), 3, "snapshots")
    found = SUPPRESSED.search(said)
    check(found, f"what was suppressed is not told: {said}")
    in_snapshots = sum(len(snapshot["causes"]) + snapshot["more"] for snapshot in
                       (Trace(scene, path).report("summary")["summary"]["snapshot"]
                        for path in flight.snapshots()))
    equal(int(found.group(1)) + in_snapshots, 100, "triggers, told and suppressed")


@test
def one_snapshot_per_task_name(scene):
    workload, flight = slow_tasks(scene, "--workers", 1, "--rounds", 3, "--most-ms", 60,
                                  "--burst", 20,
                                  flight=("--on", "task:*>5ms", "--once-per", "task"))
    workload.truth()
    time.sleep(1)
    flight.end()
    names = [causes_of(scene, Trace(scene, path))[0]["what"] for path in flight.snapshots()]
    equal(sorted(names), ["job", "late"], "names of tasks that made snapshots")


@test(seconds=120)
def the_slowest_are_kept(scene):
    workload, flight = slow_tasks(scene, "--rounds", 10, "--workers", 2,
                                  flight=("--on", "task:job>50ms", "--keep-slowest", 3))
    tasks = workload.truth()["tasks"]
    time.sleep(1)
    flight.end()
    files = files_in(flight.dir)
    equal(len(files), 3, f"files {files}")
    kept = [max(cause["duration_ns"] for cause in
                causes_of(scene, Trace(scene, os.path.join(flight.dir, name)))) for name in files]
    slowest = sorted((t["end_ns"] - t["begin_ns"] for t in tasks), reverse=True)
    # two may end together and share a snapshot: the third is then the next one
    check(max(kept) >= slowest[0] - MS, f"the slowest is missing: kept {kept} of {slowest}")
    check(min(kept) >= slowest[5] - MS, f"kept {kept} of {slowest}")


@test
def only_the_newest_are_kept(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    flight = Flight(scene, "-p", workload.pid, "--keep", 2)
    for _ in range(4):
        last = flight.ask()
    wait_until(lambda: len(files_in(flight.dir)) == 2, "two files are left")
    check(os.path.basename(last.path) in files_in(flight.dir), "the newest was removed")
    flight.end()
    # a later recorder of the same target counts what is there
    strange = os.path.join(flight.dir, "notes-20260101-000000.trace")
    with open(strange, "w", encoding="utf-8") as file:
        file.write("not a trace")
    again = Flight(scene, "-p", workload.pid, "--keep", 2, directory=flight.dir)
    again.ask()
    wait_until(lambda: len(files_in(flight.dir)) == 3, "two files and a strange one are left")
    check(os.path.exists(strange), "a file that is no snapshot was removed")
    again.end()


@test
def a_crash_writes_what_came_before(scene):
    workload = scene.workload("crash", "--hold")
    workload.ready()
    flight = Flight(scene, "-p", workload.pid, "--on", "crash")
    workload.go()
    equal(flight.recorder.wait(), 0, "exit status")
    trace = Trace(scene, flight.snapshots()[0])
    cause = causes_of(scene, trace)[0]
    equal(cause["trigger"], "crash", "trigger")
    check(cause["what"].startswith("SIG"), f"signal: {cause}")
    is_whole(scene, trace)


@test
def the_end_writes_a_snapshot_when_asked_to(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    flight = Flight(scene, "-p", workload.pid, "--on", "exit")
    time.sleep(0.5)
    flight.end(signal.SIGTERM)
    equal(len(files_in(flight.dir)), 1, "files")
    equal(causes_of(scene, Trace(scene, flight.snapshots()[0]))[0]["trigger"], "exit", "trigger")


@test
def time_passes_behind_the_cause(scene):
    workload, flight = slow_tasks(scene, "--workers", 1, "--rounds", 1, "--most-ms", 1, "--hang",
                                  flight=("--on", "task:job>100ms", "--after", "1s",
                                          "--before", "300ms"))
    workload.truth()
    trace = flight.wait_for(1)[0]
    cause = causes_of(scene, trace)[0]
    begin, end = held(trace)
    between(end - cause["time_ns"], SECOND, 1.2 * SECOND, "time behind the cause")
    # whole chunks, of up to a second
    between(cause["time_ns"] - begin, 100 * MS, 1.6 * SECOND, "time before the cause")
    flight.end()


@test
def a_program_and_its_logs_take_snapshots(scene):
    workload = scene.workload("annotate", "--mode", "steps", "--rounds", 3, "--ms", 5, "--hold")
    workload.ready()
    flight = Flight(scene, "-p", workload.pid, "--on", "snapshot", "--on", "log:db~round 1",
                    "--on", "region:save>1h")
    workload.go()
    flight.recorder.wait()
    causes = [cause for path in flight.snapshots()
              for cause in causes_of(scene, Trace(scene, path))]
    equal(sorted((cause["trigger"], cause["what"]) for cause in causes),
          [("log:db~round 1", "round 1 of many"), ("snapshot", "enough")], "causes")


@test
def a_wrong_trigger_is_shown_with_a_caret(scene):
    done = scene.tracer("flight", "-a", "--on", "task:checkout>fast")
    equal(done.returncode, 2, "exit status")
    lines = done.stderr.splitlines()
    place = [i for i, line in enumerate(lines) if line.strip() == "task:checkout>fast"]
    check(place, f"what was typed is not shown: {lines}")
    typed, caret = lines[place[0]], lines[place[0] + 1]
    equal(typed[caret.index("^"):], "fast", "what the caret points at")


@test
def snapshots_in_turn(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    flight = Flight(scene, "-p", workload.pid, "--on", "every:1s", "--keep", 3)
    flight.wait_for(4)
    times = sorted(Trace(scene, path).report("summary")["summary"]["snapshot"]["causes"][0]["time_ns"]
                   for path in flight.snapshots() if os.path.exists(path))
    for one, other in zip(times, times[1:]):
        between(other - one, SECOND, 1.3 * SECOND, "time between two snapshots")
    flight.end()


@test
def a_sample_of_tasks_makes_snapshots(scene):
    workload, flight = slow_tasks(scene, "--workers", 1, "--rounds", 1, "--most-ms", 1,
                                  "--burst", 40, flight=("--on", "sample:100%:late"))
    tasks = workload.truth()["tasks"]
    time.sleep(1)
    flight.end()
    told = {cause["task"] for path in flight.snapshots()
            for cause in causes_of(scene, Trace(scene, path))}
    late = {t["task"] for t in tasks if t["name"] == "late"}
    more = sum(Trace(scene, path).report("summary")["summary"]["snapshot"]["more"]
               for path in flight.snapshots())
    equal(len(late), 40, "tasks")
    check(told and told <= late, f"others than these tasks are told: {told - late}")
    equal(len(told) + more, 40, "tasks in snapshots, named and counted")


@test
def a_snapshot_tells_where_a_thread_hangs(scene):
    workload, flight = slow_tasks(scene, "--workers", 1, "--rounds", 1, "--most-ms", 1, "--hang",
                                  flight=("--on", "task:job>300ms"))
    workload.truth()
    trace = flight.wait_for(1)[0]
    stacks = scene.tracer("report", "stacks", trace.path, "--name", "hanging").stdout
    check("hang" in stacks and "pause" in stacks, f"the stack of the thread is missing: {stacks}")
    summary = scene.tracer("report", trace.path).stdout.splitlines()
    check("task:job>300ms" in summary[0] and "hanging" in summary[0], f"first line: {summary[0]}")
    check("pause" in summary[1], f"what it was doing: {summary[1]}")
    flight.end()


@test
def a_function_that_is_called_takes_a_snapshot(scene):
    workload = scene.workload("slow_tasks", "--hold", "--stay", "--workers", 1, "--rounds", 3,
                              "--most-ms", 5)
    workload.ready()
    place = f"{WORKLOADS}/slow_tasks:worker"
    flight = Flight(scene, "-p", workload.pid, "--on", f"probe:{place}", "--once-per", "trigger")
    workload.go()
    workload.truth()
    trace = flight.wait_for(1)[0]
    causes = causes_of(scene, trace)
    equal([cause["trigger"] for cause in causes], [f"probe:{place}"], "causes")
    check(causes[0]["tid"] != workload.pid, "the thread is not the one that called it")
    flight.end()
    done = scene.tracer("flight", "-p", workload.pid, "--on", f"probe:{place}_not_there")
    equal(done.returncode, 1, "exit status for a function that does not exist")
