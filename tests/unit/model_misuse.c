// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_misuse - what programs announce against the rules is kept, marked and counted */
#include "tests/unit/helpers_tasks.h"

#define CHILD 300

/* MAIN and WORKER are there before the recording; LATE begins while it lasts. */
enum { LATE = 200 };

static struct play *play_with_late_thread(void)
{
	struct play *p = play_new();

	exists(p->scene, 0, MAIN, LEAVE_SLEEPING);
	exists(p->scene, 0, WORKER, LEAVE_RUNNING);
	forks(p->scene, 10, LATE);
	on_cpu(1);
	switches(p->scene, 20, IDLE, PREEMPTED, LATE);
	on_cpu(0);
	return p;
}

/* A process all of which was recorded runs on CPU 2 from 60 on. */
static void child_runs(struct play *p)
{
	forks_process(p, 50, CHILD);
	on_cpu(2);
	switches(p->scene, 60, IDLE, PREEMPTED, CHILD);
	on_cpu(0);
}

static void child_exits(struct play *p, u64 t)
{
	const struct trace_event e = {
		.time_ns = t,
		.kind = EVENT_EXIT,
		.cpu = 2,
		.exit = { .tid = CHILD, .tgid = CHILD, .last = 1 },
	};

	tells(p->scene, &e);
}

static void assert_misuse(const struct play *p, enum misuse misuse, u64 count)
{
	assert_int_equal(misuses(p, misuse), count);
	assert_int_equal(all_misuses(p), count);
	assert_pairs_hold(p);
}

static void a_region_that_ends_without_a_begin_may_be_older_than_the_recording(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	region_ends(p, 100, WORKER, "older");
	ends(p->scene, 200);
	assert_int_equal(note_of(p, EVENT_REGION_END, 0)->note.how, NOTE_UNSEEN);
	assert_misuse(p, MISUSE_REGION_UNBEGUN, 0);
}

static void but_not_on_a_thread_that_began_later(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	region_ends(p, 100, LATE, "never begun");
	region_ends(p, 110, LATE, "");
	ends(p->scene, 200);
	assert_int_equal(note_of(p, EVENT_REGION_END, 0)->note.misuse, MISUSE_REGION_UNBEGUN);
	assert_misuse(p, MISUSE_REGION_UNBEGUN, 2);
}

static void regions_that_end_in_the_wrong_order_have_their_own_lengths(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	region_begins(p, 100, LATE, "a");
	region_begins(p, 200, LATE, "b");
	region_ends(p, 300, LATE, "a");
	region_ends(p, 400, LATE, "b");
	ends(p->scene, 500);
	assert_int_equal(note_of(p, EVENT_REGION_END, 0)->note.begin_ns, 100);
	assert_int_equal(note_of(p, EVENT_REGION_END, 0)->note.time_ns, 300);
	assert_int_equal(note_of(p, EVENT_REGION_END, 1)->note.begin_ns, 200);
	assert_misuse(p, MISUSE_REGION_ORDER, 1);
}

static void a_region_that_ends_on_another_thread_goes_on(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	region_begins(p, 100, LATE, "a");
	region_ends(p, 200, WORKER, "a");
	region_ends(p, 300, LATE, "a");
	ends(p->scene, 400);
	assert_int_equal(note_of(p, EVENT_REGION_END, 1)->note.begin_ns, 100);
	assert_int_equal(note_of(p, EVENT_REGION_END, 1)->note.misuse, MISUSE_NONE);
	assert_misuse(p, MISUSE_REGION_THREAD, 1);
}

static void a_thread_that_dies_inside_a_region_ends_it(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	region_begins(p, 100, LATE, "a");
	region_begins(p, 150, LATE, "b");
	exits(p->scene, 200, LATE);
	on_cpu(1);
	switches(p->scene, 210, LATE, DEAD, IDLE);
	ends(p->scene, 400);
	assert_int_equal(note_of(p, EVENT_REGION_END, 0)->note.depth, 1);
	assert_int_equal(note_of(p, EVENT_REGION_END, 1)->note.time_ns, 210);
	assert_int_equal(note_of(p, EVENT_REGION_END, 1)->note.how, NOTE_IMPLIED);
	assert_misuse(p, MISUSE_REGION_UNENDED, 2);
}

static void regions_inside_too_many_others_are_told_but_not_followed(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();
	const u64 most = 1024;

	for (u64 i = 0; i < most + 3; i++)
		region_begins(p, 100 + i, WORKER, "deeper");
	for (u64 i = 0; i < most; i++)
		region_ends(p, 5000 + i, WORKER, "deeper");
	ends(p->scene, 9000);
	assert_int_equal(notes_of(p, EVENT_REGION_BEGIN), most + 3);
	assert_misuse(p, MISUSE_REGION_DEPTH, 3);
}

static void a_task_that_ends_twice_has_its_first_end(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	task_begins(p, 100, WORKER, 7, "job");
	task_ends(p, 200, WORKER, 7);
	task_ends(p, 300, WORKER, 7);
	ends(p->scene, 400);
	assert_int_equal(told_task(p, 1)->end_ns, 200);
	assert_misuse(p, MISUSE_TASK_ENDED_TWICE, 1);
}

static void a_number_that_is_begun_again_is_another_task(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	task_begins(p, 100, WORKER, 7, "job");
	task_enters(p, 100, WORKER, 7);
	task_begins(p, 200, WORKER, 7, "job");
	task_ends(p, 300, WORKER, 7);
	ends(p->scene, 400);
	assert_int_equal(told_task(p, 1)->flags & (TASK_ENDED | TASK_DROPPED), TASK_DROPPED);
	assert_int_equal(told_task(p, 1)->end_ns, 200);
	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 1), 100);
	assert_int_equal(told_task(p, 2)->begin_ns, 200);
	assert_int_equal(told_task(p, 2)->end_ns, 300);
	assert_misuse(p, MISUSE_TASK_BEGUN_TWICE, 1);
}

static void a_number_that_ended_may_be_used_again(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	for (u64 i = 0; i < 3; i++) {
		task_begins(p, 100 + 20 * i, WORKER, 7, "job");
		task_ends(p, 110 + 20 * i, WORKER, 7);
	}
	ends(p->scene, 400);
	assert_int_equal(p->task_count, 3);
	assert_int_equal(told_task(p, 3)->begin_ns, 140);
	assert_misuse(p, MISUSE_NONE, 0);
}

static void a_task_that_was_never_begun_is_known_from_when_it_is_spoken_of(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	child_runs(p);
	task_enters(p, 100, CHILD, 77);
	task_ends(p, 300, CHILD, 77);
	ends(p->scene, 400);
	assert_int_equal(told_task(p, 1)->flags & (TASK_ENDED | TASK_UNBEGUN),
			 TASK_ENDED | TASK_UNBEGUN);
	assert_int_equal(told_task(p, 1)->begin_ns, 100);
	assert_int_equal(spent_ns(p, CHILD, STATE_RUNNING, 1), 200);
	/* It was forked by a process that is older than the recording, and may speak of its tasks. */
	assert_misuse(p, MISUSE_TASK_UNBEGUN, 0);
}

static void nobody_works_for_a_task_that_has_ended(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	task_begins(p, 100, WORKER, 7, "job");
	task_ends(p, 200, WORKER, 7);
	task_enters(p, 300, WORKER, 7);
	task_leaves(p, 350, WORKER, 7); /* good manners: no misuse */
	ends(p->scene, 400);
	assert_int_equal(spent_ns(p, WORKER, STATE_RUNNING, 1), 0);
	assert_misuse(p, MISUSE_TASK_OVER, 1);
}

static void a_task_that_was_not_entered_cannot_be_left(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	task_begins(p, 100, LATE, 7, "job");
	task_leaves(p, 150, LATE, 7);
	task_leaves(p, 160, LATE, TASK_NONE);
	task_ends(p, 200, LATE, 7);
	ends(p->scene, 400);
	assert_misuse(p, MISUSE_TASK_UNENTERED, 2);
}

static void tasks_that_are_left_in_the_wrong_order_are_left(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	task_begins(p, 100, LATE, 7, "outer");
	task_begins(p, 100, LATE, 8, "inner");
	task_enters(p, 100, LATE, 7);
	task_enters(p, 200, LATE, 8);
	task_leaves(p, 300, LATE, 7);
	task_leaves(p, 400, LATE, 8);
	ends(p->scene, 500);
	assert_int_equal(spent_ns(p, LATE, STATE_RUNNING, 1), 100);
	assert_int_equal(spent_ns(p, LATE, STATE_RUNNING, 2), 200);
	assert_misuse(p, MISUSE_TASK_LEFT_ORDER, 1);
}

static void a_process_that_ends_leaves_its_tasks_undone(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	child_runs(p);
	task_begins(p, 100, CHILD, 7, "job");
	task_enters(p, 100, CHILD, 7);
	on_cpu(2);
	child_exits(p, 200);
	switches(p->scene, 210, CHILD, DEAD, IDLE);
	ends(p->scene, 400);
	assert_int_equal(told_task(p, 1)->flags & (TASK_ENDED | TASK_DROPPED), TASK_DROPPED);
	assert_int_equal(told_task(p, 1)->end_ns, 210);
	assert_misuse(p, MISUSE_TASK_UNENDED, 1);
}

static void another_program_knows_nothing_of_the_tasks_before(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	child_runs(p);
	task_begins(p, 100, CHILD, 7, "job");
	task_enters(p, 100, CHILD, 7);
	region_begins(p, 120, CHILD, "a");
	on_cpu(2);
	execs(p->scene, 200, CHILD, CHILD);
	on_cpu(0);
	task_begins(p, 300, CHILD, 7, "the same number");
	task_ends(p, 350, CHILD, 7);
	ends(p->scene, 400);
	assert_int_equal(misuses(p, MISUSE_TASK_UNENDED), 1);
	assert_int_equal(misuses(p, MISUSE_REGION_UNENDED), 1);
	assert_int_equal(all_misuses(p), 2);
	assert_int_equal(told_task(p, 1)->end_ns, 200);
	assert_int_equal(told_task(p, 2)->end_ns, 350);
	assert_pairs_hold(p);
}

static void a_child_speaks_of_its_parents_tasks(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();

	task_begins(p, 40, WORKER, 7, "parent's");
	child_runs(p);
	task_enters(p, 100, CHILD, 7);
	task_begins(p, 150, CHILD, 8, "child's");
	task_ends(p, 160, CHILD, 8);
	task_ends(p, 200, CHILD, 7);
	ends(p->scene, 400);
	assert_int_equal(p->task_count, 2);
	assert_int_equal(spent_ns(p, CHILD, STATE_RUNNING, 1), 100);
	assert_misuse(p, MISUSE_NONE, 0);
}

static void a_child_ends_the_regions_that_it_was_forked_in(void **state)
{
	CLEANUP(play_free) struct play *p = play_new();

	exists(p->scene, 0, MAIN, LEAVE_RUNNING);
	task_begins(p, 10, MAIN, 7, "job");
	task_enters(p, 10, MAIN, 7);
	region_begins(p, 20, MAIN, "outer");
	region_begins(p, 30, MAIN, "inner");
	child_runs(p);
	region_ends(p, 100, CHILD, "inner");
	region_ends(p, 110, CHILD, "outer");
	task_leaves(p, 115, CHILD, 7);
	assert_int_equal(all_misuses(p), 0);
	region_ends(p, 120, CHILD, "none");
	region_ends(p, 130, MAIN, "inner");
	region_ends(p, 140, MAIN, "outer");
	ends(p->scene, 400);
	assert_misuse(p, MISUSE_REGION_UNBEGUN, 1);
}

static void processes_may_use_the_same_numbers(void **state)
{
	CLEANUP(play_free) struct play *p = play_new();

	exists(p->scene, 0, WORKER, LEAVE_RUNNING);
	child_runs(p);
	task_begins(p, 100, WORKER, 7, "first");
	task_begins(p, 110, CHILD, 7, "second");
	task_ends(p, 200, WORKER, 7);
	task_ends(p, 300, CHILD, 7);
	ends(p->scene, 400);
	assert_int_equal(told_task(p, 1)->end_ns, 200);
	assert_int_equal(told_task(p, 2)->end_ns, 300);
	assert_misuse(p, MISUSE_NONE, 0);
}

static void odd_texts_are_counted_once_each(void **state)
{
	CLEANUP(play_free) struct play *p = play_with_late_thread();
	static const u16 flags[] = { ANNOTATION_CUT_NAME, ANNOTATION_CUT_TEXT, ANNOTATION_BAD_NAME,
				     ANNOTATION_BAD_TEXT, ANNOTATION_NOT_UTF8 };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		announces(p, 100 + i, WORKER,
			  &(struct trace_annotation){ .flags = flags[i], .name = "", .text = "x" },
			  EVENT_LOG);
	ends(p->scene, 200);
	assert_int_equal(misuses(p, MISUSE_NAME_CUT), 2);
	assert_int_equal(misuses(p, MISUSE_NAME_UNREADABLE), 2);
	assert_int_equal(misuses(p, MISUSE_NAME_NOT_UTF8), 1);
	assert_int_equal(notes_of(p, EVENT_LOG), 5);
}

static void no_announcement_without_sense_does_harm(void **state)
{
	static const u16 kinds[] = { EVENT_TASK_BEGIN, EVENT_TASK_END,     EVENT_TASK_ENTER,
				     EVENT_TASK_LEAVE, EVENT_REGION_BEGIN, EVENT_REGION_END,
				     EVENT_LOG,        EVENT_COUNTER,      EVENT_LINK,
				     EVENT_SNAPSHOT };
	static const u64 numbers[] = { TASK_NONE, TASK_EARLIER, 2, 3, UINT64_MAX };
	static const char *const names[] = { "", "a", "b" };
	CLEANUP(play_free) struct play *p = play_with_late_thread();
	u64 seed = 12345, at = 1000;

	child_runs(p);
	for (int i = 0; i < 5000; i++) {
		static const u32 tids[] = { WORKER, LATE, CHILD };
		struct trace_annotation a;
		u32 who;

		seed = hash_u64(seed + 1);
		who = tids[seed % 3];
		a = (struct trace_annotation){
			.task = numbers[(seed >> 8) % 5],
			.value = numbers[(seed >> 16) % 5],
			.name = names[(seed >> 24) % 3],
			.text = "text",
		};
		on_cpu(who == WORKER ? 0 : who == LATE ? 1 : 2);
		announces(p, at += seed >> 60, who, &a, kinds[(seed >> 32) % ARRAY_SIZE(kinds)]);
		if (!(seed >> 40 & 63)) {
			switches(p->scene, at += 10, who, ASLEEP, IDLE);
			wakes(p->scene, at += 10, MAIN, who);
			switches(p->scene, at += 10, IDLE, PREEMPTED, who);
		}
	}
	ends(p->scene, at + 100);
	assert_true(all_misuses(p) > 100);
	assert_pairs_hold(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_region_that_ends_without_a_begin_may_be_older_than_the_recording),
		cmocka_unit_test(but_not_on_a_thread_that_began_later),
		cmocka_unit_test(regions_that_end_in_the_wrong_order_have_their_own_lengths),
		cmocka_unit_test(a_region_that_ends_on_another_thread_goes_on),
		cmocka_unit_test(a_thread_that_dies_inside_a_region_ends_it),
		cmocka_unit_test(regions_inside_too_many_others_are_told_but_not_followed),
		cmocka_unit_test(a_task_that_ends_twice_has_its_first_end),
		cmocka_unit_test(a_number_that_is_begun_again_is_another_task),
		cmocka_unit_test(a_number_that_ended_may_be_used_again),
		cmocka_unit_test(a_task_that_was_never_begun_is_known_from_when_it_is_spoken_of),
		cmocka_unit_test(nobody_works_for_a_task_that_has_ended),
		cmocka_unit_test(a_task_that_was_not_entered_cannot_be_left),
		cmocka_unit_test(tasks_that_are_left_in_the_wrong_order_are_left),
		cmocka_unit_test(a_process_that_ends_leaves_its_tasks_undone),
		cmocka_unit_test(another_program_knows_nothing_of_the_tasks_before),
		cmocka_unit_test(a_child_speaks_of_its_parents_tasks),
		cmocka_unit_test(a_child_ends_the_regions_that_it_was_forked_in),
		cmocka_unit_test(processes_may_use_the_same_numbers),
		cmocka_unit_test(odd_texts_are_counted_once_each),
		cmocka_unit_test(no_announcement_without_sense_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
