/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* inside - what names and frames are found by, for the files of this room alone */
#ifndef TRACER_SYMBOLS_INSIDE_H
#define TRACER_SYMBOLS_INSIDE_H

#include "user/symbols/intern.h"
#include "user/symbols/kernel.h"
#include "user/symbols/process.h"
#include "user/symbols/symbols.h"

struct symbols {
	struct symbols_options options;
	struct intern texts;
	struct map processes;    /* struct process * */
	struct map file_numbers; /* hash of its identity -> number + 1 */
	struct file **files;
	u32 file_count;
	u32 loaded_count;
	u32 cfi_count;
	u64 loaded_bytes;
	u64 cfi_bytes;
	u64 clock;        /* counts uses */
	struct map names; /* hash of file and symbol -> text */
	struct kernel *kernel;
	bool kernel_read;
	struct symbols_counts counts;
};

/* NULL: nobody told of it */
/* The name of the function at @at, an address as @file counts, as it is there. Return: whether
 * there is one. */
bool symbols_raw_name(struct symbols *symbols, char name[ELF_NAME_MAX], struct file *file,
		      const struct file_place *place, u64 at);

struct process *symbols_process(const struct symbols *symbols, u64 process);

#endif
