# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_where - report stacks: waits by the functions that they were in, against known times"""

import pathlib
import re

from judge import MS, check, equal, near, test
from traces import thread_truth


def functions(row):
    return [frame["function"] for frame in row["user"]]


def total(rows, key="total_ns"):
    return sum(row[key] for row in rows)


def through(found, kind, function):
    return [row for row in found["stacks"] if row["kind"] == kind and function in functions(row)]


@test
def waits_are_told_by_the_functions_that_they_were_in(scene):
    trace, truth = scene.record_command("mutex_pair", options=["--stack-min", "0"])
    trace.nothing_lost()
    found = trace.report("stacks")
    told = [thread_truth(truth, name)["calls"] for name in ("ping", "pong")]
    calls = {name: sum(call[name]["ns"] for call in told) for name in ("lock", "hold", "pause")}
    rows = {"sync": through(found, "sync", "holder"), "sleep": through(found, "sleep", "holder")}
    for row in rows["sync"] + rows["sleep"]:
        check("holder" in functions(row), f"no holder in {functions(row)}")
    # where the kernel did not report that the thread came back, its own part is not known
    found_all = rows["sync"] + rows["sleep"]
    bare = total([row for row in found_all if not row["kernel"]], "count")
    check(bare <= 0.05 * total(found_all, "count"), f"{bare} waits have no kernel stack")
    # what the thread waited for a CPU behind its waits is told apart, by the same stacks
    behind = {kind: total([row for row in found["stacks"]
                           if row["kind"] == "sched" and row["waited_for"] == kind
                           and "holder" in functions(row)]) for kind in rows}
    near(total(rows["sync"]) + behind["sync"], calls["lock"], "waits for the lock below holder()",
         slack=MS)
    near(total(rows["sleep"]) + behind["sleep"], calls["hold"] + calls["pause"],
         "waits in sleep_ns(), which is a part of holder()", slack=MS)


@test
def waits_with_and_without_stacks_are_all_waits(scene):
    trace, _truth = scene.record_command("mutex_pair", options=["--stack-min", "20ms"])
    trace.nothing_lost()
    found = trace.report("stacks")
    equal(found["stack_min_ns"], 20 * MS, "the least time of a wait with a stack")
    waits = [row["waits"][kind] for row in trace.threads() for kind in row["waits"]]
    for key, mine in (("total_ns", "ns"), ("count", "count")):
        equal(sum(part[key] for part in found["waits"].values()),
              sum(wait[mine] for wait in waits), f"{key} of all waits")
    rows = [row for row in found["stacks"] if row["kind"] not in ("sched", "cpu")]
    equal(total(rows), found["waits"]["with_stack"]["total_ns"], "waits with a stack")
    equal(total(rows, "count"), found["waits"]["with_stack"]["count"], "their count")
    check(found["waits"]["too_short"]["count"], "pauses of 5 ms had stacks")
    check(not through(found, "sleep", "nothing"), "a function that is not there")


@test
def the_tree_and_the_summary_name_the_function(scene):
    trace, _truth = scene.record_command("mutex_pair")
    shown = scene.tracer("report", "stacks", trace.path).stdout
    check("WAITS BY STACK" in shown and "holder" in shown, shown)
    check("[sync futex]" in shown and "[sleep clock_nanosleep]" in shown, shown)
    shown = scene.tracer("report", trace.path).stdout
    rows = [line for line in shown.splitlines() if line.startswith("sync ")]
    check(rows and any(line.endswith("holder") for line in rows), shown)
    bare, _truth = scene.record_command("mutex_pair", options=["-e", "sched"])
    shown = scene.tracer("report", "stacks", bare.path).stdout
    check("no stacks were recorded" in shown, shown)


@test
def the_first_wait_below_large_frames_is_walked_to_its_root(scene):
    trace, _truth = scene.record_command("deep_frames")
    rows = through(trace.report("stacks"), "sleep", "level_wait")
    equal(len(rows), 1, "stacks of its one wait")
    levels = [name for name in functions(rows[0]) if name.startswith(("level_", "main"))]
    equal(levels, ["level_wait", "level_six", "level_five", "level_four", "level_three",
                   "level_two", "level_one", "main"], "the functions on the way")
    near(total(rows), 500 * MS, "the wait", slack=5 * MS)


@test
def lines_are_told_by_tree_json_and_flame_graph(scene):
    trace, _truth = scene.record_command("mutex_pair")
    source = pathlib.Path(__file__).parents[1] / "workloads" / "mutex_pair.c"
    lines = source.read_text().splitlines()
    number = 1 + [i for i, line in enumerate(lines) if "pthread_mutex_lock(&mutex)" in line][0]
    rows = through(trace.report("stacks", "--lines"), "sync", "pthread_mutex_lock")
    check(rows, "no wait for the lock below holder()")
    for row in rows:
        frame = [frame for frame in row["user"] if frame["function"] == "holder"][0]
        equal((frame["file"].rpartition("/")[2], frame["line"]), ("mutex_pair.c", number),
              "where holder() waits")
    check(all("file" not in frame and "line" not in frame
              for row in trace.report("stacks")["stacks"] for frame in row["user"]),
          "lines that nobody asked for")
    place = f"holder mutex_pair.c:{number}"
    stacks = [row["stack"] or [] for row in trace.report("locks", "--lines")["locks"]]
    check(any(place in stack for stack in stacks), f"report locks does not tell {place}: {stacks}")
    for kind in ("stacks", "waits"):
        shown = scene.tracer("report", kind, "--lines", trace.path, env={"COLUMNS": "200"}).stdout
        check(place in shown, f"report {kind} does not tell {place}:\n{shown}")
    path = scene.path("lines.svg")
    equal(scene.tracer("flame", trace.path, "--lines", "-o", path).returncode, 0, "exit status")
    check(re.search(f"<title>{re.escape(place)}\n", pathlib.Path(path).read_text()),
          f"the flame graph does not tell {place}")
