# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""harness - what every live test uses: processes that end, recordings, reports, and judgements

A test is a function marked with @test whose name states a fact; it takes the Scene it plays in.
It fails by an exception: Failed from check(), near() and the like, or any other. Skipped says
why something cannot be tested here.

Truth comes from the workload (see tests/workloads/workload.h), which measured itself.
"""

import ctypes
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

from judge import Failed, Skipped, check, equal
from traces import Trace

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
if not BUILD.is_absolute():
    BUILD = ROOT / BUILD
TRACER = str(BUILD / "tracer")
WORKLOADS = BUILD / "workloads"


class Process:
    """A process that a test started; it leads a session of its own and ends with the test."""

    def __init__(self, command, **options):
        self.command = [str(word) for word in command]
        self.popen = subprocess.Popen(self.command, start_new_session=True, **options)
        self.pid = self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds=30):
        """Its exit status; fails when it does not end by itself."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"still runs after {seconds} s: {shlex.join(self.command)}") from None

    def end(self):
        """Ends it and what it started, if that has not happened yet."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        if self.alive():
            self.popen.kill()
        self.popen.wait(10)
        for stream in (self.popen.stdout, self.popen.stderr, self.popen.stdin):
            if stream:
                stream.close()


class Workload(Process):
    """One of tests/workloads, which tells its truth as JSON on its output."""

    def __init__(self, name, *args, prefix=(), **options):
        options.setdefault("stdout", subprocess.PIPE)
        super().__init__([*prefix, WORKLOADS / name, *args], **options)
        self.first = None
        self.pending = b""

    def read_line(self, seconds=30):
        """The next line of its output, as JSON."""
        stdout = self.popen.stdout.fileno()
        while b"\n" not in self.pending:
            if not select.select([stdout], [], [], seconds)[0]:
                raise Failed(f"no output within {seconds} s: {shlex.join(self.command)}")
            piece = os.read(stdout, 65536)
            check(piece, f"ended without its truth: {shlex.join(self.command)}")
            self.pending += piece
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line)

    def ready(self):
        """Waits until it holds (--hold); what it said then."""
        self.first = self.read_line()
        check("ready" in self.first, f"no 'ready' from {shlex.join(self.command)}")
        return self.first

    def go(self):
        """Lets it begin."""
        os.kill(self.target_pid(), signal.SIGUSR1)

    def target_pid(self):
        """Its PID as this process sees it (it may run in another PID namespace)."""
        return self.pid

    def truth(self):
        """What it measured, when it is done."""
        return self.read_line()


class Recorder(Process):
    """`tracer` in the background, its two outputs in files."""

    def __init__(self, scene, args, trace=None):
        self.out_path = scene.path("tracer.out")
        self.err_path = scene.path("tracer.err")
        self.trace = trace
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            super().__init__([TRACER, *args], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                             cwd=scene.dir)

    def bpf_fds(self):
        """How many attached BPF programs it holds (links, raw tracepoints)."""
        return len([name for name in fd_names(self.pid)
                    if "bpf" in name and "map" not in name and "prog" not in name])

    def attached(self, seconds=20):
        """Waits until its programs are attached and its trace has begun."""
        end = time.monotonic() + seconds
        before, since = 0, time.monotonic()
        while time.monotonic() < end:
            if not self.alive():
                raise Failed(f"tracer ended before it recorded: {self.stderr().strip()}")
            count = self.bpf_fds()
            if count != before or not count:
                before, since = count, time.monotonic()
            begun = not self.trace or os.path.exists(self.trace + ".partial")
            if begun and count and time.monotonic() - since > 0.4:
                return
            time.sleep(0.02)
        raise Failed(f"tracer does not record after {seconds} s: {self.stderr().strip()}")

    def stop(self, number=signal.SIGINT, seconds=30):
        """Ends the recording; the exit status."""
        self.signal(number)
        return self.wait(seconds)

    def stdout(self):
        return pathlib.Path(self.out_path).read_text(errors="replace")

    def stderr(self):
        return pathlib.Path(self.err_path).read_text(errors="replace")


def fd_names(pid):
    """What the descriptors of process @pid refer to."""
    names = []
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                names.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
            except OSError:
                pass
    except OSError:
        pass
    return names


def bpf_ids(pid, kind):
    """The ids of the BPF objects of a kind ("prog_id", "link_id") that process @pid holds."""
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            text = pathlib.Path(f"/proc/{pid}/fdinfo/{fd}").read_text()
        except OSError:
            continue
        ids.update(int(number) for number in re.findall(rf"^{kind}:\s*(\d+)", text, re.M))
    return ids


def bpf_program_ids(pid):
    """The ids of the BPF programs that process @pid holds."""
    return bpf_ids(pid, "prog_id")


def bpf_link_ids(pid):
    """The ids of the BPF links that process @pid holds."""
    return bpf_ids(pid, "link_id")


def thread_ids(pid):
    """The threads of process @pid now."""
    return sorted(int(tid) for tid in os.listdir(f"/proc/{pid}/task"))


class TracepointCounter:
    """The kernel's own count of a tracepoint, on all CPUs, by perf_event_open()."""

    SET_FILTER = 0x40082406
    SYSCALLS = {"x86_64": 298, "aarch64": 241}

    def __init__(self, tracepoint, event_filter):
        for root in ("/sys/kernel/tracing", "/sys/kernel/debug/tracing"):
            path = pathlib.Path(f"{root}/events/{tracepoint}/id")
            if path.exists():
                break
        else:
            raise Skipped("tracefs is not mounted: nobody else counts tracepoints")
        # struct perf_event_attr: type 2 is a tracepoint; nothing else is asked for
        attr = struct.pack("IIQ112x", 2, 128, int(path.read_text()))
        libc = ctypes.CDLL(None, use_errno=True)
        number = self.SYSCALLS[os.uname().machine]
        self.fds = []
        for cpu in sorted(os.sched_getaffinity(0)):
            fd = libc.syscall(number, attr, -1, cpu, -1, 8)
            if fd < 0:
                raise Skipped(f"perf_event_open: {os.strerror(ctypes.get_errno())}")
            self.fds.append(fd)
            fcntl.ioctl(fd, self.SET_FILTER, event_filter.encode() + b"\0")

    def count(self):
        return sum(struct.unpack("Q", os.read(fd, 8))[0] for fd in self.fds)

    def close(self):
        for fd in self.fds:
            os.close(fd)


def switches_of(pid):
    """Per thread of @pid how often the kernel counted that it left a CPU."""
    counts = {}
    for tid in thread_ids(pid):
        text = pathlib.Path(f"/proc/{pid}/task/{tid}/status").read_text()
        counts[tid] = sum(int(n) for n in re.findall(r"^(?:non)?voluntary_ctxt_switches:\s*(\d+)",
                                                     text, re.M))
    return counts


class Scene:
    """Where one test plays: a directory, the processes it started, the commands it gave."""

    def __init__(self, name):
        self.dir = tempfile.mkdtemp(prefix=f"tracer-{name[:40]}.")
        os.chmod(self.dir, 0o755)
        self.processes = []
        self.cleanups = []
        self.commands = []

    def path(self, name):
        return os.path.join(self.dir, name)

    def memory_directory(self):
        """A directory of this scene whose files never wait for a disk; None where there is none."""
        if not os.path.ismount("/dev/shm"):
            return None
        path = tempfile.mkdtemp(prefix="tracer-live.", dir="/dev/shm")
        self.at_end(lambda: shutil.rmtree(path, ignore_errors=True))
        return path

    def at_end(self, function):
        """Runs @function when the test is over, the last one first."""
        self.cleanups.append(function)

    def close(self, keep):
        """Ends what still runs; removes the directory, unless it is to be kept."""
        for process in reversed(self.processes):
            process.end()
        for function in reversed(self.cleanups):
            function()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def remember(self, process):
        self.processes.append(process)
        self.commands.append(shlex.join(process.command))
        return process

    def tracer(self, *args, seconds=60, prefix=(), env=None, cwd=None):
        """Runs tracer to its end; what subprocess.run() returns."""
        command = [*prefix, TRACER, *(str(arg) for arg in args)]
        self.commands.append(shlex.join(command))
        try:
            return subprocess.run(command, capture_output=True, text=True, errors="replace",
                                  timeout=seconds, stdin=subprocess.DEVNULL, cwd=cwd or self.dir,
                                  env={**os.environ, **(env or {})}, check=False)
        except subprocess.TimeoutExpired:
            raise Failed(f"still runs after {seconds} s: {shlex.join(command)}") from None

    def dump(self, path):
        """The events of dump --json, one after the other: a trace may be large."""
        process = self.remember(Process([TRACER, "dump", "--json", path], text=True,
                                        stdout=subprocess.PIPE, errors="replace"))
        for line in process.popen.stdout:
            yield json.loads(line)
        equal(process.wait(), 0, "exit status of dump --json")

    def workload(self, name, *args, **options):
        """Starts a workload; in this scene's directory, so that what it writes goes with it."""
        options.setdefault("cwd", self.dir)
        return self.remember(Workload(name, *(str(arg) for arg in args), **options))

    def process(self, *command, **options):
        return self.remember(Process(command, **options))

    def recorder(self, *args, trace="recorded.trace"):
        """Starts tracer; waits until it records."""
        path = self.path(trace) if trace else None
        output = ["-o", path] if path else []
        recorder = self.remember(Recorder(self, [*output, *(str(arg) for arg in args)], path))
        recorder.attached()
        return recorder

    def record_command(self, name, *args, options=(), status=0):
        """Records a workload from its first instruction on: its trace and its truth."""
        path = self.path("recorded.trace")
        done = self.tracer("-o", path, *options, "--", WORKLOADS / name, *args)
        equal(done.returncode, status, f"exit status ({done.stderr.strip()[-500:]})")
        truths = [line for line in done.stdout.splitlines() if line.startswith('{"pid"')]
        check(truths, f"no truth from {name}: {done.stdout[-500:]}")
        return Trace(self, path), json.loads(truths[-1])

    def record_attached(self, name, *args, options=(), seconds=60):
        """Attaches to a workload that holds, lets it begin, records until it has exited."""
        workload = self.workload(name, "--hold", *args)
        workload.ready()
        recorder = self.recorder("-p", workload.pid, *options)
        workload.go()
        truth = workload.truth()
        equal(recorder.wait(seconds), 0, f"exit status of tracer ({recorder.stderr().strip()})")
        return Trace(self, recorder.trace), truth

    def trace(self, path):
        return Trace(self, path)

    def terminal(self, *args, columns=80, env=None, seconds=60, interrupt_after=None):
        """Runs tracer on a terminal of this width: exit status and all that it showed there."""
        command = [TRACER, *(str(arg) for arg in args)]
        main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", **(env or {})}
        if "NO_COLOR" not in (env or {}):
            environment.pop("NO_COLOR", None)
        environment.pop("COLUMNS", None)
        process = self.remember(Process(command, stdin=other, stdout=other, stderr=other,
                                        cwd=self.dir, env=environment))
        os.close(other)
        shown, begun, interrupted = b"", time.monotonic(), False
        try:
            while True:
                ready = select.select([main], [], [], 0.1)[0]
                after = time.monotonic() - begun
                if interrupt_after is not None and after > interrupt_after and not interrupted:
                    interrupted = True
                    process.signal(signal.SIGINT)
                if after > seconds:
                    raise Failed(f"still runs after {seconds} s: {shlex.join(command)}")
                if not ready:
                    if not process.alive():
                        break
                    continue
                try:
                    piece = os.read(main, 65536)
                except OSError:
                    break
                if not piece:
                    break
                shown += piece
        finally:
            os.close(main)
        return process.wait(), shown.decode(errors="replace")


ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def columns_of(line):
    """How many columns a line takes on a terminal, colours left out."""
    return len(ESCAPES.sub("", line).rstrip("\r\n"))
