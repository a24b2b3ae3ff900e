# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""perfetto_sched - threads, processes and their states as Perfetto's trace_processor has them

The rules are those of its importer, with what it loses, ignores or takes for something else: that
is what a writer has to get right.
"""

from perfetto_wire import BadTrace

# As a kernel of 4.14 or later reports them; others are invalid
STATES = {0: "R", 0x1: "S", 0x2: "D", 0x4: "T", 0x8: "t", 0x10: "X", 0x20: "Z", 0x40: "P",
          0x80: "I", 0x100: "R+"}
GENERIC = {2: "R", 4: "S", 5: "D", 6: "T"}
RUNS = ("Running", "R", "R+")

# Who may name a thread: the higher one wins
BY_FTRACE, BY_TREE, BY_STATE = 1, 2, 2


class Thread:
    def __init__(self, utid, tid, start):
        self.utid, self.tid, self.start, self.end = utid, tid, start, None
        self.upid, self.name, self.rank, self.track = None, None, 0, None
        self.states = []

    def __repr__(self):
        return f"<{self.utid} {self.name} {self.tid}>"


class State:
    """A row of thread_state."""

    def __init__(self, ts, thread, state, cpu=None, waker=None, irq=None):
        self.ts, self.dur, self.thread, self.state, self.cpu = ts, -1, thread, state, cpu
        self.waker, self.waker_row, self.irq = waker, None, irq
        self.blocked_function = self.io_wait = None
        if waker and waker.states and waker.states[-1].state == "Running":
            self.waker_row = waker.states[-1]


class Slice:
    """A row of sched_slice."""

    def __init__(self, ts, cpu, thread, prio):
        self.ts, self.dur, self.cpu, self.thread, self.prio = ts, -1, cpu, thread, prio
        self.end_state = None


class Process:
    def __init__(self, upid, pid):
        self.upid, self.pid, self.name, self.track, self.end = upid, pid, None, None, None


class Sched:
    def __init__(self):
        self.threads, self.processes = [], []
        self.live, self.live_processes = {}, {}
        self.slices, self.open = [], {}      # by CPU: (thread that was switched to, slice)
        self.spurious = self.lost_closes = self.again = self.misplaced = 0
        self.new_thread(0, None)

    def new_thread(self, tid, ts):
        thread = Thread(len(self.threads), tid, ts)
        self.threads.append(thread)
        self.live[tid] = thread
        return thread

    def thread(self, tid):
        return self.live.get(tid) or self.new_thread(tid, None)

    def new_process(self, pid):
        self.live_processes[pid] = Process(len(self.processes), pid)
        self.processes.append(self.live_processes[pid])
        return self.live_processes[pid]

    def process(self, pid):
        return self.live_processes.get(pid) or self.new_process(pid)

    def thread_of(self, tid, pid):
        """The living thread @tid of process @pid: another process's makes way for a new one."""
        thread, process = self.live.get(tid), self.process(pid)
        if thread and thread.upid is not None and thread.upid is not process:
            thread = None
        thread = thread or self.new_thread(tid, None)
        thread.upid = process
        return thread

    def rename(self, thread, name, rank):
        if name and rank >= thread.rank:
            thread.name, thread.rank = name, rank

    # thread_state

    def close(self, ts, thread):
        if thread.states:
            row = thread.states[-1]
            if ts < row.ts:
                raise BadTrace(f"{thread} goes back in time")
            row.dur = ts - row.ts

    def begin(self, ts, thread, state, **more):
        if thread.tid:
            thread.states.append(State(ts, thread, state, **more))

    def switched(self, ts, cpu, prev, state, thread):
        if prev.tid and prev.states and prev.states[-1].state != "Running":
            self.lost_closes += 1   # the reader makes that row's state unknown
            prev.states[-1].state = None
        self.close(ts, prev)
        self.begin(ts, prev, state)
        self.close(ts, thread)
        self.begin(ts, thread, "Running", cpu=cpu)

    def waking(self, ts, thread, waker, irq):
        if thread.states and thread.states[-1].state in RUNS:
            self.spurious += 1
            return
        self.close(ts, thread)
        self.begin(ts, thread, "R", waker=waker, irq=irq)

    # Events

    def state_of(self, raw):
        if raw not in STATES:
            raise BadTrace(f"task_state_invalid: {raw:#x}")
        return STATES[raw]

    def switch_to(self, ts, cpu, prev, state, thread, prio):
        was = self.open.get(cpu)
        if was and was[1]:
            was[1].dur, was[1].end_state = ts - was[1].ts, state
        self.slices.append(Slice(ts, cpu, thread, prio))
        self.open[cpu] = (thread, self.slices[-1])
        self.switched(ts, cpu, prev, state, thread)

    def compact_switch(self, ts, cpu, event):
        raw, tid, prio, comm = event
        thread = self.thread(tid)
        self.rename(thread, comm, BY_FTRACE)
        if cpu not in self.open:
            raise BadTrace(f"compact_sched_switch_skipped: the first switch of CPU {cpu}")
        self.switch_to(ts, cpu, self.open[cpu][0], self.state_of(raw), thread, prio)

    def compact_waking(self, ts, cpu, event):
        tid, _target, _prio, comm, flags = event
        thread = self.thread(tid)
        self.rename(thread, comm, BY_FTRACE)
        if cpu not in self.open:
            raise BadTrace(f"compact_sched_waking_skipped: before a switch of CPU {cpu}")
        self.waking(ts, thread, self.open[cpu][0], 1 if flags & 0x18 else 0)

    def sched_switch(self, ts, cpu, pid, event):
        prev, thread = self.thread(event["prev_pid"]), self.thread(event["next_pid"])
        self.rename(prev, event.get("prev_comm"), BY_FTRACE)
        self.rename(thread, event.get("next_comm"), BY_FTRACE)
        if cpu in self.open and self.open[cpu][0] is not prev:
            raise BadTrace("mismatched_sched_switch_tids")
        if pid != event["prev_pid"]:
            raise BadTrace(f"thread {pid} switches for thread {event['prev_pid']}")
        self.switch_to(ts, cpu, prev, self.state_of(event["prev_state"]), thread,
                       event["next_prio"])

    def sched_waking(self, ts, _cpu, pid, event):
        thread = self.thread(event["pid"])
        self.rename(thread, event.get("comm"), BY_FTRACE)
        self.waking(ts, thread, self.thread(pid), None)

    def sched_blocked_reason(self, ts, _cpu, _pid, event):
        rows = [row for row in self.thread(event["pid"]).states[-2:]
                if row.state not in ("Running", "R", "R+", None)]
        if not rows:
            self.misplaced += 1
            return
        rows[-1].blocked_function = event["function"]
        rows[-1].io_wait = event["io_wait"]

    def task_newtask(self, ts, _cpu, pid, event):
        parent = self.thread(pid)
        thread = self.new_thread(event["pid"], ts)
        self.rename(thread, event.get("comm"), BY_FTRACE)
        if event.get("clone_flags", 0) & 0x10000:
            thread.upid = parent.upid
            if parent.upid is None:
                thread.sibling = parent
        else:
            thread.upid = self.new_process(event["pid"])
        self.begin(ts, thread, "R", waker=parent)

    def task_rename(self, _ts, _cpu, _pid, event):
        self.rename(self.thread(event["pid"]), event["newcomm"], BY_FTRACE)

    def sched_process_free(self, ts, _cpu, _pid, event):
        thread = self.thread(event["pid"])
        thread.end = ts
        del self.live[event["pid"]]
        process = self.live_processes.get(event["pid"])
        if process and thread.upid is process:
            process.end = ts
            del self.live_processes[event["pid"]]

    def task_state(self, ts, event):
        if event["state"] not in GENERIC:
            raise BadTrace(f"state {event['state']} of a thread at the begin")
        thread = self.thread(event["tid"])
        self.rename(thread, event.get("comm"), BY_STATE)
        self.again += bool(thread.states)
        self.close(ts, thread)
        self.begin(ts, thread, GENERIC[event["state"]])

    def process_tree(self, _ts, tree):
        for row in tree.get("processes", ()):
            if not row.get("cmdline"):
                raise BadTrace(f"process {row['pid']} without a command line is left out")
            self.process(row["pid"]).name = row["cmdline"][0]
        for row in tree.get("threads", ()):
            if not row.get("tgid"):
                raise BadTrace(f"thread {row['tid']} of no process")
            self.rename(self.thread_of(row["tid"], row["tgid"]), row.get("name"), BY_TREE)
