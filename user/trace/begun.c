// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * begun - tasks and regions that have not ended, and who works for which: what a chunk says again
 *
 * CPUs are read one after another, so an end may be learnt before its begin. It is then kept until
 * the chunk's end, and takes the begin with it.
 */
#include "user/trace/begun.h"

#include <stdlib.h>

#include "user/trace/fields.h"

static const struct field row_columns[] = {
	UINT_FIELD(begun_row, kind), UINT_FIELD(begun_row, tid),   UINT_FIELD(begun_row, flags),
	UINT_FIELD(begun_row, task), UINT_FIELD(begun_row, value), UINT_FIELD(begun_row, since_ns),
	TEXT_FIELD(begun_row, name),
};

const struct field_table begun_row_fields = {
	.fields = row_columns,
	.count = ARRAY_SIZE(row_columns),
	.bytes = sizeof(struct begun_row),
};

struct begun_item {
	struct begun_row is; /* its name is owned */
	u32 tgid;
	u32 below;   /* position + 1 of what the thread was in before; 0: nothing */
	u64 chunk;   /* in which it began */
	u64 over_ns; /* its end */
	bool over;   /* it ended in the open chunk */
	bool orphan; /* an end at since_ns, whose begin is not known */
};

static struct begun_item *items(const struct begun *begun)
{
	return (struct begun_item *)(void *)begun->items.data;
}

static size_t count(const struct begun *begun)
{
	return begun->items.size / sizeof(struct begun_item);
}

static u32 tgid_of(const struct threads *threads, u32 tid)
{
	const u64 *position = map_get(&threads->by_tid, tid);
	u32 tgid = position ? threads->entries[*position].now.is.tgid : 0;

	return tgid ?: tid;
}

static u64 task_key(const struct begun_item *item)
{
	return hash_u64(item->is.task ^ hash_u64(item->tgid));
}

static bool is_task(const struct begun_item *item)
{
	return item->is.kind == EVENT_TASK_BEGIN;
}

/* Puts item number @at where it is looked for. Return: 0 or -ENOMEM. */
static int link_item(struct begun *begun, u32 at)
{
	struct begun_item *item = items(begun) + at;
	u64 *head = is_task(item) ? map_put(&begun->by_task, task_key(item))
				  : map_put(&begun->by_thread, item->is.tid);

	if (!head)
		return -ENOMEM;
	item->below = is_task(item) ? 0 : (u32)*head;
	*head = at + 1;
	return 0;
}

static int add(struct begun *begun, const struct begun_item *new)
{
	struct begun_item item = *new;

	if (count(begun) >= BEGUN_MAX)
		return 0;
	item.chunk = begun->chunk;
	item.is.name = strdup(new->is.name ?: "");
	if (!item.is.name || buffer_reserve(&begun->items, sizeof(item))) {
		free((char *)item.is.name);
		return -ENOMEM;
	}
	buffer_append(&begun->items, &item, sizeof(item));
	begun->some_over |= item.orphan || item.over;
	return link_item(begun, (u32)count(begun) - 1);
}

static struct begun_item *find_task(const struct begun *begun, const struct begun_item *like)
{
	const u64 *at = map_get(&begun->by_task, task_key(like));

	return at ? items(begun) + *at - 1 : NULL;
}

static bool is_same(const struct begun_item *a, const struct begun_item *b)
{
	if (a->is.kind != b->is.kind)
		return false;
	return a->is.kind == EVENT_TASK_ENTER ? a->is.task == b->is.task
					      : !strcmp(a->is.name, b->is.name);
}

static bool may_end(const struct begun_item *item, u64 end_ns)
{
	return !item->orphan && item->is.since_ns <= end_ns &&
	       (!item->over || item->over_ns > end_ns);
}

/*
 * The innermost of what the thread is in that is like this end; @any: of its kind alone. One that
 * was given a later end before is found, too: that end is another one's.
 */
static struct begun_item *find_begin(const struct begun *begun, const struct begun_item *end,
				     bool any)
{
	const u64 *head = map_get(&begun->by_thread, end->is.tid);
	struct begun_item *best = NULL, *item;

	if (is_task(end)) {
		item = find_task(begun, end);
		return item && may_end(item, end->is.since_ns) ? item : NULL;
	}
	for (u32 at = head ? (u32)*head : 0; at; at = item->below) {
		item = items(begun) + at - 1;
		if (item->is.kind == end->is.kind && may_end(item, end->is.since_ns) &&
		    (any || is_same(item, end)) && (!best || item->is.since_ns > best->is.since_ns))
			best = item;
	}
	return best;
}

/* The first end behind a begin that came later */
static struct begun_item *find_end(const struct begun *begun, const struct begun_item *begin)
{
	const u64 *head = map_get(&begun->by_thread, begin->is.tid);
	struct begun_item *best = NULL, *item;

	if (is_task(begin)) {
		item = find_task(begun, begin);
		return item && item->orphan && !item->over ? item : NULL;
	}
	for (u32 at = head ? (u32)*head : 0; at; at = item->below) {
		item = items(begun) + at - 1;
		if (item->orphan && !item->over && item->is.kind == begin->is.kind &&
		    item->is.since_ns >= begin->is.since_ns && is_same(item, begin) &&
		    (!best || item->is.since_ns < best->is.since_ns))
			best = item;
	}
	return best;
}

static void end_item(struct begun *begun, struct begun_item *item, u64 end_ns)
{
	item->over = true;
	item->over_ns = end_ns;
	begun->some_over = true;
}

static int begins(struct begun *begun, const struct begun_item *new)
{
	struct begun_item *end = find_end(begun, new);

	/* Its end has come before it. */
	if (end && end->is.since_ns >= new->is.since_ns) {
		struct begun_item over = *new;

		end_item(begun, end, end->is.since_ns);
		over.over = true;
		over.over_ns = end->is.since_ns;
		return add(begun, &over);
	}
	return add(begun, new);
}

static int ends(struct begun *begun, struct begun_item *like)
{
	bool any = like->is.kind == EVENT_TASK_ENTER ? like->is.task == TASK_NONE
						     : !is_task(like) && !*like->is.name;
	struct begun_item *item;

	while ((item = find_begin(begun, like, any))) {
		bool another = item->over;
		u64 later_ns = item->over_ns;

		end_item(begun, item, like->is.since_ns);
		if (!another)
			return 0;
		like->is.since_ns = later_ns;
	}
	if (any)
		return 0; /* of nothing that is known */
	like->orphan = true;
	return add(begun, like);
}

/* What a thread was in ends with it, and so do the tasks of a process (0: none). */
static void end_all_of(struct begun *begun, u32 tid, u32 tgid, u64 end_ns)
{
	const u64 *head = map_get(&begun->by_thread, tid);

	for (u32 at = head ? (u32)*head : 0; at; at = items(begun)[at - 1].below)
		end_item(begun, items(begun) + at - 1, end_ns);
	for (size_t i = 0; tgid && i < count(begun); i++) {
		struct begun_item *item = items(begun) + i;

		if (is_task(item) && item->tgid == tgid)
			end_item(begun, item, end_ns);
	}
}

int begun_learn(struct begun *begun, const struct trace_event *event, const struct threads *threads)
{
	const struct trace_annotation *a = &event->annotation;
	struct begun_item item;

	if (event->kind == EVENT_EXIT) {
		end_all_of(begun, event->exit.tid, event->exit.last ? event->exit.tgid : 0,
			   event->time_ns);
		return 0;
	}
	if (event->kind == EVENT_EXEC) {
		end_all_of(begun, event->exec.old_tid, event->exec.tid, event->time_ns);
		return 0;
	}
	if (!trace_event_is_annotation(event))
		return 0;
	item = (struct begun_item){
		.is = { .tid = a->tid,
			.flags = a->flags,
			.kind = (u8)event->kind,
			.task = a->task,
			.value = a->value,
			.since_ns = event->time_ns,
			.name = a->name ?: "" },
		.tgid = tgid_of(threads, a->tid),
	};
	switch (event->kind) {
	case EVENT_TASK_BEGIN:
	case EVENT_TASK_ENTER:
	case EVENT_REGION_BEGIN: return begins(begun, &item);
	case EVENT_TASK_END: item.is.kind = EVENT_TASK_BEGIN; break;
	case EVENT_TASK_LEAVE: item.is.kind = EVENT_TASK_ENTER; break;
	case EVENT_REGION_END: item.is.kind = EVENT_REGION_BEGIN; break;
	default: return 0;
	}
	return ends(begun, &item);
}

/* Tasks come before those who work for them. */
static const u8 order[] = { EVENT_TASK_BEGIN, EVENT_TASK_ENTER, EVENT_REGION_BEGIN };

void begun_put(const struct begun *begun, struct buffer *b)
{
	struct buffer rows = { 0 };

	for (size_t k = 0; k < ARRAY_SIZE(order); k++) {
		for (size_t i = 0; i < count(begun); i++) {
			const struct begun_item *item = items(begun) + i;

			if (item->is.kind == order[k] && item->chunk < begun->chunk &&
			    !item->orphan)
				buffer_append(&rows, &item->is, sizeof(item->is));
		}
	}
	if (rows.size) {
		buffer_varint(b, rows.size / sizeof(struct begun_row));
		fields_put(b, &begun_row_fields, rows.data, rows.size / sizeof(struct begun_row));
	}
	b->failed |= rows.failed;
	buffer_free(&rows);
}

int begun_next_chunk(struct begun *begun)
{
	size_t kept = 0;
	int r = 0;

	begun->chunk++;
	if (!begun->some_over)
		return 0;
	begun->some_over = false;
	map_clear(&begun->by_task);
	map_clear(&begun->by_thread);
	for (size_t i = 0; i < count(begun); i++) {
		struct begun_item *item = items(begun) + i;

		if (item->over || item->orphan)
			free((char *)item->is.name);
		else
			items(begun)[kept++] = *item;
	}
	begun->items.size = kept * sizeof(struct begun_item);
	for (u32 i = 0; i < kept && !r; i++)
		r = link_item(begun, i);
	return r;
}

void begun_free(struct begun *begun)
{
	for (size_t i = 0; i < count(begun); i++)
		free((char *)items(begun)[i].is.name);
	buffer_free(&begun->items);
	map_free(&begun->by_task);
	map_free(&begun->by_thread);
}
