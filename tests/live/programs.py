# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""programs - programs that a test builds in its own way, and the functions that they wait in"""

import os
import re
import subprocess

from harness import ROOT
from judge import check, equal


def shell(scene, command, **env):
    """Runs a line of shell in the directory of the scene; what it printed."""
    done = subprocess.run(command, shell=True, cwd=scene.dir, capture_output=True, text=True,
                          check=False, env={**os.environ, **env})
    equal(done.returncode, 0, f"exit status of '{command}' ({done.stderr.strip()[-500:]})")
    return done.stdout


def build_named(scene, name, flags=""):
    """Builds tests/workloads/named_waits.c as @name in the scene."""
    shell(scene, f"cc -O2 -g -std=gnu11 -D_GNU_SOURCE -I{ROOT} -pthread {flags} -o {name} "
                 f"{ROOT}/tests/workloads/named_waits.c")


def build_id(scene, name):
    """The build id of a file of the scene, in hex."""
    found = re.search(r"Build ID: ([0-9a-f]+)", shell(scene, f"readelf -n {name}"))
    check(found, f"{name} has no build id")
    return found.group(1)


def functions(row):
    """The functions of a row of report stacks, the innermost first."""
    return [frame["function"] for frame in row["user"]]


def steps(row):
    """Those that are named ..._step, without the one that calls itself."""
    return [name for name in functions(row)
            if name and name.endswith("_step") and name != "recursive_step"]


def has_file(row, module):
    return any(frame["module"] == module for frame in row["user"])


def waits(found, *through):
    """The rows of waits that go through all these functions; page faults are left out."""
    return [row for row in found["stacks"] if row["kind"] not in ("sched", "cpu", "fault")
            and set(through) <= set(functions(row))]


def total(rows, key="total_ns"):
    return sum(row[key] for row in rows)


def names(trace):
    """All functions of a trace, for a message."""
    rows = trace.report("stacks")["stacks"]
    return sorted({name or f"{frame['module']}+{frame['offset']:#x}"
                   for row in rows for frame in row["user"] for name in [frame["function"]]})


def rooted(trace, what):
    """Waits reach main() and the root; at the begin, stacks may be cut."""
    rows = waits(trace.report("stacks", "--from", "500ms"), "wait_in_step")
    whole = [row for row in rows if not row["truncated"] and "main" in functions(row)]
    check(total(whole, "count") >= total(rows, "count") * 0.8,
          f"{what}: {total(whole, 'count')} of {total(rows, 'count')} waits reach the root: "
          f"{[functions(row) for row in rows]}")


def text(scene, trace, kind, *options):
    """A report as on a wide terminal."""
    done = scene.tracer("report", kind, "--limit", 0, *options, trace.path,
                        env={"COLUMNS": "200"})
    equal(done.returncode, 0, f"exit status of report {kind} ({done.stderr.strip()})")
    return done.stdout
