// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_gaps - what the model makes of events that are missing, late, or not there yet */
#include "tests/unit/helpers_model.h"

static void a_lost_wakeup_leaves_the_thread_blocked_until_it_runs(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 100, WORKER, ASLEEP, MAIN);
	switches(s, 300, MAIN, PREEMPTED, WORKER);
	ends(s, 400);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 200);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNABLE), 0);
	assert_int_equal(timeline_counts(s->timeline)->missing_wakeups, 1);
	assert_int_equal(thread_of(s, WORKER)->missing_wakeups, 1);
	assert_false(interval_of(s, WORKER, STATE_BLOCKED, 0)->wait.waker_known);
	assert_sums_hold(s);
}

static void a_lost_switch_is_unknown_from_the_loss_on(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, PREEMPTED);
	switches(s, 100, IDLE, PREEMPTED, WORKER);
	loses(s, 200, 200, 220);
	on_cpu(1);
	switches(s, 300, IDLE, PREEMPTED, WORKER);
	ends(s, 400);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 200);
	assert_int_equal(time_ns(s, WORKER, STATE_UNKNOWN), 100);
	assert_int_equal(observed_ns(s, WORKER), 300);
	assert_int_equal(timeline_counts(s->timeline)->repaired, 1);
	assert_sums_hold(s);
}

static void a_lost_switch_in_without_a_loss_is_repaired_with_the_least(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 100, WORKER, PREEMPTED, MAIN);
	switches(s, 200, WORKER, ASLEEP, MAIN);
	ends(s, 300);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 200);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNABLE), 0);
	assert_int_equal(timeline_counts(s->timeline)->repaired, 1);
	assert_sums_hold(s);
}

static void a_thread_whose_switch_in_was_lost_ran_at_most_since_the_cpu_left_another(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	exists(s, 0, MAIN, PREEMPTED);
	switches(s, 100, WORKER, PREEMPTED, MAIN);
	switches(s, 200, MAIN, PREEMPTED, STRANGER);
	switches(s, 250, WORKER, ASLEEP, MAIN);
	ends(s, 300);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 150);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNABLE), 100);
	assert_int_equal(timeline_counts(s->timeline)->repaired, 1);
	assert_sums_hold(s);
}

static void a_lost_switch_out_shows_when_another_thread_leaves_the_cpu(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, MAIN, PREEMPTED);
	exists(s, 0, WORKER, PREEMPTED);
	switches(s, 100, IDLE, PREEMPTED, WORKER);
	switches(s, 200, MAIN, PREEMPTED, IDLE);
	ends(s, 300);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 100);
	assert_int_equal(time_ns(s, WORKER, STATE_UNKNOWN), 100);
	assert_int_equal(timeline_counts(s->timeline)->repaired, 1);
	assert_sums_hold(s);
}

static void a_thread_that_never_has_an_event_keeps_its_announced_state(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 50, WORKER, ASLEEP);
	ends(s, 1000);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 1000);
	assert_true(interval_of(s, WORKER, STATE_BLOCKED, 0)->flags & INTERVAL_CUT_BEGIN);
	assert_true(interval_of(s, WORKER, STATE_BLOCKED, 0)->flags & INTERVAL_CUT_END);
	assert_sums_hold(s);
}

static void the_first_event_wins_over_the_announced_state(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 50, WORKER, ASLEEP);
	switches(s, 100, WORKER, ASLEEP, IDLE);
	ends(s, 200);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 100);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 100);
	assert_int_equal(timeline_counts(s->timeline)->repaired, 0);
	assert_sums_hold(s);
}

static void an_announcement_behind_the_first_events_counts_from_the_start(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	switches(s, 10, IDLE, PREEMPTED, WORKER);
	switches(s, 30, WORKER, PREEMPTED, IDLE);
	switches(s, 40, IDLE, PREEMPTED, WORKER);
	assert_int_equal(intervals_of(s, WORKER), 0);
	exists(s, 50, WORKER, LEAVE_RUNNING);
	ends(s, 100);
	assert_int_equal(observed_ns(s, WORKER), 100);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNABLE), 20);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 80);
	assert_string_equal(thread_name(s->timeline, thread_of(s, WORKER)), "worker");
	assert_sums_hold(s);
}

static void a_thread_that_nobody_announced_is_foreign(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	for (u64 t = 100; t < 100000; t += 100) {
		switches(s, t, WORKER, PREEMPTED, STRANGER);
		switches(s, t + 50, STRANGER, PREEMPTED, WORKER);
	}
	ends(s, 100000);
	assert_int_equal(intervals_of(s, STRANGER), 0);
	assert_false(thread_of(s, STRANGER)->target);
	assert_sums_hold(s);
}

static void evidence_makes_an_unannounced_thread_the_targets(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	switches(s, 100, WORKER, ASLEEP, IDLE);
	wakes(s, 200, MAIN, WORKER);
	switches(s, 250, IDLE, PREEMPTED, WORKER);
	ends(s, 300);
	assert_true(thread_of(s, WORKER)->target);
	assert_int_equal(observed_ns(s, WORKER), 200);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 100);
	assert_sums_hold(s);
}

static void a_trace_that_starts_in_the_middle_begins_with_what_is_restated(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	restates(s, 5000, WORKER, ASLEEP);
	restates(s, 5000, MAIN, LEAVE_RUNNING);
	wakes(s, 5100, MAIN, WORKER);
	switches(s, 5150, MAIN, PREEMPTED, WORKER);
	restates(s, 5200, WORKER, ASLEEP); /* known better: ignored */
	ends(s, 6000);
	assert_int_equal(observed_ns(s, WORKER), 1000);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 100);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 850);
	assert_sums_hold(s);
}

static void a_damaged_stretch_is_unknown_until_the_state_is_restated(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	exists(s, 0, MAIN, ASLEEP);
	unreadable(s, 100, 100, 200);
	restates(s, 200, WORKER, ASLEEP);
	wakes(s, 250, MAIN, WORKER);
	switches(s, 260, IDLE, PREEMPTED, WORKER);
	ends(s, 300);
	assert_int_equal(time_ns(s, WORKER, STATE_UNKNOWN), 100);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 50);
	assert_int_equal(observed_ns(s, WORKER), 200);
	assert_int_equal(observed_ns(s, MAIN), 100);
	assert_int_equal(s->losses.unreadable, 1);
	assert_sums_hold(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_wakeup_leaves_the_thread_blocked_until_it_runs),
		cmocka_unit_test(a_lost_switch_is_unknown_from_the_loss_on),
		cmocka_unit_test(a_lost_switch_in_without_a_loss_is_repaired_with_the_least),
		cmocka_unit_test(
			a_thread_whose_switch_in_was_lost_ran_at_most_since_the_cpu_left_another),
		cmocka_unit_test(a_lost_switch_out_shows_when_another_thread_leaves_the_cpu),
		cmocka_unit_test(a_thread_that_never_has_an_event_keeps_its_announced_state),
		cmocka_unit_test(the_first_event_wins_over_the_announced_state),
		cmocka_unit_test(an_announcement_behind_the_first_events_counts_from_the_start),
		cmocka_unit_test(a_thread_that_nobody_announced_is_foreign),
		cmocka_unit_test(evidence_makes_an_unannounced_thread_the_targets),
		cmocka_unit_test(a_trace_that_starts_in_the_middle_begins_with_what_is_restated),
		cmocka_unit_test(a_damaged_stretch_is_unknown_until_the_state_is_restated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
