// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_timeline - every transition of a thread, as a scenario */
#include "tests/unit/helpers_model.h"

static void a_running_thread_runs_from_switch_in_to_switch_out(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, PREEMPTED);
	switches(s, 100, MAIN, PREEMPTED, WORKER);
	switches(s, 250, WORKER, PREEMPTED, MAIN);
	ends(s, 300);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 150);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNABLE), 150);
	assert_sums_hold(s);
}

static void a_preempted_thread_waits_for_who_took_its_cpu(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();
	const struct interval *interval;

	exists(s, 0, WORKER, LEAVE_RUNNING);
	stranger(s, 0, STRANGER, "stress");
	switches(s, 100, WORKER, PREEMPTED, STRANGER);
	switches(s, 140, STRANGER, PREEMPTED, WORKER);
	ends(s, 200);
	interval = interval_of(s, WORKER, STATE_RUNNABLE, 0);
	assert_int_equal(interval->end_ns - interval->begin_ns, 40);
	assert_int_equal(interval->why, WHY_PREEMPTED);
	assert_int_equal(interval->other->tid, STRANGER);
	assert_string_equal(thread_name(s->timeline, interval->other), "stress");
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 160);
	assert_int_equal(observed_ns(s, STRANGER), 0);
	assert_sums_hold(s);
}

static void blocked_time_ends_at_the_wakeup_not_at_the_switch_in(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();
	const struct interval *wait;

	exists(s, 0, MAIN, PREEMPTED);
	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 100, WORKER, ASLEEP, MAIN);
	wakes(s, 250, MAIN, WORKER);
	switches(s, 300, MAIN, PREEMPTED, WORKER);
	ends(s, 300);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 150);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNABLE), 50);
	wait = interval_of(s, WORKER, STATE_BLOCKED, 0);
	assert_int_equal(wait->wait.kind, WAIT_SYNC);
	assert_int_equal(wait->wait.address, 0x1000);
	assert_int_equal(wait->wait.waker->tid, MAIN);
	assert_int_equal(wait->latency_ns, 50);
	assert_int_equal(interval_of(s, WORKER, STATE_RUNNABLE, 0)->why, WHY_WOKEN);
	assert_sums_hold(s);
}

static void of_two_wakeups_the_first_counts(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 100, WORKER, ASLEEP, MAIN);
	wakes(s, 200, MAIN, WORKER);
	wakes(s, 250, OTHER, WORKER);
	switches(s, 300, MAIN, PREEMPTED, WORKER);
	ends(s, 300);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 100);
	assert_int_equal(interval_of(s, WORKER, STATE_BLOCKED, 0)->wait.waker->tid, MAIN);
	assert_int_equal(timeline_counts(s->timeline)->spurious_wakeups, 1);
	assert_sums_hold(s);
}

static void an_interrupt_is_not_the_interrupted_threads_doing(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();
	const struct waits_waker *wakers;
	char text[WAKER_TEXT_MAX];

	exists(s, 0, WORKER, LEAVE_RUNNING);
	stranger(s, 0, STRANGER, "redis-server");
	switches(s, 100, WORKER, ASLEEP, STRANGER);
	interrupt_wakes(s, 200, WAKER_HARDIRQ, STRANGER, WORKER);
	switches(s, 300, STRANGER, PREEMPTED, WORKER);
	switches(s, 400, WORKER, ASLEEP, STRANGER);
	interrupt_wakes(s, 500, WAKER_SOFTIRQ, STRANGER, WORKER);
	switches(s, 600, STRANGER, PREEMPTED, WORKER);
	switches(s, 700, WORKER, ASLEEP, STRANGER);
	interrupt_wakes(s, 800, WAKER_SOFTIRQ, IDLE, WORKER);
	switches(s, 900, STRANGER, PREEMPTED, WORKER);
	ends(s, 900);
	assert_int_equal(waits_sort(&s->waits), 0);
	assert_int_equal(waits_wakers(&s->waits, 0, &wakers), 2);
	assert_int_equal(wakers[0].count, 2);
	assert_string_equal(waker_text(text, s->timeline, &wakers[0]), "interrupt");
	assert_string_equal(waker_text(text, s->timeline, &wakers[1]), "softirq (redis-server)");
}

static void a_wakeup_before_the_switch_out_ends_the_wait_at_once(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	exists(s, 0, MAIN, PREEMPTED);
	wakes(s, 99, MAIN, WORKER);
	switches(s, 100, WORKER, ASLEEP, MAIN);
	switches(s, 300, MAIN, PREEMPTED, WORKER);
	ends(s, 300);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 0);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNABLE), 200);
	assert_int_equal(interval_of(s, WORKER, STATE_BLOCKED, 0)->wait.waker->tid, MAIN);
	assert_int_equal(timeline_counts(s->timeline)->early_wakeups, 1);
	assert_int_equal(timeline_counts(s->timeline)->missing_wakeups, 0);
	assert_sums_hold(s);
}

static void a_wakeup_of_an_earlier_run_does_not_end_a_later_wait(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	wakes(s, 50, MAIN, WORKER);
	switches(s, 60, WORKER, PREEMPTED, MAIN);
	switches(s, 70, MAIN, PREEMPTED, WORKER);
	switches(s, 100, WORKER, ASLEEP, MAIN);
	switches(s, 300, MAIN, PREEMPTED, WORKER);
	ends(s, 300);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 200);
	assert_int_equal(timeline_counts(s->timeline)->missing_wakeups, 1);
	assert_sums_hold(s);
}

static void a_new_thread_is_runnable_until_it_first_runs(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, MAIN, LEAVE_RUNNING);
	forks(s, 100, WORKER);
	switches(s, 130, MAIN, PREEMPTED, WORKER);
	ends(s, 200);
	assert_int_equal(interval_of(s, WORKER, STATE_RUNNABLE, 0)->why, WHY_NEW);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNABLE), 30);
	assert_int_equal(observed_ns(s, WORKER), 100);
	assert_int_equal(s->begun, 2);
	assert_sums_hold(s);
}

static void a_thread_ends_with_its_last_switch_out(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	exits(s, 100, WORKER);
	switches(s, 120, WORKER, DEAD, MAIN);
	ends(s, 500);
	assert_int_equal(observed_ns(s, WORKER), 120);
	assert_int_equal(thread_of(s, WORKER)->end_ns, 120);
	assert_int_equal(s->ended, 1);
	assert_sums_hold(s);
}

static void a_thread_killed_while_blocked_wakes_runs_and_ends(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 100, WORKER, ASLEEP, MAIN);
	wakes(s, 200, MAIN, WORKER);
	switches(s, 210, MAIN, PREEMPTED, WORKER);
	exits(s, 220, WORKER);
	switches(s, 230, WORKER, DEAD, IDLE);
	ends(s, 500);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 100);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNABLE), 10);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 120);
	assert_int_equal(timeline_counts(s->timeline)->repaired, 0);
	assert_sums_hold(s);
}

static void an_exit_of_a_blocked_thread_means_that_it_ran(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 100, WORKER, ASLEEP, MAIN);
	exits(s, 220, WORKER);
	switches(s, 230, WORKER, DEAD, IDLE);
	ends(s, 500);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 120);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 110);
	assert_int_equal(timeline_counts(s->timeline)->repaired, 1);
	assert_sums_hold(s);
}

static void an_exec_goes_on_under_the_leaders_number(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, MAIN, ASLEEP);
	exists(s, 0, OTHER, ASLEEP);
	exists(s, 0, WORKER, LEAVE_RUNNING);
	execs(s, 100, MAIN, WORKER);
	switches(s, 150, MAIN, PREEMPTED, IDLE);
	ends(s, 200);
	assert_int_equal(s->execed, 1);
	assert_int_equal(s->ended, 2);
	assert_int_equal(thread_of(s, OTHER)->end_ns, 100);
	assert_null(thread_of(s, WORKER));
	/* two lives of the number: the leader's wait, and what goes on */
	assert_int_equal(time_ns(s, MAIN, STATE_BLOCKED), 100);
	assert_int_equal(time_ns(s, MAIN, STATE_RUNNING), 150);
	assert_int_equal(thread_of(s, MAIN)->process->pid, MAIN);
	assert_sums_hold(s);
}

static void a_number_that_is_used_again_is_another_thread(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 50, WORKER, ASLEEP, IDLE);
	forks(s, 100, WORKER);
	switches(s, 130, IDLE, PREEMPTED, WORKER);
	ends(s, 200);
	assert_int_equal(s->begun, 2);
	assert_int_equal(s->ended, 1);
	assert_int_equal(timeline_counts(s->timeline)->repaired, 1);
	assert_int_equal(thread_of(s, WORKER)->begin_ns, 100);
	assert_int_equal(observed_ns(s, WORKER), 200);
	assert_sums_hold(s);
}

static void a_call_knows_how_much_of_it_was_blocked(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 100, WORKER, ASLEEP, IDLE);
	wakes(s, 200, MAIN, WORKER);
	switches(s, 210, IDLE, PREEMPTED, WORKER);
	switches(s, 220, WORKER, ASLEEP, IDLE);
	wakes(s, 300, MAIN, WORKER);
	switches(s, 310, IDLE, PREEMPTED, WORKER);
	futex_ends(s, 320, WORKER, 230);
	syscall_ends(s, 400, WORKER, 1, 50, -11);
	ends(s, 500);
	assert_int_equal(s->call_count, 2);
	assert_int_equal(s->calls[0].begin_ns, 90);
	assert_int_equal(s->calls[0].blocked_ns, 180);
	assert_int_equal(s->calls[0].address, 0x1000);
	assert_int_equal(s->calls[1].blocked_ns, 0);
	calls_sort(&s->call_table);
	assert_int_equal(s->call_table.rows[1].errors[0].number, 11);
}

static void a_migration_is_a_run_on_another_cpu(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, PREEMPTED);
	switches(s, 10, IDLE, PREEMPTED, WORKER);
	switches(s, 20, WORKER, PREEMPTED, IDLE);
	on_cpu(1);
	switches(s, 30, IDLE, PREEMPTED, WORKER);
	switches(s, 40, WORKER, PREEMPTED, IDLE);
	switches(s, 50, IDLE, PREEMPTED, WORKER);
	ends(s, 60);
	assert_int_equal(s->sched.migrations, 1);
	assert_true(interval_of(s, WORKER, STATE_RUNNING, 1)->flags & INTERVAL_MIGRATED);
	assert_sums_hold(s);
}

static void a_filter_cuts_intervals_at_its_edges(void **state)
{
	struct filter filter = { .from_ns = 150, .to_ns = 320 };
	CLEANUP(scene_free) struct scene *s = scene_filtered(&filter);

	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 100, WORKER, ASLEEP, MAIN);
	wakes(s, 250, MAIN, WORKER);
	switches(s, 300, MAIN, PREEMPTED, WORKER);
	ends(s, 400);
	assert_int_equal(time_ns(s, WORKER, STATE_BLOCKED), 100);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNABLE), 50);
	assert_int_equal(time_ns(s, WORKER, STATE_RUNNING), 20);
	assert_int_equal(observed_ns(s, WORKER), 170);
	assert_int_equal(s->waits.rows[0].ns.count, 1);
}

static void a_filter_selects_threads_by_number_process_and_name(void **state)
{
	const u32 tids[] = { WORKER }, pids[] = { 4711 };
	const char *const globs[] = { "w*er" }, *const parts[] = { "ork" }, *const no[] = { "xyz" };
	const struct {
		struct filter filter;
		u64 ns;
	} cases[] = {
		{ { .tids = tids, .tid_count = 1 }, 100 },
		{ { .pids = pids, .pid_count = 1 }, 0 },
		{ { .names = globs, .name_count = 1 }, 100 },
		{ { .names = parts, .name_count = 1 }, 100 },
		{ { .names = no, .name_count = 1 }, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(scene_free) struct scene *s = scene_filtered(&cases[i].filter);

		exists(s, 0, WORKER, LEAVE_RUNNING);
		exists(s, 0, MAIN, ASLEEP);
		ends(s, 100);
		assert_int_equal(observed_ns(s, WORKER), cases[i].ns);
		assert_int_equal(observed_ns(s, MAIN), 0);
	}
}

static void a_stopped_thread_waits_for_something_else(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 100, WORKER, LEAVE_STOPPED, IDLE);
	wakes(s, 200, MAIN, WORKER);
	switches(s, 200, IDLE, PREEMPTED, WORKER);
	ends(s, 300);
	assert_int_equal(interval_of(s, WORKER, STATE_BLOCKED, 0)->wait.kind, WAIT_OTHER);
	assert_int_equal(interval_of(s, WORKER, STATE_BLOCKED, 0)->wait.leave, LEAVE_STOPPED);
	assert_sums_hold(s);
}

static void a_rename_is_told_and_kept(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	named(s, 10, WORKER, "sixteen-bytes-xx");
	named(s, 20, WORKER, "sixteen-bytes-xx");
	ends(s, 30);
	assert_int_equal(s->renamed, 1);
	assert_string_equal(thread_name(s->timeline, thread_of(s, WORKER)), "sixteen-bytes-xx");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_running_thread_runs_from_switch_in_to_switch_out),
		cmocka_unit_test(a_preempted_thread_waits_for_who_took_its_cpu),
		cmocka_unit_test(blocked_time_ends_at_the_wakeup_not_at_the_switch_in),
		cmocka_unit_test(of_two_wakeups_the_first_counts),
		cmocka_unit_test(an_interrupt_is_not_the_interrupted_threads_doing),
		cmocka_unit_test(a_wakeup_before_the_switch_out_ends_the_wait_at_once),
		cmocka_unit_test(a_wakeup_of_an_earlier_run_does_not_end_a_later_wait),
		cmocka_unit_test(a_new_thread_is_runnable_until_it_first_runs),
		cmocka_unit_test(a_thread_ends_with_its_last_switch_out),
		cmocka_unit_test(a_thread_killed_while_blocked_wakes_runs_and_ends),
		cmocka_unit_test(an_exit_of_a_blocked_thread_means_that_it_ran),
		cmocka_unit_test(an_exec_goes_on_under_the_leaders_number),
		cmocka_unit_test(a_number_that_is_used_again_is_another_thread),
		cmocka_unit_test(a_call_knows_how_much_of_it_was_blocked),
		cmocka_unit_test(a_migration_is_a_run_on_another_cpu),
		cmocka_unit_test(a_filter_cuts_intervals_at_its_edges),
		cmocka_unit_test(a_filter_selects_threads_by_number_process_and_name),
		cmocka_unit_test(a_stopped_thread_waits_for_something_else),
		cmocka_unit_test(a_rename_is_told_and_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
