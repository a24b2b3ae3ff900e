# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_service - a flight recorder in production: by name, under a service manager, with few rights"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from flights import Flight, files_in, is_whole
from harness import ROOT, TRACER, WORKLOADS, Process, Recorder
from judge import Skipped, check, equal, test, wait_until
from traces import Trace

# Of linux/capability.h: what recording needs
KEPT = {"dac_read_search": 2, "ipc_lock": 14, "sys_ptrace": 19, "sys_nice": 23, "sys_resource": 24,
        "syslog": 34, "perfmon": 38, "bpf": 39, "checkpoint_restore": 40}


def capabilities(pid):
    """The effective and permitted sets of each thread of a process."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        text = pathlib.Path(f"/proc/{pid}/task/{tid}/status").read_text()
        for kind in ("CapEff", "CapPrm", "CapInh"):
            yield tid, kind, int(re.search(rf"^{kind}:\s*(\w+)", text, re.M).group(1), 16)


def traces(directory):
    """The snapshots that are written; not the one that is being written."""
    return [name for name in files_in(directory) if name.endswith(".trace")]


@test
def a_recorder_keeps_only_the_rights_that_recording_needs(scene):
    workload = scene.workload("attach_busy")
    workload.ready()
    flight = Flight(scene, "-p", workload.pid)
    allowed = sum(1 << number for number in KEPT.values())
    found = list(capabilities(flight.pid))
    check(len(found) >= 6, "the recorder has several threads")
    for tid, kind, bits in found:
        equal(bits & ~allowed, 0, f"{kind} of thread {tid} beyond what is needed")
    # and it still does all of its work
    trace = flight.ask()
    is_whole(scene, trace)
    again = scene.tracer("dump", "--restated", trace.path).stdout
    check("attach_busy build id" in again, "build ids could not be read any more")
    flight.end()


@test
def a_name_is_followed_when_the_target_restarts(scene):
    binary = scene.path("restarting")
    shutil.copy(WORKLOADS / "sleeper", binary)
    directory = scene.path("snapshots")
    os.mkdir(directory)
    recorder = scene.remember(Recorder(scene, ["flight", "--name", "restarting", "--dir", directory,
                                               "--on", "exit"]))
    wait_until(lambda: "waiting for" in recorder.stderr(), "it waits for the target")
    for turn in range(2):
        target = scene.process(binary, "--count", "100000", stdout=subprocess.DEVNULL)
        wait_until(lambda pid=target.pid: f": {pid}" in recorder.stderr(), "the target was found")
        recorder.attached()
        time.sleep(1)
        target.signal(signal.SIGKILL)
        target.wait()
        count = turn + 1
        wait_until(lambda n=count: len(traces(directory)) == n, f"{count} snapshots")
    check(recorder.alive(), "the recorder ended with its target")
    for name in traces(directory):
        check(name.startswith("restarting-"), f"a snapshot is called '{name}'")
        is_whole(scene, Trace(scene, os.path.join(directory, name)))
    recorder.signal(signal.SIGTERM)
    recorder.wait()


@test
def the_service_manager_is_told(scene):
    path = scene.path("notify")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path)
    manager.settimeout(20)
    scene.at_end(manager.close)
    os.environ.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="1000000")
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC"):
        scene.at_end(lambda name=name: os.environ.pop(name, None))
    workload = scene.workload("sleeper", "--count", 100000)
    flight = Flight(scene, "-p", workload.pid)
    equal(manager.recv(100), b"READY=1", "the first message")
    for _ in range(3):
        begun = time.monotonic()
        equal(manager.recv(100), b"WATCHDOG=1", "a message while it runs")
        check(time.monotonic() - begun < 1, "the watchdog was told too late")
    flight.end()
    rest = []
    manager.settimeout(1)
    try:
        while True:
            rest.append(manager.recv(100))
    except TimeoutError:
        pass
    check(b"STOPPING=1" in rest, f"messages at the end: {rest}")


@test
def the_unit_is_one_that_the_service_manager_takes(scene):
    if not shutil.which("systemd-analyze"):
        raise Skipped("systemd-analyze is not here")
    unit = scene.path("tracer-flight@.service")
    text = (ROOT / "user/cli/tracer-flight@.service").read_text()
    pathlib.Path(unit).write_text(text.replace("@BINDIR@", "/usr/bin").replace("/usr/bin/tracer",
                                                                              "/bin/true"))
    done = subprocess.run(["systemd-analyze", "--man=no", "verify", unit.replace("@.", "@nginx.")],
                          capture_output=True, text=True, check=False)
    wrong = [line for line in done.stderr.splitlines() if "tracer-flight" in line]
    equal(wrong, [], "what systemd-analyze complains of")


@test
def recordings_in_turn_of_which_the_newest_are_kept(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    directory = scene.path("turns")
    os.mkdir(directory)
    recorder = scene.remember(Process([TRACER, "record", "-p", str(workload.pid), "--every", "2s",
                                       "-d", "300ms", "--keep", "2"], cwd=directory,
                                      stdout=subprocess.PIPE, text=True))
    begun = [time.monotonic() for _ in range(4) if recorder.popen.stdout.readline()]
    # each has to load its programs, which takes a second on a busy machine
    check(5 < begun[-1] - begun[0] < 9, f"{begun[-1] - begun[0]:.1f} s for three times two")
    names = traces(directory)
    equal(len(names), 2, f"files {names}")
    for name in names:
        is_whole(scene, Trace(scene, os.path.join(directory, name)))
    workload.signal(signal.SIGKILL)
    equal(recorder.wait(), 0, "exit status when the target has ended")


@test
def recordings_in_turn_have_to_be_told_how_long_they_are(scene):
    for args in (("--every", "10s"), ("--every", "1s", "-d", "2s"),
                 ("--every", "10s", "-d", "1s", "-o", "x.trace")):
        done = scene.tracer("record", "-a", *args)
        equal(done.returncode, 2, f"exit status of {args}")
