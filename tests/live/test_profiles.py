# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_profiles - profiles for go tool pprof, and flame graphs: the same numbers as in reports"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import urllib.request
import xml.dom.minidom

from harness import TRACER, WORKLOADS
from judge import Skipped, check, equal, near, need, test
from profiles import GO, Profile, go_tool_pprof, profile_of
from traces import KINDS, thread_truth, wait_of

# Which kinds of waits a profile is made of
OF = {
    "net": ("network",),
    "sync": ("sync",),
    "syscall": ("disk", "pipe", "other"),
    "wait": KINDS,
    "poll": ("poll",),
    "sleep": ("sleep",),
}


def record_demo(scene, seconds=2, options=()):
    path = scene.path("demo.trace")
    done = scene.tracer("-o", path, *options, "--", WORKLOADS / "demo_server", "--seconds",
                        seconds, "--dir", scene.dir)
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    return scene.trace(path)


def reported(trace, kinds, *filters):
    """Count and ns of the waits of these kinds, as the report threads has them."""
    waits = [wait_of(row, kind) for row in trace.threads(*filters) for kind in kinds]
    return sum(wait["count"] for wait in waits), sum(wait["ns"] for wait in waits)


# Numbers


@test(seconds=120)
def the_sums_of_profiles_are_those_of_the_report(scene):
    need(GO)
    trace = record_demo(scene)
    for kind, kinds in OF.items():
        profile = profile_of(scene, trace, kind)
        equal(profile.types, ["contentions/count", "delay/nanoseconds[dflt]"], "sample types")
        equal(profile.sums(), reported(trace, kinds), f"count and ns of the profile {kind}")
    check(profile_of(scene, trace, "wait").sums()[0] > 1000, "the demo hardly waits")
    sched = profile_of(scene, trace, "sched").sums()
    equal(sched[1], sum(row["scheduler_wait_ns"] for row in trace.threads()), "scheduler wait")


@test(seconds=120)
def the_sums_of_each_thread_and_kind_are_those_of_the_report(scene):
    need(GO)
    trace = record_demo(scene)
    profile = profile_of(scene, trace, "wait")
    threads = trace.threads()
    check(len(threads) >= 8, "the demo has few threads")
    for row in threads:
        for kind in KINDS:
            wait = wait_of(row, kind)
            equal(profile.sums(tid=str(row["tid"]), kind=kind), (wait["count"], wait["ns"]),
                  f"{kind} of thread {row['tid']} ({row['name']})")
    rows = {}
    for sample in profile.samples:
        key = (sample.labels["kind"], sample.labels.get("syscall"))
        rows[key] = rows.get(key, 0) + sample.ns
    for row in trace.waits():
        key = (row["kind"], row["syscall"])
        rows[key] = rows.get(key, 0) - row["total_ns"]
    equal({key: ns for key, ns in rows.items() if ns}, {}, "differences to report waits")


@test(seconds=120)
def filters_are_those_of_the_report(scene):
    need(GO)
    trace = record_demo(scene)
    for filters in (("--name", "http-worker*"), ("--from", "500ms", "--to", "1200ms"),
                    ("--tid", str(trace.threads()[0]["tid"]))):
        profile = profile_of(scene, trace, "wait", *filters)
        equal(profile.sums(), reported(trace, KINDS, *filters), f"the sums with {filters}")
        check(0 < profile.sums()[0] < profile_of(scene, trace, "wait").sums()[0],
              f"{filters} chooses nothing, or all")


# Stacks and names


@test
def a_profile_names_function_kind_lock_and_time(scene):
    need(GO)
    trace, truth = scene.record_command("mutex_pair")
    profile = profile_of(scene, trace, "wait")
    behind = profile_of(scene, trace, "sched")
    for name in ("ping", "pong"):
        thread = thread_truth(truth, name)
        # the program's own clock goes on while it waits for a CPU behind its waits
        queued = behind.ns_through("holder", thread=name)
        locked = profile.ns_through("holder", thread=name, lock="mutex")
        slept = profile.ns_through("holder", thread=name, kind="sleep")
        calls = {call: thread["calls"][call]["ns"] for call in ("lock", "hold", "pause")}
        near(locked, calls["lock"], f"sync of {name} below holder()", slack=queued)
        near(slept, calls["hold"] + calls["pause"], f"sleep of {name} below holder()",
             slack=queued)
        near(locked + slept + queued, sum(calls.values()), f"all of {name} below holder()")
    locked = [s for s in profile.samples if s.labels.get("lock") == "mutex"]
    check(locked, "no wait is labelled with the lock 'mutex'")
    for sample in locked:
        equal(sample.labels["process"], "mutex_pair", "process of a wait for the lock")
        check(sample.labels["waker"] in ("ping", "pong"), f"woken by {sample.labels['waker']}")
    # kernel below the C library below the program
    deep = max(locked, key=lambda sample: sample.ns)
    check(deep.frames.index("holder") > deep.frames.index("do_futex"),
          f"order of the frames: {deep.frames}")
    check("/mutex_pair" in profile.mappings[0], f"the first mapping: {profile.mappings}")
    check(re.search(r"mutex_pair [0-9a-f]{16,}", profile.mappings[0]),
          f"no build id: {profile.mappings[0]}")
    check(any("[kernel.kallsyms]" in line for line in profile.mappings), "no kernel mapping")
    for place in profile.names.values():
        check(not re.fullmatch(r"(0x)?[0-9a-f]+", place), f"a bare number: {place}")


@test
def lines_are_those_of_the_source(scene):
    need(GO)
    trace, _truth = scene.record_command("mutex_pair")
    profile = profile_of(scene, trace, "sync", "--lines")
    source = pathlib.Path(__file__).parents[1] / "workloads" / "mutex_pair.c"
    lines = source.read_text().splitlines()
    found = {profile.lines[n] for n, name in profile.names.items() if name == "holder"}
    check(found, "holder() is not in the profile")
    for place in found:
        path, line = place.rsplit(":", 1)
        check(path.endswith("mutex_pair.c"), f"the file of holder(): {place}")
        check("pthread_" in lines[int(line) - 1],
              f"{place} is not the call that waits: {lines[int(line) - 1]!r}")


@test
def short_waits_are_there_without_a_stack(scene):
    need(GO)
    trace, _truth = scene.record_command("mutex_pair", options=("--stack-min", "10s"))
    profile = profile_of(scene, trace, "wait")
    equal(profile.sums(), reported(trace, KINDS), "count and ns")
    equal({name for s in profile.samples for name in s.frames},
          {"[no stack: wait shorter than 10s]"}, "frames")


@test
def without_stacks_the_profile_says_so(scene):
    need(GO)
    trace, _truth = scene.record_command("mutex_pair", options=("-e", "sched,syscall,futex"))
    path = scene.path("bare.pb.gz")
    done = scene.tracer("pprof", "wait", trace.path, "-o", path)
    check("no stacks were recorded" in done.stdout, f"nothing is said of stacks: {done.stdout}")
    profile = Profile(go_tool_pprof(scene, "-raw", path))
    equal(profile.sums(), reported(trace, KINDS), "count and ns")
    equal({name for s in profile.samples for name in s.frames}, {"[no stack]"}, "frames")


# The real tools


@test
def go_tool_pprof_shows_top_traces_and_tags(scene):
    need(GO)
    trace, _truth = scene.record_command("mutex_pair")
    path = scene.path("wait.pb.gz")
    equal(scene.tracer("pprof", "wait", trace.path, "-o", path).returncode, 0, "exit status")
    top = go_tool_pprof(scene, "-top", path)
    check("Type: delay" in top and "% of" in top, f"-top: {top[:500]}")
    check("holder" in top, f"holder() is not in -top: {top}")
    check("losses: none" in top, f"-top does not tell the comments: {top[:500]}")
    check("start_thread" in go_tool_pprof(scene, "-traces", path), "-traces has no threads")
    tags = go_tool_pprof(scene, "-tags", path)
    for tag in ("kind:", "thread:", "waker:", "lock:", "tid:"):
        check(tag in tags, f"-tags without {tag}\n{tags}")
    only = go_tool_pprof(scene, "-top", "-tagfocus", "kind=sleep", path)
    check("clock_nanosleep" in only and "pthread_mutex_lock" not in only, f"-tagfocus: {only}")


@test
def go_tool_pprof_serves_it_to_a_browser(scene):
    need(GO)
    trace, _truth = scene.record_command("mutex_pair")
    path = scene.path("wait.pb.gz")
    equal(scene.tracer("pprof", "wait", trace.path, "-o", path).returncode, 0, "exit status")
    server = scene.process(GO, "tool", "pprof", "-no_browser", "-http", "127.0.0.1:16062", path,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    page = b""
    for _again in range(100):
        try:
            with urllib.request.urlopen("http://127.0.0.1:16062/ui/flamegraph") as answer:
                page = answer.read()
            break
        except OSError:
            check(server.alive(), "go tool pprof -http has ended")
            time.sleep(0.1)
    check(b"holder" in page, "the page does not show holder()")


# Files


@test
def a_profile_has_a_name_of_its_own_and_replaces_nothing(scene):
    trace, _truth = scene.record_command("mutex_pair")
    done = scene.tracer("pprof", "sync", trace.path)
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    check(os.path.exists(scene.path("recorded.sync.pb.gz")), f"no file: {os.listdir(scene.dir)}")
    check("recorded.sync.pb.gz" in done.stdout, f"the name is not told: {done.stdout}")
    again = scene.tracer("pprof", "sync", trace.path)
    equal(again.returncode, 1, "exit status when the file is there")
    check("-o" in again.stderr, f"no advice: {again.stderr}")
    equal(scene.tracer("pprof", "sync", trace.path, "-o", "recorded.sync.pb.gz").returncode, 0,
          "exit status with -o")
    # by pipes, in and out, the same bytes
    piped = subprocess.run(f"'{TRACER}' pprof sync - -o - <'{trace.path}'", shell=True,
                           capture_output=True, check=False)
    equal(piped.returncode, 0, f"exit status of the pipe ({piped.stderr})")
    equal(piped.stdout, pathlib.Path(scene.path("recorded.sync.pb.gz")).read_bytes(),
          "the profile out of a pipe")
    full = scene.tracer("pprof", "sync", trace.path, "-o", "/dev/full")
    equal(full.returncode, 1, "exit status on a full disk")
    check("No space" in full.stderr, f"the reason is not told: {full.stderr}")


@test
def what_cannot_be_made_is_told(scene):
    trace, _truth = scene.record_command("mutex_pair", options=("-e", "sched,syscall,futex"))
    for args, status, words in (
            (("pprof", "cpu", trace.path), 1, "no CPU samples"),
            (("pprof", "nothing", trace.path), 2, "net, sync"),
            (("pprof", "sync"), 2, "tracer pprof"),
            (("pprof", "sync", "/etc/passwd"), 1, "passwd"),
            (("flame", trace.path, "--kind", "nothing"), 2, "net, sync"),
            (("flame", trace.path, "more"), 2, "one trace"),
            (("flame",), 2, "which trace"),
            (("pprof", "sync", trace.path, "--from", "1h"), 2, "--from")):
        done = scene.tracer(*args)
        equal(done.returncode, status, f"exit status of {args} ({done.stderr})")
        check(words in done.stderr, f"{args} says: {done.stderr}")
    equal([name for name in os.listdir(scene.dir) if "pb.gz" in name or "svg" in name], [],
          "files that were left")


# Flame graphs


def boxes(svg):
    """The boxes of a flame graph: name, ns, kind, x, width, y."""
    found = []
    flames = [g for g in svg.getElementsByTagName("g") if g.getAttribute("id") == "flames"][0]
    for group in flames.getElementsByTagName("g"):
        title = group.getElementsByTagName("title")[0].firstChild.data.split("\n")
        rect = group.getElementsByTagName("rect")[0]
        ns = int(re.search(r"\(([\d,]+) ns\)", title[1]).group(1).replace(",", ""))
        found.append((title[0], ns, rect.getAttribute("class"), float(rect.getAttribute("x")),
                      float(rect.getAttribute("width")), int(rect.getAttribute("y"))))
    return found


@test(seconds=120)
def a_flame_graph_has_the_sums_of_the_report(scene):
    trace = record_demo(scene)
    path = scene.path("demo.svg")
    for kind in ("wait", "sync"):
        done = scene.tracer("flame", trace.path, "--kind", kind, "-o", path)
        equal(done.returncode, 0, f"exit status ({done.stderr})")
        found = boxes(xml.dom.minidom.parse(path))
        equal((found[0][0], found[0][1]), ("all", reported(trace, OF[kind])[1]), "the root")
        for name, ns, _colour, _x, width, _y in found:
            near(width, 1200 * ns / found[0][1], f"width of {name}", share=0, slack=0.02)
        rows = {}
        for _name, ns, _colour, _x, _width, y in found:
            rows[y] = rows.get(y, 0) + ns
        check(max(rows.values()) == found[0][1], "a row is longer than the root")
    check(all(colour == "sync" for _n, _ns, colour, *_rest in found), "colours of sync")
    text = pathlib.Path(path).read_text()
    addresses = set(re.findall(r"https?://[^\"' ]+", text))
    equal(addresses, {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"},
          "what the graph refers to")
    check(len(text) < 4_000_000, f"{len(text)} bytes")


PLAY = """<script><![CDATA[
const out = {}, q = s => document.querySelector(s), all = s => document.querySelectorAll(s);
const group = name => Array.from(all("#flames > g")).find(
    g => g.querySelector("title").textContent.split("\\n")[0] === name);
const width = g => +g.querySelector("rect").getAttribute("width");
const click = g => g.dispatchEvent(new MouseEvent("click", { bubbles: true }));
const type = text => {
    q("#search").value = text;
    q("#search").dispatchEvent(new Event("input", { bubbles: true }));
};
type("HOLDER");
out.hits = all("#flames .hit").length;
out.found = q("#found").textContent;
const before = width(group("holder"));
click(group("holder"));
out.zoomed = width(group("holder")) > before && width(group("holder")) >= 1199.9;
out.above = group("all").classList.contains("above");
out.hidden = group("main").style.display;
group("holder").dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
out.detail = q("#detail").textContent;
document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
out.back = width(group("holder")) === before && group("main").style.display === "";
out.cleared = all("#flames .hit").length;
click(group("holder"));
q("#reset").dispatchEvent(new MouseEvent("click", { bubbles: true }));
out.reset = width(group("holder")) === before;
document.documentElement.setAttribute("data-played", JSON.stringify(out));
]]></script></svg>"""


@test
def a_browser_zooms_and_searches_a_flame_graph(scene):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        raise Skipped("no chromium is installed")
    trace, _truth = scene.record_command("mutex_pair")
    path = scene.path("wait.svg")
    equal(scene.tracer("flame", trace.path, "-o", path).returncode, 0, "exit status")
    played = scene.path("played.svg")
    text = pathlib.Path(path).read_text()
    pathlib.Path(played).write_text(text.replace("</svg>", PLAY))
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu",
                           f"--user-data-dir={scene.path('browser')}", "--dump-dom",
                           f"file://{played}"],
                          capture_output=True, text=True, errors="replace", timeout=50,
                          check=False, env={**os.environ, "HOME": scene.dir})
    document = xml.dom.minidom.parseString(re.sub(r"^.*?<svg", "<svg", done.stdout, flags=re.S))

    out = json.loads(document.documentElement.getAttribute("data-played") or "{}")
    check(out, f"the script did not run: {done.stdout[:500]} {done.stderr[-500:]}")
    equal((out["hits"], out["zoomed"], out["above"], out["hidden"], out["back"], out["cleared"],
           out["reset"]), (1, True, True, "none", True, 0, True), "what the browser did")
    check(re.fullmatch(r"\d+\.\d % in 1 frames", out["found"]), f"search: {out['found']}")
    check(out["detail"].startswith("holder ") and " ns)" in out["detail"],
          f"details: {out['detail']}")
