// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* stacks - a profile by where threads waited alone */
#include "user/model/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

#define KEY_BYTES offsetof(struct stacks_row, count)

static struct stacks_row row_of(const struct profile *profile, const struct profile_row *from)
{
	const struct thread_table *threads = timeline_threads(profile->timeline);
	struct stacks_row row;

	memset(&row, 0, sizeof(row)); /* compared with its padding */
	row.user_stack = from->user_stack;
	row.kernel_stack = from->kernel_stack;
	row.process = from->thread ? threads->threads[from->thread - 1]->process->id : 0;
	row.syscall = from->syscall;
	row.kind = from->kind;
	row.why = from->why;
	row.bare = from->bare;
	row.count = from->count;
	row.ns = from->ns;
	row.longest_ns = from->longest_ns;
	return row;
}

static int compare(const void *left, const void *right)
{
	const struct stacks_row *a = left, *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return memcmp(a, b, KEY_BYTES);
}

/* Adds @row to the one of @rows that has its key. Return: how many rows there are, 0 without
 * memory. */
static size_t add(struct stacks_row *rows, size_t used, struct map *numbers,
		  const struct stacks_row *row)
{
	u64 *slot;

	/* Keys whose hashes are equal lie under those that follow. */
	for (u64 key = hash_bytes(row, KEY_BYTES);; key++) {
		slot = map_put(numbers, key);
		if (!slot)
			return 0;
		if (!*slot)
			break;
		if (memcmp(&rows[*slot - 1], row, KEY_BYTES))
			continue;
		rows[*slot - 1].count += row->count;
		rows[*slot - 1].ns += row->ns;
		rows[*slot - 1].longest_ns = max(rows[*slot - 1].longest_ns, row->longest_ns);
		return used;
	}
	rows[used] = *row;
	*slot = ++used;
	return used;
}

int stacks_rows(struct stacks_row **out, size_t *count, const struct profile *profile)
{
	CLEANUP(free) struct stacks_row *rows = calloc((size_t)profile->count + 1, sizeof(*rows));
	struct map numbers = { 0 };
	size_t used = 0;

	if (!rows)
		return -ENOMEM;
	for (u32 i = 0; i < profile->count; i++) {
		struct stacks_row row = row_of(profile, &profile->rows[i]);

		used = add(rows, used, &numbers, &row);
		if (!used)
			break;
	}
	map_free(&numbers);
	if (profile->count && !used)
		return -ENOMEM;
	qsort(rows, used, sizeof(*rows), compare);
	*count = used;
	*out = take(rows);
	return 0;
}

struct stacks_cover stacks_cover(const struct stacks_row *rows, size_t count)
{
	struct stacks_cover cover = { 0 };

	for (size_t i = 0; i < count; i++) {
		cover.by[rows[i].bare].count += rows[i].count;
		cover.by[rows[i].bare].ns += rows[i].ns;
		cover.count += rows[i].count;
		cover.ns += rows[i].ns;
	}
	return cover;
}
