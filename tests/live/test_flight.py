# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_flight - what a flight recorder keeps and writes, and that it goes on meanwhile"""

import os
import re
import signal
import subprocess
import time

from flights import Flight, files_in, highest_rss, is_whole
from judge import SECOND, Skipped, between, check, equal, need, test, wait_until
from traces import wait_of

MIB = 1 << 20


@test
def a_signal_writes_a_snapshot_of_the_window_and_recording_goes_on(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    flight = Flight(scene, "-p", workload.pid, "--window", "2s")
    time.sleep(4)
    first = flight.ask()
    time.sleep(1)
    second = flight.ask()
    for trace in (first, second):
        is_whole(scene, trace)
        equal(oct(os.stat(trace.path).st_mode & 0o777), oct(0o600), "mode of a snapshot")
        row = trace.thread(name="sleeper")
        # a chunk is about a second, and only whole ones are kept
        between(row["observed_ns"], 1.9 * SECOND, 4.2 * SECOND, "length of a snapshot")
        check(wait_of(row, "sleep")["count"] > 30, f"sleeps in the snapshot: {row['waits']}")
        trace.nothing_lost()
    check(second.started_ns() > first.started_ns(), "the window did not move")
    said = flight.end()
    check("SIGUSR1" in said, f"why a snapshot was taken is not told: {said}")
    equal(len(files_in(flight.dir)), 2, "files")


@test
def an_end_by_signal_writes_nothing(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    for number in (signal.SIGTERM, signal.SIGINT):
        flight = Flight(scene, "-p", workload.pid)
        time.sleep(0.5)
        flight.end(number)
        equal(files_in(flight.dir), [], "files")
        check(workload.alive(), "the target ended with the recorder")


@test
def a_snapshot_knows_what_was_told_once_before_its_window(scene):
    # names, thread states, mappings and functions: long before the window
    workload = scene.workload("attach_busy")
    workload.ready()
    sleeper = scene.workload("sleeper", "--count", 100000)
    flight = Flight(scene, "-p", f"{workload.pid},{sleeper.pid}", "--window", "1s")
    time.sleep(5)
    trace = flight.ask()
    names = {row["name"] for row in trace.threads()}
    check({"running", "attach-main", "sleeper-main", "sleeper"} <= names, f"threads: {names}")
    between(max(row["observed_ns"] for row in trace.threads()), 0.9 * SECOND, 3.2 * SECOND,
            "length of the snapshot")
    stacks = scene.tracer("report", "stacks", trace.path).stdout
    check("clock_nanosleep" in stacks, f"functions have no names: {stacks}")
    again = scene.tracer("dump", "--restated", trace.path).stdout
    check(any("mapping" in line and "/sleeper" in line for line in again.splitlines()),
          "the mappings are not in the snapshot")


SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", 30))


@test(seconds=90 + SOAK_SECONDS)
def memory_stays_below_the_cap_under_load(scene):
    workload = scene.workload("storm", "--rate", 300000, "--threads", 2)
    flight = Flight(scene, "-p", workload.pid, "--window", "10m", "--memory", "48M")
    most = highest_rss(flight, SOAK_SECONDS)
    check(most <= 48 * MIB, f"{most / MIB:.1f} MiB of memory, 48 are allowed")
    trace = flight.ask()
    check(flight.rss_bytes() <= 48 * MIB, "more memory than allowed")
    is_whole(scene, trace)
    check(scene.tracer("report", trace.path).returncode == 0, "no report of the snapshot")
    flight.end()


@test(seconds=120)
def snapshots_under_load_lose_nothing(scene):
    workload = scene.workload("storm", "--rate", 500000, "--threads", 2, "--hold")
    workload.ready()
    flight = Flight(scene, "-p", workload.pid, "--window", "5s", "--memory", "64M")
    workload.go()
    time.sleep(2)
    for _ in range(5):
        trace = flight.ask()
        time.sleep(0.5)
    workload.signal(signal.SIGTERM)
    truth = workload.truth()
    for path in flight.snapshots():
        trace = scene.trace(path)
        is_whole(scene, trace)
        trace.nothing_lost()
    rate = truth["made"] / (truth["took_ns"] / SECOND)
    check(rate > 100000, f"only {rate:,.0f} calls/s were made")
    flight.end()


@test(seconds=120)
def a_killed_recorder_leaves_a_window_that_can_be_recovered(scene):
    workload = scene.workload("storm", "--rate", 20000, "--threads", 2)
    window = scene.path("recorder.window")
    for seconds in (2.3, 1.7, 3.4):
        flight = Flight(scene, "-p", workload.pid, "--window", "2s", "--window-file", window,
                        "--memory", "48M")
        time.sleep(seconds)
        killed_ns = time.monotonic_ns()
        flight.recorder.signal(signal.SIGKILL)
        flight.recorder.wait()
        equal(oct(os.stat(window).st_mode & 0o777), oct(0o600), "mode of the window's file")
        done = scene.tracer("recover", window, "-o", scene.path("recovered.trace"))
        equal(done.returncode, 0, f"exit status of recover ({done.stderr})")
        trace = scene.trace(scene.path("recovered.trace"))
        trace.nothing_lost()
        rows = [row for row in trace.threads() if row["name"] == "storm"]
        equal(len(rows), 3, "threads: the main one and two")
        # the chunk that was open is lost, which is of a second at the most
        end_ns = trace.chunks()[-1]["end_ns"]
        check(killed_ns - end_ns < 1.5 * SECOND, f"{(killed_ns - end_ns) / SECOND} s are missing")
        made = sum(row["count"] for row in trace.report("syscalls")["syscalls"]
                   if row["syscall"] == "getppid")
        check(made > 5000 * seconds, f"{made} calls")
    check(os.path.exists(window + ".old"), "the file of the killed recorder was not kept")
    check(workload.alive(), "the target ended with the recorder")


@test
def an_orderly_end_removes_the_file_of_the_window(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    window = scene.path("recorder.window")
    flight = Flight(scene, "-p", workload.pid, "--window-file", window, "--memory", "48M")
    check(os.path.getsize(window) >= 48 * MIB, "the room is not taken from the disk")
    other = scene.tracer("flight", "-p", workload.pid, "--window-file", window)
    equal(other.returncode, 1, "exit status of a second recorder with the same file")
    check("another recorder" in other.stderr, other.stderr)
    flight.end()
    check(not os.path.exists(window), "the file is left")


@test
def a_full_disk_and_a_vanished_directory_are_told_and_recording_goes_on(scene):
    small = scene.path("small")
    os.mkdir(small)
    need("mount")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=False,
                          capture_output=True)
    if done.returncode:
        raise Skipped(f"mount: {done.stderr.decode().strip()}")
    scene.at_end(lambda: subprocess.run(["umount", "-l", small], check=False))
    workload = scene.workload("storm", "--rate", 20000)
    flight = Flight(scene, "-p", workload.pid, directory=os.path.join(small, "here"))
    time.sleep(3)
    fill = os.path.join(small, "fill")
    with open(fill, "wb") as file:
        file.write(bytes(60 << 10))
    flight.recorder.signal(signal.SIGUSR1)
    wait_until(lambda: "No space left" in flight.said(), "a full disk is told")
    equal(files_in(flight.dir), [], "files on the full disk")
    os.remove(fill)
    os.rmdir(flight.dir)
    flight.recorder.signal(signal.SIGUSR1)
    wait_until(lambda: "No such file" in flight.said(), "a directory that has gone is told")
    os.mkdir(flight.dir)
    workload.signal(signal.SIGTERM)
    workload.truth()
    check("snapshot" in flight.said(), "nothing was said")
    check(flight.recorder.wait() in (0, 1), "the recorder did not end with its target")


@test
def an_idle_target_has_a_snapshot_and_wakes_nobody(scene):
    target = scene.process("sleep", "600")
    flight = Flight(scene, "-p", target.pid, "--window", "2s", "--on", "wait:sync>20ms")
    time.sleep(5)
    task = f"/proc/{flight.pid}/task/{flight.pid}/status"
    with open(task, encoding="utf-8") as file:
        before = int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", file.read(), re.M).group(1))
    time.sleep(5)
    with open(task, encoding="utf-8") as file:
        after = int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", file.read(), re.M).group(1))
    check(after - before <= 55, f"{(after - before) / 5} wake-ups a second")
    trace = flight.ask()
    is_whole(scene, trace)
    row = trace.thread(name="sleep")
    check(wait_of(row, "sleep")["ns"] == row["observed_ns"] > SECOND, f"the only thread: {row}")
    flight.end()


@test
def too_little_memory_is_told_with_how_much_is_needed(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    done = scene.tracer("flight", "-p", workload.pid, "--memory", "8M")
    equal(done.returncode, 2, f"exit status ({done.stderr})")
    check("--memory" in done.stderr and "MiB" in done.stderr, done.stderr)
