# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""profiles - a profile as the real `go tool pprof` reads it"""

import os
import re
import subprocess

from judge import check, equal, need

GO = "go"


def go_tool_pprof(scene, *args, seconds=60):
    """What `go tool pprof` prints."""
    need(GO)
    env = {**os.environ, "HOME": scene.dir, "PPROF_TMPDIR": scene.dir, "GOTOOLCHAIN": "local",
           "PPROF_BINARY_PATH": scene.dir}
    done = subprocess.run([GO, "tool", "pprof", *map(str, args)], capture_output=True, text=True,
                          errors="replace", env=env, cwd=scene.dir, timeout=seconds, check=False)
    equal(done.returncode, 0, f"exit status of go tool pprof {args} ({done.stderr[-500:]})")
    return done.stdout


class Sample:
    """Values, names of frames from the innermost on, and labels."""

    def __init__(self, count, ns, locations):
        self.count, self.ns, self.locations = count, ns, locations
        self.frames = []
        self.labels = {}


class Profile:
    """What `go tool pprof -raw` says of a profile."""

    def __init__(self, text):
        self.text = text
        self.samples = []
        self.types = None
        self.names = {}  # location -> function
        self.lines = {}  # location -> file:line
        self.addresses = {}
        self.mappings = []
        part = None
        for line in text.splitlines():
            if line in ("Samples:", "Locations", "Mappings"):
                part = line.rstrip(":")
            elif part:
                getattr(self, "read_" + part.lower())(line)
        for sample in self.samples:
            sample.frames = [self.names[number] for number in sample.locations]

    def read_samples(self, line):
        values = re.match(r"\s*(\d+)\s+(\d+): ([\d ]+)$", line)
        if values:
            count, ns, numbers = values.groups()
            self.samples.append(Sample(int(count), int(ns), [int(n) for n in numbers.split()]))
        elif not self.samples:
            self.types = line.split()
        else:
            self.samples[-1].labels.update(re.findall(r"(\w+):\[(.*?)\](?= \w+:\[|$| *$)", line))

    def read_locations(self, line):
        found = re.match(r"\s*(\d+): 0x([0-9a-f]+) (?:M=(\d+) )?(.*?) (\S*:\d+)(?: s=\d+)?$", line)
        check(found, f"a location that cannot be read: {line!r}")
        number, address, _mapping, name, place = found.groups()
        self.names[int(number)] = name
        self.lines[int(number)] = place
        self.addresses[int(number)] = int(address, 16)

    def read_mappings(self, line):
        if line.strip():
            self.mappings.append(line)

    def sums(self, **labels):
        """Count and ns of all samples with these labels."""
        chosen = [sample for sample in self.samples
                  if all(sample.labels.get(key) == value for key, value in labels.items())]
        return sum(s.count for s in chosen), sum(s.ns for s in chosen)

    def ns_through(self, function, **labels):
        """The time of the samples that have @function among their frames."""
        return sum(s.ns for s in self.samples
                   if function in s.frames
                   and all(s.labels.get(key) == value for key, value in labels.items()))


def profile_of(scene, trace, kind, *options):
    """The profile of @kind of a trace, by way of `go tool pprof -raw`."""
    path = scene.path(f"{kind}.pb.gz")
    done = scene.tracer("pprof", kind, trace.path, "-o", path, *options)
    equal(done.returncode, 0, f"exit status of pprof {kind} ({done.stderr.strip()})")
    return Profile(go_tool_pprof(scene, "-raw", path))
