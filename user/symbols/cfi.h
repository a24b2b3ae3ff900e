/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* cfi - what a file tells of how its functions keep their frames (.eh_frame, .debug_frame) */
#ifndef TRACER_SYMBOLS_CFI_H
#define TRACER_SYMBOLS_CFI_H

#include "user/base/cleanup.h"
#include "user/symbols/elf.h"
#include "user/symbols/unwind.h"

struct cfi;

/**
 * cfi_open() - get ready to ask
 * @out: set on success
 * @fd:  the file; this keeps a descriptor of its own
 * @elf: what elf_file_read() said of it; not kept
 *
 * By the table in .eh_frame_hdr where there is one, which takes next to no memory; else all of
 * .eh_frame or .debug_frame is read now, and a table of at most 4 MiB is made.
 *
 * libdw could do this, but it takes in whole sections and was not made for files that lie; here
 * a few hundred bytes are read for each answer, all of them within limits.
 *
 * Return: 0; -ENODATA when the file says nothing of frames, or is of a machine that we do not know; -ENOMEM; ...
 */
int cfi_open(struct cfi **out, int fd, const struct elf_file *elf);
void cfi_close(struct cfi *cfi);
DEFINE_CLEANUP(struct cfi *, cfi_close)

/* How the function at @address, as the file counts, keeps its frame there. Return: whether the
 * file tells; @rule is left alone otherwise. */
bool cfi_find(struct cfi *cfi, struct unwind *rule, u64 address);

/* Bytes that its table takes; beside that it needs at most 64 KiB, and seldom one. */
u64 cfi_bytes(const struct cfi *cfi);

#endif
