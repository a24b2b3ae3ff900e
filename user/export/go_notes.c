// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * go_notes - tasks, regions and logs, as Go's readers accept them
 *
 * Regions have to nest: one that ends before one inside it takes that along, which begins anew. A thread
 * that works for a task is in a region with the task's name. What Go does not know is a log.
 */
#include "user/export/go_play.h"

#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"
#include "user/model/grow.h"

static const char *name_of(const struct go_play *play, u32 name)
{
	return names_text(&timeline_threads(play->marks->timeline)->names, name);
}

static u32 string_of(struct go_play *play, u32 name)
{
	char text[ANNOTATION_NAME_MAX + 1];

	text_printable(text, sizeof(text), name_of(play, name));
	return go_wire_string(&play->wire, *text ? text : "(unnamed)");
}

static u64 stack_of(struct go_play *play, const struct go_thread *t, u32 stack)
{
	return go_stack_id(play, &(struct go_place){ .root = t->root, .user = stack });
}

static void say_region(struct go_play *play, struct go_thread *t, enum go_event type,
		       const struct go_region *region, u64 stack)
{
	GO_EVENT(play, t, type, region->task, go_wire_use_string(&play->wire, region->name), stack);
}

static void begin_region(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	const struct go_region region = { string_of(play, mark->note.name), mark->note.task };

	if (!grow(&t->regions, t->region_count, &t->region_room, sizeof(region))) {
		play->wire.failed = true;
		return;
	}
	t->regions[t->region_count++] = region;
	say_region(play, t, GO_REGION_BEGIN, &region, stack_of(play, t, mark->note.stack));
}

/* @task: that is left; 0: a region like others ends */
static void end_region(struct go_play *play, struct go_thread *t, const struct mark *mark, u32 task)
{
	u32 name = string_of(play, mark->note.name), at = t->region_count;
	const struct go_region older = { .name = name };

	while (at && (t->regions[at - 1].name != name || (task && t->regions[at - 1].task != task)))
		at--;
	/* One that is older than the recording may end, if nothing is open. */
	if (!t->region_count && !task)
		say_region(play, t, GO_REGION_END, &older, go_bare_id(play, t));
	if (!at)
		return;
	for (u32 i = t->region_count; i >= at; i--)
		say_region(play, t, GO_REGION_END, &t->regions[i - 1], go_bare_id(play, t));
	t->region_count--;
	memmove(&t->regions[at - 1], &t->regions[at],
		(t->region_count - (at - 1)) * sizeof(*t->regions));
	for (u32 i = at - 1; i < t->region_count; i++)
		say_region(play, t, GO_REGION_BEGIN, &t->regions[i], go_bare_id(play, t));
}

static void say_log(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	static const char *const categories[] = {
		[EVENT_LINK - EVENT_TASK_BEGIN] = "traceparent",
		[EVENT_SNAPSHOT - EVENT_TASK_BEGIN] = "snapshot",
	};
	const char *category = categories[mark->note.kind - EVENT_TASK_BEGIN];
	char raw[GO_TEXT_MAX + 1], text[GO_TEXT_MAX + 1];
	u32 key =
		category ? go_wire_string(&play->wire, category) : string_of(play, mark->note.name);

	snprintf(raw, sizeof(raw), "%.*s", (int)mark->text_bytes, mark->text);
	GO_EVENT(play, t, GO_LOG, mark->note.task, go_wire_use_string(&play->wire, key),
		 go_wire_text(&play->wire, text, text_printable(text, sizeof(text), raw)),
		 go_bare_id(play, t));
}

static void say(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	switch (mark->note.kind) {
	case EVENT_TASK_BEGIN:
		GO_EVENT(play, t, GO_TASK_BEGIN, mark->note.task, mark->note.parent,
			 go_wire_use_string(&play->wire, string_of(play, mark->note.name)),
			 go_bare_id(play, t));
		break;
	case EVENT_TASK_END:
		GO_EVENT(play, t, GO_TASK_END, mark->note.task, go_bare_id(play, t));
		break;
	case EVENT_REGION_BEGIN:
	case EVENT_TASK_ENTER: begin_region(play, t, mark); break;
	case EVENT_REGION_END: end_region(play, t, mark, 0); break;
	case EVENT_TASK_LEAVE: end_region(play, t, mark, mark->note.task); break;
	default: say_log(play, t, mark);
	}
}

void go_note(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	u8 before = t->state;
	bool away = t->away;

	go_run_somewhere(play, t, mark->thread);
	if (t->state != GO_RUNNING)
		return;
	say(play, t, mark);
	t->away = away;
	if (before == GO_WAITING || before == GO_SYSCALL)
		go_block(play, t);
	else if (before == GO_RUNNABLE)
		go_stop(play, t, GO_REASON_PREEMPTED, go_bare_id(play, t));
}

void go_notes_end(struct go_play *play, struct go_thread *t)
{
	while (t->region_count)
		say_region(play, t, GO_REGION_END, &t->regions[--t->region_count],
			   go_bare_id(play, t));
	free(t->regions);
	t->regions = NULL;
	t->region_room = 0;
}
