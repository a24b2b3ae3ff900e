# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""tracer - tasks, regions, logs and counters of a Python program, for `tracer` to record

    import tracer

    with tracer.task("checkout") as task:
        tracer.link(task, traceparent)
        with tracer.region("save"):
            tracer.log("%d rows", rows, category="db")

    @tracer.region
    def parse(request): ...

While nobody records, each of these costs what a Python call costs and says nothing; while
`tracer` records, about two microseconds more. Names and categories are cut to 127 bytes,
texts to 1023.

Needs libtracer-annotate.so.1: where the loader finds it, beside this file's tree, or where
the environment's TRACER_ANNOTATE_LIBRARY says. Without it everything works and nothing is
told: available() says which.
"""

import ctypes
import functools
import inspect
import os
import pathlib

__all__ = ["Task", "available", "counter", "enabled", "link", "log", "region", "snapshot", "task"]

_LIBRARY = "libtracer-annotate.so.1"


def _load():
    here = pathlib.Path(__file__).resolve()
    places = [os.environ.get("TRACER_ANNOTATE_LIBRARY"), _LIBRARY]
    # PREFIX/lib/python3/dist-packages/tracer.py: the library lies in PREFIX/lib
    places += [str(folder / lib / _LIBRARY) for folder in list(here.parents)[:4]
               for lib in (".", "lib")]
    for place in places:
        if not place:
            continue
        try:
            return ctypes.CDLL(place)
        except OSError:
            continue
    return None


def _function(name, result, *arguments):
    function = getattr(_library, name)
    function.restype = result
    function.argtypes = arguments
    return function


_library = _load()
if _library:
    _on = ctypes.c_uint16.from_address(_function("tracer_enabled_at", ctypes.c_void_p)())
    _begin = _function("tracer_task_begin_in", ctypes.c_uint64, ctypes.c_uint64, ctypes.c_char_p)
    _end = _function("tracer_task_end", None, ctypes.c_uint64)
    _enter = _function("tracer_task_enter", None, ctypes.c_uint64)
    _leave = _function("tracer_task_leave", None, ctypes.c_uint64)
    _region_begin = _function("tracer_region_begin", None, ctypes.c_char_p)
    _region_end = _function("tracer_region_end", None, ctypes.c_char_p)
    _text = _function("tracer_text", None, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_char_p)
    _counter = _function("tracer_counter", None, ctypes.c_char_p, ctypes.c_int64)
    _counter_real = _function("tracer_counter_real", None, ctypes.c_char_p, ctypes.c_double)
    _link = _function("tracer_link", None, ctypes.c_uint64, ctypes.c_char_p)
    _snapshot = _function("tracer_snapshot", None, ctypes.c_char_p)
else:
    _on = ctypes.c_uint16(0)

_NO_TASK = 0
_EARLIER_TASK = 1


def available():
    """Whether the library was found."""
    return _library is not None


def enabled():
    """Whether somebody records this program: for arguments that take long to make."""
    return _on.value != 0


def _bytes(text):
    # Surrogates and 0 bytes are no reason to fail in somebody's program.
    return str(text).encode("utf-8", "replace").split(b"\0", 1)[0]


def _number(task_or_none):
    return getattr(task_or_none, "id", task_or_none) or _NO_TASK


class Task:
    """A unit of work, which may cross threads: begun here, ended by end() on any thread.

    with Task(...): works for it on this thread and ends it; with task.work(): works for it
    on this thread and leaves it open.
    """

    def __init__(self, name, parent=None):
        self.name = name
        self.id = _begin(_number(parent), _bytes(name)) if _on.value else _EARLIER_TASK

    def end(self):
        """The work is done."""
        if _on.value:
            _end(self.id)

    def work(self):
        """For a with block: this thread works for the task."""
        return _Work(self)

    def __enter__(self):
        if _on.value:
            _enter(self.id)
        return self

    def __exit__(self, *_error):
        if _on.value:
            _leave(self.id)
            _end(self.id)
        return False


class _Work:
    def __init__(self, of_task):
        self._task = of_task

    def __enter__(self):
        if _on.value:
            _enter(self._task.id)
        return self._task

    def __exit__(self, *_error):
        if _on.value:
            _leave(self._task.id)
        return False


def task(name, parent=None):
    """A Task, for a with block: begun, worked for on this thread, and ended."""
    return Task(name, parent)


class _Region:
    def __init__(self, name):
        self._name = _bytes(name)

    def __enter__(self):
        if _on.value:
            _region_begin(self._name)
        return self

    def __exit__(self, *_error):
        if _on.value:
            _region_end(self._name)
        return False

    def __call__(self, function):
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function) or \
                inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__} is left and entered again on the way: a "
                            "region is a step inside one thread; announce a task instead")
        begin, end, name = globals().get("_region_begin"), globals().get("_region_end"), self._name

        @functools.wraps(function)
        def inside(*args, **named):
            if not _on.value:
                return function(*args, **named)
            begin(name)
            try:
                return function(*args, **named)
            finally:
                end(name)

        return inside


def region(name_or_function):
    """A step inside this thread: for a with block, or as @region and @region("name")."""
    if callable(name_or_function):
        return _Region(name_or_function.__qualname__)(name_or_function)
    return _Region(name_or_function)


def log(text, *args, category="", task=None):
    """A message of a task (else of the one that this thread works for): text % args."""
    if _on.value:
        _text(_number(task), _bytes(category), _bytes(text % args if args else text))


def counter(name, value):
    """A number as it is now."""
    if not _on.value:
        return
    if isinstance(value, int) and -2**63 <= value < 2**63:
        _counter(_bytes(name), value)
    else:
        _counter_real(_bytes(name), float(value))


def link(task, traceparent):
    """What a task is called in other people's traces: a W3C traceparent."""
    if _on.value:
        _link(_number(task), _bytes(traceparent))


def snapshot(reason):
    """Asks a flight recorder to keep what just happened."""
    if _on.value:
        _snapshot(_bytes(reason))
