// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* batch - the events of one chunk come out by time: sorted by CPU, then merged */
#include "user/trace/batch.h"

#include <errno.h>

/*
 * An interrupt can put its event in front of one that has begun: runs are nearly sorted, and
 * an insertion sort does next to nothing. It gives up after this many steps per event.
 */
#define STEPS_PER_EVENT 8

void batch_empty(struct batch *batch)
{
	batch->count = 0;
	batch->run_count = 0;
	batch->restated = 0;
	arena_reset(&batch->arena);
}

void batch_free(struct batch *batch)
{
	free(batch->events);
	free(batch->keys);
	free(batch->runs);
	free(batch->raw);
	arena_free(&batch->arena);
}

static int grow(void **array, size_t *room, size_t need, size_t item)
{
	void *moved;

	if (need <= *room)
		return 0;
	need = max(need, *room * 2);
	moved = reallocarray(*array, need, item);
	if (!moved)
		return -ENOMEM;
	*array = moved;
	*room = need;
	return 0;
}

int batch_begin_run(struct batch *batch, size_t count)
{
	size_t keys_room = batch->room, room = batch->room;

	if (count > CHUNK_EVENTS_MAX + CHUNK_ROWS_MAX ||
	    batch->count > 2 * (CHUNK_EVENTS_MAX + CHUNK_ROWS_MAX))
		return -EBADMSG;
	if (grow((void **)&batch->events, &room, batch->count + count, sizeof(*batch->events)) ||
	    grow((void **)&batch->keys, &keys_room, batch->count + count, sizeof(*batch->keys)) ||
	    grow((void **)&batch->runs, &batch->run_room, batch->run_count + 1,
		 sizeof(*batch->runs)))
		return -ENOMEM;
	batch->room = keys_room;
	batch->runs[batch->run_count++] = (struct batch_run){ batch->count, batch->count };
	return 0;
}

static bool earlier(const struct batch_key *a, const struct batch_key *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->at < b->at;
}

static int compare_keys(const void *a, const void *b)
{
	return earlier(a, b) ? -1 : 1;
}

static void sort_run(struct batch_key *keys, size_t count)
{
	size_t steps = count * STEPS_PER_EVENT;

	for (size_t i = 1; i < count; i++) {
		struct batch_key key = keys[i];
		size_t to = i;

		for (; to && key.time_ns < keys[to - 1].time_ns && steps; to--, steps--)
			keys[to] = keys[to - 1];
		keys[to] = key;
		if (unlikely(!steps)) {
			qsort(keys, count, sizeof(*keys), compare_keys);
			return;
		}
	}
}

static bool run_earlier(const struct batch *batch, size_t a, size_t b)
{
	return earlier(&batch->keys[batch->runs[a].next], &batch->keys[batch->runs[b].next]);
}

static void sift_down(struct batch *batch, size_t i)
{
	for (;;) {
		size_t child = 2 * i + 1;
		struct batch_run run;

		if (child >= batch->run_count)
			return;
		if (child + 1 < batch->run_count && run_earlier(batch, child + 1, child))
			child++;
		if (!run_earlier(batch, child, i))
			return;
		run = batch->runs[i];
		batch->runs[i] = batch->runs[child];
		batch->runs[child] = run;
		i = child;
	}
}

void batch_sort(struct batch *batch)
{
	size_t kept = 0;

	for (size_t i = 0; i < batch->count; i++)
		batch->keys[i] = (struct batch_key){
			.time_ns = i < batch->restated ? 0 : batch->events[i].time_ns,
			.at = (u32)i,
		};
	for (size_t i = 0; i < batch->run_count; i++) {
		struct batch_run run = batch->runs[i];

		sort_run(batch->keys + run.next, run.end - run.next);
		if (run.next < run.end)
			batch->runs[kept++] = run;
	}
	batch->run_count = kept;
	for (size_t i = kept / 2; i-- > 0;)
		sift_down(batch, i);
}

const struct trace_event *batch_next(struct batch *batch)
{
	const struct trace_event *event;
	struct batch_run *first = batch->runs;

	if (!batch->run_count)
		return NULL;
	event = &batch->events[batch->keys[first->next].at];
	if (++first->next == first->end)
		*first = batch->runs[--batch->run_count];
	sift_down(batch, 0);
	return event;
}
