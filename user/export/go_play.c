// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * go_play - marks into Go's events: threads as goroutines and Ms, CPUs as Ps
 *
 * Each event is legal where it is written: bring_*() make what has to be before it. A thread that
 * has to run although no CPU is known gets a P that is no CPU's: to be created, so that its first
 * wait counts (profiles begin with the first run of a goroutine), and to be repaired.
 */
#include "user/export/go_play.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"

#define LEAD_NS    NSEC_PER_MSEC /* before the begin, for what has to be created */
#define PER_THREAD 5             /* events that create one */
#define TOLD_MAX   64            /* that wait to be told */

static const char *const reasons[] = {
	[GO_REASON_NETWORK] = "network",
	[GO_REASON_SYNC] = "sync",
	[GO_REASON_SLEEP] = "sleep",
	[GO_REASON_SYSTEM] = "system goroutine wait",
	[GO_REASON_OTHER] = "unspecified",
	[GO_REASON_PREEMPTED] = "preempted",
	[GO_REASON_YIELDED] = "runtime.Gosched",
};
_Static_assert(ARRAY_SIZE(reasons) == GO_REASON_COUNT, "every reason has Go's word");

/*
 * The profiles of go tool trace tell waits apart by these words. Kinds that no profile of ours
 * has get words that none of its profiles has. GO_REASON_COUNT: stays in the system call.
 */
static const u8 reason_of_kind[] = {
	[WAIT_OTHER] = GO_REASON_COUNT, [WAIT_NETWORK] = GO_REASON_NETWORK,
	[WAIT_SYNC] = GO_REASON_SYNC,   [WAIT_DISK] = GO_REASON_COUNT,
	[WAIT_PIPE] = GO_REASON_COUNT,  [WAIT_POLL] = GO_REASON_SYSTEM,
	[WAIT_SLEEP] = GO_REASON_SLEEP, [WAIT_FAULT] = GO_REASON_OTHER,
	[WAIT_CHILD] = GO_REASON_OTHER,
};
_Static_assert(ARRAY_SIZE(reason_of_kind) == WAIT_KIND_COUNT, "every kind has a reason");

static const char *const said[] = {
	[GO_SAID_UNSEEN] = "[waking not seen]",
	[GO_SAID_INTERRUPT] = "[interrupt]",
	[GO_SAID_SOFTIRQ] = "[softirq]",
	[GO_SAID_IDLE] = "[idle]",
	[GO_SAID_LOST] = "[not known: events were lost]",
	[GO_SAID_AWAY] = "[not exported]",
	[GO_SAID_END] = "[end of the recording]",
	[GO_SAID_FOUND] = "[found]",
};
_Static_assert(ARRAY_SIZE(said) == GO_SAID_COUNT, "all is said");

/* A P that is no CPU's and idle, for a thread of which is not known where it runs */
static u32 spare_proc(struct go_play *play, const struct go_thread *t)
{
	u32 number = play->cpus + 1;

	while (number < play->proc_room && play->procs[number].holder && t->proc != number + 1)
		number++;
	return number;
}

static void tell_losses(struct go_play *play, struct go_thread *t)
{
	struct go_wire *w = &play->wire;

	for (u32 i = 0; i < play->losses; i++)
		GO_EVENT(play, t, GO_LOG, 0, go_wire_use_string(w, go_wire_string(w, "losses")),
			 go_wire_use_string(w, (u32)play->loss_texts[i]), go_bare_id(play, t));
	play->losses = 0;
}

/* It runs at once, on no CPU, because profiles begin with that: its first wait for a CPU counts. */
static void on_forked(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	if (t->state != GO_NONE)
		return;
	go_create(play, t, go_born(play, mark->forked.parent));
	go_run_somewhere(play, t, mark->thread);
}

static void on_runs(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	u32 proc = mark->runs.cpu == CPU_UNKNOWN ? spare_proc(play, t) : mark->runs.cpu;

	go_run(play, t, mark->thread, proc);
	if (t->state != GO_RUNNING)
		return;
	if (!play->changed) {
		GO_EVENT(play, t, GO_PROCS_CHANGE, play->cpus, go_bare_id(play, t));
		play->changed = true;
	}
	if (play->losses)
		tell_losses(play, t);
}

static void block(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	const u8 kind = mark->blocks.kind < WAIT_KIND_COUNT ? mark->blocks.kind : WAIT_OTHER;
	const struct go_place place = {
		.root = t->root,
		.leaf = go_frame_syscall(&play->stacks, (u16)mark->blocks.syscall, kind),
		.object = go_frame_object(&play->stacks, mark->blocks.what,
					  play->export->begin_ns + mark->time_ns),
		.kernel = mark->blocks.kernel,
		.user = mark->blocks.user,
	};

	t->wait_stack = go_stack_of(&play->stacks, &place);
	t->wait_reason = reason_of_kind[kind];
	t->away = false;
	go_block(play, t);
}

static void on_blocks(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	bool waits = t->state == GO_WAITING || t->state == GO_SYSCALL;

	if (waits && !t->away && mark->blocks.goes_on)
		return;
	go_run_somewhere(play, t, mark->thread);
	if (t->state == GO_RUNNING)
		block(play, t, mark);
}

/* Who woke it, and from where: interrupts and strangers have no goroutine. */
static struct go_thread *waker_of(struct go_play *play, const struct mark *mark, u32 *stack)
{
	const struct thread_table *table = timeline_threads(play->export->known);
	struct go_thread *us = go_thread_of(play, 0), *waker = NULL;
	struct go_place place = { .user = mark->wakes.user, .kernel = mark->wakes.kernel };
	u32 context = mark->wakes.context;
	bool thread = mark->wakes.known && context != WAKER_HARDIRQ && context != WAKER_NMI;

	if (thread && context != WAKER_SOFTIRQ && mark->wakes.waker)
		waker = go_born(play, mark->wakes.waker);
	if (waker)
		place.root = waker->root;
	else if (thread && mark->wakes.waker && mark->wakes.waker <= table->count)
		place.root = go_frame_thread(&play->stacks, table->threads[mark->wakes.waker - 1]);
	if (!mark->wakes.known)
		place.leaf = play->frames[GO_SAID_UNSEEN];
	else if (!thread)
		place.leaf = play->frames[GO_SAID_INTERRUPT];
	else if (context == WAKER_SOFTIRQ)
		place.leaf = play->frames[GO_SAID_SOFTIRQ];
	else if (!place.root)
		place.leaf = play->frames[GO_SAID_IDLE];
	*stack = go_stack_of(&play->stacks, &place);
	return waker ?: us;
}

static void on_wakes(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	struct go_thread *waker;
	u32 stack;

	if (t->state == GO_NONE)
		go_run_somewhere(play, t, mark->thread);
	if (t->state == GO_RUNNING) {
		go_stop(play, t, GO_REASON_PREEMPTED, go_bare_id(play, t));
		return;
	}
	if (t->state != GO_WAITING && t->state != GO_SYSCALL)
		return;
	waker = waker_of(play, mark, &stack);
	if (waker)
		go_unblock(play, t, waker, stack);
}

static void on_ready(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	const struct go_place place = {
		.root = t->root,
		.kernel = mark->ready.kernel,
		.user = mark->ready.user,
	};

	if (t->state == GO_RUNNABLE)
		return;
	go_run_somewhere(play, t, mark->thread);
	if (t->state == GO_RUNNING)
		go_stop(play, t,
			mark->ready.why == WHY_YIELDED ? GO_REASON_YIELDED : GO_REASON_PREEMPTED,
			go_stack_id(play, &place));
}

/* Nothing is known or told from here on. */
static void on_away(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	if (t->state == GO_NONE || t->away)
		return;
	go_run_somewhere(play, t, mark->thread);
	if (t->state == GO_RUNNING)
		go_away(play, t, mark->type == MARK_LOST ? GO_SAID_LOST : GO_SAID_AWAY);
}

static void on_ends(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	if (t->state == GO_NONE)
		return;
	go_run_somewhere(play, t, mark->thread);
	if (t->state != GO_RUNNING)
		return;
	go_notes_end(play, t);
	GO_EVENT_BARE(play, t, GO_DESTROY);
	go_release(play, t);
	go_stream_end(&play->wire, &t->stream);
	free(t);
	play->dead.state = GO_DEAD;
	play->threads[mark->thread] = &play->dead;
}

static void on_sample(struct go_play *play, struct go_thread *t, const struct mark *mark)
{
	const struct go_place place = {
		.root = t->root,
		.kernel = mark->sample.kernel,
		.user = mark->sample.user,
	};

	if (t->state != GO_NONE)
		go_wire_sample(&play->wire, t->id, t->proc ? t->proc - 1 : mark->sample.cpu, t->id,
			       (u32)go_stack_id(play, &place));
}

static void on_loss(struct go_play *play, const struct mark *mark)
{
	char text[512];

	if (play->losses >= TOLD_MAX)
		return;
	snprintf(text, sizeof(text), "%.*s", (int)mark->text_bytes, mark->text);
	play->loss_texts[play->losses++] = go_wire_string(&play->wire, text);
}

static void (*const on_mark[])(struct go_play *, struct go_thread *, const struct mark *) = {
	[MARK_FORKED] = on_forked, [MARK_RUNS] = on_runs,   [MARK_BLOCKS] = on_blocks,
	[MARK_WAKES] = on_wakes,   [MARK_READY] = on_ready, [MARK_LOST] = on_away,
	[MARK_AWAY] = on_away,     [MARK_ENDS] = on_ends,   [MARK_SAMPLE] = on_sample,
	[MARK_BEGINS] = go_note,   [MARK_NOTE] = go_note,
};

static void play_mark(struct go_play *play, const struct mark *mark)
{
	struct go_thread *t;

	play->wire.want_ns = LEAD_NS + mark->time_ns - (mark->time_ns ? 0 : play->lead_ns);
	if (go_wire_is_full(&play->wire))
		go_wire_next(&play->wire);
	if (mark->type == MARK_LOSS) {
		on_loss(play, mark);
		return;
	}
	t = go_thread_of(play, mark->thread);
	if (t && t->state != GO_DEAD)
		on_mark[mark->type](play, t, mark);
}

/* What goes on is ended, so that the profiles count it as the reports do. */
static void end_waits(struct go_play *play)
{
	struct go_thread *us = go_thread_of(play, 0), *t;

	for (u32 i = 1; us && i < play->thread_room; i++) {
		t = go_born(play, i);
		if (t && !t->away && (t->state == GO_WAITING || t->state == GO_SYSCALL)) {
			go_unblock(play, t, us, go_said(play, GO_SAID_END));
			t->cut = true;
		}
	}
	for (u32 i = 1; i < play->thread_room; i++) {
		t = go_born(play, i);
		if (t && t->state == GO_RUNNABLE && !t->cut)
			go_run(play, t, i, play->cpus);
	}
}

static void tell_rest(struct go_play *play)
{
	for (u32 i = 1; play->losses && i < play->thread_room; i++) {
		struct go_thread *t = go_born(play, i);

		if (!t)
			continue;
		go_run_somewhere(play, t, i);
		if (t->state == GO_RUNNING)
			tell_losses(play, t);
	}
}

/* Something that says nothing: that a P which nobody has is idle */
static void fill(struct go_play *play)
{
	struct go_thread *us = go_thread_of(play, 0);

	if (us)
		GO_EVENT(play, us, GO_PROC_STATUS, max(play->proc_room, play->cpus + 1), 2);
}

static void begin(struct go_play *play)
{
	struct marks *marks = play->marks;

	play->cpus = max(play->export->info->cpu_count, marks->most_cpu + 1);
	play->lead_ns = min((u64)marks->at_begin * PER_THREAD / 2, LEAD_NS - 1);
	go_wire_begin(&play->wire);
	go_stacks_begin(&play->stacks);
	for (u32 i = 0; i < GO_REASON_COUNT; i++)
		play->reasons[i] = go_wire_string(&play->wire, reasons[i]);
	for (u32 i = 0; i < GO_SAID_COUNT; i++)
		play->frames[i] = go_frame_text(&play->stacks, said[i]);
	play->loss_texts = calloc(TOLD_MAX, sizeof(*play->loss_texts));
	play->wire.failed |= !play->loss_texts;
}

int go_play_all(struct go_play *play)
{
	struct mark mark;
	int r = 0;

	play->stacks.export = play->export;
	play->stacks.wire = &play->wire;
	play->stacks.whats = &play->marks->whats;
	play->wire.begin.mono_ns = play->export->begin_ns - LEAD_NS;
	play->wire.begin.wall_ns = play->export->info->start.wall_ns +
				   (play->export->begin_ns - play->export->start_ns) - LEAD_NS;
	begin(play);
	while (!play->wire.failed && (r = marks_next(play->marks, &mark)) > 0)
		play_mark(play, &mark);
	if (r < 0)
		return r;
	play->wire.want_ns = LEAD_NS + play->export->end_ns - play->export->begin_ns;
	if (!play->wire.failed) {
		end_waits(play);
		tell_rest(play);
	}
	if (go_wire_is_empty(&play->wire))
		fill(play);
	return go_wire_end(&play->wire);
}

void go_play_free(struct go_play *play)
{
	for (u32 i = 0; i < play->thread_room; i++) {
		if (!play->threads[i] || play->threads[i] == &play->dead)
			continue;
		free(play->threads[i]->regions);
		buffer_free(&play->threads[i]->stream.data);
		free(play->threads[i]);
	}
	free(play->threads);
	free(play->procs);
	free(play->loss_texts);
	map_free(&play->lives);
	go_stacks_free(&play->stacks);
	go_wire_free(&play->wire);
	*play = (struct go_play){ 0 };
}
