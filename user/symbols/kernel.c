// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* kernel - names of the running kernel's functions */
#include "user/symbols/kernel.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS_MAX    1000000 /* a kernel with all its modules has about 250,000 */
#define MODULES_MAX    65535
#define FUNCTION_REACH (1 << 20) /* the last one before a hole does not reach over it */
#define TOP_BYTE       (0xffULL << INDEX_ADDRESS_BITS)

/* The number of a module; they come one after the other, so the last one is looked at only. */
static u16 module_number(struct kernel *kernel, const char *name, u16 *count, size_t *last)
{
	if (strcmp((const char *)kernel->modules.data + *last, name) && *count < MODULES_MAX) {
		*last = kernel->modules.size;
		buffer_append(&kernel->modules, name, strlen(name) + 1);
		if (!kernel->modules.failed)
			++*count;
	}
	return *count;
}

static int add(struct kernel *kernel, u32 *room, u64 address, const char *name, u16 module)
{
	struct index *index = &kernel->index;
	struct index_entry *grown;

	if (index->count == SYMBOLS_MAX)
		return -E2BIG;
	if (index->count == *room) {
		*room = *room ? *room * 2 : 65536;
		grown = realloc(index->entries, *room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		index->entries = grown;
	}
	index->entries[index->count++] = (struct index_entry){
		.key = index_key(address & INDEX_ADDRESS_MASK, 0),
		.name = (u32)kernel->names.size,
	};
	buffer_append(&kernel->names, &module, sizeof(module));
	buffer_append(&kernel->names, name, strlen(name) + 1);
	return kernel->names.failed || kernel->modules.failed ? -ENOMEM : 0;
}

static int read_lines(struct kernel *kernel, FILE *file, u64 *seen)
{
	char line[KERNEL_NAME_MAX * 3], name[KERNEL_NAME_MAX], module[64];
	u16 module_count = 0;
	size_t last_module = 0;
	u32 room = 0;
	u64 address;
	char type;
	int r = 0;

	buffer_append(&kernel->modules, "", 1);
	while (!kernel->modules.failed && !r && fgets(line, sizeof(line), file)) {
		int fields = sscanf(line, "%" SCNx64 " %c %255s [%63[^]]]", &address, &type, name,
				    module);

		if (fields < 3 || !strchr("tTwW", type))
			continue;
		++*seen;
		if (address < TOP_BYTE)
			continue;
		r = add(kernel, &room, address, name,
			module_number(kernel, fields == 4 ? module : "", &module_count,
				      &last_module));
	}
	return kernel->modules.failed ? -ENOMEM : r;
}

int kernel_read(struct kernel **kernel, FILE *file)
{
	CLEANUP(kernel_free) struct kernel *made = calloc(1, sizeof(*made));
	u64 seen = 0;
	int r;

	if (!made)
		return -ENOMEM;
	r = read_lines(made, file, &seen);
	if (r < 0)
		return r;
	if (!made->index.count)
		return seen ? -EACCES : -ENODATA;
	made->index.reach = FUNCTION_REACH;
	index_sort(&made->index);
	*kernel = take(made);
	return 0;
}

void kernel_free(struct kernel *kernel)
{
	if (!kernel)
		return;
	index_free(&kernel->index);
	buffer_free(&kernel->names);
	buffer_free(&kernel->modules);
	free(kernel);
}

static const char *module_text(const struct kernel *kernel, u16 number)
{
	const char *text = (const char *)kernel->modules.data;

	while (number--)
		text += strlen(text) + 1;
	return text;
}

/* Of several names of one function the one with the fewest underscores before it */
static size_t underscores(const char *name)
{
	return strspn(name, "_");
}

bool kernel_find(const struct kernel *kernel, u64 address, const char **name, u64 *begin,
		 const char **module)
{
	const struct index_entry *found[INDEX_ALIASES];
	unsigned int count;
	u16 number;

	if (address < TOP_BYTE)
		return false;
	count = index_find(found, &kernel->index, address & INDEX_ADDRESS_MASK, false);
	if (!count)
		return false;
	*name = NULL;
	for (unsigned int i = 0; i < count; i++) {
		const u8 *at = kernel->names.data + found[i]->name;
		const char *text = (const char *)at + sizeof(number);

		if (*name && underscores(text) >= underscores(*name))
			continue;
		*name = text;
		memcpy(&number, at, sizeof(number));
		*module = module_text(kernel, number);
	}
	*begin = index_address(found[0]) | TOP_BYTE;
	return true;
}
