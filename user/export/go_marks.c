// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* go_marks - what the model tells of threads, as moments in order of time */
#include "user/export/go_marks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/buffer.h"
#include "user/model/grow.h"

#define RANK_BITS 3

static const struct {
	u8 rank;
	u8 words;
} types[] = {
	[MARK_FORKED] = { RANK_EARLIER, 1 }, [MARK_RUNS] = { RANK_ENTERS, 1 },
	[MARK_BLOCKS] = { RANK_LEAVES, 5 },  [MARK_WAKES] = { RANK_LEAVES, 4 },
	[MARK_READY] = { RANK_LEAVES, 3 },   [MARK_LOST] = { RANK_LEAVES, 0 },
	[MARK_AWAY] = { RANK_LEAVES, 0 },    [MARK_ENDS] = { RANK_LEAVES, 0 },
	[MARK_SAMPLE] = { RANK_SAYS, 3 },    [MARK_LOSS] = { RANK_SAYS, 0 },
	[MARK_BEGINS] = { RANK_BEGINS, 5 },  [MARK_NOTE] = { RANK_SAYS, 5 },
};
_Static_assert(ARRAY_SIZE(types) == MARK_TYPE_COUNT, "every mark is known");

static int add_ranked(struct marks *marks, const struct mark *mark, u64 time_ns,
		      enum mark_rank rank)
{
	u8 record[SORTER_RECORD_MAX], *at = record;
	u64 since_ns = time_ns - min(time_ns, marks->begin_ns);
	u32 text_bytes = min(mark->text_bytes, 4096u);

	*at++ = (u8)mark->type;
	at = varint_put(at, mark->thread);
	for (u32 i = 0; i < types[mark->type].words; i++)
		at = varint_put(at, mark->words[i]);
	if (text_bytes)
		memcpy(at, mark->text, text_bytes);
	at += text_bytes;
	return sorter_add(&marks->sorter, since_ns << RANK_BITS | rank, record,
			  (size_t)(at - record));
}

static int add(struct marks *marks, const struct mark *mark, u64 time_ns)
{
	return add_ranked(marks, mark, time_ns, (enum mark_rank)types[mark->type].rank);
}

int marks_next(struct marks *marks, struct mark *mark)
{
	struct cursor cursor;
	const u8 *data;
	size_t size;
	u64 key;
	int r = sorter_next(&marks->sorter, &key, &data, &size);

	if (r <= 0)
		return r;
	cursor = (struct cursor){ .at = data, .end = data + size };
	*mark = (struct mark){ .time_ns = key >> RANK_BITS, .type = cursor_u8(&cursor) };
	if (mark->type >= MARK_TYPE_COUNT)
		return -EIO;
	mark->thread = (u32)cursor_varint(&cursor);
	for (u32 i = 0; i < types[mark->type].words; i++)
		mark->words[i] = (u32)cursor_varint(&cursor);
	mark->text = (const char *)cursor.at;
	mark->text_bytes = (u32)(cursor.end - cursor.at);
	return cursor.failed ? -EIO : 1;
}

/* Where it is kept until when a thread was told; 0: not at all. NULL without memory. */
static u64 *told_of(struct marks *marks, const struct thread *thread)
{
	u32 room = marks->told_room ?: 64;
	u64 *told_ns;

	while (room <= thread->id)
		room *= 2;
	if (room != marks->told_room) {
		told_ns = reallocarray(marks->told_ns, room, sizeof(*told_ns));
		if (!told_ns)
			return NULL;
		memset(told_ns + marks->told_room, 0, (room - marks->told_room) * sizeof(*told_ns));
		marks->told_ns = told_ns;
		marks->told_room = room;
	}
	return &marks->told_ns[thread->id];
}

static int add_runs(struct marks *marks, struct mark *mark, const struct interval *interval)
{
	mark->type = MARK_RUNS;
	mark->runs.cpu = interval->cpu;
	if (interval->cpu != CPU_UNKNOWN)
		marks->most_cpu = max(marks->most_cpu, (u32)interval->cpu);
	/* What took no time is passed over: there is nothing before its end. */
	return interval->begin_ns == interval->end_ns ? 0 : add(marks, mark, interval->begin_ns);
}

static int add_blocks(struct marks *marks, struct mark *mark, const struct interval *interval)
{
	const struct wait *wait = &interval->wait;
	int r = whats_put(&marks->whats, &mark->blocks.what, marks->timeline, interval->thread,
			  wait);

	mark->type = MARK_BLOCKS;
	mark->blocks.kind = wait->kind;
	mark->blocks.goes_on = interval->flags & INTERVAL_CUT_BEGIN ? 1 : 0;
	mark->blocks.syscall = wait->syscall;
	mark->blocks.user = interval->where.user;
	mark->blocks.kernel = interval->where.kernel;
	return r < 0 ? r : add(marks, mark, interval->begin_ns);
}

static int add_ready(struct marks *marks, struct mark *mark, const struct interval *interval)
{
	const struct wait *wait = &interval->wait;

	if (interval->why != WHY_WOKEN) {
		mark->type = MARK_READY;
		mark->ready.why = interval->why;
		mark->ready.user = interval->where.user;
		mark->ready.kernel = interval->where.kernel;
		return add(marks, mark, interval->begin_ns);
	}
	mark->type = MARK_WAKES;
	mark->wakes.known = wait->waker_known;
	mark->wakes.context = wait->waker_context;
	mark->wakes.waker = wait->waker ? wait->waker->id : 0;
	mark->wakes.user = interval->where.waker_user;
	mark->wakes.kernel = interval->where.waker_kernel;
	return add(marks, mark, interval->begin_ns);
}

static int on_interval(void *ctx, const struct interval *interval)
{
	struct mark mark = { .thread = interval->thread->id };
	struct marks *marks = ctx;
	u64 *told_ns = told_of(marks, interval->thread);
	int r = 0;

	if (!told_ns)
		return -ENOMEM;
	if (!*told_ns && interval->begin_ns <= marks->begin_ns)
		marks->at_begin++;
	if (*told_ns && *told_ns < interval->begin_ns) {
		mark.type = MARK_AWAY;
		r = add(marks, &mark, *told_ns);
	}
	*told_ns = interval->end_ns;
	if (r < 0)
		return r;
	switch (interval->state) {
	case STATE_RUNNING: return add_runs(marks, &mark, interval);
	case STATE_BLOCKED: return add_blocks(marks, &mark, interval);
	case STATE_RUNNABLE: return add_ready(marks, &mark, interval);
	default: mark.type = MARK_LOST; return add(marks, &mark, interval->begin_ns);
	}
}

/* Who forked is told just before the new thread begins. */
static int on_program(void *ctx, const struct trace_event *event)
{
	struct marks *marks = ctx;
	const struct thread *parent;

	if (event->kind != EVENT_FORK)
		return 0;
	parent = thread_find(timeline_threads(marks->timeline), event->fork->parent_tid);
	marks->fork_tid = event->fork->tid;
	marks->fork_parent = parent ? parent->id : 0;
	marks->fork_ns = event->time_ns;
	return 0;
}

static int on_begin(struct marks *marks, const struct thread *thread, u64 time_ns)
{
	const struct mark mark = {
		.type = MARK_FORKED,
		.thread = thread->id,
		.forked = { marks->fork_parent },
	};

	if (!marks->fork_parent || marks->fork_tid != thread->tid || marks->fork_ns != time_ns ||
	    time_ns < marks->begin_ns || time_ns >= marks->end_ns)
		return 0;
	return add(marks, &mark, time_ns);
}

static int on_end(struct marks *marks, const struct thread *thread, u64 time_ns)
{
	const struct mark mark = { .type = MARK_ENDS, .thread = thread->id };
	u64 *told_ns = told_of(marks, thread);

	if (!told_ns)
		return -ENOMEM;
	/* It was nothing that is exported, or goes on beyond --to. */
	if (!*told_ns || *told_ns == UINT64_MAX || *told_ns < min(time_ns, marks->end_ns))
		return 0;
	*told_ns = UINT64_MAX;
	return add(marks, &mark, time_ns);
}

static int on_thread(void *ctx, const struct thread *thread, enum thread_change change, u64 time_ns)
{
	switch (change) {
	case THREAD_BEGINS: return on_begin(ctx, thread, time_ns);
	case THREAD_ENDS: return on_end(ctx, thread, time_ns);
	default: return 0;
	}
}

static int on_loss(void *ctx, const struct trace_loss *loss, u16 cpu)
{
	struct mark mark = { .type = MARK_LOSS };
	struct marks *marks = ctx;
	char text[512];
	int used;

	if (loss->unreadable)
		used = snprintf(text, sizeof(text), "a stretch of the trace cannot be read");
	else
		used = snprintf(text, sizeof(text), "lost events on CPU %u:", cpu);
	for (int class = 0; class < CLASS_COUNT; class ++)
		if (loss->counts[class])
			used += snprintf(text + used, sizeof(text) - (size_t)used,
					 " %" PRIu64 " %s", loss->counts[class],
					 event_class_name(class));
	mark.text = text;
	mark.text_bytes = (u32)used;
	return add(marks, &mark, max(loss->from_ns, loss->to_ns));
}

static int on_sample(void *ctx, const struct sample *sample)
{
	const struct mark mark = {
		.type = MARK_SAMPLE,
		.thread = sample->thread->id,
		.sample = { sample->cpu, sample->user_stack, sample->kernel_stack },
	};

	return add(ctx, &mark, sample->time_ns);
}

static int add_earlier(struct marks *marks, const struct mark *mark, u32 order)
{
	if (!grow(&marks->earlier, marks->earlier_count, &marks->earlier_room,
		  sizeof(*marks->earlier)))
		return -ENOMEM;
	marks->earlier[marks->earlier_count++] =
		(struct mark_earlier){ .mark = *mark, .order = order };
	return 0;
}

/* Tasks whose begin was not seen begin when they were first spoken of. */
static int on_task(void *ctx, const struct task *task, bool aside)
{
	const struct mark mark = {
		.type = MARK_BEGINS,
		.thread = task->thread->id,
		.note = { EVENT_TASK_BEGIN, task->id, task->name, task->parent, 0 },
	};
	struct marks *marks = ctx;

	if (aside || task->flags & TASK_BEFORE)
		return 0;
	if (task->begin_ns < marks->begin_ns)
		return add_earlier(marks, &mark, task->id);
	return task->flags & TASK_UNBEGUN ? add(marks, &mark, task->begin_ns) : 0;
}

static u32 task_of(const struct note *note)
{
	return note->task && !(note->task->flags & TASK_BEFORE) ? note->task->id : 0;
}

/* A region that is in the export from its begin on: it began before. */
static int add_open_region(struct marks *marks, const struct note *note)
{
	const struct mark mark = {
		.type = MARK_NOTE,
		.thread = note->thread->id,
		.note = { EVENT_REGION_BEGIN, task_of(note), note->name, 0, note->stack },
	};

	return add_earlier(marks, &mark, note->depth);
}

/* What has no event of Go's is a log; no text: nothing is told. */
static const char *text_of(char room[64], const struct note *note)
{
	switch (note->kind) {
	case EVENT_LOG:
	case EVENT_LINK:
	case EVENT_SNAPSHOT: return note->text ?: "";
	case EVENT_COUNTER: snprintf(room, 64, "%.15g", note_number(note)); return room;
	default: return NULL;
	}
}

static bool is_told(const struct note *note)
{
	switch (note->kind) {
	case EVENT_TASK_BEGIN: return task_of(note) && note->misuse != MISUSE_TASK_UNBEGUN;
	case EVENT_TASK_END: return task_of(note) && note->misuse != MISUSE_TASK_ENDED_TWICE;
	case EVENT_TASK_ENTER:
		return task_of(note) && note->misuse != MISUSE_TASK_OVER &&
		       note->misuse != MISUSE_TOO_MANY;
	case EVENT_TASK_LEAVE: return task_of(note);
	case EVENT_REGION_BEGIN:
		return note->misuse != MISUSE_REGION_DEPTH && note->misuse != MISUSE_TOO_MANY;
	default: return true;
	}
}

static int on_note(void *ctx, const struct note *note)
{
	struct mark mark = { .type = MARK_NOTE, .thread = note->thread->id };
	struct marks *marks = ctx;
	bool begins = note->kind == EVENT_TASK_BEGIN;
	char room[64];
	int r = 0;

	if (note->time_ns < marks->begin_ns ||
	    !timeline_selects(marks->timeline, note->thread, note->task))
		return 0;
	if (note->kind == EVENT_REGION_END && note->begin_ns < marks->begin_ns &&
	    !(note->how & NOTE_UNSEEN))
		r = add_open_region(marks, note);
	if (r < 0 || note->time_ns > marks->end_ns || note->how & NOTE_UNFINISHED || !is_told(note))
		return r;
	mark.type = begins ? MARK_BEGINS : MARK_NOTE;
	mark.note.kind = note->kind;
	mark.note.task = task_of(note);
	mark.note.name = note->name;
	mark.note.parent = begins ? note->task->parent : 0;
	mark.note.stack = note->stack;
	mark.text = text_of(room, note);
	mark.text_bytes = mark.text ? (u32)strlen(mark.text) : 0;
	return add(marks, &mark, note->time_ns);
}

struct sink marks_sink(struct marks *marks)
{
	return (struct sink){
		.ctx = marks,
		.interval = on_interval,
		.thread = on_thread,
		.loss = on_loss,
		.program = on_program,
		.sample = on_sample,
		.note = on_note,
		.task = on_task,
	};
}

static int compare_earlier(const void *left, const void *right)
{
	const struct mark_earlier *a = left, *b = right;

	if (a->mark.type != b->mark.type)
		return a->mark.type < b->mark.type ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Tasks, then regions: the outer ones first */
static int add_all_earlier(struct marks *marks)
{
	int r = 0;

	if (marks->earlier_count)
		qsort(marks->earlier, marks->earlier_count, sizeof(*marks->earlier),
		      compare_earlier);
	for (u32 i = 0; i < marks->earlier_count && !r; i++)
		r = add_ranked(marks, &marks->earlier[i].mark, marks->begin_ns, RANK_EARLIER);
	return r;
}

int marks_finish(struct marks *marks)
{
	struct mark mark = { .type = MARK_AWAY };
	int err = add_all_earlier(marks);

	if (err < 0)
		return err;
	for (u32 id = 1; id < marks->told_room; id++) {
		int r = 0;

		mark.thread = id;
		if (marks->told_ns[id] && marks->told_ns[id] < marks->end_ns)
			r = add(marks, &mark, marks->told_ns[id]);
		if (r < 0)
			return r;
	}
	return sorter_finish(&marks->sorter);
}

void marks_free(struct marks *marks)
{
	sorter_free(&marks->sorter);
	whats_free(&marks->whats);
	free(marks->told_ns);
	free(marks->earlier);
	*marks = (struct marks){ 0 };
}
