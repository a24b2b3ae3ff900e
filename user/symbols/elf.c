// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* elf - the symbol tables of an ELF file that nobody vouches for */
#include "user/symbols/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"

#define PIECE_BYTES     65536
#define SECTIONS_MAX    65536 /* programs have about 40 */
#define HEADERS_MAX     4096
#define ASSEMBLER_REACH 4096 /* of functions that do not say how long they are */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OWN_ENDIAN ELFDATA2LSB
#else
#define OWN_ENDIAN ELFDATA2MSB
#endif

static bool read_at(int fd, void *to, size_t bytes, u64 offset)
{
	return offset <= INT64_MAX - bytes && pread(fd, to, bytes, (off_t)offset) == (ssize_t)bytes;
}

/* The narrow form of a struct, made wide: file_32 of one field each */
static Elf64_Ehdr widen_head(const Elf32_Ehdr *h)
{
	return (Elf64_Ehdr){
		.e_machine = h->e_machine,
		.e_phoff = h->e_phoff,
		.e_shoff = h->e_shoff,
		.e_phentsize = h->e_phentsize,
		.e_phnum = h->e_phnum,
		.e_shentsize = h->e_shentsize,
		.e_shnum = h->e_shnum,
		.e_shstrndx = h->e_shstrndx,
	};
}

static bool read_segment(Elf64_Phdr *to, int fd, bool wide, u64 offset)
{
	Elf32_Phdr narrow;

	if (wide)
		return read_at(fd, to, sizeof(*to), offset);
	if (!read_at(fd, &narrow, sizeof(narrow), offset))
		return false;
	*to = (Elf64_Phdr){
		.p_type = narrow.p_type,
		.p_flags = narrow.p_flags,
		.p_offset = narrow.p_offset,
		.p_vaddr = narrow.p_vaddr,
		.p_filesz = narrow.p_filesz,
		.p_memsz = narrow.p_memsz,
	};
	return true;
}

static bool read_section(Elf64_Shdr *to, int fd, bool wide, u64 table, u64 number)
{
	Elf32_Shdr narrow;

	if (wide)
		return read_at(fd, to, sizeof(*to), table + number * sizeof(*to));
	if (!read_at(fd, &narrow, sizeof(narrow), table + number * sizeof(narrow)))
		return false;
	*to = (Elf64_Shdr){
		.sh_name = narrow.sh_name,
		.sh_type = narrow.sh_type,
		.sh_flags = narrow.sh_flags,
		.sh_addr = narrow.sh_addr,
		.sh_offset = narrow.sh_offset,
		.sh_size = narrow.sh_size,
		.sh_link = narrow.sh_link,
		.sh_entsize = narrow.sh_entsize,
	};
	return true;
}

static Elf64_Sym widen_symbol(const Elf32_Sym *s)
{
	return (Elf64_Sym){
		.st_name = s->st_name,
		.st_info = s->st_info,
		.st_shndx = s->st_shndx,
		.st_value = s->st_value,
		.st_size = s->st_size,
	};
}

size_t elf_symbol_bytes(bool wide)
{
	return wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

static bool is_inside(u64 offset, u64 bytes, u64 file_bytes)
{
	return offset <= file_bytes && bytes <= file_bytes - offset;
}

static int read_head(Elf64_Ehdr *head, bool *wide, int fd)
{
	Elf32_Ehdr narrow;
	u8 ident[EI_NIDENT];

	if (!read_at(fd, ident, sizeof(ident), 0) || memcmp(ident, ELFMAG, SELFMAG) ||
	    ident[EI_DATA] != OWN_ENDIAN)
		return -ENOEXEC;
	*wide = ident[EI_CLASS] == ELFCLASS64;
	if (*wide) {
		if (!read_at(fd, head, sizeof(*head), 0))
			return -ENOEXEC;
	} else {
		if (ident[EI_CLASS] != ELFCLASS32 || !read_at(fd, &narrow, sizeof(narrow), 0))
			return -ENOEXEC;
		*head = widen_head(&narrow);
	}
	return head->e_phentsize == (*wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) ? 0
										      : -ENOEXEC;
}

static int read_segments(struct elf_file *elf, int fd, const Elf64_Ehdr *head)
{
	for (u64 i = 0; i < head->e_phnum && i < HEADERS_MAX; i++) {
		Elf64_Phdr segment;

		if (head->e_phoff > INT64_MAX / 2 ||
		    !read_segment(&segment, fd, elf->wide, head->e_phoff + i * head->e_phentsize))
			return -ENOEXEC;
		if (segment.p_type == PT_GNU_EH_FRAME)
			elf->eh_frame_hdr = (struct elf_stretch){
				.offset = segment.p_offset,
				.bytes = segment.p_filesz,
				.address = segment.p_vaddr,
			};
		if (segment.p_type != PT_LOAD)
			continue;
		if (elf->segment_count == ELF_SEGMENTS_MAX)
			return -ENOEXEC;
		elf->segments[elf->segment_count++] = (struct elf_segment){
			.offset = segment.p_offset,
			.file_bytes = segment.p_filesz,
			.address = segment.p_vaddr,
			.bytes = segment.p_memsz,
			.executable = segment.p_flags & PF_X,
		};
	}
	return 0;
}

/* A table of symbols and its names, both within the file; else there is none. */
static void read_table(struct elf_table *to, const struct elf_file *elf, int fd, u64 sections,
		       u64 section_count, const Elf64_Shdr *section, u64 file_bytes)
{
	Elf64_Shdr names;

	if (to->offset || !section->sh_offset ||
	    section->sh_entsize != elf_symbol_bytes(elf->wide) ||
	    section->sh_link >= section_count ||
	    !is_inside(section->sh_offset, section->sh_size, file_bytes))
		return;
	if (!read_section(&names, fd, elf->wide, sections, section->sh_link) ||
	    names.sh_type != SHT_STRTAB || !is_inside(names.sh_offset, names.sh_size, file_bytes))
		return;
	*to = (struct elf_table){
		.offset = section->sh_offset,
		.bytes = section->sh_size,
		.names = names.sh_offset,
		.name_bytes = min(names.sh_size, (u64)UINT32_MAX),
	};
}

/* .gnu_debuglink: a file's name, padding, its checksum */
static void read_link(struct elf_file *elf, int fd, const Elf64_Shdr *section)
{
	char data[ELF_LINK_MAX + 8] = "";
	u64 length, crc_at;

	if (section->sh_size < 8 || section->sh_size > sizeof(data) ||
	    !read_at(fd, data, section->sh_size, section->sh_offset))
		return;
	length = strnlen(data, section->sh_size);
	crc_at = (length + 4) & ~3ULL;
	if (!length || length >= sizeof(elf->link) || crc_at + 4 > section->sh_size ||
	    memchr(data, '/', length))
		return;
	memcpy(elf->link, data, length + 1);
	memcpy(&elf->link_crc, data + crc_at, sizeof(elf->link_crc));
}

static bool has_name(int fd, const Elf64_Shdr *names, u32 at, const char *name)
{
	size_t bytes = strlen(name) + 1;
	char text[32];

	return bytes <= sizeof(text) && is_inside(at, bytes, names->sh_size) &&
	       names->sh_offset <= INT64_MAX / 2 &&
	       read_at(fd, text, bytes, names->sh_offset + at) && !memcmp(text, name, bytes);
}

/* What says how functions keep their frames; two of the sections are known by name only. */
static void read_frames(struct elf_file *elf, int fd, const Elf64_Shdr *names,
			const Elf64_Shdr *section, u64 file_bytes)
{
	const struct elf_stretch stretch = {
		.offset = section->sh_offset,
		.bytes = section->sh_size,
		.address = section->sh_addr,
	};

	if (!is_inside(section->sh_offset, section->sh_size, file_bytes))
		return;
	if (section->sh_flags & SHF_ALLOC) {
		if (!elf->eh_frame.offset && has_name(fd, names, section->sh_name, ".eh_frame"))
			elf->eh_frame = stretch;
	} else if (!(section->sh_flags & SHF_COMPRESSED) && !elf->debug_frame.offset &&
		   has_name(fd, names, section->sh_name, ".debug_frame")) {
		elf->debug_frame = stretch;
	}
}

/* What is told of static probes, and by whom the code was made */
static void read_probes(struct elf_file *elf, int fd, const Elf64_Shdr *names,
			const Elf64_Shdr *section, u64 file_bytes)
{
	if (section->sh_type == SHT_NOTE &&
	    has_name(fd, names, section->sh_name, ".note.go.buildid")) {
		elf->go = true;
	} else if (section->sh_type == SHT_NOTE && !elf->probes_bytes &&
		   is_inside(section->sh_offset, section->sh_size, file_bytes) &&
		   has_name(fd, names, section->sh_name, ".note.stapsdt")) {
		elf->probes_offset = section->sh_offset;
		elf->probes_bytes = section->sh_size;
	} else if (section->sh_type == SHT_PROGBITS && section->sh_size == 1 &&
		   has_name(fd, names, section->sh_name, ".stapsdt.base")) {
		elf->probes_base = section->sh_addr;
	}
}

static void read_sections(struct elf_file *elf, int fd, const Elf64_Ehdr *head, u64 file_bytes)
{
	u64 section_bytes = elf->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	u64 count = head->e_shnum, names_at = head->e_shstrndx;
	Elf64_Shdr section, names = { 0 };

	if (!head->e_shoff || head->e_shoff > file_bytes || head->e_shentsize != section_bytes ||
	    !read_section(&section, fd, elf->wide, head->e_shoff, 0))
		return;
	/* More than fit into the head: then the first section says how many. */
	if (!count)
		count = section.sh_size;
	if (names_at == SHN_XINDEX)
		names_at = section.sh_link;
	count = min(count, (file_bytes - head->e_shoff) / section_bytes);
	count = min(count, (u64)SECTIONS_MAX);
	if (names_at < count)
		read_section(&names, fd, elf->wide, head->e_shoff, names_at);
	for (u64 i = 1; i < count; i++) {
		if (!read_section(&section, fd, elf->wide, head->e_shoff, i))
			return;
		if (section.sh_type == SHT_SYMTAB)
			read_table(&elf->symtab, elf, fd, head->e_shoff, count, &section,
				   file_bytes);
		else if (section.sh_type == SHT_DYNSYM)
			read_table(&elf->dynsym, elf, fd, head->e_shoff, count, &section,
				   file_bytes);
		else if (section.sh_type == SHT_PROGBITS && !elf->link[0] &&
			 section.sh_size <= ELF_LINK_MAX + 8 &&
			 has_name(fd, &names, section.sh_name, ".gnu_debuglink"))
			read_link(elf, fd, &section);
		else
			read_probes(elf, fd, &names, &section, file_bytes);
		if (section.sh_type == SHT_PROGBITS || section.sh_type == SHT_X86_64_UNWIND)
			read_frames(elf, fd, &names, &section, file_bytes);
	}
}

int elf_file_read(struct elf_file *elf, int fd)
{
	struct elf_file file = { 0 };
	Elf64_Ehdr head;
	struct stat st;
	int r;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return -ENOEXEC;
	r = read_head(&head, &file.wide, fd);
	if (r < 0)
		return r;
	file.machine = head.e_machine;
	r = read_segments(&file, fd, &head);
	if (r < 0)
		return r;
	read_sections(&file, fd, &head, (u64)st.st_size);
	*elf = file;
	return 0;
}

/* One entry of a table. Return: whether it is a function or a variable with a place. */
static bool make_entry(struct index_entry *to, const Elf64_Sym *symbol, unsigned int what)
{
	unsigned int type = ELF64_ST_TYPE(symbol->st_info);
	unsigned int binding = ELF64_ST_BIND(symbol->st_info);

	if (type != STT_FUNC && type != STT_OBJECT && type != STT_GNU_IFUNC)
		return false;
	if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_ABS || !symbol->st_name ||
	    !symbol->st_value || symbol->st_value > INDEX_ADDRESS_MASK)
		return false;
	if (type == STT_OBJECT)
		what |= INDEX_OBJECT;
	if (binding == STB_WEAK)
		what |= INDEX_WEAK;
	else if (binding == STB_LOCAL)
		what |= INDEX_LOCAL;
	*to = (struct index_entry){
		.key = index_key(symbol->st_value, what),
		.bytes = (u32)min(symbol->st_size, (u64)UINT32_MAX),
		.name = symbol->st_name,
	};
	return true;
}

/*
 * Walks a table. @entries NULL: counts only. Return: how many; fewer than before when the
 * file has changed meanwhile, never more than @room.
 */
static u64 walk(struct index_entry *entries, u64 room, int fd, const struct elf_table *table,
		bool wide, unsigned int what, u8 *piece)
{
	u64 each = elf_symbol_bytes(wide), count = 0;
	u64 piece_bytes = PIECE_BYTES / each * each;

	for (u64 at = 0; at + each <= table->bytes; at += piece_bytes) {
		u64 bytes = min(piece_bytes, (table->bytes - at) / each * each);

		if (!read_at(fd, piece, bytes, table->offset + at))
			break;
		for (u64 i = 0; i < bytes; i += each) {
			struct index_entry entry;
			Elf32_Sym narrow;
			Elf64_Sym symbol;

			if (wide) {
				memcpy(&symbol, piece + i, sizeof(symbol));
			} else {
				memcpy(&narrow, piece + i, sizeof(narrow));
				symbol = widen_symbol(&narrow);
			}
			if (!make_entry(&entry, &symbol, what))
				continue;
			if (entries && count == room)
				return count;
			if (entries)
				entries[count] = entry;
			count++;
		}
	}
	return count;
}

/* Leaves out what the second table says of an address that the first one names too. */
static void leave_out_twice(struct index *index)
{
	struct index_entry *e = index->entries;
	u32 kept = 0;

	for (u32 begin = 0, end; begin < index->count; begin = end) {
		bool first = false;

		for (end = begin;
		     end < index->count && index_address(&e[end]) == index_address(&e[begin]);
		     end++)
			first |= !(e[end].key & INDEX_DYN);
		for (u32 i = begin; i < end; i++)
			if (!first || !(e[i].key & INDEX_DYN))
				e[kept++] = e[i];
	}
	index->count = kept;
}

int elf_file_index(struct index *index, int symtab_fd, const struct elf_table *symtab,
		   int dynsym_fd, const struct elf_table *dynsym, bool wide, u64 most)
{
	CLEANUP(free) u8 *piece = malloc(PIECE_BYTES);
	struct index made = { .reach = ASSEMBLER_REACH };
	struct index_entry *shrunk;
	u64 room;

	if (!piece)
		return -ENOMEM;
	room = walk(NULL, 0, symtab_fd, symtab, wide, 0, piece) +
	       walk(NULL, 0, dynsym_fd, dynsym, wide, INDEX_DYN, piece);
	if (room > most || room >= UINT32_MAX)
		return -E2BIG;
	made.entries = malloc((room + 1) * sizeof(*made.entries));
	if (!made.entries)
		return -ENOMEM;
	made.count = (u32)walk(made.entries, room, symtab_fd, symtab, wide, 0, piece);
	made.count += (u32)walk(made.entries + made.count, room - made.count, dynsym_fd, dynsym,
				wide, INDEX_DYN, piece);
	index_sort(&made);
	leave_out_twice(&made);
	shrunk = realloc(made.entries, (made.count + 1ULL) * sizeof(*made.entries));
	if (shrunk)
		made.entries = shrunk;
	*index = made;
	return 0;
}

size_t elf_file_name(char to[ELF_NAME_MAX], int fd, const struct elf_table *table, u32 name)
{
	static const size_t steps[] = { 256, ELF_NAME_MAX - 1 }; /* few names are longer */

	if (name >= table->name_bytes)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		size_t room = min(table->name_bytes - name, (u64)steps[i]), length;
		ssize_t bytes = pread(fd, to, room, (off_t)(table->names + name));

		if (bytes <= 0)
			return 0;
		length = strnlen(to, (size_t)bytes);
		if (length < (size_t)bytes || i + 1 == ARRAY_SIZE(steps)) {
			to[length] = 0;
			return length;
		}
	}
	return 0;
}

bool elf_file_bias(u64 *bias, const struct elf_file *elf, u64 address, u64 offset)
{
	for (u32 i = 0; i < elf->segment_count; i++) {
		const struct elf_segment *s = &elf->segments[i];

		/* What is mapped begins with the page that the segment begins in. */
		if (!s->executable || offset < (s->offset & ~4095ULL) ||
		    offset - (s->offset & ~4095ULL) >= s->file_bytes + (s->offset & 4095))
			continue;
		*bias = address - (s->address + offset - s->offset);
		return true;
	}
	return false;
}

bool elf_file_offset(u64 *offset, u64 *bytes, const struct elf_file *elf, u64 address)
{
	for (u32 i = 0; i < elf->segment_count; i++) {
		const struct elf_segment *s = &elf->segments[i];

		if (address < s->address || address - s->address >= s->file_bytes)
			continue;
		*offset = s->offset + (address - s->address);
		*bytes = s->file_bytes - (address - s->address);
		return true;
	}
	return false;
}

bool elf_file_place(u64 *offset, const struct elf_file *elf, u64 address, bool executable)
{
	for (u32 i = 0; i < elf->segment_count; i++) {
		const struct elf_segment *s = &elf->segments[i];

		if (s->executable != executable || address < s->address ||
		    address - s->address >= s->file_bytes)
			continue;
		*offset = address - s->address + s->offset;
		return true;
	}
	return false;
}

bool elf_file_holds(const struct elf_file *elf, u64 address)
{
	for (u32 i = 0; i < elf->segment_count; i++)
		if (address >= elf->segments[i].address &&
		    address - elf->segments[i].address < elf->segments[i].bytes)
			return true;
	return false;
}
