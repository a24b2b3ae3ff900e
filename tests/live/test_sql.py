# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_sql - a trace in SQL, as a database and as lines of JSON: the numbers are those of the reports"""

import csv
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import time

from harness import ROOT, TRACER, WORKLOADS
from judge import check, equal, need, test

DOCUMENT = ROOT / "user" / "export" / "SQL.md"


def ask(scene, trace, query, *options):
    """The rows of a query, by way of --json."""
    done = scene.tracer("sql", trace.path, query, "--json", *options)
    equal(done.returncode, 0, f"exit status of {query} ({done.stderr.strip()})")
    found = json.loads(done.stdout)
    check("losses" in found, "SQL says nothing of losses")
    return found["rows"]


def record_demo(scene, *options):
    """A trace of the demonstration server."""
    path = scene.path("demo.trace")
    done = scene.tracer("-q", "-o", path, *options, "--", WORKLOADS / "demo_server", "--seconds", 2,
                        "--dir", scene.dir)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    return scene.trace(path)


def exported(scene, trace, form, name, *options):
    """A file that a trace was exported to."""
    path = scene.path(name)
    done = scene.tracer("export", form, trace.path, "-o", path, *options, seconds=100)
    equal(done.returncode, 0, f"exit status of export {form} ({done.stderr.strip()})")
    return path


THREADS = """
select pid, tid, thread as name,
       coalesce(sum(ns) filter (where state <> 'unknown'), 0) as observed_ns,
       coalesce(sum(ns) filter (where state = 'running'), 0) as execution_ns,
       coalesce(sum(ns) filter (where state = 'runnable'), 0) as scheduler_wait_ns,
       coalesce(max(ns) filter (where state = 'runnable'), 0) as scheduler_wait_longest_ns,
       coalesce(sum(ns) filter (where state = 'unknown'), 0) as unknown_ns,
       count(*) filter (where how_left = 'preempted' and state = 'running') as preempted,
       coalesce(sum(migrated), 0) as migrated
from states group by thread_id order by tid
"""

KINDS = """
select tid, kind, sum(ns) as ns, count(*) as count, max(ns) as longest_ns
from waits group by thread_id, kind
"""


def judge_threads(trace, rows, kinds, *filters):
    """Rows of THREADS and KINDS are those of the report."""
    truth = {row["tid"]: row for row in trace.threads(*filters)}
    rows = {row["tid"]: row for row in rows}
    equal(set(rows), {tid for tid, row in truth.items() if row["observed_ns"]}, "threads")
    for tid, row in rows.items():
        waits = {k["kind"]: {key: k[key] for key in ("ns", "count", "longest_ns")}
                 for k in kinds if k["tid"] == tid}
        equal({**row, "waits": waits}, truth[tid], f"thread {tid}")


@test(seconds=120)
def sums_of_states_are_those_of_the_report(scene):
    trace = record_demo(scene)
    judge_threads(trace, ask(scene, trace, THREADS), ask(scene, trace, KINDS))
    cut = ("--from", "500ms", "--to", "1200ms")
    judge_threads(trace, ask(scene, trace, THREADS, *cut), ask(scene, trace, KINDS, *cut), *cut)
    worker = ("--name", "http-worker*")
    judge_threads(trace, ask(scene, trace, THREADS, *worker), ask(scene, trace, KINDS, *worker),
                  *worker)
    tid = ("--tid", str(trace.thread(name="http-worker-1")["tid"]))
    judge_threads(trace, ask(scene, trace, THREADS, *tid), ask(scene, trace, KINDS, *tid), *tid)


@test(seconds=120)
def waits_and_calls_are_those_of_the_reports(scene):
    trace = record_demo(scene)
    found = ask(scene, trace, """
        select kind, syscall, object, max(symbol) as symbol, count(*) as count, sum(ns) as total_ns,
               percentile(ns, 50) as p50_ns, percentile(ns, 99) as p99_ns, max(ns) as longest_ns,
               sum(cut_end) as unfinished, sum(latency_ns) as scheduler_wait_ns,
               iif(address is null, null, pid) as pid
        from waits group by kind, syscall, object, 12""")
    keys = found[0].keys()
    truth = [{key: row[key] for key in keys} for row in trace.report("waits")["waits"]]

    def order(row):
        return [str(row[key]) for key in ("kind", "syscall", "object", "pid")]

    equal(sorted(found, key=order), sorted(truth, key=order), "waits")
    found = ask(scene, trace, """
        select syscall, number, count(*) as count, coalesce(sum(ns), 0) as total_ns,
               sum(blocked_ns) as blocked_ns, count(*) - count(begin_ns) as unentered,
               percentile(ns, 99) as p99_ns, count(error) as error_count from syscalls
        group by syscall, number""")
    truth = {row["syscall"]: row for row in trace.report("syscalls")["syscalls"]}
    equal({row["syscall"] for row in found}, set(truth), "system calls")
    for row in found:
        # durations of calls that were not seen to begin are not known
        row["p99_ns"] = row["p99_ns"] or 0
        equal(row, {key: truth[row["syscall"]][key] for key in row}, row["syscall"])
    errors = ask(scene, trace, "select syscall, error, count(*) as count from syscalls "
                               "where error is not null group by 1, 2")
    for row in errors:
        equal(truth[row["syscall"]]["errors"].get(row["error"]), row["count"], f"errors {row}")


@test(seconds=120)
def locks_are_those_of_the_report(scene):
    trace = record_demo(scene)
    found = {(row["pid"], row["address"]): row for row in ask(scene, trace, "select * from locks")}
    truth = trace.report("locks")["locks"]
    equal(sum(row["count"] for row in found.values()), sum(row["count"] for row in truth), "waits")
    mutexes = [row for row in truth if row["kind"] == "mutex"]
    check(mutexes, "no mutex in the report")
    for row in mutexes:
        lock = found[row["pid"], row["address"]]
        for key in ("symbol", "count", "total_ns", "longest_ns", "waiters", "scheduler_wait_ns"):
            equal(lock[key], row[key], f"{key} of {row['address']}")


@test(seconds=120)
def wakers_and_stacks_are_those_of_the_reports(scene):
    trace = record_demo(scene)
    found = ask(scene, trace, """
        select waker, waker_context, count(*) as count, sum(ns) as ns from waits
        where not cut_end and kind = 'sync' group by 1, 2""")
    truth = {}
    for row in trace.report("waits")["waits"]:
        check(len(row["wakers"]) <= 5, "more wakers than five")
        for waker in row["wakers"] if row["kind"] == "sync" else ():
            key = waker["name"], waker["context"]
            before = truth.get(key, (0, 0))
            truth[key] = before[0] + waker["count"], before[1] + waker["ns"]
    for row in found:
        key = row["waker"], row["waker_context"]
        if key in truth:  # each row of the report tells five
            check(row["count"] >= truth[key][0] and row["ns"] >= truth[key][1],
                  f"wakings by {key}: {row}, in truth {truth[key]}")
    check(set(truth) <= {(row["waker"], row["waker_context"]) for row in found}, f"wakers: {truth}")

    found = ask(scene, trace, """
        select w.kind, w.syscall, s.folded as stack, count(*) as count, sum(w.ns) as total_ns
        from waits w join stacks s on s.stack_id = w.user_stack group by 1, 2, 3 union all
        select 'cpu', null, s.folded, count(*), sum(p.ns)
        from samples p join stacks s on s.stack_id = p.user_stack group by 1, 2, 3""")
    sums = {}
    for row in trace.report("stacks")["stacks"]:
        if row["kind"] == "sched" or not row["user"]:
            continue
        names = [frame["function"] for frame in reversed(row["user"])]
        if None in names:
            continue
        key = row["kind"], row["syscall"], ";".join(name.replace(";", ":") for name in names)
        before = sums.get(key, (0, 0))
        sums[key] = before[0] + row["count"], before[1] + row["total_ns"]
    check(sums, "the report has no stacks")
    found = {(row["kind"], row["syscall"], row["stack"]): (row["count"], row["total_ns"])
             for row in found}
    for key, truth in sums.items():
        equal(found.get(key), truth, f"time at {key}")


@test
def tasks_regions_and_logs_are_those_of_the_reports(scene):
    trace, _truth = scene.record_command("annotate")
    found = ask(scene, trace, """
        select name as task, count(*) as count, sum(not whole) as incomplete,
               sum(ns) filter (where whole) as total_ns, max(ns) filter (where whole) as longest_ns,
               percentile(iif(whole, ns, null), 99) as p99_ns
        from tasks group by name""")
    states = ask(scene, trace, """
        select t.name as task, sum(s.ns) as observed_ns,
               coalesce(sum(s.ns) filter (where state = 'running'), 0) as execution_ns,
               coalesce(sum(s.ns) filter (where state = 'runnable'), 0) as scheduler_wait_ns,
               coalesce(sum(s.ns) filter (where kind = 'sleep'), 0) as sleep_ns
        from states s join tasks t on t.task_id = s.task_id where t.whole group by t.name""")
    truth = {row["task"]: row for row in trace.report("tasks")["tasks"]}
    equal({row["task"] for row in found}, set(truth), "tasks")
    for row in found:
        equal({**row, "total_ns": row["total_ns"] or None},
              {key: truth[row["task"]][key] for key in row}, f"task {row['task']}")
    check(states, "nobody worked for a task")
    for row in states:
        slept = row.pop("sleep_ns")
        equal(row, {key: truth[row["task"]][key] for key in row}, f"states of {row['task']}")
        equal(slept, truth[row["task"]]["waits"]["sleep"]["ns"], f"sleep of {row['task']}")
    found = ask(scene, trace, """
        select name as region, count(*) as count, sum(ns) as total_ns, max(ns) as longest_ns
        from regions where not cut_begin and not cut_end group by name""")
    truth = {row["region"]: row for row in trace.report("regions")["regions"]}
    check(found, "no regions")
    for row in found:
        equal(row, {key: truth[row["region"]][key] for key in row}, f"region {row['region']}")
    found = ask(scene, trace, "select time_ns, pid, tid, thread, task, task_id, category, text "
                              "from logs order by time_ns")
    truth = [{key: row[key] for key in found[0]} for row in trace.report("logs")["logs"]]
    equal(found, sorted(truth, key=lambda row: row["time_ns"]), "logs")


def documented():
    """The queries of SQL.md."""
    found = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(), re.S)
    check(len(found) > 10, "SQL.md has no queries")
    return found


@test(seconds=180)
def what_is_documented_runs(scene):
    trace = record_demo(scene, "-F", "99")
    done = scene.tracer("-q", "-o", scene.path("notes.trace"), "--", WORKLOADS / "annotate")
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    notes = scene.trace(scene.path("notes.trace"))
    empty = 0
    for query in documented():
        rows = ask(scene, trace, query)
        more = ask(scene, notes, query)
        empty += not (rows or more)
    check(empty <= 1, f"{empty} documented queries find nothing")
    text = DOCUMENT.read_text()
    schema = scene.tracer("sql", "--schema").stdout
    tables = re.findall(r"^CREATE (?:TABLE|VIEW) (\w+)", schema, re.M)
    check(len(tables) >= 14, f"tables: {tables}")
    for table in tables:
        check(f"`{table}`" in text, f"SQL.md does not tell of {table}")
        equal(ask(scene, trace, f"select count(*) as n from {table} limit 1")[0]["n"] >= 0, True,
              table)


@test(seconds=180)
def sqlite3_reads_the_database(scene):
    need("sqlite3")
    trace = record_demo(scene)
    path = exported(scene, trace, "sqlite", "demo.db")

    def sqlite3(query):
        done = subprocess.run(["sqlite3", "-json", path, query], capture_output=True, text=True,
                              check=False)
        equal((done.returncode, done.stderr), (0, ""), f"sqlite3 {query}")
        return json.loads(done.stdout or "[]")

    equal(sqlite3("pragma integrity_check"), [{"integrity_check": "ok"}], "integrity")
    judge_threads(trace, sqlite3(THREADS), sqlite3(KINDS))
    equal(sqlite3("select * from recording"), ask(scene, trace, "select * from recording"),
          "the recording")
    equal(sqlite3("select * from frames limit 1000"),
          ask(scene, trace, "select * from frames limit 1000"), "frames")
    for query in documented():
        if "percentile(" not in query and "duration(" not in query:
            sqlite3(query)
    piped = subprocess.run(f"'{TRACER}' export sqlite - -o - <'{trace.path}'", shell=True,
                           capture_output=True, check=False)
    equal(piped.returncode, 0, f"exit status of the pipe ({piped.stderr})")
    equal(piped.stdout, pathlib.Path(path).read_bytes(), "the database out of a pipe")
    full = scene.tracer("export", "sqlite", trace.path, "-o", "/dev/full")
    equal(full.returncode, 1, "exit status on a full disk")


@test(seconds=180)
def jq_reads_the_lines(scene):
    need("jq")
    trace = record_demo(scene)
    path = exported(scene, trace, "ndjson", "demo.ndjson")
    program = """
        reduce inputs as $r ({}; if $r.table == "states"
            then .[$r.tid | tostring][$r.state + ($r.kind // "")] += $r.ns else . end)"""
    done = subprocess.run(["jq", "-n", "-c", program, path], capture_output=True, text=True,
                          check=False)
    equal((done.returncode, done.stderr), (0, ""), "jq")
    sums = json.loads(done.stdout)
    for row in trace.threads():
        if not row["observed_ns"]:
            continue
        found = sums[str(row["tid"])]
        equal(found.pop("running", 0), row["execution_ns"], f"execution of {row['tid']}")
        equal(found.pop("runnable", 0), row["scheduler_wait_ns"], f"sched of {row['tid']}")
        equal({key[len("blocked"):]: ns for key, ns in found.items() if key != "unknown"},
              {kind: wait["ns"] for kind, wait in row["waits"].items()}, f"waits of {row['tid']}")
    # every field of every line is in the schema, with its type
    schema = scene.tracer("export", "ndjson", "--schema").stdout
    types, table = {}, None
    for line in schema.splitlines():
        head = re.match(r'"table": "(\w+)"', line)
        field = re.match(r"    (\w+) +(integer|number|string)", line)
        table = head.group(1) if head else table
        if field:
            types[table, field.group(1)] = {"integer": int, "string": str,
                                            "number": (int, float)}[field.group(2)]
    first = None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            first = first or row
            for key, value in row.items():
                check(key == "table" or isinstance(value, types[row["table"], key]),
                      f"{key} of {line}")
    equal((first["table"], first["lower_bound"]), ("recording", 0), "the first line")


@test
def csv_and_tables_are_the_same_rows(scene):
    trace, _truth = scene.record_command("mutex_pair")
    query = "select thread, kind, 'a \"b\", c' as text, null as none, ns from waits order by ns"
    rows = ask(scene, trace, query)
    done = scene.tracer("sql", trace.path, query, "--csv")
    found = list(csv.reader(io.StringIO(done.stdout)))
    equal(found[0], list(rows[0]), "head of CSV")
    equal(found[1:], [["" if value is None else str(value) for value in row.values()]
                      for row in rows], "rows of CSV")
    table = scene.tracer("sql", trace.path, query).stdout.splitlines()
    equal(len(table), len(rows) + 1, "lines of a table")
    equal(table[0].split(), list(rows[0]), "head of a table")
    equal([line.split()[-1] for line in table[1:]], [str(row["ns"]) for row in rows], "column ns")


@test
def a_trace_comes_from_a_pipe_and_queries_too(scene):
    trace, _truth = scene.record_command("mutex_pair")
    count = ask(scene, trace, "select count(*) as n from states")[0]["n"]
    piped = subprocess.run([TRACER, "sql", "-", "select count(*) from states", "--csv"],
                           stdin=open(trace.path, "rb"), capture_output=True, text=True,
                           check=False)
    equal((piped.returncode, piped.stdout.split()), (0, ["count(*)", str(count)]), "from a pipe")
    lines = ".mode csv\nselect count(*)\nfrom states;\n\n.schema waits\nselect 7"
    done = subprocess.run([TRACER, "sql", trace.path], input=lines, capture_output=True, text=True,
                          check=False)
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    check(str(count) in done.stdout and "CREATE VIEW waits" in done.stdout, done.stdout)
    check(done.stdout.endswith("7\n"), f"the last query: {done.stdout!r}")
    wrong = subprocess.run([TRACER, "sql", trace.path], input="select 1;\nselect nothing;\nselect 2;",
                           capture_output=True, text=True, check=False)
    equal(wrong.returncode, 2, "exit status of a wrong query")
    check("nothing" in wrong.stderr and "2" not in wrong.stdout, f"{wrong}")


@test
def a_query_cannot_do_harm(scene):
    trace, _truth = scene.record_command("mutex_pair")
    before = sorted(os.listdir(scene.dir))
    for query in ("attach 'x.db' as x", "vacuum into 'x.db'", "select load_extension('x')",
                  "create table x (y)", "insert into states values (1)",
                  "pragma temp_store_directory = '.'", "select writefile('x', 'y')",
                  "detach main", "drop table states"):
        done = scene.tracer("sql", trace.path, query, "--json")
        equal(done.returncode, 2, f"exit status of {query}")
        check(done.stderr.startswith("tracer: "), f"{query}: {done.stderr}")
        equal(sorted(os.listdir(scene.dir)), before, f"files after {query}")
    much = scene.tracer("sql", trace.path, "with recursive r(x) as (select 1 union all select x + 1 "
                        "from r) select count(*) from (select x, randomblob(60000000) y from r "
                        "limit 50) group by y")
    check(much.returncode in (0, 1, 2) and "Traceback" not in much.stderr, f"{much}")
    for words in (("sql",), ("sql", trace.path, "select 1", "select 2"), ("sql", "-"),
                  ("sql", trace.path, "select 1", "--json", "--csv")):
        equal(scene.tracer(*words).returncode, 2, f"exit status of {words}")
    equal(scene.tracer("sql", "/etc/passwd", "select 1").returncode, 1, "what is no trace")


ENDLESS = "select count(*) from states a, states b, states c, states d"


@test
def ctrl_c_ends_a_query(scene):
    trace = record_demo(scene)
    for query in (ENDLESS, "with recursive r(x) as (select 1 union all select x + 1 from r) "
                           "select count(*) from r"):
        process = scene.process(TRACER, "sql", trace.path, query, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        time.sleep(1)
        check(process.alive(), "an endless query has ended")
        process.signal(signal.SIGINT)
        equal(process.wait(5), 1, "exit status after Ctrl-C")
        check(b"interrupted" in process.popen.stderr.read(), "it does not say why")


@test
def the_prompt_goes_on_after_an_error(scene):
    trace, _truth = scene.record_command("mutex_pair")
    main, other = os.openpty()
    process = scene.process(TRACER, "sql", trace.path, stdin=other, stdout=other, stderr=other)
    os.close(other)
    shown = b""

    def until(text):
        nonlocal shown
        end = time.monotonic() + 20
        while text not in shown and time.monotonic() < end:
            shown += os.read(main, 65536)
        check(text in shown, f"the prompt shows {shown!r}, not {text!r}")
        shown = shown.split(text, 1)[1]

    until(b"tracer> ")
    os.write(main, b"select missing from states;\n")
    until(b"no such column")
    until(b"tracer> ")
    os.write(main, b"select 40 +\n")
    until(b"...> ")
    os.write(main, b"2 as n;\n")
    until(b"42")
    until(b"tracer> ")
    os.write(main, b".tables\n")
    until(b"wakeups")
    until(b"tracer> ")
    os.write(main, (ENDLESS.replace("states d", "states d, states e") + ";\n").encode())
    time.sleep(1)
    process.signal(signal.SIGINT)
    until(b"interrupted")
    until(b"tracer> ")
    os.write(main, b".quit\n")
    equal(process.wait(10), 0, "exit status")
    os.close(main)


@test
def what_is_damaged_says_so(scene):
    trace = record_demo(scene)
    whole = pathlib.Path(trace.path).read_bytes()
    cut = scene.path("cut.trace")
    pathlib.Path(cut).write_bytes(whole[: len(whole) * 2 // 3])
    row = ask(scene, scene.trace(cut), "select damaged, lower_bound from recording")[0]
    equal(row, {"damaged": 1, "lower_bound": 1}, "a trace that is cut")
    done = scene.tracer("sql", cut, "select count(*) from states")
    check("damaged" in done.stderr, f"nothing is said of the damage: {done.stderr}")
    path = exported(scene, scene.trace(cut), "ndjson", "cut.ndjson")
    with open(path, encoding="utf-8") as lines:
        equal(json.loads(next(lines))["damaged"], 1, "damaged, in the first line")
