# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_probes - programs that announce nothing: their functions and static probes as annotations"""

import collections
import glob
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess

from harness import BUILD
from judge import MS, SECOND, Skipped, between, check, equal, near, need, test, wait_until
from test_annotations import EARLIER, annotations, of_kind, pairs

PROBED = BUILD / "workloads" / "probed"


@test
def a_function_is_a_region_from_call_to_return(scene):
    trace, truth = scene.record_command("probed", "--rounds", "8",
                                        options=["--region", f"{PROBED}:save_*"])
    events = annotations(scene, trace.path)
    calls = truth["threads"][0]["calls"]
    regions = of_kind(events, "region_begin")
    equal(collections.Counter(event["region"] for event in regions),
          {"save_row": 16, "save_index": 8}, "regions")
    check(all(event["probed"] for event in events), "regions of probes are marked")
    took = pairs(events, "region_begin", "region_end", "region")
    near(sum(ns for event, ns in took if event["region"] == "save_index"), calls["index"]["ns"],
         "time in save_index", 0.02, 8 * MS // 20)


@test
def two_functions_are_the_ends_of_a_task(scene):
    words = f"request={PROBED}:request_begin(s,d,x)~request_end(d)"
    trace, truth = scene.record_attached("probed", "--rounds", "8", options=["--task", words])
    events = annotations(scene, trace.path)
    tasks = pairs(events, "task_begin", "task_end", "task")
    equal([event["task_name"] for event, _ in tasks], ["request"] * 8, "tasks")
    near(sum(ns for _, ns in tasks), truth["threads"][0]["calls"]["request"]["ns"],
         "time in requests", 0.02, 8 * MS // 20)
    equal([event["text"] for event in of_kind(events, "log")],
          [text for i in range(8)
           for text in (f'"/item/{i}", {-i}, 0x10000000000', str(200 + i))], "arguments")
    equal(len(of_kind(events, "task_enter")), 8, "the thread works for it")


@test
def a_function_is_a_log_with_its_arguments(scene):
    trace, _ = scene.record_command("probed", options=["--log", "probed:request_begin(s,-,l)"])
    logs = of_kind(annotations(scene, trace.path), "log")
    equal([(event["category"], event["text"]) for event in logs],
          [("request_begin", f'"/item/{i}", {1 << 40}') for i in range(5)], "logs")


@test
def every_call_is_two_hits_and_all_are_recorded_or_counted(scene):
    trace, truth = scene.record_command("probed", "--rounds", "0", "--calls", "20000",
                                        options=["--region", f"{PROBED}:often_called"])
    found, gone = 0, 0
    for event in scene.dump(trace.path):
        if event["kind"] in ("region_begin", "region_end"):
            found += 1
        elif event["kind"] == "loss":
            gone += event["lost"]["annotation"]
    equal(found + gone, 2 * truth["calls"], "recorded + lost")


@test
def odd_arguments_are_kept_and_marked(scene):
    trace, _ = scene.record_command("probed", "--rounds", "0", "--odd", "1",
                                    options=["--log", "probed:request_begin(s,d)"])
    logs = of_kind(annotations(scene, trace.path), "log")
    found = [(event["text"], event["cut"], event["unreadable"], event["not_utf8"])
             for event in logs]
    address = [text.split(",")[0] for text, *_ in found]
    for i in (4, 5, 6):
        check(re.fullmatch("0x[0-9a-f]+", address[i]), f"no address: {address[i]}")
    equal(found, [('"' + "x" * 511 + '", 0', True, False, False),
                  ('"", 1', False, False, False), ("0, 2", False, False, False),
                  ('"a\ufffdb", 3', False, False, True), (f"{address[4]}, 4", False, True, False),
                  (f"{address[5]}, 5", False, True, False),
                  ("0xfffffffffffff000, 6", False, True, False),
                  ('"untouched", 7', False, False, False)], "logs")


@test
def tasks_that_begin_again_or_end_twice_are_kept(scene):
    words = f"request={PROBED}:request_begin~request_end"
    trace, _ = scene.record_command("probed", "--rounds", "0", "--odd", "1",
                                    options=["--task", words])
    events = annotations(scene, trace.path)
    begun = [event["task"] for event in of_kind(events, "task_begin")]
    equal(len(set(begun)), 8, "tasks with numbers of their own")
    # An end is that of the thread's last begin; the next one is of a task that nobody knows.
    equal([event["task"] for event in of_kind(events, "task_end")], [begun[-1], EARLIER], "ends")


def cpu_of_calls(scene, *args):
    """CPU nanoseconds of the workload when nobody records."""
    shown = subprocess.run([PROBED, *args], capture_output=True, text=True, check=True).stdout
    return json.loads(shown)["threads"][0]["cpu_ns"]


@test(seconds=120)
def probes_that_cost_much_are_a_warning_while_recording(scene):
    args = ("--rounds", "0", "--calls", "150000", "--spin", "20000")
    path, alone = scene.path("a.trace"), cpu_of_calls(scene, *args)
    done = scene.tracer("-q", "--region", f"{PROBED}:often_called", "-o", path, "--", PROBED, *args)
    traced = json.loads(done.stdout)["threads"][0]["cpu_ns"]
    found = re.findall(r"warning: probes take about (\d+) % of the CPU time of process (\d+)",
                       done.stderr)
    check(found, f"no warning: {done.stderr}")
    # said again when it is more; the first stretch of time began before the calls
    share, process = map(int, found[-1])
    equal(process, json.loads(done.stdout)["pid"], "process")
    near(share, 100 * (1 - alone / traced), "share of probes, %", 0.3, 5)
    check("hint:" in done.stderr, "no advice")


@test(seconds=120)
def probes_that_cost_little_are_no_warning(scene):
    args = ("--rounds", "0", "--calls", "1000", "--spin", "2000000")
    done = scene.tracer("-q", "--region", f"{PROBED}:often_called", "-o", scene.path("a.trace"),
                        "--", PROBED, *args)
    check(json.loads(done.stdout)["threads"][0]["cpu_ns"] > SECOND // 2, "it has little to do")
    equal(done.stderr, "", "what is said")


@test(seconds=120)
def a_flight_recorder_hears_probed_regions_and_warns_of_their_price(scene):
    os.mkdir(scene.path("snapshots"))
    done = scene.tracer("flight", "--dir", scene.path("snapshots"), "--on", "region:save_index>1ms",
                        "--region", "probed:save_*", "--region", "probed:often_called", "--",
                        PROBED, "--rounds", "3", "--calls", "800000", seconds=90)
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    check(len(os.listdir(scene.path("snapshots"))) >= 1, "no snapshot was written")
    check("because of region:save_index>1ms" in done.stderr, f"not said why: {done.stderr}")
    check("warning: probes take about" in done.stderr, f"no warning: {done.stderr}")


@test
def probes_that_are_not_there_are_an_error_with_advice(scene):
    for words, expected in ((f"{PROBED}:nothing_like_it", "has no function 'nothing_like_it'"),
                            (f"{PROBED}:prov:name~other", "has no static probe 'prov:name'"),
                            ("/nowhere/at/all:f", "No such file"),
                            ("/etc/passwd:f", "no 64-bit program"),
                            ("function", "PATH:FUNCTION")):
        done = scene.tracer("--region", words, "-o", scene.path("a.trace"), "--", PROBED)
        check(done.returncode in (1, 2), f"exit status of --region {words}: {done.returncode}")
        check(expected in done.stderr, f"'{expected}' is not in {done.stderr}")
        check("hint:" in done.stderr, f"no advice in {done.stderr}")
        check(not os.path.exists(scene.path("a.trace")), "a trace is left")
    done = scene.tracer("-q", "--region", "nobody.so:f", "-o", scene.path("a.trace"), "--", PROBED)
    equal(done.returncode, 0, "exit status when a file is not mapped")
    check("no file 'nobody.so'" in done.stderr, f"not said: {done.stderr}")
    done = scene.tracer("-q", "--probes", "gc", "-o", scene.path("a.trace"), "--", PROBED)
    equal(done.returncode, 0, "exit status when nothing of a set is there")
    check("none of the probes" in done.stderr, f"not said: {done.stderr}")


@test
def a_program_that_is_started_later_gets_the_probes(scene):
    launcher = scene.process("sh", "-c", f"read go; {PROBED} --rounds 60; exit 0",
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    recorder = scene.recorder("-p", launcher.pid, "--region", "probed:save_*",
                              "--log", "probed:request_begin(s)")
    launcher.popen.stdin.write(b"go\n")
    launcher.popen.stdin.close()
    equal(recorder.wait(), 0, f"exit status of tracer ({recorder.stderr()})")
    logs = [event["text"] for event in of_kind(annotations(scene, recorder.trace), "log")]
    check(len(logs) >= 30, f"probes were there for {len(logs)} of 60 requests of 10 ms")
    equal(logs, [f"/item/{i}" for i in range(60 - len(logs), 60)], "requests from then on")


@test
def a_command_by_any_of_its_names_gets_the_probes(scene):
    other = scene.path("other-name")
    os.symlink(PROBED, other)
    for words in ("probed:save_row", f"{PROBED.parent}/prob*:save_row", f"{other}:save_row"):
        done = scene.tracer("-q", "--region", words, "-o", scene.path("a.trace"), "--",
                            "./other-name")
        equal((done.returncode, done.stderr), (0, ""), f"exit status and errors with {words}")
        equal(len(of_kind(annotations(scene, scene.path("a.trace")), "region_begin")), 10,
              f"regions with {words}")


LATER = """
import ctypes, sys, time
sys.stdin.readline()
later = ctypes.CDLL(sys.argv[1])
time.sleep(1)
for i in range(25):
    later.later_work(i)
"""


@test
def a_library_that_is_loaded_later_gets_the_probes(scene):
    need("gcc", "python3")
    pathlib.Path(scene.path("later.c")).write_text(
        '#include <unistd.h>\nint later_work(int n) { usleep(1000); return n; }\n')
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", "libafter.so", "later.c"],
                   cwd=scene.dir, check=True)
    process = scene.process("python3", "-c", LATER, scene.path("libafter.so"),
                            stdin=subprocess.PIPE)
    recorder = scene.recorder("-p", process.pid, "--region", "libafter.so:later_*")
    process.popen.stdin.write(b"go\n")
    process.popen.stdin.close()
    equal(recorder.wait(), 0, f"exit status of tracer ({recorder.stderr()})")
    equal(recorder.stderr().count("tracer:"), 0, f"errors: {recorder.stderr()}")
    took = pairs(annotations(scene, recorder.trace), "region_begin", "region_end", "region")
    equal([event["region"] for event, _ in took], ["later_work"] * 25, "regions")
    check(all(ns >= MS for _, ns in took), "they last as long as the function")


GO = """package main

import ("fmt"; "runtime"; "runtime/debug")

func main() {
	debug.SetGCPercent(-1)
	for i := 0; i < 50; i++ {
		work(i)
		runtime.GC()
	}
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	fmt.Println(stats.NumGC, int64(stats.PauseTotal))
}

//go:noinline
func work(n int) { runtime.KeepAlive(n) }
"""


def build_go(scene):
    need("go")
    pathlib.Path(scene.path("main.go")).write_text(GO)
    subprocess.run(["go", "build", "-o", "worker", "main.go"], cwd=scene.dir, check=True,
                   env={**os.environ, "GOFLAGS": "-mod=mod", "GOCACHE": scene.path("cache")})
    return scene.path("worker")


@test(seconds=240)
def go_code_gets_no_return_probes_and_logs_all_the_same(scene):
    worker = build_go(scene)
    done = scene.tracer("--region", f"{worker}:main.work", "-o", scene.path("a.trace"), "--",
                        worker)
    equal(done.returncode, 1, "exit status")
    check("is Go" in done.stderr and "stack moves" in done.stderr, f"not said why: {done.stderr}")
    check(not os.path.exists(scene.path("a.trace")), "a trace is left")
    done = scene.tracer("-q", "--log", f"{worker}:main.work", "-o", scene.path("b.trace"), "--",
                        worker)
    equal(done.returncode, 0, f"exit status with --log ({done.stderr})")
    logs = of_kind(annotations(scene, scene.path("b.trace")), "log")
    equal([event["category"] for event in logs], ["main.work"] * 50, "logs")


def collections_of(scene, *command, env=None):
    """What a program printed, and the lengths of its regions named GC; they may nest."""
    path = scene.path("gc.trace")
    done = scene.tracer("-q", "--probes", "gc", "-o", path, "--", *command, env=env, seconds=90)
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    equal(done.stderr, "", "what is said")
    began, took = collections.defaultdict(list), []
    for event in annotations(scene, path):
        if event["kind"] == "region_begin":
            equal(event["region"], "GC", "name")
            began[event["tid"]].append(event["time_ns"])
        elif event["kind"] == "region_end":
            check(began[event["tid"]], "an end without a begin")
            took.append(event["time_ns"] - began[event["tid"]].pop())
    check(not any(began.values()), "a collection without an end")
    return done.stdout, took


@test(seconds=240)
def the_pauses_of_the_garbage_collector_of_go_are_those_that_it_counts(scene):
    shown, took = collections_of(scene, build_go(scene))
    count, pauses_ns = (int(word) for word in shown.split())
    equal(len(took), 2 * count, "pauses, two in each collection")
    # Its own clock is read before it stops the world, and after it has started all again.
    between(sum(took), 1, pauses_ns + len(took) * 50_000, "nanoseconds in pauses")


@test
def the_garbage_collector_of_python_is_a_region(scene):
    need("/usr/bin/python3")
    listed = scene.tracer("probes", os.path.realpath("/usr/bin/python3")).stdout
    if "gc__start" not in listed:
        raise Skipped("this Python has no static probes")
    shown, took = collections_of(
        scene, "/usr/bin/python3", "-c", "import gc\ngc.disable()\nbefore = gc.get_stats()\n"
        "for i in range(40): gc.collect()\n"
        "print(sum(s['collections'] for s in gc.get_stats()))")
    # and one or two more when it ends
    check(int(shown) <= len(took) <= int(shown) + 4,
          f"{len(took)} collections, in truth {int(shown)} and those at the end")


@test
def the_garbage_collector_of_ruby_is_a_region(scene):
    need("ruby")
    listed = [scene.tracer("probes", path).stdout for path in
              [os.path.realpath(shutil.which("ruby")), *glob.glob("/usr/lib/*/libruby*.so.*")]]
    if not any("gc__mark__begin" in text for text in listed):
        raise Skipped("this Ruby has no static probes")
    shown, took = collections_of(scene, "ruby", "--disable-gems", "-e",
                                 "sleep 0.5; GC.disable; b = GC.count;"
                                 "40.times { GC.start }; puts GC.count - b")
    # A collection marks, and sweeps in one or more steps.
    check(len(took) >= 2 * int(shown), f"{len(took)} steps of {int(shown)} collections")


JAVA = """public class Gc {
	public static void main(String[] args) throws Exception {
		Thread.sleep(1500);
		for (int i = 0; i < 20; i++)
			System.gc();
	}
}
"""


@test(seconds=120)
def the_garbage_collector_of_the_jvm_is_a_region(scene):
    need("java", "javac")
    listed = [scene.tracer("probes", path).stdout
              for path in glob.glob("/usr/lib/jvm/*/lib/server/libjvm.so")]
    if not any("hotspot:gc__begin" in text for text in listed):
        raise Skipped("this JVM has no static probes")
    pathlib.Path(scene.path("Gc.java")).write_text(JAVA)
    subprocess.run(["javac", "Gc.java"], cwd=scene.dir, check=True)
    for kind in ("Serial", "Parallel", "G1"):
        log = scene.path(f"{kind}.log")
        _, took = collections_of(scene, "java", f"-XX:+Use{kind}GC", f"-Xlog:gc:file={log}", "-cp",
                                 scene.dir, "Gc")
        equal(len(took), 20, f"collections of {kind}")
        # The parallel one collects the young generation on its own before each full collection.
        pauses = re.findall(r"Pause .*\(System.gc.* ([0-9.]+)ms", pathlib.Path(log).read_text())
        near(sum(took), sum(float(ms) * MS for ms in pauses), f"time in GC of {kind}", 0.1, 5 * MS)


@test(seconds=120)
def the_garbage_collector_of_node_is_a_region(scene):
    need("node")
    node = os.path.realpath(shutil.which("node"))
    listed = [scene.tracer("probes", path, "-f", "*Heap*PerformGarbage*").stdout
              for path in [node, *glob.glob("/usr/lib/*/libnode.so*")]]
    if not any("PerformGarbageCollection" in text for text in listed):
        raise Skipped("this Node has no symbols")
    _, took = collections_of(scene, node, "--expose-gc", "-e",
                             "setTimeout(() => { for (let i = 0; i < 30; i++) gc() }, 500)")
    check(30 <= len(took) < 60, f"{len(took)} collections, in truth 30 and those by itself")


@test(seconds=180)
def transactions_of_postgresql_are_those_that_pgbench_counts(scene):
    places = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    if not places:
        raise Skipped("PostgreSQL is not installed")
    home = os.path.dirname(places[-1])
    user = pwd.getpwnam("postgres")
    data = scene.path("data")
    os.makedirs(data)
    os.chown(data, user.pw_uid, user.pw_gid)

    def as_postgres(*command):
        return subprocess.run(["runuser", "-u", "postgres", "--", *command], cwd=data,
                              capture_output=True, text=True, check=True).stdout

    as_postgres(f"{home}/initdb", "-D", data, "-A", "trust")
    server = scene.process("runuser", "-u", "postgres", "--", f"{home}/postgres", "-D", data, "-k",
                           data, "-c", "listen_addresses=", "-c", "fsync=off",
                           "-c", "autovacuum=off", stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    wait_until(lambda: subprocess.run([f"{home}/pg_isready", "-h", data, "-q"],
                                      check=False).returncode == 0, "PostgreSQL answers", 30)
    as_postgres(f"{home}/pgbench", "-h", data, "-i", "-q", "postgres")
    postmaster = int(pathlib.Path(data, "postmaster.pid").read_text().split()[0])
    recorder = scene.recorder("-p", postmaster, "--probes", "postgresql")
    shown = as_postgres(f"{home}/pgbench", "-h", data, "-n", "-c", "2", "-t", "150", "postgres")
    counted = int(re.search(r"actually processed: (\d+)/", shown).group(1))
    recorder.stop()
    equal(recorder.stderr().count("tracer:"), 0, f"errors: {recorder.stderr()}")
    server.signal(2)
    tasks = collections.Counter()
    updates = 0
    for event in scene.dump(recorder.trace):
        if event["kind"] == "task_begin":
            tasks[event["task_name"]] += 1
        elif event["kind"] == "log" and event["text"].startswith("UPDATE pgbench_accounts"):
            updates += 1
        elif event["kind"] == "loss":
            equal(event["lost"]["annotation"], 0, "lost annotations")
    # and those that pgbench makes to begin with, and the server for itself
    check(counted <= tasks["transaction"] <= counted + 20,
          f"{tasks['transaction']} transactions, in truth {counted}")
    equal(updates, counted, "queries by their text")


@test
def what_a_program_has_is_listed(scene):
    workload = scene.workload("annotate", "--hold")
    workload.ready()
    done = scene.tracer("probes", str(workload.pid), "--json")
    listed = json.loads(done.stdout)["probes"]
    mine = {row["probe"] for row in listed
            if row["provider"] == "tracer" and row["path"].endswith("annotate")}
    check({"task_begin", "region_end", "log", "snapshot"} <= mine, f"listed: {mine}")
    done = scene.tracer("probes", PROBED, "--functions", "save_*")
    equal([line.strip() for line in done.stdout.splitlines()],
          [f"{PROBED}:save_index", f"{PROBED}:save_row"], "functions")
    done = scene.tracer("probes", "/etc/passwd")
    equal(done.returncode, 1, "exit status for a file that is no program")
