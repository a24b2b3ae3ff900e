// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* emit - finished intervals and calls on their way to the sinks: held back, filtered, told */
#include <errno.h>
#include <stdlib.h>

#include "user/model/track.h"

/* To all sinks, or only to those that want to know of threads which the filter leaves out */
#define TELL_OF(tl, selected, callback, ...)                                                   \
	do {                                                                                   \
		for (u32 s_ = 0; s_ < (tl)->sink_count; s_++) {                                \
			const struct sink *sink_ = &(tl)->sinks[s_];                           \
                                                                                               \
			if (sink_->callback && ((selected) || sink_->everyone))                \
				timeline_fail((tl), sink_->callback(sink_->ctx, __VA_ARGS__)); \
		}                                                                              \
	} while (0)

#define TELL(tl, callback, ...) TELL_OF(tl, true, callback, __VA_ARGS__)

static bool is_selected(const struct timeline *tl, const struct thread *t)
{
	return !tl->selects || filter_thread(&tl->filter, t, thread_name(tl, t));
}

bool timeline_selects(const struct timeline *tl, const struct thread *t, const struct task *task)
{
	return is_selected(tl, t) &&
	       (!tl->filter.task_count ||
		filter_task(&tl->filter, task, task ? task_name(tl, task) : ""));
}

static void tell_piece(struct timeline *tl, struct interval *interval)
{
	bool selected;

	if (!tl->watched)
		return;
	selected = timeline_selects(tl, interval->thread, interval->task);
	if (!filter_cut(&tl->filter, interval))
		return;
	if (!selected)
		interval->flags |= INTERVAL_ASIDE;
	TELL_OF(tl, selected, prompt, interval);
	if (!tl->joins || !join_interval(tl, interval))
		TELL_OF(tl, selected, interval, interval);
}

static void tell_interval(struct timeline *tl, struct interval *interval)
{
	struct thread *t = (struct thread *)interval->thread;
	struct interval piece;

	if (t->steps)
		t->steps->since_told = 0;
	while (tl->splits && t->steps && steps_cut(tl, &piece, interval))
		tell_piece(tl, &piece);
	tell_piece(tl, interval);
}

static void tell_call(struct timeline *tl, const struct call *call)
{
	if (tl->watched && filter_time(&tl->filter, call->end_ns))
		if (!tl->joins || !join_call(tl, call))
			TELL_OF(tl, timeline_selects(tl, call->thread, call->task), call, call);
}

static void tell_sample(struct timeline *tl, const struct sample *sample)
{
	if (filter_time(&tl->filter, sample->time_ns))
		TELL_OF(tl, timeline_selects(tl, sample->thread, sample->task), sample, sample);
}

void tell_held(struct timeline *tl, struct held *held)
{
	if (held->type == HELD_INTERVAL) {
		TELL_OF(tl, !(held->interval.flags & INTERVAL_ASIDE), interval, &held->interval);
		return;
	}
	held->call.args = held->call.args ? held->args : NULL; /* it has moved */
	TELL_OF(tl, timeline_selects(tl, held->call.thread, held->call.task), call, &held->call);
}

/* Room for one more held item; NULL when the thread is held no longer. */
static struct held *hold_add(struct timeline *tl, struct thread *t)
{
	struct hold *hold = t->track->hold;
	u32 room = hold->room ? hold->room * 2 : 8;
	struct held *items;

	if (hold->count == HELD_MAX) {
		hold_decide(tl, t);
		return NULL;
	}
	if (hold->count < hold->room)
		return &hold->items[hold->count++];
	items = realloc(hold->items, room * sizeof(*items));
	if (!items) {
		timeline_fail(tl, -ENOMEM);
		hold_decide(tl, t);
		return NULL;
	}
	hold->items = items;
	hold->room = room;
	return &hold->items[hold->count++];
}

void emit_interval(struct timeline *tl, struct interval *interval)
{
	struct thread *t = (struct thread *)interval->thread;

	if (interval->begin_ns == interval->end_ns && interval->state == STATE_UNKNOWN)
		return;
	if (!is_tracked(t))
		return;
	if (t->track->hold) {
		struct held *held = hold_add(tl, t);

		if (held) {
			*held = (struct held){ .interval = *interval };
			return;
		}
		if (!t->target)
			return;
		/* Just decided: observed from the evidence on. */
		if (interval->end_ns < t->begin_ns)
			return;
		interval->begin_ns = max(interval->begin_ns, t->begin_ns);
	}
	tell_interval(tl, interval);
}

void emit_call(struct timeline *tl, struct call *call)
{
	struct thread *t = (struct thread *)call->thread;

	if (t->track->hold) {
		struct held *held = hold_add(tl, t);

		if (held) {
			*held = (struct held){ .type = HELD_CALL, .call = *call };
			held->call.args = NULL;
			held_use(held);
			return;
		}
		if (!t->target)
			return;
	}
	tell_call(tl, call);
}

void emit_sample(struct timeline *tl, struct sample *sample)
{
	struct thread *t = (struct thread *)sample->thread;
	struct held *held = t->track->hold ? hold_add(tl, t) : NULL;

	if (held) {
		*held = (struct held){ .type = HELD_SAMPLE, .sample = *sample };
		held_use(held);
	} else if (t->target) {
		tell_sample(tl, sample);
	}
}

void emit_note(struct timeline *tl, struct note *note)
{
	if (note->misuse && !(note->flags & ANNOTATION_RESTATED))
		tl->counts.misuse[note->misuse]++;
	if (!timeline_selects(tl, note->thread, note->task) ||
	    !filter_time(&tl->filter, note->time_ns))
		note->how |= NOTE_ASIDE;
	TELL(tl, note, note);
}

void emit_task(struct timeline *tl, const struct task *task)
{
	u64 to_ns = tl->filter.to_ns ?: UINT64_MAX;
	bool aside = !timeline_selects(tl, task->thread, task) ||
		     task->end_ns < tl->filter.from_ns || task->begin_ns >= to_ns;

	TELL(tl, task, task, aside);
}

void emit_thread(struct timeline *tl, struct thread *t, enum thread_change change, u64 time_ns)
{
	if (t->track->hold || !t->target)
		return;
	join_flush(tl, t);
	TELL_OF(tl, is_selected(tl, t), thread, t, change, time_ns);
}

void emit_loss(struct timeline *tl, const struct trace_loss *loss, u16 cpu)
{
	if (tl->filter.to_ns && loss->from_ns >= tl->filter.to_ns)
		return;
	if (max(loss->to_ns, loss->from_ns) < tl->filter.from_ns)
		return;
	TELL(tl, loss, loss, cpu);
}

void emit_program(struct timeline *tl, const struct trace_event *event)
{
	TELL(tl, program, event);
}

static const struct task *held_task(const struct held *held)
{
	switch (held->type) {
	case HELD_INTERVAL: return held->interval.task;
	case HELD_CALL: return held->call.task;
	default: return held->sample.task;
	}
}

void held_use(const struct held *held)
{
	task_use(held_task(held));
}

void held_unuse(struct timeline *tl, const struct held *held)
{
	task_unuse(tl, held_task(held));
}

void hold_free(struct timeline *tl, struct thread *t)
{
	struct hold *hold = t->track->hold;

	t->track->hold = NULL;
	if (!hold)
		return;
	for (u32 i = 0; i < hold->count; i++)
		held_unuse(tl, &hold->items[i]);
	free(hold->items);
	free(hold);
}

void hold_confirm(struct timeline *tl, struct thread *t, u64 from_ns)
{
	struct hold *hold = t->track->hold;

	t->track->hold = NULL;
	t->target = true;
	t->flags &= ~THREAD_FOREIGN;
	t->begin_ns = from_ns;
	process_lives(t->process, from_ns);
	t->track->since_ns = max(t->track->since_ns, from_ns);
	t->track->woken_ns = max(t->track->woken_ns, from_ns);
	emit_thread(tl, t, THREAD_BEGINS, from_ns);
	for (u32 i = 0; i < hold->count; i++) {
		struct held *held = &hold->items[i];

		if (held->type == HELD_CALL)
			tell_call(tl, &held->call);
		else if (held->type == HELD_SAMPLE && held->sample.time_ns >= from_ns)
			tell_sample(tl, &held->sample);
		held_unuse(tl, held);
		if (held->type != HELD_INTERVAL)
			continue;
		if (held->interval.end_ns < from_ns ||
		    (held->interval.end_ns == from_ns && held->interval.begin_ns < from_ns))
			continue;
		held->interval.begin_ns = max(held->interval.begin_ns, from_ns);
		tell_interval(tl, &held->interval);
	}
	free(hold->items);
	free(hold);
}

void hold_decide(struct timeline *tl, struct thread *t)
{
	if (t->track->hold->evident)
		hold_confirm(tl, t, t->track->hold->evident_ns);
	else
		life_became_foreign(tl, t);
}
