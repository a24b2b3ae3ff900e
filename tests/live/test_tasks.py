# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_tasks - reports of tasks, regions and logs tell what five workers measured themselves"""

import json
import subprocess

from harness import TRACER
from judge import MS, US, check, equal, near, need, test
from profiles import GO, profile_of

REGIONS = ("fetch", "transform", "save")


def report(scene, trace, kind, *options):
    done = scene.tracer("report", kind, "--json", *options, trace.path)
    equal(done.returncode, 0, f"exit status of report {kind} ({done.stderr.strip()})")
    return json.loads(done.stdout)


def times(row):
    """Where the time of a row went: execution, scheduler wait, and ns by wait kind."""
    waits = {kind: wait["ns"] if isinstance(wait, dict) else wait
             for kind, wait in row["waits"].items()}
    return {"execution": row["execution_ns"], "sched": row["scheduler_wait_ns"], **waits}


def add_up(rows):
    total = {}
    for row in rows:
        for key, ns in times(row).items():
            total[key] = total.get(key, 0) + ns
    return {key: ns for key, ns in total.items() if ns}


def is_row_of_checkouts(row, truth):
    """Count, percentiles and sums of the tasks are those that the workers measured."""
    took = sorted(step["task_ns"] for step in truth["steps"])
    equal(row["count"], len(took), "checkouts")
    equal(row["incomplete"], 0, "incomplete ones")
    near(row["total_ns"], sum(took), "time in checkouts", 0.02, len(took) * 30 * US)
    near(row["mean_ns"], sum(took) // len(took), "their mean", 0.02, 30 * US)
    near(row["longest_ns"], took[-1], "the longest", 0.02, 100 * US)
    for share in (50, 90, 99):
        at = took[max(0, -(-len(took) * share // 100) - 1)]
        near(row[f"p{share}_ns"], at, f"p{share}", 0.04, 100 * US)
    equal(sum(bucket["count"] for bucket in row["histogram"]), len(took), "in the histogram")
    equal(row["regions"], 3 * len(took), "regions")
    equal(row["logs"], 2 * len(took), "logs")
    near(row["attended_ns"], row["total_ns"], "time in which a thread worked for it", 0.01)
    near(row["observed_ns"], row["attended_ns"], "time of the threads that worked for it", 0.01)


@test
def tasks_take_as_long_as_their_workers_measured(scene):
    trace, truth = scene.record_command("workers", "--rounds", "8")
    rows = report(scene, trace, "tasks")
    equal([row["task"] for row in rows["tasks"]], ["checkout"], "names of tasks")
    is_row_of_checkouts(rows["tasks"][0], truth)
    equal({key: count for key, count in rows["misuse"].items() if count}, {}, "misuse")
    check(not rows["losses"]["lower_bound"], "events were lost")


@test
def the_time_of_tasks_is_that_of_their_threads(scene):
    trace, _ = scene.record_attached("workers", "--rounds", "6", "--wait", "200")
    of_tasks = report(scene, trace, "tasks")["tasks"]
    of_threads = report(scene, trace, "threads", "--task", "checkout")["threads"]
    equal(add_up(of_tasks), add_up(of_threads), "time of tasks and of their threads")
    of_kinds = report(scene, trace, "waits", "--task", "checkout")["waits"]
    waits = {}
    for row in of_kinds:
        waits[row["kind"]] = waits.get(row["kind"], 0) + row["total_ns"]
    found = {kind: ns for kind, ns in add_up(of_tasks).items() if kind in waits}
    equal(waits, found, "waits of checkout")
    by_task = {row["task"]: row
               for row in report(scene, trace, "threads", "--by", "task")["threads"]}
    equal(set(by_task), {"checkout", "(no task)"}, "rows by task")
    equal(add_up([by_task["checkout"]]), add_up(of_tasks), "the row of checkout")
    equal(add_up(by_task.values()), add_up(report(scene, trace, "threads")["threads"]),
          "rows by task, added up")
    rows = report(scene, trace, "waits", "--by", "task")["waits"]
    equal(sum(row["total_ns"] for row in rows if row["task"] == "checkout"), sum(waits.values()),
          "waits by task")
    everything = add_up(report(scene, trace, "threads")["threads"])
    rest = add_up(report(scene, trace, "threads", "--task", "no such task")["threads"])
    equal(rest, {}, "time of tasks that are not there")
    for kind, ns in add_up(of_tasks).items():
        check(ns <= everything[kind], f"{kind} of tasks is more than of all")


@test
def single_tasks_are_told_with_all_that_happened_in_them(scene):
    trace, truth = scene.record_command("workers", "--rounds", "6", "--wait", "300")
    found = report(scene, trace, "tasks", "--name", "checkout", "--slowest", "1000")
    instances = found["instances"]
    equal(len(instances), len(truth["steps"]), "instances")
    equal(found["matching"], len(truth["steps"]), "that match")
    equal(sorted((instance["latency_ns"] for instance in instances), reverse=True),
          [instance["latency_ns"] for instance in instances], "the slowest come first")
    steps = {}
    for step in truth["steps"]:
        steps.setdefault(f"worker-{step['worker']}", []).append(step)
    for thread, mine in steps.items():
        told = sorted((i for i in instances if i["thread"] == thread), key=lambda i: i["begin_ns"])
        equal(len(told), len(mine), f"checkouts of {thread}")
        for instance, step in zip(told, mine):
            is_checkout(instance, step)
    total = sum(instance["observed_ns"] for instance in instances)
    equal(total, found["tasks"][0]["observed_ns"], "time of all instances")


def is_checkout(instance, step):
    """One task, with its regions, waits and logs, took what its worker measured."""
    near(instance["latency_ns"], step["task_ns"], "a checkout", 0.02, 100 * US)
    moments = instance["moments"]
    regions = {moment["name"]: moment for moment in moments if moment["kind"] == "region"}
    equal(tuple(regions), REGIONS, "regions in order of time")
    near(regions["fetch"]["ns"], step["fetch_ns"], "a fetch", 0.02, 100 * US)
    near(regions["save"]["ns"], step["save_ns"], "a save", 0.02, 100 * US)
    check(not any(moment["unfinished"] for moment in moments), "an end is missing")
    logs = [(moment["category"], moment["text"]) for moment in moments if moment["kind"] == "log"]
    equal(logs, [("http", f"asking for {step['rows']} rows"), ("db", f"saved {step['rows']} rows")],
          "logs in order of time")
    waits = sum(moment["ns"] for moment in moments if moment["kind"] == "wait")
    sched = sum(moment["ns"] for moment in moments if moment["kind"] == "scheduler_wait")
    equal(waits, sum(instance["waits"].values()), "its waits")
    equal(sched, instance["scheduler_wait_ns"], "its scheduler waits")
    equal([moment["after_ns"] for moment in moments],
          sorted(moment["after_ns"] for moment in moments), "moments in order of time")
    equal([moment["kind"] for moment in moments].count("thread"), 1, "threads that worked for it")


@test
def slow_tasks_are_found_by_length_and_by_what_they_said(scene):
    trace, truth = scene.record_command("workers", "--rounds", "6", "--wait", "200")
    slow = report(scene, trace, "tasks", "--longer-than", "100ms", "--slowest", "100")
    longer = [step for step in truth["steps"] if step["task_ns"] >= 100 * MS]
    near(len(slow["instances"]), len(longer), "tasks of 100 ms and more", 0, 1)
    check(all(i["latency_ns"] >= 100 * MS for i in slow["instances"]), "a shorter one")
    rows = truth["steps"][7]["rows"]
    said = report(scene, trace, "tasks", "--log", f"saved {rows} rows")
    equal(len(said["instances"]), sum(step["rows"] == rows for step in truth["steps"]),
          "tasks that said so")
    number = said["instances"][0]["id"]
    alone = report(scene, trace, "tasks", "--task", number)["instances"]
    equal([i["id"] for i in alone], [number], "the task with that id")
    logs = report(scene, trace, "logs", "--task", number)["logs"]
    equal([log["text"] for log in logs], [f"asking for {rows} rows", f"saved {rows} rows"],
          "logs of that task")
    shown = scene.tracer("report", "tasks", "--task", number, trace.path)
    check(f"saved {rows} rows" in shown.stdout, "the log is not shown")


@test
def regions_take_as_long_as_their_workers_measured(scene):
    trace, truth = scene.record_command("workers", "--rounds", "8", "--wait", "250")
    rows = {row["region"]: row for row in report(scene, trace, "regions")["regions"]}
    equal(set(rows), set(REGIONS), "names of regions")
    for name in ("fetch", "save"):
        took = [step[f"{name}_ns"] for step in truth["steps"]]
        equal(rows[name]["count"], len(took), f"count of {name}")
        near(rows[name]["total_ns"], sum(took), f"time in {name}", 0.02, len(took) * 30 * US)
        near(rows[name]["longest_ns"], max(took), f"the longest {name}", 0.02, 100 * US)
        near(rows[name]["spent"]["observed_ns"], rows[name]["total_ns"],
             f"what threads did in {name}", 0.001)
    # A worker may lose its CPU between its own clock and the region.
    took = sum(thread["calls"]["transform"]["ns"] for thread in truth["threads"])
    queued = sum(thread["run_delay_ns"] for thread in truth["threads"])
    near(rows["transform"]["total_ns"], took, "time in transform", 0.02, 40 * 30 * US + queued)
    spent = rows["fetch"]["spent"]
    check(spent["waits"]["sleep"] > spent["observed_ns"] * 0.9, "fetch is not a sleep")
    spent = rows["transform"]["spent"]
    near(spent["execution_ns"] + spent["scheduler_wait_ns"], spent["observed_ns"],
         "transform runs, or could", 0.05)


@test
def logs_are_told_in_order_with_their_task(scene):
    trace, truth = scene.record_command("workers", "--rounds", "4", "--wait", "100")
    logs = report(scene, trace, "logs")
    equal(logs["log_count"], 2 * len(truth["steps"]), "logs")
    rows = logs["logs"]
    equal([row["time_ns"] for row in rows], sorted(row["time_ns"] for row in rows), "their order")
    equal({row["task"] for row in rows}, {"checkout"}, "their tasks")
    saved = report(scene, trace, "logs", "--category", "db", "--log", "saved")["logs"]
    equal(sorted(row["text"] for row in saved),
          sorted(f"saved {step['rows']} rows" for step in truth["steps"]), "what was saved")
    first = report(scene, trace, "logs", "--limit", "3")
    equal(first["logs"], rows[:3], "the first three")
    equal(first["log_count"], len(rows), "all of them")


@test
def profiles_are_labelled_with_tasks_and_regions(scene):
    need(GO)
    trace, truth = scene.record_command("workers", "--rounds", "6", "--wait", "200")
    profile = profile_of(scene, trace, "wait")
    rows = {row["region"]: row for row in report(scene, trace, "regions")["regions"]}
    for region in ("fetch", "save"):
        equal(profile.sums(task="checkout", region=region, kind="sleep")[1],
              rows[region]["spent"]["waits"]["sleep"], f"sleep in {region}")
    waits = sum(row["total_ns"]
                for row in report(scene, trace, "waits", "--task", "checkout")["waits"])
    equal(profile.sums(task="checkout")[1], waits, "waits of checkout")
    check(profile.sums()[1] > waits, "no wait is of no task")
    only = profile_of(scene, trace, "wait", "--task", "checkout")
    equal(only.sums()[1], waits, "the profile of checkout alone")
    equal(sum(step["task_ns"] > 0 for step in truth["steps"]), 30, "checkouts")


@test
def tasks_that_cannot_be_paired_are_counted_as_misuse(scene):
    trace, _ = scene.record_attached("annotate", "--mode", "fork")
    found = report(scene, trace, "tasks")
    equal(found["misuse"]["task_ended_twice"], 1, "ends of the parent's task, by child and parent")
    trace, _ = scene.record_attached("annotate", "--mode", "middle")
    found = report(scene, trace, "tasks")
    equal([(row["task"], row["incomplete"]) for row in found["tasks"]], [("(begun before)", 1)],
          "a task that began before the recording")


@test
def single_tasks_need_a_file(scene):
    trace, _ = scene.record_command("workers", "--rounds", "1", "--wait", "10")
    with open(trace.path, "rb") as file:
        done = subprocess.run([TRACER, "report", "tasks", "--slowest", "1", "-"], stdin=file,
                              capture_output=True, text=True, check=False)
    equal(done.returncode, 2, "exit status: wrong usage")
    check("standard input" in done.stderr and "file" in done.stderr, f"says: {done.stderr}")
