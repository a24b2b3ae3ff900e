/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* usdt - the static probes that a program or library tells of in its notes */
#ifndef TRACER_SYMBOLS_USDT_H
#define TRACER_SYMBOLS_USDT_H

#include "user/base/cleanup.h"
#include "user/symbols/elf.h"

#define USDT_MAX 65536 /* probes of a file */

struct usdt {
	u64 offset;	/* of the instruction, in the file */
	u64 counter;	/* of the semaphore, in the file; 0: none */
	const char *provider;
	const char *name;
	const char *args;	/* "8@%rdi -4@-20(%rbp)": a size, where it lies */
};

struct usdt_list {
	struct usdt *probes;
	size_t count;
	size_t refused;	/* notes that name no place in the file */
	char *texts;
};

/**
 * usdt_read() - all probes of a file, in the order of its notes
 * @list: filled; usdt_free() frees what it holds
 * @elf:  of the same file
 *
 * Notes that are damaged, or that name places outside the file's code and data, are counted
 * and left out.
 *
 * Return: 0, also when there are none; -ENOMEM.
 */
int usdt_read(struct usdt_list *list, int fd, const struct elf_file *elf);

void usdt_free(struct usdt_list *list);
static inline void usdt_free_at_end(struct usdt_list *list)
{
	usdt_free(list);
}

#endif
