# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_go - exports that the real `go tool trace` opens, with the numbers of the reports"""

import glob
import gzip
import json
import os
import pathlib
import re
import subprocess

from gotrace import export, readers
from harness import BUILD, ROOT, TRACER, WORKLOADS
from judge import US, check, equal, near, test
from traces import wait_of

# Which kinds of waits a profile of go tool trace is made of
OF = {"net": ("network",), "sync": ("sync",), "syscall": ("disk", "pipe", "other")}


def record_demo(scene, seconds=2, options=()):
    path = scene.path("demo.trace")
    done = scene.tracer("-o", path, *options, "--", WORKLOADS / "demo_server", "--seconds",
                        seconds, "--dir", scene.dir)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    return scene.trace(path)


def reported(trace, kind, *filters):
    """Count and ns of what a profile of go tool trace adds up."""
    if kind == "sched":
        rows = trace.report("sched", *filters)["sched"]
        total = [row for row in rows if row["why"] == "all"][0]
        return total["count"], total["total_ns"]
    waits = [wait_of(row, k) for row in trace.threads(*filters) for k in OF[kind]]
    return sum(wait["count"] for wait in waits), sum(wait["ns"] for wait in waits)


def same_numbers(scene, reader, trace, path, kinds, *filters):
    """Within a microsecond for each wait."""
    for kind in kinds:
        count, ns = reported(trace, kind, *filters)
        found = reader.profile(scene, path, kind).sums()
        near(found[1], ns, f"go {reader.version} -pprof={kind}", share=0, slack=count * US)
        if kind != "sched":  # there each repair counts, too
            equal(found[0], count, f"waits of go {reader.version} -pprof={kind}")


@test(seconds=120)
def go_tool_trace_has_the_numbers_of_the_report(scene):
    trace = record_demo(scene)
    check(min(reported(trace, kind)[0] for kind in (*OF, "sched")) > 10, "the demo hardly waits")
    old = export(scene, trace, "old.out")
    equal(pathlib.Path(old).read_bytes()[:16], b"go 1.22 trace\0\0\0", "the header")
    new = export(scene, trace, "new.out", "--header", "1.23")
    for reader in readers():
        # These versions take no notice of what ends without a stack: with their own traces, too.
        same_numbers(scene, reader, trace, old, ("net", "sync"))
        reader.parsed(scene, old)
    same_numbers(scene, readers()[-1], trace, new, (*OF, "sched"))
    readers()[-1].parsed(scene, new)


@test(seconds=120)
def filters_are_those_of_the_report(scene):
    trace = record_demo(scene)
    reader = readers()[-1]
    for filters in (("--name", "http-worker*"), ("--from", "500ms", "--to", "1200ms"),
                    ("--tid", str(trace.threads()[0]["tid"]))):
        path = export(scene, trace, "part.out", "--header", "1.23", *filters)
        same_numbers(scene, reader, trace, path, (*OF, "sched"), *filters)


@test(seconds=120)
def all_pages_of_go_tool_trace_open(scene):
    trace = record_demo(scene)
    annotated, _truth = scene.record_command("annotate", "--rounds", "10")
    for reader in readers():
        pages = reader.serve(scene, export(scene, trace, f"{reader.version}.out"))
        read = pages.follow(80)
        for page in ("/trace?view=proc", "/goroutines", "/io?raw=1", "/block?raw=1",
                     "/syscall?raw=1", "/sched?raw=1", "/usertasks", "/userregions", "/mmu"):
            check(page in read, f"{page} was not among {sorted(read)}")
        names = {row["name"] for row in trace.threads()}
        check(any(name in read["/goroutines"] for name in names), "no thread's name is shown")
        for view in ("proc", "thread"):
            events = pages.json(f"/jsontrace?view={view}")["traceEvents"]
            check(len(events) > 100, f"the view {view} has {len(events)} events")
        pages = reader.serve(scene, export(scene, annotated, f"tasks-{reader.version}.out"))
        read = pages.follow(120)
        check("checkout" in read["/usertasks"], "the task checkout is not shown")
        check("fetch" in read["/userregions"], "the region fetch is not shown")
        check(any(page.startswith("/trace?focustask=") for page in read), "no task is shown alone")


@test
def tasks_regions_logs_and_names_are_those_that_were_announced(scene):
    trace, truth = scene.record_command("annotate", "--rounds", "10")
    for reader in readers():
        text = reader.parsed(scene, export(scene, trace))
        tasks = re.findall(r'TaskBegin .*ID=(\d+) Parent=(\d+) Type="(\w+)"', text)
        names = [name for _id, _parent, name in tasks]
        equal((names.count("checkout"), names.count("payment")), (10, 10), "tasks that began")
        ids = {task: name for task, _parent, name in tasks}
        check(all(ids[parent] == "checkout" for _id, parent, name in tasks if name == "payment"),
              "a payment is not part of a checkout")
        calls = truth["threads"][0]["calls"]
        for region in ("fetch", "save"):
            begins = [int(t) for t in re.findall(rf'RegionBegin Time=(\d+) .*Type="{region}"', text)]
            ends = [int(t) for t in re.findall(rf'RegionEnd Time=(\d+) .*Type="{region}"', text)]
            equal((len(begins), len(ends)), (10, 10), f"begins and ends of {region}")
            near(sum(ends) - sum(begins), calls[region]["ns"], f"time in {region}", slack=100 * US)
        check(re.search(r'Log .*Message="', text), "no log")
        one = reader.parsed(scene, export(scene, trace, "one.out", "--task", "payment"))
        check('"payment"' in one and '"checkout"' not in one, "--task payment shows others")
        reader.parsed(scene, export(scene, trace, "none.out", "--task", "none of them"))
        check("stepper @" in text, "the thread's name is not the root of its stacks")


@test
def who_woke_whom_and_where_is_in_the_export(scene):
    trace, truth = scene.record_command("mutex_pair")
    path = export(scene, trace)
    profile = readers()[-1].profile(scene, path, "sync")
    locked = [s for s in profile.samples if "pthread_mutex_lock" in s.frames]
    check(locked, "no wait for a mutex has a stack")
    for sample in locked:
        check("[mutex]" in sample.frames, f"the lock is not named: {sample.frames}")
        check("holder" in sample.frames, f"not in holder(): {sample.frames}")
        equal(sample.frames[0], "futex", "the leaf is the system call")
        check(sample.frames[-1] in ("ping", "pong"), f"the root is the thread: {sample.frames}")
    tids = {thread["name"]: thread["tid"] for thread in truth["threads"]}
    text = readers()[-1].parsed(scene, path)
    by = re.findall(rf'G={tids["ping"]} StateTransition .*GoID={tids["pong"]} Waiting->Runnable',
                    text)
    check(len(by) > 3, f"ping woke pong {len(by)} times")


@test(seconds=180)
def no_random_stream_is_rejected(scene):
    program = BUILD / "tests/unit/export_go_random"
    made = subprocess.run(["make", "-C", ROOT, f"BUILD={BUILD}", program], capture_output=True,
                          text=True, check=False)
    equal(made.returncode, 0, f"make of the streams ({made.stderr[-300:]})")
    done = subprocess.run([program, "--write", scene.dir], capture_output=True, text=True,
                          check=False)
    equal((done.returncode, done.stdout), (0, "500\n"), f"random streams ({done.stderr})")
    files = sorted(glob.glob(scene.path("*.out")))
    check(len(files) >= 20, f"{len(files)} files")
    for path in files:
        header = pathlib.Path(path).read_bytes()[3:7].decode()
        for reader in readers():
            if header <= reader.version:
                reader.parsed(scene, path)
    many = readers()[-1].serve(scene, scene.path("many.out"))
    check(len(many.json("/jsontrace?view=proc")["traceEvents"]) > 1000, "2,000 threads are shown")


@test
def an_export_has_a_name_of_its_own_and_goes_through_pipes(scene):
    trace, _truth = scene.record_command("mutex_pair")
    done = scene.tracer("export", "go", trace.path)
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    made = pathlib.Path(scene.path("recorded.out")).read_bytes()
    piped = subprocess.run(f"'{TRACER}' export go - -o - <'{trace.path}'", shell=True,
                           capture_output=True, check=False)
    equal(piped.returncode, 0, f"exit status of the pipe ({piped.stderr})")
    equal(piped.stdout, made, "the export out of a pipe")
    for args, status, words in (
            (("export", "go", trace.path, "--header", "1.21", "-o", "x.out"), 2, "1.22, 1.23"),
            (("export", "go", trace.path, "-o", "/dev/full"), 1, "No space"),
            (("export", "go", "/etc/passwd", "-o", "x.out"), 1, "passwd")):
        done = scene.tracer(*args)
        equal(done.returncode, status, f"exit status of {args} ({done.stderr})")
        check(words in done.stderr, f"{args} says: {done.stderr}")
    check(not os.path.exists(scene.path("x.out")), "a file was left")


@test
def a_recording_goes_directly_into_another_format(scene):
    reader = readers()[-1]
    for name, options, status in (("x.out", (), 3), ("y.json.gz", ("-q",), 0)):
        done = scene.tracer(*options, "-o", name, "--", "/bin/sh", "-c", f"sleep 0.1; exit {status}")
        equal(done.returncode, status, f"exit status is the command's ({done.stderr})")
        check("next:" not in done.stdout, f"there is no trace to go on with: {done.stdout}")
        check(bool(done.stdout) != ("-q" in options), f"-q: {done.stdout}")
        equal([n for n in os.listdir(scene.dir) if n[0] != "."], [name], "files that were made")
        if name == "x.out":
            check("sleep" in reader.parsed(scene, scene.path(name)), "sleep is not in the export")
        else:
            with gzip.open(scene.path(name)) as file:
                check(len(json.load(file)["traceEvents"]) > 5, "events in the JSON")
        os.remove(scene.path(name))
    # What stands where the trace has to be meanwhile is nobody's to replace.
    pathlib.Path(scene.path("x.out.trace")).write_text("mine")
    done = scene.tracer("-o", "x.out", "--", "/bin/true")
    check(done.returncode not in (0, 2) and "x.out.trace" in done.stderr, f"says: {done.stderr}")
    equal(pathlib.Path(scene.path("x.out.trace")).read_text(), "mine", "the file that was there")
    check(not os.path.exists(scene.path("x.out")), "there is an export of nothing")
