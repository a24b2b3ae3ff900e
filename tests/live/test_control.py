# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_control - a running flight recorder is asked for its state, for snapshots, and to end"""

import json
import os
import signal
import socket
import subprocess
import time

from flights import Flight, files_in, is_whole
from harness import TRACER, Process
from judge import SECOND, between, check, equal, test, wait_until


def status(scene):
    done = scene.tracer("status", "--json")
    equal(done.returncode, 0, f"exit status of status ({done.stderr})")
    return json.loads(done.stdout)["status"]


def run_directory(scene):
    """Sockets in a directory of the test's own: other recorders may run on this machine."""
    path = scene.path("run")
    os.environ["TRACER_RUN_DIR"] = path
    scene.at_end(lambda: os.environ.pop("TRACER_RUN_DIR", None))
    return path


@test
def status_tells_what_is_held_and_what_it_costs(scene):
    directory = run_directory(scene)
    equal(status(scene), [], "recorders before one was started")
    workload = scene.workload("storm", "--rate", 20000)
    flight = Flight(scene, "-p", workload.pid, "--window", "2s", "--memory", "48M")
    time.sleep(4)
    equal(oct(os.stat(directory).st_mode & 0o777), oct(0o700), "mode of the directory")
    path = os.path.join(directory, f"{flight.pid}.sock")
    equal(oct(os.stat(path).st_mode & 0o777), oct(0o600), "mode of the socket")
    found = status(scene)[0]
    equal(found["pid"], flight.pid, "number of the recorder")
    between(found["held_ns"], 1.9 * SECOND, 4.2 * SECOND, "window that is held")
    between(found["events_per_second"], 5000, 40000, "events per second")
    equal(found["lost"], 0, "losses")
    between(found["memory_bytes"], flight.rss_bytes() * 0.8, flight.rss_bytes() * 1.2, "memory")
    between(found["recorder_cpu_ns"], 1, flight.cpu_seconds() * SECOND, "CPU time")
    text = scene.tracer("status").stdout
    check(str(flight.pid) in text and "storm" in text, text)
    flight.end()
    check(not os.path.exists(path), "the socket is left")


@test
def two_clients_get_a_snapshot_each(scene):
    run_directory(scene)
    workload = scene.workload("sleeper", "--count", 100000)
    flight = Flight(scene, "-p", workload.pid)
    time.sleep(1)
    paths = [scene.path("one.trace"), scene.path("other.trace")]
    clients = [scene.remember(Process([TRACER, "snapshot", "-o", path], stderr=subprocess.PIPE))
               for path in paths]
    for client, path in zip(clients, paths):
        if client.wait():
            # only one at a time may have a name of its own: the other one is told to try again
            check(b"try again" in client.popen.stderr.read(), "an error without advice")
            equal(scene.tracer("snapshot", "-o", path).returncode, 0, "exit status, again")
        is_whole(scene, scene.trace(path))
    equal(files_in(flight.dir), [], "files in the recorder's directory")
    done = scene.tracer("snapshot")
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    equal(len(files_in(flight.dir)), 1, "files in the recorder's directory")
    flight.end()


@test
def a_snapshot_that_cannot_be_written_is_an_error_of_who_asked(scene):
    run_directory(scene)
    workload = scene.workload("sleeper", "--count", 100000)
    flight = Flight(scene, "-p", workload.pid)
    done = scene.tracer("snapshot", "-o", scene.path("no/such/x.trace"))
    equal(done.returncode, 1, "exit status")
    check("no/such/x.trace" in done.stderr, done.stderr)
    equal(status(scene)[0]["failed"], 1, "failed snapshots")
    flight.end()


@test
def stop_ends_it_in_order(scene):
    run_directory(scene)
    workload = scene.workload("sleeper", "--count", 100000)
    flight = Flight(scene, "-p", workload.pid)
    equal(scene.tracer("stop").returncode, 0, "exit status of stop")
    equal(flight.recorder.wait(), 0, "exit status of the recorder")
    equal(files_in(flight.dir), [], "files")
    done = scene.tracer("stop")
    equal(done.returncode, 1, "exit status when none runs")
    check("hint" in done.stderr, done.stderr)


@test
def the_socket_of_a_killed_recorder_is_cleaned_up(scene):
    directory = run_directory(scene)
    workload = scene.workload("sleeper", "--count", 100000)
    flight = Flight(scene, "-p", workload.pid)
    flight.recorder.signal(signal.SIGKILL)
    flight.recorder.wait()
    equal(len(files_in(directory)), 1, "sockets after the kill")
    equal(status(scene), [], "recorders")
    again = Flight(scene, "-p", workload.pid)
    equal(files_in(directory), [f"{again.pid}.sock"], "sockets")
    again.end()


@test
def nonsense_does_no_harm(scene):
    directory = run_directory(scene)
    workload = scene.workload("sleeper", "--count", 100000)
    flight = Flight(scene, "-p", workload.pid)
    path = os.path.join(directory, f"{flight.pid}.sock")

    def ask(packet):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.settimeout(5)
            client.connect(path)
            client.send(packet)
            return client.recv(65536)

    for packet in (b"nonsense", b"snapshot relative/path", b"\0\xff" * 50, b"s" * 60000):
        check(b"error" in ask(packet), f"answer to {packet[:20]}")
    # many who connect and say nothing, and one who goes away with a snapshot under way
    silent = []
    for _ in range(40):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.setblocking(False)
        try:
            client.connect(path)
        except BlockingIOError:
            pass
        silent.append(client)
    time.sleep(1)
    for client in silent:
        client.close()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(path)
        client.send(b"snapshot")
    wait_until(lambda: len(flight.snapshots()) >= 1, "the snapshot of who went away")
    equal(status(scene)[0]["pid"], flight.pid, "number of the recorder")
    flight.end()
