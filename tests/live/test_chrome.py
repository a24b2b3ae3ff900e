# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_chrome - JSON trace events as a browser's own JSON.parse() reads them: the numbers are those of the reports"""

import gzip
import json
import os
import pathlib
import shutil
import subprocess

from harness import WORKLOADS
from judge import Skipped, check, equal, near, test

# What is asked of the events; the same text runs in Chromium and in node.
ASK = """
function ask(text) {
    const trace = JSON.parse(text), sums = {}, names = {}, out = { sums, names };
    const ns = us => Math.round(us * 1000);
    const last = {};
    out.order = out.overlaps = out.frames = out.flows = 0;
    const open = {};
    for (const e of trace.traceEvents) {
        if (e.ph === "M" && e.name === "thread_name")
            names[e.pid + "/" + e.tid] = e.args.name;
        if (e.sf !== undefined && !trace.stackFrames[e.sf])
            out.frames++;
        if (e.ph === "s")
            open[e.id] = e;
        if (e.ph === "f")
            out.flows += open[e.id] !== undefined && open[e.id].ts === e.ts ? 1 : 0;
        if (e.ph !== "X")
            continue;
        const at = e.pid + "/" + e.tid, key = e.cat === "blocked" ? e.name : e.cat;
        sums[at] = sums[at] || {};
        sums[at][key] = (sums[at][key] || 0) + ns(e.dur);
        if (e.cat === "running" || e.cat === "runnable" || e.cat === "blocked") {
            out.order += last[at] !== undefined && ns(e.ts) !== last[at] ? 1 : 0;
            last[at] = ns(e.ts) + ns(e.dur);
        }
    }
    out.starts = Object.keys(open).length;
    out.other = trace.otherData;
    return out;
}
"""


def with_node(scene, path):
    node = shutil.which("node") or shutil.which("nodejs")
    if not node:
        return None
    script = scene.path("ask.js")
    pathlib.Path(script).write_text(ASK + """
        console.log(JSON.stringify(ask(require("fs").readFileSync(process.argv[2], "utf8"))));""")
    done = subprocess.run([node, script, path], capture_output=True, text=True, timeout=50,
                          check=False)
    equal((done.returncode, done.stderr), (0, ""), "node")
    return json.loads(done.stdout)


def with_chromium(scene, path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        return None
    page = scene.path("page.html")
    text = pathlib.Path(path).read_text().replace("<", "\\u003c")
    pathlib.Path(page).write_text(f"""<!doctype html><body>
        <script type="application/json" id="trace">{text}</script>
        <script>{ASK}
        document.body.setAttribute("data-found",
            encodeURIComponent(JSON.stringify(ask(document.getElementById("trace").textContent))));
        document.getElementById("trace").textContent = "";
        </script></body>""")
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu",
                           f"--user-data-dir={scene.path('browser')}", "--dump-dom",
                           f"file://{page}"], capture_output=True, text=True, errors="replace",
                          timeout=100, check=False, env={**os.environ, "HOME": scene.dir})
    from urllib.parse import unquote
    found = done.stdout.partition('data-found="')[2].partition('"')[0]
    check(found, f"the page did not run: {done.stdout[:300]} {done.stderr[-300:]}")
    return json.loads(unquote(found))


def record_demo(scene):
    path = scene.path("demo.trace")
    done = scene.tracer("-q", "-o", path, "--", WORKLOADS / "demo_server", "--seconds", 1, "--dir",
                        scene.dir)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    return scene.trace(path)


def judge(trace, found):
    """What a parser found in the events is what the reports say."""
    equal((found["order"], found["frames"]), (0, 0), "gaps between states, frames that are missing")
    check(found["flows"] and found["flows"] == found["starts"], f"flows: {found['flows']}, "
                                                                f"begun: {found['starts']}")
    equal(found["other"]["lower_bound"], 0, "lower_bound")
    calls, cpus = 0, 0
    for row in trace.threads():
        at = f"{row['pid']}/{row['tid']}"
        if not row["observed_ns"]:
            continue
        equal(found["names"][at], row["name"], f"name of {at}")
        sums = found["sums"][at]
        equal(sums.pop("running", 0), row["execution_ns"], f"execution of {at}")
        equal(sums.pop("runnable", 0), row["scheduler_wait_ns"], f"scheduler wait of {at}")
        equal({kind: ns for kind, ns in sums.items() if kind != "unknown"},
              {kind: wait["ns"] for kind, wait in row["waits"].items()}, f"waits of {at}")
        calls += found["sums"].get(f"{row['pid']}/{row['tid'] + (1 << 31)}", {}).get("syscall", 0)
    equal(calls, sum(row["total_ns"] for row in trace.report("syscalls")["syscalls"]),
          "time of system calls")
    cpus = sum(sums.get("cpu", 0) for at, sums in found["sums"].items() if at.startswith("0/"))
    equal(cpus, sum(row["execution_ns"] for row in trace.threads()), "time of all CPUs")


@test(seconds=180)
def a_browser_parses_what_the_reports_say(scene):
    trace = record_demo(scene)
    path = scene.path("demo.json")
    done = scene.tracer("export", "chrome", trace.path, "-o", path)
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    parsers = [found for found in (with_node(scene, path), with_chromium(scene, path)) if found]
    for found in parsers:
        judge(trace, found)
    if not parsers:
        raise Skipped("neither chromium nor node is installed")


@test(seconds=120)
def what_is_announced_is_there(scene):
    path = scene.path("notes.trace")
    done = scene.tracer("-q", "-o", path, "--", WORKLOADS / "annotate")
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    done = scene.tracer("export", "chrome", path, "-o", scene.path("notes.json.gz"))
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    plain = scene.tracer("export", "chrome", path, "-o", "-")
    packed = gzip.decompress(pathlib.Path(scene.path("notes.json.gz")).read_bytes()).decode()
    equal(packed, plain.stdout, "the compressed file")
    events = json.loads(plain.stdout)["traceEvents"]
    asked = scene.tracer("sql", path, """
        select 'task' as cat, name, sum(end_ns - begin_ns) as ns, count(*) as n from tasks
        where end_ns is not null group by name union all
        select 'region', name, sum(ns), count(*) from regions group by name""", "--json")
    for row in json.loads(asked.stdout)["rows"]:
        if row["cat"] == "region":
            found = [round(e["dur"] * 1000) for e in events
                     if e.get("cat") == "region" and e["name"] == row["name"]]
        else:
            ends = {e["id"]: e["ts"] for e in events if e.get("cat") == "task" and e["ph"] == "e"}
            found = [round((ends[e["id"]] - e["ts"]) * 1000) for e in events
                     if e.get("cat") == "task" and e["ph"] == "b" and e["name"] == row["name"]]
            check(len(found) >= row["n"], f"tasks {row}: {found}")
            if len(found) != row["n"]:
                continue  # those that did not end last until the recording does
        equal(len(found), row["n"], f"how many: {row}")
        near(sum(found), row["ns"], f"time of {row}", share=0, slack=len(found))
    logs = json.loads(scene.tracer("sql", path, "select text, category from logs order by time_ns",
                                   "--json").stdout)["rows"]
    equal([(e["name"], e["args"]["category"]) for e in events if e.get("cat") == "log"],
          [(row["text"], row["category"]) for row in logs], "logs")
    check(logs, "no logs")
    counters = json.loads(scene.tracer("sql", path, "select name, value from counters order by "
                                       "time_ns", "--json").stdout)["rows"]
    equal([(e["name"], e["args"]["value"]) for e in events if e["ph"] == "C"],
          [(row["name"], row["value"]) for row in counters], "counters")
