// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* names - texts as small numbers */
#include "user/model/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"

static int names_add(struct names *names, u32 *number, const char *text, size_t size)
{
	if (!grow(&names->texts, names->count, &names->room, sizeof(*names->texts)))
		return -ENOMEM;
	names->texts[names->count] = strndup(text, size);
	if (!names->texts[names->count])
		return -ENOMEM;
	*number = ++names->count;
	return 0;
}

int names_put(struct names *names, u32 *number, const char *text, size_t size)
{
	size_t length = strnlen(text, size);
	u32 added = 0;
	u64 *slot;
	int r;

	if (!length) {
		*number = 0;
		return 0;
	}
	/* Texts whose hashes are equal lie under the keys that follow. */
	for (u64 key = hash_bytes(text, length);; key++) {
		slot = map_put(&names->numbers, key);
		if (!slot)
			return -ENOMEM;
		if (!*slot)
			break;
		if (!strncmp(names->texts[*slot - 1], text, length) &&
		    !names->texts[*slot - 1][length]) {
			*number = (u32)*slot;
			return 0;
		}
	}
	r = names_add(names, &added, text, length);
	if (r < 0)
		return r;
	*slot = added;
	*number = added;
	return 0;
}

u32 names_find(const struct names *names, const char *text)
{
	const u64 *slot;

	for (u64 key = hash_bytes(text, strlen(text));
	     (slot = map_get(&names->numbers, key)) && *slot; key++)
		if (!strcmp(names->texts[*slot - 1], text))
			return (u32)*slot;
	return 0;
}

const char *names_text(const struct names *names, u32 number)
{
	return number && number <= names->count ? names->texts[number - 1] : "";
}

void names_free(struct names *names)
{
	for (u32 i = 0; i < names->count; i++)
		free(names->texts[i]);
	free(names->texts);
	map_free(&names->numbers);
	*names = (struct names){ 0 };
}
