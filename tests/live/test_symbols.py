# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_symbols - locks are shown by the names of their variables, and never by wrong ones"""

import os
import shutil
import subprocess

from harness import WORKLOADS
from judge import Skipped, check, equal, need, test
from traces import Trace


def lock_row(trace, truth, *filters):
    """The row of the mutex that mutex_pair tells the address of."""
    rows = [row for row in trace.waits(*filters) if row["object"] == f"futex {truth['futex']}"]
    equal(len(rows), 1, f"rows of the futex {truth['futex']}")
    return rows[0]


def is_named(row, module, symbol="mutex"):
    equal((row["symbol"], row["module"]), (symbol, module), "name of the lock")


def has_no_name(row):
    equal((row["symbol"], row["module"]), (None, None), "name of the lock")


def shown(scene, trace, kind, *filters):
    done = scene.tracer("report", kind, trace.path, *filters, env={"COLUMNS": "160"})
    equal(done.returncode, 0, f"exit status of report {kind}")
    return done.stdout


def shell(scene, command):
    """Runs a line of shell in the directory of the scene."""
    done = subprocess.run(command, shell=True, cwd=scene.dir, capture_output=True, text=True,
                          check=False)
    equal(done.returncode, 0, f"exit status of '{command}' ({done.stderr.strip()})")


def record_copy(scene, prepare):
    """Records a copy of mutex_pair, called app, that @prepare (shell) has worked on."""
    shutil.copy(WORKLOADS / "mutex_pair", scene.path("app"))
    shell(scene, prepare)
    return scene.record_command(scene.path("app"))


@test
def a_lock_is_shown_by_the_name_of_its_variable(scene):
    trace, truth = scene.record_command("mutex_pair")
    row = lock_row(trace, truth)
    is_named(row, "mutex_pair")
    for kind in ("waits", "summary"):
        text = shown(scene, trace, kind)
        check("futex mutex (mutex_pair)" in text, f"report {kind} does not name the lock:\n{text}")
        check(truth["futex"] not in text, f"report {kind} shows the address:\n{text}")


@test
def a_lock_has_its_name_in_a_late_stretch_too(scene):
    trace, truth = scene.record_command("mutex_pair")
    is_named(lock_row(trace, truth, "--from", "500ms"), "mutex_pair")


@test
def a_lock_of_a_process_that_was_attached_to_has_its_name(scene):
    trace, truth = scene.record_attached("mutex_pair")
    is_named(lock_row(trace, truth), "mutex_pair")


@test
def a_stripped_program_keeps_its_addresses(scene):
    need("strip")
    trace, truth = record_copy(scene, "strip app")
    has_no_name(lock_row(trace, truth))
    check(f"futex {truth['futex']}" in shown(scene, trace, "waits"), "the address is not shown")


@test
def a_stripped_program_has_the_names_of_its_debug_file(scene):
    need("objcopy")
    trace, truth = record_copy(scene, "objcopy --only-keep-debug app app.debug && objcopy "
                                      "--strip-all --add-gnu-debuglink=app.debug app")
    is_named(lock_row(trace, truth), "app")


@test
def a_program_that_was_replaced_has_no_wrong_names(scene):
    trace, truth = record_copy(scene, "true")
    is_named(lock_row(trace, truth), "app")
    shutil.copy(WORKLOADS / "sleeper", scene.path("app"))
    has_no_name(lock_row(Trace(scene, trace.path), truth))


@test
def a_program_in_another_mount_namespace_has_names_while_it_lives(scene):
    need("unshare")
    inside = scene.path("inside")
    os.mkdir(inside)
    command = (f"mount -t tmpfs none {inside} && cp {WORKLOADS / 'mutex_pair'} {inside}/app && "
               f"exec {inside}/app --hold --stay")
    workload = scene.workload("mutex_pair", prefix=["unshare", "-m", "sh", "-c", command])
    try:
        workload.ready()
    except Exception as error:
        raise Skipped("no mount namespace can be made here") from error
    recorder = scene.recorder("-p", workload.pid)
    workload.go()
    truth = workload.truth()
    equal(recorder.stop(), 0, "exit status of tracer")
    check(not os.path.exists(f"{inside}/app"), "the program can be seen from outside")
    is_named(lock_row(Trace(scene, recorder.trace), truth), "app")
    workload.end()
    has_no_name(lock_row(Trace(scene, recorder.trace), truth))


@test
def the_lock_of_the_demo_server_is_named(scene):
    path = scene.path("demo.trace")
    done = scene.tracer("-o", path, "--", WORKLOADS / "demo_server", "--seconds", 3, "--dir",
                        scene.dir)
    equal(done.returncode, 0, "exit status")
    rows = [row for row in Trace(scene, path).waits() if row["symbol"] == "index_lock"]
    check(rows, "no wait for index_lock")
    equal(rows[0]["module"], "demo_server", "module of index_lock")
