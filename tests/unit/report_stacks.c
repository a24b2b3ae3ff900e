// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* report_stacks - where in the code threads waited and ran, as a tree and as JSON */
#include "user/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"

#include "tests/unit/helpers_model.h"

#define MS       NSEC_PER_MSEC
#define US       NSEC_PER_USEC
#define NR_READ  0
#define NR_FUTEX 202

static const u16 syscall_numbers[] = { NR_READ, NR_FUTEX };
static const char *const syscall_names[] = { "read", "futex" };

static const struct trace_info info = {
	.host = "elsewhere",
	.target = "process 100 (main)",
	.cpu_count = 2,
	.class_mask = 1 << CLASS_SCHED | 1 << CLASS_STACK,
	.stack_min_ns = 100 * US,
	.syscall_numbers = syscall_numbers,
	.syscall_names = syscall_names,
	.syscall_count = ARRAY_SIZE(syscall_numbers),
};

/* clang-format off */
static const char TREE[] =
	"WAITS BY STACK (40 of 51 with a stack: 240 ms of 250 ms)\n"
	"     TOTAL    SHARE     COUNT  FUNCTIONS\n"
	"    220 ms   91.7 %        30  main > serve\n"
	"    120 ms   50.0 %        10    handle_request > read_all > read [network read]\n"
	"    100 ms   41.7 %        20    queue_pop\n"
	"   80.0 ms   33.3 %        10      lock_slow [sync futex]\n"
	"   20.0 ms    8.3 %        10      [sync futex]\n"
	"   20.0 ms    8.3 %        10  (truncated) > jitted > read [network read]\n"
	"\n"
	"SCHEDULER WAITS BY STACK (40 of 53 with a stack: 40.0 ms of 40.5 ms)\n"
	"     TOTAL    SHARE     COUNT  FUNCTIONS\n"
	"   30.0 ms   75.0 %        30  main > serve\n"
	"   20.0 ms   50.0 %        20    queue_pop\n"
	"   10.0 ms   25.0 %        10      lock_slow [woken: sync futex]\n"
	"   10.0 ms   25.0 %        10      [woken: sync futex]\n"
	"   10.0 ms   25.0 %        10    handle_request > read_all > read\n"
	"                                   [woken: network read]\n"
	"   10.0 ms   25.0 %        10  (truncated) > jitted > read [woken: network read]\n"
	"\n"
	"too short for a stack: 10 waits, 500 us (less than 100 us each)\n"
	"without a stack: 1 wait, 10.0 ms (unfinished or begun before, or it was lost)\n"
	"truncated: 1 stack of 10 waits, 20.0 ms, end in [unknown] 10\n"
	"losses: none\n";
/* clang-format on */

/* A report on its way from the first event on */
struct play {
	struct scene *scene;
	struct report_options options;
	struct report report;
};

static void begins_as(struct play *play, const char *kind, const struct trace_info *recorded)
{
	*play = (struct play){ .scene = scene_new(), .options = { .kind = kind } };
	play->report = (struct report){
		.options = &play->options,
		.path = "a.trace",
		.info = recorded,
		.timeline = play->scene->timeline,
	};
	assert_int_equal(report_attach(&play->report, report_kind_find(kind)->needs), 0);
	frames_begin(&play->report.frames,
		     &(struct frames_options){ .start = &recorded->start,
					       .timeline = play->scene->timeline });
	timeline_expect_stacks(play->scene->timeline, true);
}

static void begins(struct play *play, const struct trace_info *recorded)
{
	begins_as(play, "stacks", recorded);
}

static char *ends_as(struct play *play, unsigned int width)
{
	char *text = NULL;
	size_t size;

	ends(play->scene, timeline_now_ns(play->scene->timeline));
	play->report.style = (struct style){ .width = width };
	play->report.out = open_memstream(&text, &size);
	play->report.end_ns = timeline_now_ns(play->scene->timeline);
	assert_int_equal(report_write(&play->report, report_kind_find(play->options.kind)), 0);
	fclose(play->report.out);
	play->report.timeline = NULL;
	report_free(&play->report);
	scene_free(play->scene);
	return text;
}

static void has_name(struct scene *s, u64 address, const char *name)
{
	const struct trace_symbol symbol = {
		.tgid = MAIN, .address = address, .offset = 1, .name = name
	};

	tells(s, &(struct trace_event){ .kind = EVENT_SYMBOL, .symbol = &symbol });
}

static void has_stack_of(struct scene *s, u32 id, u8 flags, enum stack_end end, const u64 *frames,
			 u32 count)
{
	const struct trace_stack stack = {
		.id = id, .tgid = MAIN, .flags = flags, .end = (u8)end, .frames = { frames, count }
	};

	tells(s, &(struct trace_event){ .kind = EVENT_STACK, .stack = &stack });
}

static void has_stack(struct scene *s, u32 id, enum stack_end end, const u64 *frames, u32 count)
{
	has_stack_of(s, id, 0, end, frames, count);
}

/* WORKER waits for @wait_ns and then 1 ms for a CPU, in a call that ends with a stack, or none. */
static u64 waits_at(struct scene *s, u64 t, enum wait_kind kind, u64 wait_ns, u64 sched_ns,
		    u32 stack)
{
	struct trace_event e = { .kind = EVENT_WAIT_STACK };
	u16 nr = kind == WAIT_SYNC ? NR_FUTEX : NR_READ;
	u64 end = t + 10 + wait_ns + sched_ns;

	blocks(s, t + 10, WORKER, kind, nr, 0, IDLE);
	wakes(s, t + 10 + wait_ns, MAIN, WORKER);
	switches(s, end, IDLE, PREEMPTED, WORKER);
	e.time_ns = end + 5;
	e.wait_stack =
		(struct event_wait_stack){ .tid = WORKER, .user_stack = stack, .enter_ns = t };
	if (stack)
		tells(s, &e);
	syscall_ends(s, end + 5, WORKER, nr, end + 5 - t, 0);
	return end + 20;
}

static void a_server(struct scene *s)
{
	static const u64 request[] = { 0x501, 0x401, 0x301, 0x201, 0x101 };
	static const u64 slow[] = { 0x701, 0x601, 0x201, 0x101 }, pop[] = { 0x602, 0x201, 0x101 };
	static const u64 jitted[] = { 0x501, 0x801 };
	u64 t = 0;

	exists(s, 0, WORKER, LEAVE_RUNNING);
	has_name(s, 0x101, "main");
	has_name(s, 0x201, "serve");
	has_name(s, 0x301, "handle_request");
	has_name(s, 0x401, "read_all");
	has_name(s, 0x501, "read");
	has_name(s, 0x601, "queue_pop");
	has_name(s, 0x602, "queue_pop"); /* another place in it */
	has_name(s, 0x701, "lock_slow");
	has_name(s, 0x801, "jitted");
	has_stack(s, 1, STACK_END_ROOT, request, 5);
	has_stack(s, 2, STACK_END_ROOT, slow, 4);
	has_stack(s, 3, STACK_END_ROOT, pop, 3);
	has_stack(s, 4, STACK_END_CHAIN, jitted, 2);
	for (int i = 0; i < 10; i++) {
		t = waits_at(s, t, WAIT_NETWORK, 12 * MS, MS, 1);
		t = waits_at(s, t, WAIT_SYNC, 8 * MS, MS, 2);
		t = waits_at(s, t, WAIT_SYNC, 2 * MS, MS, 3);
		t = waits_at(s, t, WAIT_NETWORK, 2 * MS, MS, 4);
		t = waits_at(s, t, WAIT_NETWORK, 50 * US, 0, 0);
	}
	t = waits_at(s, t, WAIT_NETWORK, 10 * MS, 500 * US, 0); /* its stack was lost */
	switches(s, t + 10, WORKER, PREEMPTED, MAIN);
	switches(s, t + 20, MAIN, PREEMPTED, WORKER);
	switches(s, t + 30, WORKER, PREEMPTED, MAIN);
	switches(s, t + 40, MAIN, PREEMPTED, WORKER);
}

static void waits_are_a_tree_from_the_root_on(void **state)
{
	CLEANUP(free) char *text = NULL;
	struct play play;

	begins(&play, &info);
	a_server(play.scene);
	text = ends_as(&play, 80);
	assert_string_equal(text, TREE);
}

static void a_wide_terminal_shows_the_longest_wait_too(void **state)
{
	CLEANUP(free) char *text = NULL;
	struct play play;

	begins(&play, &info);
	a_server(play.scene);
	text = ends_as(&play, 120);
	assert_non_null(strstr(text, "     TOTAL    SHARE     COUNT   LONGEST  FUNCTIONS\n"
				     "    220 ms   91.7 %        30   12.0 ms  main > serve\n"));
}

static void as_many_lines_as_are_asked_for(void **state)
{
	CLEANUP(free) char *text = NULL;
	struct play play;

	begins(&play, &info);
	play.options.limit = 2;
	a_server(play.scene);
	text = ends_as(&play, 80);
	assert_non_null(strstr(text, "  main > serve\n"
				     "    120 ms   50.0 %        10    handle_request > "));
	assert_non_null(strstr(text, "4 more left out (--limit 0 shows all)\n"));
	assert_null(strstr(text, "jitted"));
}

static void a_small_share_is_left_out_unless_all_is_asked_for(void **state)
{
	static const u64 hot[] = { 0x201, 0x101 }, cold[] = { 0x301, 0x101 };

	for (int all = 0; all < 2; all++) {
		CLEANUP(free) char *text = NULL;
		struct play play;
		u64 t;

		begins(&play, &info);
		play.options.all = all;
		exists(play.scene, 0, WORKER, LEAVE_RUNNING);
		has_name(play.scene, 0x101, "main");
		has_name(play.scene, 0x201, "hot");
		has_name(play.scene, 0x301, "cold");
		has_stack(play.scene, 1, STACK_END_ROOT, hot, 2);
		has_stack(play.scene, 2, STACK_END_ROOT, cold, 2);
		t = waits_at(play.scene, 0, WAIT_SYNC, 1000 * MS, 0, 1);
		waits_at(play.scene, t, WAIT_SYNC, 9 * MS, 0, 2);
		text = ends_as(&play, 80);
		assert_non_null(strstr(text, "hot [sync futex]\n"));
		assert_int_equal(!!strstr(text, "cold [sync futex]\n"), all);
		assert_int_equal(!strstr(text, "left out"), all);
	}
}

static void a_root_that_was_guessed_is_none(void **state)
{
	static const u64 frames[] = { 0x201, 0x101 };
	CLEANUP(free) char *text = NULL;
	struct play play;

	begins(&play, &info);
	exists(play.scene, 0, WORKER, LEAVE_RUNNING);
	has_stack_of(play.scene, 1, STACK_UNSURE, STACK_END_ROOT, frames, 2);
	waits_at(play.scene, 0, WAIT_SYNC, MS, 0, 1);
	text = ends_as(&play, 80);
	assert_non_null(strstr(text, "(truncated) > "));
	assert_non_null(
		strstr(text, "truncated: 1 stack of 1 wait, 1.00 ms, end in [unknown] 1\n"));
}

static void a_long_chain_loses_its_middle_and_stays_within_the_width(void **state)
{
	for (unsigned int width = 80; width < 200; width += 13) {
		CLEANUP(free) char *text = NULL;
		u64 frames[STACK_FRAMES_MAX];
		char name[200] = "";
		struct play play;

		begins(&play, &info);
		exists(play.scene, 0, WORKER, LEAVE_RUNNING);
		for (u32 i = 0; i < STACK_FRAMES_MAX; i++) {
			snprintf(name, sizeof(name), "std::vector<f%u_%0*u>::\033[1m", i, (int)i,
				 i);
			frames[i] = 0x1000 + i * 16;
			has_name(play.scene, frames[i], name);
		}
		has_stack(play.scene, 1, STACK_END_ROOT, frames, STACK_FRAMES_MAX);
		waits_at(play.scene, 0, WAIT_SYNC, MS, 0, 1);
		text = ends_as(&play, width);
		assert_non_null(strstr(text, "(120 more)"));
		assert_null(strchr(text, '\033'));
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			assert_true(text_columns(line) <= width);
	}
}

static void several_processes_are_the_roots(void **state)
{
	static const u64 frames[] = { 0x201, 0x101 };
	struct event_thread other = {
		.tid = 200, .tgid = 200, .comm = "other", .state = LEAVE_SLEEPING
	};
	CLEANUP(free) char *text = NULL;
	struct play play;
	u64 t;

	begins(&play, &info);
	exists(play.scene, 0, MAIN, LEAVE_SLEEPING);
	exists(play.scene, 0, WORKER, LEAVE_RUNNING);
	tells(play.scene, &(struct trace_event){ .kind = EVENT_THREAD, .thread = &other });
	has_name(play.scene, 0x101, "main");
	has_name(play.scene, 0x201, "wait_here");
	has_stack(play.scene, 1, STACK_END_ROOT, frames, 2);
	t = waits_at(play.scene, 0, WAIT_SYNC, 30 * MS, 0, 1);
	tells(play.scene,
	      &(struct trace_event){
		      .time_ns = t,
		      .kind = EVENT_WAIT_STACK,
		      .wait_stack = { .tid = 200, .moment = STACK_AT_END, .user_stack = 1 } });
	text = ends_as(&play, 80);
	assert_non_null(strstr(text, "main (100) > main > wait_here [sync futex]\n"));
	assert_non_null(strstr(text, "other (200) > main > wait_here ["));
}

static void a_trace_without_stacks_says_so(void **state)
{
	struct trace_info none = info;
	CLEANUP(free) char *text = NULL;
	struct play play;

	none.class_mask = 1 << CLASS_SCHED;
	begins(&play, &none);
	exists(play.scene, 0, WORKER, LEAVE_RUNNING);
	waits_at(play.scene, 0, WAIT_SYNC, MS, 0, 0);
	text = ends_as(&play, 80);
	assert_string_equal(
		text, "no stacks were recorded\n"
		      "record them with: tracer record -e sched,syscall,futex,stack,sample ...\n"
		      "losses: none\n");
}

/* clang-format off */
static const char JSON[] =
	"{\"stacks\":["
	"{\"kind\":\"sync\",\"why\":null,\"waited_for\":\"sync\",\"syscall\":\"futex\",\"pid\":100,"
	"\"process\":\"worker\",\"count\":2,\"total_ns\":3000000,\"longest_ns\":2000000,"
	"\"truncated\":true,\"end\":\"memory\",\"user\":["
	"{\"function\":\"wait_here\",\"module\":\"[unknown]\",\"offset\":513},"
	"{\"function\":null,\"module\":\"[unknown]\",\"offset\":256}],\"kernel\":[]},"
	"{\"kind\":\"sched\",\"why\":\"woken\",\"waited_for\":\"sync\",\"syscall\":\"futex\",\"pid\":100,"
	"\"process\":\"worker\",\"count\":2,\"total_ns\":300,\"longest_ns\":200,"
	"\"truncated\":true,\"end\":\"memory\",\"user\":["
	"{\"function\":\"wait_here\",\"module\":\"[unknown]\",\"offset\":513},"
	"{\"function\":null,\"module\":\"[unknown]\",\"offset\":256}],\"kernel\":[]}],"
	"\"stack_min_ns\":100000,"
	"\"waits\":{\"with_stack\":{\"count\":2,\"total_ns\":3000000},"
	"\"too_short\":{\"count\":1,\"total_ns\":5000},"
	"\"without_stack\":{\"count\":0,\"total_ns\":0},"
	"\"not_told_apart\":{\"count\":0,\"total_ns\":0}},"
	"\"scheduler_waits\":{\"with_stack\":{\"count\":2,\"total_ns\":300},"
	"\"too_short\":{\"count\":0,\"total_ns\":0},"
	"\"without_stack\":{\"count\":1,\"total_ns\":7},"
	"\"not_told_apart\":{\"count\":0,\"total_ns\":0}},"
	"\"samples\":{\"with_stack\":{\"count\":0,\"total_ns\":0},"
	"\"too_short\":{\"count\":0,\"total_ns\":0},"
	"\"without_stack\":{\"count\":0,\"total_ns\":0},"
	"\"not_told_apart\":{\"count\":0,\"total_ns\":0}},"
	"\"sample_period_ns\":null,"
	"\"truncated\":{\"stacks\":1,\"count\":2,\"total_ns\":3000000,\"modules\":["
	"{\"module\":\"[unknown]\",\"count\":2,\"total_ns\":3000000}]},"
	"\"losses\":{";
/* clang-format on */

static void json_has_the_promised_shape(void **state)
{
	static const u64 frames[] = { 0x201, 0x101 };
	CLEANUP(free) char *text = NULL;
	struct play play;
	u64 t;

	begins(&play, &info);
	play.options.json = true;
	exists(play.scene, 0, WORKER, LEAVE_RUNNING);
	has_name(play.scene, 0x201, "wait_here");
	has_stack(play.scene, 1, STACK_END_MEMORY, frames, 2);
	has_stack(play.scene, 2, STACK_END_MEMORY, frames, 2); /* the same again */
	t = waits_at(play.scene, 0, WAIT_SYNC, MS, 100, 1);
	t = waits_at(play.scene, t, WAIT_SYNC, 2 * MS, 200, 2);
	waits_at(play.scene, t, WAIT_SYNC, 5 * US, 7, 0);
	text = ends_as(&play, 80);
	text[min(strlen(text), strlen(JSON))] = 0;
	assert_string_equal(text, JSON);
}

static void is_sampled(struct scene *s, u64 t, u32 tid, u32 user, u32 kernel)
{
	tells(s, &(struct trace_event){
			 .time_ns = t,
			 .kind = EVENT_SAMPLE,
			 .sample = { .tid = tid, .user_stack = user, .kernel_stack = kernel },
		 });
}

/* WORKER runs for 40 ms, in two functions; one sample lies in the kernel, one has no stack. */
static void runs_in_two_functions(struct scene *s)
{
	static const u64 often[] = { 0x201, 0x101 }, rarely[] = { 0x301, 0x101 },
			 call[] = { 0x901 };

	exists(s, 0, WORKER, LEAVE_RUNNING);
	has_name(s, 0x101, "main");
	has_name(s, 0x201, "often");
	has_name(s, 0x301, "rarely");
	has_stack(s, 1, STACK_END_ROOT, often, 2);
	has_stack(s, 2, STACK_END_ROOT, rarely, 2);
	has_stack_of(s, 3, STACK_KERNEL, STACK_END_ROOT, call, 1);
	is_sampled(s, 5 * MS, WORKER, 1, 0);
	is_sampled(s, 15 * MS, WORKER, 1, 0);
	is_sampled(s, 25 * MS, WORKER, 2, 3);
	is_sampled(s, 35 * MS, WORKER, 0, 0);
	waits_at(s, 40 * MS, WAIT_SYNC, MS, 0, 0);
}

static void samples_tell_where_threads_ran(void **state)
{
	struct trace_info sampled = info;
	CLEANUP(free) char *text = NULL;
	struct play play;

	sampled.sample_period_ns = 10 * MS;
	begins(&play, &sampled);
	runs_in_two_functions(play.scene);
	text = ends_as(&play, 80);
	assert_non_null(strstr(text, "\nCPU SAMPLES BY STACK (3 of 4 with a stack: 30.0 ms of "
				     "40.0 ms)\n"
				     "     TOTAL    SHARE     COUNT  FUNCTIONS\n"
				     "   30.0 ms    100 %         3  main\n"
				     "   20.0 ms   66.7 %         2    often [in the program]\n"
				     "   10.0 ms   33.3 %         1    rarely [in the kernel]\n"));
}

static void samples_are_rows_of_json_without_any_stack_of_a_wait(void **state)
{
	struct trace_info sampled = info;
	CLEANUP(free) char *text = NULL;
	struct play play;

	sampled.sample_period_ns = 10 * MS;
	sampled.class_mask = 1 << CLASS_SCHED | 1 << CLASS_SAMPLE;
	begins(&play, &sampled);
	play.options.json = true;
	runs_in_two_functions(play.scene);
	text = ends_as(&play, 80);
	assert_non_null(strstr(text,
			       "{\"stacks\":[{\"kind\":\"cpu\",\"why\":null,\"waited_for\":null,"
			       "\"syscall\":null,\"pid\":100,\"process\":\"worker\",\"count\":2,"
			       "\"total_ns\":20000000,\"longest_ns\":0,\"truncated\":false,"
			       "\"end\":\"root\",\"user\":[{\"function\":\"often\","));
	assert_non_null(strstr(text, "\"samples\":{\"with_stack\":{\"count\":3,"
				     "\"total_ns\":30000000}"));
	assert_non_null(strstr(text, "\"sample_period_ns\":10000000,"));
}

/* A library that everybody waits in */
static void is_c_library(struct scene *s, u64 from, u64 bytes)
{
	const struct trace_mapping code = {
		.tgid = MAIN, .address = from, .bytes = bytes, .inode = 1, .path = "/lib/libc.so.6"
	};

	tells(s, &(struct trace_event){ .kind = EVENT_MAPPING, .mapping = &code });
}

static void the_summary_says_in_which_functions(void **state)
{
	CLEANUP(free) char *text = NULL;
	struct play play;

	begins_as(&play, "summary", &info);
	is_c_library(play.scene, 0x400, 0x180);
	a_server(play.scene);
	text = ends_as(&play, 80);
	assert_non_null(strstr(text, "  WOKEN BY        IN FUNCTION\n"));
	assert_non_null(strstr(text, "  unnamed thread  handle_request\n"));
	assert_non_null(strstr(text, "  unnamed thread  lock_slow\n"));
	assert_non_null(strstr(text,
			       "longest wait: 12.0 ms at 0.000 s, worker (101), network: read, "
			       "in handle_request\n"));
}

static void waits_say_in_which_function_most_of_their_time_was(void **state)
{
	CLEANUP(free) char *text = NULL;
	struct play play;

	begins_as(&play, "waits", &info);
	is_c_library(play.scene, 0x400, 0x180);
	play.options.json = true;
	a_server(play.scene);
	text = ends_as(&play, 80);
	assert_non_null(strstr(text, "\"function\":\"handle_request\""));
	assert_non_null(strstr(text, "\"function\":\"lock_slow\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_are_a_tree_from_the_root_on),
		cmocka_unit_test(a_wide_terminal_shows_the_longest_wait_too),
		cmocka_unit_test(as_many_lines_as_are_asked_for),
		cmocka_unit_test(a_small_share_is_left_out_unless_all_is_asked_for),
		cmocka_unit_test(a_root_that_was_guessed_is_none),
		cmocka_unit_test(a_long_chain_loses_its_middle_and_stays_within_the_width),
		cmocka_unit_test(several_processes_are_the_roots),
		cmocka_unit_test(a_trace_without_stacks_says_so),
		cmocka_unit_test(json_has_the_promised_shape),
		cmocka_unit_test(samples_tell_where_threads_ran),
		cmocka_unit_test(samples_are_rows_of_json_without_any_stack_of_a_wait),
		cmocka_unit_test(the_summary_says_in_which_functions),
		cmocka_unit_test(waits_say_in_which_function_most_of_their_time_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
