/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* symbols - from an address to a function or a variable, a file and a line */
#ifndef TRACER_SYMBOLS_SYMBOLS_H
#define TRACER_SYMBOLS_SYMBOLS_H

#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/symbols/build_id.h"

struct symbols;

struct symbols_options {
	/*
	 * The processes ran on this machine since it booted: /proc/PID, the running kernel and
	 * its vDSO are theirs. Else only files that are verified by their build id are used.
	 */
	bool here;
	bool lines;	/* look for files and lines too, in DWARF: slow, and takes memory */
	u64 memory_bytes;	/* of all symbol tables together; 0: 32 MiB */
	const char *kallsyms;	/* NULL: "/proc/kallsyms" */
};

/**
 * symbols_new() - nothing known yet
 * @out:     set on success
 * @options: copied; NULL: as if all were 0
 *
 * Whatever files say is not trusted: they are read within limits, never mapped, and those that
 * are damaged have no symbols. Beside the symbol tables it takes up to 8 MiB
 * for names, 10 MiB for what one JIT told, and what the kernel's names need (about 6 MiB).
 *
 * Return: 0 or -ENOMEM with @err filled.
 */
int symbols_new(struct symbols **out, const struct symbols_options *options, struct err *err);
void symbols_free(struct symbols *symbols);
DEFINE_CLEANUP(struct symbols *, symbols_free)

/* A stretch of a process's memory that holds code: EVENT_MAPPING, or a line of /proc/PID/maps */
struct symbols_mapping {
	u64 process;	/* the caller's number of one run of one program; not a PID, those come again */
	u32 pid;	/* as /proc numbers it */
	u64 address;
	u64 bytes;
	u64 offset;	/* in the file */
	u64 inode;
	u32 device;	/* major << 20 | minor */
	const char *path;	/* as the kernel names it; copied */
	u8 build_id_bytes;	/* 0: not known */
	u8 build_id[BUILD_ID_ROOM];
	u64 seen_ns;	/* CLOCK_REALTIME; 0: now */
};

/**
 * symbols_add_mapping() - a process has mapped code
 * @mapping: copied; it replaces what older ones say of its addresses
 *
 * Files are opened when an address in them is asked for: the file that is mapped, through
 * /proc/PID, else that path below the root of the process, else below ours. It must have the
 * same build id. Without one it must be the same inode, not changed since seen_ns. So a program
 * that was replaced has no names instead of wrong ones.
 *
 * Return: 0 or -ENOMEM.
 */
int symbols_add_mapping(struct symbols *symbols, const struct symbols_mapping *mapping);

/* The process has ended, or runs another program, and nobody will ask for it again. */
void symbols_forget(struct symbols *symbols, u64 process);

/* A stretch of memory, and where it begins in its file */
struct symbols_span {
	u64 address;
	u64 bytes;
	u64 offset;
};

/* What an address is. Texts are printable UTF-8 and live as long as the symbols they come from;
 * equal texts are the same pointer. */
struct symbols_frame {
	const char *name;	/* function or variable, demangled; NULL: not known */
	u64 name_offset;	/* of the address from where that begins */
	const char *module;	/* "libc.so.6", "[vdso]", "[kernel]", "nf_tables", "[jit]", "[unknown]" */
	const char *path;	/* of the module; "" when it is no file */
	u64 offset;	/* of the address in the module, as addr2line takes it; without a file that
			 * is verified: in the file */
	u8 build_id_bytes;	/* 0: not known */
	u8 build_id[BUILD_ID_ROOM];
	const char *file;	/* with the option lines; NULL: not known */
	u32 line;
	struct symbols_span mapping;	/* that it lies in; all 0: in none of a file */
};

/**
 * symbols_code() - the function that an address of a process lies in
 * @frame:   filled in any case
 * @process: as symbols_add_mapping() was told
 * @address: of an instruction; a return address is the one behind it: give that - 1
 *
 * Source: .symtab of the file or of its separate debug file, and .dynsym; the memory of the
 * vDSO; of code that is in no file, /tmp/perf-PID.map in the process's root or ours. Of several
 * names the one with the fewest underscores before it, then the global one.
 *
 * Return: whether its name is known.
 */
bool symbols_code(struct symbols *symbols, struct symbols_frame *frame, u64 process, u64 address);

/* The same without its name, for which no symbols are read. Return: whether it is mapped. */
bool symbols_place(struct symbols *symbols, struct symbols_frame *frame, u64 process, u64 address);

/* The same for the variable that @address lies in, in any memory of a mapped file: .data, .bss */
bool symbols_data(struct symbols *symbols, struct symbols_frame *frame, u64 process, u64 address);

/* The same for a function of the running kernel; with the option here. Source: /proc/kallsyms. */
bool symbols_kernel(struct symbols *symbols, struct symbols_frame *frame, u64 address);

/* What somebody else has read for symbols_kernel(), which owns it then; NULL: it is hidden. */
struct kernel;
void symbols_set_kernel(struct symbols *symbols, struct kernel *kernel);

#define SYMBOLS_TEXT_MAX 1200

/* "queue_push", "worker+0x1234 [1f2e3d4c]", "[unknown]+0x7f12": never a bare number. Return: @to */
char *symbols_text(char to[SYMBOLS_TEXT_MAX], const struct symbols_frame *frame);

/* The same, and where the source is known that too: "queue_push queue.c:88". Return: @to */
char *symbols_line_text(char to[SYMBOLS_TEXT_MAX], const struct symbols_frame *frame);

/* What could not be used, for a note to the user. */
struct symbols_counts {
	u64 files;	/* that were opened and verified */
	u64 missing;	/* files that are not there, or not the ones that were mapped */
	u64 oversize;	/* with more symbols than there is room for */
	u64 evicted;	/* symbol tables that were put away for want of room */
	u64 unnamed;	/* names for which there was no room */
	u64 perf_lines;	/* of perf maps, that say nothing */
	bool kernel_hidden;	/* /proc/kallsyms tells no addresses (kptr_restrict, or no root) */
};

const struct symbols_counts *symbols_counts(const struct symbols *symbols);

#endif
