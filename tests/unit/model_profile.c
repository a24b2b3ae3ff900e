// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_profile - every wait is in a profile once, by its stack and what it was */
#include "user/model/profile.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/helpers_model.h"

#define US NSEC_PER_USEC

/* A scene without much of a story: the sink is fed by hand */
struct play {
	struct scene *scene;
	struct profile profile;
	struct sink sink;
	struct times times;
	struct sink times_sink;
};

static void begins(struct play *play, const char *kind)
{
	*play = (struct play){ .scene = scene_new() };
	play->profile = (struct profile){
		.kind = profile_kind_find(kind),
		.timeline = play->scene->timeline,
		.stack_min_ns = 100 * US,
		.sample_period_ns = 10101010,
	};
	play->sink = profile_sink(&play->profile);
	play->times_sink = times_sink(&play->times);
	exists(play->scene, 0, MAIN, LEAVE_RUNNING);
	exists(play->scene, 0, WORKER, LEAVE_SLEEPING);
}

static void play_ends(struct play *play)
{
	profile_free(&play->profile);
	times_free(&play->times);
	scene_free(play->scene);
}

static void has_stack(struct play *play, u32 id, u32 tgid, u64 first, u64 second)
{
	const u64 frames[] = { first, second };
	const struct trace_stack stack = { .id = id, .tgid = tgid, .frames = { frames, 2 } };

	tells(play->scene, &(struct trace_event){ .kind = EVENT_STACK, .stack = &stack });
}

static void happens(struct play *play, const struct interval *interval)
{
	assert_int_equal(play->sink.interval(play->sink.ctx, interval), 0);
	assert_int_equal(play->times_sink.interval(play->times_sink.ctx, interval), 0);
}

static struct interval wait_of(const struct play *play, u32 tid, u64 ns, enum wait_kind kind,
			       u32 user_stack)
{
	return (struct interval){
		.thread = thread_of(play->scene, tid),
		.begin_ns = 1000,
		.end_ns = 1000 + ns,
		.state = STATE_BLOCKED,
		.wait = { .kind = kind, .syscall = 202 },
		.where = { .user = user_stack },
	};
}

static void waits(struct play *play, u32 tid, u64 ns, enum wait_kind kind, u32 user_stack)
{
	const struct interval wait = wait_of(play, tid, ns, kind, user_stack);

	happens(play, &wait);
}

static const struct profile_row *row_with(const struct play *play, u32 tid, u8 bare)
{
	for (u32 i = 0; i < play->profile.count; i++) {
		const struct profile_row *row = &play->profile.rows[i];

		if (row->bare == bare && (!tid || row->thread == thread_of(play->scene, tid)->id))
			return row;
	}
	return NULL;
}

static void finishes(struct play *play)
{
	u64 rows_count = 0, ns = 0;

	assert_int_equal(profile_finish(&play->profile), 0);
	for (u32 i = 0; i < play->profile.count; i++) {
		rows_count += play->profile.rows[i].count;
		ns += play->profile.rows[i].ns;
	}
	assert_int_equal(rows_count, play->profile.total_count);
	assert_int_equal(ns, play->profile.total_ns);
}

static void waits_at_one_place_are_one_row(void **state)
{
	struct play play;

	begins(&play, "sync");
	has_stack(&play, 1, MAIN, 0x10, 0x20);
	waits(&play, MAIN, 200 * US, WAIT_SYNC, 1);
	waits(&play, MAIN, 300 * US, WAIT_SYNC, 1);
	waits(&play, WORKER, 50 * US, WAIT_SYNC, 1);
	finishes(&play);
	assert_int_equal(play.profile.count, 2);
	assert_int_equal(play.profile.rows[0].ns, 500 * US);
	assert_int_equal(play.profile.rows[0].count, 2);
	assert_int_equal(play.profile.rows[1].ns, 50 * US);
	play_ends(&play);
}

static void a_stack_that_was_told_twice_is_one(void **state)
{
	struct play play;

	begins(&play, "sync");
	has_stack(&play, 1, MAIN, 0x10, 0x20);
	has_stack(&play, 2, MAIN, 0x10, 0x20);
	has_stack(&play, 3, MAIN, 0x10, 0x30);
	waits(&play, MAIN, 200 * US, WAIT_SYNC, 1);
	waits(&play, MAIN, 300 * US, WAIT_SYNC, 2);
	waits(&play, MAIN, 400 * US, WAIT_SYNC, 3);
	assert_int_equal(play.profile.count, 3);
	finishes(&play);
	assert_int_equal(play.profile.count, 2);
	assert_int_equal(play.profile.rows[0].ns, 500 * US);
	play_ends(&play);
}

static void a_wait_without_stack_says_why(void **state)
{
	struct interval cut;
	struct play play;

	begins(&play, "sync");
	has_stack(&play, 1, MAIN, 0x10, 0x20);
	waits(&play, MAIN, 99 * US, WAIT_SYNC, 0);
	waits(&play, MAIN, 100 * US, WAIT_SYNC, 0);
	waits(&play, MAIN, 200 * US, WAIT_SYNC, 7); /* never told */
	cut = wait_of(&play, MAIN, 10 * US, WAIT_SYNC, 0);
	cut.flags = INTERVAL_CUT_BEGIN;
	happens(&play, &cut);
	finishes(&play);
	assert_int_equal(row_with(&play, MAIN, BARE_SHORT)->ns, 99 * US);
	assert_int_equal(row_with(&play, MAIN, BARE_NONE)->ns, 310 * US);
	assert_int_equal(row_with(&play, MAIN, BARE_NONE)->count, 3);
	play_ends(&play);
	/* Without stacks nothing is too short for one. */
	begins(&play, "sync");
	play.profile.stack_min_ns = UINT64_MAX;
	waits(&play, MAIN, 99 * US, WAIT_SYNC, 0);
	finishes(&play);
	assert_int_equal(play.profile.rows[0].bare, BARE_NONE);
	play_ends(&play);
}

/* Each wait is in exactly those profiles that its kind belongs to. */
static void kinds_partition_the_waits(void **state)
{
	static const char *const names[] = { "net", "sync", "syscall", "wait", "poll", "sleep" };
	static const u64 expected[] = {
		1ULL << WAIT_NETWORK,
		1ULL << WAIT_SYNC,
		1ULL << WAIT_DISK | 1ULL << WAIT_PIPE | 1ULL << WAIT_OTHER,
		(1ULL << WAIT_KIND_COUNT) - 1,
		1ULL << WAIT_POLL,
		1ULL << WAIT_SLEEP,
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct play play;

		begins(&play, names[i]);
		for (int kind = 0; kind < WAIT_KIND_COUNT; kind++)
			waits(&play, MAIN, 1ULL << kind, kind, 0);
		finishes(&play);
		assert_int_equal(play.profile.total_ns, expected[i]);
		play_ends(&play);
	}
	assert_null(profile_kind_find("nothing"));
}

static void sched_has_the_runnable_intervals_only(void **state)
{
	struct play play;
	struct interval runnable;

	begins(&play, "sched");
	waits(&play, MAIN, 1000, WAIT_SYNC, 0);
	runnable = wait_of(&play, MAIN, 70, WAIT_SYNC, 0);
	runnable.state = STATE_RUNNABLE;
	runnable.why = WHY_WOKEN;
	happens(&play, &runnable);
	runnable.why = WHY_PREEMPTED;
	runnable.end_ns += 5;
	happens(&play, &runnable);
	runnable.state = STATE_RUNNING;
	happens(&play, &runnable);
	finishes(&play);
	assert_int_equal(play.profile.total_ns, 145);
	assert_int_equal(play.profile.total_ns, times_total(&play.times).scheduler_wait.ns);
	assert_int_equal(play.profile.count, 2);
	/* Whoever was preempted waited for nothing. */
	assert_int_equal(play.profile.rows[0].why, WHY_PREEMPTED);
	assert_int_equal(play.profile.rows[0].kind, WAIT_OTHER);
	assert_int_equal(play.profile.rows[1].kind, WAIT_SYNC);
	play_ends(&play);
}

static void a_sample_stands_for_its_period(void **state)
{
	struct play play;
	struct sample sample;

	begins(&play, "cpu");
	has_stack(&play, 1, MAIN, 0x10, 0x20);
	has_stack(&play, 2, 0, 0x30, 0x40);
	waits(&play, MAIN, 1000, WAIT_SYNC, 1);
	sample = (struct sample){ .thread = thread_of(play.scene, MAIN), .user_stack = 1 };
	for (int i = 0; i < 5; i++)
		assert_int_equal(play.sink.sample(play.sink.ctx, &sample), 0);
	sample.kernel_stack = 2;
	assert_int_equal(play.sink.sample(play.sink.ctx, &sample), 0);
	finishes(&play);
	assert_int_equal(play.profile.count, 2);
	assert_int_equal(play.profile.rows[0].count, 5);
	assert_int_equal(play.profile.rows[0].ns, 5 * 10101010);
	assert_int_equal(play.profile.rows[1].kernel_stack, 2);
	play_ends(&play);
}

static void who_woke_and_what_for_tell_rows_apart(void **state)
{
	struct interval wait;
	struct play play;

	begins(&play, "sync");
	wait = wait_of(&play, MAIN, 100, WAIT_SYNC, 0);
	wait.wait.waker_known = true;
	wait.wait.waker = thread_of(play.scene, WORKER);
	happens(&play, &wait);
	wait.wait.address = 0x1000;
	happens(&play, &wait);
	wait.wait.waker_context = WAKER_HARDIRQ;
	happens(&play, &wait);
	happens(&play, &wait);
	wait.flags = INTERVAL_CUT_END;
	happens(&play, &wait);
	finishes(&play);
	assert_int_equal(play.profile.count, 4);
	assert_int_equal(play.profile.rows[0].count, 2);
	assert_int_equal(play.profile.rows[0].waker_context, WAKER_HARDIRQ);
	play_ends(&play);
}

static void the_sums_are_those_of_the_report(void **state)
{
	struct play play;
	struct times_row total;
	u64 ns = 0, count = 0;

	begins(&play, "wait");
	for (u64 i = 0; i < 5000; i++)
		waits(&play, i % 2 ? MAIN : WORKER, i * 977 % 3000000,
		      (enum wait_kind)(i * 31 % WAIT_KIND_COUNT), (u32)(i * 7 % 100));
	finishes(&play);
	total = times_total(&play.times);
	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++) {
		ns += total.waits[kind].ns;
		count += total.waits[kind].count;
	}
	assert_int_equal(play.profile.total_ns, ns);
	assert_int_equal(play.profile.total_count, count);
	play_ends(&play);
}

static void beyond_the_most_rows_the_others_are_one(void **state)
{
	struct play play;

	begins(&play, "wait");
	play.profile.rows_max = 10;
	for (u32 i = 1; i <= 100; i++) {
		has_stack(&play, i, MAIN, i, 0x20);
		waits(&play, MAIN, i, WAIT_SYNC, i);
	}
	finishes(&play);
	assert_int_equal(play.profile.count, 11);
	assert_int_equal(play.profile.total_ns, 5050);
	assert_int_equal(play.profile.total_count, 100);
	assert_int_equal(play.profile.other_count, 90);
	assert_int_equal(play.profile.rows[0].bare, BARE_OTHER);
	assert_int_equal(play.profile.rows[0].kind, WAIT_SYNC);
	play_ends(&play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_at_one_place_are_one_row),
		cmocka_unit_test(a_stack_that_was_told_twice_is_one),
		cmocka_unit_test(a_wait_without_stack_says_why),
		cmocka_unit_test(kinds_partition_the_waits),
		cmocka_unit_test(sched_has_the_runnable_intervals_only),
		cmocka_unit_test(a_sample_stands_for_its_period),
		cmocka_unit_test(who_woke_and_what_for_tell_rows_apart),
		cmocka_unit_test(the_sums_are_those_of_the_report),
		cmocka_unit_test(beyond_the_most_rows_the_others_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
