// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* helpers_tally - stories with stacks, added up by stack */
#include "tests/unit/helpers_tally.h"

static const struct trace_info info = {
	.tracer_version = "1",
	.host = "h",
	.kernel_release = "6",
	.target = "process 100 (main)",
	.class_mask = 1u << CLASS_SCHED | 1u << CLASS_STACK,
	.stack_min_ns = 100 * US,
	.start = { .mono_ns = 0, .wall_ns = 1700000000 * NSEC_PER_SEC },
};

void begins(struct story *story, const char *kind)
{
	struct tally *tally = &story->tally;
	struct sink sink;

	*story = (struct story){ .scene = scene_new() };
	*tally = (struct tally){
		.info = &info,
		.timeline = story->scene->timeline,
		.end_ns = 1000 * MS,
		.profile = {
			.kind = profile_kind_find(kind),
			.timeline = story->scene->timeline,
			.stack_min_ns = info.stack_min_ns,
			.sample_period_ns = 10101010,
		},
	};
	frames_begin(&tally->frames, &(struct frames_options){ .start = &info.start });
	sink = frames_sink(&tally->frames);
	assert_int_equal(timeline_attach(tally->timeline, &sink), 0);
	story->sink = profile_sink(&tally->profile);
	exists(story->scene, 0, MAIN, LEAVE_RUNNING);
	exists(story->scene, 0, WORKER, LEAVE_SLEEPING);
	named(story->scene, 1, MAIN, "main");
	named(story->scene, 1, WORKER, "worker");
}

void story_ends(struct story *story)
{
	story->tally.timeline = NULL; /* the scene's */
	tally_free(&story->tally);
	scene_free(story->scene);
}

void happens(struct story *story, struct trace_event event)
{
	event.time_ns = 2;
	tells(story->scene, &event);
}

void has_stack(struct story *story, u32 id, u32 tgid, u8 end, const u64 *frames, u32 count)
{
	const struct trace_stack stack = {
		.id = id, .tgid = tgid, .end = end, .frames = { frames, count }
	};

	happens(story, (struct trace_event){ .kind = EVENT_STACK, .stack = &stack });
}

void has_name(struct story *story, u32 tgid, u64 address, const char *name)
{
	const struct trace_symbol symbol = { .tgid = tgid, .address = address, .name = name };

	happens(story, (struct trace_event){ .kind = EVENT_SYMBOL, .symbol = &symbol });
}

void waits(struct story *story, u32 tid, u64 ns, enum wait_kind kind, u32 user, u32 kernel)
{
	const struct interval interval = {
		.thread = thread_of(story->scene, tid),
		.begin_ns = 1000,
		.end_ns = 1000 + ns,
		.state = STATE_BLOCKED,
		.wait = { .kind = kind,
			  .syscall = SYSCALL_NONE,
			  .address = kind == WAIT_SYNC ? story->lock : 0,
			  .waker_known = true,
			  .waker = thread_of(story->scene, MAIN) },
		.where = { .user = user, .kernel = kernel },
	};

	assert_int_equal(story->sink.interval(story->sink.ctx, &interval), 0);
}
