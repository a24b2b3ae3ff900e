// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* watched - the inside of a watch: what threads do, and which tasks and regions are open */
#include "user/record/watched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"

#define EARLY_NS (50 * NSEC_PER_USEC) /* a wake-up may come before the switch that it ends */
#define LOOK_NS  (20 * NSEC_PER_MSEC)

static u64 task_key(u32 tgid, u64 task)
{
	return hash_u64(task ^ hash_u64(tgid));
}

static const char *name_of(const struct watch *watch, u32 number)
{
	return number < watch->name_count ? watch->names[number]->text : "";
}

/* Something that began at @since_ns has lasted until @end_ns. */
struct lasted {
	const struct watched_thread *thread;
	u64 since_ns, end_ns;
	u64 task;
	bool running;
	const char *what;
};

/* Tells of each trigger of @mask that is met and was not before. Return: these. */
static u64 judge(struct watch *watch, u64 mask, u64 met, const struct lasted *lasted)
{
	u64 duration_ns = lasted->end_ns - lasted->since_ns, now_met = 0;

	if (lasted->end_ns <= lasted->since_ns)
		return 0;
	for (mask &= ~met; mask; mask &= mask - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(mask);
		struct cause cause = {
			.time_ns = lasted->end_ns,
			.task = lasted->task,
			.begin_ns = lasted->since_ns,
			.duration_ns = duration_ns,
			.running = lasted->running,
		};

		if (duration_ns <= watch->options.triggers[i].time_ns)
			continue;
		if (lasted->running && duration_ns < watch->options.running_ns)
			continue;
		snprintf(cause.what, sizeof(cause.what), "%s", lasted->what);
		watch_met(watch, i, lasted->thread, &cause);
		now_met |= 1ull << i;
	}
	return now_met;
}

/* When the first trigger of @mask is met by what began at @since_ns */
static void expect(struct watch *watch, u64 mask, u64 met, u64 since_ns)
{
	for (mask &= ~met; mask; mask &= mask - 1) {
		const struct trigger *t = &watch->options.triggers[__builtin_ctzll(mask)];
		u64 lasts_ns = max(t->time_ns, watch->options.running_ns);

		watch->due_ns = min(watch->due_ns, since_ns + lasts_ns + 1);
	}
}

static u64 wait_triggers(const struct watch *watch, u8 kind)
{
	u64 found = 0;

	for (u64 mask = watch->mask[TRIGGER_WAIT]; mask; mask &= mask - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(mask);
		u8 wanted = watch->options.triggers[i].wait_kind;

		if (wanted == TRIGGER_ANY_WAIT || wanted == kind)
			found |= 1ull << i;
	}
	return found;
}

static void judge_wait(struct watch *watch, struct watched_thread *t, u64 end_ns, bool running)
{
	u64 mask = wait_triggers(watch, t->wait_kind);
	struct lasted lasted = { t, t->since_ns, end_ns, .running = running };
	char call[32] = "", what[96];

	if (!mask)
		return;
	if (t->syscall != SYSCALL_NONE)
		watch_syscall_name(call, sizeof(call), t->syscall);
	snprintf(what, sizeof(what), "wait %s%s%s", wait_kind_name(t->wait_kind),
		 *call ? " in " : "", call);
	lasted.what = what;
	t->met |= judge(watch, mask, t->met, &lasted);
	if (running)
		expect(watch, mask, t->met, t->since_ns);
}

static void judge_sched(struct watch *watch, struct watched_thread *t, u64 end_ns, bool running)
{
	u64 mask = watch->mask[TRIGGER_SCHED_WAIT];
	struct lasted lasted = { t, t->since_ns, end_ns, .running = running, .what = "no CPU" };

	t->met |= judge(watch, mask, t->met, &lasted);
	if (running)
		expect(watch, mask, t->met, t->since_ns);
}

static u64 call_triggers(const struct watch *watch, u16 number)
{
	u32 at = (number & ~SYSCALL_COMPAT & (SYSCALLS / 2 - 1)) +
		 (number & SYSCALL_COMPAT ? SYSCALLS / 2 : 0);

	return watch->calls && number != SYSCALL_NONE ? watch->calls[at] : 0;
}

static void judge_call(struct watch *watch, struct watched_thread *t, u16 number, u64 since_ns,
		       u64 end_ns, bool running)
{
	u64 mask = call_triggers(watch, number);
	struct lasted lasted = { t, since_ns, end_ns, .running = running };
	char what[32];

	if (!mask)
		return;
	watch_syscall_name(what, sizeof(what), number);
	lasted.what = what;
	t->call_met |= judge(watch, mask, t->call_met, &lasted);
	if (running)
		expect(watch, mask, t->call_met, since_ns);
}

static void begin(struct watched_thread *t, enum doing doing, u64 time_ns)
{
	t->doing = doing;
	t->since_ns = time_ns;
	t->met = 0;
}

/* What it was doing has ended. */
static void end_doing(struct watch *watch, struct watched_thread *t, u64 time_ns)
{
	if (t->doing == DOING_WAIT)
		judge_wait(watch, t, time_ns, false);
	if (t->doing == DOING_WAIT_FOR_CPU)
		judge_sched(watch, t, time_ns, false);
}

static void leave(struct watch *watch, struct watched_thread *t, const struct watch_note *note)
{
	switch (note->state) {
	case LEAVE_PREEMPTED:
	case LEAVE_YIELDED: begin(t, DOING_WAIT_FOR_CPU, note->time_ns); return;
	case LEAVE_SLEEPING:
	case LEAVE_DISK: break;
	default: begin(t, DOING_UNKNOWN, note->time_ns); return;
	}
	begin(t, DOING_WAIT, note->time_ns);
	t->wait_kind = note->wait_kind;
	t->syscall = note->syscall;
	if (note->syscall != t->call || note->syscall == SYSCALL_NONE)
		t->call_ns = 0;
	if (!t->call_ns && call_triggers(watch, note->syscall)) {
		t->call_ns = note->time_ns;
		t->call = note->syscall;
		t->call_met = 0;
	}
	if (t->woken_ns && t->woken_ns + EARLY_NS >= note->time_ns)
		begin(t, DOING_WAIT_FOR_CPU, note->time_ns);
	t->woken_ns = 0;
}

static void on_switch(struct watch *watch, const struct watch_note *note)
{
	struct watched_thread *prev = watched_thread(watch, note->tid);
	struct watched_thread *next = watched_thread(watch, note->other);

	if (prev)
		leave(watch, prev, note);
	if (!next)
		return;
	end_doing(watch, next, note->time_ns);
	begin(next, DOING_RUN, note->time_ns);
	next->woken_ns = 0;
}

static void on_waking(struct watch *watch, const struct watch_note *note)
{
	struct watched_thread *t = watched_thread(watch, note->tid);

	if (!t)
		return;
	if (t->doing == DOING_RUN) {
		t->woken_ns = note->time_ns;
		return;
	}
	if (t->doing == DOING_WAIT_FOR_CPU)
		return;
	end_doing(watch, t, note->time_ns);
	begin(t, DOING_WAIT_FOR_CPU, note->time_ns);
}

static void on_call_end(struct watch *watch, const struct watch_note *note)
{
	struct watched_thread *t = watched_thread(watch, note->tid);

	if (!t)
		return;
	/* Whether it was told while it ran: only if it blocked. */
	if (!t->call_ns || t->call != note->syscall)
		t->call_met = 0;
	judge_call(watch, t, note->syscall, note->time_ns - min(note->number, note->time_ns),
		   note->time_ns, false);
	t->call_ns = 0;
	t->call_met = 0;
}

/* Tasks */

static struct watched_task *find_task(const struct watch *watch, u32 tgid, u64 task)
{
	const u64 *found = map_get(&watch->tasks, task_key(tgid, task));

	return found ? (struct watched_task *)*found : NULL;
}

static void on_task_begin(struct watch *watch, const struct watch_note *note)
{
	const struct watched_thread *t = watched_thread(watch, note->tid);
	u32 tgid = t ? t->tgid : note->tid;
	struct watched_task *task;
	u64 *slot;

	if (watch->tasks.count >= WATCH_TASKS_MAX) {
		watch->left_out++;
		return;
	}
	slot = map_put(&watch->tasks, task_key(tgid, note->number));
	task = slot && !*slot ? calloc(1, sizeof(*task))
	       : slot         ? (struct watched_task *)*slot
			      : NULL;
	if (!task) {
		if (slot)
			map_remove(&watch->tasks, task_key(tgid, note->number));
		watch->left_out++;
		return;
	}
	*slot = (u64)task;
	*task = (struct watched_task){
		.task = note->number,
		.since_ns = note->time_ns,
		.matches = note->matches,
		.tgid = tgid,
		.tid = note->tid,
		.name = note->other,
	};
}

static void judge_task(struct watch *watch, struct watched_task *task, u64 end_ns, bool running)
{
	u64 mask = task->matches & watch->mask[TRIGGER_TASK];
	struct lasted lasted = {
		watched_thread(watch, task->tid), task->since_ns, end_ns, task->task, running,
		name_of(watch, task->name)
	};

	task->met |= judge(watch, mask, task->met, &lasted);
	if (running)
		expect(watch, mask, task->met, task->since_ns);
}

static void sample(struct watch *watch, const struct watched_task *task, u64 end_ns)
{
	for (u64 mask = task->matches & watch->mask[TRIGGER_SAMPLE]; mask; mask &= mask - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(mask);
		struct cause cause = { .time_ns = end_ns,
				       .task = task->task,
				       .begin_ns = task->since_ns,
				       .duration_ns = end_ns - task->since_ns };

		watch->random = hash_u64(watch->random + 0x9e3779b97f4a7c15ULL);
		if ((double)(watch->random >> 11) * 0x1p-53 >= watch->options.triggers[i].share)
			continue;
		snprintf(cause.what, sizeof(cause.what), "%s", name_of(watch, task->name));
		watch_met(watch, i, watched_thread(watch, task->tid), &cause);
	}
}

static void on_task_end(struct watch *watch, const struct watch_note *note)
{
	const struct watched_thread *t = watched_thread(watch, note->tid);
	u32 tgid = t ? t->tgid : note->tid;
	struct watched_task *task = find_task(watch, tgid, note->number);

	if (!task)
		return;
	judge_task(watch, task, note->time_ns, false);
	sample(watch, task, note->time_ns);
	map_remove(&watch->tasks, task_key(tgid, note->number));
	free(task);
}

/* The tasks of a process that has gone, or of all (0) */
static void drop_tasks(struct watch *watch, u32 tgid)
{
	struct buffer keys = { 0 };

	map_for_each(&watch->tasks, slot) {
		struct watched_task *task = (struct watched_task *)slot->value;

		if (!tgid || task->tgid == tgid)
			buffer_append(&keys, &slot->key, sizeof(slot->key));
	}
	for (size_t i = 0; i < keys.size / sizeof(u64); i++) {
		u64 key = ((u64 *)(void *)keys.data)[i];

		free((void *)*map_get(&watch->tasks, key));
		map_remove(&watch->tasks, key);
	}
	buffer_free(&keys);
}

/* Regions */

static void on_region_begin(struct watch *watch, const struct watch_note *note)
{
	struct watched_thread *t = watched_thread(watch, note->tid);

	if (!t)
		return;
	if (!t->regions)
		t->regions = calloc(WATCH_DEPTH_MAX, sizeof(*t->regions));
	if (t->regions && t->depth < WATCH_DEPTH_MAX)
		t->regions[t->depth] = (struct watched_region){ .since_ns = note->time_ns,
								.matches = note->matches,
								.name = note->other };
	else
		watch->left_out++;
	t->depth++;
}

static void judge_region(struct watch *watch, struct watched_thread *t, u32 depth, u64 end_ns,
			 bool running)
{
	struct watched_region *region = &t->regions[depth];
	u64 mask = region->matches & watch->mask[TRIGGER_REGION];
	struct lasted lasted = { t, region->since_ns, end_ns, .running = running,
				 .what = name_of(watch, region->name) };

	region->met |= judge(watch, mask, region->met, &lasted);
	if (running)
		expect(watch, mask, region->met, region->since_ns);
}

/* Ends the innermost region of that name, and those inside it; "" ends the innermost one. */
static void on_region_end(struct watch *watch, const struct watch_note *note)
{
	struct watched_thread *t = watched_thread(watch, note->tid);
	u32 depth;

	if (!t || !t->depth)
		return;
	depth = t->depth - 1u;
	if (*name_of(watch, note->other))
		while (depth && (depth >= WATCH_DEPTH_MAX || t->regions[depth].name != note->other))
			depth--;
	if (!t->regions)
		return;
	if (depth < WATCH_DEPTH_MAX && *name_of(watch, note->other) &&
	    t->regions[depth].name != note->other)
		return; /* it began before the recording */
	if (depth < WATCH_DEPTH_MAX)
		judge_region(watch, t, depth, note->time_ns, false);
	t->depth = (u16)depth;
}

static void on_thread_exit(struct watch *watch, const struct watch_note *note)
{
	struct watched_thread *t = watched_thread(watch, note->tid);

	if (!t || t->born_ns > note->time_ns)
		return;
	if (note->last)
		drop_tasks(watch, t->tgid);
	map_remove(&watch->threads, note->tid);
	free(t->regions);
	free(t);
}

void watched_note(struct watch *watch, const struct watch_note *note)
{
	struct watched_thread *t;

	switch (note->kind) {
	case EVENT_SWITCH: on_switch(watch, note); break;
	case EVENT_WAKING: on_waking(watch, note); break;
	case EVENT_SYSCALL: on_call_end(watch, note); break;
	case EVENT_TASK_BEGIN: on_task_begin(watch, note); break;
	case EVENT_TASK_END: on_task_end(watch, note); break;
	case EVENT_REGION_BEGIN: on_region_begin(watch, note); break;
	case EVENT_REGION_END: on_region_end(watch, note); break;
	case EVENT_EXIT: on_thread_exit(watch, note); break;
	case EVENT_WAIT_STACK:
		t = watched_thread(watch, note->tid);
		if (t)
			t->stack = note->other;
		break;
	default: break;
	}
}

static void look_at_thread(struct watch *watch, struct watched_thread *t)
{
	u64 now = watch->now_ns;

	if (t->doing == DOING_WAIT)
		judge_wait(watch, t, now, true);
	if (t->doing == DOING_WAIT_FOR_CPU)
		judge_sched(watch, t, now, true);
	if (t->call_ns)
		judge_call(watch, t, t->call, t->call_ns, now, true);
	for (u32 i = 0; t->regions && i < t->depth && i < WATCH_DEPTH_MAX; i++)
		judge_region(watch, t, i, now, true);
}

void watched_look(struct watch *watch)
{
	if (!watch->lasting ||
	    (watch->now_ns < watch->due_ns && watch->now_ns < watch->scanned_ns + LOOK_NS))
		return;
	watch->scanned_ns = watch->now_ns;
	watch->due_ns = UINT64_MAX;
	map_for_each(&watch->threads, slot)
		look_at_thread(watch, (struct watched_thread *)slot->value);
	map_for_each(&watch->tasks, slot)
		judge_task(watch, (struct watched_task *)slot->value, watch->now_ns, true);
}

static void forget_thread(struct watch *watch, struct watched_thread *t)
{
	const u64 *lost = watch->lost;

	if (lost[CLASS_SCHED])
		begin(t, DOING_UNKNOWN, watch->now_ns);
	if (lost[CLASS_SCHED] || lost[CLASS_SYSCALL] || lost[CLASS_FUTEX])
		t->call_ns = 0;
	if (lost[CLASS_ANNOTATION])
		t->depth = 0;
}

void watched_forget(struct watch *watch)
{
	u64 sum = 0;

	for (size_t i = 0; i < CLASS_COUNT; i++)
		sum += watch->lost[i];
	if (!sum)
		return;
	map_for_each(&watch->threads, slot)
		forget_thread(watch, (struct watched_thread *)slot->value);
	if (watch->lost[CLASS_ANNOTATION])
		drop_tasks(watch, 0);
	memset(watch->lost, 0, sizeof(watch->lost));
}

void watched_free(struct watch *watch)
{
	map_for_each(&watch->threads, slot) {
		free(((struct watched_thread *)slot->value)->regions);
		free((void *)slot->value);
	}
	map_for_each(&watch->tasks, slot)
		free((void *)slot->value);
	map_free(&watch->threads);
	map_free(&watch->tasks);
}
