# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""judge - judgements: what was found against what is true"""

import os
import shutil
import time

US = 1_000
MS = 1_000_000
SECOND = 1_000_000_000


class Failed(Exception):
    """What was found is not what is true."""


class Skipped(Exception):
    """It cannot be tested here."""


TESTS = []


def test(function=None, seconds=60):
    """Marks a test; it fails when it takes longer than @seconds."""
    if function is None:
        return lambda real: test(real, seconds)
    TESTS.append((function, seconds))
    return function


def check(condition, reason):
    """Fails with @reason unless @condition holds."""
    if not condition:
        raise Failed(reason)


def equal(found, truth, what):
    """Fails unless @found is exactly @truth."""
    check(found == truth, f"{what}: {found!r}, in truth {truth!r}")


def near(found, truth, what, share=0.05, slack=0):
    """Fails unless @found is within @share of @truth, or within @slack more."""
    room = abs(truth) * share + slack
    check(abs(found - truth) <= room, f"{what}: {found:,}, in truth {truth:,} (+- {room:,.0f})")


def between(found, least, most, what):
    """Fails unless @found lies between @least and @most."""
    check(least <= found <= most, f"{what}: {found:,}, in truth {least:,.0f} to {most:,.0f}")


def wait_until(condition, what, seconds=10):
    """Waits for what @condition returns to become true; fails after @seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise Failed(f"not within {seconds} s: {what}")


def need(*programs):
    """Skips the test unless all @programs are installed."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for program in programs:
        if not shutil.which(program, path=path):
            raise Skipped(f"{program} is not installed")
