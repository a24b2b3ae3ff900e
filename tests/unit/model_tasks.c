// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_tasks - tasks, who works for them, regions and logs, of programs that keep the rules */
#include "tests/unit/helpers_tasks.h"

/* WORKER runs from 0 on; a process that began while nobody recorded. */
static struct play *play_with_worker(void)
{
	struct play *p = play_new();

	exists(p->scene, 0, MAIN, LEAVE_SLEEPING);
	exists(p->scene, 0, WORKER, LEAVE_RUNNING);
	return p;
}

static void a_task_has_the_time_of_the_thread_that_entered_it(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_worker();

	task_begins(p, 100, WORKER, 7, "checkout");
	task_enters(p, 110, WORKER, 7);
	switches(p->scene, 200, WORKER, ASLEEP, IDLE);
	wakes(p->scene, 500, OTHER, WORKER);
	switches(p->scene, 550, IDLE, PREEMPTED, WORKER);
	task_leaves(p, 600, WORKER, 7);
	task_ends(p, 700, WORKER, 7);
	ends(p->scene, 1000);

	assert_int_equal(p->task_count, 1);
	assert_string_equal(name_of_task(p, told_task(p, 1)), "checkout");
	assert_int_equal(told_task(p, 1)->flags & (TASK_ENDED | TASK_UNBEGUN), TASK_ENDED);
	assert_int_equal(told_task(p, 1)->begin_ns, 100);
	assert_int_equal(told_task(p, 1)->end_ns, 700);
	assert_int_equal(told_task(p, 1)->attended_ns, 490);
	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 1), 140);
	assert_int_equal(spent_ns(p, WORKER, STATE_BLOCKED, 1), 300);
	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNABLE, 1), 50);
	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 0), 510);
	assert_int_equal(all_misuses(p), 0);
	assert_pairs_hold(p);
}

static void two_threads_work_for_one_task_and_its_time_is_attended_once(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_worker();

	exists(p->scene, 0, OTHER, PREEMPTED);
	task_begins(p, 100, WORKER, 7, "job");
	task_enters(p, 100, WORKER, 7);
	on_cpu(1);
	switches(p->scene, 150, IDLE, PREEMPTED, OTHER);
	task_enters(p, 200, OTHER, 7);
	on_cpu(0);
	task_leaves(p, 300, WORKER, 7);
	task_ends(p, 500, OTHER, 7);
	ends(p->scene, 600);

	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 1), 200);
	assert_int_equal(spent_ns(p, OTHER, STATE_RUNNING, 1), 300);
	assert_int_equal(told_task(p, 1)->attended_ns, 400);
	assert_int_equal(note_of(p, EVENT_TASK_LEAVE, 1)->note.how, NOTE_IMPLIED);
	assert_ptr_equal(note_of(p, EVENT_TASK_LEAVE, 1)->note.thread, thread_of(p->scene, OTHER));
	assert_int_equal(all_misuses(p), 0);
	assert_pairs_hold(p);
}

static void entering_another_task_suspends_the_first(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_worker();

	task_begins(p, 0, WORKER, 7, "outer");
	task_enters(p, 100, WORKER, 7);
	task_begins_in(p, 150, WORKER, 8, 7, "inner");
	task_enters(p, 200, WORKER, 8);
	task_leaves(p, 500, WORKER, TASK_NONE);
	task_ends(p, 500, WORKER, 8);
	task_leaves(p, 600, WORKER, TASK_NONE);
	task_ends(p, 700, WORKER, 7);
	ends(p->scene, 800);

	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 1), 200);
	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 2), 300);
	assert_int_equal(told_task(p, 2)->parent, 1);
	assert_int_equal(told_task(p, 1)->parent, 0);
	assert_int_equal(all_misuses(p), 0);
	assert_pairs_hold(p);
}

static void a_wait_that_outlasts_its_task_is_for_none_from_the_end_on(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_worker();

	exists(p->scene, 0, OTHER, PREEMPTED);
	task_begins(p, 100, WORKER, 7, "job");
	task_enters(p, 100, WORKER, 7);
	switches(p->scene, 200, WORKER, ASLEEP, OTHER);
	task_ends(p, 300, OTHER, 7);
	assert_int_equal(p->task_count, 0); /* the wait is not told yet */
	wakes(p->scene, 900, OTHER, WORKER);
	switches(p->scene, 900, OTHER, PREEMPTED, WORKER);
	assert_int_equal(p->task_count, 1);
	ends(p->scene, 1000);

	assert_int_equal(spent_ns(p, WORKER, STATE_BLOCKED, 1), 100);
	assert_int_equal(spent_ns(p, WORKER, STATE_BLOCKED, 0), 600);
	assert_int_equal(all_misuses(p), 0);
	assert_pairs_hold(p);
}

static void a_task_that_goes_on_is_told_at_the_end_of_the_recording(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_worker();

	task_begins(p, 100, WORKER, 7, "job");
	task_enters(p, 100, WORKER, 7);
	region_begins(p, 200, WORKER, "step");
	ends(p->scene, 400);

	assert_false(task_is_over(told_task(p, 1)));
	assert_int_equal(told_task(p, 1)->end_ns, 400);
	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 1), 300);
	assert_int_equal(note_of(p, EVENT_REGION_END, 0)->note.how, NOTE_IMPLIED | NOTE_UNFINISHED);
	assert_int_equal(all_misuses(p), 0);
	assert_pairs_hold(p);
}

static void ends_of_tasks_begun_before_the_recording_are_counted_together(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_worker();

	task_ends(p, 100, WORKER, TASK_EARLIER);
	task_enters(p, 200, WORKER, TASK_EARLIER);
	task_leaves(p, 300, WORKER, TASK_EARLIER);
	task_ends(p, 400, WORKER, TASK_EARLIER);
	ends(p->scene, 500);

	assert_int_equal(p->task_count, 1);
	assert_int_equal(told_task(p, 1)->flags & (TASK_BEFORE | TASK_ENDED), TASK_BEFORE);
	assert_int_equal(told_task(p, 1)->ends, 2);
	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 1), 100);
	assert_int_equal(all_misuses(p), 0);
	assert_pairs_hold(p);
}

static void regions_nest_and_belong_to_the_task_that_the_thread_works_for(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_worker();
	const struct told_note *inner, *outer;

	task_begins(p, 50, WORKER, 7, "job");
	region_begins(p, 100, WORKER, "outer");
	task_enters(p, 150, WORKER, 7);
	region_begins(p, 200, WORKER, "inner");
	region_ends(p, 300, WORKER, "inner");
	task_leaves(p, 350, WORKER, 7);
	region_ends(p, 400, WORKER, "");
	task_ends(p, 450, WORKER, 7);
	ends(p->scene, 500);

	inner = note_of(p, EVENT_REGION_END, 0);
	outer = note_of(p, EVENT_REGION_END, 1);
	assert_int_equal(inner->task, 1);
	assert_int_equal(inner->note.depth, 1);
	assert_int_equal(inner->note.begin_ns, 200);
	assert_int_equal(outer->task, 0);
	assert_int_equal(outer->note.depth, 0);
	assert_int_equal(outer->note.begin_ns, 100);
	assert_int_equal(outer->note.name, note_of(p, EVENT_REGION_BEGIN, 0)->note.name);
	assert_int_equal(all_misuses(p), 0);
	assert_pairs_hold(p);
}

static void a_log_belongs_to_its_task_or_to_that_of_its_thread(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_worker();

	task_begins(p, 100, WORKER, 7, "job");
	task_begins(p, 100, WORKER, 8, "job");
	logs(p, 110, WORKER, TASK_NONE, "", "none");
	task_enters(p, 120, WORKER, 7);
	logs(p, 130, WORKER, TASK_NONE, "db", "first");
	logs(p, 140, WORKER, 8, "db", "second");
	ends(p->scene, 200);

	assert_int_equal(note_of(p, EVENT_LOG, 0)->task, 0);
	assert_int_equal(note_of(p, EVENT_LOG, 1)->task, 1);
	assert_int_equal(note_of(p, EVENT_LOG, 2)->task, 2);
	assert_string_equal(note_of(p, EVENT_LOG, 2)->text, "second");
	assert_int_equal(all_misuses(p), 0);
	assert_pairs_hold(p);
}

static void a_million_tasks_need_no_more_memory_than_some(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_worker();

	for (u64 i = 2; i < 3 * TASKS_OVER_MAX; i++) {
		task_begins(p, i * 10, WORKER, i, "job");
		task_ends(p, i * 10 + 5, WORKER, i);
	}
	assert_int_equal(p->task_count, 3 * TASKS_OVER_MAX - 2);
	/* Its end is no more known than its begin is: the process is older than the recording. */
	task_ends(p, 1 << 20, WORKER, 2);
	assert_int_equal(misuses(p, MISUSE_TASK_ENDED_TWICE), 0);
	task_ends(p, 1 << 20, WORKER, 3 * TASKS_OVER_MAX - 1);
	assert_int_equal(misuses(p, MISUSE_TASK_ENDED_TWICE), 1);
	ends(p->scene, 1 << 20);
}

static void restate(struct play *p, u64 t, u16 kind, u64 task, const char *name)
{
	announces(
		p, t, WORKER,
		&(struct trace_annotation){
			.flags = ANNOTATION_RESTATED, .task = task, .since_ns = 50, .name = name },
		kind);
}

static void what_is_told_again_counts_where_the_trace_begins_or_was_unreadable(void **state)
{
	CLEANUP(play_free) struct play *p = play_new();

	restates(p->scene, 100, WORKER, LEAVE_RUNNING);
	restate(p, 100, EVENT_TASK_BEGIN, 7, "job");
	restate(p, 100, EVENT_TASK_ENTER, 7, "");
	restate(p, 100, EVENT_REGION_BEGIN, 0, "step");
	region_ends(p, 200, WORKER, "step");
	restate(p, 300, EVENT_TASK_BEGIN, 8, "not known");
	restate(p, 300, EVENT_REGION_BEGIN, 0, "not known");
	task_ends(p, 400, WORKER, 7);
	unreadable(p->scene, 500, 450, 500);
	restates(p->scene, 500, WORKER, LEAVE_RUNNING);
	restate(p, 500, EVENT_TASK_BEGIN, 9, "job");
	task_ends(p, 600, WORKER, 9);
	ends(p->scene, 700);

	assert_int_equal(p->task_count, 2);
	assert_int_equal(told_task(p, 1)->begin_ns, 50);
	assert_int_equal(told_task(p, 1)->end_ns, 400);
	assert_int_equal(told_task(p, 2)->begin_ns, 50);
	assert_int_equal(note_of(p, EVENT_REGION_END, 0)->note.begin_ns, 50);
	assert_int_equal(notes_of(p, EVENT_REGION_BEGIN), 1);
	assert_int_equal(all_misuses(p), 0);
}

static void tasks_filter_by_name_and_by_id(void **state)
{
	static const char *const names[] = { "check", "3" };
	CLEANUP(play_free)
	struct play *p = play_filtered(&(struct filter){ .tasks = names, .task_count = 2 });

	exists(p->scene, 0, WORKER, LEAVE_RUNNING);
	task_begins(p, 100, WORKER, 7, "checkout");
	task_begins(p, 100, WORKER, 8, "other");
	task_begins(p, 100, WORKER, 9, "other");
	for (u64 i = 0; i < 3; i++) {
		task_enters(p, 200 + 100 * i, WORKER, 7 + i);
		task_ends(p, 300 + 100 * i, WORKER, 7 + i);
	}
	ends(p->scene, 1000);

	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 1), 100);
	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 2), 0);
	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 3), 100);
	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 0), 0);
	assert_int_equal(time_ns(p->scene, WORKER, STATE_RUNNING), 200);
	assert_false(p->tasks[0].aside);
	assert_true(p->tasks[1].aside);
	assert_false(p->tasks[2].aside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_has_the_time_of_the_thread_that_entered_it),
		cmocka_unit_test(two_threads_work_for_one_task_and_its_time_is_attended_once),
		cmocka_unit_test(entering_another_task_suspends_the_first),
		cmocka_unit_test(a_wait_that_outlasts_its_task_is_for_none_from_the_end_on),
		cmocka_unit_test(a_task_that_goes_on_is_told_at_the_end_of_the_recording),
		cmocka_unit_test(ends_of_tasks_begun_before_the_recording_are_counted_together),
		cmocka_unit_test(regions_nest_and_belong_to_the_task_that_the_thread_works_for),
		cmocka_unit_test(a_log_belongs_to_its_task_or_to_that_of_its_thread),
		cmocka_unit_test(a_million_tasks_need_no_more_memory_than_some),
		cmocka_unit_test(
			what_is_told_again_counts_where_the_trace_begins_or_was_unreadable),
		cmocka_unit_test(tasks_filter_by_name_and_by_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
