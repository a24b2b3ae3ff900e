# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_record - how a recording begins and ends, what it leaves behind, what misuse is told"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from harness import TRACER, bpf_link_ids, bpf_program_ids, fd_names
from judge import MS, SECOND, Skipped, check, equal, near, need, test, wait_until
from traces import matches_truth, thread_truth

NAME = re.compile(r"^(.+)-(\d+)-\d{8}-\d{6}.*\.trace$")


def errors_of(stderr):
    """What was printed as an error: its lines, without empty ones."""
    return [line for line in stderr.splitlines() if line.strip()]


def is_error_with_advice(done, status, *words):
    """One line of error that names the object, one of advice, and this exit status."""
    equal(done.returncode, status, f"exit status ({done.stderr.strip()})")
    lines = errors_of(done.stderr)
    equal(len(lines), 2, f"lines on the standard error: {lines}")
    for word in words:
        check(word in done.stderr, f"'{word}' is not in {lines}")
    equal(done.stdout, "", "standard output")


# How a recording ends


def bpf_ids(recorder):
    """The programs and links that a recorder holds: sets of ids by what bpftool calls them."""
    need("bpftool")
    found = {"prog": bpf_program_ids(recorder.pid), "link": bpf_link_ids(recorder.pid)}
    for what, ids in found.items():
        check(ids and ids <= bpftool_ids(what), f"the recorder holds no BPF {what}")
    return found


def bpftool_rows(what):
    """What bpftool shows: it gives up when one that it has listed ends before it looks at it."""
    def show():
        done = subprocess.run(["bpftool", what, "show", "-j"], capture_output=True, text=True,
                              check=False)
        return None if done.returncode else [json.loads(done.stdout)]

    return wait_until(show, f"bpftool {what} show works")[0]


def bpftool_ids(what):
    return {row["id"] for row in bpftool_rows(what)}


def bpf_left(ids):
    """What the kernel still has of a recorder that has ended; empty when all is gone."""
    return {what: left for what, old in ids.items() if (left := old & bpftool_ids(what))}


@test
def a_duration_ends_the_recording(scene):
    workload = scene.workload("attach_busy")
    workload.ready()
    begun = time.monotonic()
    done = scene.tracer("-p", workload.pid, "-d", "1500ms", "-o", scene.path("a.trace"))
    took = time.monotonic() - begun
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    check(1.5 <= took < 15, f"took {took:.1f} s")
    longest = max(row["observed_ns"] for row in scene.trace(scene.path("a.trace")).threads())
    near(longest, 1500 * MS, "observed time")


def ends_by_signal(scene, number):
    workload = scene.workload("sleeper", "--count", 1000)
    recorder = scene.recorder("-p", workload.pid)
    programs = bpf_ids(recorder)
    time.sleep(0.5)
    equal(recorder.stop(number), 0, f"exit status ({recorder.stderr().strip()})")
    # the kernel frees them behind a grace period
    wait_until(lambda: not bpf_left(programs), "no BPF program or link of the recorder is left")
    check(workload.alive(), "the target ended with the recording")
    check(os.path.exists(recorder.trace), "no trace")
    check(not os.path.exists(recorder.trace + ".partial"), "a temporary file is left")
    check(scene.trace(recorder.trace).threads(), "no threads")
    equal(scene.tracer("check", recorder.trace).returncode, 0, "exit status of check")
    return recorder


@test
def ctrl_c_ends_the_recording_with_a_whole_trace(scene):
    ends_by_signal(scene, signal.SIGINT)


@test
def sigterm_ends_the_recording_with_a_whole_trace(scene):
    ends_by_signal(scene, signal.SIGTERM)


@test
def the_exit_of_the_target_ends_the_recording(scene):
    trace, truth = scene.record_attached("sleeper")
    matches_truth(trace, thread_truth(truth, "sleeper"), {"sleep": ["clock_nanosleep"]})


@test
def the_summary_says_where_the_time_went_and_what_to_type_next(scene):
    recorder = ends_by_signal(scene, signal.SIGINT)
    said = recorder.stdout() + recorder.stderr()
    for word in ("sleep", "recorded.trace", "tracer report"):
        check(word in said, f"the summary says nothing of '{word}': {said}")
    check(len(said.splitlines()) <= 24, f"{len(said.splitlines())} lines are more than a screen")


@test
def a_trace_is_readable_by_its_owner_alone(scene):
    recorder = ends_by_signal(scene, signal.SIGINT)
    equal(oct(os.stat(recorder.trace).st_mode & 0o777), oct(0o600), "mode")


# Names of files


def traces_in(directory):
    return sorted(name for name in os.listdir(directory) if name.endswith(".trace"))


@test
def a_trace_is_called_after_the_process_and_the_time(scene):
    workload = scene.workload("attach_busy")
    workload.ready()
    done = scene.tracer("-p", workload.pid, "-d", "200ms")
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    names = traces_in(scene.dir)
    equal(len(names), 1, f"traces {names}")
    match = NAME.match(names[0])
    check(match, f"'{names[0]}' is not NAME-PID-YYYYMMDD-HHMMSS.trace")
    equal(match.group(2), str(workload.pid), "PID in the name")
    check(names[0] in done.stdout + done.stderr, "the name is not told")


@test
def an_existing_file_is_never_overwritten_unless_o_names_it(scene):
    workload = scene.workload("attach_busy")
    workload.ready()
    comm = pathlib.Path(f"/proc/{workload.pid}/comm").read_text().strip()
    names = set()
    for name in (comm, "attach_busy"):
        for second in range(0, 6):
            for to_text in (time.localtime, time.gmtime):
                stamp = time.strftime("%Y%m%d-%H%M%S", to_text(time.time() + second))
                names.add(f"{name}-{workload.pid}-{stamp}.trace")
    for name in names:
        pathlib.Path(scene.path(name)).write_text("precious")
    scene.tracer("-p", workload.pid, "-d", "100ms")
    for name in names:
        equal(pathlib.Path(scene.path(name)).read_text(), "precious", f"content of {name}")

    chosen = scene.path("chosen.trace")
    pathlib.Path(chosen).write_text("not precious")
    done = scene.tracer("-p", workload.pid, "-d", "100ms", "-o", chosen)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    check(scene.trace(chosen).threads(), "no threads in the file that -o named")


# Ends that nobody wants


@test
def kill_9_of_the_recorder_costs_at_most_the_last_second(scene):
    workload = scene.workload("sleeper", "--count", 400, "--ms", 10, "--hold")
    workload.ready()
    recorder = scene.recorder("-p", workload.pid)
    programs = bpf_ids(recorder)
    workload.go()
    time.sleep(2.5)
    killed_ns = time.monotonic_ns()
    recorder.signal(signal.SIGKILL)
    recorder.wait()

    partial = recorder.trace + ".partial"
    check(os.path.exists(partial), f"no '{partial}'")
    trace = scene.trace(partial)
    check(trace.threads(), "no threads")
    equal(scene.tracer("check", partial).returncode, 1, "exit status of check")
    last_ns = trace.started_ns() + max(event["time_ns"] for event in trace.events("switch"))
    missing_ns = killed_ns - last_ns
    # a second, and the 100 ms that the recorder sleeps at most between two drains
    check(missing_ns < 1.1 * SECOND, f"the last {missing_ns / SECOND:.2f} s are missing")
    wait_until(lambda: not bpf_left(programs), "no BPF program of the recorder is left")
    truth = workload.truth()
    equal(thread_truth(truth, "sleeper")["calls"]["clock_nanosleep"]["count"], 400,
          "sleeps of the target, unharmed")
    equal(workload.wait(), 0, "exit status of the target")


@test
def kill_9_of_the_recorder_leaves_a_command_unharmed(scene):
    path = scene.path("recorded.trace")
    marker = scene.path("done")
    recorder = scene.process(TRACER, "-o", path, "--", "sh", "-c", f"sleep 2; echo yes >{marker}",
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: os.path.exists(path + ".partial"), "it records")
    time.sleep(0.5)
    recorder.signal(signal.SIGKILL)
    recorder.wait()
    wait_until(lambda: os.path.exists(marker), "the command has done its work")


@test
def a_full_disk_ends_the_recording_with_one_error_and_a_readable_file(scene):
    disk = scene.path("disk")
    os.mkdir(disk)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk],
                             capture_output=True, check=False)
    if mounted.returncode:
        raise Skipped("cannot mount a small tmpfs")
    scene.at_end(lambda: subprocess.run(["umount", disk], check=False))
    workload = scene.workload("counter", "--times", 2000000)
    told = workload.ready()
    recorder = scene.recorder("-p", told["ready"], trace="disk/full.trace")
    programs = bpf_ids(recorder)
    workload.go()
    equal(recorder.wait(60), 1, "exit status")
    wait_until(lambda: not bpf_left(programs), "no BPF program or link of the recorder is left")
    lines = [line for line in errors_of(recorder.stderr()) if "No space left" in line]
    equal(len(lines), 1, f"errors that say so: {recorder.stderr()}")
    left = os.listdir(disk)
    equal(len(left), 1, f"files on the full disk: {left}")
    trace = scene.trace(os.path.join(disk, left[0]))
    check(trace.threads(), "no threads in the file that was kept")
    check(workload.alive(), "the target ended with the recording")


@test
def a_disk_that_stands_still_costs_no_event(scene):
    disk, image = scene.path("disk"), scene.path("image")
    os.mkdir(disk)
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    for command in (["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, disk]):
        if not shutil.which(command[0]) or not shutil.which("fsfreeze"):
            raise Skipped(f"no {command[0]} or no fsfreeze here")
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise Skipped(f"cannot make a file system in a file: {command[0]}")
    scene.at_end(lambda: subprocess.run(["umount", disk], check=False))
    scene.at_end(lambda: subprocess.run(["fsfreeze", "-u", disk], capture_output=True,
                                        check=False))
    workload = scene.workload("counter", "--times", 200000)
    recorder = scene.recorder("-p", workload.ready()["ready"], trace="disk/frozen.trace")
    time.sleep(1.2)
    subprocess.run(["fsfreeze", "-f", disk], check=True)
    workload.go()
    time.sleep(2.5)
    subprocess.run(["fsfreeze", "-u", disk], check=True)
    equal(recorder.stop(), 0, "exit status")
    trace = scene.trace(os.path.join(disk, "frozen.trace"))
    trace.nothing_lost()
    check(trace.threads(), "no threads in the file")


# Misuse


@test
def a_pid_that_does_not_exist_is_an_error_with_advice(scene):
    process = scene.process("true")
    process.wait()
    done = scene.tracer("-p", process.pid)
    is_error_with_advice(done, 1, str(process.pid))
    equal([name for name in os.listdir(scene.dir) if "trace" in name], [], "files left behind")


@test
def nonsense_on_the_command_line_is_a_usage_error(scene):
    for words in (["--nonsense"], ["-p"], ["-p", "abc"], ["-p", "1", "-d", "soon"],
                  ["report", "--nonsense", "x"], ["report", "nonsense", "x"],
                  ["-p", str(os.getpid()), "-e", "nonsense"], ["-a", "-p", "1"], ["nonsense"]):
        done = scene.tracer(*words)
        is_error_with_advice(done, 2)
    equal([name for name in os.listdir(scene.dir) if "trace" in name], [], "files left behind")


@test
def a_file_that_is_no_trace_is_an_error_with_advice(scene):
    text = scene.path("text")
    pathlib.Path(text).write_text("this is no trace\n" * 1000)
    empty = scene.path("empty")
    pathlib.Path(empty).write_text("")
    for path in (text, empty, scene.path("missing"), scene.dir):
        for command in (["report", "threads", path], ["dump", path], ["check", path]):
            is_error_with_advice(scene.tracer(*command), 1, path)


@test
def an_error_leaves_no_program_behind(scene):
    need("bpftool")
    workload = scene.workload("attach_busy")
    workload.ready()
    before = bpftool_ids("prog")
    done = scene.tracer("-p", workload.pid, "-o", scene.path("nowhere/a.trace"))
    equal(done.returncode, 1, "exit status")

    def ours():
        return [row for row in bpftool_rows("prog") if row["id"] not in before
                and str(row.get("name", "")).startswith(("on_", "existing_"))]
    # other recorders may come and go on this machine: theirs end, ours would stay for ever
    wait_until(lambda: not ours(), "no BPF program of the recorder is left", seconds=30)


@test
def a_user_without_rights_is_told_what_is_missing(scene):
    need("setpriv")
    copy = scene.path("tracer")
    shutil.copy(TRACER, copy)
    os.chmod(copy, 0o755)
    workload = scene.workload("attach_busy")
    workload.ready()
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           "--inh-caps=-all", copy, "-p", str(workload.pid), "-o",
                           "/dev/shm/tracer-live-no-rights.trace"],
                          capture_output=True, text=True, cwd="/", check=False, timeout=30)
    is_error_with_advice(done, 1)
    check(re.search("root|sudo|CAP_BPF", done.stderr), f"no word of root: {done.stderr}")
    left = [name for name in os.listdir("/dev/shm") if "no-rights" in name]
    equal(left, [], "files left behind")


@test
def a_kernel_without_btf_is_told(scene):
    raise Skipped("this kernel has BTF: only a virtual machine with another one can show it")


@test
def a_directory_that_cannot_be_written_to_is_an_error(scene):
    workload = scene.workload("attach_busy")
    workload.ready()
    path = scene.path("nowhere/a.trace")
    is_error_with_advice(scene.tracer("-p", workload.pid, "-d", "100ms", "-o", path), 1, path)


# What is shown while it records


@test
def a_terminal_shows_one_living_status_line(scene):
    workload = scene.workload("sleeper", "--count", 1000)
    status, shown = scene.terminal("-p", workload.pid, "-o", scene.path("a.trace"),
                                   interrupt_after=3)
    equal(status, 0, f"exit status ({shown[-300:]})")
    living = shown.count("\r") - shown.count("\r\n")
    check(living >= 2, f"a status line that was written {living} times: {shown!r}")
    check(re.search(r"events|event/s|/s", shown), f"no events/s in {shown!r}")


@test
def a_pipe_shows_no_status_line_and_no_colours(scene):
    workload = scene.workload("sleeper", "--count", 1000)
    done = scene.tracer("-p", workload.pid, "-o", scene.path("a.trace"), "-d", "2")
    equal(done.returncode, 0, "exit status")
    for text in (done.stdout, done.stderr):
        check("\r" not in text and "\x1b" not in text, f"control characters in {text!r}")


@test
def quiet_is_quiet(scene):
    workload = scene.workload("sleeper", "--count", 1000)
    done = scene.tracer("-q", "-p", workload.pid, "-o", scene.path("a.trace"), "-d", "300ms")
    equal(done.returncode, 0, "exit status")
    equal(done.stderr, "", "standard error")


# Doing no harm


@test
def the_recorder_leaves_no_descriptor_and_no_program_behind(scene):
    recorder = ends_by_signal(scene, signal.SIGINT)
    equal(fd_names(recorder.pid), [], "descriptors of the recorder")


@test
def memory_of_the_recorder_stays_within_its_bound(scene):
    workload = scene.workload("counter", "--times", 400000)
    workload.ready()
    recorder = scene.recorder("-p", workload.pid)
    workload.go()
    workload.truth()
    text = pathlib.Path(f"/proc/{recorder.pid}/status").read_text()
    peak_kib = int(re.search(r"VmHWM:\s*(\d+)", text).group(1))
    recorder.stop()
    check(peak_kib <= 64 * 1024, f"the recorder took {peak_kib} KiB at most")
