# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_reports - reports and the commands that read a trace: width, colours, filters, damage"""

import json
import os
import pathlib
import shutil
import subprocess

from harness import ESCAPES, TRACER, WORKLOADS, columns_of
from judge import MS, between, check, equal, near, need, test
from traces import thread_truth

KINDS = ("summary", "threads", "waits", "syscalls", "sched", "losses")


def a_trace(scene, name="mutex_pair", *args):
    return scene.record_command(name, *args)


# On a terminal


@test
def reports_fit_a_terminal_of_80_columns(scene):
    trace, _output = record_demo(scene, 2)
    for kind in KINDS:
        for columns in (80, 120):
            # a name without folders: the line that says what to type next is never cut
            status, shown = scene.terminal("report", kind, os.path.basename(trace.path),
                                           columns=columns)
            equal(status, 0, f"exit status of report {kind}")
            for line in shown.splitlines():
                check(columns_of(line) <= columns,
                      f"report {kind}: a line of {columns_of(line)} columns: {line}")


def record_demo(scene, seconds):
    """A trace of the demonstration server."""
    path = scene.path("demo.trace")
    done = scene.tracer("-o", path, "--", WORKLOADS / "demo_server", "--seconds", seconds,
                        "--dir", scene.dir)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    return scene.trace(path), done.stdout


@test
def colours_are_for_terminals_and_never_with_no_color(scene):
    trace, _truth = a_trace(scene)
    for kind in KINDS:
        _status, shown = scene.terminal("report", kind, trace.path)
        check("\x1b[" in shown, f"report {kind} has no colours on a terminal: {shown!r}")
        _status, plain = scene.terminal("report", kind, trace.path, env={"NO_COLOR": "1"})
        check("\x1b" not in plain, f"escapes with NO_COLOR: {plain!r}")
        equal(ESCAPES.sub("", shown), plain, f"report {kind} without its colours")
        done = scene.tracer("report", kind, trace.path)
        check("\x1b" not in done.stdout, f"escapes of report {kind} in a pipe")


@test
def every_report_ends_with_the_losses(scene):
    trace, _truth = a_trace(scene)
    for kind in KINDS:
        done = scene.tracer("report", kind, trace.path)
        equal(done.returncode, 0, f"exit status of report {kind}")
        last = [line for line in done.stdout.splitlines() if line.strip()][-1]
        check("lost" in last or "loss" in last, f"the last line of report {kind}: {last}")


# JSON


@test
def every_report_has_json_with_rows_under_its_name_and_losses(scene):
    trace, _truth = a_trace(scene)
    for kind in KINDS:
        found = trace.report(kind)
        equal(found["losses"]["events"], 0, f"losses of report {kind}")


@test
def a_report_without_a_kind_is_the_summary(scene):
    trace, _truth = a_trace(scene)
    equal(scene.tracer("report", trace.path).stdout,
          scene.tracer("report", "summary", trace.path).stdout, "report without a kind")


@test
def json_is_the_same_each_time(scene):
    trace, _truth = a_trace(scene)
    for kind in KINDS:
        first, second = (scene.tracer("report", kind, trace.path, "--json").stdout
                         for _ in range(2))
        equal(first, second, f"report {kind} --json")


@test
def reading_needs_no_root(scene):
    need("setpriv")
    trace, _truth = a_trace(scene)
    copy = scene.path("tracer")
    shutil.copy(TRACER, copy)
    os.chmod(copy, 0o755)
    readable = scene.path("readable.trace")
    shutil.copy(trace.path, readable)
    os.chmod(readable, 0o644)
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run([*prefix, copy, "report", "threads", readable, "--json"],
                          capture_output=True, text=True, cwd="/", check=False, timeout=30)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    check(json.loads(done.stdout)["threads"], "no threads")


# Filters


@test
def filters_choose_threads_by_process_thread_and_name(scene):
    trace, truth = a_trace(scene)
    ping = thread_truth(truth, "ping")
    equal({row["tid"] for row in trace.threads("--tid", ping["tid"])}, {ping["tid"]}, "--tid")
    equal({row["tid"] for row in trace.threads("--name", "ping")}, {ping["tid"]}, "--name")
    check(len(trace.threads("--pid", truth["pid"])) >= 3, "--pid leaves out threads")
    equal(trace.threads("--tid", 999999999), [], "--tid of no thread")


@test
def from_and_to_cut_the_time_and_the_sums_stay_exact(scene):
    trace, truth = scene.record_command("sleeper", "--count", 20)
    rows = trace.threads("--from", "200ms", "--to", "700ms")
    sleeper = [row for row in rows if row["tid"] == thread_truth(truth, "sleeper")["tid"]][0]
    between(sleeper["observed_ns"], 499 * MS, 500 * MS, "observed time from 200 to 700 ms")
    between(sleeper["waits"]["sleep"]["ns"], 480 * MS, 500 * MS, "sleep from 200 to 700 ms")


@test
def groups_by_name_and_process_add_up_to_the_threads(scene):
    trace, _truth = a_trace(scene, "busy", "--ms", 500)
    whole = sum(row["execution_ns"] for row in trace.threads("--limit", 0))
    for by in ("name", "process"):
        rows = trace.threads("--by", by, "--limit", 0)
        equal(sum(row["execution_ns"] for row in rows), whole, f"execution by {by}")


@test
def limit_limits_the_rows(scene):
    trace, _truth = a_trace(scene, "busy", "--ms", 300)
    equal(len(trace.threads("--limit", 2)), 2, "rows with --limit 2")


# Content


@test
def system_calls_are_counted_with_their_errors(scene):
    path = scene.path("recorded.trace")
    script = "import os\nfor i in range(100):\n try: os.stat('/nonexistent/x')\n " \
             "except OSError: pass\nfor i in range(50): os.getppid()"
    done = scene.tracer("-o", path, "--", "python3", "-c", script)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    rows = scene.trace(path).report("syscalls", "--limit", 0)["syscalls"]
    by_name = {row["syscall"]: row for row in rows}
    check(by_name["getppid"]["count"] == 50, f"getppid: {by_name['getppid']}")
    stats = [row for name, row in by_name.items() if "stat" in name]
    missing = sum(row["errors"].get("ENOENT", 0) for row in stats)
    check(missing >= 100, f"{missing} calls of stat with ENOENT, in truth 100 or more")
    for row in rows:
        check(row["count"] >= 1 and row["total_ns"] >= row["blocked_ns"], f"row {row}")
        check(row["p50_ns"] <= row["p99_ns"] <= row["max_ns"], f"percentiles of {row}")
        equal(sum(row["errors"].values()), row["error_count"], f"errors of {row['syscall']}")


@test
def the_report_sched_tells_preempted_from_voluntary(scene):
    trace, truth = scene.record_command("busy", "--pin", "--ms", 1000)
    told = truth["threads"][0]
    found = trace.report("sched", "--tid", told["tid"], *trace.during(told))
    row = trace.threads("--tid", told["tid"], *trace.during(told))[0]
    switches = found["switches"]
    near(switches["preempted"], told["preempted"], "preempted", slack=2)
    near(switches["voluntary"], told["voluntary"], "voluntary", slack=2)
    equal(switches["preempted"], row["preempted"], "preempted, in both reports")
    equal(switches["run_ns"], row["execution_ns"], "execution, in both reports")
    near(switches["runs"], switches["preempted"] + switches["voluntary"], "runs", share=0,
         slack=1)
    whys = {row["why"]: row for row in found["sched"]}
    equal(whys["all"]["total_ns"], row["scheduler_wait_ns"], "scheduler wait, in both reports")
    for key in ("count", "total_ns"):
        equal(sum(why[key] for name, why in whys.items() if name != "all"), whys["all"][key],
              f"{key} of all reasons")
    near(whys["preempted"]["count"], switches["preempted"], "waits after preemption", slack=1)
    for why in found["sched"]:
        check(why["p50_ns"] <= why["p90_ns"] <= why["p99_ns"] <= why["max_ns"],
              f"percentiles of {why}")
    equal(sum(bucket["count"] for bucket in found["histogram"]), whys["all"]["count"],
          "waits of the histogram")
    longest = [bucket for bucket in found["histogram"] if bucket["count"]][-1]
    between(whys["all"]["max_ns"], longest["from_ns"], longest["to_ns"] - 1, "longest wait")


# Dump


@test
def dump_is_a_line_per_event_in_order_of_time(scene):
    trace, _truth = a_trace(scene)
    last, count = 0, 0
    for event in trace.events():
        check(event["time_ns"] >= last, f"time goes back at {event}")
        last, count = event["time_ns"], count + 1
    check(count > 100, f"only {count} events")
    done = scene.tracer("dump", trace.path)
    equal(done.returncode, 0, "exit status of dump")
    equal(len(done.stdout.splitlines()), count, "lines of dump, as many as of dump --json")


@test
def dump_into_a_closed_pipe_ends_quietly(scene):
    trace, _truth = a_trace(scene, "short_threads")
    process = scene.process("sh", "-c", f"{TRACER} dump {trace.path} | head -n 1",
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    process.wait(20)
    equal(process.popen.stderr.read(), b"", "standard error")


# Whole and damaged files


@test
def check_tells_whole_cut_and_damaged_files_apart(scene):
    trace, _truth = a_trace(scene, "sleeper", "--count", 60)
    equal(scene.tracer("check", trace.path).returncode, 0, "exit status for a whole file")
    data = pathlib.Path(trace.path).read_bytes()

    chunks = trace.chunks()
    check(len(chunks) >= 3, f"{len(chunks)} chunks in 3 s")
    cut = scene.path("cut.trace")
    pathlib.Path(cut).write_bytes(data[:chunks[-1]["offset"] + chunks[-1]["bytes"] // 2])
    damaged = scene.path("damaged.trace")
    middle = chunks[1]["offset"] + chunks[1]["bytes"] // 2
    pathlib.Path(damaged).write_bytes(data[:middle] + bytes([data[middle] ^ 0x55]) +
                                      data[middle + 1:])
    for path, what in ((cut, "cut"), (damaged, "damaged")):
        done = scene.tracer("check", path)
        equal(done.returncode, 1, f"exit status for a {what} file")
        check(done.stdout.strip(), f"check says nothing of a {what} file")
        report = scene.tracer("report", "threads", path, "--json")
        equal(report.returncode, 0, f"exit status of a report of a {what} file ({report.stderr})")
        check(json.loads(report.stdout)["threads"], f"no threads in a {what} file")


@test
def a_cut_file_reads_up_to_its_last_whole_chunk(scene):
    trace, _truth = a_trace(scene, "sleeper", "--count", 80)
    whole = [event["time_ns"] for event in trace.events("switch")]
    data = pathlib.Path(trace.path).read_bytes()
    chunks = trace.chunks()
    check(len(chunks) >= 3, f"{len(chunks)} chunks in 4 s")
    cut = scene.path("cut.trace")
    pathlib.Path(cut).write_bytes(data[:chunks[-1]["offset"] + chunks[-1]["bytes"] - 1])
    part = [event["time_ns"] for event in scene.trace(cut).events("switch")]
    check(part and part == whole[:len(part)], "a cut file has other events than the whole one")
    last_ns = chunks[-1]["begin_ns"] - trace.started_ns()
    equal(len(part), len([ns for ns in whole if ns <= last_ns]), "switches before the last chunk")


@test
def a_file_that_is_cut_anywhere_never_crashes_a_reader(scene):
    trace, _truth = a_trace(scene, "sleeper", "--count", 5)
    data = pathlib.Path(trace.path).read_bytes()
    cut = scene.path("cut.trace")
    for step in range(0, 20):
        pathlib.Path(cut).write_bytes(data[:len(data) * step // 20])
        for command in (["report", "threads", cut], ["check", cut], ["dump", cut]):
            done = scene.tracer(*command)
            check(done.returncode in (0, 1),
                  f"{' '.join(command)} with {step * 5} % of the file: {done.returncode}")


# Commands


@test
def doctor_says_what_this_machine_allows(scene):
    done = scene.tracer("doctor")
    equal(done.returncode, 0, f"exit status ({done.stdout[-500:]})")
    for word in ("btf", "tracepoints", "memlock", "lockdown", os.uname().release):
        check(word in done.stdout, f"doctor says nothing of {word}")
    found = json.loads(scene.tracer("doctor", "--json").stdout)
    equal(found["works"], True, "works")
    check(all(fact["state"] and fact["found"] for fact in found["doctor"]), f"facts {found}")


@test
def every_command_explains_itself(scene):
    for words in (["--help"], ["--version"], ["record", "--help"], ["report", "--help"],
                  ["dump", "--help"], ["check", "--help"], ["doctor", "--help"]):
        done = scene.tracer(*words)
        equal(done.returncode, 0, f"exit status of {words}")
        check(done.stdout.strip() and not done.stderr, f"output of {words}: {done.stderr}")
        for line in done.stdout.splitlines():
            check(columns_of(line) <= 80, f"{words}: a line of {columns_of(line)} columns: {line}")


@test
def the_demonstration_shows_its_four_reasons(scene):
    trace, output = record_demo(scene, 4)
    trace.nothing_lost()
    served = [json.loads(line)["served"] for line in output.splitlines() if "served" in line][0]
    workers = [trace.thread(name=f"http-worker-{number}") for number in range(1, 5)]
    network = sum(row["waits"]["network"]["count"] for row in workers)
    between(network, served * 0.8, served * 1.1, "network waits of the workers")
    for row in workers:
        check(row["waits"]["sync"]["ns"] > 20 * MS, f"{row['name']} never waits for the lock")
    indexer = trace.thread(name="indexer")
    check(indexer["waits"]["disk"]["count"] > 20, "the indexer never waits for the disk")
    for number in range(1, 4):
        row = trace.thread(name=f"compressor-{number}")
        check(row["scheduler_wait_ns"] > 0.05 * row["execution_ns"], f"{row['name']} has a CPU")
    wakers = str([row.get("wakers") for row in trace.waits("--tid", workers[0]["tid"])])
    check("indexer" in wakers, "no worker was woken by the indexer")
    check("poll" in trace.thread(name="server-main")["waits"], "server-main does not poll")
