# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""flights - a flight recorder in a test, and the snapshots that it writes"""

import os
import pathlib
import re
import signal
import time

from harness import Recorder
from judge import Failed, check, equal, wait_until
from traces import Trace

SNAPSHOT = re.compile(r"^tracer: snapshot (\S+\.trace): ", re.M)


class Flight:
    """`tracer flight` in the background; its snapshots go to a directory of their own."""

    def __init__(self, scene, *args, directory=None):
        self.scene = scene
        self.dir = directory or scene.path("snapshots")
        os.makedirs(self.dir, exist_ok=True)
        command = ["flight", "--dir", self.dir, *(str(arg) for arg in args)]
        self.recorder = scene.remember(Recorder(scene, command))
        self.pid = self.recorder.pid
        self.recorder.attached()

    def said(self):
        return self.recorder.stderr()

    def snapshots(self):
        """The paths of those that are written, in their order."""
        return SNAPSHOT.findall(self.said())

    def wait_for(self, count, seconds=20):
        """Waits until so many snapshots are written; their traces."""
        wait_until(lambda: len(self.snapshots()) >= count,
                   f"{count} snapshots ({len(self.snapshots())} are there)", seconds)
        return [Trace(self.scene, path) for path in self.snapshots()]

    def ask(self):
        """SIGUSR1; the trace of the snapshot."""
        before = len(self.snapshots())
        self.recorder.signal(signal.SIGUSR1)
        return self.wait_for(before + 1)[-1]

    def end(self, number=signal.SIGTERM):
        """Ends it in order; what it said."""
        equal(self.recorder.stop(number), 0, f"exit status ({self.said().strip()})")
        return self.said()

    def rss_bytes(self):
        text = pathlib.Path(f"/proc/{self.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGESIZE")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_whole(scene, trace):
    """Fails unless check says so."""
    done = scene.tracer("check", trace.path)
    equal(done.returncode, 0, f"exit status of check ({done.stdout}{done.stderr})")


def files_in(directory):
    return sorted(os.listdir(directory))


def highest_rss(flight, seconds):
    """The most memory that it took, looked at often."""
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        if not flight.recorder.alive():
            raise Failed(f"the recorder ended: {flight.said().strip()}")
        most = max(most, flight.rss_bytes())
        time.sleep(0.02)
    check(most, "no memory was seen")
    return most
