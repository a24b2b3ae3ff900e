/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* helpers_elf - programs and ELF files for the tests of symbols */
#ifndef TRACER_TESTS_HELPERS_ELF_H
#define TRACER_TESTS_HELPERS_ELF_H

#include "user/base/buffer.h"
#include "user/symbols/symbols.h"
#include "user/trace/event.h"

/* A folder of its own for a group of tests; its path, and its removal with all that is in it. */
const char *folder_make(void);
void folder_remove(void);
/* The path of @name in it; valid until the 8th next call. */
const char *in_folder(const char *name);
void file_make(const char *path, const void *data, size_t size);

/* A command of printf() form, by the shell. Return: whether it succeeded. */
bool runs(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What @pid has mapped executable, told to @symbols as @process; the stretch of @address is
 * copied to @found if that is not NULL. Build ids are read from the files. */
void add_mappings(struct symbols *symbols, u64 process, u32 pid, u64 address,
		  struct symbols_mapping *found);

/* This program's own code, as EVENT_MAPPING tells it of process @tgid; its path is valid until the
 * next call. Without build id: the linker made none. */
struct trace_mapping own_code(u32 tgid);

/*
 * A small ELF file, hand-made: at 0x1000 (offset 0x1000 is not in the file; nothing is run)
 * function "alpha" of 0x20 bytes, at 0x1020 "_ZN4beta5gammaEv" of 0x10 bytes, at 0x2000 object
 * "queue_lock" of 40 bytes, a debuglink to "x.debug" with CRC 0x11223344.
 */
void make_elf(struct buffer *to, bool wide);

#endif
