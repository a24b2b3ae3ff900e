# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_serve - recordings over HTTP: who gets them, what they hold, and that none goes on for nobody"""

import json
import os
import pathlib
import re
import socket
import time

from harness import TRACER
from judge import SECOND, between, check, equal, test, wait_until
from profiles import GO, need
from traces import wait_of


class Server:
    """A running `tracer serve`, and curl to ask it"""

    def __init__(self, scene, *options):
        self.scene = scene
        self.said = scene.path("serve.txt")
        self.own = pathlib.Path(scene.dir) / "own"
        self.own.mkdir(exist_ok=True)
        run_dir = pathlib.Path(scene.dir) / "run"
        run_dir.mkdir(mode=0o700, exist_ok=True)
        self.env = {**os.environ, "TMPDIR": str(self.own), "TRACER_RUN_DIR": str(run_dir)}
        with open(self.said, "w", encoding="utf-8") as out:
            self.process = scene.process(TRACER, "serve", "--listen", "127.0.0.1:0", *options,
                                         stderr=out, env=self.env)
        wait_until(lambda: "port " in self.log(), "the server listens")
        self.port = int(re.search(r"port (\d+)", self.log()).group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    def log(self):
        return pathlib.Path(self.said).read_text(encoding="utf-8")

    def curl(self, path, *options, seconds=60):
        """Status and body of an answer; 0 when there was none."""
        body = self.scene.path("body")
        pathlib.Path(body).unlink(missing_ok=True)
        process = self.scene.process("curl", "-s", "-o", body, "-w", "%{http_code}", *options,
                                     self.url + path, stdout=-1, text=True)
        status = process.popen.communicate(timeout=seconds)[0]
        data = pathlib.Path(body).read_bytes() if os.path.exists(body) else b""
        return int(status), data

    def works(self):
        """Processes that record for clients"""
        children = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [pid for path in children for pid in path.read_text().split()]

    def end(self):
        self.process.signal(15)
        equal(self.process.wait(10), 0, "exit status of the server")
        equal(list(self.own.iterdir()), [], "what the server left behind")


@test
def a_trace_that_was_asked_for_is_as_long_as_it_was_asked_for(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    server = Server(scene, "-p", workload.pid)
    for query in ("?seconds=1.5", f"?seconds=1.5&pid={workload.pid}"):
        status, body = server.curl("/debug/pprof/trace" + query)
        equal(status, 200, f"status: {body[:200]}")
        path = scene.path("asked.trace")
        pathlib.Path(path).write_bytes(body)
        trace = scene.trace(path)
        trace.nothing_lost()
        row = trace.thread(name="sleeper")
        between(row["observed_ns"], 1.45 * SECOND, 2.5 * SECOND, "length of the recording")
        between(wait_of(row, "sleep")["count"], 15, 50, "sleeps")
    status, body = server.curl("/debug/pprof/trace?seconds=0.5&format=chrome")
    equal(status, 200, f"status: {body[:200]}")
    check(json.loads(body)["traceEvents"], "no events in an export")
    status, body = server.curl("/")
    check(status == 200 and b"/debug/pprof/block" in body, "the list of paths")
    server.end()


@test
def profiles_are_those_of_go_tool_pprof(scene):
    need(GO)
    workload = scene.workload("busy", "--ms", 60000)
    server = Server(scene, "-p", workload.pid)
    for name, unit in (("profile", "cpu"), ("block", "delay")):
        process = scene.process("go", "tool", "pprof", "-raw",
                                f"{server.url}/debug/pprof/{name}?seconds=1", stdout=-1, stderr=-1,
                                text=True, env={**os.environ, "PPROF_TMPDIR": scene.dir})
        shown, errors = process.popen.communicate(timeout=60)
        equal(process.popen.returncode, 0, f"exit status of go tool pprof: {errors}")
        check(f"{unit}/nanoseconds" in shown, f"no {unit} in {shown[:300]}")
    server.end()


@test
def whoever_may_not_ask_gets_nothing(scene):
    token = scene.path("token")
    pathlib.Path(token).write_text("a secret of 24 characters\n", encoding="utf-8")
    os.chmod(token, 0o600)
    server = Server(scene, "--token-file", token)
    secret = ("-H", "Authorization: Bearer a secret of 24 characters")
    equal(server.curl("/metrics")[0], 401, "status without the token")
    equal(server.curl("/metrics", "-H", "Authorization: Bearer wrong")[0], 401, "a wrong token")
    equal(server.curl("/metrics", *secret)[0], 200, "status with the token")
    equal(server.curl("/metrics", *secret, "-H", "Host: evil.example")[0], 403, "a foreign host")
    equal(server.curl("/metrics", *secret, "-H", "Origin: http://evil.example")[0], 403,
          "a page of another site")
    equal(server.curl("/metrics", *secret, "-X", "POST", "-d", "x=1")[0], 405, "another method")
    for path, status in (("/debug/pprof/trace?seconds=0&pid=1", 400), ("/etc/passwd", 404),
                         ("/debug/pprof/trace?seconds=1", 400), ("/status", 404),
                         (f"/debug/pprof/trace?pid={2**22 + 1}", 404)):
        found, body = server.curl(path, *secret)
        equal(found, status, f"status of {path}: {body}")
        check(body.strip(), f"{path} is refused without a word")
    os.chmod(token, 0o644)
    refused = scene.tracer("serve", "--listen", "127.0.0.1:0", "--token-file", token)
    check(refused.returncode == 1 and "chmod 600" in refused.stderr, refused.stderr)
    refused = scene.tracer("serve", "--listen", "0.0.0.0:0")
    check(refused.returncode == 2 and "--token-file" in refused.stderr, refused.stderr)
    refused = scene.tracer("serve", "--listen", f"127.0.0.1:{server.port}")
    check(refused.returncode == 1 and "--listen" in refused.stderr, refused.stderr)
    server.end()


@test
def a_client_that_goes_away_ends_its_recording_and_no_other(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    server = Server(scene, "-p", workload.pid, "--at-once", "2")
    stays = scene.process("curl", "-s", "-o", scene.path("stays"), "-w", "%{http_code}",
                          server.url + "/debug/pprof/trace?seconds=6", stdout=-1, text=True)
    leaves = socket.create_connection(("127.0.0.1", server.port))
    leaves.sendall(b"GET /debug/pprof/trace?seconds=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_until(lambda: len(server.works()) == 2, "both are recorded for")
    time.sleep(1)
    equal(server.curl("/debug/pprof/trace?seconds=1")[0], 503, "a third recording")
    begin = time.monotonic()
    equal(server.curl("/metrics")[0], 200, "status of a short request")
    check(time.monotonic() - begin < 2, "a long request holds up a short one")
    leaves.close()
    wait_until(lambda: len(server.works()) == 1, "the recording of who left ends")
    equal(stays.popen.communicate(timeout=60)[0], "200", "status of who stayed")
    check("went away" in server.log(), "who left is not told")
    equal(server.curl("/debug/pprof/trace?seconds=0.5")[0], 200, "there is room again")
    server.end()


@test
def the_running_recorder_is_asked_for_its_state_and_for_snapshots(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    server = Server(scene)
    equal(server.curl("/status")[0], 404, "status without a recorder")
    check(b"tracer_flight_up 0" in server.curl("/metrics")[1], "a recorder is up that is not")
    flight = scene.process(TRACER, "flight", "-p", workload.pid, "--window", "5s", "--dir",
                           scene.dir, stderr=-3, env=server.env)
    wait_until(lambda: server.curl("/status")[0] == 200, "the recorder answers", seconds=20)
    wait_until(lambda: json.loads(server.curl("/status")[1])["held_ns"] > 2 * SECOND,
               "the window fills", seconds=20)
    status = json.loads(server.curl("/status")[1])
    equal((status["pid"], status["lost"]), (flight.pid, 0), "recorder and losses")
    metrics = server.curl("/metrics")[1].decode()
    check("tracer_flight_up 1\n" in metrics, metrics)
    events = int(re.search(r"^tracer_flight_events_total (\d+)$", metrics, re.M).group(1))
    check(events >= status["events"], f"{events} events in /metrics, {status['events']} before")
    code, body = server.curl("/debug/trace/snapshot")
    equal(code, 200, f"status of a snapshot: {body[:200]}")
    path = scene.path("asked.trace")
    pathlib.Path(path).write_bytes(body)
    trace = scene.trace(path)
    trace.nothing_lost()
    between(trace.thread(name="sleeper")["observed_ns"], 1.5 * SECOND, 8 * SECOND,
            "length of the snapshot")
    check(flight.alive(), "the recorder has ended")
    server.end()


@test
def the_end_of_the_server_ends_its_recordings(scene):
    workload = scene.workload("sleeper", "--count", 100000)
    server = Server(scene, "-p", workload.pid)
    scene.process("curl", "-s", "-o", scene.path("body"),
                  server.url + "/debug/pprof/trace?seconds=60")
    wait_until(server.works, "a recording goes on")
    works = server.works()
    server.end()
    check(not any(os.path.exists(f"/proc/{pid}") for pid in works), "a recording goes on alone")
    check(workload.alive(), "the target has ended, too")
