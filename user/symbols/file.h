/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* file - a program or library that is mapped somewhere, and its symbols while they are needed */
#ifndef TRACER_SYMBOLS_FILE_H
#define TRACER_SYMBOLS_FILE_H

#include "user/symbols/cfi.h"
#include "user/symbols/elf.h"
#include "user/symbols/lines.h"
#include "user/symbols/symbols.h"

enum file_state {
	FILE_NEW,
	FILE_KNOWN,	/* verified: the segments are right */
	FILE_MISSING,
};

struct file {
	u32 number;
	u8 state;	/* enum file_state */
	bool vdso;
	bool hopeless;	/* its symbols cannot be read */
	u8 build_id_bytes;
	u8 build_id[BUILD_ID_ROOM];
	u64 inode;
	u32 device;
	u64 seen_ns;
	const char *path;	/* not owned */
	const char *module;	/* its last part; not owned */
	struct elf_file elf;
	/* While its symbols are loaded: */
	bool loaded;
	int fd;			/* the file */
	int symtab_fd;		/* the file with .symtab: the same number, or the debug file's */
	struct elf_table symtab;
	struct index index;
	struct lines *lines;
	bool no_lines;
	u64 used;		/* when it was used last */
	/* While its frames are asked for: */
	struct cfi *cfi;
	bool no_cfi;		/* it says nothing of them */
	u64 cfi_used;
};

/* Where a process has it mapped: the way to it, as long as the process lives. */
struct file_place {
	u32 pid;	/* 0: /proc does not know the process */
	u64 address;
	u64 bytes;
};

struct file *file_new(void);
void file_free(struct file *file);
DEFINE_CLEANUP(struct file *, file_free)

/* Opens and verifies it, unless that was done. Return: whether its segments are known. */
bool file_know(struct file *file, const struct file_place *place);

/* Opens it and the file with its .symtab. Return: 0 or -ENOENT. */
int file_open(struct file *file, const struct file_place *place);

/* Bytes that its symbols take at most. @file is open. */
u64 file_bytes_most(const struct file *file);

/* Loads its symbols, @most at most. @file is open. Return: 0; -E2BIG, -ENOMEM: closed again. */
int file_load(struct file *file, u64 most);

/* Puts symbols and lines away and closes the files. */
void file_unload(struct file *file);

/* Opens what it says of frames. Return: 0; -ENODATA: nothing; -ENOENT: it is not there. */
int file_open_cfi(struct file *file, const struct file_place *place);

/* Bytes that its symbols take. */
static inline u64 file_bytes(const struct file *file)
{
	return (u64)file->index.count * sizeof(struct index_entry);
}

/* The best name for @address, as it is in the file. @file is loaded. Return: NULL: none. */
const struct index_entry *file_find(char name[ELF_NAME_MAX], const struct file *file, u64 address,
				    bool object);

/* As lines_find(). @file is loaded. */
const char *file_line(struct file *file, u64 address, u32 *line);

#endif
