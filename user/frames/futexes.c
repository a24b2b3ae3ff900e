// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* futexes - the variables that threads waited for, by name */
#include "user/frames/futexes.h"

#include <inttypes.h>
#include <stdio.h>

#include "user/base/text.h"

static bool is_same(const struct symbols_frame *a, const struct symbols_frame *b)
{
	return a->name == b->name && a->name_offset == b->name_offset && a->module == b->module;
}

bool futexes_name(char name[FUTEX_NAME_MAX], const char **module, const struct frames *frames,
		  u32 pid, u64 address, u64 time_ns)
{
	const struct runs *runs = &frames->runs;
	const u64 *last = map_get(&runs->last, pid);
	struct symbols_frame found = { 0 }, other;
	bool then = true;
	size_t used;

	for (u32 run = last ? (u32)*last : 0; run; run = runs->list[run - 1].previous) {
		bool named = runs_data(runs, &other, run, address);

		if (then && runs->list[run - 1].since_ns <= time_ns) {
			if (!named || (found.name && !is_same(&found, &other)))
				return false;
			then = false;
		}
		if (named && found.name && !is_same(&found, &other))
			return false;
		if (named)
			found = other;
	}
	if (then || !found.name)
		return false;
	*module = found.module;
	used = text_printable(name, FUTEX_NAME_MAX - 20, found.name);
	if (found.name_offset)
		snprintf(name + used, FUTEX_NAME_MAX - used, "+0x%" PRIx64, found.name_offset);
	return true;
}
