# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_annotations - what programs announce comes into the trace, whatever they say"""

import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys

from harness import BUILD, ROOT
from judge import MS, check, equal, near, need, test

ANNOTATIONS = ("task_begin", "task_end", "task_enter", "task_leave", "region_begin", "region_end",
               "log", "counter", "link", "snapshot")
LIBRARY = BUILD / "libtracer-annotate.so.1"
EARLIER = "1"


def annotations(scene, trace):
    """All that was announced, in order of time."""
    return [event for event in scene.dump(trace) if event["kind"] in ANNOTATIONS]


def of_kind(events, kind):
    return [event for event in events if event["kind"] == kind]


def kinds_made(rounds):
    """What --mode steps makes."""
    return {"task_begin": 2 * rounds, "task_end": 2 * rounds, "task_enter": rounds,
            "task_leave": rounds, "region_begin": 2 * rounds, "region_end": 2 * rounds,
            "log": rounds, "counter": 2 * rounds, "link": rounds, "snapshot": 1}


def pairs(events, begin, end, key):
    """(name, nanoseconds) of each begin and its end, which must be there."""
    found, open_ones = [], {}
    for event in events:
        if event["kind"] == begin:
            check(event[key] not in open_ones, f"{event[key]} begins twice")
            open_ones[event[key]] = event
        elif event["kind"] == end:
            was = open_ones.pop(event[key], None)
            check(was, f"{event[key]} ends without a begin")
            found.append((was, event["time_ns"] - was["time_ns"]))
    check(not open_ones, f"no end: {open_ones}")
    return found


def are_steps(events, truth, rounds):
    """The annotations of --mode steps are complete and took what the workload measured."""
    equal(dict(collections.Counter(event["kind"] for event in events)), kinds_made(rounds),
          "annotations by kind")
    calls = truth["threads"][0]["calls"]
    for name in ("fetch", "save"):
        took = [ns for event, ns in pairs(events, "region_begin", "region_end", "region")
                if event["region"] == name]
        near(sum(took), calls[name]["ns"], f"time in {name}", 0.02, rounds * MS // 20)
    tasks = pairs(events, "task_begin", "task_end", "task")
    took = [ns for event, ns in tasks if event["task_name"] == "checkout"]
    near(sum(took), calls["checkout"]["ns"], "time in checkout", 0.02, rounds * MS // 20)
    outer = {event["task"] for event, _ in tasks if event["task_name"] == "checkout"}
    for event, _ in tasks:
        if event["task_name"] == "payment":
            check(event["parent"] in outer, "a payment is part of a checkout")
    equal([event["text"] for event in of_kind(events, "log")],
          [f"round {i} of many" for i in range(rounds)], "logs")
    counters = of_kind(events, "counter")
    equal([event["value"] for event in counters if event["counter"] == "queue"],
          [-i for i in range(rounds)], "the counter queue")
    equal([event["value"] for event in counters if event["counter"] == "load"],
          [0.5 + i for i in range(rounds)], "the counter load")
    equal({event["traceparent"] for event in of_kind(events, "link")},
          {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "links")


@test
def a_command_announces_its_steps_from_the_first_on(scene):
    trace, truth = scene.record_command("annotate", "--rounds", "10")
    events = annotations(scene, trace.path)
    equal(events[0]["kind"], "task_begin", "the first annotation")
    equal(events[0]["task_name"], "early", "the first task")
    equal(events[1]["region"], "early region", "the first region")
    are_steps(events[2:], truth, 10)


@test
def a_running_program_announces_its_steps(scene):
    trace, truth = scene.record_attached("annotate", "--rounds", "12")
    are_steps(annotations(scene, trace.path), truth, 12)


@test
def a_task_that_began_before_the_recording_is_known_as_such(scene):
    trace, _ = scene.record_attached("annotate", "--mode", "middle")
    events = annotations(scene, trace.path)
    equal([(event["kind"], event.get("task")) for event in events],
          [("log", EARLIER), ("region_end", None), ("task_end", EARLIER)], "annotations")


@test
def odd_names_are_kept_and_marked(scene):
    trace, _ = scene.record_attached("annotate", "--mode", "odd")
    events = annotations(scene, trace.path)
    begun = [(event["region"], event["cut"], event["unreadable"], event["not_utf8"])
             for event in of_kind(events, "region_begin")]
    x = "x"
    equal(begun, [("", False, True, False), ("", False, True, False), ("", False, True, False),
                  ("", False, True, False), ("fits", False, False, False),
                  (x * 127, True, False, False), ("", False, False, False),
                  ("", False, False, False), ("a\ufffdb", False, False, True),
                  ("line\nbreak \x1b[31m", False, False, False),
                  (x * 124 + "\u20ac", False, False, False),
                  (x * 126, True, False, False), ("8 bytes.", False, False, False),
                  ("a name that has a length of 32..", False, False, False),
                  ("a name that has a length of 33...", False, False, False)], "regions")
    logs = [(event["category"], len(event["text"]), event["cut"])
            for event in of_kind(events, "log")]
    equal(logs, [("long", 1023, True), ("", 1023, True), ("1023", 1023, False)], "logs")
    equal([event["region"] for event in of_kind(events, "region_end")], ["never begun", ""],
          "ends of regions")
    equal([event.get("task") for event in of_kind(events, "task_end")], ["4d", "4d", None],
          "ends of tasks")
    equal(len(of_kind(events, "link")) + len(of_kind(events, "snapshot")), 2, "the others")
    shown = scene.tracer("dump", trace.path).stdout
    check("\x1b" not in shown, "an escape sequence reaches the terminal")


@test
def a_child_announces_for_itself_and_for_its_parent(scene):
    trace, truth = scene.record_attached("annotate", "--mode", "fork")
    events = annotations(scene, trace.path)
    parent, child = truth["pid"], truth["child"]
    begun = {(event["pid"], event["task_name"]): event["task"]
             for event in of_kind(events, "task_begin")}
    equal(set(begun), {(parent, "parent's"), (parent, "parent's second"), (child, "child's")},
          "tasks")
    ends = [(event["pid"], event["task"]) for event in of_kind(events, "task_end")]
    equal(sorted(ends), sorted([(child, begun[child, "child's"]),
                                (child, begun[parent, "parent's"]),
                                (parent, begun[parent, "parent's"]),
                                (parent, begun[parent, "parent's second"])]), "ends")


@test(seconds=120)
def of_64_threads_in_a_hurry_all_is_recorded_or_counted(scene):
    for ring in ("16K", "1M"):
        trace, truth = scene.record_attached("annotate", "--mode", "fast", "--threads", "64",
                                             "--rounds", "3000", options=["--ring-size", ring])
        recorded, gone = collections.Counter(), 0
        for event in scene.dump(trace.path):
            if event["kind"] in ANNOTATIONS:
                recorded[event["kind"], event.get("region")] += 1
            elif event["kind"] == "loss":
                gone += event["lost"]["annotation"]
        equal(sum(recorded.values()) + gone, truth["made"], f"recorded + lost, ring of {ring}")
        check(len(recorded) <= 2, f"other annotations than were made: {recorded}")
        if ring == "16K":
            check(gone, "a ring of 16K loses nothing: then this test shows nothing")


@test
def two_processes_announce_at_once(scene):
    first = scene.workload("annotate", "--hold", "--rounds", "30", "--ms", "2")
    second = scene.workload("annotate", "--hold", "--rounds", "40", "--ms", "2")
    outside = scene.workload("annotate", "--hold", "--rounds", "30", "--ms", "2")
    for workload in (first, second, outside):
        workload.ready()
    recorder = scene.recorder("-p", f"{first.pid},{second.pid}")
    for workload in (first, second, outside):
        workload.go()
    truths = {workload.pid: workload.truth() for workload in (first, second)}
    outside.truth()
    equal(recorder.wait(), 0, "exit status of tracer")
    events = annotations(scene, recorder.trace)
    equal({event["pid"] for event in events}, set(truths), "who announced")
    for pid, rounds in ((first.pid, 30), (second.pid, 40)):
        are_steps([event for event in events if event["pid"] == pid], truths[pid], rounds)


@test
def cpp_objects_end_what_they_began(scene):
    need("g++")
    path = scene.path("a.trace")
    done = scene.tracer("-q", "-o", path, "--", BUILD / "workloads" / "annotate_cpp")
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    check(json.loads(done.stdout)["enabled"], "nobody recorded")
    events = annotations(scene, path)
    tasks = pairs(events, "task_begin", "task_end", "task")
    equal(collections.Counter(event["task_name"] for event, _ in tasks),
          {"outer": 10, "moved": 10}, "tasks")
    regions = pairs(events, "region_begin", "region_end", "region")
    equal(collections.Counter(event["region"] for event, _ in regions), {"work": 10, "inner": 10},
          "regions")
    threads = {event["task"]: event["tid"] for event in of_kind(events, "task_enter")}
    for event, _ in tasks:
        if event["task_name"] == "moved":
            check(threads[event["task"]] != event["tid"], "it is worked for on another thread")


PYTHON = """
import sys, time
sys.path.insert(0, sys.argv[1])
import tracer
assert tracer.available()
end = time.monotonic() + 5
while not tracer.enabled() and time.monotonic() < end:
    time.sleep(0.001)
@tracer.region
def parse(number):
    return number + 1
@tracer.region("named")
def fail():
    raise ValueError
for i in range(5):
    with tracer.task("checkout") as task:
        tracer.link(task, "00-x")
        with tracer.region("save"):
            tracer.log("%d rows", i, category="db", task=task)
            assert parse(1) == 2
        try:
            fail()
        except ValueError:
            pass
        tracer.counter("queue", i)
        tracer.counter("load", i / 2)
job = tracer.Task("job")
with job.work():
    tracer.log("no \\ud800 text\\0 at all")
job.end()
tracer.snapshot("enough")
try:
    @tracer.region
    def generator():
        yield 1
    sys.exit("a region over a generator is accepted")
except TypeError:
    pass
"""


@test
def python_announces_through_its_module(scene):
    need("python3")
    path = scene.path("a.trace")
    script = scene.path("annotated.py")
    pathlib.Path(script).write_text(PYTHON)
    done = scene.tracer("-q", "-o", path, "--", sys.executable, script, ROOT / "user/annotate",
                        env={"TRACER_ANNOTATE_LIBRARY": str(LIBRARY)})
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    events = annotations(scene, path)
    tasks = pairs(events, "task_begin", "task_end", "task")
    equal(collections.Counter(event["task_name"] for event, _ in tasks), {"checkout": 5, "job": 1},
          "tasks")
    regions = pairs(events, "region_begin", "region_end", "region")
    equal(collections.Counter(event["region"] for event, _ in regions),
          {"save": 5, "parse": 5, "named": 5}, "regions")
    equal([event["text"] for event in of_kind(events, "log")],
          [f"{i} rows" for i in range(5)] + ["no ? text"], "logs")
    equal([event["value"] for event in of_kind(events, "counter")],
          [value for i in range(5) for value in (i, i / 2)], "counters")


BUILDS = {
    "plain": ["-O2"], "unoptimised": ["-O0"], "static": ["-O2", "-static"],
    "fixed": ["-O2", "-fno-pie", "-no-pie"], "lto": ["-O2", "-flto"],
    "sections": ["-Os", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"],
    "stripped": ["-O2", "-s"],
}

MAIN = """
#include <tracer.h>
#include <unistd.h>
void other(void);
int main(void)
{
	for (int i = 0; i < 5000 && !tracer_enabled(); i++)
		usleep(1000);
	usleep(300000);	/* for the library */
	tracer_region_begin("main");
	other();
	tracer_region_end("main");
	return 0;
}
"""
OTHER = """
#include <tracer.h>
void other(void)
{
	uint64_t task = tracer_task_begin("other");

	TRACER_REGION("other");
	tracer_log(task, "c", "%d", 42);
	tracer_task_end(task);
}
"""


def announces(scene, name):
    """Records a built program: the kinds in the order in which they were announced."""
    path = scene.path(f"{name}.trace")
    done = scene.tracer("-q", "-o", path, "--", scene.path(name))
    equal(done.returncode, 0, f"exit status of {name} ({done.stderr})")
    events = annotations(scene, path)
    equal([event["kind"] for event in events],
          ["region_begin", "task_begin", "region_begin", "log", "task_end", "region_end",
           "region_end"], f"what a {name} program announces")
    return events


@test(seconds=120)
def the_header_works_however_a_program_is_built(scene):
    need("gcc")
    pathlib.Path(scene.path("main.c")).write_text(MAIN)
    pathlib.Path(scene.path("other.c")).write_text(OTHER)
    shutil.copy(ROOT / "user/annotate/tracer.h", scene.path("tracer.h"))
    common = ["-std=c11", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-I."]
    for compiler in ("gcc", "clang"):
        if not shutil.which(compiler):
            continue
        for name, options in BUILDS.items():
            if compiler == "clang" and name == "lto":
                continue	# needs another linker
            subprocess.run([compiler, *common, *options, "main.c", "other.c", "-o",
                            f"{compiler}-{name}"], cwd=scene.dir, check=True)
            announces(scene, f"{compiler}-{name}")
    subprocess.run(["gcc", *common, "-O2", "-fPIC", "-shared", "other.c", "-o", "libother.so"],
                   cwd=scene.dir, check=True)
    subprocess.run(["gcc", *common, "-O2", "main.c", "-L.", "-lother", "-Wl,-rpath,$ORIGIN",
                    "-o", "shared"], cwd=scene.dir, check=True)
    announces(scene, "shared")


@test
def a_header_that_says_nothing_or_lies_is_known_by_its_probes(scene):
    need("gcc")
    header = (ROOT / "user/annotate/tracer.h").read_text()
    pathlib.Path(scene.path("main.c")).write_text(MAIN)
    pathlib.Path(scene.path("other.c")).write_text(OTHER)
    for name, says in (("silent", "kind"), ("switch", "TRACER_SAYS_ | 1"),
                       ("past", "TRACER_SAYS_ | 29"), ("long", "TRACER_SAYS_ | kind | 200 << 16")):
        check("TRACER_SAYS_ | kind" in header, "the header says what it announces")
        pathlib.Path(scene.path("tracer.h")).write_text(
            header.replace("{ TRACER_SAYS_ | kind,", f"{{ {says},").replace(
                "said.what |= (uint64_t)length << 16;", ""))
        subprocess.run(["gcc", "-O2", "-D_DEFAULT_SOURCE", "-I.", "main.c", "other.c", "-o", name],
                       cwd=scene.dir, check=True)
        events = announces(scene, name)
        equal([event["region"] for event in of_kind(events, "region_begin")], ["main", "other"],
              "regions")


@test
def what_is_not_asked_for_is_not_recorded(scene):
    trace, _ = scene.record_attached("annotate", "--mode", "middle", options=["-e", "sched"])
    equal(annotations(scene, trace.path), [], "annotations with -e sched")


@test
def nothing_stays_in_a_program_when_the_recorder_is_killed(scene):
    workload = scene.workload("annotate", "--hold", "--stay", "--rounds", "3")
    workload.ready()
    recorder = scene.recorder("-p", workload.pid)
    recorder.popen.kill()
    recorder.popen.wait()
    workload.go()
    truth = workload.truth()	# waits 5 s for a recorder that is not there
    check(truth["threads"][0]["calls"], "the workload goes on")
    check(workload.alive(), "the workload lives")
    os.kill(workload.pid, 15)
