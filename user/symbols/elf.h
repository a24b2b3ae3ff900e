/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* elf - the symbol tables of an ELF file that nobody vouches for */
#ifndef TRACER_SYMBOLS_ELF_H
#define TRACER_SYMBOLS_ELF_H

#include "user/symbols/index.h"

#define ELF_SEGMENTS_MAX 32
#define ELF_LINK_MAX	 256
#define ELF_NAME_MAX	 4096

struct elf_segment {
	u64 offset;	/* in the file */
	u64 file_bytes;
	u64 address;	/* as the file counts: before it is loaded */
	u64 bytes;	/* in memory */
	bool executable;
};

/* Bytes of the file that are loaded as they are */
struct elf_stretch {
	u64 offset;	/* 0: there is none */
	u64 bytes;
	u64 address;	/* as the file counts */
};

struct elf_table {
	u64 offset;	/* 0: there is none */
	u64 bytes;
	u64 names;	/* offset of the names */
	u64 name_bytes;
};

/*
 * Read with pread(), never mapped: a file that shrinks meanwhile yields errors, not signals.
 * All numbers in it are checked against the file's size and against limits.
 */
struct elf_file {
	bool wide;		/* ELF64 */
	u16 machine;		/* EM_* */
	u32 segment_count;
	struct elf_segment segments[ELF_SEGMENTS_MAX];	/* those that are loaded */
	struct elf_table symtab;
	struct elf_table dynsym;
	struct elf_stretch eh_frame_hdr;	/* a table of what is in eh_frame */
	struct elf_stretch eh_frame;
	struct elf_stretch debug_frame;
	bool go;		/* its code is Go's */
	u64 probes_offset;	/* of .note.stapsdt, within the file */
	u64 probes_bytes;	/* 0: there is none */
	u64 probes_base;	/* address of .stapsdt.base; 0: there is none */
	u32 link_crc;
	char link[ELF_LINK_MAX];	/* of .gnu_debuglink: a file's name; "": none */
};

/**
 * elf_file_read() - what lies where in an ELF file
 * @elf: filled
 * @fd:  a regular file, open for reading
 *
 * Files of the other byte order do not run here. A file without sections has no symbols.
 *
 * Return: 0; -ENOEXEC when it is none, or damaged.
 */
int elf_file_read(struct elf_file *elf, int fd);

/**
 * elf_file_index() - all functions and variables of one or two tables
 * @index:     set; to be freed
 * @symtab_fd: the file that @symtab is in; its names are the first table
 * @symtab:    may be empty
 * @dynsym_fd: the file that @dynsym is in; its names are the second table (INDEX_DYN)
 * @dynsym:    may be empty; what @symtab names too is left out
 * @wide:      both are of ELF64
 * @most:      so many symbols at most
 *
 * Return: 0, also when there are none; -E2BIG beyond @most; -ENOMEM.
 */
int elf_file_index(struct index *index, int symtab_fd, const struct elf_table *symtab,
		   int dynsym_fd, const struct elf_table *dynsym, bool wide, u64 most);

/* Bytes of an entry of a table of symbols */
size_t elf_symbol_bytes(bool wide);

/* A name as it is in the file, cut to ELF_NAME_MAX - 1 bytes. Return: its length; 0: none. */
size_t elf_file_name(char to[ELF_NAME_MAX], int fd, const struct elf_table *table, u32 name);

/*
 * How much higher than the file says a mapping of @offset at @address was loaded. Return:
 * whether there is such a segment.
 */
bool elf_file_bias(u64 *bias, const struct elf_file *elf, u64 address, u64 offset);

/* Where in the file the memory at @address comes from, and how many bytes follow in that
 * segment. Return: whether it comes from the file. */
bool elf_file_offset(u64 *offset, u64 *bytes, const struct elf_file *elf, u64 address);
/* Where in the file code or data lies. Return: whether @address is of that sort. */
bool elf_file_place(u64 *offset, const struct elf_file *elf, u64 address, bool executable);

/* Whether the file has memory at @address (its own, without the bias). */
bool elf_file_holds(const struct elf_file *elf, u64 address);

#endif
