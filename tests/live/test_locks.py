# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_locks - which lock was waited for, who held it, and what the holder did; who woke whom"""

from judge import MS, between, check, equal, near, test
from traces import ARRIVAL_NS, thread_truth

# What may lie between the clock of a workload around a call and the wait inside it, per wait.
CALL_NS = 300_000


def locks(trace, *filters):
    return trace.report("locks", *filters)["locks"]


def lock_named(trace, symbol, *filters):
    """The one row of the lock that lies in this variable; its sums have been judged."""
    rows = [row for row in locks(trace, *filters) if row["symbol"] == symbol]
    equal(len(rows), 1, f"locks named {symbol}")
    adds_up(rows[0])
    return rows[0]


def adds_up(row):
    """Waits = what holders held + free + not known; holders = what they did."""
    for holder in row["holders"]:
        equal(sum(doing["ns"] for doing in holder["doing"]), holder["ns"], "doings of a holder")
    held = sum(holder["ns"] for holder in row["holders"])
    equal(held + row["free_ns"] + row["unknown_ns"], row["total_ns"], "held, free, not known")


def done_ns(holder, **wanted):
    return sum(doing["ns"] for doing in holder["doing"]
               if all(doing[key] == value for key, value in wanted.items()))


def waited_in_truth(truth):
    return sum(thread_truth(truth, name)["calls"]["lock"]["ns"] for name in ("waiter-b", "waiter-c"))


def is_held(row, truth, kind, how="held"):
    """The lock was held by the thread "holder" nearly all the time. Returns its member."""
    equal(row["kind"], kind, "kind of the lock")
    near(row["total_ns"] + row["scheduler_wait_ns"], waited_in_truth(truth), "waits for the lock",
         slack=row["count"] * CALL_NS)
    holder = row["holders"][0]
    equal((holder["name"], holder["how"]), ("holder", how), "holder of the lock")
    equal(holder["tid"], thread_truth(truth, "holder")["tid"], "tid of the holder")
    between(holder["ns"], row["total_ns"] * 0.95, row["total_ns"], "time that the lock was held")
    return holder


def is_called_in(holder, function):
    check(holder["stack"], "the holder has no stack")
    check(function in holder["stack"], f"{function} is not on the holder's stack {holder['stack']}")


def record(scene, *args):
    trace, truth = scene.record_command("lock_holder", *args)
    trace.nothing_lost()
    return trace, truth


@test
def a_mutex_is_held_by_a_thread_that_sleeps(scene):
    trace, truth = record(scene, "--how", "nap")
    row = lock_named(trace, "queue_lock")
    equal((row["module"], row["owner_known"]), ("lock_holder", True), "module and owner")
    equal((row["waiters"], row["threads"]), (2, 3), "threads of the lock")
    holder = is_held(row, truth, "mutex")
    # on a busy machine it has no CPU when its sleep is over
    near(done_ns(holder, state="blocked", syscall="clock_nanosleep") +
         done_ns(holder, state="runnable"), holder["ns"], "sleep")
    between(done_ns(holder, state="blocked", syscall="clock_nanosleep"), 12 * 50 * MS * 0.95,
            holder["ns"], "sleep")
    is_called_in(holder, "hold_napping")


@test
def a_mutex_is_held_by_a_thread_that_computes(scene):
    trace, truth = record(scene, "--how", "spin")
    holder = is_held(lock_named(trace, "queue_lock"), truth, "mutex")
    near(done_ns(holder, state="running") + done_ns(holder, state="runnable"), holder["ns"],
         "running and waiting for a CPU")
    told = thread_truth(truth, "holder")
    share = told["cpu_ns"] / told["calls"]["hold"]["ns"]
    near(done_ns(holder, state="running"), min(share, 1) * holder["ns"], "running", slack=10 * MS)


@test
def a_mutex_is_held_by_a_thread_that_syncs_a_file(scene):
    trace, truth = record(scene, "--how", "sync")
    holder = is_held(lock_named(trace, "queue_lock"), truth, "mutex")
    synced = [row for row in trace.waits("--tid", holder["tid"]) if row["syscall"] == "fsync"]
    near(done_ns(holder, state="blocked", syscall="fsync"),
         2 * sum(row["total_ns"] for row in synced), "blocked in fsync", slack=MS)
    is_called_in(holder, "hold_syncing")


@test
def a_pi_mutex_names_its_owner(scene):
    trace, truth = record(scene, "--kind", "pi")
    is_held(lock_named(trace, "pi_lock"), truth, "pi_mutex")


@test
def a_robust_mutex_names_its_owner(scene):
    trace, truth = record(scene, "--kind", "robust")
    is_held(lock_named(trace, "robust_lock"), truth, "mutex")


@test
def a_rwlock_names_its_writer(scene):
    trace, truth = record(scene, "--kind", "rwlock")
    is_held(lock_named(trace, "table_lock"), truth, "rwlock")


@test
def who_signals_a_condition_variable_released_the_others_and_held_nothing(scene):
    trace, truth = record(scene, "--kind", "condition")
    row = lock_named(trace, "ready_condition")
    equal(row["owner_known"], False, "whether an owner is known")
    is_held(row, truth, "condition", how="released")


@test
def who_posts_a_semaphore_released_the_others(scene):
    trace, truth = record(scene, "--kind", "semaphore")
    is_held(lock_named(trace, "slots"), truth, "semaphore", how="released")


@test
def a_join_waits_for_what_the_joined_thread_does(scene):
    trace, truth = record(scene, "--kind", "join", "--ms", 200)
    rows = [row for row in locks(trace) if row["kind"] == "join"]
    equal(len(rows), 1, "joins")
    adds_up(rows[0])
    holder = rows[0]["holders"][0]
    equal((holder["name"], holder["how"]), ("holder", "joined"), "who is joined")
    near(done_ns(holder, state="blocked", syscall="clock_nanosleep"), 200 * MS, "its sleep")
    near(rows[0]["total_ns"] + rows[0]["scheduler_wait_ns"],
         thread_truth(truth, "lock_holder")["calls"]["lock"]["ns"], "join", slack=CALL_NS)


@test
def waits_that_time_out_count_and_release_nothing(scene):
    trace, truth = record(scene, "--kind", "timeout")
    row = lock_named(trace, "queue_lock")
    equal((row["timeouts"], row["interrupts"]), (12, 0), "timeouts and interrupts")
    near(row["timeout_ns"], 12 * 10 * MS, "waits that timed out", share=0.2)
    is_held(row, truth, "mutex")


@test
def a_condition_that_comes_too_late_times_out(scene):
    trace, _truth = record(scene, "--kind", "late-condition")
    row = lock_named(trace, "ready_condition")
    equal((row["kind"], row["count"], row["timeouts"]), ("condition", 12, 12), "the lock")
    near(row["timeout_ns"], 12 * 10 * MS, "waits that timed out", share=0.2)
    equal(row["holders"], [], "who ended waits that nobody ended")


@test
def a_semaphore_that_comes_too_late_times_out(scene):
    trace, _truth = record(scene, "--kind", "late-semaphore")
    row = lock_named(trace, "slots")
    equal((row["kind"], row["count"], row["timeouts"]), ("semaphore", 12, 12), "the lock")
    equal(row["holders"], [], "who ended waits that nobody ended")


@test
def waits_that_signals_interrupt_count(scene):
    trace, truth = record(scene, "--kind", "signal")
    row = lock_named(trace, "slots")
    signals = [thread_truth(truth, name)["calls"]["signalled"]["count"]
               for name in ("waiter-b", "waiter-c")]
    equal((row["kind"], row["interrupts"], row["timeouts"]), ("semaphore", sum(signals), 0),
          "the lock")
    equal(sum(signals), 12, "signals that came")
    between(row["interrupt_ns"], 12 * 25 * MS * 0.95, row["total_ns"] * 0.8,
            "waits until the signal")
    equal(row["count"], 24, "waits until the signal, and behind it")


@test
def a_lock_that_is_read_tells_who_let_the_writers_in(scene):
    trace, truth = record(scene, "--kind", "reader")
    row = lock_named(trace, "table_lock")
    equal((row["kind"], row["waiters"]), ("rwlock", 2), "the lock")
    near(row["total_ns"] + row["scheduler_wait_ns"], waited_in_truth(truth), "waits for the lock",
         slack=row["count"] * CALL_NS)
    equal(row["holders"][0]["name"], "holder", "who held it as a reader")
    check(row["holders"][0]["how"] in ("held", "released"), "how it is told")


@test
def a_lock_that_is_passed_on_was_held_by_the_other_one(scene):
    trace, truth = scene.record_command("mutex_pair")
    for name, other in (("ping", "pong"), ("pong", "ping")):
        tid = thread_truth(truth, name)["tid"]
        row = lock_named(trace, "mutex", "--tid", tid)
        equal(row["waiters"], 1, f"threads that waited, of {name}")
        equal(row["holders"][0]["name"], other, f"who held what {name} waited for")
        between(row["holders"][0]["ns"], row["total_ns"] * 0.95, row["total_ns"], "held")


@test
def locks_have_as_much_wait_as_the_waits_have(scene):
    trace, _truth = record(scene, "--kind", "condition")
    waits = [row for row in trace.waits() if (row["object"] or "").startswith("futex")]
    for key in ("count", "total_ns", "scheduler_wait_ns"):
        equal(sum(row[key] for row in locks(trace)), sum(row[key] for row in waits), key)


@test
def the_first_screen_names_lock_holder_and_what_it_did(scene):
    trace, _truth = record(scene, "--how", "nap")
    done = scene.tracer("report", "locks", trace.path, env={"COLUMNS": "80"})
    lines = done.stdout.splitlines()
    at = [i for i, line in enumerate(lines) if line.startswith("queue_lock (lock_holder)")]
    check(at, f"no line for queue_lock:\n{done.stdout}")
    below = " ".join(lines[at[0] + 1:at[0] + 4])
    check("held by holder" in below and "blocked in clock_nanosleep" in below,
          f"the holder is not told:\n{done.stdout}")
    done = scene.tracer("report", trace.path, env={"COLUMNS": "120"})
    lines = [line for line in done.stdout.splitlines() if line.startswith("lock queue_lock: ")]
    check(lines and "held by holder" in lines[0] and "clock_nanosleep" in lines[0],
          f"the summary does not tell of the lock:\n{done.stdout}")


def chain_of(row):
    return [link["name"] for link in row["chain"]] + [row["woken"]]


@test
def a_chain_of_wakers_goes_back_to_the_first_one(scene):
    trace, truth = scene.record_command("wake_chain")
    trace.nothing_lost()
    found = trace.report("wakers")
    for woken, waker in (("worker", "producer"), ("writer", "worker")):
        rows = [row for row in found["wakers"]
                if (row["woken"], row["by"], row["kind"]) == (woken, waker, "pipe")]
        equal(len(rows), 1, f"rows of {woken}, woken by {waker}")
        near(rows[0]["count"], 20, f"how often {waker} woke {woken}", slack=1)
        near(rows[0]["total_ns"] + rows[0]["scheduler_wait_ns"],
             thread_truth(truth, woken)["calls"]["read"]["ns"], f"waits of {woken}",
             slack=20 * ARRIVAL_NS)
    rows = [row for row in found["chains"] if chain_of(row)[-3:] == ["producer", "worker", "writer"]]
    near(sum(row["count"] for row in rows), 20, "chains from the producer to the writer", slack=1)
    short = trace.report("wakers", "--depth", "1")
    check(all(len(row["chain"]) == 1 for row in short["chains"]), "--depth 1 has longer chains")


@test
def wakers_tell_from_where_they_woke(scene):
    trace, _truth = scene.record_command("lock_holder", "--kind", "semaphore", options=(
        "-e", "sched,syscall,futex,stack,waker-stacks"))
    rows = [row for row in trace.report("wakers")["wakers"]
            if (row["by"], row["kind"]) == ("holder", "sync") and row["woken"] == "waiter-b"]
    equal([row["function"] for row in rows], ["holder"], "where the holder woke the others")
    shown = scene.tracer("report", "wakers", trace.path, env={"COLUMNS": "80"}).stdout
    check("WAKER IN" in shown, f"it is not shown:\n{shown}")
    without, _truth = scene.record_command("lock_holder", "--kind", "semaphore")
    check(all(row["function"] is None for row in without.report("wakers")["wakers"]),
          "where wakers were, though nobody asked")
