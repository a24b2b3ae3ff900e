# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_perfetto - exports for Perfetto: nothing that its reader drops, and the report's numbers

perfetto.py reads the file as trace_processor does. Where a real one is installed, it is asked the
same questions in SQL.
"""

import collections
import json
import os
import shutil
import subprocess

from harness import TRACER, WORKLOADS, thread_ids
from judge import Skipped, check, equal, near, test, wait_until
from perfetto import Perfetto
from traces import KINDS, wait_of

OF_STATE = {"Running": "running", "R": "runnable", "R+": "runnable", "S": "blocked",
            "D": "blocked", "T": "blocked", "t": "blocked", "I": "blocked"}


def export(scene, trace, *options, name="out.pftrace"):
    path = scene.path(name)
    done = scene.tracer("export", "perfetto", trace.path, "-o", path, *options)
    equal(done.returncode, 0, f"exit status of export ({done.stderr.strip()})")
    perfetto = Perfetto(path)
    equal(perfetto.sched.again, 0, "threads whose first state is not their first one")
    check(perfetto.sched.misplaced <= repairs(trace), "reasons to wait of threads that did not")
    equal(perfetto.retaken, 0, "threads and processes that were taken for others")
    return perfetto


def times_of(perfetto):
    """By tid: ns and rows of each state."""
    times = collections.defaultdict(collections.Counter)
    for thread in perfetto.sched.threads:
        for row in thread.states:
            state = OF_STATE.get(row.state, row.state)
            times[thread.tid][state] += perfetto.dur(row)
            times[thread.tid][state, "rows"] += 1
    return times


def reported_times(trace, *filters):
    times = collections.defaultdict(collections.Counter)
    for row in trace.threads(*filters):
        time = times[row["tid"]]
        time["running"] += row["execution_ns"]
        time["runnable"] += row["scheduler_wait_ns"]
        time["blocked"] += sum(wait_of(row, kind)["ns"] for kind in KINDS)
        time["unknown"] += row["unknown_ns"]
    return times


def repairs(trace):
    """Events that contradicted others, and wakings that were before the end of the run they end."""
    found = trace.report("losses")["repairs"]
    return found["contradictions"] + found["early_wakeups"]


def states_are_those_of_the_report(perfetto, trace, *filters):
    """
    Exactly. What cannot be at one time is a nanosecond apart: where a switch was not seen, and
    an interrupt woke a thread that was about to leave its CPU.
    """
    found, wanted = times_of(perfetto), reported_times(trace, *filters)
    repaired = repairs(trace)
    check(wanted, "the report has no threads")
    for tid, time in wanted.items():
        for state in () if time["unknown"] else ("running", "runnable", "blocked"):
            check(abs(found[tid][state] - time[state]) <= repaired,
                  f"thread {tid} was {state} for {found[tid][state]} ns, reported {time[state]}")


def ours(perfetto, trace, *filters):
    """The threads of the report."""
    tids = {row["tid"] for row in trace.threads(*filters)}
    return [thread for thread in perfetto.sched.threads if thread.tid in tids]


def waits_are_those_of_the_report(perfetto, trace, *filters):
    found = collections.Counter()
    for row in perfetto.slices:
        if row.category == ["wait"]:
            found[row.name, row.args.get("syscall"), "ns"] += row.dur
            found[row.name, row.args.get("syscall"), "count"] += 1
    for row in trace.report("waits", *filters)["waits"]:
        found[row["kind"], row["syscall"], "ns"] -= row["total_ns"]
        found[row["kind"], row["syscall"], "count"] -= row["count"]
    equal({key: value for key, value in found.items() if value}, {}, "differences of waits")


def calls_are_those_of_the_report(perfetto, trace):
    found = collections.Counter()
    for row in perfetto.slices:
        if row.category != ["syscall"]:
            continue
        name = row.name.removeprefix("sys_")
        name = f"futex {row.args['op']}" if "op" in row.args else name
        found[name, "count"] += 1
        found[name, "ns"] += row.dur
        found[name, "blocked_ns"] += row.args.get("blocked_ns", 0)
        found[name, "errors"] += row.args["ret"] in range(-4095, 0)
        check((row.args["ret"] in range(-4095, 0)) == ("error" in row.args), f"result: {row.args}")
    rows = trace.report("syscalls")["syscalls"]
    check(rows, "the report has no system calls")
    for row in rows:
        found[row["syscall"], "count"] -= row["count"]
        found[row["syscall"], "ns"] -= row["total_ns"]
        found[row["syscall"], "blocked_ns"] -= row["blocked_ns"]
        found[row["syscall"], "errors"] -= row["error_count"]
    equal({key: value for key, value in found.items() if value}, {}, "differences of system calls")


def wakers_are_those_of_the_report(perfetto, trace):
    """Who released others: counts by context, and by the waker's name."""
    found, wanted = collections.Counter(), collections.Counter()
    names = {row["name"] for row in trace.threads()}
    for thread in ours(perfetto, trace):
        for before, row in zip(thread.states, thread.states[1:]):
            if row.state == "R" and row.waker and OF_STATE.get(before.state) == "blocked":
                found[row.irq or 0] += 1
                found[row.irq or 0, row.waker.name] += 1
    for row in trace.report("wakers")["wakers"]:
        if row["context"] in ("thread", "softirq", "hardirq", "nmi"):
            irq = int(row["context"] != "thread")
            wanted[irq] += row["count"]
            # The report does not tell which thread a timer hit. Others may be renamed later.
            if row["by"] in names:
                wanted[irq, row["by"]] += row["count"]
    check(wanted[0] and wanted[1], "the report has no wakers, or no interrupts")
    near(found[0], wanted[0], "wakings by threads", share=0, slack=repairs(trace))
    near(found[1], wanted[1], "wakings from interrupts", share=0, slack=repairs(trace))
    for key, count in wanted.items():
        if isinstance(key, tuple) and key[0] == 0:
            near(found[key], count, f"wakings by {key[1]}", share=0, slack=repairs(trace))
        elif isinstance(key, tuple):
            check(found[key] >= count - repairs(trace), f"wakings from interrupts on top of {key[1]}: {found[key]}, "
                                       f"reported {count}")


def record_demo(scene, *options, seconds=2):
    path = scene.path("demo.trace")
    done = scene.tracer("-o", path, *options, "--", WORKLOADS / "demo_server", "--seconds",
                        seconds, "--dir", scene.dir)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    return scene.trace(path)


# Numbers


@test(seconds=120)
def states_waits_calls_and_wakers_are_those_of_the_report(scene):
    trace = record_demo(scene)
    perfetto = export(scene, trace)
    states_are_those_of_the_report(perfetto, trace)
    waits_are_those_of_the_report(perfetto, trace)
    calls_are_those_of_the_report(perfetto, trace)
    wakers_are_those_of_the_report(perfetto, trace)
    sched = trace.report("sched")
    by_why = {row["why"]: row["count"] for row in sched["sched"]}
    rows = collections.Counter(row.state for thread in ours(perfetto, trace)
                               for row in thread.states)
    equal(rows["R+"], by_why["preempted"], "rows of R+")
    near(rows["R"], by_why["all"] - by_why["preempted"], "rows of R", share=0,
         slack=repairs(trace))
    slices = [row for row in perfetto.sched.slices if row.thread in ours(perfetto, trace)]
    equal(len(slices), sched["switches"]["runs"], "slices of the scheduler")
    near(sum(row.dur for row in slices), sched["switches"]["run_ns"], "their time", share=0,
         slack=repairs(trace))
    equal(perfetto.sched.lost_closes, 0, "states that the reader makes unknown")


@test(seconds=120)
def threads_that_were_there_before_have_their_first_states(scene):
    server = scene.workload("demo_server", "--seconds", "20", "--dir", scene.dir, "--quiet")
    sleeper = scene.process("sleep", "30")
    wait_until(lambda: len(thread_ids(server.pid)) > 8, "the server runs")
    path = scene.path("attached.trace")
    done = scene.tracer("-q", "-p", f"{server.pid},{sleeper.pid}", "-d", "1500ms", "-o", path)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    trace = scene.trace(path)
    perfetto = export(scene, trace)
    states_are_those_of_the_report(perfetto, trace)
    slept = [t for t in perfetto.sched.threads if t.tid == sleeper.pid]
    equal(len(slept), 1, "threads of the sleeper")
    equal([(row.state, row.ts) for row in slept[0].states], [("S", perfetto.begin_ns)],
          "what it did: sleep through the recording")


@test(seconds=120)
def the_whole_system_is_there(scene):
    path = scene.path("all.trace")
    scene.workload("demo_server", "--seconds", "4", "--dir", scene.dir, "--quiet")
    equal(scene.tracer("-q", "-a", "-d", "1s", "-o", path).returncode, 0, "exit status")
    trace = scene.trace(path)
    perfetto = export(scene, trace)
    found, wanted = times_of(perfetto), reported_times(trace)
    # What the recorder itself did while it began may contradict itself.
    repaired = repairs(trace)
    wrong = [tid for tid, time in wanted.items() if not time["unknown"] and
             any(found[tid][state] != time[state] for state in ("running", "runnable", "blocked"))]
    check(len(wrong) <= repaired, f"{len(wrong)} threads differ, {repaired} events were repaired")
    check(len(wanted) > 50, f"only {len(wanted)} threads")
    for slices in perfetto.sched.slices:
        check(slices.dur >= -1, "a slice of negative length")


@test(seconds=120)
def filters_cut_before_the_export(scene):
    trace = record_demo(scene)
    for filters in (("--from", "500ms", "--to", "1200ms"), ("--name", "http-worker*"),
                    ("--from", "1s"), ("--to", "300ms"),
                    ("--tid", str(trace.threads()[0]["tid"]))):
        perfetto = export(scene, trace, *filters)
        states_are_those_of_the_report(perfetto, trace, *filters)
        waits_are_those_of_the_report(perfetto, trace, *filters)
        tids = {row["tid"] for row in trace.threads(*filters)}
        for thread in perfetto.sched.threads:
            if thread.tid not in tids:
                equal(sum(max(row.dur, 0) for row in thread.states if row.state == "Running"), 0,
                      f"execution of {thread}, which was left out by {filters}")


# What programs announced


def rows_of(scene, trace, sql):
    done = scene.tracer("sql", trace.path, "--json", sql)
    equal(done.returncode, 0, f"exit status of {sql} ({done.stderr.strip()})")
    return json.loads(done.stdout)["rows"]


def announced_is_what_the_tables_say(scene, trace, perfetto):
    begin_ns = perfetto.begin_ns
    regions = sorted((row.name, row.ts - begin_ns, row.dur, row.track.thread.tid)
                     for row in perfetto.slices if row.category == ["region"])
    equal(regions, sorted((row["name"] or "region", row["begin_ns"], row["ns"], row["tid"])
                          for row in rows_of(scene, trace, "select * from regions")), "regions")
    tasks = sorted((row.args["task_id"], row.name, row.ts - begin_ns, row.dur,
                    row.args.get("parent_id"), row.args.get("traceparent"))
                   for row in perfetto.slices if row.category == ["task"]
                   if not {"unfinished", "end_not_announced"} & set(row.args))
    equal(tasks, [(row["task_id"], row["name"] or "task", row["begin_ns"], row["ns"],
                   row["parent_id"], row["traceparent"])
                  for row in rows_of(scene, trace, "select * from tasks where ns is not null "
                                                   "order by task_id")], "tasks")
    logs = [(row.ts - begin_ns, row.thread.tid, row.text) for row in perfetto.logs]
    equal(logs, [(row["time_ns"], row["tid"], row["text"] or "")
                 for row in rows_of(scene, trace, "select * from logs")], "logs")
    counters = [(row.ts - begin_ns, row.track.name, row.track.process.pid, row.value)
                for row in perfetto.counters]
    equal(counters, [(row["time_ns"], row["name"] or "", row["pid"], row["value"])
                     for row in rows_of(scene, trace, "select * from counters")], "counters")


@test
def tasks_regions_logs_and_counters_are_there(scene):
    trace, _truth = scene.record_command("annotate", "--rounds", "6")
    perfetto = export(scene, trace)
    announced_is_what_the_tables_say(scene, trace, perfetto)
    equal(len([row for row in perfetto.slices if row.name == "fetch"]), 6, "regions fetch")
    nested = [row.depth for row in perfetto.slices if row.category == ["region"]]
    check(max(nested) <= 1, f"depths: {nested}")
    arrows = [(a.name, a.category, b.name, b.category) for a, b in perfetto.flows()]
    check(("checkout", ["task"], "checkout", ["attention"]) in arrows, f"arrows: {set(map(str, arrows))}")
    logged = [row for row in perfetto.instants if row.name == "db"]
    equal(logged[0].args["message"], "round 0 of many", "the first log")
    equal([row.name for row in perfetto.instants if row.name == "snapshot"], ["snapshot"], "snapshots")


@test
def what_is_announced_against_the_rules_is_legal(scene):
    for mode in ("odd", "fork", "fast"):
        trace, _truth = scene.record_command("annotate", "--mode", mode)
        announced_is_what_the_tables_say(scene, trace, export(scene, trace))


# The form


@test
def compressed_or_not_it_says_the_same(scene):
    trace, _truth = scene.record_command("mutex_pair")
    small, plain = export(scene, trace, "--compress"), export(scene, trace, name="plain.pftrace")
    equal(small.kinds, plain.kinds, "what is told")
    check(os.path.getsize(scene.path("out.pftrace")) * 2 <
          os.path.getsize(scene.path("plain.pftrace")), "it is not compressed")
    piped = subprocess.run([TRACER, "export", "perfetto", trace.path, "-o", "-"],
                           stdout=subprocess.PIPE, check=True)
    with open(scene.path("plain.pftrace"), "rb") as file:
        equal(piped.stdout == file.read(), True, "standard output has the same")


@test
def it_says_when_where_and_on_what(scene):
    trace, truth = scene.record_command("mutex_pair")
    perfetto = export(scene, trace)
    uname = os.uname()
    equal(perfetto.system["utsname"]["release"], uname.release, "release")
    equal(perfetto.system["utsname"]["machine"], uname.machine, "machine")
    equal(len(perfetto.clocks), 2, "snapshots of the clocks")
    near(perfetto.clocks[1][1] - perfetto.clocks[0][1], perfetto.clocks[1][6] - perfetto.clocks[0][6],
         "wall clock and events")
    equal(perfetto.end_ns - perfetto.begin_ns, trace.report("summary")["summary"]["duration_ns"],
          "from the first to the last event")
    named = {thread.tid: (thread.name, thread.upid.pid, thread.upid.name)
             for thread in perfetto.sched.threads if thread.upid}
    for row in trace.threads():
        equal(named[row["tid"]], (row["name"], row["pid"], "mutex_pair"), "a thread's name and process")
    equal(truth["pid"] in named, True, "the main thread is there")


@test
def waits_have_their_stacks_and_the_function_in_the_kernel(scene):
    trace, _truth = scene.record_command("mutex_pair")
    perfetto = export(scene, trace)
    locked = [row for row in perfetto.slices if row.name == "sync" and row.stack]
    check(locked, "no wait for the lock has a stack")
    for row in locked:
        names = [name for name, _path in row.stack]
        if "holder" in names:
            check(names.index("holder") < names.index("do_futex"), f"order of the frames: {names}")
    check(any("holder" in [name for name, _path in row.stack] for row in locked), "no holder()")
    check(any(row.args.get("object") == "mutex" for row in locked), "the lock has no name")
    check(any(path.endswith("/mutex_pair") for row in locked for _name, path in row.stack),
          "no frame lies in the program")
    check(all(path == "/kernel" for row in locked for name, path in row.stack
              if name.split("+")[0] == "do_futex"), "do_futex is not in the kernel")
    functions = {row.blocked_function for thread in perfetto.sched.threads
                 for row in thread.states if row.blocked_function}
    check({"futex_do_wait", "futex_wait_queue", "futex_wait_queue_me"} & functions,
          f"functions in the kernel: {functions}")
    weights = collections.Counter(sample.ts for sample in perfetto.stack_samples)
    equal(len(weights), len([row for row in perfetto.slices if row.stack]), "samples of waits")


@test
def samples_are_those_of_the_profile(scene):
    trace, _truth = scene.record_command("busy", options=("-F", "199"))
    perfetto = export(scene, trace)
    done = scene.tracer("export", "folded", "--kind", "cpu", trace.path, "-o", "-")
    lines = done.stdout.splitlines()
    check(lines, "no samples were recorded")
    period = round(1e9 / 199)
    total = sum(int(line.rsplit(" ", 1)[1]) for line in lines)
    near(len(perfetto.samples) * period, total, "time of all samples")
    leaves = {sample.stack[-1][0] for sample in perfetto.samples}
    check(any(line.rsplit(" ", 1)[0].rsplit(";", 1)[1].removesuffix("_[k]") in leaves
              for line in lines), f"functions: {leaves}")
    for cpu in {sample.cpu for sample in perfetto.samples}:
        counts = [sample.count for sample in perfetto.samples if sample.cpu == cpu]
        equal(counts, sorted(set(counts)), f"counts of CPU {cpu} grow")


# Recordings that are exported at the end


@test
def a_recording_is_exported_by_the_name_of_its_file(scene):
    path = scene.path("x.pftrace")
    done = scene.tracer("-o", path, "--", "sh", "-c", "sleep 0.1; exit 7")
    equal(done.returncode, 7, f"exit status of the command ({done.stderr.strip()})")
    check("tracer report" not in done.stdout, f"a trace that is gone is to be read: {done.stdout}")
    perfetto = Perfetto(path)
    check(any(thread.name == "sleep" for thread in perfetto.sched.threads), "sleep is not there")
    for name, begin in (("x.json", b"{"), ("x.sqlite", b"SQLite format 3"), ("x.json.gz", b"\x1f\x8b"),
                        ("x.out", b"go 1."), ("x.ndjson", b"{")):
        done = scene.tracer("-q", "-o", scene.path(name), "--", "sleep", "0.1")
        equal(done.returncode, 0, f"exit status of {name} ({done.stderr.strip()})")
        with open(scene.path(name), "rb") as file:
            check(file.read().startswith(begin), f"{name} begins otherwise")
    left = [name for name in os.listdir(scene.dir) if ".trace" in name or ".partial" in name]
    equal(left, [], "what is left of recordings")


@test
def what_was_recorded_stays_when_it_cannot_be_exported(scene):
    path = scene.path("x.pftrace")
    os.mkdir(path)
    done = scene.tracer("-q", "-o", path, "--", "sleep", "0.1")
    equal(done.returncode, 1, "exit status")
    check(f"{path}.trace" in done.stderr, f"no word of the trace: {done.stderr}")
    equal(scene.tracer("check", f"{path}.trace").returncode, 0, "the trace is whole")


# trace_processor itself


@test(seconds=120)
def the_real_reader_has_the_same_numbers(scene):
    processor = shutil.which("trace_processor") or shutil.which("trace_processor_shell")
    if not processor:
        raise Skipped("no trace_processor on the PATH: only our own reader has checked the files")
    trace = record_demo(scene)
    perfetto = export(scene, trace)

    def ask(sql):
        with open(scene.path("query.sql"), "w", encoding="utf-8") as file:
            file.write(sql)
        done = subprocess.run([processor, "-q", scene.path("query.sql"), scene.path("out.pftrace")],
                              stdout=subprocess.PIPE, text=True, check=True)
        return [line.replace('"', "").split(",") for line in done.stdout.splitlines()[1:]]

    equal(ask("select name, value from stats where severity in ('error', 'data_loss') and value > 0;"),
          [], "errors")
    sums = {(int(tid), state): int(ns) for tid, state, ns in ask(
        "select tid, state, sum(iif(dur < 0, trace_end() - ts, dur)) from thread_state "
        "join thread using (utid) group by 1, 2;")}
    for thread in perfetto.sched.threads:
        for state in {row.state for row in thread.states}:
            wanted = sum(perfetto.dur(row) for other in perfetto.sched.threads
                         if other.tid == thread.tid for row in other.states if row.state == state)
            equal(sums[thread.tid, state], wanted, f"{thread} in {state}")
    equal(int(ask("select count(*) from slice;")[0][0]),
          len(perfetto.slices) + len(perfetto.instants), "slices")
