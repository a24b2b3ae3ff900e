# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_samples - CPU samples: where threads ran, against the time that their functions took"""

from judge import check, equal, near, need, test
from profiles import GO, profile_of
from traces import thread_truth

PERIOD_NS = 10_101_010  # of 99 a second


def functions(row):
    return [frame["function"] for frame in row["user"]]


def through(rows, function):
    return [row for row in rows if function in functions(row)]


def total(rows):
    return sum(row["total_ns"] for row in rows)


def sampled(trace):
    """The rows of report stacks that are samples, and how many samples there are."""
    found = trace.report("stacks")
    return [row for row in found["stacks"] if row["kind"] == "cpu"], found["samples"]


def shares_are_true(rows, truth):
    spun = truth["spin"]
    for function, ns in spun.items():
        share = 100 * total(through(rows, function)) / total(rows)
        of = 100 * ns / sum(spun.values())
        check(abs(share - of) <= 5, f"{function}: {share:.1f} % of the samples, {of:.1f} % in truth")


def executed_ns(trace):
    return sum(row["execution_ns"] for row in trace.threads())


@test(seconds=180)
def samples_have_the_shares_and_the_time_of_functions(scene):
    trace, truth = scene.record_command("spinner", "--ms", "4000")
    trace.nothing_lost()
    rows, samples = sampled(trace)
    shares_are_true(rows, truth)
    all_ns = sum(part["total_ns"] for part in samples.values())
    equal(trace.report("stacks")["sample_period_ns"], PERIOD_NS, "period of the samples")
    # on a busy machine it is chance whose time slice a sample finds
    near(all_ns, executed_ns(trace), "time by samples", share=0.1,
         slack=PERIOD_NS * (all_ns / PERIOD_NS) ** 0.5)
    check(samples["with_stack"]["total_ns"] >= 0.98 * all_ns, f"few samples have a stack: {samples}")
    for row in rows:
        check(not row["truncated"], f"a stack that does not reach its root: {functions(row)}")
    # the same numbers, event by event
    told = list(trace.events("sample"))
    equal(len(told) * PERIOD_NS, all_ns, "samples of the dump")
    tids = {thread["tid"] for thread in truth["threads"]}
    check(tids <= {event["tid"] for event in told}, "a spinner has no samples")
    for name in ("spinner-0", "spinner-1"):
        thread = thread_truth(truth, name)
        mine = sum(PERIOD_NS for event in told if event["tid"] == thread["tid"])
        near(mine, thread["cpu_ns"], f"CPU time of {name} by its samples", share=0.1,
             slack=2 * PERIOD_NS * (mine / PERIOD_NS) ** 0.5)


@test
def samples_are_a_profile_that_go_tool_pprof_reads(scene):
    need(GO)
    trace, truth = scene.record_command("spinner", options=["-F", "500"])
    profile = profile_of(scene, trace, "cpu")
    equal(profile.types, ["samples/count", "cpu/nanoseconds[dflt]"], "sample types")
    count, ns = profile.sums()
    equal(ns, count * 2_000_000, "time by count")
    rows, samples = sampled(trace)
    equal((count, ns), tuple(sum(part[key] for part in samples.values())
                             for key in ("count", "total_ns")), "sums of report stacks")
    near(ns, executed_ns(trace), "time by samples", share=0.1)
    for function, true_ns in truth["spin"].items():
        equal(profile.ns_through(function), total(through(rows, function)), f"time of {function}")
        share = 100 * profile.ns_through(function) / ns
        of = 100 * true_ns / sum(truth["spin"].values())
        check(abs(share - of) <= 5, f"{function}: {share:.1f} % of the profile, {of:.1f} % in truth")


@test
def samples_in_the_kernel_have_the_stacks_of_both_sides(scene):
    trace, truth = scene.record_command("spinner", "--reads")
    rows, _samples = sampled(trace)
    shares_are_true(rows, truth)
    inside = [row for row in through(rows, "spin_rarely") if row["kernel"]]
    check(total(inside) >= 0.8 * total(through(rows, "spin_rarely")),
          "reading from /dev/zero is hardly ever in the kernel")
    check(all(row["kernel"][-1]["module"] == "[kernel]" or row["kernel"][-1]["function"]
              for row in inside), f"kernel frames without names: {inside[0]['kernel']}")
    spun = [row for row in through(rows, "spin_often") if row["kernel"]]
    check(total(spun) <= 0.1 * total(through(rows, "spin_often")), "spinning is in the kernel")


@test
def a_process_that_was_attached_to_is_sampled_and_nobody_else(scene):
    scene.workload("spinner", "--ms", "60000", "--threads", "1")
    trace, truth = scene.record_attached("spinner", "--ms", "1500", options=["-F", "200"])
    rows, samples = sampled(trace)
    shares_are_true(rows, truth)
    near(sum(part["total_ns"] for part in samples.values()), executed_ns(trace),
         "time by samples", share=0.1)
    equal({row["pid"] for row in rows}, {truth["pid"]}, "processes with samples")


@test
def without_samples_there_are_none(scene):
    for options in (("-F", "0"), ("-e", "sched,stack")):
        trace, _truth = scene.record_command("spinner", "--ms", "300", options=options)
        equal(list(trace.events("sample")), [], f"samples with {options}")
        equal(trace.report("stacks")["sample_period_ns"], None, f"their period with {options}")
        done = scene.tracer("pprof", "cpu", trace.path, "-o", scene.path("none.pb.gz"))
        equal(done.returncode, 1, f"exit status of pprof cpu with {options}")
        check("has no CPU samples" in done.stderr, done.stderr)
    trace, truth = scene.record_command("spinner", options=["-e", "sample"])
    rows, _samples = sampled(trace)
    shares_are_true(rows, truth)
    done = scene.tracer("-F", "20000", "--", "true")
    equal(done.returncode, 2, "exit status of a rate that is too high")
    check("--sample-rate" in done.stderr and "hint:" in done.stderr, done.stderr)
