// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_instances - tasks by name, single ones, regions and logs, as the reports take them */
#include "user/model/instances.h"
#include "user/model/logs.h"
#include "user/model/regions.h"
#include "user/model/tasks.h"

#include "tests/unit/helpers_tasks.h"

/* Three checkouts of 100, 300 and 200 with a wait of half of that, and one that goes on. */
static void three_checkouts(struct play *p)
{
	exists(p->scene, 0, MAIN, LEAVE_SLEEPING);
	exists(p->scene, 0, WORKER, LEAVE_RUNNING);
	for (u64 i = 1; i <= 3; i++) {
		u64 at = i * 1000, length = i == 1 ? 100 : i == 2 ? 300 : 200;

		task_begins(p, at, WORKER, i + 1, "checkout");
		task_enters(p, at, WORKER, i + 1);
		region_begins(p, at, WORKER, "save");
		logs(p, at + 10, WORKER, TASK_NONE, "db", i == 3 ? "slow query" : "query");
		blocks(p->scene, at + length / 4, WORKER, WAIT_DISK, 74, 0, IDLE);
		wakes(p->scene, at + length * 3 / 4, OTHER, WORKER);
		switches(p->scene, at + length * 3 / 4, IDLE, PREEMPTED, WORKER);
		region_ends(p, at + length, WORKER, "save");
		task_ends(p, at + length, WORKER, i + 1);
	}
	task_begins(p, 5000, WORKER, 9, "checkout");
	ends(p->scene, 6000);
}

static struct tasks all_tasks(struct play *p, const struct tasks_query *query)
{
	struct tasks tasks = { 0 };

	assert_int_equal(tasks_begin(&tasks, p->timeline, query), 0);
	return tasks;
}

static void attach(struct play *p, struct sink sink)
{
	assert_int_equal(timeline_attach(p->timeline, &sink), 0);
}

static void tasks_add_up_by_name(void **state)
{
	CLEANUP(play_free) struct play *p = play_new();
	struct tasks tasks = all_tasks(p, &(struct tasks_query){ 0 });
	const struct tasks_row *row;

	attach(p, tasks_sink(&tasks));
	three_checkouts(p);
	tasks_sort(&tasks);
	assert_int_equal(tasks.count, 1);
	row = &tasks.rows[0];
	assert_string_equal(tasks_row_name(&tasks, row), "checkout");
	assert_int_equal(row->count, 4);
	assert_int_equal(row->incomplete, 1);
	assert_int_equal(row->latency.count, 3);
	assert_int_equal(row->latency.total, 600);
	assert_int_equal(row->latency.most, 300);
	assert_int_equal(row->attended_ns, 600);
	assert_int_equal(row->times.execution.ns, 300);
	assert_int_equal(row->times.waits[WAIT_DISK].ns, 300);
	assert_int_equal(row->times.observed_ns, 600);
	assert_int_equal(row->regions, 3);
	assert_int_equal(row->logs, 3);
	assert_int_equal(row->slowest.id, 2);
	assert_int_equal(row->slowest.spent.waits_ns[WAIT_DISK], 150);
	assert_int_equal(tasks.open.count, 0);
	tasks_free_all(&tasks);
}

static void the_slowest_are_kept_in_order_and_the_others_counted(void **state)
{
	CLEANUP(play_free) struct play *p = play_new();
	struct tasks tasks = all_tasks(p, &(struct tasks_query){ .slowest = 2, .longer_ns = 100 });

	attach(p, tasks_sink(&tasks));
	three_checkouts(p);
	assert_int_equal(tasks.matching, 4);
	assert_int_equal(tasks.slowest_count, 2);
	assert_int_equal(tasks.slowest[0].id, 4); /* it goes on: a thousand so far */
	assert_int_equal(tasks.slowest[1].id, 2);
	tasks_free_all(&tasks);
}

static void tasks_are_found_by_what_they_logged(void **state)
{
	CLEANUP(play_free) struct play *p = play_new();
	struct tasks tasks = all_tasks(p, &(struct tasks_query){ .slowest = 5, .log = "slow" });

	attach(p, tasks_sink(&tasks));
	three_checkouts(p);
	assert_int_equal(tasks.matching, 1);
	assert_int_equal(tasks.slowest[0].id, 3);
	tasks_free_all(&tasks);
}

static void an_instance_has_its_moments_in_order(void **state)
{
	struct play *second = play_new();
	struct instances instances = { .timeline = second->timeline };
	const struct tasks_instance asked = { .id = 2, .begin_ns = 2000, .end_ns = 2300 };
	const struct instance *instance;

	assert_int_equal(instances_begin(&instances, &asked, 1), 0);
	attach(second, instances_sink(&instances));
	three_checkouts(second);
	instances_finish(&instances);
	instance = &instances.list[0];
	assert_int_equal(instance->count, 5);
	assert_int_equal(instance->moments[0].kind, MOMENT_ENTER);
	assert_int_equal(instance->moments[0].end_ns, 2300);
	assert_int_equal(instance->moments[1].kind, MOMENT_REGION);
	assert_int_equal(instance->moments[1].end_ns, 2300);
	assert_false(instance->moments[1].open);
	assert_int_equal(instance->moments[2].kind, MOMENT_LOG);
	assert_string_equal(instance->moments[2].text, "query");
	assert_int_equal(instance_depth(instance, 2), 1);
	assert_int_equal(instance->moments[3].kind, MOMENT_WAIT);
	assert_int_equal(instance->moments[3].wait, WAIT_DISK);
	assert_int_equal(instance->moments[3].time_ns, 2075);
	assert_int_equal(instance->moments[3].end_ns, 2225);
	assert_int_equal(instance->moments[4].kind, MOMENT_SCHED);
	instances.timeline = NULL; /* the play's own */
	instances_free(&instances);
	play_free(second);
}

static void a_task_with_very_many_waits_keeps_the_longest(void **state)
{
	struct play *p = play_new();
	struct instances instances = { .timeline = p->timeline };
	const struct tasks_instance asked = { .id = 1 };
	const struct instance *instance;
	u64 at = 1000, longest = 0;

	assert_int_equal(instances_begin(&instances, &asked, 1), 0);
	attach(p, instances_sink(&instances));
	exists(p->scene, 0, WORKER, LEAVE_RUNNING);
	task_begins(p, 100, WORKER, 7, "job");
	task_enters(p, 100, WORKER, 7);
	for (u64 i = 0; i < 3 * MOMENTS_MAX; i++) {
		u64 length = i % 100 == 50 ? 500 : 3;

		switches(p->scene, at, WORKER, ASLEEP, IDLE);
		wakes(p->scene, at + length, OTHER, WORKER);
		switches(p->scene, at + length, IDLE, PREEMPTED, WORKER);
		at += 1000;
	}
	ends(p->scene, at);
	instances_finish(&instances);
	instance = &instances.list[0];
	assert_true(instance->count <= MOMENTS_MAX);
	for (u32 i = 0; i < instance->count; i++)
		longest += instance->moments[i].end_ns - instance->moments[i].time_ns == 500;
	assert_int_equal(longest, (3 * MOMENTS_MAX + 49) / 100);
	/* A wait and a scheduler wait of no length each, and that the thread works for it */
	assert_int_equal(instance->count + instance->left_out, 1 + 2 * 3 * MOMENTS_MAX);
	instances.timeline = NULL;
	instances_free(&instances);
	play_free(p);
}

static void regions_add_up_by_name_with_what_their_threads_did(void **state)
{
	CLEANUP(play_free) struct play *p = play_new();
	struct regions regions = { .timeline = p->timeline };
	const struct regions_row *outer, *inner;

	attach(p, regions_sink(&regions));
	exists(p->scene, 0, WORKER, LEAVE_RUNNING);
	region_begins(p, 100, WORKER, "outer");
	region_begins(p, 200, WORKER, "inner");
	blocks(p->scene, 250, WORKER, WAIT_DISK, 74, 0, IDLE);
	wakes(p->scene, 350, OTHER, WORKER);
	switches(p->scene, 360, IDLE, PREEMPTED, WORKER);
	region_ends(p, 400, WORKER, "inner");
	region_begins(p, 400, WORKER, "inner");
	region_ends(p, 450, WORKER, "inner");
	region_ends(p, 600, WORKER, "outer");
	region_begins(p, 700, WORKER, "open");
	ends(p->scene, 800);
	assert_int_equal(regions_finish(&regions), 0);
	assert_int_equal(regions.count, 3);
	outer = &regions.rows[0];
	inner = &regions.rows[1];
	assert_string_equal(regions_row_name(&regions, outer), "outer");
	assert_int_equal(outer->latency.total, 500);
	assert_int_equal(outer->self_ns, 250);
	assert_int_equal(outer->spent.execution_ns, 390);
	assert_int_equal(outer->spent.scheduler_wait_ns, 10);
	assert_int_equal(outer->spent.waits_ns[WAIT_DISK], 100);
	assert_int_equal(inner->count, 2);
	assert_int_equal(inner->latency.most, 200);
	assert_int_equal(inner->begin_ns, 200);
	assert_int_equal(inner->self_ns, 250);
	assert_int_equal(spent_sum(&inner->spent), 250);
	assert_int_equal(regions.rows[2].incomplete, 1);
	assert_int_equal(regions.rows[2].latency.count, 0);
	regions_free(&regions);
}

static void many_regions_in_one_run_are_as_exact_as_few(void **state)
{
	CLEANUP(play_free) struct play *p = play_new();
	struct regions regions = { .timeline = p->timeline };
	const u64 count = 3 * REGIONS_PENDING_MAX;

	attach(p, regions_sink(&regions));
	exists(p->scene, 0, WORKER, LEAVE_RUNNING);
	for (u64 i = 0; i < count; i++) {
		region_begins(p, 1000 + 10 * i, WORKER, "step");
		region_ends(p, 1007 + 10 * i, WORKER, "step");
	}
	ends(p->scene, 2000 + 10 * count);
	assert_int_equal(regions_finish(&regions), 0);
	assert_int_equal(regions.rows[0].count, count);
	assert_int_equal(regions.rows[0].latency.total, 7 * count);
	assert_int_equal(regions.rows[0].spent.execution_ns, 7 * count);
	regions_free(&regions);
}

static void regions_are_chosen_by_their_name(void **state)
{
	static const char *const names[] = { "sav" };
	CLEANUP(play_free) struct play *p = play_new();
	struct regions regions = { .timeline = p->timeline, .names = names, .name_count = 1 };

	attach(p, regions_sink(&regions));
	three_checkouts(p);
	assert_int_equal(regions_finish(&regions), 0);
	assert_int_equal(regions.count, 1);
	assert_int_equal(regions.rows[0].count, 3);
	assert_int_equal(regions.rows[0].task, 2);
	regions_free(&regions);
}

static void logs_are_chosen_by_text_and_category(void **state)
{
	CLEANUP(play_free) struct play *p = play_new();
	struct logs slow = { .timeline = p->timeline, .text = "slow" };
	struct logs first = { .timeline = p->timeline, .category = "d?", .most = 2 };

	attach(p, logs_sink(&slow));
	attach(p, logs_sink(&first));
	three_checkouts(p);
	assert_int_equal(slow.count, 1);
	assert_string_equal(slow.rows[0].text, "slow query");
	assert_int_equal(slow.rows[0].task, 3);
	assert_int_equal(slow.rows[0].time_ns, 3010);
	assert_int_equal(first.count, 2);
	assert_int_equal(first.total, 3);
	logs_free(&slow);
	logs_free(&first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_add_up_by_name),
		cmocka_unit_test(the_slowest_are_kept_in_order_and_the_others_counted),
		cmocka_unit_test(tasks_are_found_by_what_they_logged),
		cmocka_unit_test(an_instance_has_its_moments_in_order),
		cmocka_unit_test(a_task_with_very_many_waits_keeps_the_longest),
		cmocka_unit_test(regions_add_up_by_name_with_what_their_threads_did),
		cmocka_unit_test(many_regions_in_one_run_are_as_exact_as_few),
		cmocka_unit_test(regions_are_chosen_by_their_name),
		cmocka_unit_test(logs_are_chosen_by_text_and_category),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
