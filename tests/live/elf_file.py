# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""elf_file - the tables of a 64-bit ELF file, to be read and to be damaged"""

import struct

HEADER = {"shoff": (0x28, "Q"), "phoff": (0x20, "Q"), "phentsize": (0x36, "H"),
          "phnum": (0x38, "H"), "shentsize": (0x3a, "H"), "shnum": (0x3c, "H"),
          "shstrndx": (0x3e, "H")}
SECTION = {"name": (0, "I"), "type": (4, "I"), "flags": (8, "Q"), "addr": (16, "Q"),
           "offset": (24, "Q"), "size": (32, "Q"), "link": (40, "I"), "info": (44, "I"),
           "align": (48, "Q"), "entsize": (56, "Q")}
SEGMENT = {"type": (0, "I"), "flags": (4, "I"), "offset": (8, "Q"), "vaddr": (16, "Q"),
           "filesz": (32, "Q"), "memsz": (40, "Q"), "align": (48, "Q")}


class ElfFile:
    """The bytes of a file, and where its tables lie in them."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        self.sections = {}
        names = self.section_at(self.get(0, HEADER["shstrndx"]))
        for number in range(self.get(0, HEADER["shnum"])):
            at = self.section_at(number)
            begin = self.get(names, SECTION["offset"]) + self.get(at, SECTION["name"])
            self.sections[self.data[begin:self.data.index(0, begin)].decode()] = at

    def section_at(self, number):
        return self.get(0, HEADER["shoff"]) + number * self.get(0, HEADER["shentsize"])

    def get(self, at, field):
        return struct.unpack_from("<" + field[1], self.data, at + field[0])[0]

    def put(self, at, field, value):
        struct.pack_into("<" + field[1], self.data, at + field[0], value)

    def head(self, field, value):
        """Sets a field of the file's header."""
        self.put(0, HEADER[field], value)

    def section(self, name, field, value=None):
        """A field of a section's header, set when @value is given."""
        if value is not None:
            self.put(self.sections[name], SECTION[field], value)
        return self.get(self.sections[name], SECTION[field])

    def segments(self, kind):
        """Where the program headers of this type lie."""
        first, size = self.get(0, HEADER["phoff"]), self.get(0, HEADER["phentsize"])
        every = [first + size * i for i in range(self.get(0, HEADER["phnum"]))]
        return [at for at in every if self.get(at, SEGMENT["type"]) == kind]

    def content(self, name, content):
        """Puts bytes at the begin of a section, over and over when they are few."""
        begin, size = self.section(name, "offset"), self.section(name, "size")
        self.data[begin:begin + size] = (content * (size // len(content) + 1))[:size]

    def symbols(self, table):
        """Where the symbols of a table lie: name I 0, info B 4, shndx H 6, value Q 8, size Q 16."""
        begin = self.section(table, "offset")
        return range(begin, begin + self.section(table, "size"), 24)

    def write(self, path):
        with open(path, "wb") as file:
            file.write(self.data)
