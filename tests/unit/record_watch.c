// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* record_watch - which events meet which triggers, and when */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "tests/unit/unit.h"
#include "user/record/watch.h"

#define MS    NSEC_PER_MSEC
#define START (1000 * NSEC_PER_SEC)
#define MET   256

struct scene {
	struct trigger triggers[8];
	size_t count;
	struct watch *watch;
	struct cause met[MET];
	u32 met_count;
};

static void on_met(void *ctx, const struct cause *cause)
{
	struct scene *scene = ctx;

	if (scene->met_count < MET)
		scene->met[scene->met_count] = *cause;
	scene->met_count++;
}

static void thread(struct scene *s, u32 tid, u8 state)
{
	struct event_thread is = {
		.tid = tid, .tgid = 100, .state = state, .syscall = SYSCALL_NONE, .comm = "worker"
	};
	struct trace_event event = { .time_ns = START, .kind = EVENT_THREAD, .thread = &is };

	watch_event(s->watch, &event);
}

static struct scene *watching_for(u64 running_ns, const char *first, const char *second)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct watch_options options = {
		.triggers = s->triggers, .running_ns = running_ns, .met = on_met, .ctx = s
	};
	struct err err = { 0 };

	assert_int_equal(trigger_parse(&s->triggers[s->count++], first, &err), 0);
	if (second)
		assert_int_equal(trigger_parse(&s->triggers[s->count++], second, &err), 0);
	options.count = s->count;
	assert_int_equal(watch_new(&s->watch, &options, &err), 0);
	thread(s, 101, LEAVE_RUNNING);
	thread(s, 102, LEAVE_RUNNING);
	return s;
}

static struct scene *watching(const char *first, const char *second)
{
	return watching_for(0, first, second);
}

static void done(struct scene *s)
{
	watch_free(s->watch);
	free(s);
}

static void until(struct scene *s, u64 ms)
{
	watch_time(s->watch, START + ms * MS, 0, 0);
}

static void leaves(struct scene *s, u64 ms, u16 cpu, u32 tid, u8 state, u8 kind, u16 call)
{
	struct trace_event event = { .time_ns = START + ms * MS, .cpu = cpu, .kind = EVENT_SWITCH };

	event.sw = (struct event_switch){
		.prev_tid = tid, .prev_state = state, .wait_kind = kind, .syscall = call
	};
	watch_event(s->watch, &event);
}

static void comes(struct scene *s, u64 ms, u16 cpu, u32 tid)
{
	struct trace_event event = { .time_ns = START + ms * MS,
				     .cpu = cpu,
				     .kind = EVENT_SWITCH,
				     .sw = { .next_tid = tid } };

	watch_event(s->watch, &event);
}

static void wakes(struct scene *s, u64 ms, u16 cpu, u32 tid)
{
	struct trace_event event = { .time_ns = START + ms * MS,
				     .cpu = cpu,
				     .kind = EVENT_WAKING,
				     .waking = { .tid = tid } };

	watch_event(s->watch, &event);
}

static void call_ends(struct scene *s, u64 ms, u32 tid, u16 call, u64 lasted_ms)
{
	struct trace_event event = { .time_ns = START + ms * MS, .kind = EVENT_SYSCALL };

	event.syscall = (struct trace_syscall){ .tid = tid,
						.syscall = call,
						.duration_ns = lasted_ms * MS };
	watch_event(s->watch, &event);
}

static void announces(struct scene *s, u64 ms, u16 cpu, u16 kind, u32 tid, u64 task,
		      const char *name)
{
	struct trace_event event = { .time_ns = START + ms * MS, .cpu = cpu, .kind = kind };

	event.annotation = (struct trace_annotation){
		.tid = tid, .task = task, .name = name, .text = "a text"
	};
	if (kind == EVENT_SNAPSHOT)
		event.annotation.text = name;
	watch_event(s->watch, &event);
}

static void one_met(struct scene *s, u64 from_ms, u64 to_ms, bool running)
{
	assert_int_equal(s->met_count, 1);
	assert_int_equal(s->met[0].begin_ns, START + from_ms * MS);
	assert_int_equal(s->met[0].duration_ns, (to_ms - from_ms) * MS);
	assert_int_equal(s->met[0].time_ns, START + to_ms * MS);
	assert_int_equal(s->met[0].running, running);
}

static void a_long_wait_is_met_and_a_short_one_is_not(void **state)
{
	struct scene *s = watching("wait:sync>100ms", NULL);

	leaves(s, 10, 0, 101, LEAVE_SLEEPING, WAIT_SYNC, SYS_futex);
	wakes(s, 110, 0, 101); /* exactly: not more */
	comes(s, 120, 0, 101);
	leaves(s, 130, 0, 101, LEAVE_SLEEPING, WAIT_NETWORK, SYS_read);
	wakes(s, 930, 0, 101);
	comes(s, 940, 0, 101);
	until(s, 950);
	assert_int_equal(s->met_count, 0);
	leaves(s, 1000, 0, 101, LEAVE_SLEEPING, WAIT_SYNC, SYS_futex);
	wakes(s, 1101, 0, 101);
	until(s, 1110);
	one_met(s, 1000, 1101, false);
	assert_int_equal(s->met[0].tid, 101);
	assert_int_equal(s->met[0].tgid, 100);
	assert_string_equal(s->met[0].thread, "worker");
	assert_string_equal(s->met[0].what, "wait sync in futex");
	assert_string_equal(s->met[0].text, "wait:sync>100ms");
	done(s);
}

static void what_hangs_is_met_while_it_hangs_and_once(void **state)
{
	struct scene *s = watching("wait:any>100ms", NULL);

	leaves(s, 10, 0, 101, LEAVE_DISK, WAIT_DISK, SYS_fsync);
	until(s, 20);
	assert_int_equal(watch_due_ns(s->watch), START + 110 * MS + 1);
	until(s, 110);
	assert_int_equal(s->met_count, 0);
	until(s, 112);
	one_met(s, 10, 112, true);
	until(s, 500);
	wakes(s, 600, 0, 101);
	comes(s, 600, 0, 101);
	until(s, 610);
	assert_int_equal(s->met_count, 1);
	done(s);
}

static void cpus_that_tell_one_after_the_other_are_put_in_order(void **state)
{
	struct scene *s = watching("wait:any>100ms", "sched-wait>20ms");

	/* The ring of CPU 0 is drained before that of CPU 1. By time there is no long wait:
	 * 10 leaves (0), 50 woken (1), 51 runs (1), 60 leaves (1), 130 woken (0), 131 runs (0) */
	leaves(s, 10, 0, 101, LEAVE_SLEEPING, WAIT_SYNC, SYS_futex);
	wakes(s, 130, 0, 101);
	comes(s, 131, 0, 101);
	wakes(s, 50, 1, 101);
	comes(s, 51, 1, 101);
	leaves(s, 60, 1, 101, LEAVE_SLEEPING, WAIT_SYNC, SYS_futex);
	until(s, 140);
	assert_int_equal(s->met_count, 0);
	done(s);
}

static void many_cpus_are_put_in_order(void **state)
{
	struct scene *s = watching("wait:any>15ms", NULL);

	/* Event number i is CPU i % 7's; the wait of each pair lasts 10 ms, but for one. */
	for (u16 cpu = 0; cpu < 7; cpu++) {
		for (u64 i = 0; i < 2000; i++) {
			u64 ms = i * 10 + (i > 1000 ? 10 : 0);

			if (i % 7 != cpu)
				continue;
			if (i & 1) {
				wakes(s, ms, cpu, 101);
				comes(s, ms, cpu, 101);
			} else {
				leaves(s, ms, cpu, 101, LEAVE_SLEEPING, WAIT_SYNC, SYS_futex);
			}
		}
	}
	until(s, 20010);
	one_met(s, 10000, 10020, false);
	done(s);
}

static void waiting_for_a_cpu_counts_from_the_wake_up_and_from_preemption(void **state)
{
	struct scene *s = watching("sched-wait>20ms", NULL);

	leaves(s, 10, 0, 101, LEAVE_SLEEPING, WAIT_SLEEP, SYS_nanosleep);
	wakes(s, 500, 0, 101);
	comes(s, 521, 0, 101);
	until(s, 530);
	one_met(s, 500, 521, false);
	leaves(s, 540, 0, 101, LEAVE_PREEMPTED, 0, SYSCALL_NONE);
	until(s, 561);
	assert_int_equal(s->met_count, 2);
	assert_true(s->met[1].running);
	assert_int_equal(s->met[1].begin_ns, START + 540 * MS);
	done(s);
}

static void a_wake_up_just_before_the_switch_ends_the_wait(void **state)
{
	struct scene *s = watching("wait:any>100ms", NULL);

	wakes(s, 10, 1, 101);
	leaves(s, 10, 0, 101, LEAVE_SLEEPING, WAIT_SYNC, SYS_futex);
	comes(s, 300, 0, 101);
	until(s, 310);
	assert_int_equal(s->met_count, 0);
	done(s);
}

static void a_call_is_met_at_its_end_or_while_it_blocks(void **state)
{
	struct scene *s = watching("syscall:fsync>100ms", NULL);

	call_ends(s, 300, 101, SYS_fsync, 90);
	call_ends(s, 300, 101, SYS_read, 900);
	until(s, 310);
	assert_int_equal(s->met_count, 0);
	call_ends(s, 500, 101, SYS_fsync, 150);
	until(s, 510);
	one_met(s, 350, 500, false);
	assert_string_equal(s->met[0].what, "fsync");

	/* Blocks twice, each time for less; both together are more. */
	leaves(s, 600, 0, 102, LEAVE_DISK, WAIT_DISK, SYS_fsync);
	wakes(s, 660, 0, 102);
	comes(s, 660, 0, 102);
	leaves(s, 661, 0, 102, LEAVE_DISK, WAIT_DISK, SYS_fsync);
	until(s, 702);
	assert_int_equal(s->met_count, 2);
	assert_true(s->met[1].running);
	assert_int_equal(s->met[1].begin_ns, START + 600 * MS);
	/* Its end is no second one. */
	wakes(s, 720, 0, 102);
	call_ends(s, 720, 102, SYS_fsync, 121);
	until(s, 730);
	assert_int_equal(s->met_count, 2);
	/* The next call is. */
	call_ends(s, 1000, 102, SYS_fsync, 121);
	until(s, 1010);
	assert_int_equal(s->met_count, 3);
	done(s);
}

static void tasks_are_of_their_name_and_process(void **state)
{
	struct scene *s = watching("task:check*>300ms", NULL);

	announces(s, 0, 0, EVENT_TASK_BEGIN, 101, 1, "checkout");
	announces(s, 0, 0, EVENT_TASK_BEGIN, 101, 2, "other");
	announces(s, 200, 1, EVENT_TASK_END, 102, 1, "");
	announces(s, 900, 1, EVENT_TASK_END, 102, 2, "");
	until(s, 950);
	assert_int_equal(s->met_count, 0);
	announces(s, 1000, 0, EVENT_TASK_BEGIN, 101, 3, "checkout");
	until(s, 1310);
	one_met(s, 1000, 1310, true);
	assert_int_equal(s->met[0].task, 3);
	assert_string_equal(s->met[0].what, "checkout");
	announces(s, 1400, 0, EVENT_TASK_END, 101, 3, "");
	until(s, 1500);
	assert_int_equal(s->met_count, 1);
	done(s);
}

static void with_a_least_running_time_only_ends_count_before(void **state)
{
	struct scene *s = watching_for(1000 * MS, "task:*>300ms", NULL);

	announces(s, 0, 0, EVENT_TASK_BEGIN, 101, 1, "checkout");
	until(s, 900);
	assert_int_equal(s->met_count, 0);
	announces(s, 950, 0, EVENT_TASK_END, 101, 1, "");
	until(s, 960);
	one_met(s, 0, 950, false);
	announces(s, 1000, 0, EVENT_TASK_BEGIN, 101, 2, "checkout");
	until(s, 2001);
	assert_int_equal(s->met_count, 2);
	assert_true(s->met[1].running);
	done(s);
}

static void regions_nest(void **state)
{
	struct scene *s = watching("region:parse>50ms", NULL);

	announces(s, 0, 0, EVENT_REGION_BEGIN, 101, 0, "all");
	announces(s, 10, 0, EVENT_REGION_BEGIN, 101, 0, "parse");
	announces(s, 20, 0, EVENT_REGION_BEGIN, 101, 0, "inner");
	announces(s, 45, 0, EVENT_REGION_END, 101, 0, "");
	announces(s, 55, 0, EVENT_REGION_END, 101, 0, "parse");
	announces(s, 900, 0, EVENT_REGION_END, 101, 0, "all");
	until(s, 901);
	assert_int_equal(s->met_count, 0);
	announces(s, 1000, 0, EVENT_REGION_BEGIN, 101, 0, "parse");
	announces(s, 1010, 0, EVENT_REGION_BEGIN, 101, 0, "inner");
	/* An end without a begin changes nothing; that of the outer one ends both. */
	announces(s, 1020, 0, EVENT_REGION_END, 101, 0, "unknown");
	announces(s, 1060, 0, EVENT_REGION_END, 101, 0, "parse");
	until(s, 1061);
	one_met(s, 1000, 1060, false);
	announces(s, 1070, 0, EVENT_REGION_END, 101, 0, "");
	until(s, 2000);
	assert_int_equal(s->met_count, 1);
	done(s);
}

static void regions_that_are_too_deep_do_no_harm(void **state)
{
	struct scene *s = watching("region:parse>50ms", NULL);

	for (int i = 0; i < 2 * WATCH_DEPTH_MAX; i++)
		announces(s, 0, 0, EVENT_REGION_BEGIN, 101, 0, "parse");
	for (int i = 0; i < 3 * WATCH_DEPTH_MAX; i++)
		announces(s, 10, 0, EVENT_REGION_END, 101, 0, i & 1 ? "" : "parse");
	until(s, 1000);
	assert_int_equal(s->met_count, 0);
	assert_int_equal(watch_left_out(s->watch), WATCH_DEPTH_MAX);
	done(s);
}

static void logs_are_of_a_category_and_hold_a_text(void **state)
{
	struct scene *s = watching("log:db~text", "log:db~other");

	announces(s, 10, 0, EVENT_LOG, 101, 7, "db");
	announces(s, 20, 0, EVENT_LOG, 101, 7, "web");
	assert_int_equal(s->met_count, 1);
	assert_int_equal(s->met[0].trigger, 0);
	assert_int_equal(s->met[0].task, 7);
	assert_string_equal(s->met[0].what, "a text");
	done(s);
}

static void a_program_asks_for_a_snapshot(void **state)
{
	struct scene *s = watching("snapshot:slow*", "snapshot");

	announces(s, 10, 0, EVENT_SNAPSHOT, 101, 0, "slow request");
	announces(s, 10, 0, EVENT_SNAPSHOT, 101, 0, "fast request");
	assert_int_equal(s->met_count, 3);
	assert_string_equal(s->met[0].what, "slow request");
	assert_int_equal(s->met[2].trigger, 1);
	done(s);
}

static void exits(struct scene *s, u64 ms, u32 tid, u32 code, u32 last)
{
	struct trace_event event = { .time_ns = START + ms * MS, .kind = EVENT_EXIT };

	event.exit =
		(struct event_exit){ .tid = tid, .tgid = 100, .exit_code = code, .last = last };
	watch_event(s->watch, &event);
}

static void a_crash_is_told_once_for_a_process(void **state)
{
	struct scene *s = watching("crash", NULL);

	exits(s, 10, 101, SIGSEGV | 0x80, 0);
	exits(s, 10, 102, SIGSEGV | 0x80, 1);
	until(s, 20);
	assert_int_equal(s->met_count, 1);
	assert_string_equal(s->met[0].what, "SIGSEGV, core dumped");
	done(s);
}

static void an_orderly_end_is_no_crash(void **state)
{
	struct scene *s = watching("crash", NULL);

	exits(s, 10, 101, 3 << 8, 0);
	exits(s, 10, 102, SIGTERM, 1);
	until(s, 20);
	assert_int_equal(s->met_count, 0);
	done(s);
}

static void the_tasks_of_a_process_end_with_it(void **state)
{
	struct scene *s = watching("task:*>100ms", "wait:any>100ms");

	announces(s, 0, 0, EVENT_TASK_BEGIN, 101, 1, "a");
	leaves(s, 5, 0, 102, LEAVE_SLEEPING, WAIT_SYNC, SYS_futex);
	exits(s, 10, 101, 0, 0);
	exits(s, 10, 102, 0, 1);
	until(s, 1000);
	assert_int_equal(s->met_count, 0);
	done(s);
}

static void a_loss_makes_doubtful_what_went_on(void **state)
{
	struct scene *s = watching("task:*>100ms", "wait:any>100ms");
	struct trace_loss loss = { .counts = { [CLASS_SCHED] = 1, [CLASS_ANNOTATION] = 1 } };
	struct trace_event event = { .time_ns = START + 20 * MS,
				     .kind = EVENT_LOSS,
				     .loss = &loss };

	announces(s, 0, 0, EVENT_TASK_BEGIN, 101, 1, "a");
	leaves(s, 5, 0, 102, LEAVE_SLEEPING, WAIT_SYNC, SYS_futex);
	watch_event(s->watch, &event);
	until(s, 30);
	until(s, 1000);
	assert_int_equal(s->met_count, 0);
	/* What begins later counts. */
	wakes(s, 1001, 0, 102);
	comes(s, 1001, 0, 102);
	leaves(s, 1002, 0, 102, LEAVE_SLEEPING, WAIT_SYNC, SYS_futex);
	until(s, 1200);
	assert_int_equal(s->met_count, 1);
	done(s);
}

static void a_name_that_is_told_before_its_thread_is_kept(void **state)
{
	struct scene *s = watching("wait:any>100ms", NULL);
	struct event_fork fork = { .tid = 150, .tgid = 100, .comm = "parent" };
	struct trace_event forked = { .time_ns = START + 5 * MS,
				      .kind = EVENT_FORK,
				      .fork = &fork };
	struct trace_event renamed = { .time_ns = START + 6 * MS,
				       .cpu = 1,
				       .kind = EVENT_NAME,
				       .name = { .tid = 150, .tgid = 100, .comm = "child" } };

	watch_event(s->watch, &renamed);
	watch_event(s->watch, &forked);
	leaves(s, 7, 1, 150, LEAVE_SLEEPING, WAIT_SYNC, SYS_futex);
	until(s, 200);
	assert_int_equal(s->met_count, 1);
	assert_string_equal(s->met[0].thread, "child");
	assert_int_equal(s->met[0].tgid, 100);
	done(s);
}

static void threads_outside_the_target_are_left_alone(void **state)
{
	struct scene *s = watching("wait:any>100ms", "sched-wait>100ms");

	leaves(s, 5, 0, 999, LEAVE_PREEMPTED, 0, SYSCALL_NONE);
	leaves(s, 5, 0, 998, LEAVE_SLEEPING, WAIT_SYNC, SYS_futex);
	until(s, 1000);
	assert_int_equal(s->met_count, 0);
	done(s);
}

static void samples_are_a_share_of_tasks(void **state)
{
	struct scene *s = watching("sample:10%:a", NULL);
	u32 met = 0;

	for (u64 i = 1; i <= 10000; i++) {
		announces(s, 10 * i, 0, EVENT_TASK_BEGIN, 101, i, i & 1 ? "a" : "b");
		announces(s, 10 * i + 5, 0, EVENT_TASK_END, 101, i, "");
		until(s, 10 * i + 6);
		met += s->met_count;
		s->met_count = 0;
	}
	/* 5000 tasks: 500 +- 21; six of those */
	assert_in_range(met, 374, 626);
	done(s);
}

static void every_comes_again_and_again(void **state)
{
	struct scene *s = watching("every:2s", NULL);

	for (u64 ms = 0; ms <= 10500; ms += 100)
		until(s, ms);
	assert_int_equal(s->met_count, 5);
	assert_int_equal(watch_due_ns(s->watch), START + 12000 * MS);
	done(s);
}

static void losses_are_a_share_of_a_second(void **state)
{
	struct scene *s = watching("losses>1%", NULL);

	watch_time(s->watch, START, 1000000, 0);
	watch_time(s->watch, START + 1000 * MS, 1009900, 100);
	assert_int_equal(s->met_count, 0);
	watch_time(s->watch, START + 2000 * MS, 1019700, 300);
	assert_int_equal(s->met_count, 1);
	assert_string_equal(s->met[0].what, "200 of 10000 events of a second were lost");
	watch_time(s->watch, START + 3000 * MS, 1029700, 300);
	assert_int_equal(s->met_count, 1);
	done(s);
}

static void calls_have_to_exist(void **state)
{
	struct trigger trigger;
	struct watch_options options = { .triggers = &trigger, .count = 1, .met = on_met };
	struct watch *watch = NULL;
	struct err err = { 0 };

	assert_int_equal(trigger_parse(&trigger, "syscall:fsink>1s", &err), 0);
	assert_int_equal(watch_new(&watch, &options, &err), -EINVAL);
	assert_int_equal(err.caret, 8);
	assert_null(watch);
}

static void how_often_it_wants_to_look(void **state)
{
	struct scene *s = watching("wait:any>20ms", NULL);

	assert_int_equal(watch_interval_ms(s->watch), 100);
	done(s);
	s = watching("wait:any>10s", NULL);
	assert_int_equal(watch_interval_ms(s->watch), 450);
	done(s);
	s = watching("exit", NULL);
	assert_int_equal(watch_interval_ms(s->watch), 450);
	assert_true(watch_due_ns(s->watch) == UINT64_MAX);
	done(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_wait_is_met_and_a_short_one_is_not),
		cmocka_unit_test(what_hangs_is_met_while_it_hangs_and_once),
		cmocka_unit_test(cpus_that_tell_one_after_the_other_are_put_in_order),
		cmocka_unit_test(many_cpus_are_put_in_order),
		cmocka_unit_test(waiting_for_a_cpu_counts_from_the_wake_up_and_from_preemption),
		cmocka_unit_test(a_wake_up_just_before_the_switch_ends_the_wait),
		cmocka_unit_test(a_call_is_met_at_its_end_or_while_it_blocks),
		cmocka_unit_test(tasks_are_of_their_name_and_process),
		cmocka_unit_test(with_a_least_running_time_only_ends_count_before),
		cmocka_unit_test(regions_nest),
		cmocka_unit_test(regions_that_are_too_deep_do_no_harm),
		cmocka_unit_test(logs_are_of_a_category_and_hold_a_text),
		cmocka_unit_test(a_program_asks_for_a_snapshot),
		cmocka_unit_test(a_crash_is_told_once_for_a_process),
		cmocka_unit_test(an_orderly_end_is_no_crash),
		cmocka_unit_test(the_tasks_of_a_process_end_with_it),
		cmocka_unit_test(a_loss_makes_doubtful_what_went_on),
		cmocka_unit_test(a_name_that_is_told_before_its_thread_is_kept),
		cmocka_unit_test(threads_outside_the_target_are_left_alone),
		cmocka_unit_test(samples_are_a_share_of_tasks),
		cmocka_unit_test(every_comes_again_and_again),
		cmocka_unit_test(losses_are_a_share_of_a_second),
		cmocka_unit_test(calls_have_to_exist),
		cmocka_unit_test(how_often_it_wants_to_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
