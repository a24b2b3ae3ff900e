#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""perfetto_check - Perfetto traces by our own reader: tests/live/perfetto_check.py [--print] FILE...

Fails with the first file that a real reader would find an error in. --print: its tables as text.
"""

import sys

sys.dont_write_bytecode = True

from perfetto import Perfetto  # noqa: E402
from perfetto_wire import BadTrace  # noqa: E402


def tell(perfetto):
    """Every table, in order of time; times are since the first event."""
    begin = perfetto.begin_ns

    def when(row):
        return f"{row.ts - begin}{'' if row.dur < 0 else f'+{row.dur}'}{'...' if row.dur < 0 else ''}"

    print(f"kernel {perfetto.system['utsname']['release']}, clocks {perfetto.clocks}")
    for thread in perfetto.sched.threads:
        process = thread.upid and f"{thread.upid.pid} {thread.upid.name}"
        print(f"thread {thread.tid} {thread.name} of {process}"
              f"{f', ended at {thread.end - begin}' if thread.end else ''}")
        for row in thread.states:
            more = [f"cpu {row.cpu}"] if row.cpu is not None else []
            if row.waker:
                more.append(f"woken by {row.waker.tid}{' in an interrupt' if row.irq else ''}"
                            f"{'' if row.waker_row else ', which does not run'}")
            if row.blocked_function:
                more.append(f"in {row.blocked_function}{' (I/O)' if row.io_wait else ''}")
            print(f"  {when(row)} {row.state} {', '.join(more)}".rstrip())
    for row in perfetto.sched.slices:
        print(f"slice {when(row)} cpu {row.cpu} {row.thread.tid} priority {row.prio}"
              f" -> {row.end_state}")
    for row in sorted([*perfetto.slices, *perfetto.instants],
                      key=lambda r: (r.ts, r.track.uuid, r.depth)):
        where = f"thread {row.track.thread.tid}" if row.track.thread else "no thread"
        stack = ";".join(name for name, _path in row.stack or ())
        print(f"event {when(row)} {'/'.join(row.category)} {row.name!r} on {row.track.name!r} of {where}"
              f" {row.args}{f' at {stack}' if stack else ''}")
    for row in perfetto.samples:
        print(f"sample {row.ts - begin} cpu {row.cpu} {row.thread.tid} {row.count}"
              f" at {';'.join(name for name, _path in row.stack)}")
    for row in perfetto.stack_samples:
        print(f"waited {row.ts - begin} {row.thread.tid} {row.weight}"
              f" at {';'.join(name for name, _path in row.stack)}")
    for row in perfetto.logs:
        print(f"log {row.ts - begin} {row.thread.tid} {row.text!r}")
    for row in perfetto.counters:
        print(f"counter {row.ts - begin} {row.track.name!r} {row.value}")
    for one, other in perfetto.flows():
        print(f"arrow {one.ts - begin} {one.name!r} -> {other.ts - begin} {other.name!r}"
              f" on {other.track.name!r}")
    if perfetto.losses:
        print(f"losses {perfetto.losses}, bundles {perfetto.lost_bundles}")


def main(words):
    prints = "--print" in words
    for path in (word for word in words if word != "--print"):
        try:
            perfetto = Perfetto(path)
        except BadTrace as error:
            print(f"{path}: {error}")
            return 1
        if prints:
            tell(perfetto)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
