# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_threads - who is followed from when, under which name, and who is not"""

import json
import os
import pathlib
import signal
import subprocess
import time

from harness import ROOT, Workload, thread_ids
from judge import MS, SECOND, Skipped, between, check, equal, near, need, test, wait_until
from traces import matches_truth, thread_truth, wait_of


def tids(trace):
    return {row["tid"] for row in trace.threads()}


def pids(trace):
    return {row["pid"] for row in trace.threads()}


# Threads that were there before


def record_attach_busy(scene, seconds=1.0, release=False):
    """Attaches to threads in known states; the trace and what the workload said of them."""
    workload = scene.workload("attach_busy")
    told = workload.ready()
    recorder = scene.recorder("-p", workload.pid, "--no-children")
    if release:
        time.sleep(seconds / 2)
        workload.go()
        time.sleep(seconds / 2)
    else:
        time.sleep(seconds)
    equal(recorder.stop(), 0, f"exit status of tracer ({recorder.stderr().strip()})")
    workload.signal(signal.SIGTERM)
    workload.truth()
    return scene.trace(recorder.trace), told


@test
def threads_that_existed_before_are_in_the_trace_with_their_names_from_its_first_instant(scene):
    workload = scene.workload("attach_busy")
    told = workload.ready()
    existing = set(thread_ids(workload.pid))
    recorder = scene.recorder("-p", workload.pid)
    time.sleep(1)
    equal(recorder.stop(), 0, "exit status of tracer")
    trace = scene.trace(recorder.trace)
    check(existing <= tids(trace), f"threads {existing - tids(trace)} are missing")
    for thread in told["threads"]:
        equal(trace.thread(tid=thread["tid"])["name"], thread["name"], "name")
    longest = max(row["observed_ns"] for row in trace.threads())
    for row in trace.threads():
        near(row["observed_ns"], longest, f"observed time of {row['name']}", share=0.01)


@test
def threads_that_were_blocked_before_show_the_right_wait_from_the_first_instant(scene):
    trace, told = record_attach_busy(scene)
    for thread in told["threads"]:
        row = trace.thread(tid=thread["tid"])
        if thread["kind"] == "execution":
            near(row["execution_ns"] + row["scheduler_wait_ns"], row["observed_ns"],
                 "execution of the thread that runs", share=0.01)
            check(row["execution_ns"] > row["observed_ns"] / 4, "the running thread does not run")
        else:
            near(wait_of(row, thread["kind"])["ns"], row["observed_ns"],
                 f"{thread['kind']} wait of {thread['name']}", share=0.01)


@test
def waits_that_began_before_the_recording_name_their_system_call(scene):
    trace, told = record_attach_busy(scene, release=True)
    for thread in told["threads"]:
        if thread["kind"] in ("execution", "sleep", "child"):
            continue
        rows = trace.waits("--tid", thread["tid"])
        calls = {row["syscall"] for row in rows if row["kind"] == thread["kind"]}
        check(thread["syscall"] in calls,
              f"{thread['name']} waits in {thread['syscall']}, the report says {calls}")
        wakers = str([row.get("wakers") for row in rows])
        check("attach-main" in wakers, f"{thread['name']} was woken by attach-main, not {wakers}")


# Threads and processes that come later


@test
def two_thousand_short_threads_are_all_there(scene):
    trace, truth = scene.record_command("short_threads")
    trace.nothing_lost()
    short = [row for row in trace.threads("--limit", 0) if row["name"].startswith("short-")
             and row["name"] != "short-main"]
    equal(len(short), truth["count"], "short threads")
    equal(len({row["tid"] for row in short}), truth["count"], "different short threads")


@test
def a_crash_ends_the_recording_in_order(scene):
    trace, truth = scene.record_command("crash", status=128 + signal.SIGSEGV)
    trace.nothing_lost()
    matches_truth(trace, thread_truth(truth, "crasher"), {"sleep": ["sleep"]})
    names = {row["name"] for row in trace.threads()}
    check({"worker-a", "worker-b"} <= names, f"threads {names} without the workers")
    ends = [event for event in trace.events("exit") if event["tid"] == truth["threads"][0]["tid"]]
    equal(len(ends), 1, "exits of the thread that crashed")
    equal(ends[0]["exit_signal"], signal.SIGSEGV, "signal that it died of")


@test
def a_crash_of_a_process_that_was_attached_to_ends_the_recording(scene):
    workload = scene.workload("crash", "--hold")
    workload.ready()
    recorder = scene.recorder("-p", workload.pid)
    workload.go()
    equal(recorder.wait(30), 0, "exit status of tracer")
    check(scene.trace(recorder.trace).threads(), "no threads")


@test
def a_chain_of_execs_stays_one_process_with_its_last_name(scene):
    trace, truth = scene.record_attached("exec_chain")
    trace.nothing_lost()
    equal(pids(trace), {truth["pid"]}, "processes")
    processes = trace.threads("--by", "process")
    equal([row["name"] for row in processes], ["link-5"], "last name of the process")
    # a thread that executes takes the number of the first one, which is another thread
    last = trace.threads("--tid", truth["pid"], *trace.during(truth["threads"][0]))
    equal([row["name"] for row in last], ["link-5"], "name of the thread that is left")
    execs = list(trace.events("exec"))
    equal(len(execs), truth["links"], "execs")
    from_threads = [event for event in execs if event["old_tid"] != event["tid"]]
    equal(len(from_threads), truth["links"] // 2, "execs from a thread that is not the first")
    for event in execs:
        equal(event["tid"], truth["pid"], "thread that goes on after an exec")


@test
def a_chain_of_forks_is_followed_to_its_end(scene):
    trace, truth = scene.record_attached("fork_chain")
    trace.nothing_lost()
    equal(pids(trace), set(truth["pids"]), "processes")
    for level, pid in enumerate(truth["pids"]):
        equal(trace.thread(tid=pid)["name"], f"level-{level}", "name")
    matches_truth(trace, truth["threads"][0], {"child": ["wait4"]})


@test
def no_children_stops_at_the_process(scene):
    trace, truth = scene.record_attached("fork_chain", options=["--no-children"])
    equal(pids(trace), {truth["pid"]}, "processes")


@test
def no_children_still_follows_new_threads(scene):
    trace, truth = scene.record_attached("mutex_pair", options=["--no-children"])
    for told in truth["threads"]:
        matches_truth(trace, told)


@test
def a_thread_has_its_last_name_and_its_changes_are_events(scene):
    trace, truth = scene.record_attached("renamer")
    trace.nothing_lost()
    for told in truth["threads"]:
        equal(trace.thread(tid=told["tid"])["name"], told["name"], "name")
    found = {(event["tid"], event["name"]) for event in trace.events("name", "thread", "fork")}
    for name, tid in truth["names"].items():
        check((tid, name) in found, f"thread {tid} was never called {name}")


# What to record


@test
def a_thread_id_records_that_thread(scene):
    workload = scene.workload("attach_busy")
    told = workload.ready()
    tid = [thread["tid"] for thread in told["threads"] if thread["name"] == "in-pipe"][0]
    recorder = scene.recorder("-p", tid)
    time.sleep(0.5)
    equal(recorder.stop(), 0, "exit status of tracer")
    trace = scene.trace(recorder.trace)
    row = trace.thread(tid=tid)
    equal(row["name"], "in-pipe", "name")
    near(wait_of(row, "pipe")["ns"], row["observed_ns"], "pipe wait", share=0.01)


@test
def several_processes_are_recorded_together(scene):
    workloads = [scene.workload("sleeper", "--hold") for _ in range(3)]
    for workload in workloads:
        workload.ready()
    chosen = workloads[:2]
    recorder = scene.recorder("-p", ",".join(str(workload.pid) for workload in chosen))
    for workload in workloads:
        workload.go()
    truths = [workload.truth() for workload in workloads]
    equal(recorder.wait(30), 0, "exit status of tracer")
    trace = scene.trace(recorder.trace)
    equal(pids(trace), {workload.pid for workload in chosen}, "processes")
    for truth in truths[:2]:
        matches_truth(trace, thread_truth(truth, "sleeper"), {"sleep": ["clock_nanosleep"]})


class NamespacedWorkload(Workload):
    """A workload that is process 1 of a PID namespace of its own."""

    def target_pid(self):
        path = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return int(wait_until(path.read_text, "unshare has a child").split()[0])


@test
def a_process_in_another_pid_namespace_is_recorded_by_the_pid_that_the_host_sees(scene):
    need("unshare")
    prefix = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        raise Skipped("no PID namespaces here")
    workload = scene.remember(NamespacedWorkload("sleeper", "--hold", prefix=prefix,
                                                 cwd=scene.dir))
    workload.ready()
    pid = workload.target_pid()
    recorder = scene.recorder("-p", pid)
    workload.go()
    truth = workload.truth()
    equal(truth["pid"], 1, "PID inside of the namespace")
    equal(recorder.wait(30), 0, "exit status of tracer")
    trace = scene.trace(recorder.trace)
    equal(pids(trace), {pid}, "processes, as the host sees them")
    sleep = wait_of(trace.thread(name="sleeper"), "sleep")
    told = thread_truth(truth, "sleeper")["calls"]["clock_nanosleep"]
    equal(sleep["count"], told["count"], "sleeps")
    near(sleep["ns"], told["ns"], "sleep wait")


def cgroup2_mount():
    """Where cgroup v2 is mounted."""
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        fields = line.split()
        if fields[2] == "cgroup2":
            return pathlib.Path(fields[1])
    raise Skipped("cgroup v2 is not mounted")


@test
def a_cgroup_records_what_is_in_it_and_what_is_begun_in_it(scene):
    cgroup = cgroup2_mount() / f"tracer-live-{os.getpid()}"
    try:
        cgroup.mkdir()
    except OSError as error:
        raise Skipped(f"cannot make a cgroup: {error}") from None

    def remove():
        wait_until(lambda: not (cgroup / "cgroup.procs").read_text(), "the cgroup is empty")
        cgroup.rmdir()

    scene.at_end(remove)
    inside = scene.workload("fork_chain", "--hold")
    outside = scene.workload("sleeper", "--hold", "--count", 5)
    inside.ready()
    outside.ready()
    (cgroup / "cgroup.procs").write_text(str(inside.pid))
    recorder = scene.recorder("--cgroup", cgroup)
    inside.go()
    outside.go()
    truth = inside.truth()
    outside.truth()
    recorder.stop()
    trace = scene.trace(recorder.trace)
    equal(pids(trace), set(truth["pids"]), "processes")


@test
def the_whole_system_holds_every_process(scene):
    workload = scene.workload("sleeper", "--hold")
    workload.ready()
    recorder = scene.recorder("-a")
    workload.go()
    truth = workload.truth()
    equal(recorder.stop(), 0, f"exit status of tracer ({recorder.stderr().strip()})")
    trace = scene.trace(recorder.trace)
    matches_truth(trace, thread_truth(truth, "sleeper"), {"sleep": ["clock_nanosleep"]})
    check(len(pids(trace)) > 3, f"only {len(pids(trace))} processes")
    check(recorder.pid not in pids(trace), "the recorder recorded itself")


@test
def a_command_is_recorded_from_its_first_instruction_and_its_status_is_reported(scene):
    path = scene.path("command.trace")
    done = scene.tracer("-o", path, "--", "sh", "-c", "exit 7")
    equal(done.returncode, 7, "exit status")
    trace = scene.trace(path)
    execs = [event["path"] for event in trace.events("exec")]
    check(execs and execs[0].endswith("sh"), f"execs {execs} do not begin with sh")
    calls = {row["syscall"] for row in trace.report("syscalls", "--limit", 0)["syscalls"]}
    check("brk" in calls, f"brk, the first system call of any program, is not among {calls}")


@test
def a_command_that_cannot_be_run_is_an_error_and_leaves_nothing(scene):
    before = set(os.listdir(scene.dir))
    done = scene.tracer("-o", scene.path("command.trace"), "--", "/nonexistent/program")
    check(done.returncode != 0, "a command that cannot be run is no success")
    check("/nonexistent/program" in done.stderr, f"the error does not name it: {done.stderr}")
    equal(set(os.listdir(scene.dir)), before, "files left behind")


@test
def a_32_bit_program_is_recorded_with_the_names_of_its_own_calls(scene):
    need("gcc")
    program = scene.path("sleeper32")
    built = subprocess.run(["gcc", "-m32", "-pthread", "-D_GNU_SOURCE", f"-I{ROOT}", "-o", program,
                            ROOT / "tests/workloads/sleeper.c"], capture_output=True, check=False)
    if built.returncode:
        raise Skipped("gcc -m32 cannot build programs here")
    if subprocess.run([program, "--count", "1"], capture_output=True, check=False).returncode:
        raise Skipped("this kernel does not run 32-bit programs")
    path = scene.path("recorded.trace")
    done = scene.tracer("-o", path, "--", program)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    trace = scene.trace(path)
    told = thread_truth(json.loads(done.stdout.splitlines()[0]), "sleeper")
    row = trace.thread(tid=told["tid"])
    call = told["calls"]["clock_nanosleep"]
    equal(wait_of(row, "sleep")["count"], call["count"], "sleeps")
    near(wait_of(row, "sleep")["ns"], call["ns"], "sleep wait")
    calls = {row["syscall"] for row in trace.waits("--tid", told["tid"]) if row["kind"] == "sleep"}
    check(calls <= {"clock_nanosleep", "clock_nanosleep_time64"}, f"sleeps in {calls}")


@test
def a_process_outside_of_the_target_has_no_events_of_its_own(scene):
    other = scene.workload("counter")
    other.ready()
    target = scene.workload("sleeper", "--hold", "--count", 10)
    target.ready()
    recorder = scene.recorder("-p", target.pid)
    other.go()
    target.go()
    target.truth()
    others = set(thread_ids(other.pid))
    other.truth()
    equal(recorder.wait(30), 0, "exit status of tracer")
    trace = scene.trace(recorder.trace)
    equal(pids(trace), {target.pid}, "processes")
    for event in trace.events():
        if event["kind"] in ("syscall", "futex", "wakeup", "wakeup_new", "fork", "exec", "exit"):
            check(event.get("tid") not in others, f"event of a thread outside: {event}")
        if event["kind"] == "switch":
            known = event["prev_tid"] not in others or event["next_tid"] not in others
            check(known, f"switch between two threads outside: {event}")


@test
def only_the_classes_that_were_asked_for_are_recorded(scene):
    trace, _truth = scene.record_attached("mutex_pair", options=["-e", "sched"])
    kinds = {event["kind"] for event in trace.events()}
    check("switch" in kinds, f"no switches among {kinds}")
    check("syscall" not in kinds and "futex" not in kinds, f"kinds {kinds}")
    check(trace.threads(), "no threads")
    between(max(row["observed_ns"] for row in trace.threads()), 500 * MS, 60 * SECOND,
            "observed time")
