// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* instances - all that happened in some tasks, in order of time */
#include "user/model/instances.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/grow.h"

int instances_begin(struct instances *instances, const struct tasks_instance *slowest, u32 count)
{
	instances->list = calloc(count + 1, sizeof(*instances->list));
	if (!instances->list)
		return -ENOMEM;
	for (u32 i = 0; i < count; i++) {
		u64 *slot = map_put(&instances->numbers, slowest[i].id);

		if (!slot)
			return -ENOMEM;
		*slot = i + 1;
		instances->list[i].is = slowest[i];
		instances->count = i + 1;
	}
	return 0;
}

static struct instance *instance_of(const struct instances *instances, const struct task *task)
{
	const u64 *slot = task ? map_get(&instances->numbers, task->id) : NULL;

	return slot ? &instances->list[*slot - 1] : NULL;
}

static u64 length_of(const struct moment *moment)
{
	return moment->end_ns - moment->time_ns;
}

static bool is_wait(const struct moment *moment)
{
	return moment->kind == MOMENT_WAIT || moment->kind == MOMENT_SCHED;
}

static int compare_lengths(const void *left, const void *right)
{
	u64 a = *(const u64 *)left, b = *(const u64 *)right;

	return a < b ? -1 : a > b;
}

void instance_fit(struct instance *instance, u32 most, u64 least_ns)
{
	u32 waits = 0, goes, kept = 0;
	u64 *lengths, least;

	if (instance->count <= most && !least_ns)
		return;
	lengths = malloc(instance->count * sizeof(*lengths));
	if (!lengths)
		return; /* then it is longer than asked for */
	for (u32 i = 0; i < instance->count; i++)
		if (is_wait(&instance->moments[i]))
			lengths[waits++] = length_of(&instance->moments[i]);
	goes = instance->count > most ? min(waits, instance->count - most) : 0;
	qsort(lengths, waits, sizeof(*lengths), compare_lengths);
	while (goes < waits && lengths[goes] < least_ns)
		goes++;
	least = goes ? lengths[goes - 1] : 0;
	free(lengths);
	for (u32 i = 0; i < instance->count; i++) {
		const struct moment *moment = &instance->moments[i];

		if (goes && is_wait(moment) && length_of(moment) <= least) {
			goes--;
			instance->left_out++;
			instance->left_out_ns += length_of(moment);
		} else {
			instance->moments[kept++] = *moment;
		}
	}
	instance->count = kept;
}

/* A copy of @moment behind the others; its text is taken over. */
static int add(struct instance *instance, const struct moment *moment)
{
	if (instance->count >= MOMENTS_MAX)
		instance_fit(instance, MOMENTS_MAX / 2, 0);
	if (instance->count >= MOMENTS_MAX) {
		instance->left_out++;
		free(moment->text);
		return 0;
	}
	if (!grow(&instance->moments, instance->count, &instance->room,
		  sizeof(*instance->moments))) {
		free(moment->text);
		return -ENOMEM;
	}
	instance->moments[instance->count++] = *moment;
	return 0;
}

static int on_interval(void *ctx, const struct interval *interval)
{
	struct instances *instances = ctx;
	struct instance *instance = instance_of(instances, interval->task);
	struct moment moment = {
		.time_ns = interval->begin_ns,
		.end_ns = interval->end_ns,
		.thread = interval->thread,
		.kind = MOMENT_SCHED,
		.wait = interval->why,
		.syscall = SYSCALL_NONE,
		.stack = interval->where.user,
		.open = interval->flags & INTERVAL_CUT_END,
	};
	int r = 0;

	if (!instance || interval->state == STATE_RUNNING || interval->state == STATE_UNKNOWN)
		return 0;
	if (interval->state == STATE_BLOCKED) {
		moment.kind = MOMENT_WAIT;
		moment.wait = interval->wait.kind;
		moment.syscall = interval->wait.syscall;
		moment.woken = !moment.open;
		if (moment.woken)
			moment.waker = waits_waker_of(&interval->wait);
		r = whats_put(&instances->whats, &moment.what, instances->timeline,
			      interval->thread, &interval->wait);
	}
	return r < 0 ? r : add(instance, &moment);
}

/* The begin that @note ends, or NULL. */
static struct moment *begin_of(const struct instance *instance, const struct note *note,
			       enum moment_kind kind)
{
	for (u32 i = instance->count; i > 0; i--) {
		struct moment *moment = &instance->moments[i - 1];

		if (moment->kind == kind && moment->open && moment->thread == note->thread &&
		    (kind == MOMENT_ENTER ||
		     (moment->name == note->name && moment->time_ns == note->begin_ns)))
			return moment;
	}
	return NULL;
}

static int begins(struct instance *instance, const struct note *note, enum moment_kind kind)
{
	return add(instance, &(struct moment){
				     .time_ns = note->time_ns,
				     .end_ns = UINT64_MAX,
				     .thread = note->thread,
				     .kind = (u8)kind,
				     .open = true,
				     .name = note->name,
				     .stack = note->stack,
			     });
}

static int ends(struct instance *instance, const struct note *note, enum moment_kind kind)
{
	struct moment *moment = begin_of(instance, note, kind);

	if (!moment)
		return 0;
	moment->end_ns = note->time_ns;
	moment->open = note->how & NOTE_IMPLIED && kind == MOMENT_REGION;
	return 0;
}

static int says(struct instance *instance, const struct note *note)
{
	struct moment moment = {
		.time_ns = note->time_ns,
		.end_ns = note->time_ns,
		.thread = note->thread,
		.kind = MOMENT_LOG,
		.name = note->name,
	};

	if (*note->text && !(moment.text = strdup(note->text)))
		return -ENOMEM;
	return add(instance, &moment);
}

/* A task that is part of one of them */
static int part_begins(const struct instances *instances, const struct note *note)
{
	const u64 *slot = note->task && note->task->parent
				  ? map_get(&instances->numbers, note->task->parent)
				  : NULL;
	const struct moment moment = {
		.time_ns = note->time_ns,
		.end_ns = note->time_ns,
		.thread = note->thread,
		.kind = MOMENT_PART,
		.name = note->name,
		.part = note->task ? note->task->id : 0,
	};

	return slot ? add(&instances->list[*slot - 1], &moment) : 0;
}

static int on_note(void *ctx, const struct note *note)
{
	struct instances *instances = ctx;
	struct instance *instance = instance_of(instances, note->task);

	if (note->kind == EVENT_TASK_BEGIN)
		return part_begins(instances, note);
	if (!instance || note->how & NOTE_UNSEEN)
		return 0;
	switch (note->kind) {
	case EVENT_TASK_ENTER:
		return note->misuse == MISUSE_TASK_OVER || note->misuse == MISUSE_TOO_MANY
			       ? 0
			       : begins(instance, note, MOMENT_ENTER);
	case EVENT_TASK_LEAVE: return ends(instance, note, MOMENT_ENTER);
	case EVENT_REGION_BEGIN:
		return note->misuse == MISUSE_REGION_DEPTH ? 0
							   : begins(instance, note, MOMENT_REGION);
	case EVENT_REGION_END: return ends(instance, note, MOMENT_REGION);
	case EVENT_LOG: return says(instance, note);
	default: return 0;
	}
}

static int on_task(void *ctx, const struct task *task, bool aside)
{
	struct instance *instance = instance_of(ctx, task);

	if (instance && task->link && !instance->link) {
		instance->link = strdup(task->link);
		if (!instance->link)
			return -ENOMEM;
	}
	return 0;
}

struct sink instances_sink(struct instances *instances)
{
	return (struct sink){
		.ctx = instances,
		.interval = on_interval,
		.note = on_note,
		.task = on_task,
	};
}

static int compare_moments(const void *left, const void *right)
{
	const struct moment *a = left, *b = right;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	if (a->end_ns != b->end_ns)
		return a->end_ns > b->end_ns ? -1 : 1;
	return a->kind != b->kind
		       ? a->kind - b->kind
		       : (a->thread->id > b->thread->id) - (a->thread->id < b->thread->id);
}

void instances_finish(struct instances *instances)
{
	u64 end_ns = timeline_now_ns(instances->timeline);

	for (u32 i = 0; i < instances->count; i++) {
		struct instance *instance = &instances->list[i];

		for (u32 j = 0; j < instance->count; j++)
			instance->moments[j].end_ns = min(instance->moments[j].end_ns, end_ns);
		if (instance->count)
			qsort(instance->moments, instance->count, sizeof(*instance->moments),
			      compare_moments);
	}
}

u32 instance_depth(const struct instance *instance, u32 i)
{
	const struct moment *of = &instance->moments[i];
	u32 depth = 0;

	for (u32 j = 0; j < i; j++) {
		const struct moment *around = &instance->moments[j];

		depth += around->kind == MOMENT_REGION && around->thread == of->thread &&
			 around->end_ns >= of->end_ns;
	}
	return depth;
}

void instances_free(struct instances *instances)
{
	for (u32 i = 0; i < instances->count; i++) {
		for (u32 j = 0; j < instances->list[i].count; j++)
			free(instances->list[i].moments[j].text);
		free(instances->list[i].moments);
		free(instances->list[i].link);
	}
	free(instances->list);
	map_free(&instances->numbers);
	whats_free(&instances->whats);
	timeline_free(instances->timeline);
	*instances = (struct instances){ 0 };
}
