# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_names - functions of all kinds of programs have their names, and waits the right ones"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

from harness import WORKLOADS
from judge import MS, Skipped, check, equal, near, need, test
from programs import (build_id, build_named, functions, has_file, names, rooted, shell, steps, text,
                      total, waits)

STEPS = ["wait_in_step", "middle_step", "outer_step"]


def is_named(trace, truth, module=None):
    """All waits of named_waits are in its three functions, and add up."""
    found = trace.report("stacks")
    rows = waits(found, *STEPS)
    calls = truth["threads"][0]["calls"]["wait"]
    check(rows, f"no wait in wait_in_step(): {names(trace)}")
    equal(total(rows, "count"), calls["count"], "waits in wait_in_step()")
    behind = [row for row in found["stacks"] if row["kind"] == "sched"
              and "wait_in_step" in functions(row)]
    near(total(rows) + total(behind), calls["ns"], "waits in wait_in_step(), and behind them",
         slack=MS * calls["count"] / 4)
    for row in rows:
        equal(steps(row), STEPS, "the order of the functions")
        check(not module or has_file(row, module), f"{module} is not in {row['user']}")
    return rows


def record(scene, program, *args, options=()):
    return scene.record_command(program, *args, options=("--stack-min", "0", *options))


# Languages


@test
def functions_of_cplusplus_and_rust_read_as_written(scene):
    path = scene.path("recorded.trace")
    done = scene.tracer("-o", path, "--stack-min", "0", "--", WORKLOADS / "named_cpp")
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    found = scene.trace(path).report("stacks")
    for name, ms in (("shop::cart<int>::checkout", 20), ("(anonymous namespace)::wait_unseen", 21),
                     ("demo::queue::pop", 22), ("demo::queue::push", 23)):
        rows = waits(found, name)
        check(rows, f"no wait in {name}: {names(scene.trace(path))}")
        equal(total(rows, "count"), 10, f"waits in {name}")
        near(total(rows), 10 * ms * MS, f"waits in {name}", slack=3 * MS)


GO_SOURCE = """package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

//go:noinline
func waitForPipe(fd int) int {
	var room [1]byte
	n, _ := syscall.Read(fd, room[:])
	return n
}

func main() {
	fmt.Printf("{\\"ready\\":%d}\\n", os.Getpid())
	begin := make(chan os.Signal, 1)
	signal.Notify(begin, syscall.SIGUSR1)
	<-begin
	count := 0
	for waitForPipe(0) == 1 {
		count++
	}
	fmt.Printf("{\\"pid\\":%d,\\"count\\":%d}\\n", os.Getpid(), count)
}
"""


@test(seconds=180)
def functions_of_a_go_program_are_named(scene):
    need("go")
    with open(scene.path("waiter.go"), "w", encoding="utf-8") as file:
        file.write(GO_SOURCE)
    shell(scene, "go build -o waiter waiter.go", HOME=scene.dir, GOTOOLCHAIN="local",
          GOFLAGS="-mod=mod", GO111MODULE="off", GOCACHE=scene.path("cache"))
    waiter = scene.workload(scene.path("waiter"), stdin=subprocess.PIPE)
    waiter.ready()
    recorder = scene.recorder("-p", waiter.pid, "--stack-min", "0")
    waiter.go()
    for _again in range(20):
        time.sleep(0.02)
        os.write(waiter.popen.stdin.fileno(), b"x")
    waiter.popen.stdin.close()
    waiter.popen.stdin = None
    equal(waiter.truth()["count"], 20, "bytes that the program read")
    equal(recorder.wait(), 0, f"exit status ({recorder.stderr().strip()})")
    trace = scene.trace(recorder.trace)
    rows = waits(trace.report("stacks"), "main.waitForPipe", "main.main")
    check(rows, f"main.waitForPipe is not there: {names(trace)}")
    # Go's own scheduler may have it wait for its turn, too
    rows = [row for row in rows if row["kind"] != "sync"]
    equal({row["kind"] for row in rows}, {"pipe"}, "kind of the waits in main.waitForPipe")
    near(total(rows, "count"), 20, "waits in main.waitForPipe", slack=1)
    check(waits(trace.report("stacks"), "runtime.futex"), "no wait in runtime.futex")
    whole = [row for row in rows if not row["truncated"]]
    check(total(whole, "count") >= 18, f"stacks that are cut: {rows}")


PYTHON_SOURCE = """
import os, sys, threading, time
lock = threading.Lock()
def work():
    for _again in range(20):
        with lock:
            time.sleep(0.01)
threads = [threading.Thread(target=work) for _name in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print('{"pid":%d}' % os.getpid())
"""


@test
def functions_of_the_python_interpreter_are_named(scene):
    python = os.path.realpath(sys.executable)
    done = scene.tracer("-o", scene.path("python.trace"), "--", python, "-c", PYTHON_SOURCE)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    trace = scene.trace(scene.path("python.trace"))
    found = trace.report("stacks")
    sleeps = [row for row in found["stacks"] if row["kind"] == "sleep"]
    near(total(sleeps), 400 * MS, "sleeps", slack=20 * MS)
    near(total(waits({"stacks": sleeps}, "_PyEval_EvalFrameDefault")), total(sleeps),
         "sleeps below the interpreter", share=0.1)
    locks = [row for row in trace.report("locks")["locks"]
             if any("PyThread_acquire_lock" in (name or "") for name in row["stack"] or [])]
    check(locks, "no wait in PyThread_acquire_lock_timed()")
    check(found["truncated"]["total_ns"] * 2 <= found["waits"]["with_stack"]["total_ns"],
          f"most stacks are cut short: {found['truncated']}")


# Files


@test
def a_program_without_symbols_shows_module_offset_and_build_id(scene):
    need("strip", "nm")
    build_named(scene, "app")
    symbols = shell(scene, "nm -S app")
    shell(scene, "strip app")
    trace, truth = record(scene, scene.path("app"))
    found = trace.report("stacks")
    check(not waits(found, "wait_in_step"), "a name out of nowhere")
    begin, size = [int(word, 16) for word in
                   re.search(r"^(\w+) (\w+) t wait_in_step$", symbols, re.M).groups()]
    rows = [row for row in found["stacks"] if row["kind"] == "sleep"
            and any(frame["module"] == "app" and begin <= frame["offset"] < begin + size
                    for frame in row["user"])]
    equal(total(rows, "count"), truth["threads"][0]["calls"]["wait"]["count"],
          "waits at offsets of wait_in_step()")
    shown = text(scene, trace, "stacks")
    places = re.findall(r"\bapp\+0x[0-9a-f]+ \[([0-9a-f]{8})\]", shown)
    check(places, f"no place in app:\n{shown}")
    equal(set(places), {build_id(scene, "app")[:8]}, "build ids")
    check(not re.search(r"→ (0x)?[0-9a-f]{6,}\b", shown), f"a bare number:\n{shown}")


@test
def separate_debug_files_are_found_in_all_their_places(scene):
    need("objcopy")
    for where in ("beside", ".debug", "build-id"):
        app = f"app-{where.strip('.')}"
        build_named(scene, app)
        shell(scene, f"objcopy --only-keep-debug {app} {app}.debug && "
                     f"objcopy --strip-all --add-gnu-debuglink={app}.debug {app}")
        if where == ".debug":
            shell(scene, f"mkdir .debug && mv {app}.debug .debug")
        elif where == "build-id":
            number = build_id(scene, app)
            directory = f"/usr/lib/debug/.build-id/{number[:2]}"
            existed = os.path.isdir(directory)
            os.makedirs(directory, exist_ok=True)
            path = f"{directory}/{number[2:]}.debug"
            shutil.move(scene.path(f"{app}.debug"), path)
            scene.at_end(lambda gone=path: os.unlink(gone))
            if not existed:
                scene.at_end(lambda gone=directory: os.rmdir(gone) if not os.listdir(gone) else 0)
        trace, truth = record(scene, scene.path(app))
        is_named(trace, truth, app)
        lines = trace.report("stacks", "--lines")
        places = {(frame["file"] or "").rpartition("/")[2] for row in waits(lines, *STEPS)
                  for frame in row["user"] if frame["function"] == "wait_in_step"}
        equal(places, {"named_waits.c"}, f"file of wait_in_step(), debug file {where}")


@test
def a_static_program_has_names(scene):
    try:
        build_named(scene, "app", "-static")
    except Exception as error:
        raise Skipped("no static C library") from error
    trace, truth = record(scene, scene.path("app"))
    is_named(trace, truth, "app")


@test
def a_program_that_is_removed_while_it_runs_keeps_its_names(scene):
    build_named(scene, "app")
    script = f"{scene.path('app')} & sleep 0.1; rm {scene.path('app')}; wait"
    trace, truth = scene.record_command("/bin/sh", "-c", script, options=("--stack-min", "0"))
    check(not os.path.exists(scene.path("app")), "the program is still there")
    is_named(trace, truth)


@test
def processes_that_exited_long_before_the_end_keep_their_names(scene):
    build_named(scene, "app")
    script = f"{scene.path('app')} --rounds 5; sleep 1; rm {scene.path('app')}; sleep 0.1"
    trace, truth = scene.record_command("/bin/sh", "-c", script, options=("--stack-min", "0"))
    rows = waits(trace.report("stacks"), "wait_in_step")
    equal(total(rows, "count"), truth["threads"][0]["calls"]["wait"]["count"],
          "waits in wait_in_step()")


@test
def a_program_in_its_own_root_and_mounts_keeps_its_names(scene):
    need("unshare", "chroot")
    try:
        build_named(scene, "app", "-static")
    except Exception as error:
        raise Skipped("no static C library") from error
    inside = scene.path("inside")
    os.mkdir(inside)
    command = (f"mount -t tmpfs none {inside} && cp {scene.path('app')} {inside}/app && "
               f"rm {scene.path('app')} && exec chroot {inside} /app --hold --stay")
    workload = scene.workload("app", prefix=["unshare", "-m", "sh", "-c", command])
    try:
        workload.ready()
    except Exception as error:
        raise Skipped("no mount namespace can be made here") from error
    recorder = scene.recorder("-p", workload.pid, "--stack-min", "0")
    workload.go()
    truth = workload.truth()
    equal(recorder.stop(), 0, "exit status of tracer")
    workload.end()
    check(not os.path.exists(f"{inside}/app"), "the program can be seen from outside")
    is_named(scene.trace(recorder.trace), truth, "app")


# Frames


@test
def frames_are_found_with_and_without_frame_pointers(scene):
    for app, flags in (("omits", "-fomit-frame-pointer"),
                       ("keeps", "-fno-omit-frame-pointer"),
                       ("bare", "-fno-omit-frame-pointer -fno-asynchronous-unwind-tables "
                                "-fno-unwind-tables"),
                       ("unoptimised", "-O0")):
        build_named(scene, app, flags)
        trace, truth = record(scene, scene.path(app), "--rounds", 100)
        is_named(trace, truth, app)
        rooted(trace, app)


@test
def frames_that_cannot_be_found_are_told(scene):
    build_named(scene, "app", "-fomit-frame-pointer -fno-asynchronous-unwind-tables "
                              "-fno-unwind-tables")
    trace, truth = record(scene, scene.path("app"), "--rounds", 100)
    count = truth["threads"][0]["calls"]["wait"]["count"]
    found = trace.report("stacks")
    # the caller of the C library's wrapper is never missing
    rows = waits(found, "wait_in_step")
    equal(total(rows, "count"), count, "waits in wait_in_step()")
    wrong = [row for row in rows if not row["truncated"] and "main" not in functions(row)]
    equal(wrong, [], "stacks that end as if they were whole")
    cut = found["truncated"]
    check(cut["count"] >= count * 0.9 and cut["modules"], f"not told as truncated: {cut}")
    equal(trace.report("losses")["truncated"], cut, "what report losses says of it")
    for kind in ("stacks", "losses"):
        check(re.search(r"^truncated: \d+ stacks? of \d+ waits", text(scene, trace, kind), re.M),
              f"report {kind} does not tell of truncated stacks")


@test
def a_stack_of_ten_thousand_frames_is_cut_and_told(scene):
    trace, truth = record(scene, "named_waits", "--depth", 10000, "--rounds", 100)
    rows = waits(trace.report("stacks"), "recursive_step")
    equal(total(rows, "count"), truth["threads"][0]["calls"]["wait"]["count"], "waits")
    check(all(row["truncated"] for row in rows), "a stack that ends as if it were whole")
    # at the begin they end earlier
    deep = [row for row in rows if row["end"] == "depth"]
    check(total(deep, "count") >= 50, f"ends of stacks: {[row['end'] for row in rows]}")
    for row in deep:
        equal(steps(row), STEPS, "its innermost functions")
        equal(set(functions(row)[5:]), {"recursive_step"}, "its other functions")


# In time


@test
def a_process_that_runs_another_program_has_the_names_of_both(scene):
    build_named(scene, "first")
    build_named(scene, "second", "-Dwait_in_step=wait_in_second -Dmiddle_step=middle_second")
    path = scene.path("recorded.trace")
    done = scene.tracer("-o", path, "--stack-min", "0", "--", scene.path("first"), "--exec",
                        scene.path("second"))
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    found = scene.trace(path).report("stacks")
    for name, module in (("wait_in_step", "first"), ("wait_in_second", "second")):
        rows = waits(found, name)
        equal(total(rows, "count"), 20, f"waits in {name}")
        for row in rows:
            check(has_file(row, module), f"{name} is not in {module}: {row['user']}")


@test
def threads_that_hang_at_the_end_tell_where_and_for_which_lock(scene):
    workload = scene.workload("named_waits", "--hold", "--stay", "--hang")
    workload.ready()
    recorder = scene.recorder("-p", workload.pid)
    workload.go()
    workload.truth()
    equal(recorder.stop(signal.SIGINT), 0, "exit status")
    trace = scene.trace(recorder.trace)
    found = trace.report("stacks")
    for name in ("hang_with_lock", "hang_for_lock"):
        check(waits(found, name), f"{name} is not there: {names(trace)}")
    rows = [row for row in trace.report("locks")["locks"] if row["symbol"] == "hung_lock"]
    equal(len(rows), 1, "locks named hung_lock")
    equal(rows[0]["unfinished"], 1, "its waits that go on")
    equal([holder["name"] for holder in rows[0]["holders"]], ["hangs-with"], "who holds it")
    check("hang_with_lock" in (rows[0]["holders"][0]["stack"] or []), "where its holder is")


@test
def a_process_that_maps_code_all_the_time_keeps_its_names(scene):
    trace, truth = scene.record_command("named_waits", "--churn", "--rounds", 100,
                                        options=("--stack-min", "0"))
    rows = waits(trace.report("stacks"), "wait_in_step")
    near(total(rows, "count"), truth["threads"][0]["calls"]["wait"]["count"],
         "waits in wait_in_step()", slack=1)
    rooted(trace, "named_waits")


# Code of no file

JIT_AT = 0x200000000000


def record_jit(scene, prepare):
    """Records code of no file; @prepare writes the map of its functions. The functions' names."""
    workload = scene.workload("named_waits", "--hold", "--jit", "--stay")
    pid = workload.ready()["ready"]
    path = f"/tmp/perf-{pid}.map"
    scene.at_end(lambda: subprocess.run(["rm", "-rf", path], check=False))
    prepare(path)
    recorder = scene.recorder("-p", pid, "--stack-min", "0")
    workload.go()
    truth = workload.truth()
    equal(recorder.stop(), 0, f"exit status ({recorder.stderr().strip()})")
    trace = scene.trace(recorder.trace)
    is_named(trace, truth)
    workload.end()
    return trace


def write(path, content, mode=0o644):
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    os.chmod(path, mode)


JIT_MAP = f"{JIT_AT:x} 40 LazyCompile:~compute app.js:7\n"


@test
def code_of_a_jit_compiler_has_the_names_of_its_map(scene):
    trace = record_jit(scene, lambda path: write(path, JIT_MAP))
    found = trace.report("stacks")
    check(waits(found, "LazyCompile:~compute app.js:7"), f"not named: {names(trace)}")
    check(waits(found, "LazyCompile:~compute app.js:7", "main"), "main() is not behind it")


@test(seconds=120)
def a_map_that_cannot_be_trusted_is_left_alone(scene):
    target = scene.path("target.map")
    write(target, JIT_MAP)

    def foreign(path):
        write(path, JIT_MAP)
        os.chown(path, 65534, 65534)

    def sparse(path):
        write(path, "")
        os.truncate(path, 8 << 30)

    def garbage(path):
        with open(path, "wb") as file:
            file.write(os.urandom(1 << 20) * 100)

    for prepare in (lambda path: os.symlink(target, path), os.mkdir, os.mkfifo, foreign, sparse,
                    garbage):
        trace = record_jit(scene, prepare)
        shown = text(scene, trace, "stacks")
        check("LazyCompile" not in shown, f"a name out of a bad map:\n{shown}")
        check(f"[jit]+0x{JIT_AT:x}"[:14] in shown, f"code of no file is not shown:\n{shown}")


@test
def a_map_inside_of_a_container_is_found(scene):
    need("unshare")
    inside = scene.path("inside")
    os.mkdir(inside)
    # the mapped program tells its number in the namespace of the machine: its map has that one
    command = (f"mount -t tmpfs none /tmp && printf '%s' '{JIT_MAP}' > /tmp/perf-$$.map && "
               f"exec {WORKLOADS / 'named_waits'} --hold --jit --stay")
    workload = scene.workload("named_waits", prefix=["unshare", "-m", "sh", "-c", command])
    try:
        pid = workload.ready()["ready"]
    except Exception as error:
        raise Skipped("no mount namespace can be made here") from error
    recorder = scene.recorder("-p", pid, "--stack-min", "0")
    workload.go()
    workload.truth()
    equal(recorder.stop(), 0, "exit status of tracer")
    workload.end()
    check(not os.path.exists(f"/tmp/perf-{pid}.map"), "the map can be seen from outside")
    trace = scene.trace(recorder.trace)
    check(waits(trace.report("stacks"), "LazyCompile:~compute app.js:7"),
          f"not named: {names(trace)}")
