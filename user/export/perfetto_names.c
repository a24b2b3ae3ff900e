// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* perfetto_names - texts, frames and stacks that a Perfetto trace tells once, and then by number */
#include "user/export/perfetto_names.h"

#include <stdlib.h>

#include "user/base/protobuf.h"

enum entry_field { ENTRY_IID = 1, ENTRY_TEXT = 2 };

struct buffer *names_entry(struct perfetto_names *names, enum interned which, u32 iid)
{
	struct buffer *to = &names->packets->interned;

	names->begin = proto_begin(to, which);
	proto_number(to, ENTRY_IID, iid);
	return to;
}

void names_entry_end(struct perfetto_names *names)
{
	proto_end(&names->packets->interned, names->begin);
}

static u32 number_of(struct perfetto_names *names, enum interned which, u64 key, const void *text,
		     size_t size)
{
	u64 *slot = map_put(&names->numbers[which], key);

	if (!slot) {
		names->failed = true;
		return 0;
	}
	if (!*slot) {
		*slot = ++names->last[which];
		proto_item(names_entry(names, which, (u32)*slot), ENTRY_TEXT, text, size);
		names_entry_end(names);
	}
	return (u32)*slot;
}

u32 names_of_pointer(struct perfetto_names *names, enum interned which, const char *text)
{
	const u64 *slot = map_get(&names->numbers[which], (uintptr_t)text);

	return slot ? (u32)*slot : number_of(names, which, (uintptr_t)text, text, strlen(text));
}

/* No two texts of a trace share 64 bits of a hash but by intent: then one bears the other's name. */
u32 names_of_bytes(struct perfetto_names *names, enum interned which, const void *text, size_t size)
{
	return number_of(names, which, hash_bytes(text, size), text, size);
}

u32 names_of_text(struct perfetto_names *names, enum interned which, const char *text)
{
	return names_of_bytes(names, which, text, strlen(text));
}

void perfetto_names_free(struct perfetto_names *names)
{
	for (int i = 0; i < INTERNED_COUNT; i++)
		map_free(&names->numbers[i]);
	map_free(&names->kernel);
	map_free(&names->stacks);
	free(names->list);
	*names = (struct perfetto_names){ 0 };
}
