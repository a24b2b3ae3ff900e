// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * watch - looks at events as they are recorded, and says when a trigger is met
 *
 * The rings are drained CPU by CPU. What depends on the order of events is noted, and brought into
 * order when all CPUs have told theirs.
 */
#include "user/record/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/record/syscalls.h"
#include "user/record/watched.h"

#define INTERVAL_MOST_MS 450
#define NOTICE_MS        80 /* at most so late, and what a drain takes: 100 ms are promised */

static bool has(const struct watch *watch, enum trigger_kind kind)
{
	return watch->mask[kind];
}

u32 watch_classes(const struct trigger *triggers, size_t count)
{
	static const u32 classes[TRIGGER_KIND_COUNT] = {
		[TRIGGER_SNAPSHOT] = 1 << CLASS_ANNOTATION,
		[TRIGGER_TASK] = 1 << CLASS_ANNOTATION,
		[TRIGGER_REGION] = 1 << CLASS_ANNOTATION,
		[TRIGGER_LOG] = 1 << CLASS_ANNOTATION,
		[TRIGGER_PROBE] = 1 << CLASS_ANNOTATION,
		[TRIGGER_SAMPLE] = 1 << CLASS_ANNOTATION,
		[TRIGGER_SYSCALL] = 1 << CLASS_SCHED | 1 << CLASS_SYSCALL | 1 << CLASS_FUTEX,
		[TRIGGER_WAIT] = 1 << CLASS_SCHED | 1 << CLASS_SYSCALL,
		[TRIGGER_SCHED_WAIT] = 1 << CLASS_SCHED,
	};
	u32 found = 0;

	for (size_t i = 0; i < count; i++)
		found |= classes[triggers[i].kind];
	return found;
}

static int find_calls(struct watch *watch, unsigned int trigger, struct err *err)
{
	const struct trigger *t = &watch->options.triggers[trigger];
	const struct syscall_names *names = syscall_names();
	bool found = false;

	if (!watch->calls)
		watch->calls = calloc(SYSCALLS, sizeof(*watch->calls));
	if (!watch->calls)
		return fail(err, -ENOMEM, "no memory for triggers");
	for (size_t i = 0; i < names->count; i++) {
		u16 number = names->numbers[i] & (u16)~SYSCALL_COMPAT;

		if (number >= SYSCALLS / 2 || !trigger_matches(t, names->names[i]))
			continue;
		found = true;
		number += names->numbers[i] & SYSCALL_COMPAT ? SYSCALLS / 2 : 0;
		watch->calls[number] |= 1ull << trigger;
	}
	if (found)
		return 0;
	fail(err, -EINVAL, "--on: there is no system call '%s'", t->name);
	hint(err, "names are those of the kernel: read, fsync, epoll_wait, futex, ...");
	return point(err, t->text, (unsigned int)sizeof("syscall"));
}

static int prepare(struct watch *watch, unsigned int i, struct err *err)
{
	const struct trigger *t = &watch->options.triggers[i];
	double share;

	watch->mask[t->kind] |= 1ull << i;
	if (trigger_lasts(t) && t->time_ns)
		watch->lasting |= 1ull << i;
	if (t->kind == TRIGGER_SYSCALL) {
		watch->least_call_ns = min(watch->least_call_ns, t->time_ns);
		return find_calls(watch, i, err);
	}
	return t->kind == TRIGGER_PSI ? pulse_pressure(&share, t->name, err) : 0;
}

int watch_new(struct watch **out, const struct watch_options *options, struct err *err)
{
	CLEANUP(watch_free) struct watch *watch = calloc(1, sizeof(*watch));
	int r = 0;

	if (!watch)
		return fail(err, -ENOMEM, "no memory for triggers");
	if (options->count > TRIGGERS_MAX)
		return fail(err, -EINVAL, "--on: more than %d triggers", TRIGGERS_MAX);
	watch->options = *options;
	watch->random = (u64)getpid();
	watch->least_call_ns = UINT64_MAX;
	for (unsigned int i = 0; i < options->count && !r; i++)
		r = prepare(watch, i, err);
	if (r < 0)
		return r;
	*out = take(watch);
	return 0;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	watched_free(watch);
	for (u32 i = 0; i < watch->name_count; i++)
		free(watch->names[i]);
	map_free(&watch->name_numbers);
	notes_free(&watch->notes);
	free(watch->calls);
	free(watch);
}

void watch_syscall_name(char *to, size_t room, u16 number)
{
	const struct syscall_names *names = syscall_names();

	for (size_t i = 0; i < names->count; i++) {
		if (names->numbers[i] != number)
			continue;
		snprintf(to, room, "%s", names->names[i]);
		return;
	}
	snprintf(to, room, "syscall %u", number & (u16)~SYSCALL_COMPAT);
}

void watch_met(struct watch *watch, unsigned int trigger, const struct watched_thread *thread,
	       struct cause *cause)
{
	cause->trigger = trigger;
	snprintf(cause->text, sizeof(cause->text), "%s", watch->options.triggers[trigger].text);
	if (thread) {
		cause->tid = thread->tid;
		cause->tgid = thread->tgid;
		cause->stack = thread->stack;
		snprintf(cause->thread, sizeof(cause->thread), "%s", thread->comm);
	}
	watch->options.met(watch->options.ctx, cause);
}

/* Names */

static u64 matching(const struct watch *watch, u64 mask, const char *name)
{
	u64 found = 0;

	for (; mask; mask &= mask - 1)
		if (trigger_matches(&watch->options.triggers[__builtin_ctzll(mask)], name))
			found |= mask & -mask;
	return found;
}

/* Return: its number; WATCH_NAMES_MAX when there is no room for it. */
static u32 name_number(struct watch *watch, const char *text)
{
	size_t length = strlen(text);
	u64 key = hash_bytes(text, length), *slot = map_get(&watch->name_numbers, key);
	struct watch_name *name;

	if (slot)
		return (u32)*slot;
	if (watch->name_count == WATCH_NAMES_MAX)
		return WATCH_NAMES_MAX;
	name = malloc(sizeof(*name) + length + 1);
	slot = name ? map_put(&watch->name_numbers, key) : NULL;
	if (!slot) {
		free(name);
		return WATCH_NAMES_MAX;
	}
	memcpy(name->text, text, length + 1);
	name->tasks =
		matching(watch, watch->mask[TRIGGER_TASK] | watch->mask[TRIGGER_SAMPLE], text);
	name->regions = matching(watch, watch->mask[TRIGGER_REGION], text);
	watch->names[watch->name_count] = name;
	*slot = watch->name_count;
	return watch->name_count++;
}

/* Notes */

static struct watch_note *note(struct watch *watch, const struct trace_event *event, u32 tid)
{
	struct watch_note *to = notes_add(&watch->notes, event->cpu);

	if (!to) {
		watch->left_out++;
		return NULL;
	}
	to->time_ns = event->time_ns;
	to->tid = tid;
	to->kind = event->kind;
	return to;
}

static void note_switch(struct watch *watch, const struct trace_event *event)
{
	const struct event_switch *sw = &event->sw;
	struct watch_note *to = note(watch, event, sw->prev_tid);

	if (!to)
		return;
	to->other = sw->next_tid;
	to->state = sw->prev_state;
	to->wait_kind = sw->wait_kind;
	to->syscall = sw->syscall;
}

static void note_call(struct watch *watch, const struct trace_event *event, u32 tid, u16 number,
		      u64 duration_ns, u16 flags)
{
	u32 at = (number & (SYSCALLS / 2 - 1)) + (number & SYSCALL_COMPAT ? SYSCALLS / 2 : 0);
	struct watch_note *to;

	/* One that did not block is not believed to go on. */
	if (!watch->calls[at] ||
	    (!(flags & SYSCALL_BLOCKED) && duration_ns <= watch->least_call_ns))
		return;
	to = note(watch, event, tid);
	if (!to)
		return;
	to->kind = EVENT_SYSCALL;
	to->syscall = number;
	to->number = flags & SYSCALL_UNENTERED ? 0 : duration_ns;
}

static void note_futex(struct watch *watch, const struct trace_event *event)
{
	static const struct {
		u8 op;
		const char *name;
	} calls[] = { { FUTEX_OP_WAITV, "futex_waitv" },
		      { FUTEX_OP_WAKE2, "futex_wake" },
		      { FUTEX_OP_WAIT2, "futex_wait" },
		      { FUTEX_OP_REQUEUE2, "futex_requeue" } };
	const struct trace_futex *futex = &event->futex;
	const char *name = "futex";
	u16 compat = futex->flags & FUTEX_COMPAT ? SYSCALL_COMPAT : 0;
	const struct syscall_names *names = syscall_names();

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].op == futex->op)
			name = calls[i].name;
	/* Only those that last are worth the search. */
	if (futex->duration_ns < NSEC_PER_USEC)
		return;
	for (size_t i = 0; i < names->count; i++)
		if ((names->numbers[i] & SYSCALL_COMPAT) == compat &&
		    !strcmp(names->names[i], name))
			note_call(watch, event, futex->tid, names->numbers[i], futex->duration_ns,
				  futex->flags);
}

static void note_task(struct watch *watch, const struct trace_event *event)
{
	const struct trace_annotation *is = &event->annotation;
	struct watch_note *to;
	u64 matches = 0;
	u32 name = 0;

	if (!has(watch, TRIGGER_TASK) && !has(watch, TRIGGER_SAMPLE))
		return;
	if (event->kind == EVENT_TASK_BEGIN) {
		name = name_number(watch, is->name);
		matches =
			name < WATCH_NAMES_MAX
				? watch->names[name]->tasks
				: matching(watch,
					   watch->mask[TRIGGER_TASK] | watch->mask[TRIGGER_SAMPLE],
					   is->name);
		if (!matches)
			return;
	}
	to = note(watch, event, is->tid);
	if (!to)
		return;
	to->number = is->task;
	to->other = name;
	to->matches = matches;
}

static void note_region(struct watch *watch, const struct trace_event *event)
{
	const struct trace_annotation *is = &event->annotation;
	struct watch_note *to;
	u32 name;

	if (!has(watch, TRIGGER_REGION))
		return;
	name = name_number(watch, is->name);
	to = note(watch, event, is->tid);
	if (!to)
		return;
	to->other = name;
	to->matches = name < WATCH_NAMES_MAX
			      ? watch->names[name]->regions
			      : matching(watch, watch->mask[TRIGGER_REGION], is->name);
}

/* Logs, hits of probes, and the program's own wish are met at once. */
static void on_message(struct watch *watch, const struct trace_event *event)
{
	const struct trace_annotation *is = &event->annotation;
	bool log = event->kind == EVENT_LOG;
	u64 mask = log ? watch->mask[TRIGGER_LOG] | watch->mask[TRIGGER_PROBE]
		       : watch->mask[TRIGGER_SNAPSHOT];

	for (; mask; mask &= mask - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(mask);
		const struct trigger *t = &watch->options.triggers[i];
		struct cause cause = { .time_ns = event->time_ns, .task = log ? is->task : 0 };

		if (t->kind == TRIGGER_PROBE ? strcmp(t->contains, is->name) != 0
					     : !trigger_matches(t, log ? is->name : is->text))
			continue;
		if (t->kind == TRIGGER_LOG && !strstr(is->text, t->contains))
			continue;
		snprintf(cause.what, sizeof(cause.what), "%s", is->text);
		watch_met(watch, i, watched_thread(watch, is->tid), &cause);
	}
}

static void note_exit(struct watch *watch, const struct trace_event *event)
{
	struct watch_note *to;

	watched_crash(watch, event);
	to = note(watch, event, event->exit.tid);
	if (to)
		to->last = event->exit.last;
}

static void note_stack(struct watch *watch, const struct trace_event *event)
{
	struct watch_note *to;

	if (!watch->lasting)
		return;
	to = note(watch, event, event->wait_stack.tid);
	if (to)
		to->other = event->wait_stack.user_stack ?: event->wait_stack.kernel_stack;
}

void watch_event(struct watch *watch, const struct trace_event *event)
{
	bool threads = has(watch, TRIGGER_WAIT) || has(watch, TRIGGER_SCHED_WAIT) || watch->calls;

	switch (event->kind) {
	case EVENT_SWITCH:
		if (threads)
			note_switch(watch, event);
		break;
	case EVENT_WAKING:
		if (threads)
			note(watch, event, event->waking.tid);
		break;
	case EVENT_SYSCALL:
		if (watch->calls)
			note_call(watch, event, event->syscall.tid, event->syscall.syscall,
				  event->syscall.duration_ns, event->syscall.flags);
		break;
	case EVENT_FUTEX:
		if (watch->calls)
			note_futex(watch, event);
		break;
	case EVENT_THREAD: watched_learn(watch, event); break;
	case EVENT_FORK: watched_fork(watch, event); break;
	case EVENT_EXEC: watched_exec(watch, &event->exec); break;
	case EVENT_NAME: watched_rename(watch, event); break;
	case EVENT_EXIT: note_exit(watch, event); break;
	case EVENT_WAIT_STACK: note_stack(watch, event); break;
	case EVENT_TASK_BEGIN:
	case EVENT_TASK_END: note_task(watch, event); break;
	case EVENT_REGION_BEGIN:
	case EVENT_REGION_END: note_region(watch, event); break;
	case EVENT_LOG:
	case EVENT_SNAPSHOT: on_message(watch, event); break;
	case EVENT_LOSS:
		for (size_t i = 0; i < CLASS_COUNT; i++)
			watch->lost[i] += event->loss->counts[i];
		break;
	default: break;
	}
}

static void pulse_tells(void *ctx, unsigned int trigger, const char *what)
{
	struct watch *watch = ctx;
	struct cause cause = { .time_ns = watch->now_ns };

	snprintf(cause.what, sizeof(cause.what), "%s", what);
	watch_met(watch, trigger, NULL, &cause);
}

void watch_time(struct watch *watch, u64 now_ns, u64 events, u64 lost)
{
	const struct watch_note *list = notes_sort(&watch->notes);

	for (u32 i = 0; list && i < watch->notes.count; i++)
		watched_note(watch, &list[i]);
	if (!list)
		watch->left_out += watch->notes.count;
	notes_reset(&watch->notes);
	/* What was noted before a loss may have ended in it. */
	watched_forget(watch);
	watch->now_ns = now_ns;
	watched_look(watch);
	pulse_look(&watch->pulse, watch->options.triggers, watch->options.count, now_ns, events,
		   lost, pulse_tells, watch);
}

u64 watch_due_ns(const struct watch *watch)
{
	u64 due_ns = pulse_due_ns(&watch->pulse, watch->options.triggers, watch->options.count);

	return watch->lasting ? min(due_ns, watch->due_ns) : due_ns;
}

unsigned int watch_interval_ms(const struct watch *watch)
{
	u64 most_ms = INTERVAL_MOST_MS;

	/* What began just behind a drain is seen by the next one, perhaps too late. */
	for (u64 mask = watch->lasting; mask; mask &= mask - 1) {
		const struct trigger *t = &watch->options.triggers[__builtin_ctzll(mask)];
		u64 lasts_ns = max(t->time_ns, watch->options.running_ns);

		most_ms = min(most_ms, lasts_ns / NSEC_PER_MSEC + NOTICE_MS);
	}
	for (size_t i = 0; i < watch->options.count; i++) {
		const struct trigger *t = &watch->options.triggers[i];

		/* The others that events meet: within 100 ms, too */
		if (t->kind == TRIGGER_LOG || t->kind == TRIGGER_PROBE ||
		    t->kind == TRIGGER_CRASH || t->kind == TRIGGER_SNAPSHOT ||
		    t->kind == TRIGGER_SAMPLE)
			most_ms = min(most_ms, (u64)NOTICE_MS + 20);
	}
	return (unsigned int)most_ms;
}

u64 watch_left_out(const struct watch *watch)
{
	return watch->left_out;
}
