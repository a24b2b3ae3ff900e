// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* tally - a trace, added up by stack: what pprof and flame graphs are made of */
#include "user/export/tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"
#include "user/model/grow.h"

/* Where the frames of a stack lie in tally->numbers */
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
	static const struct {
		const char *unit;
		u64 ns;
	} units[] = { { "s", NSEC_PER_SEC }, { "ms", NSEC_PER_MSEC }, { "us", NSEC_PER_USEC } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (ns % units[i].ns)
			continue;
		snprintf(to, size, "%llu%s", (unsigned long long)(ns / units[i].ns), units[i].unit);
		return;
	}
	snprintf(to, size, "%lluns", (unsigned long long)ns);
}

/* What is said where there is no code */
static const char *said(struct tally *tally, u8 bare)
{
	char length[32], text[96];

	if (bare == BARE_OTHER)
		return "[other stacks: too many to tell apart]";
	if (bare != BARE_SHORT)
		return "[no stack]";
	typed_duration(length, sizeof(length), tally->profile.stack_min_ns);
	snprintf(text, sizeof(text), "[no stack: wait shorter than %s]", length);
	return intern_text(&tally->frames.names, text) ?: "[no stack]";
}

static bool is_same(const struct tally_frame *a, const struct tally_frame *b)
{
	const struct symbols_frame *x = &a->symbol, *y = &b->symbol;

	return a->address == b->address && a->kernel == b->kernel && x->name == y->name &&
	       x->module == y->module && x->path == y->path && x->file == y->file &&
	       x->line == y->line && x->mapping.address == y->mapping.address &&
	       x->mapping.bytes == y->mapping.bytes && x->build_id_bytes == y->build_id_bytes &&
	       !memcmp(x->build_id, y->build_id, x->build_id_bytes);
}

/* The number of @frame, the same for all that are the same. Return: 0 or -ENOMEM. */
static int put_frame(struct tally *tally, const struct tally_frame *frame)
{
	u64 words[] = { frame->address, (u64)(uintptr_t)frame->symbol.name,
			frame->symbol.mapping.address };
	u64 *slot;

	if (!grow(&tally->numbers, tally->number_count, &tally->number_room,
		  sizeof(*tally->numbers)))
		return -ENOMEM;
	for (u64 hash = hash_bytes(words, sizeof(words));; hash++) {
		slot = map_put(&tally->frame_numbers, hash);
		if (!slot)
			return -ENOMEM;
		if (!*slot || is_same(&tally->list[*slot - 1], frame))
			break;
	}
	if (!*slot) {
		if (!grow(&tally->list, tally->count, &tally->room, sizeof(*tally->list)))
			return -ENOMEM;
		tally->list[tally->count] = *frame;
		*slot = ++tally->count;
	}
	tally->numbers[tally->number_count++] = (u32)*slot - 1;
	return 0;
}

static int put_text(struct tally *tally, const char *text)
{
	const struct tally_frame frame = { .symbol = { .name = text, .module = "", .path = "" } };

	return put_frame(tally, &frame);
}

static int put_stack(struct tally *tally, const struct stack *stack)
{
	int r = 0;

	for (u32 i = 0; stack && i < stack->count && !r; i++) {
		struct tally_frame frame = {
			.address = stack->frames[i] - (i && stack->frames[i]),
			.kernel = !stack->process,
		};

		frames_frame(&tally->frames, &frame.symbol, stack, i);
		r = put_frame(tally, &frame);
	}
	if (!r && stack && stack->process && stack_is_truncated(stack)) {
		tally->truncated++;
		r = put_text(tally, "[truncated stack]");
	}
	return r;
}

static u64 hash_place(const struct profile_row *row)
{
	const u64 words[] = { row->user_stack, row->kernel_stack, row->bare };

	return hash_bytes(words, sizeof(words));
}

static const struct place *find_place(const struct tally *tally, const struct profile_row *row)
{
	const u64 *slot;

	for (u64 hash = hash_place(row); (slot = map_get(&tally->places, hash)); hash++) {
		const struct place *place = (const struct place *)(uintptr_t)*slot;

		if (place->user_stack == row->user_stack &&
		    place->kernel_stack == row->kernel_stack && place->bare == row->bare)
			return place;
	}
	return NULL;
}

static int add_place(struct tally *tally, const struct profile_row *row)
{
	struct place place = {
		.user_stack = row->user_stack,
		.kernel_stack = row->kernel_stack,
		.bare = row->bare,
		.first = tally->number_count,
	};
	u64 hash = hash_place(row), *slot;
	struct place *kept;
	int r = put_stack(tally, timeline_stack(tally->timeline, row->kernel_stack))
			?: put_stack(tally, timeline_stack(tally->timeline, row->user_stack));

	if (!r && tally->number_count == place.first)
		r = put_text(tally, said(tally, row->bare));
	if (r < 0)
		return r;
	place.count = tally->number_count - place.first;
	while (map_get(&tally->places, hash))
		hash++;
	kept = malloc(sizeof(*kept));
	slot = kept ? map_put(&tally->places, hash) : NULL;
	if (!slot) {
		free(kept);
		return -ENOMEM;
	}
	*kept = place;
	*slot = (uintptr_t)kept;
	return 0;
}

struct tally_list tally_frames(const struct tally *tally, const struct profile_row *row)
{
	const struct place *place = find_place(tally, row);

	if (!place)
		return (struct tally_list){ 0 };
	return (struct tally_list){ tally->numbers + place->first, place->count };
}

int tally_finish(struct tally *tally)
{
	int r = profile_finish(&tally->profile);

	for (u32 i = 0; i < tally->profile.count && !r; i++)
		if (!find_place(tally, &tally->profile.rows[i]))
			r = add_place(tally, &tally->profile.rows[i]);
	return r;
}

void tally_free(struct tally *tally)
{
	map_for_each(&tally->places, slot)
		free((void *)(uintptr_t)slot->value);
	map_free(&tally->places);
	map_free(&tally->frame_numbers);
	free(tally->numbers);
	free(tally->list);
	profile_free(&tally->profile);
	frames_free(&tally->frames);
	losses_free(&tally->losses);
	timeline_free(tally->timeline);
	trace_reader_close(tally->reader);
	*tally = (struct tally){ 0 };
}

static int check_recorded(const struct tally *tally, const struct profile_kind *kind,
			  const char *path, struct err *err)
{
	const struct trace_info *info = tally->info;

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
static int set_stretch(struct tally *tally, struct filter *filter, struct err *err)
{
	u64 start_ns = trace_reader_begin_ns(tally->reader), end_ns = trace_end_ns(tally->reader);
	char from[TEXT_MAX], length[TEXT_MAX];

	text_duration(from, filter->from_ns);
	filter->from_ns += filter->from_ns ? start_ns : 0;
	filter->to_ns += filter->to_ns ? start_ns : 0;
	tally->begin_ns = max(filter->from_ns, start_ns);
	tally->end_ns = filter->to_ns ? min(filter->to_ns, end_ns) : end_ns;
	if (tally->begin_ns < tally->end_ns || !filter->from_ns)
		return 0;
	fail(err, -EINVAL, "--from: nothing was recorded %s after the start", from);
	return hint(err, "the recording lasts %s", text_duration(length, end_ns - start_ns));
}

static int attach(struct tally *tally, const struct tally_options *options, struct err *err)
{
	const struct trace_info *info = tally->info;
	struct sink sinks[3];
	int r = 0;

	tally->profile.kind = options->kind;
	tally->profile.timeline = tally->timeline;
	tally->profile.tasks = true;
	timeline_split_tasks(tally->timeline);
	tally->profile.sample_period_ns = info->sample_period_ns;
	tally->profile.stack_min_ns =
		info->class_mask & 1u << CLASS_STACK ? info->stack_min_ns : UINT64_MAX;
	frames_begin(&tally->frames, &(struct frames_options){
					     .host = info->host,
					     .start = &info->start,
					     .lines = options->lines,
					     .timeline = tally->timeline,
				     });
	sinks[0] = profile_sink(&tally->profile);
	sinks[1] = frames_sink(&tally->frames);
	sinks[2] = losses_sink(&tally->losses);
	for (size_t i = 0; i < ARRAY_SIZE(sinks) && !r; i++)
		r = timeline_attach(tally->timeline, &sinks[i]);
	return r < 0 ? fail(err, r, "cannot prepare the profile: %s", strerror(-r)) : 0;
}

static int read_events(struct tally *tally, const char *path, const struct filter *filter,
		       struct err *err)
{
	int r = 0;

	if (filter->from_ns > trace_reader_begin_ns(tally->reader))
		r = frames_read_before(&tally->frames, path, filter->from_ns, err);
	if (r >= 0)
		r = timeline_read(tally->timeline, tally->reader, filter->from_ns, filter->to_ns,
				  err);
	if (r >= 0 && filter->to_ns)
		r = frames_read_behind(&tally->frames, path, filter->to_ns, err);
	return r;
}

int tally_read(struct tally *tally, const char *path, const struct tally_options *options,
	       struct err *err)
{
	struct filter filter = options->filter;
	const struct trace_damage *damage;
	int r;

	r = trace_reader_open(&tally->reader, path, err);
	if (r < 0)
		return r;
	tally->info = trace_reader_info(tally->reader);
	tally->totals = trace_reader_totals(tally->reader);
	r = check_recorded(tally, options->kind, path, err);
	if (r < 0)
		return r;
	r = set_stretch(tally, &filter, err);
	if (r < 0)
		return r;
	r = timeline_new(&tally->timeline, trace_reader_begin_ns(tally->reader), err);
	if (r < 0)
		return r;
	timeline_set_filter(tally->timeline, &filter);
	r = attach(tally, options, err);
	if (r < 0)
		return r;
	r = read_events(tally, path, &filter, err);
	if (r < 0)
		return r;
	damage = trace_reader_damage(tally->reader);
	tally->damaged = damage->bad_chunks || damage->bad_bytes || damage->cut_bytes;
	r = tally_finish(tally);
	return r < 0 ? fail(err, r, "cannot make the profile: %s", strerror(-r)) : 0;
}

bool tally_has_stacks(const struct tally *tally)
{
	return tally->profile.kind->cpu || tally->profile.stack_min_ns != UINT64_MAX;
}

bool tally_is_lower_bound(const struct tally *tally)
{
	return tally->losses.events || tally->losses.unreadable || tally->damaged ||
	       (tally->totals && tally->totals->untracked_threads);
}

const struct thread *tally_thread(const struct tally *tally, const struct profile_row *row)
{
	return row->thread ? timeline_threads(tally->timeline)->threads[row->thread - 1] : NULL;
}

char *tally_waker(char to[TALLY_TEXT_MAX], const struct tally *tally, const struct profile_row *row)
{
	const struct waits_waker waker = {
		.name = row->waker_name,
		.context = row->waker_context,
		.missing = row->waker_missing,
	};
	bool ended = !row->unfinished || tally->profile.kind->sched;

	to[0] = 0;
	/* Whoever was preempted, and who is a sample, was woken by nobody. */
	if (row->bare != BARE_OTHER && !tally->profile.kind->cpu && ended &&
	    (!tally->profile.kind->sched || row->why == WHY_WOKEN))
		waker_text(to, tally->timeline, &waker);
	return to;
}

char *tally_object(char to[TALLY_TEXT_MAX], const struct tally *tally,
		   const struct profile_row *row)
{
	const struct what *what = row->what ? whats_get(&tally->profile.whats, row->what) : NULL;
	const struct thread_table *threads = timeline_threads(tally->timeline);
	char name[FUTEX_NAME_MAX];
	const char *module;

	to[0] = 0;
	if (!what)
		return to;
	if (what->futex && what->process &&
	    futexes_name(name, &module, &tally->frames, threads->processes[what->process - 1]->pid,
			 what->futex, row->begin_ns)) {
		text_printable(to, TALLY_TEXT_MAX, name);
		return to;
	}
	if (what->futex)
		snprintf(to, TALLY_TEXT_MAX, "0x%llx", (unsigned long long)what->futex);
	else
		snprintf(to, TALLY_TEXT_MAX, "%s", what_text((char[WHAT_TEXT_MAX]){ 0 }, what));
	return to;
}
