# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_names - functions of all kinds of programs have their names, and waits the right ones"""

from harness import WORKLOADS
from judge import MS, check, equal, near, test


def functions(row):
    return [frame["function"] for frame in row["user"]]


def waits(found, *through):
    """The rows of waits that go through all these functions."""
    return [row for row in found["stacks"]
            if row["kind"] != "sched" and set(through) <= set(functions(row))]


def total(rows, key="total_ns"):
    return sum(row[key] for row in rows)


# Languages


@test
def functions_of_cplusplus_and_rust_read_as_written(scene):
    path = scene.path("recorded.trace")
    done = scene.tracer("-o", path, "--stack-min", "0", "--", WORKLOADS / "named_cpp")
    equal(done.returncode, 0, f"exit status ({done.stderr.strip()})")
    found = scene.trace(path).report("stacks")
    for name, ms in (("shop::cart<int>::checkout", 20), ("(anonymous namespace)::wait_unseen", 21),
                     ("demo::queue::pop", 22), ("demo::queue::push", 23)):
        rows = waits(found, name)
        check(rows, f"no wait in {name}: {sorted(set(sum(map(functions, found['stacks']), [])))}")
        equal(total(rows, "count"), 10, f"waits in {name}")
        near(total(rows), 10 * ms * MS, f"waits in {name}", slack=3 * MS)
