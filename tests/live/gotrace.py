# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""gotrace - exported traces as the real `go tool trace` reads them, of several versions"""

import html
import json
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import BUILD, ROOT
from judge import Skipped, check, equal
from profiles import Profile

TOOLS = BUILD / "go"


class Reader:
    """`go tool trace` of one version."""

    def __init__(self, version):
        self.version = version
        self.trace, self.pprof = (TOOLS / version / name for name in ("trace", "pprof"))

    def run(self, scene, program, *args, seconds=60):
        env = {**os.environ, "HOME": scene.dir, "PPROF_TMPDIR": scene.dir,
               "PPROF_BINARY_PATH": scene.dir, "BROWSER": "true"}
        return subprocess.run([program, *map(str, args)], capture_output=True, cwd=scene.dir,
                              env=env, timeout=seconds, check=False)

    def parsed(self, scene, path):
        """Every event as the reader understands it, in a line; fails when it refuses the file."""
        done = self.run(scene, self.trace, "-d=1", path)
        equal((done.returncode, done.stderr.decode()), (0, ""), f"go {self.version} reads {path}")
        text = done.stdout.decode(errors="replace")
        check(text.rstrip().rsplit("\n", 1)[-1].find(" Sync ") > 0,
              f"go {self.version}: the end of {path} was not reached")
        return text

    def profile(self, scene, path, kind):
        """One of net, sync, syscall, sched."""
        done = self.run(scene, self.trace, f"-pprof={kind}", path)
        equal((done.returncode, done.stderr.decode()), (0, ""), f"-pprof={kind} of {path}")
        made = pathlib.Path(scene.path(f"{kind}.pb.gz"))
        made.write_bytes(done.stdout)
        raw = self.run(scene, self.pprof, "-raw", made)
        equal(raw.returncode, 0, f"pprof reads the profile {kind} ({raw.stderr.decode()})")
        return Profile(raw.stdout.decode(errors="replace"))

    def serve(self, scene, path):
        """Its pages, at a port of this machine."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = scene.process(self.trace, f"-http=127.0.0.1:{port}", path, cwd=scene.dir,
                                env={**os.environ, "HOME": scene.dir, "BROWSER": "true"},
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pages = Pages(f"http://127.0.0.1:{port}")
        for _again in range(200):
            check(process.alive(), f"go {self.version} tool trace -http has ended")
            try:
                pages.get("/")
                return pages
            except OSError:
                time.sleep(0.1)
        raise Skipped("go tool trace does not listen")


class Pages:
    """A web server, and which of its pages were read."""

    def __init__(self, address):
        self.address = address
        self.read = {}

    def get(self, place):
        """A page; fails unless its status is 200."""
        try:
            with urllib.request.urlopen(self.address + place, timeout=30) as answer:
                text = answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            check(False, f"{place}: status {error.code}: {error.read()[:300]}")
        self.read[place] = text
        return text

    def json(self, place):
        return json.loads(self.get(place))

    def follow(self, limit=150):
        """All pages that the others lead to, or @limit of them."""
        waiting, known = ["/"], {"/"}
        while waiting and len(self.read) < limit:
            place = waiting.pop(0)
            text = self.get(place)
            if place.startswith(("/static/", "/jsontrace")):
                continue
            for link in re.findall(r"href=[\"']?([^\"' >]+)", text):
                link = urllib.parse.urljoin(place, html.unescape(link).split("#")[0])
                if not link.startswith("/") or link.startswith("//"):
                    continue
                path, _, query = link.partition("?")
                # Graphs are drawn by graphviz: the profile behind one will do.
                if re.fullmatch(r"/(region)?(io|block|syscall|sched)", path):
                    link = f"{path}?{query + '&' if query else ''}raw=1"
                if link not in known:
                    known.add(link)
                    waiting.append(link)
        return self.read


def readers():
    """All versions; they are fetched once."""
    done = subprocess.run(["sh", ROOT / "tests/go-trace.sh", TOOLS], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise Skipped(f"go tool trace cannot be fetched: {done.stderr.strip()[-200:]}")
    return [Reader(version) for version in ("1.22", "1.23")]


def export(scene, trace, name="trace.out", *options):
    """Exports a trace; the path of what was made."""
    path = scene.path(name)
    done = scene.tracer("export", "go", trace.path, "-o", path, *options)
    equal(done.returncode, 0, f"exit status of export go ({done.stderr.strip()})")
    return path
