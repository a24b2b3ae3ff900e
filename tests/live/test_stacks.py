# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_stacks - stacks of preemptions and of wakers; very deep ones, and very many"""

import re

from harness import WORKLOADS
from judge import MS, check, equal, near, test
from traces import thread_truth

FRAMES_MAX = 127
PATH_BITS = 20


def functions(row):
    return [frame["function"] for frame in row["user"]]


def total(rows, key="total_ns"):
    return sum(row[key] for row in rows)


def rows_of(trace, kind):
    return [row for row in trace.report("stacks")["stacks"] if row["kind"] == kind]


def record(scene, options, command, seconds=60):
    """A recording of a command: its trace, and what the recorder said."""
    path = scene.path("recorded.trace")
    done = scene.tracer("-q", "-v", "-o", path, *options, "--", *command, seconds=seconds)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()[-500:]})")
    trace = scene.trace(path)
    equal(scene.tracer("check", path).returncode, 0, "exit status of check")
    return trace, done


# Preemptions


@test
def preempted_threads_are_told_by_the_functions_that_they_were_in(scene):
    command = ("taskset", "-c", "0", WORKLOADS / "spinner", "--ms", "1000", "--threads", "3")
    trace, _done = record(scene, ("-e", "sched,stack,preempt-stacks"), command)
    trace.nothing_lost()
    rows = [row for row in rows_of(trace, "sched") if row["why"] == "preempted"]
    equal({row["waited_for"] for row in rows}, {None}, "what a preempted thread waited for")
    spun = {name: total([row for row in rows if name in functions(row)])
            for name in ("spin_often", "spin_rarely")}
    # who shares a CPU with two others waits longer than it runs, wherever that is
    waited = sum(row["scheduler_wait_ns"] for row in trace.threads()
                 if row["name"].startswith("spinner-"))
    near(total(rows), waited, "time in preemptions with a stack", slack=20 * MS)
    below = total([row for row in rows if "run" in functions(row)])
    check(sum(spun.values()) >= 0.9 * below, f"{spun} of {below} below run()")
    share = 100 * spun["spin_often"] / sum(spun.values())
    check(50 <= share <= 90, f"{share:.0f} % of the preemptions are in spin_often(), not about 70")
    cut = total([row for row in rows if row["truncated"]], "count")
    check(cut <= 0.05 * total(rows, "count"), f"{cut} preemptions do not reach their root")


@test
def without_being_asked_for_preemptions_have_no_stacks(scene):
    command = ("taskset", "-c", "0", WORKLOADS / "spinner", "--ms", "600", "--threads", "2")
    trace, _done = record(scene, ("--stack-min", "0"), command)
    check(any(row["scheduler_wait_ns"] > 20 * MS for row in trace.threads()),
          "nobody had to wait for the CPU")
    found = [row for row in rows_of(trace, "sched") if row["why"] == "preempted"]
    equal(found, [], "stacks of preemptions")


# Wakers


@test
def wakers_are_told_by_the_functions_that_they_were_in(scene):
    options = ("-e", "sched,syscall,futex,stack,waker-stacks")
    trace, truth = scene.record_command("mutex_pair", options=options)
    trace.nothing_lost()
    names, frames, wakings = {}, {}, []
    for event in trace.events("symbol", "stack", "wait_stack"):
        if event["kind"] == "symbol":
            names[event["address"]] = event["function"]
        elif event["kind"] == "stack":
            frames[event["stack"]] = event["frames"]
        elif event["moment"] == "waking":
            wakings.append(event)
    tids = {thread_truth(truth, name)["tid"] for name in ("ping", "pong")}
    stacks = [[names.get(address) for address in frames[event["user_stack"]]]
              for event in wakings if event["tid"] in tids and event["user_stack"]]
    unlocked = [stack for stack in stacks if "holder" in stack
                and any("unlock" in (name or "") for name in stack[:stack.index("holder")])]
    locked = sum(thread_truth(truth, name)["calls"]["lock"]["count"] for name in ("ping", "pong"))
    check(len(unlocked) >= locked / 3, f"{len(unlocked)} wakings unlock in holder() of {len(wakings)}, "
          f"{locked} times the lock was taken")
    # an interrupt that finds its CPU idle has none
    check(all(event["kernel_stack"] for event in wakings if event["user_stack"]),
          "a thread woke another one without a kernel stack")
    plain, _truth = scene.record_command("mutex_pair")
    equal([e for e in plain.events("wait_stack") if e["moment"] == "waking"], [],
          "stacks of wakers that nobody asked for")


# Deep


@test
def a_stack_of_10000_frames_is_truncated_and_told_so(scene):
    trace, truth = scene.record_command("call_paths", "--depth", "10000", "--rounds", "8")
    trace.nothing_lost()
    rows = [row for row in rows_of(trace, "sleep") if "descend" in functions(row)]
    napped = truth["threads"][0]["calls"]["nap"]
    equal(total(rows, "count"), napped["count"], "naps below descend()")
    near(total(rows), napped["ns"], "their time", slack=5 * MS)
    for row in rows:
        check(row["truncated"] and row["end"] in ("depth", "memory"),
              f"truncated: {row['truncated']}, by {row['end']}")
        inner = [name for name in functions(row) if name not in ("clock_nanosleep", "sleep_ns")]
        equal(set(inner), {"descend"}, "functions")
    # when its rules are known, as much as fits
    equal(max(len(row["user"]) for row in rows), FRAMES_MAX, "frames of the longest one")
    found = trace.report("losses")["truncated"]
    equal(found["count"], napped["count"], "truncated waits in the report losses")
    equal([module["module"] for module in found["modules"]], ["call_paths"], "where they end")
    shown = scene.tracer("report", "stacks", trace.path).stdout
    check("(truncated)" in shown and "truncated: " in shown, shown)
    equal(scene.tracer("check", trace.path).returncode, 0, "exit status of check")


# Many


def number_of(names):
    """The way that a stack of call_paths came, from its frames; None when it is not whole."""
    ways = [name for name in names if name in ("way_0", "way_1")]
    if len(ways) != PATH_BITS + 1:
        return None
    return int("".join(name[-1] for name in reversed(ways[:-1])), 2)


@test(seconds=300)
def a_hundred_thousand_stacks_are_told_or_counted(scene):
    paths, rounds = 100_000, 2
    trace, done = record(scene, ("--stack-min", "0"),
                         (WORKLOADS / "call_paths", "--paths", paths, "--rounds", rounds), 120)
    said = dict(re.findall(r"(\w+)=(\d+)", done.stderr))
    equal("table of stacks was full" in done.stderr, int(said["stacks_forgotten"]) > 0,
          "whether a full table is told")
    path = scene.path("stacks.json")
    found = trace.report("stacks")
    lost = found["losses"]["events"]
    rows = [row for row in rows_of(trace, "sleep") if "run" in functions(row) or row["truncated"]]
    waits = sum(row["waits"].get("sleep", {"count": 0})["count"] for row in trace.threads())
    check(waits >= 0.8 * paths * rounds, f"only {waits} naps of {paths * rounds} blocked")
    # what has no stack was lost, and counted
    bare = waits - total(rows, "count")
    # a wait whose call began, or whose switch came, where this kernel shows nothing has none
    check(bare <= lost + waits / 20_000, f"{bare} of {waits} waits have no stack, {lost} events were lost")
    whole = {}
    for row in rows:
        number = number_of(functions(row))
        if number is None:
            check(row["truncated"], f"a stack that is not whole: {functions(row)}")
            continue
        check(not row["truncated"], f"a whole stack that is truncated: {number}")
        whole[number] = whole.get(number, 0) + row["count"]
    check(set(whole) <= set(range(paths)), "a stack that was on no way")
    most = max(whole.values())
    check(most <= rounds, f"{most} waits have a stack that occurred {rounds} times")
    known = sum(whole.values())
    check(known >= 0.8 * (waits - lost), f"only {known} of {waits} waits have a whole stack")
    # the kernel's table cannot hold them all: what it forgot was told again
    check(int(said["stacks"]) >= len(whole), f"{said['stacks']} stacks were told")
    check(int(said["stacks_forgotten"]) > 0, "the table forgot none: it is too large for this test")
    truncated = found["truncated"]["count"]
    equal(truncated, total([row for row in rows if row["truncated"]], "count"),
          "truncated waits, as they are told")
    if int(said["refused"]):
        check("came too fast to be resolved" in done.stderr, done.stderr)
