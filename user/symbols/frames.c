// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* frames - how the functions of processes keep their frames, asked of their files */
#include <errno.h>
#include <string.h>

#include "user/symbols/inside.h"
#include "user/symbols/unwind.h"

#define CFI_MAX   64 /* files whose frames are asked for; each takes up to 4 MiB, but seldom any */
#define CFI_BYTES (6ULL << 20) /* of those, unless one alone takes more */

static void close_oldest_cfi(struct symbols *symbols)
{
	struct file *oldest = NULL;

	for (u32 i = 0; i < symbols->file_count; i++)
		if (symbols->files[i]->cfi &&
		    (!oldest || symbols->files[i]->cfi_used < oldest->cfi_used))
			oldest = symbols->files[i];
	if (!oldest)
		return;
	symbols->cfi_bytes -= cfi_bytes(oldest->cfi);
	symbols->cfi_count--;
	cfi_close(take(oldest->cfi));
}

/* Whether @file is open to be asked for frames now. Return: as file_open_cfi(). */
static int open_cfi(struct symbols *symbols, struct file *file, const struct file_place *place)
{
	int r;

	file->cfi_used = ++symbols->clock;
	if (file->cfi)
		return 0;
	r = file_open_cfi(file, place);
	if (r < 0)
		return r;
	symbols->cfi_bytes += cfi_bytes(file->cfi);
	symbols->cfi_count++;
	while (symbols->cfi_count > 1 &&
	       (symbols->cfi_count > CFI_MAX || symbols->cfi_bytes > CFI_BYTES))
		close_oldest_cfi(symbols);
	return 0;
}

/*
 * Go's functions that nobody has called: where its threads and goroutines begin, and where it
 * leaves the stack of a goroutine for good. What it says of their frames leads nowhere.
 */
static bool is_go_root(struct symbols *symbols, struct file *file, const struct file_place *place,
		       u64 at)
{
	static const char *const roots[] = { "runtime.mcall", "runtime.mstart", "runtime.goexit",
					     "runtime.rt0_go", "runtime.morestack" };
	char name[ELF_NAME_MAX];

	if (!symbols_raw_name(symbols, name, file, place, at))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (!strcmp(name, roots[i]))
			return true;
	return false;
}

bool symbols_unwind(struct symbols *symbols, struct unwind *rule, u64 process, u64 address)
{
	const struct process *owner = symbols_process(symbols, process);
	const struct mapping *mapping = owner ? process_find(owner, address) : NULL;
	struct file_place place;
	u64 bias;
	int r;

	*rule = (struct unwind){ .how = FRAME_UNKNOWN };
	if (!mapping)
		return false;
	rule->how = FRAME_BY_FP;
	if (!mapping->file)
		return true;
	place = process_place(owner, mapping);
	r = open_cfi(symbols, mapping->file, &place);
	if (r == -ENOENT)
		rule->how = FRAME_UNKNOWN;
	if (r == -ENOENT ||
	    !elf_file_bias(&bias, &mapping->file->elf, mapping->address, mapping->offset))
		return r != -ENOENT;
	/* Assembler that tells nothing of its frames: as good a guess as any. */
	if (r >= 0)
		cfi_find(mapping->file->cfi, rule, address - bias);
	if (mapping->file->elf.go && is_go_root(symbols, mapping->file, &place, address - bias))
		rule->how = FRAME_IS_ROOT;
	return true;
}
