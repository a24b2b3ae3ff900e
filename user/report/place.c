// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* place - in which function of the program waits were */
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"
#include "user/report/table.h"

#define PLACES_MOST 64 /* stacks of a row that are looked at; the others are shorter */

/* Libraries that everybody waits in: what matters is who called them. */
static bool is_shared_library(const char *module)
{
	static const char *const names[] = { "libc.",    "libc-",   "ld-",       "libpthread",
					     "libm.",    "libm-",   "libstdc++", "libc++",
					     "libgcc_s", "ld-musl", "[vdso]" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(module, names[i], strlen(names[i])))
			return true;
	return false;
}

char *report_function(char to[CELL_TEXT_MAX], const struct report *report, u32 stack_id)
{
	struct frames *frames = (struct frames *)(uintptr_t)&report->frames; /* it remembers */
	const struct stack *stack = timeline_stack(report->timeline, stack_id);
	char text[SYMBOLS_TEXT_MAX];
	struct symbols_frame frame;
	u32 i = 0;

	to[0] = 0;
	if (!stack || !stack->count)
		return to;
	while (i < stack->count) {
		frames_frame(frames, &frame, stack, i);
		if (!is_shared_library(frame.module))
			break;
		i++;
	}
	text_printable(to, CELL_TEXT_MAX, frames_name(text, frames, stack, i % stack->count));
	return to;
}

/* Stacks that differ only further out, or by their line in it, are in the same function. */
char *report_waits_function(char to[CELL_TEXT_MAX], const struct report *report,
			    const struct waits_row *row)
{
	const struct waits_place *places;
	size_t count = waits_places(&report->waits, (u32)(row - report->waits.rows), &places);
	struct place {
		char name[CELL_TEXT_MAX];
		u64 ns;
	} * sums;
	size_t used = 0, best = 0;

	to[0] = 0;
	count = min(count, (size_t)PLACES_MOST);
	sums = count ? calloc(count, sizeof(*sums)) : NULL;
	if (!sums)
		return to;
	for (size_t i = 0; i < count; i++) {
		char name[CELL_TEXT_MAX];
		size_t at = 0;

		if (!report_function(name, report, places[i].stack)[0])
			continue;
		while (at < used && strcmp(sums[at].name, name))
			at++;
		if (at == used)
			strcpy(sums[used++].name, name);
		sums[at].ns += places[i].ns;
		if (sums[at].ns > sums[best].ns)
			best = at;
	}
	if (used)
		strcpy(to, sums[best].name);
	free(sums);
	return to;
}
