# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_hostile - files of the target that lie, shrink or never end: a clear note, a usable trace"""

import os
import random
import re
import struct

from elf_file import SEGMENT, ElfFile
from harness import TRACER
from judge import check, equal, near, test
from programs import names, shell, text, total, waits

LIBRARY = """
__attribute__((noinline)) void call_from_library(void (*called)(void))
{
	called();
	__asm__ volatile("");
}
"""

PT_LOAD = 1


def build_library(scene):
    """A library with one function. Its path, and the offset of the function in the file."""
    with open(scene.path("library.c"), "w", encoding="utf-8") as file:
        file.write(LIBRARY)
    shell(scene, "cc -O2 -g -fno-omit-frame-pointer -shared -fPIC -Wl,--build-id=sha1 "
                 "-o whole.so library.c")
    symbols = shell(scene, "nm whole.so")
    address = int(re.search(r"(\w+) T call_from_library", symbols).group(1), 16)
    elf = ElfFile(scene.path("whole.so"))
    for at in elf.segments(PT_LOAD):
        begin = elf.get(at, SEGMENT["vaddr"])
        if begin <= address < begin + elf.get(at, SEGMENT["filesz"]):
            return scene.path("whole.so"), address - begin + elf.get(at, SEGMENT["offset"])
    raise AssertionError("the function is in no segment")


# Damages: each takes an ElfFile


def no_header(elf):
    elf.data[:64] = bytes(64)


def sections_at_the_end_of_the_world(elf):
    elf.head("shoff", 1 << 63)
    elf.head("shnum", 65535)


def sections_in_each_other(elf):
    elf.head("shentsize", 1)


def names_of_sections_nowhere(elf):
    elf.head("shstrndx", 65000)


def more_segments_than_bytes(elf):
    elf.head("phnum", 65535)


def segments_of_no_size(elf):
    elf.head("phentsize", 0)


def segments_that_wrap(elf):
    for at in elf.segments(PT_LOAD):
        elf.put(at, SEGMENT["vaddr"], (1 << 64) - 4096)
        elf.put(at, SEGMENT["memsz"], (1 << 64) - 1)
        elf.put(at, SEGMENT["align"], 3)


def symbols_without_end(elf):
    elf.section(".symtab", "size", 1 << 60)
    elf.section(".dynsym", "size", (1 << 64) - 1)


def symbols_of_no_size(elf):
    elf.section(".symtab", "entsize", 0)
    elf.section(".dynsym", "entsize", 1 << 40)


def names_that_link_to_themselves(elf):
    for name in (".symtab", ".dynsym", ".strtab", ".dynstr"):
        elf.section(name, "link", list(elf.sections).index(name))


def names_behind_the_file(elf):
    elf.section(".strtab", "offset", 1 << 62)
    elf.section(".dynstr", "offset", len(elf.data) - 1)


def names_that_clear_the_screen(elf):
    elf.content(".strtab", b"\x1b[2J\xff\n")
    elf.content(".dynstr", b"\xff")


def symbols_that_lie(elf):
    for table in (".symtab", ".dynsym"):
        for at in elf.symbols(table):
            struct.pack_into("<I", elf.data, at, 0xffffffff)
            struct.pack_into("<QQ", elf.data, at + 8, (1 << 64) - 1, (1 << 64) - 1)


def a_build_id_of_four_gigabytes(elf):
    begin = elf.section(".note.gnu.build-id", "offset")
    struct.pack_into("<III", elf.data, begin, 0xffffffff, 0xfffffff0, 3)


def frames_of_garbage(elf):
    elf.content(".eh_frame", os.urandom(64))
    elf.content(".eh_frame_hdr", os.urandom(64))


def frames_that_are_their_own_fathers(elf):
    elf.content(".eh_frame", struct.pack("<II", 4, 4))
    begin = elf.section(".eh_frame_hdr", "offset")
    struct.pack_into("<BBBBii", elf.data, begin, 1, 0x1b, 3, 0x3b, -4, 0x7fffffff)


def lines_of_garbage(elf):
    for name in (".debug_line", ".debug_info", ".debug_abbrev", ".debug_str"):
        elf.content(name, os.urandom(32))


def lines_that_are_compressed_from_an_exabyte(elf):
    begin = elf.section(".debug_info", "offset")
    elf.section(".debug_info", "flags", 0x800)
    struct.pack_into("<IIQQ", elf.data, begin, 1, 0, 1 << 60, 1)


def sections_that_overlap(elf):
    for name in list(elf.sections)[1:]:
        elf.section(name, "offset", 0)


def debug_files(scene, library):
    """Copies whose debuglink names something strange; their debug names are cut off."""
    os.mkfifo(scene.path("fifo.debug"))
    os.mkdir(scene.path("directory.debug"))
    os.symlink("loop.debug", scene.path("loop.debug"))
    with open(scene.path("huge.debug"), "wb") as file:
        file.truncate(1 << 40)
    made = []
    for kind in ("fifo", "directory", "loop", "huge", "self", "upwards"):
        path = scene.path(f"{kind}.so")
        shell(scene, f"cp {library} {kind}.so && cp {library} link.debug && "
                     f"objcopy --strip-all --add-gnu-debuglink=link.debug {kind}.so && "
                     "rm link.debug")
        elf = ElfFile(path)
        target = {"self": "self.so", "upwards": "../../../etc/passwd"}.get(kind, f"{kind}.debug")
        size = elf.section(".gnu_debuglink", "size")
        room = max(size, len(target) + 8)
        elf.data += target.encode().ljust(room, b"\0")
        elf.section(".gnu_debuglink", "offset", len(elf.data) - room)
        elf.section(".gnu_debuglink", "size", room)
        elf.write(path)
        made.append(path)
    return made


DAMAGES = (no_header, sections_at_the_end_of_the_world, sections_in_each_other,
           names_of_sections_nowhere, more_segments_than_bytes, segments_of_no_size,
           segments_that_wrap, symbols_without_end, symbols_of_no_size,
           names_that_link_to_themselves, names_behind_the_file, names_that_clear_the_screen,
           symbols_that_lie, a_build_id_of_four_gigabytes, frames_of_garbage,
           frames_that_are_their_own_fathers, lines_of_garbage,
           lines_that_are_compressed_from_an_exabyte, sections_that_overlap)


def record_mapped(scene, paths, offset, rounds=5, between=None):
    """Records a program that calls through all these files; @between is run when it has begun."""
    args = [word for path in paths for word in ("--map", f"{path}:{offset}")]
    workload = scene.workload("named_waits", "--hold", "--rounds", rounds, "--ms", 2, *args)
    workload.ready()
    recorder = scene.recorder("-p", workload.pid, "--stack-min", "0")
    workload.go()
    if between:
        between()
    truth = workload.truth()
    equal(recorder.wait(30), 0, f"exit status ({recorder.stderr().strip()})")
    return scene.trace(recorder.trace), truth


def is_usable(scene, trace, truth):
    """All waits are there and named, by every report that reads files, and it is quick."""
    rows = waits(trace.report("stacks"), "wait_in_step")
    calls = truth["threads"][0]["calls"]["wait"]
    equal(total(rows, "count"), calls["count"], f"waits in wait_in_step(): {names(trace)}")
    for args in (("report", "stacks", "--lines", trace.path), ("report", "locks", trace.path),
                 ("pprof", "wait", "--lines", trace.path, "-o", scene.path("wait.pb.gz")),
                 ("flame", "--lines", trace.path, "-o", scene.path("wait.svg"))):
        done = scene.tracer(*args, seconds=20)
        equal(done.returncode, 0, f"exit status of {args} ({done.stderr.strip()})")
    shown = text(scene, trace, "stacks")
    check(not re.search(r"→ (0x)?[0-9a-f]{6,}\b", shown), f"a bare number:\n{shown}")


def through(trace, path):
    """The functions that waits have in the file at @path."""
    module = os.path.basename(path)
    return {frame["function"] for row in trace.report("stacks")["stacks"]
            for frame in row["user"] if frame["module"] == module}


@test(seconds=120)
def libraries_that_lie_do_no_harm(scene):
    whole, offset = build_library(scene)
    paths = [whole]
    for damage in DAMAGES:
        elf = ElfFile(whole)
        damage(elf)
        paths.append(scene.path(f"{damage.__name__}.so"))
        elf.write(paths[-1])
    trace, truth = record_mapped(scene, paths, offset)
    is_usable(scene, trace, truth)
    equal(through(trace, whole), {"call_from_library"}, "what the whole library shows")
    check("\x1b" not in text(scene, trace, "stacks"), "a name reaches the terminal as it is")
    for path in paths[1:]:
        found = through(trace, path)
        check(found, f"no frame in {path}: {names(trace)}")
        if "names_that_clear_the_screen" in path:
            continue
        check(found <= {"call_from_library", None}, f"a wrong name in {path}: {found}")


@test(seconds=120)
def libraries_with_random_damages_do_no_harm(scene):
    whole, offset = build_library(scene)
    paths = []
    for seed in range(40):
        elf = ElfFile(whole)
        dice = random.Random(seed)
        begin = elf.section(".text", "offset")
        end = begin + elf.section(".text", "size")
        for _again in range(dice.choice((1, 8, 64, 512))):
            at = dice.randrange(len(elf.data))
            if not begin <= at < end:
                elf.data[at] = dice.choice((0, 0xff, 0x7f, 0x80, dice.randrange(256)))
        paths.append(scene.path(f"random{seed}.so"))
        elf.write(paths[-1])
    trace, truth = record_mapped(scene, paths, offset, rounds=3)
    is_usable(scene, trace, truth)


@test(seconds=120)
def debug_files_that_are_none_do_no_harm(scene):
    whole, offset = build_library(scene)
    trace, truth = record_mapped(scene, debug_files(scene, whole), offset)
    is_usable(scene, trace, truth)
    # .dynsym is left of its names
    for kind in ("fifo", "directory", "loop", "huge", "self", "upwards"):
        equal(through(trace, f"{kind}.so"), {"call_from_library"}, f"what {kind}.so shows")


@test(seconds=120)
def a_library_that_shrinks_and_one_that_has_no_end_do_no_harm(scene):
    whole, offset = build_library(scene)
    elf = ElfFile(whole)
    paths = [scene.path(name) for name in ("cut.so", "shrinks.so", "endless.so", "gone.so")]
    for path in paths:
        elf.write(path)
    code_end = (offset | 4095) + 1
    os.truncate(paths[0], code_end)
    elf.head("shoff", (1 << 40) - 64 * 64)
    elf.write(paths[2])
    os.truncate(paths[2], 1 << 40)

    def change():
        os.truncate(paths[1], code_end)
        os.unlink(paths[3])

    trace, truth = record_mapped(scene, paths, offset, between=change)
    is_usable(scene, trace, truth)
    for path in paths:
        found = through(trace, path)
        check(found and found <= {"call_from_library", None}, f"what {path} shows: {found}")
    # and when the files are gone, or others, at the time of the report
    for path in paths[:3]:
        os.truncate(path, 0)
    is_usable(scene, scene.trace(trace.path), truth)


@test
def the_memory_to_resolve_stays_small(scene):
    whole, offset = build_library(scene)
    elf = ElfFile(whole)
    # a table of 40 million symbols, all of them the same
    symbols = elf.section(".symtab", "size")
    entry = bytes(elf.data[elf.section(".symtab", "offset") + 24:][:24])
    elf.section(".symtab", "offset", len(elf.data))
    elf.section(".symtab", "size", symbols + (1 << 30))
    elf.data += entry * ((1 << 20) // 24)
    path = scene.path("large.so")
    elf.write(path)
    os.truncate(path, (1 << 30) + (1 << 22))
    trace, truth = record_mapped(scene, [path], offset)
    rows = waits(trace.report("stacks"), "wait_in_step")
    near(total(rows, "count"), truth["threads"][0]["calls"]["wait"]["count"], "waits", slack=0)
    for args in (("report", "stacks", trace.path), ("pprof", "wait", "-o", "-", trace.path)):
        script = ("import resource, subprocess, sys; "
                  "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
                  "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        done = shell(scene, f"python3 -c '{script}' {TRACER} {' '.join(args)}")
        check(int(done) < 64 << 10, f"{args} took {int(done) >> 10} MiB")
