// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* build_id - which build a program or library is */
#include "user/symbols/build_id.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#define SEGMENTS_MAX 64
#define NOTES_BYTES  4096

static bool read_at(int fd, void *to, size_t bytes, u64 offset)
{
	return offset < INT64_MAX && pread(fd, to, bytes, (off_t)offset) == (ssize_t)bytes;
}

/* Walks the notes in @at. Return: bytes of the id. */
static unsigned int find_id(u8 id[BUILD_ID_ROOM], const u8 *at, size_t bytes)
{
	while (bytes >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		u64 name_bytes, id_bytes;

		memcpy(&note, at, sizeof(note));
		name_bytes = ((u64)note.n_namesz + 3) & ~3ULL;
		id_bytes = ((u64)note.n_descsz + 3) & ~3ULL;
		at += sizeof(note);
		bytes -= sizeof(note);
		if (name_bytes + id_bytes > bytes)
			return 0;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(at, "GNU", 4)) {
			unsigned int length = min(note.n_descsz, (u32)BUILD_ID_ROOM);

			memcpy(id, at + name_bytes, length);
			return length;
		}
		at += name_bytes + id_bytes;
		bytes -= name_bytes + id_bytes;
	}
	return 0;
}

static unsigned int read_notes(u8 id[BUILD_ID_ROOM], int fd, u64 offset, u64 bytes)
{
	u8 notes[NOTES_BYTES];

	bytes = min(bytes, (u64)sizeof(notes));
	return read_at(fd, notes, bytes, offset) ? find_id(id, notes, bytes) : 0;
}

static unsigned int search_64(u8 id[BUILD_ID_ROOM], int fd)
{
	Elf64_Ehdr head;

	if (!read_at(fd, &head, sizeof(head), 0) || head.e_phentsize != sizeof(Elf64_Phdr))
		return 0;
	for (u32 i = 0; i < head.e_phnum && i < SEGMENTS_MAX; i++) {
		Elf64_Phdr segment;
		unsigned int found;

		if (!read_at(fd, &segment, sizeof(segment), head.e_phoff + i * sizeof(segment)))
			return 0;
		if (segment.p_type != PT_NOTE)
			continue;
		found = read_notes(id, fd, segment.p_offset, segment.p_filesz);
		if (found)
			return found;
	}
	return 0;
}

static unsigned int search_32(u8 id[BUILD_ID_ROOM], int fd)
{
	Elf32_Ehdr head;

	if (!read_at(fd, &head, sizeof(head), 0) || head.e_phentsize != sizeof(Elf32_Phdr))
		return 0;
	for (u32 i = 0; i < head.e_phnum && i < SEGMENTS_MAX; i++) {
		Elf32_Phdr segment;
		unsigned int found;

		if (!read_at(fd, &segment, sizeof(segment),
			     (u64)head.e_phoff + i * sizeof(segment)))
			return 0;
		if (segment.p_type != PT_NOTE)
			continue;
		found = read_notes(id, fd, segment.p_offset, segment.p_filesz);
		if (found)
			return found;
	}
	return 0;
}

unsigned int build_id_read(u8 id[BUILD_ID_ROOM], int fd)
{
	u8 ident[EI_NIDENT];

	if (!read_at(fd, ident, sizeof(ident), 0) || memcmp(ident, ELFMAG, SELFMAG))
		return 0;
	/* Files of the other byte order do not run here. */
	return ident[EI_CLASS] == ELFCLASS64 ? search_64(id, fd) : search_32(id, fd);
}
