# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""perfetto - a Perfetto trace as tables: what trace_processor makes of it, or BadTrace

Reads packets in the order of the file (dictionaries), sorts what they tell by time as
trace_processor does, and follows it. Whatever that reader would count as an error or a loss of
data is a BadTrace here.
"""

import bisect

from perfetto_sched import Sched
from perfetto_wire import BadTrace, read

CLEARED, NEEDED = 1, 2
BEGIN, END, INSTANT, COUNTER = 1, 2, 3, 4
BOOTTIME, MONOTONIC, REALTIME = 6, 3, 1


class Sequence:
    def __init__(self):
        self.cleared, self.defaults, self.interned = False, {}, {}


class Row:
    """A slice, an instant or a counter's value: args are its annotations."""

    def __init__(self, **values):
        self.__dict__.update(values)


class Perfetto:
    """The tables of one trace."""

    def __init__(self, path):
        self.sched = Sched()
        self.slices, self.instants, self.counters = [], [], []
        self.samples, self.stack_samples, self.logs = [], [], []
        self.tracks, self.stacks, self.clocks = {}, {}, []
        self.system = self.losses = self.uuid = None
        self.lost_bundles = self.retaken = 0
        self.sequences, self.queues = {}, {}
        self.kinds = {}
        self.sched_bytes = 0
        for packet in read(path):
            self.take(packet)
        self.follow()

    # Packets, in the order of the file

    def take(self, packet):
        if not packet.get("sequence"):
            raise BadTrace(f"a packet of no sequence: {sorted(packet)}")
        sequence = self.sequences.setdefault(packet["sequence"], Sequence())
        flags = packet.get("flags", 0)
        if flags & CLEARED:
            if sequence.interned and packet.get("first_on_sequence"):
                raise BadTrace("the first packet of a sequence is not the first one")
            sequence.cleared, sequence.defaults, sequence.interned = True, {}, {}
        if (flags & NEEDED or "interned_data" in packet) and not sequence.cleared:
            raise BadTrace("tokenizer_skipped_packets: a dictionary is needed before it was begun")
        sequence.defaults.update(packet.get("defaults", {}))
        self.intern(sequence, packet.get("interned_data", {}))
        for kind in ("clock_snapshot", "system_info", "uuid", "ftrace_stats"):
            if kind in packet:
                getattr(self, f"take_{kind}")(packet[kind])
        for kind in ("process_tree", "task_state", "track_event", "track_descriptor",
                     "perf_sample", "stack_sample"):
            if kind not in packet:
                continue
            if "timestamp" not in packet:
                raise BadTrace(f"{kind} without a time")
            if kind == "track_event" or kind.endswith("sample"):
                if not flags & NEEDED:
                    raise BadTrace(f"{kind} without the flag for the dictionary that it uses")
                self.look_up(sequence, kind, packet[kind])
            if kind == "track_descriptor":
                self.reserve(packet[kind])
            self.push(0, packet["timestamp"], kind, packet[kind])
        if "ftrace_events" in packet:
            self.take_bundle(sequence, flags, packet["ftrace_events"])

    def intern(self, sequence, data):
        for kind, entries in data.items():
            known = sequence.interned.setdefault(kind, {})
            for entry in entries:
                if not entry.get("iid"):
                    raise BadTrace(f"an entry of {kind} without a number")
                if entry["iid"] in known:
                    raise BadTrace(f"{kind} {entry['iid']} is told twice")
                known[entry["iid"]] = entry

    def interned(self, sequence, kind, iid):
        found = sequence.interned.get(kind, {}).get(iid)
        if not found:
            raise BadTrace(f"{kind} {iid} is used and was not told")
        text = found.get("text", "") if kind not in ("frames", "callstacks", "mappings") else found
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else text

    def callstack(self, sequence, iid):
        """The names of its frames, the outermost first."""
        if iid == 1:
            raise BadTrace("the callstack 1 is taken for none")
        names = []
        for number in self.interned(sequence, "callstacks", iid).get("frames", ()):
            frame = self.interned(sequence, "frames", number)
            mapping = self.interned(sequence, "mappings", frame["mapping"])
            path = "/".join(self.interned(sequence, "paths", n) for n in mapping["paths"])
            if "build_id" in mapping:
                found = sequence.interned["build_ids"][mapping["build_id"]]
                if not 8 <= len(found["text"]) <= 20:
                    raise BadTrace(f"a build id of {len(found['text'])} bytes")
            if "source" in frame:
                self.interned(sequence, "sources", frame["source"])
            names.append((self.interned(sequence, "functions", frame["function"]), path))
        if not names:
            raise BadTrace(f"callstack {iid} has no frames")
        return names

    def annotation(self, sequence, row):
        for kind in ("flag", "uint", "int", "real", "text", "pointer"):
            if kind in row:
                return row[kind]
        if "text_iid" in row:
            return self.interned(sequence, "texts", row["text_iid"])
        return [self.annotation(sequence, item) for item in row.get("items", ())]

    def look_up(self, sequence, kind, event):
        if kind == "perf_sample" and "perf_sample" not in sequence.defaults:
            raise BadTrace("a CPU sample without a timebase")
        if kind == "stack_sample" and "stack_sample" not in sequence.defaults:
            raise BadTrace("a stack sample without a source")
        if "callstack" in event:
            event["stack"] = self.callstack(sequence, event["callstack"])
        if kind != "track_event":
            return
        if "name_iid" in event:
            event["name"] = self.interned(sequence, "events", event["name_iid"])
        event["category"] = [self.interned(sequence, "categories", iid)
                             for iid in event.get("categories", ())]
        event["args"] = {row.get("name") or self.interned(sequence, "annotations", row["name_iid"]):
                         self.annotation(sequence, row) for row in event.get("annotations", ())}
        if "log" in event:
            event["body"] = self.interned(sequence, "log_bodies", event["log"]["body"])
        if event["type"] not in (BEGIN, INSTANT) and ("flows" in event or "last_flows" in event):
            raise BadTrace("a flow on an event that is no begin and no instant")
        if event["type"] in (BEGIN, INSTANT) and not event.get("name"):
            raise BadTrace("an event without a name")

    def take_clock_snapshot(self, snapshot):
        clocks = {clock["id"]: clock["timestamp"] for clock in snapshot["clocks"]}
        if snapshot.get("primary") != BOOTTIME or not {BOOTTIME, MONOTONIC} <= set(clocks):
            raise BadTrace(f"clocks: {snapshot}")
        if self.queues:
            raise BadTrace("clock_sync_failure: events before the first clocks")
        if self.clocks and clocks[BOOTTIME] <= self.clocks[-1][BOOTTIME]:
            raise BadTrace("invalid_clock_snapshots: the main clock goes back")
        self.clocks.append(clocks)

    def take_system_info(self, system):
        if not system["utsname"].get("release") or not system["utsname"].get("machine"):
            raise BadTrace("the system has no release or no machine")
        self.system = system

    def take_uuid(self, uuid):
        self.uuid = (uuid["msb"], uuid["lsb"])

    def take_ftrace_stats(self, stats):
        self.losses = self.losses or {}
        self.losses[stats["phase"]] = {row["cpu"]: row.get("dropped", 0) for row in stats["cpus"]}

    def reserve(self, descriptor):
        uuid = descriptor.get("uuid")
        if not uuid or uuid in self.tracks:
            raise BadTrace(f"track {uuid} is described twice")
        if "parent" in descriptor and descriptor["parent"] not in self.tracks:
            raise BadTrace(f"track {uuid} has the parent {descriptor['parent']}: not described")
        self.tracks[uuid] = Row(descriptor=descriptor, uuid=uuid, name=descriptor.get("name"),
                                parent=self.tracks.get(descriptor.get("parent")), thread=None,
                                process=None, resolved=False, open=[], counter="counter" in descriptor)

    def take_bundle(self, sequence, flags, bundle):
        if "cpu" not in bundle:
            raise BadTrace("ftrace_bundle_tokenizer_errors: a bundle without a CPU")
        if not self.system:
            raise BadTrace("a bundle before the system: states of a kernel 4.4 are assumed")
        cpu = bundle["cpu"]
        self.lost_bundles += bundle.get("lost", 0)
        self.take_compact(cpu, bundle.get("compact"))
        for event in bundle.get("event", ()):
            names = list(event)
            if names[:2] != ["timestamp", "pid"] or len(names) != 3:
                raise BadTrace(f"an event that is not time, thread, event: {names}")
            if names[2] == "sched_blocked_reason":
                if not flags & NEEDED:
                    raise BadTrace("a reason without the flag for its dictionary")
                event[names[2]]["function"] = self.interned(sequence, "kernel_symbols",
                                                            event[names[2]]["caller"])
            self.push(cpu + 1, event["timestamp"], names[2], (cpu, event["pid"], event[names[2]]))

    def take_compact(self, cpu, compact):
        if not compact:
            return
        for time, kind, columns in (
                ("switch_ts", "compact_switch", ("prev_state", "next_pid", "next_prio", "next_comm")),
                ("waking_ts", "compact_waking", ("waking_pid", "target_cpu", "waking_prio",
                                                 "waking_comm", "waking_flags"))):
            lists = [compact.get(column, []) for column in columns]
            if any(len(values) != len(compact.get(time, ())) for values in lists):
                raise BadTrace(f"compact_sched_has_parse_errors: lists of {kind} differ in length")
            ts = 0
            for delta, *values in zip(compact.get(time, ()), *lists):
                ts += delta
                if ts >> 63:
                    raise BadTrace(f"{kind} goes back in time")
                comm = 3 if kind == "compact_waking" else 3
                if values[comm] >= len(compact.get("table", ())):
                    raise BadTrace(f"{kind} has a name that is not in the table")
                values[comm] = compact["table"][values[comm]]
                self.push(cpu + 1, ts, kind, (cpu, values))

    # By time

    def push(self, queue, ts, kind, event):
        self.queues.setdefault(queue, []).append((ts, len(self.queues.get(queue, ())), kind, event))

    def sorted(self):
        """
        As trace_processor merges its queues, one for each CPU and the first for all else: the one
        with the earliest event goes on as far as to the earliest of all others.
        """
        queues = [sorted(self.queues[number], key=lambda e: e[:2]) for number in sorted(self.queues)]
        heads = [0] * len(queues)
        while True:
            times = [(queue[head][0], n) for n, (queue, head) in enumerate(zip(queues, heads))
                     if head < len(queue)]
            if not times:
                return
            ts, n = min(times)
            until = min((other for other, m in times if m != n), default=None)
            end = (len(queues[n]) if until is None else
                   bisect.bisect_right(queues[n], (until, float("inf")), heads[n]))
            yield from ((*event, n) for event in queues[n][heads[n]:end])
            heads[n] = end

    def follow(self):
        self.begin_ns = self.end_ns = None
        for ts, _order, kind, event, _queue in self.sorted():
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            if kind.startswith("compact"):
                getattr(self.sched, kind)(ts, *event)
            elif kind in ("track_event", "track_descriptor", "perf_sample", "stack_sample"):
                getattr(self, f"on_{kind}")(ts, event)
            elif kind in ("process_tree", "task_state"):
                getattr(self.sched, kind)(ts, event)
            else:
                getattr(self.sched, kind)(ts, *event)
        rows = [*self.sched.slices, *self.slices, *self.instants,
                *(row for thread in self.sched.threads for row in thread.states)]
        if rows:
            self.begin_ns = min(row.ts for row in rows)
            self.end_ns = max(row.ts + max(row.dur, 0) for row in rows)
        for track in self.tracks.values():
            if track.open:
                raise BadTrace(f"{len(track.open)} slices of {track.name} have no end")

    def resolve(self, track):
        if track.resolved:
            return
        track.resolved = True
        if track.parent:
            self.resolve(track.parent)
            track.thread, track.process = track.parent.thread, track.parent.process
        if "thread" in track.descriptor:
            of = track.descriptor["thread"]
            track.thread = self.sched.thread_of(of["tid"], of["pid"])
            if track.thread.track:
                # Taken for another thread that got this number.
                self.retaken += 1
                track.thread = self.sched.new_thread(of["tid"], None)
                track.thread.upid = self.sched.process(of["pid"])
            track.thread.track = track
            track.process = track.thread.upid
        if "process" in track.descriptor:
            track.process = self.sched.process(track.descriptor["process"]["pid"])
            if track.process.track:
                self.retaken += 1
                track.process = self.sched.new_process(track.process.pid)
            track.process.track = track

    def on_track_descriptor(self, _ts, descriptor):
        self.resolve(self.tracks[descriptor["uuid"]])

    def on_track_event(self, ts, event):
        track = self.tracks.get(event["track"])
        if not track:
            raise BadTrace(f"an event on track {event['track']}, which is not described")
        self.resolve(track)
        if track.counter != (event["type"] == COUNTER):
            raise BadTrace(f"a counter on another track, or something else on one: {track.name}")
        if event["type"] == COUNTER:
            value = event.get("counter", event.get("double_counter"))
            self.counters.append(Row(ts=ts, track=track, value=value))
            return
        if event["type"] == END:
            if not track.open:
                raise BadTrace(f"an end without a begin on {track.name} at {ts}")
            row = track.open.pop()
            row.dur = ts - row.ts
            return
        row = Row(ts=ts, dur=0 if event["type"] == INSTANT else -1, name=event["name"],
                  args=event["args"], category=event["category"], track=track,
                  stack=event.get("stack"), depth=len(track.open),
                  flows=event.get("flows", []), last_flows=event.get("last_flows", []))
        if event["type"] == INSTANT:
            self.instants.append(row)
            if "log" in event:
                self.logs.append(Row(ts=ts, thread=track.thread, text=event["body"],
                                     prio=event["log"].get("prio")))
            return
        self.slices.append(row)
        track.open.append(row)

    def on_perf_sample(self, ts, event):
        if "stack" not in event:
            raise BadTrace("perf_samples_skipped: a CPU sample without a callstack")
        self.samples.append(Row(ts=ts, thread=self.sched.thread_of(event["tid"], event["pid"]),
                                **event))

    def on_stack_sample(self, ts, event):
        task = event["task"]
        self.stack_samples.append(Row(ts=ts, weight=event["weight"], stack=event["stack"],
                                      thread=self.sched.thread_of(task["tid"], task["pid"])))

    # Questions

    def dur(self, row):
        """How long, where it is still open at the end."""
        return self.end_ns - row.ts if row.dur < 0 else row.dur

    def flows(self):
        """Pairs of slices or instants that an arrow joins, in order of time."""
        last, arrows = {}, []
        for row in sorted([*self.slices, *self.instants], key=lambda r: r.ts):
            for flow in row.flows + row.last_flows:
                if flow in last:
                    arrows.append((last[flow], row))
                last[flow] = row
                if flow in row.last_flows:
                    del last[flow]
        return arrows
