// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_join - waits get the stacks that were told of them, and no others */
#include "tests/unit/helpers_model.h"

#include <string.h>

#define NR_READ 0
#define NR_POLL 7

/* WORKER sleeps in a futex call from @from to @to, and gets a CPU 5 ns later. */
static void sleeps(struct scene *s, u64 from, u64 to)
{
	switches(s, from, WORKER, ASLEEP, IDLE);
	wakes(s, to, MAIN, WORKER);
	switches(s, to + 5, IDLE, PREEMPTED, WORKER);
}

static struct scene *a_worker(void)
{
	struct scene *s = scene_new();

	timeline_expect_stacks(s->timeline, true);
	exists(s, 0, WORKER, LEAVE_RUNNING);
	return s;
}

static void assert_where(const struct interval *interval, u32 user)
{
	assert_non_null(interval);
	assert_int_equal(interval->where.user, 10 * user);
	assert_int_equal(interval->where.kernel, user ? 10 * user + 1 : 0);
}

static void assert_waits_at(const struct scene *s, size_t n, u32 user)
{
	assert_where(interval_of(s, WORKER, STATE_BLOCKED, n), user);
}

static void a_wait_gets_the_stack_of_its_call(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	sleeps(s, 100, 200);
	assert_null(interval_of(s, WORKER, STATE_BLOCKED, 0));
	stack_at(s, 210, STACK_AT_CALL_END, WORKER, 7, 90);
	assert_non_null(interval_of(s, WORKER, STATE_BLOCKED, 0));
	futex_ends(s, 210, WORKER, 120);
	ends(s, 300);
	assert_waits_at(s, 0, 7);
	assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 0), 7);
	assert_true(interval_of(s, WORKER, STATE_BLOCKED, 0)->lock.known);
	assert_int_equal(interval_of(s, WORKER, STATE_BLOCKED, 0)->lock.owner, OTHER);
	assert_true(interval_of(s, WORKER, STATE_RUNNABLE, 0)->lock.known);
	assert_where(interval_of(s, WORKER, STATE_RUNNING, 0), 0);
	assert_where(interval_of(s, WORKER, STATE_RUNNING, 1), 0);
	assert_int_equal(s->call_count, 1);
	assert_int_equal(s->calls[0].blocked_ns, 100);
	assert_sums_hold(s);
}

static void the_stack_may_come_right_behind_the_calls_end(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	sleeps(s, 100, 200);
	futex_ends(s, 210, WORKER, 120);
	stack_at(s, 210, STACK_AT_CALL_END, WORKER, 7, 90);
	ends(s, 300);
	assert_waits_at(s, 0, 7);
	assert_int_equal(s->call_count, 1);
	assert_sums_hold(s);
}

static void without_a_stack_a_wait_is_told_when_nothing_more_can_come(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	sleeps(s, 100, 200);
	futex_ends(s, 210, WORKER, 120);
	assert_int_equal(intervals_of(s, WORKER), 1);
	switches(s, 250, WORKER, PREEMPTED, IDLE);
	assert_int_equal(intervals_of(s, WORKER), 4);
	assert_int_equal(s->call_count, 1);
	assert_waits_at(s, 0, 0);
	ends(s, 300);
	assert_sums_hold(s);
}

static void a_timeline_without_stacks_holds_nothing_back(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	timeline_expect_stacks(s->timeline, false);
	sleeps(s, 100, 200);
	assert_int_equal(intervals_of(s, WORKER), 3);
}

static void a_short_call_leaves_the_stack_to_the_long_one_behind_it(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	sleeps(s, 100, 110); /* too short; calls are not recorded */
	sleeps(s, 200, 900);
	stack_at(s, 910, STACK_AT_CALL_END, WORKER, 7, 190);
	ends(s, 1000);
	assert_waits_at(s, 0, 0);
	assert_waits_at(s, 1, 7);
	assert_sums_hold(s);
}

static void a_call_that_blocks_twice_has_one_stack_for_both(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	sleeps(s, 100, 200);
	switches(s, 220, WORKER, PREEMPTED, MAIN);
	switches(s, 230, MAIN, PREEMPTED, WORKER);
	sleeps(s, 300, 400);
	stack_at(s, 410, STACK_AT_CALL_END, WORKER, 7, 90);
	ends(s, 500);
	assert_waits_at(s, 0, 7);
	assert_waits_at(s, 1, 7);
	assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 0), 7);
	assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 1), 0); /* preempted inside */
	assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 2), 7);
	assert_sums_hold(s);
}

static void a_lost_stack_is_not_replaced_by_that_of_another_call(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	blocks(s, 100, WORKER, WAIT_NETWORK, NR_READ, 0, IDLE);
	wakes(s, 200, MAIN, WORKER);
	switches(s, 205, IDLE, PREEMPTED, WORKER);
	/* The end of read() and its stack are lost. */
	blocks(s, 300, WORKER, WAIT_POLL, NR_POLL, 0, IDLE);
	wakes(s, 400, MAIN, WORKER);
	switches(s, 405, IDLE, PREEMPTED, WORKER);
	assert_int_equal(intervals_of(s, WORKER), 4);
	stack_at(s, 410, STACK_AT_CALL_END, WORKER, 7, 0);
	ends(s, 500);
	assert_waits_at(s, 0, 0);
	assert_waits_at(s, 1, 7);
	assert_false(interval_of(s, WORKER, STATE_BLOCKED, 1)->lock.known); /* no futex */
	assert_sums_hold(s);
}

static void a_stack_at_the_leave_is_that_of_the_switch_behind_it(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	stack_at(s, 100, STACK_AT_LEAVE, WORKER, 5, 0);
	switches(s, 100, WORKER, PREEMPTED, MAIN);
	switches(s, 150, MAIN, PREEMPTED, WORKER);
	switches(s, 160, WORKER, PREEMPTED, MAIN);
	switches(s, 170, MAIN, PREEMPTED, WORKER);
	stack_at(s, 200, STACK_AT_LEAVE, WORKER, 6, 0);
	blocks(s, 201, WORKER, WAIT_FAULT, SYSCALL_NONE, 0, IDLE);
	wakes(s, 300, MAIN, WORKER);
	switches(s, 310, IDLE, PREEMPTED, WORKER);
	ends(s, 400);
	assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 0), 5);
	assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 1), 0);
	assert_waits_at(s, 0, 6);
	assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 2), 6);
	assert_sums_hold(s);
}

static void a_stack_whose_switch_was_lost_belongs_to_none(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	stack_at(s, 100, STACK_AT_LEAVE, WORKER, 5, 0);
	switches(s, 100 + 2 * NSEC_PER_MSEC, WORKER, PREEMPTED, MAIN);
	switches(s, 110 + 2 * NSEC_PER_MSEC, MAIN, PREEMPTED, WORKER);
	stack_at(s, 120 + 2 * NSEC_PER_MSEC, STACK_AT_LEAVE, WORKER, 5, 0);
	futex_ends(s, 130 + 2 * NSEC_PER_MSEC, WORKER, 5); /* so it did not leave */
	switches(s, 140 + 2 * NSEC_PER_MSEC, WORKER, PREEMPTED, MAIN);
	ends(s, 150 + 2 * NSEC_PER_MSEC);
	assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 0), 0);
	assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 1), 0);
	assert_sums_hold(s);
}

static void a_stack_at_the_switch_in_may_come_before_or_behind_it(void **state)
{
	for (int behind = 0; behind < 2; behind++) {
		CLEANUP(scene_free) struct scene *s = a_worker();

		blocks(s, 100, WORKER, WAIT_FAULT, SYSCALL_NONE, 0, IDLE);
		wakes(s, 200, MAIN, WORKER);
		if (!behind)
			stack_at(s, 210, STACK_AT_ENTER, WORKER, 4, 0);
		switches(s, 210, IDLE, PREEMPTED, WORKER);
		if (behind)
			stack_at(s, 210, STACK_AT_ENTER, WORKER, 4, 0);
		ends(s, 300);
		assert_waits_at(s, 0, 4);
		assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 0), 4);
		assert_sums_hold(s);
	}
}

static void a_preemption_has_the_stack_that_its_end_tells(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	switches(s, 100, WORKER, PREEMPTED, MAIN);
	stack_at(s, 150, STACK_AT_ENTER, WORKER, 4, 0);
	switches(s, 150, MAIN, PREEMPTED, WORKER);
	switches(s, 160, WORKER, PREEMPTED, MAIN);
	switches(s, 170, MAIN, PREEMPTED, WORKER);
	ends(s, 300);
	assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 0), 4);
	assert_where(interval_of(s, WORKER, STATE_RUNNABLE, 1), 0);
	assert_false(interval_of(s, WORKER, STATE_RUNNABLE, 0)->lock.known);
	assert_sums_hold(s);
}

static void the_wakers_stack_is_that_of_the_waking_behind_it(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();
	const struct interval *wait;

	switches(s, 100, WORKER, ASLEEP, MAIN);
	stack_at(s, 200, STACK_AT_WAKING, WORKER, 3, 0);
	wakes(s, 200, MAIN, WORKER);
	switches(s, 210, MAIN, PREEMPTED, WORKER);
	stack_at(s, 220, STACK_AT_CALL_END, WORKER, 7, 90);
	sleeps(s, 300, 400);
	stack_at(s, 410, STACK_AT_CALL_END, WORKER, 8, 290);
	/* A waking that comes before the switch-out it ends */
	stack_at(s, 499, STACK_AT_WAKING, WORKER, 4, 0);
	wakes(s, 499, MAIN, WORKER);
	switches(s, 500, WORKER, ASLEEP, MAIN);
	switches(s, 510, MAIN, PREEMPTED, WORKER);
	ends(s, 600);
	wait = interval_of(s, WORKER, STATE_BLOCKED, 0);
	assert_where(wait, 7);
	assert_int_equal(wait->where.waker_user, 30);
	assert_int_equal(wait->where.waker_kernel, 31);
	wait = interval_of(s, WORKER, STATE_BLOCKED, 1);
	assert_where(wait, 8);
	assert_int_equal(wait->where.waker_user, 0);
	wait = interval_of(s, WORKER, STATE_BLOCKED, 2);
	assert_where(wait, 0);
	assert_int_equal(wait->where.waker_user, 40);
	assert_sums_hold(s);
}

static void a_wait_that_goes_on_at_the_end_has_its_stack_too(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	switches(s, 100, WORKER, ASLEEP, IDLE);
	stack_at(s, 900, STACK_AT_END, WORKER, 7, 90);
	ends(s, 900);
	assert_waits_at(s, 0, 7);
	assert_true(interval_of(s, WORKER, STATE_BLOCKED, 0)->flags & INTERVAL_CUT_END);
	assert_true(interval_of(s, WORKER, STATE_BLOCKED, 0)->lock.known);
	assert_sums_hold(s);
}

static void what_is_held_back_is_told_before_the_thread_ends(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	sleeps(s, 100, 200);
	exits(s, 210, WORKER);
	switches(s, 220, WORKER, DEAD, IDLE);
	assert_int_equal(intervals_of(s, WORKER), 4);
	assert_int_equal(s->ended, 1);
	ends(s, 300);
	assert_sums_hold(s);
}

static void a_call_that_blocks_for_ever_is_held_back_within_bounds(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	for (u64 t = 100; t < 100 + 5000 * 20; t += 20)
		sleeps(s, t, t + 10);
	assert_true(intervals_of(s, WORKER) >= 3 * 5000 - 1100);
	ends(s, 1000000);
	assert_int_equal(intervals_of(s, WORKER), 3 * 5000 + 1);
	assert_sums_hold(s);
}

static void a_filter_cuts_what_is_held_back(void **state)
{
	const struct filter filter = { .from_ns = 150, .to_ns = 204 };
	CLEANUP(scene_free) struct scene *s = scene_filtered(&filter);

	exists(s, 0, WORKER, LEAVE_RUNNING);
	timeline_expect_stacks(s->timeline, true);
	sleeps(s, 100, 200);
	stack_at(s, 203, STACK_AT_CALL_END, WORKER, 7, 90);
	ends(s, 204);
	assert_int_equal(s->interval_count, 2);
	assert_waits_at(s, 0, 7);
	assert_int_equal(s->intervals[0].begin_ns, 150);
	assert_int_equal(s->intervals[1].end_ns, 204);
}

static void a_thread_that_is_announced_late_keeps_its_stacks_and_samples(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	switches(s, 100, WORKER, ASLEEP, IDLE);
	wakes(s, 200, MAIN, WORKER);
	switches(s, 205, IDLE, PREEMPTED, WORKER);
	sampled(s, 207, WORKER, 5);
	stack_at(s, 210, STACK_AT_CALL_END, WORKER, 7, 90);
	futex_ends(s, 210, WORKER, 120);
	assert_int_equal(s->sample_count, 0);
	exists(s, 250, WORKER, LEAVE_RUNNING);
	ends(s, 300);
	assert_waits_at(s, 0, 7);
	assert_int_equal(s->sample_count, 1);
	assert_int_equal(s->call_count, 1);
	assert_sums_hold(s);
}

static void samples_are_filtered_by_thread_and_time(void **state)
{
	const u32 tids[] = { WORKER };
	const struct filter filter = { .from_ns = 150, .to_ns = 250, .tids = tids, .tid_count = 1 };
	CLEANUP(scene_free) struct scene *s = scene_filtered(&filter);

	exists(s, 0, WORKER, LEAVE_RUNNING);
	exists(s, 0, MAIN, LEAVE_RUNNING);
	sampled(s, 100, WORKER, 1);
	sampled(s, 200, WORKER, 2);
	sampled(s, 200, MAIN, 3);
	sampled(s, 200, STRANGER, 4);
	sampled(s, 250, WORKER, 5);
	ends(s, 250);
	assert_int_equal(s->sample_count, 1);
	assert_int_equal(s->samples[0].user_stack, 2);
	assert_int_equal(s->samples[0].kernel_stack, 3);
	assert_int_equal(s->samples[0].time_ns, 200);
	assert_int_equal(s->samples[0].thread->tid, WORKER);
}

static void equal_stacks_are_one_whatever_their_ids(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();
	const struct stack *a, *b;

	stack_is(s, 1, 1, 0x1000, 5);
	stack_is(s, 1, 2, 0x1000, 5);
	stack_is(s, 1, 3, 0x1001, 4); /* its callers */
	stack_is(s, 1, 4, 0x1000, 0);
	assert_int_equal(timeline_stack_number(s->timeline, 1),
			 timeline_stack_number(s->timeline, 2));
	assert_int_not_equal(timeline_stack_number(s->timeline, 1),
			     timeline_stack_number(s->timeline, 3));
	assert_int_equal(timeline_stack_number(s->timeline, 9), 0);
	a = timeline_stack(s->timeline, 2);
	b = timeline_stack(s->timeline, 3);
	assert_int_equal(a->id, 2);
	assert_int_equal(a->count, 5);
	assert_int_equal(b->count, 4);
	for (u32 i = 0; i < 4; i++) {
		assert_int_equal(a->frames[i], 0x1000 + i);
		assert_int_equal(b->frames[i], 0x1001 + i);
	}
	assert_int_equal(a->process->pid, MAIN);
	assert_int_equal(timeline_stack(s->timeline, 4)->count, 0);
	assert_null(timeline_stack(s->timeline, 0));
	assert_null(timeline_stack(s->timeline, 9));
}

static void a_stack_that_is_told_better_is_the_better_one(void **state)
{
	CLEANUP(scene_free) struct scene *s = a_worker();

	stack_is(s, 1, 1, 0x1000, 2);
	stack_is(s, 1, 2, 0x1000, 2);
	assert_int_equal(timeline_stack(s->timeline, 1)->count, 2);
	stack_is(s, 5, 1, 0x1000, 7);
	assert_int_equal(timeline_stack(s->timeline, 1)->count, 7);
	assert_int_equal(timeline_stack(s->timeline, 2)->count, 2);
}

/* With stacks each thread's intervals are the same, in the same order, as without. */
static void holding_back_changes_nothing_but_the_stacks(void **state)
{
	for (u64 seed = 1; seed <= 200; seed++) {
		CLEANUP(scene_free) struct scene *with = scene_new();
		CLEANUP(scene_free) struct scene *without = scene_new();
		struct scene *scenes[] = { without, with };

		timeline_expect_stacks(with->timeline, true);
		for (int i = 0; i < 2; i++) {
			struct scene *s = scenes[i];
			u64 x = seed * 0x9e3779b97f4a7c15ULL, t = 10;

			exists(s, 0, WORKER, LEAVE_RUNNING);
			for (int n = 0; n < 300; n++) {
				x ^= x << 13, x ^= x >> 7, x ^= x << 17;
				t += x % 20;
				switch ((x >> 20) % 8) {
				case 0: syscall_ends(s, t, WORKER, NR_READ, x % 50, 0); break;
				case 1: wakes(s, t, MAIN, WORKER); break;
				case 2: switches(s, t, IDLE, PREEMPTED, WORKER); break;
				case 3:
					blocks(s, t, WORKER, WAIT_PIPE,
					       (x >> 30) % 3 ? (u16)((x >> 30) % 3) : SYSCALL_NONE,
					       0, IDLE);
					break;
				case 4: named(s, t, WORKER, x % 2 ? "a" : "b"); break;
				case 5: execs(s, t, WORKER, WORKER); break;
				case 6: switches(s, t, WORKER, PREEMPTED, IDLE); break;
				default: switches(s, t, WORKER, ASLEEP, IDLE);
				}
			}
			ends(s, t);
			assert_sums_hold(s);
		}
		assert_int_equal(with->interval_count, without->interval_count);
		assert_int_equal(with->call_count, without->call_count);
		for (size_t i = 0; i < with->interval_count; i++) {
			assert_int_equal(with->intervals[i].begin_ns,
					 without->intervals[i].begin_ns);
			assert_int_equal(with->intervals[i].end_ns, without->intervals[i].end_ns);
			assert_int_equal(with->intervals[i].state, without->intervals[i].state);
			assert_int_equal(with->intervals[i].flags, without->intervals[i].flags);
		}
		for (size_t i = 0; i < with->call_count; i++)
			assert_int_equal(with->calls[i].end_ns, without->calls[i].end_ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait_gets_the_stack_of_its_call),
		cmocka_unit_test(the_stack_may_come_right_behind_the_calls_end),
		cmocka_unit_test(without_a_stack_a_wait_is_told_when_nothing_more_can_come),
		cmocka_unit_test(a_timeline_without_stacks_holds_nothing_back),
		cmocka_unit_test(a_short_call_leaves_the_stack_to_the_long_one_behind_it),
		cmocka_unit_test(a_call_that_blocks_twice_has_one_stack_for_both),
		cmocka_unit_test(a_lost_stack_is_not_replaced_by_that_of_another_call),
		cmocka_unit_test(a_stack_at_the_leave_is_that_of_the_switch_behind_it),
		cmocka_unit_test(a_stack_whose_switch_was_lost_belongs_to_none),
		cmocka_unit_test(a_stack_at_the_switch_in_may_come_before_or_behind_it),
		cmocka_unit_test(a_preemption_has_the_stack_that_its_end_tells),
		cmocka_unit_test(the_wakers_stack_is_that_of_the_waking_behind_it),
		cmocka_unit_test(a_wait_that_goes_on_at_the_end_has_its_stack_too),
		cmocka_unit_test(what_is_held_back_is_told_before_the_thread_ends),
		cmocka_unit_test(a_call_that_blocks_for_ever_is_held_back_within_bounds),
		cmocka_unit_test(a_filter_cuts_what_is_held_back),
		cmocka_unit_test(a_thread_that_is_announced_late_keeps_its_stacks_and_samples),
		cmocka_unit_test(samples_are_filtered_by_thread_and_time),
		cmocka_unit_test(equal_stacks_are_one_whatever_their_ids),
		cmocka_unit_test(a_stack_that_is_told_better_is_the_better_one),
		cmocka_unit_test(holding_back_changes_nothing_but_the_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
