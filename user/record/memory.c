// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* memory - what a process has in its memory, read from outside while it goes on */
#include "user/record/memory.h"

#include <string.h>
#include <sys/uio.h>

size_t memory_read(void *to, pid_t pid, u64 address, size_t bytes)
{
	struct iovec here = { .iov_base = to, .iov_len = bytes };
	struct iovec there = { .iov_base = (void *)(uintptr_t)address, .iov_len = bytes };
	ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);

	return n > 0 ? (size_t)n : 0;
}

void memory_begin(struct memory *memory, pid_t pid, u64 address)
{
	memory->pid = pid;
	memory->begin = address;
	memory->bytes = memory_read(memory->data, pid, address, sizeof(memory->data));
}

bool memory_word(void *ctx, u64 address, u64 *word)
{
	const struct memory *memory = ctx;
	u64 offset = address - memory->begin;

	if (address >= memory->begin && memory->bytes >= 8 && offset <= memory->bytes - 8) {
		memcpy(word, memory->data + offset, sizeof(*word));
		return true;
	}
	return memory_read(word, memory->pid, address, sizeof(*word)) == sizeof(*word);
}
