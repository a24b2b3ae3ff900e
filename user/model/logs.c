// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* logs - what programs said, in order of time */
#include "user/model/logs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"

static bool is_asked_for(const struct logs *logs, const struct note *note)
{
	const struct names *names = &timeline_threads(logs->timeline)->names;

	if (logs->text && !filter_matches(logs->text, note->text))
		return false;
	return !logs->category || filter_matches(logs->category, names_text(names, note->name));
}

static int on_note(void *ctx, const struct note *note)
{
	struct logs *logs = ctx;
	struct logs_row row = {
		.time_ns = note->time_ns,
		.thread = note->thread,
		.thread_name = note->thread->name,
		.category = note->name,
		.cut = note->flags & (ANNOTATION_CUT_NAME | ANNOTATION_CUT_TEXT),
	};

	if (note->kind != EVENT_LOG || note->how & NOTE_ASIDE || !is_asked_for(logs, note))
		return 0;
	if (logs->total++ >= (logs->most ?: LOGS_MAX))
		return 0;
	if (note->task) {
		row.task = note->task->id;
		row.task_name = note->task->name;
	}
	if (!grow(&logs->rows, logs->count, &logs->room, sizeof(*logs->rows)))
		return -ENOMEM;
	if (*note->text && !(row.text = strdup(note->text)))
		return -ENOMEM;
	logs->rows[logs->count++] = row;
	return 0;
}

struct sink logs_sink(struct logs *logs)
{
	return (struct sink){ .ctx = logs, .note = on_note };
}

void logs_free(struct logs *logs)
{
	for (u32 i = 0; i < logs->count; i++)
		free(logs->rows[i].text);
	free(logs->rows);
	*logs = (struct logs){ 0 };
}
