# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""perfetto_wire - a decoder for Perfetto traces of its own: bytes to packets, and nothing is let pass

Written from the description of the format, not from the writer: a field that is not in the tables
below, a wrong wire type, a field twice, a list packed that must not be, are errors.
"""

import struct
import zlib

COMPRESSED_MAX = 512 << 10


class BadTrace(Exception):
    """What a real reader would reject, drop or misread."""


# Messages: field -> (name, kind). u: uint, i: int64, s: text, b: bytes, f: fixed64, d: double,
# a name: that message. "*" behind it: repeated, one tag each; "[]": packed.
MESSAGES = {
    "Packet": {
        1: ("ftrace_events", "Bundle"), 2: ("process_tree", "Tree"),
        6: ("clock_snapshot", "Clocks"), 8: ("timestamp", "u"), 10: ("sequence", "u"),
        11: ("track_event", "TrackEvent"), 12: ("interned_data", "Interned"), 13: ("flags", "u"),
        34: ("ftrace_stats", "FtraceStats"), 45: ("system_info", "System"),
        50: ("compressed", "b"), 59: ("defaults", "Defaults"),
        60: ("track_descriptor", "Descriptor"), 66: ("perf_sample", "PerfSample"),
        87: ("first_on_sequence", "u"), 89: ("uuid", "Uuid"), 117: ("task_state", "TaskState"),
        135: ("stack_sample", "StackSample"),
    },
    "Bundle": {1: ("cpu", "u"), 2: ("event", "Ftrace*"), 3: ("lost", "u"), 4: ("compact", "Compact")},
    "Compact": {
        1: ("switch_ts", "u[]"), 2: ("prev_state", "i[]"), 3: ("next_pid", "i[]"),
        4: ("next_prio", "i[]"), 5: ("table", "s*"), 6: ("next_comm", "u[]"),
        7: ("waking_ts", "u[]"), 8: ("waking_pid", "i[]"), 9: ("target_cpu", "i[]"),
        10: ("waking_prio", "i[]"), 11: ("waking_comm", "u[]"), 12: ("waking_flags", "u[]"),
    },
    "Ftrace": {
        1: ("timestamp", "u"), 2: ("pid", "u"), 4: ("sched_switch", "Switch"),
        18: ("sched_blocked_reason", "Reason"), 20: ("sched_waking", "Waking"),
        235: ("task_newtask", "Newtask"), 236: ("task_rename", "Rename"),
        240: ("sched_process_free", "Free"),
    },
    "Switch": {1: ("prev_comm", "s"), 2: ("prev_pid", "i"), 3: ("prev_prio", "i"),
               4: ("prev_state", "i"), 5: ("next_comm", "s"), 6: ("next_pid", "i"),
               7: ("next_prio", "i")},
    "Waking": {1: ("comm", "s"), 2: ("pid", "i"), 3: ("prio", "i"), 4: ("success", "i"),
               5: ("target_cpu", "i")},
    "Reason": {1: ("pid", "i"), 2: ("caller", "u"), 3: ("io_wait", "u")},
    "Newtask": {1: ("pid", "i"), 2: ("comm", "s"), 3: ("clone_flags", "u")},
    "Rename": {1: ("pid", "i"), 2: ("oldcomm", "s"), 3: ("newcomm", "s")},
    "Free": {1: ("comm", "s"), 2: ("pid", "i"), 3: ("prio", "i")},
    "Tree": {1: ("processes", "TreeProcess*"), 2: ("threads", "TreeThread*")},
    "TreeProcess": {1: ("pid", "i"), 2: ("ppid", "i"), 3: ("cmdline", "s*"), 8: ("kthread", "u"),
                    9: ("is_comm", "u")},
    "TreeThread": {1: ("tid", "i"), 2: ("name", "s"), 3: ("tgid", "i")},
    "Clocks": {1: ("clocks", "Clock*"), 2: ("primary", "u")},
    "Clock": {1: ("id", "u"), 2: ("timestamp", "u")},
    "System": {1: ("utsname", "Utsname"), 4: ("version", "s"), 6: ("page_size", "u"),
               8: ("cpus", "u"), 16: ("memory", "u")},
    "Utsname": {1: ("sysname", "s"), 2: ("version", "s"), 3: ("release", "s"), 4: ("machine", "s")},
    "Uuid": {1: ("msb", "i"), 2: ("lsb", "i")},
    "Defaults": {12: ("perf_sample", "PerfDefaults"), 100: ("stack_sample", "StackDefaults")},
    "PerfDefaults": {1: ("timebase", "Timebase")},
    "Timebase": {1: ("period", "u"), 4: ("counter", "u")},
    "StackDefaults": {1: ("source", "s"), 2: ("primary", "Counter")},
    "Counter": {2: ("name", "s"), 4: ("unit_str", "s")},
    "FtraceStats": {1: ("phase", "u"), 2: ("cpus", "CpuStats*")},
    "CpuStats": {1: ("cpu", "u"), 8: ("dropped", "u")},
    "Descriptor": {1: ("uuid", "u"), 2: ("name", "s"), 3: ("process", "OfProcess"),
                   4: ("thread", "OfThread"), 5: ("parent", "u"), 8: ("counter", "OfCounter"),
                   15: ("merge", "u")},
    "OfProcess": {1: ("pid", "i")},
    "OfThread": {1: ("pid", "i"), 2: ("tid", "i")},
    "OfCounter": {},
    "TrackEvent": {
        3: ("categories", "u*"), 4: ("annotations", "Annotation*"), 9: ("type", "u"),
        10: ("name_iid", "u"), 11: ("track", "u"), 21: ("log", "Log"), 23: ("name", "s"),
        30: ("counter", "i"), 44: ("double_counter", "d"), 47: ("flows", "f*"),
        48: ("last_flows", "f*"), 56: ("callstack", "u"),
    },
    "Log": {1: ("location", "u"), 2: ("body", "u"), 3: ("prio", "u")},
    "Annotation": {10: ("name", "s"), 1: ("name_iid", "u"), 2: ("flag", "u"), 3: ("uint", "u"), 4: ("int", "i"),
                   5: ("real", "d"), 6: ("text", "s"), 7: ("pointer", "u"),
                   12: ("items", "Annotation*"), 17: ("text_iid", "u")},
    "PerfSample": {1: ("cpu", "u"), 2: ("pid", "u"), 3: ("tid", "u"), 4: ("callstack", "u"),
                   5: ("mode", "u"), 6: ("count", "u")},
    "StackSample": {1: ("task", "TaskContext"), 6: ("callstack", "u"), 11: ("weight", "i")},
    "TaskContext": {2: ("pid", "u"), 3: ("tid", "u")},
    "TaskState": {1: ("cpu", "u"), 2: ("comm", "s"), 3: ("tid", "i"), 4: ("state", "u"),
                  5: ("prio", "i")},
    "Interned": {1: ("categories", "Text*"), 2: ("events", "Text*"), 3: ("annotations", "Text*"),
                 5: ("functions", "Bytes*"), 6: ("frames", "Frame*"),
                 7: ("callstacks", "Callstack*"), 16: ("build_ids", "Bytes*"),
                 17: ("paths", "Bytes*"), 18: ("sources", "Bytes*"), 19: ("mappings", "Mapping*"),
                 20: ("log_bodies", "Text*"), 26: ("kernel_symbols", "Bytes*"),
                 29: ("texts", "Bytes*")},
    "Text": {1: ("iid", "u"), 2: ("text", "s")},
    "Bytes": {1: ("iid", "u"), 2: ("text", "b")},
    "Frame": {1: ("iid", "u"), 2: ("function", "u"), 3: ("mapping", "u"), 4: ("rel_pc", "u"),
              5: ("source", "u"), 6: ("line", "u")},
    "Callstack": {1: ("iid", "u"), 2: ("frames", "u*")},
    "Mapping": {1: ("iid", "u"), 2: ("build_id", "u"), 4: ("start", "u"), 5: ("end", "u"),
                7: ("paths", "u*")},
}

WIRES = {"u": 0, "i": 0, "f": 1, "d": 1}


def varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise BadTrace("a number has no end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        if byte < 0x80:
            if value >> 64:
                raise BadTrace("a number of more than 64 bits")
            return value, at
        shift += 7


def fields(data):
    """(number, wire type, value) of a message: ints, 8 bytes, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 1:
            value, at = data[at:at + 8], at + 8
        elif wire == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise BadTrace(f"wire type {wire}")
        if at > len(data):
            raise BadTrace("a field is cut")
        yield number, wire, value


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def scalar(kind, value):
    if kind == "u":
        return value
    if kind == "i":
        return signed(value)
    if kind == "f":
        return struct.unpack("<Q", value)[0]
    if kind == "d":
        return struct.unpack("<d", value)[0]
    if kind == "s":
        return bytes(value).decode("utf-8", "replace")
    return bytes(value)


def packed(kind, data):
    values, at = [], 0
    while at < len(data):
        value, at = varint(data, at)
        values.append(signed(value) if kind == "i" else value)
    return values


def decode(message, data):
    """A message as a dict."""
    table, found = MESSAGES[message], {}
    for number, wire, value in fields(data):
        if number not in table:
            raise BadTrace(f"{message} has no field {number}")
        name, kind = table[number]
        many, list_of = kind.endswith("*"), kind.endswith("[]")
        kind = kind.rstrip("*[]")
        if wire != (2 if list_of else WIRES.get(kind, 2)):
            raise BadTrace(f"{message}.{name} has wire type {wire}")
        if list_of:
            value = packed(kind, value)
        elif kind in MESSAGES:
            value = decode(kind, value)
        else:
            value = scalar(kind, value)
        if many:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise BadTrace(f"{message}.{name} is there twice")
        else:
            found[name] = value
    return found


def packets_of(data, nested=False):
    for number, wire, value in fields(data):
        if number != 1 or wire != 2:
            raise BadTrace(f"field {number} where a packet should be")
        packet = decode("Packet", value)
        if "compressed" not in packet:
            yield packet
            continue
        if nested:
            raise BadTrace("a compressed packet in a compressed packet")
        if len(packet) != 1:
            raise BadTrace(f"a compressed packet with {sorted(packet)}")
        if len(packet["compressed"]) >= COMPRESSED_MAX:
            raise BadTrace(f"a compressed packet of {len(packet['compressed'])} bytes")
        inflater = zlib.decompressobj()
        inner = inflater.decompress(packet["compressed"])
        if not inflater.eof or inflater.unused_data:
            raise BadTrace("a compressed packet is cut, or has something behind it")
        yield from packets_of(memoryview(inner), True)


def read(path):
    """All packets of a file, in its order."""
    with open(path, "rb") as file:
        return list(packets_of(memoryview(file.read())))
