// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* lines - file and line of an address, from DWARF */
#include "user/symbols/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <elfutils/libdw.h>

#define FILE_MOST (2ULL << 30)

struct lines {
	int fd;
	Elf *elf;
	Dwarf *dwarf;
};

int lines_open(struct lines **out, int fd)
{
	CLEANUP(lines_close) struct lines *lines = calloc(1, sizeof(*lines));
	struct stat st;

	if (!lines)
		return -ENOMEM;
	lines->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (lines->fd < 0 || fstat(lines->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || (u64)st.st_size > FILE_MOST)
		return -EFBIG;
	elf_version(EV_CURRENT);
	/* ELF_C_READ: a mapped file that shrinks would end us by SIGBUS. */
	lines->elf = elf_begin(lines->fd, ELF_C_READ, NULL);
	if (!lines->elf)
		return -ENODATA;
	lines->dwarf = dwarf_begin_elf(lines->elf, DWARF_C_READ, NULL);
	if (!lines->dwarf)
		return -ENODATA;
	*out = take(lines);
	return 0;
}

void lines_close(struct lines *lines)
{
	if (!lines)
		return;
	if (lines->dwarf)
		dwarf_end(lines->dwarf);
	if (lines->elf)
		elf_end(lines->elf);
	if (lines->fd >= 0)
		close(lines->fd);
	free(lines);
}

/* The unit of @address: by .debug_aranges, which not every compiler writes, else by looking at all. */
static Dwarf_Die *find_unit(struct lines *lines, Dwarf_Die *unit, u64 address)
{
	Dwarf_Off at = 0, next;
	size_t head_bytes;

	if (dwarf_addrdie(lines->dwarf, address, unit))
		return unit;
	for (; !dwarf_nextcu(lines->dwarf, at, &next, &head_bytes, NULL, NULL, NULL); at = next) {
		if (next <= at)
			break;
		if (dwarf_offdie(lines->dwarf, at + head_bytes, unit) &&
		    dwarf_haspc(unit, address) > 0)
			return unit;
	}
	return NULL;
}

const char *lines_find(struct lines *lines, u64 address, u32 *line)
{
	Dwarf_Die room, *unit = find_unit(lines, &room, address);
	Dwarf_Line *found = unit ? dwarf_getsrc_die(unit, address) : NULL;
	const char *file = found ? dwarf_linesrc(found, NULL, NULL) : NULL;
	int number;

	if (!file || dwarf_lineno(found, &number) || number <= 0)
		return NULL;
	*line = (u32)number;
	return file;
}
