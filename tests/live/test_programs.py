# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_programs - redis, nginx and a threaded Python program: plausible, and the sums exact"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

from judge import MS, SECOND, between, check, equal, near, need, test, wait_until
from traces import wait_of


def free_port():
    """A port of the loopback address that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def record_under(scene, pids, load, seconds=60):
    """Records the processes @pids while the command @load runs to its end."""
    recorder = scene.recorder("-p", ",".join(str(pid) for pid in pids))
    ran = subprocess.run(load, capture_output=True, text=True, timeout=seconds, check=False,
                         cwd=scene.dir)
    equal(recorder.stop(), 0, f"exit status of tracer ({recorder.stderr().strip()})")
    equal(ran.returncode, 0, f"exit status of {load[0]} ({ran.stderr[-300:]})")
    return scene.trace(recorder.trace), ran.stdout


@test(seconds=120)
def redis_under_its_benchmark_runs_and_polls(scene):
    need("redis-server", "redis-benchmark")
    port = free_port()
    server = scene.process("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
                           "--dir", scene.dir, "--daemonize", "no",
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: answers(port), "redis-server answers")
    trace, _said = record_under(scene, [server.pid], [
        "redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-n", "60000", "-c", "20", "-q",
        "-t", "get,set"])
    main = trace.thread(tid=server.pid)
    explained = main["execution_ns"] + main["scheduler_wait_ns"] + wait_of(main, "poll")["ns"] \
        + wait_of(main, "network")["ns"]
    check(explained > 0.9 * main["observed_ns"],
          f"redis runs, polls or waits for the network, but for {main}")
    others = [row for row in trace.threads() if row["name"].startswith("bio_")]
    check(others, "redis has background threads")
    for row in others:
        near(wait_of(row, "sync")["ns"], row["observed_ns"], f"sync wait of {row['name']}")
    calls = {row["syscall"]: row["count"] for row in
             trace.report("syscalls", "--limit", 0)["syscalls"]}
    check(calls.get("read", 0) + calls.get("write", 0) > 1000, f"system calls {calls}")
    check(any("epoll" in call for call in calls), f"no epoll among {list(calls)}")
    server.signal(signal.SIGTERM)


NGINX = """
worker_processes 2;
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 256; }}
http {{
	access_log {dir}/access.log;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	server {{
		listen 127.0.0.1:{port};
		location / {{ root {dir}/www; }}
	}}
}}
"""


def with_children(pid, count):
    """A process and its children, when there are @count; None before."""
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    pids = [pid, *(int(child) for child in text.split())]
    return pids if len(pids) == 1 + count else None


@test(seconds=120)
def nginx_under_wrk_has_two_workers_that_poll(scene):
    need("nginx", "wrk")
    port = free_port()
    os.mkdir(scene.path("www"))
    pathlib.Path(scene.path("www/index.html")).write_text("hello\n" * 100)
    os.chmod(scene.path("www/index.html"), 0o644)
    pathlib.Path(scene.path("nginx.conf")).write_text(NGINX.format(dir=scene.dir, port=port))
    server = scene.process("nginx", "-e", scene.path("error.log"), "-c", scene.path("nginx.conf"),
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: answers(port), "nginx answers")
    # children that were there before are named like any other process
    pids = wait_until(lambda: with_children(server.pid, 2), "nginx has two workers")
    trace, said = record_under(scene, pids, [
        "wrk", "-t", "1", "-c", "16", "-d", "2s", f"http://127.0.0.1:{port}/index.html"])
    check("Requests/sec" in said, f"wrk says {said}")
    rows = trace.threads()
    equal(len({row["pid"] for row in rows}), 3, "processes: one main, two workers")
    workers = [row for row in rows if row["pid"] != server.pid]
    equal(len(workers), 2, "workers")
    busy = 0
    for row in workers:
        between(wait_of(row, "poll")["ns"] + row["execution_ns"] + row["scheduler_wait_ns"] +
                wait_of(row, "disk")["ns"], 0.9 * row["observed_ns"], row["observed_ns"],
                "polls, runs or writes its log")
        busy += row["execution_ns"]
    check(busy > 100 * MS, f"the workers ran {busy / MS:.0f} ms under load")
    server.signal(signal.SIGTERM)


PYTHON = """
import queue, threading, time
inbox = queue.Queue()
def sleeper():
    for _ in range(20):
        time.sleep(0.02)
def worker():
    while inbox.get() is not None:
        sum(range(20000))
def burner():
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        sum(range(1000))
threads = [threading.Thread(target=t) for t in (sleeper, worker, burner, burner)]
for thread in threads:
    thread.start()
for _ in range(50):
    inbox.put(1)
    time.sleep(0.005)
inbox.put(None)
for thread in threads:
    thread.join()
"""


@test
def a_threaded_python_program_waits_for_its_interpreter_lock(scene):
    script = scene.path("threads.py")
    pathlib.Path(script).write_text(PYTHON)
    path = scene.path("recorded.trace")
    begun = time.monotonic_ns()
    done = scene.tracer("-o", path, "--", sys.executable, script)
    took = time.monotonic_ns() - begun
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    rows = scene.trace(path).threads()
    equal(len(rows), 5, "threads")
    check(max(row["observed_ns"] for row in rows) <= took + SECOND, "longer than it took")
    sync = [row for row in rows if wait_of(row, "sync")["ns"] > 50 * MS]
    check(len(sync) >= 3, f"{len(sync)} threads wait for locks, in truth 3 or more")
    sleeps = sum(wait_of(row, "sleep")["ns"] for row in rows)
    between(sleeps, 300 * MS, 3 * SECOND, "sleep of all threads")
