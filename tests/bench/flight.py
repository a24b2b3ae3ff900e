# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""flight - what a flight recorder costs: for `make bench`, which gives the rows"""

import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import time

MIB = 1 << 20
SECOND = 1_000_000_000


class Flight:
    """`tracer flight` of a process, in a directory of its own, with a socket of its own."""

    def __init__(self, tracer, scratch, pid, *args):
        self.tracer, self.dir = tracer, scratch / f"flight-{pid}"
        self.dir.mkdir(exist_ok=True)
        self.env = {**os.environ, "TRACER_RUN_DIR": str(self.dir / "run")}
        self.popen = subprocess.Popen(
            [tracer, "flight", "-p", str(pid), "--dir", str(self.dir), *map(str, args)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.env)
        for _ in range(200):
            if (self.dir / "run" / f"{self.popen.pid}.sock").exists():
                break
            time.sleep(0.05)
        time.sleep(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.send_signal(signal.SIGTERM)
        self.said = self.popen.communicate(timeout=30)[1]

    def status(self):
        done = subprocess.run([self.tracer, "status", "--json"], env=self.env, check=True,
                              stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)["status"][0]

    def snapshot(self):
        subprocess.run([self.tracer, "snapshot"], env=self.env, check=True,
                       stdout=subprocess.DEVNULL)

    def used(self):
        """CPU seconds and how often it has slept so far, all threads."""
        cpu = wakes = 0
        for task in pathlib.Path(f"/proc/{self.popen.pid}/task").iterdir():
            cpu += int((task / "schedstat").read_text().split()[0]) / SECOND
            wakes += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)",
                                   (task / "status").read_text(), re.M).group(1))
        return cpu, wakes


def during(flight, seconds):
    """Share of a CPU and wake-ups a second, while it only records."""
    cpu, wakes = flight.used()
    time.sleep(seconds)
    cpu_then, wakes_then = flight.used()
    return 100 * (cpu_then - cpu) / seconds, (wakes_then - wakes) / seconds


def window(bench):
    seconds = 10 if bench.QUICK else 32
    with bench.Running(bench.BUILD / "workloads/storm", "--rate", 100000) as load:
        with Flight(bench.TRACER, bench.scratch, load.pid, "--window", "30s") as flight:
            share, _ = during(flight, seconds)
            now = flight.status()
    held = now["held_bytes"] / MIB * 30 * SECOND / max(now["held_ns"], 1)
    bench.row("flight: window of 30 s at 100k events/s, MiB", "<= 24", f"{held:.1f}", held <= 24,
              f"{now['memory_bytes'] / MIB:.0f} MiB of memory in all, "
              f"{now['events_per_second'] / 1000:.0f}k/s, {now['lost']} lost")
    bench.row("flight: CPU of the recorder at 100k events/s, %", "<= 1", f"{share:.2f}", share <= 1)


def idle(bench):
    with bench.Running("sleep", 600) as target:
        with Flight(bench.TRACER, bench.scratch, target.pid, "--on", "wait:sync>20ms") as flight:
            share, wakes = during(flight, 10)
    bench.row("flight: idle target, % of a CPU", "<= 0.1", f"{share:.2f}", share <= 0.1)
    bench.row("flight: idle target, wake-ups a second", "<= 10", f"{wakes:.1f}", wakes <= 10.5,
              "with a trigger that must be noticed within 100 ms")


def large_snapshot(bench):
    want = (16 if bench.QUICK else 64) * MIB
    with bench.Running(bench.BUILD / "bench/load", "--seconds", 600, "--unpaced") as load:
        with Flight(bench.TRACER, bench.scratch, load.pid, "--window", "10m", "--memory",
                    "160M") as flight:
            end = time.monotonic() + 120
            while flight.status()["held_bytes"] < want and time.monotonic() < end:
                time.sleep(0.5)
            flight.snapshot()
            now = flight.status()
        size = sum(path.stat().st_size for path in flight.dir.glob("*.trace")) / MIB
    number, unit = re.search(r"written in ([\d.]+) (\S+);", flight.said).groups()
    took = float(number) * {"s": 1, "ms": 1e-3, "µs": 1e-6}[unit]
    scaled = took * 64 / size
    bench.row("flight: snapshot of 64 MiB, s", "<= 0.5", f"{scaled:.2f}", scaled <= 0.5,
              f"{size:.0f} MiB in {took:.2f} s, beside busy CPUs; {now['lost']} lost")
    stall = now["longest_turn_ns"] / 1e6
    bench.row("flight: longest stall of the drain, ms", "<= 20", f"{stall:.1f}", stall <= 20,
              "CPU time of a turn, with the snapshot")


def redis_rate(bench, port):
    done = subprocess.run(["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-n", "100000",
                           "-c", "20", "-q", "-t", "get"], stdout=subprocess.PIPE, text=True,
                          check=True)
    return float(re.findall(r"([\d.]+) requests per second", done.stdout)[-1])


def redis(bench):
    rounds = 2 if bench.QUICK else 6
    port = bench.free_port()
    with bench.Running("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
                       "--dir", bench.scratch) as server:
        bench.wait_for_port(port)
        redis_rate(bench, port)
        slower, shares = [], []
        for _ in range(rounds):
            before = redis_rate(bench, port)
            with Flight(bench.TRACER, bench.scratch, server.pid) as flight:
                cpu, begun = flight.used()[0], time.monotonic()
                beside = redis_rate(bench, port)
                shares.append(100 * (flight.used()[0] - cpu) / (time.monotonic() - begun))
            after = redis_rate(bench, port)
            slower.append(100 * (1 - beside / statistics.mean((before, after))))
    bench.row("flight of redis, CPU of the recorder, %", "-", f"{statistics.median(shares):.1f}",
              None, f"{rounds} rounds")
    bench.row("flight of redis, slowdown, %", "-", f"{statistics.median(slower):.1f}", None,
              f"{min(slower):.1f} to {max(slower):.1f}; on CPUs that client, server and recorder "
              "share")


def measure(bench):
    """@bench: what run has: row(), Running, BUILD, TRACER, QUICK, problems; and a scratch."""
    for part in (window, idle, large_snapshot, redis):
        bench.say(f"flight: {part.__name__.replace('_', ' ')}")
        try:
            part(bench)
        except (RuntimeError, OSError, subprocess.SubprocessError, AttributeError) as e:
            bench.problems.append(f"flight, {part.__name__}: {e}")
