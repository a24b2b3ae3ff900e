// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* stackset - a trace as stacks with counts and times: what pprof and flame graphs are made of */
#include "user/export/stackset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"
#include "user/model/grow.h"

/* Where the frames of a stack lie in stacks->numbers */
struct place {
	u32 user_stack;
	u32 kernel_stack;
	u32 bare;
	u32 first;
	u32 count;
};

/* "100us": as it is typed */
static void typed_duration(char *to, size_t size, u64 ns)
{
	if (ns % NSEC_PER_MSEC == 0)
		snprintf(to, size, "%llums", (unsigned long long)(ns / NSEC_PER_MSEC));
	else if (ns % NSEC_PER_USEC == 0)
		snprintf(to, size, "%lluus", (unsigned long long)(ns / NSEC_PER_USEC));
	else
		snprintf(to, size, "%lluns", (unsigned long long)ns);
}

/* What is said where there is no code */
static const char *said(struct stackset *stacks, u8 bare)
{
	char length[32], text[96];

	if (bare == BARE_OTHER)
		return "[other stacks: too many to tell apart]";
	if (bare != BARE_SHORT)
		return "[no stack]";
	typed_duration(length, sizeof(length), stacks->profile.stack_min_ns);
	snprintf(text, sizeof(text), "[no stack: wait shorter than %s]", length);
	return intern_text(&stacks->frames.names, text) ?: "[no stack]";
}

static bool is_same(const struct stackset_frame *a, const struct stackset_frame *b)
{
	const struct symbols_frame *x = &a->symbol, *y = &b->symbol;

	return a->address == b->address && a->kernel == b->kernel && x->name == y->name &&
	       x->module == y->module && x->path == y->path && x->file == y->file &&
	       x->line == y->line && x->mapping.address == y->mapping.address &&
	       x->mapping.bytes == y->mapping.bytes && x->build_id_bytes == y->build_id_bytes &&
	       !memcmp(x->build_id, y->build_id, x->build_id_bytes);
}

/* The number of @frame, the same for all that are the same. Return: 0 or -ENOMEM. */
static int put_frame(struct stackset *stacks, const struct stackset_frame *frame)
{
	u64 words[] = { frame->address, (u64)(uintptr_t)frame->symbol.name,
			frame->symbol.mapping.address };
	u64 *slot;

	if (!grow(&stacks->numbers, stacks->number_count, &stacks->number_room,
		  sizeof(*stacks->numbers)))
		return -ENOMEM;
	for (u64 hash = hash_bytes(words, sizeof(words));; hash++) {
		slot = map_put(&stacks->frame_numbers, hash);
		if (!slot)
			return -ENOMEM;
		if (!*slot || is_same(&stacks->list[*slot - 1], frame))
			break;
	}
	if (!*slot) {
		if (!grow(&stacks->list, stacks->count, &stacks->room, sizeof(*stacks->list)))
			return -ENOMEM;
		stacks->list[stacks->count] = *frame;
		*slot = ++stacks->count;
	}
	stacks->numbers[stacks->number_count++] = (u32)*slot - 1;
	return 0;
}

static int put_text(struct stackset *stacks, const char *text)
{
	const struct stackset_frame frame = { .symbol = {
						      .name = text, .module = "", .path = "" } };

	return put_frame(stacks, &frame);
}

static int put_stack(struct stackset *stacks, const struct stack *stack)
{
	int r = 0;

	for (u32 i = 0; stack && i < stack->count && !r; i++) {
		struct stackset_frame frame = {
			.address = stack->frames[i] - (i && stack->frames[i]),
			.kernel = !stack->process,
		};

		frames_frame(&stacks->frames, &frame.symbol, stack, i);
		r = put_frame(stacks, &frame);
	}
	if (!r && stack && stack->process && stack->end != STACK_END_ROOT) {
		stacks->truncated++;
		r = put_text(stacks, "[truncated stack]");
	}
	return r;
}

static u64 hash_place(const struct profile_row *row)
{
	const u64 words[] = { row->user_stack, row->kernel_stack, row->bare };

	return hash_bytes(words, sizeof(words));
}

static const struct place *find_place(const struct stackset *stacks, const struct profile_row *row)
{
	const u64 *slot;

	for (u64 hash = hash_place(row); (slot = map_get(&stacks->places, hash)); hash++) {
		const struct place *place = (const struct place *)(uintptr_t)*slot;

		if (place->user_stack == row->user_stack &&
		    place->kernel_stack == row->kernel_stack && place->bare == row->bare)
			return place;
	}
	return NULL;
}

static int add_place(struct stackset *stacks, const struct profile_row *row)
{
	struct place place = {
		.user_stack = row->user_stack,
		.kernel_stack = row->kernel_stack,
		.bare = row->bare,
		.first = stacks->number_count,
	};
	u64 hash = hash_place(row), *slot;
	struct place *kept;
	int r = put_stack(stacks, timeline_stack(stacks->timeline, row->kernel_stack))
			?: put_stack(stacks, timeline_stack(stacks->timeline, row->user_stack));

	if (!r && stacks->number_count == place.first)
		r = put_text(stacks, said(stacks, row->bare));
	if (r < 0)
		return r;
	place.count = stacks->number_count - place.first;
	while (map_get(&stacks->places, hash))
		hash++;
	kept = malloc(sizeof(*kept));
	slot = kept ? map_put(&stacks->places, hash) : NULL;
	if (!slot) {
		free(kept);
		return -ENOMEM;
	}
	*kept = place;
	*slot = (uintptr_t)kept;
	return 0;
}

struct stackset_list stackset_frames(const struct stackset *stacks, const struct profile_row *row)
{
	const struct place *place = find_place(stacks, row);

	if (!place)
		return (struct stackset_list){ 0 };
	return (struct stackset_list){ stacks->numbers + place->first, place->count };
}

int stackset_finish(struct stackset *stacks)
{
	int r = profile_finish(&stacks->profile);

	for (u32 i = 0; i < stacks->profile.count && !r; i++)
		if (!find_place(stacks, &stacks->profile.rows[i]))
			r = add_place(stacks, &stacks->profile.rows[i]);
	return r;
}

void stackset_free(struct stackset *stacks)
{
	map_for_each(&stacks->places, slot)
		free((void *)(uintptr_t)slot->value);
	map_free(&stacks->places);
	map_free(&stacks->frame_numbers);
	free(stacks->numbers);
	free(stacks->list);
	profile_free(&stacks->profile);
	frames_free(&stacks->frames);
	losses_free(&stacks->losses);
	timeline_free(stacks->timeline);
	trace_reader_close(stacks->reader);
	*stacks = (struct stackset){ 0 };
}

static int check_recorded(const struct stackset *stacks, const struct profile_kind *kind,
			  const char *path, struct err *err)
{
	const struct trace_info *info = stacks->info;

	if (kind->cpu && !info->sample_period_ns) {
		fail(err, -ENODATA, "'%s' has no CPU samples", path);
		return hint(err, "record some with: tracer -p PID -F 99");
	}
	if (!kind->cpu && !(info->class_mask & 1u << CLASS_SCHED)) {
		fail(err, -ENODATA, "'%s' has no scheduler events, so no waits", path);
		return hint(err, "record without -e, or with -e sched among the classes");
	}
	return 0;
}

/* The filter's times are since the start; those of the timeline are of the clock. */
static int set_stretch(struct stackset *stacks, struct filter *filter, struct err *err)
{
	u64 start_ns = trace_reader_begin_ns(stacks->reader), end_ns = trace_end_ns(stacks->reader);
	char from[TEXT_MAX], length[TEXT_MAX];

	text_duration(from, filter->from_ns);
	filter->from_ns += filter->from_ns ? start_ns : 0;
	filter->to_ns += filter->to_ns ? start_ns : 0;
	stacks->begin_ns = max(filter->from_ns, start_ns);
	stacks->end_ns = filter->to_ns ? min(filter->to_ns, end_ns) : end_ns;
	if (stacks->begin_ns < stacks->end_ns || !filter->from_ns)
		return 0;
	fail(err, -EINVAL, "--from: nothing was recorded %s after the start", from);
	return hint(err, "the recording lasts %s", text_duration(length, end_ns - start_ns));
}

static int attach(struct stackset *stacks, const struct stackset_options *options, struct err *err)
{
	const struct trace_info *info = stacks->info;
	struct sink sinks[3];
	int r = 0;

	stacks->profile.kind = options->kind;
	stacks->profile.timeline = stacks->timeline;
	stacks->profile.sample_period_ns = info->sample_period_ns;
	stacks->profile.stack_min_ns =
		info->class_mask & 1u << CLASS_STACK ? info->stack_min_ns : UINT64_MAX;
	frames_begin(&stacks->frames, &(struct frames_options){
					      .host = info->host,
					      .start = &info->start,
					      .lines = options->lines,
					      .timeline = stacks->timeline,
				      });
	sinks[0] = profile_sink(&stacks->profile);
	sinks[1] = frames_sink(&stacks->frames);
	sinks[2] = losses_sink(&stacks->losses);
	for (size_t i = 0; i < ARRAY_SIZE(sinks) && !r; i++)
		r = timeline_attach(stacks->timeline, &sinks[i]);
	return r < 0 ? fail(err, r, "cannot prepare the profile: %s", strerror(-r)) : 0;
}

static int read_events(struct stackset *stacks, const char *path, const struct filter *filter,
		       struct err *err)
{
	int r = 0;

	if (filter->from_ns > trace_reader_begin_ns(stacks->reader))
		r = frames_read_before(&stacks->frames, path, filter->from_ns, err);
	if (r >= 0)
		r = timeline_read(stacks->timeline, stacks->reader, filter->from_ns, filter->to_ns,
				  err);
	if (r >= 0 && filter->to_ns)
		r = frames_read_behind(&stacks->frames, path, filter->to_ns, err);
	return r;
}

int stackset_read(struct stackset *stacks, const char *path, const struct stackset_options *options,
		  struct err *err)
{
	struct filter filter = options->filter;
	const struct trace_damage *damage;
	int r;

	r = trace_reader_open(&stacks->reader, path, err);
	if (r < 0)
		return r;
	stacks->info = trace_reader_info(stacks->reader);
	stacks->totals = trace_reader_totals(stacks->reader);
	r = check_recorded(stacks, options->kind, path, err);
	if (r < 0)
		return r;
	r = set_stretch(stacks, &filter, err);
	if (r < 0)
		return r;
	r = timeline_new(&stacks->timeline, trace_reader_begin_ns(stacks->reader), err);
	if (r < 0)
		return r;
	timeline_set_filter(stacks->timeline, &filter);
	r = attach(stacks, options, err);
	if (r < 0)
		return r;
	r = read_events(stacks, path, &filter, err);
	if (r < 0)
		return r;
	damage = trace_reader_damage(stacks->reader);
	stacks->damaged = damage->bad_chunks || damage->bad_bytes || damage->cut_bytes;
	r = stackset_finish(stacks);
	return r < 0 ? fail(err, r, "cannot make the profile: %s", strerror(-r)) : 0;
}

bool stackset_has_stacks(const struct stackset *stacks)
{
	return stacks->profile.kind->cpu || stacks->profile.stack_min_ns != UINT64_MAX;
}

bool stackset_is_lower_bound(const struct stackset *stacks)
{
	return stacks->losses.events || stacks->losses.unreadable || stacks->damaged ||
	       (stacks->totals && stacks->totals->untracked_threads);
}

const struct thread *stackset_thread(const struct stackset *stacks, const struct profile_row *row)
{
	return row->thread ? timeline_threads(stacks->timeline)->threads[row->thread - 1] : NULL;
}

char *stackset_waker(char to[STACKSET_TEXT_MAX], const struct stackset *stacks,
		     const struct profile_row *row)
{
	const struct waits_waker waker = {
		.name = row->waker_name,
		.context = row->waker_context,
		.missing = row->waker_missing,
	};
	bool ended = !row->unfinished || stacks->profile.kind->sched;

	to[0] = 0;
	/* Whoever was preempted, and who is a sample, was woken by nobody. */
	if (row->bare != BARE_OTHER && !stacks->profile.kind->cpu && ended &&
	    (!stacks->profile.kind->sched || row->why == WHY_WOKEN))
		waker_text(to, stacks->timeline, &waker);
	return to;
}

char *stackset_object(char to[STACKSET_TEXT_MAX], const struct stackset *stacks,
		      const struct profile_row *row)
{
	const struct what *what = row->what ? whats_get(&stacks->profile.whats, row->what) : NULL;
	const struct thread_table *threads = timeline_threads(stacks->timeline);
	char name[FUTEX_NAME_MAX];
	const char *module;

	to[0] = 0;
	if (!what)
		return to;
	if (what->futex && what->process &&
	    futexes_name(name, &module, &stacks->frames, threads->processes[what->process - 1]->pid,
			 what->futex, row->begin_ns)) {
		text_printable(to, STACKSET_TEXT_MAX, name);
		return to;
	}
	if (what->futex)
		snprintf(to, STACKSET_TEXT_MAX, "0x%llx", (unsigned long long)what->futex);
	else
		snprintf(to, STACKSET_TEXT_MAX, "%s", what_text((char[WHAT_TEXT_MAX]){ 0 }, what));
	return to;
}
