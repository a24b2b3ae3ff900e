// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * symbols - how long it takes to name 10,000 distinct addresses of a large program, and how much
 * memory
 *
 *	build/bench/symbols [--json] [FILE [FRAMES]]
 *
 * Without a FILE: the first that is installed of those listed below.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "user/base/clock.h"
#include "user/symbols/elf.h"
#include "user/symbols/symbols.h"

#define FRAMES 10000
#define BASE   0x7f0000000000ULL

static const char *const files[] = {
	"/usr/bin/node", /* with its symbols, unlike most programs of a distribution */
	"/usr/lib/x86_64-linux-gnu/libLLVM-16.so.1",
	"/usr/lib/x86_64-linux-gnu/libLLVM-15.so.1",
	"/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1",
	"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
};

static const char *default_file(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (!access(files[i], R_OK))
			return files[i];
	return NULL;
}

/* The largest resident size; getrusage() would count what ran before an exec too. */
static u64 memory_kib(void)
{
	CLEANUP(fclose) FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	u64 kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %" SCNu64, &kib) == 1)
			break;
	return kib;
}

/* Adds a mapping of the largest executable segment. Return: whether there is one. */
static bool map_code(struct symbols *symbols, const char *path, struct elf_segment *code)
{
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct symbols_mapping mapping = {
		.process = 1, .pid = (u32)getpid(), .address = BASE, .path = path
	};
	struct elf_file elf;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || elf_file_read(&elf, fd) < 0)
		return false;
	code->bytes = 0;
	for (u32 i = 0; i < elf.segment_count; i++)
		if (elf.segments[i].executable && elf.segments[i].bytes > code->bytes)
			*code = elf.segments[i];
	mapping.offset = code->offset & ~4095ULL;
	mapping.bytes = code->bytes + (code->offset & 4095);
	mapping.inode = st.st_ino;
	mapping.device = (u32)(major(st.st_dev) << 20 | minor(st.st_dev));
	mapping.build_id_bytes = (u8)build_id_read(mapping.build_id, fd);
	return code->bytes && !symbols_add_mapping(symbols, &mapping);
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && !strcmp(argv[1], "--json");
	const char *path = argc > 1 + json ? argv[1 + json] : default_file();
	u64 frames = argc > 2 + json ? strtoull(argv[2 + json], NULL, 10) : FRAMES;
	const struct symbols_options here = { .here = true };
	CLEANUP(symbols_free) struct symbols *symbols = NULL;
	u64 before_kib = memory_kib(), begin, ns, named = 0;
	struct elf_segment code = { 0 };

	if (!path || symbols_new(&symbols, &here, NULL) || !map_code(symbols, path, &code)) {
		fprintf(stderr, "symbols: no code in '%s'\n", path ?: "any known file");
		return 1;
	}
	begin = clock_mono_ns();
	for (u64 i = 0; i < frames; i++) {
		u64 address = BASE + (code.offset & 4095) + code.bytes / frames * i;
		struct symbols_frame frame;

		named += symbols_code(symbols, &frame, 1, address);
	}
	ns = clock_mono_ns() - begin;
	printf(json ? "{\"file\":\"%s\",\"frames\":%" PRIu64 ",\"named\":%" PRIu64
		      ",\"ns\":%" PRIu64 ",\"memory_kib\":%" PRIu64 ",\"added_kib\":%" PRIu64 "}\n"
		    : "%s: %" PRIu64 " frames, %" PRIu64 " named, %" PRIu64 " ns, %" PRIu64
		      " KiB at most, %" PRIu64 " KiB more than before\n",
	       path, frames, named, ns, memory_kib(), memory_kib() - before_kib);
	return 0;
}
