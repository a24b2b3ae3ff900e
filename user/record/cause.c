// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* cause - a trigger that was met, in one line */
#include "user/record/cause.h"

#include <stdio.h>

#include "user/base/text.h"

void cause_describe(char *to, size_t room, const struct cause *cause)
{
	char length[TEXT_MAX];
	int used = snprintf(to, room, "%s", cause->text);

	if (cause->tid && used >= 0 && (size_t)used < room)
		used += snprintf(to + used, room - (size_t)used, ": %s (%u)", cause->thread,
				 cause->tid);
	if (cause->what[0] && used >= 0 && (size_t)used < room)
		used += snprintf(to + used, room - (size_t)used, ", %s", cause->what);
	if (cause->duration_ns && used >= 0 && (size_t)used < room)
		snprintf(to + used, room - (size_t)used, ", %s%s", cause->running ? "over " : "",
			 text_duration(length, cause->duration_ns));
}
