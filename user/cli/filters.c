// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* filters - the options that choose a part of a trace, the same for all commands that read one */
#include "user/cli/filters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"

/* "1,2" "3" as numbers. @out is to be freed. */
static int parse_ids(const u32 **out, size_t *count, const struct text_list *list,
		     const char *option, struct err *err)
{
	CLEANUP(free) u32 *ids = NULL;
	size_t used = 0;

	for (size_t i = 0; i < list->count; i++) {
		CLEANUP(free) char *copy = strdup(list->items[i]);
		char *rest = copy, *word;

		if (!copy)
			return fail(err, -ENOMEM, "no memory for %s", option);
		while ((word = strsep(&rest, ","))) {
			u32 *more = realloc(ids, (used + 1) * sizeof(*ids));
			u64 id;
			int r;

			if (!more)
				return fail(err, -ENOMEM, "no memory for %s", option);
			ids = more;
			r = parse_number(&id, word, 1, UINT32_MAX, option, err);
			if (r < 0)
				return r;
			ids[used++] = (u32)id;
		}
	}
	*out = take(ids);
	*count = used;
	return 0;
}

int filters_parse(struct filter *filter, const struct filter_options *options, struct err *err)
{
	int r;

	*filter = (struct filter){ .from_ns = options->from_ns, .to_ns = options->to_ns };
	if (options->to_ns && options->to_ns <= options->from_ns)
		return fail(err, -EINVAL, "--to must be later than --from");
	r = parse_ids(&filter->pids, &filter->pid_count, &options->pids, "--pid", err);
	if (r < 0)
		return r;
	r = parse_ids(&filter->tids, &filter->tid_count, &options->tids, "--tid", err);
	if (r < 0)
		return r;
	filter->names = options->names.items;
	filter->name_count = options->names.count;
	filter->tasks = options->tasks.items;
	filter->task_count = options->tasks.count;
	return 0;
}

void filters_free(struct filter *filter)
{
	free((void *)(uintptr_t)filter->pids);
	free((void *)(uintptr_t)filter->tids);
	*filter = (struct filter){ 0 };
}
