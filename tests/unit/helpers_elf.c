// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* helpers_elf - programs and ELF files for the tests of symbols */
#include "tests/unit/helpers_elf.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char folder[64];

const char *folder_make(void)
{
	strcpy(folder, "/tmp/tracer-symbols.XXXXXX");
	assert_non_null(mkdtemp(folder));
	return folder;
}

void folder_remove(void)
{
	if (folder[0])
		assert_true(runs("rm -rf '%s'", folder));
	folder[0] = 0;
}

const char *in_folder(const char *name)
{
	static char paths[8][256];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

void file_make(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

bool runs(const char *format, ...)
{
	char command[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command) == 0;
}

void add_mappings(struct symbols *symbols, u64 process, u32 pid, u64 address,
		  struct symbols_mapping *found)
{
	static char found_path[4096];
	char path[64], line[4600], perms[8];
	CLEANUP(fclose) FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		struct symbols_mapping mapping = { .process = process, .pid = pid };
		unsigned int major, minor;
		CLEANUP(close) int fd = -1;
		int at = 0;
		u64 end;

		line[strcspn(line, "\n")] = 0;
		assert_true(sscanf(line,
				   "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64 " %n",
				   &mapping.address, &end, perms, &mapping.offset, &major, &minor,
				   &mapping.inode, &at) >= 7);
		if (perms[2] != 'x')
			continue;
		mapping.bytes = end - mapping.address;
		mapping.device = major << 20 | minor;
		mapping.path = line + at;
		fd = open(mapping.path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			mapping.build_id_bytes = (u8)build_id_read(mapping.build_id, fd);
		assert_int_equal(symbols_add_mapping(symbols, &mapping), 0);
		if (!found || address < mapping.address || address >= end)
			continue;
		*found = mapping;
		strcpy(found_path, mapping.path);
		found->path = found_path;
	}
}

static const char names[] = "\0alpha\0_ZN4beta5gammaEv\0queue_lock\0imported";
static const char section_names[] = "\0.symtab\0.strtab\0.shstrtab\0.gnu_debuglink";
static const char link_data[] = "x.debug\0\x44\x33\x22\x11";

enum { NAME_ALPHA = 1, NAME_GAMMA = 7, NAME_LOCK = 24, NAME_IMPORTED = 35 };
enum { SECTIONS = 5, SYMBOLS = 5 };

static const Elf64_Sym table[SYMBOLS] = {
	{ 0 },
	{ .st_name = NAME_ALPHA,
	  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
	  .st_shndx = 1,
	  .st_value = 0x1000,
	  .st_size = 0x20 },
	{ .st_name = NAME_GAMMA,
	  .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
	  .st_shndx = 1,
	  .st_value = 0x1020,
	  .st_size = 0x10 },
	{ .st_name = NAME_LOCK,
	  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
	  .st_shndx = 1,
	  .st_value = 0x2000,
	  .st_size = 40 },
	{ .st_name = NAME_IMPORTED, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC) },
};

struct part {
	u32 name, type;
	const void *data;
	size_t size;
};

static void put_head(struct buffer *to, bool wide, u64 sections_at)
{
	u8 ident[EI_NIDENT] = { 0x7f,        'E',       'L', 'F', wide ? ELFCLASS64 : ELFCLASS32,
				ELFDATA2LSB, EV_CURRENT };
	Elf64_Ehdr head = { .e_type = ET_DYN,
			    .e_machine = EM_X86_64,
			    .e_phoff = sizeof(head),
			    .e_shoff = sections_at,
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 1,
			    .e_shentsize = sizeof(Elf64_Shdr),
			    .e_shnum = SECTIONS,
			    .e_shstrndx = 3 };
	Elf32_Ehdr narrow = { .e_type = ET_DYN,
			      .e_machine = EM_386,
			      .e_phoff = sizeof(narrow),
			      .e_shoff = (u32)sections_at,
			      .e_phentsize = sizeof(Elf32_Phdr),
			      .e_phnum = 1,
			      .e_shentsize = sizeof(Elf32_Shdr),
			      .e_shnum = SECTIONS,
			      .e_shstrndx = 3 };
	Elf64_Phdr segment = {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x3000, .p_memsz = 0x3000
	};
	Elf32_Phdr narrow_segment = {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x3000, .p_memsz = 0x3000
	};

	memcpy(head.e_ident, ident, sizeof(ident));
	memcpy(narrow.e_ident, ident, sizeof(ident));
	buffer_append(to, wide ? (void *)&head : &narrow, wide ? sizeof(head) : sizeof(narrow));
	buffer_append(to, wide ? (void *)&segment : &narrow_segment,
		      wide ? sizeof(segment) : sizeof(narrow_segment));
}

static void put_section(struct buffer *to, bool wide, const struct part *part, u64 at)
{
	bool symbols = part->type == SHT_SYMTAB;
	Elf64_Shdr section = { .sh_name = part->name,
			       .sh_type = part->type,
			       .sh_offset = at,
			       .sh_size = part->size,
			       .sh_link = symbols ? 2 : 0,
			       .sh_entsize = symbols ? sizeof(Elf64_Sym) : 0 };
	Elf32_Shdr narrow = { .sh_name = part->name,
			      .sh_type = part->type,
			      .sh_offset = (u32)at,
			      .sh_size = (u32)part->size,
			      .sh_link = symbols ? 2 : 0,
			      .sh_entsize = symbols ? sizeof(Elf32_Sym) : 0 };

	buffer_append(to, wide ? (void *)&section : &narrow,
		      wide ? sizeof(section) : sizeof(narrow));
}

void make_elf(struct buffer *to, bool wide)
{
	Elf32_Sym narrow[SYMBOLS];
	const struct part parts[SECTIONS] = {
		{ 0 },
		{ 1, SHT_SYMTAB, wide ? (void *)table : narrow,
		  wide ? sizeof(table) : sizeof(narrow) },
		{ 9, SHT_STRTAB, names, sizeof(names) },
		{ 17, SHT_STRTAB, section_names, sizeof(section_names) },
		{ 27, SHT_PROGBITS, link_data, 12 },
	};
	u64 begin = wide ? sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr)
			 : sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr);
	u64 at = begin;

	for (int i = 0; i < SYMBOLS; i++)
		narrow[i] = (Elf32_Sym){ .st_name = table[i].st_name,
					 .st_info = table[i].st_info,
					 .st_shndx = table[i].st_shndx,
					 .st_value = (u32)table[i].st_value,
					 .st_size = (u32)table[i].st_size };
	for (int i = 0; i < SECTIONS; i++)
		at += parts[i].size;
	buffer_reset(to);
	put_head(to, wide, at);
	for (int i = 0; i < SECTIONS; i++)
		buffer_append(to, parts[i].data, parts[i].size);
	for (int i = 0; i < SECTIONS; i++) {
		put_section(to, wide, &parts[i], begin);
		begin += parts[i].size;
	}
}

struct trace_mapping own_code(u32 tgid)
{
	struct symbols_mapping found = { 0 };
	struct symbols *symbols;
	struct trace_mapping told;

	assert_int_equal(symbols_new(&symbols, NULL, NULL), 0);
	add_mappings(symbols, 1, (u32)getpid(), (u64)(uintptr_t)own_code, &found);
	symbols_free(symbols);
	told = (struct trace_mapping){
		.tgid = tgid,
		.build_id_bytes = found.build_id_bytes,
		.address = found.address,
		.bytes = found.bytes,
		.offset = found.offset,
		.inode = found.inode,
		.device = found.device,
		.path = found.path,
	};
	memcpy(told.build_id, found.build_id, sizeof(told.build_id));
	return told;
}
