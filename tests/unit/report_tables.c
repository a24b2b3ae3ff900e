// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* report_tables - what the reports look like, at 80 columns and as JSON */
#include "user/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "user/base/text.h"

#include "tests/unit/helpers_model.h"

#define MS        NSEC_PER_MSEC
#define NR_READ   0
#define NR_FSYNC  74
#define NR_FUTEX  202
#define NR_ACCEPT 43

static const u16 syscall_numbers[] = { NR_READ, NR_FSYNC, NR_FUTEX, NR_ACCEPT };
static const char *const syscall_names[] = { "read", "fsync", "futex", "accept" };

static const struct trace_info info = {
	.host = "here",
	.target = "process 100 (main)",
	.cpu_count = 2,
	.syscall_numbers = syscall_numbers,
	.syscall_names = syscall_names,
	.syscall_count = ARRAY_SIZE(syscall_numbers),
};

/* clang-format off */
static const char SUMMARY[] =
	"process 100 (main): 1.00 s on 2 CPUs, 3 threads, 126 events\n"
	"WHERE THE TIME WENT (of 2 threads: 2.00 s; 1 more slept all the time)\n"
	"execution            900 ms   45.0 %  ██████████████████\n"
	"scheduler wait       600 ms   30.0 %  ████████████\n"
	"network              250 ms   12.5 %  █████\n"
	"disk                 200 ms   10.0 %  ████\n"
	"sync                50.0 ms    2.5 %  █\n"
	"\n"
	"BUSIEST THREADS  THREADS  EXECUTION  SCHED WAIT  MOST WAITED     RUN/SCHED/WAIT\n"
	"main                   1     600 ms      150 ms  network 250 ms  ████████▒▒▒···\n"
	"worker                 1     300 ms      450 ms  disk 200 ms     ████▒▒▒▒▒▒▒···\n"
	"and 1 thread that ran less\n"
	"\n"
	"WAITS    OBJECT                COUNT    TOTAL      P99  WOKEN BY\n"
	"network  tcp :6379 <- clients     10   250 ms  25.0 ms  softirq (stress)\n"
	"disk     file on 8:1              10   200 ms  20.0 ms  interrupt\n"
	"sync     futex 0x1000             11  50.0 ms   1.00 s  main\n"
	"\n"
	"scheduler latency: p50 5.05 ms, p99 20.0 ms, max 20.0 ms; 41.7 % for stress\n"
	"longest wait: 25.0 ms at 0.010 s, main (100), network: read tcp :6379 <- clients\n"
	"Too few CPUs: runnable threads had none for 40.0 % of the time.\n"
	"losses: none\n"
	"next: tracer report threads|waits|locks|stacks|syscalls|sched a.trace\n";

static const char THREADS[] =
	"TID  NAME    EXECUTION  SCHED WAIT  NETWORK     SYNC    DISK  RUN/SCHED/WAIT\n"
	"100  main       600 ms      150 ms   250 ms        0       0  #######!!...\n"
	"101  worker     300 ms      450 ms        0  50.0 ms  200 ms  ####!!!!!...\n"
	"102  other           0           0        0   1.00 s       0  ............\n"
	"losses: none\n";

static const char WAITS[] =
	"KIND     SYSCALL  OBJECT                COUNT   TOTAL      P99  WOKEN BY\n"
	"sync     futex    futex 0x1000             11  1.05 s   1.00 s  main\n"
	"network  read     tcp :6379 <- clients     10  250 ms  25.0 ms  softirq (stress)\n"
	"disk     fsync    file on 8:1              10  200 ms  20.0 ms  interrupt\n"
	"losses: none\n";

static const char SYSCALLS[] =
	"SYSCALL  COUNT   TOTAL  BLOCKED      P50      P99      MAX  ERRORS\n"
	"read        10  310 ms   80.6 %  31.0 ms  31.0 ms  31.0 ms\n"
	"fsync       10  260 ms   76.9 %  26.0 ms  26.0 ms  26.0 ms  EINTR 1\n"
	"losses: none\n";

static const char SCHED[] =
	"RUNNABLE BECAUSE  COUNT    TOTAL      P50      P90      P99      MAX\n"
	"all                  61   600 ms  5.05 ms  20.0 ms  20.0 ms  20.0 ms\n"
	"preempted            30   300 ms  5.05 ms  20.0 ms  20.0 ms  20.0 ms\n"
	"woken                30   290 ms  5.05 ms  20.0 ms  20.0 ms  20.0 ms\n"
	"found                 1  10.0 ms  10.0 ms  10.0 ms  10.0 ms  10.0 ms\n"
	"\n"
	"LATENCY                             COUNT\n"
	"   4.19 ms to    8.39 ms               40  #####################################\n"
	"   8.39 ms to    16.8 ms                2  ##\n"
	"   16.8 ms to    33.6 ms               19  ##################\n"
	"\n"
	"RAN INSTEAD          OF       TIMES  WAITED FOR   SHARE\n"
	"stress               outside     20      250 ms  41.7 %\n"
	"main                 target      20      240 ms  40.0 %\n"
	"worker               target      20      100 ms  16.7 %\n"
	"(idle or not known)  -            1     10.0 ms   1.7 %\n"
	"\n"
	"left the CPU: 30 preempted, 30 voluntarily; 0 migrations\n"
	"mean run: 14.8 ms\n"
	"longest: 20.0 ms of worker (tid 101) at 0.030000 s\n"
	"losses: none\n";

static const char THREADS_JSON[] =
	"{\"threads\":[{\"pid\":100,\"tid\":101,\"name\":\"worker\",\"observed_ns\":300,\"executio"
	"n_ns\":140,\"scheduler_wait_ns\":10,\"scheduler_wait_longest_ns\":10,\"waits\":{\"sy"
	"nc\":{\"ns\":150,\"count\":1,\"longest_ns\":150}},\"preempted\":0,\"migrated\":0,\"unkno"
	"wn_ns\":0}],\"losses\":{\"events\":0,\"by_class\":{\"sched\":0,\"process\":0,\"syscall\":"
	"0,\"futex\":0,\"object\":0,\"stack\":0,\"sample\":0,"
		"\"annotation\":0},\"unreadable_stretches\":0,\"damaged\":false,\"untracked_"
	"threads\":0,\"lower_bound\":false}}\n";

/* clang-format on */

/* A small server: main reads a socket, workers take turns with a lock and sync a file. */
static void a_small_server(struct scene *s)
{
	const struct event_object client = {
		.id = 1,
		.type = OBJECT_SOCKET,
		.family = AF_INET,
		.protocol = 6,
		.local_port = 6379,
		.remote_port = 40001,
	};
	const struct event_object file = { .id = 2, .type = OBJECT_FILE, .device = 8 << 20 | 1 };

	object_is(s, &client);
	object_is(s, &file);
	exists(s, 0, MAIN, LEAVE_RUNNING);
	exists(s, 0, WORKER, LEAVE_PREEMPTED);
	exists(s, 0, OTHER, ASLEEP);
	stranger(s, 0, STRANGER, "stress");
	for (u64 t = 0; t < 1000 * MS; t += 100 * MS) {
		blocks(s, t + 10 * MS, MAIN, WAIT_NETWORK, NR_READ, 1, WORKER);
		switches(s, t + 30 * MS, WORKER, PREEMPTED, STRANGER);
		interrupt_wakes(s, t + 35 * MS, WAKER_SOFTIRQ, STRANGER, MAIN);
		switches(s, t + 40 * MS, STRANGER, PREEMPTED, MAIN);
		syscall_ends(s, t + 41 * MS, MAIN, NR_READ, 31 * MS, 100);
		switches(s, t + 50 * MS, MAIN, PREEMPTED, WORKER);
		blocks(s, t + 55 * MS, WORKER, WAIT_DISK, NR_FSYNC, 2, MAIN);
		interrupt_wakes(s, t + 75 * MS, WAKER_HARDIRQ, MAIN, WORKER);
		switches(s, t + 80 * MS, MAIN, PREEMPTED, WORKER);
		syscall_ends(s, t + 81 * MS, WORKER, NR_FSYNC, 26 * MS, t ? 0 : -4);
		switches(s, t + 85 * MS, WORKER, ASLEEP, MAIN);
		wakes(s, t + 90 * MS, MAIN, WORKER);
	}
	ends(s, 1000 * MS);
}

static char *report_of(struct scene *s, const struct report_options *options, unsigned int width,
		       bool utf8)
{
	char *text = NULL;
	size_t size;
	struct report report = {
		.out = open_memstream(&text, &size),
		.options = options,
		.style = { .width = width, .utf8 = utf8 },
		.path = "a.trace",
		.info = &info,
		.timeline = s->timeline,
		.end_ns = timeline_now_ns(s->timeline),
		.times = s->times,
		.waits = s->waits,
		.calls = s->call_table,
		.sched = s->sched,
		.losses = s->losses,
	};

	assert_int_equal(report_write(&report, report_kind_find(options->kind)), 0);
	fclose(report.out);
	/* Sorting may have moved what they own. */
	s->waits = report.waits;
	s->sched = report.sched;
	locks_free(&report.locks);
	wakers_free(&report.wakers);
	return text;
}

static void assert_fits(const char *text, unsigned int width, unsigned int height)
{
	unsigned int lines = 0;

	while (*text) {
		const char *end = strchr(text, '\n');
		char line[1024];

		assert_non_null(end);
		assert_true(end - text < (ptrdiff_t)sizeof(line));
		memcpy(line, text, (size_t)(end - text));
		line[end - text] = 0;
		assert_true(text_columns(line) <= width);
		text = end + 1;
		lines++;
	}
	assert_true(lines <= height);
}

static void assert_reports(const char *kind, bool utf8, const char *expected)
{
	CLEANUP(scene_free) struct scene *s = scene_new();
	const struct report_options options = { .kind = kind };
	CLEANUP(free) char *text = NULL;

	a_small_server(s);
	text = report_of(s, &options, 80, utf8);
	assert_string_equal(text, expected);
}

static void the_summary_is_one_screen_that_says_where_the_time_went(void **state)
{
	assert_reports("summary", true, SUMMARY);
}

static void threads_are_a_table_of_their_time(void **state)
{
	assert_reports("threads", false, THREADS);
}

static void waits_say_for_what_and_woken_by_whom(void **state)
{
	assert_reports("waits", true, WAITS);
}

static void syscalls_say_how_much_blocked_and_what_failed(void **state)
{
	assert_reports("syscalls", true, SYSCALLS);
}

static void sched_shows_latencies_and_who_ran_instead(void **state)
{
	assert_reports("sched", false, SCHED);
}

static void threads_as_json_have_the_promised_shape(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();
	const struct report_options options = { .kind = "threads", .json = true };
	CLEANUP(free) char *text = NULL;

	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 100, WORKER, ASLEEP, IDLE);
	wakes(s, 250, MAIN, WORKER);
	switches(s, 260, IDLE, PREEMPTED, WORKER);
	ends(s, 300);
	text = report_of(s, &options, 80, true);
	assert_string_equal(text, THREADS_JSON);
}

/* Skips one JSON value. Return: what follows it, or NULL when it is none. */
static const char *json_value(const char *at);

static const char *json_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++) {
		if ((unsigned char)*at < 0x20)
			return NULL;
		if (*at == '\\' && !*++at)
			return NULL;
	}
	return at + 1;
}

static const char *json_members(const char *at, char end, bool named)
{
	if (*at == end)
		return at + 1;
	for (;;) {
		if (named) {
			at = json_string(at);
			if (!at || *at++ != ':')
				return NULL;
		}
		at = json_value(at);
		if (!at)
			return NULL;
		if (*at == end)
			return at + 1;
		if (*at++ != ',')
			return NULL;
	}
}

static const char *json_value(const char *at)
{
	static const char *const words[] = { "null", "true", "false" };
	char *end;

	if (*at == '{' || *at == '[')
		return json_members(at + 1, *at == '{' ? '}' : ']', *at == '{');
	if (*at == '"')
		return json_string(at);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strncmp(at, words[i], strlen(words[i])))
			return at + strlen(words[i]);
	strtod(at, &end);
	return end == at ? NULL : end;
}

static void every_report_is_valid_json(void **state)
{
	for (const struct report_kind *kind = report_kinds; kind->name; kind++) {
		CLEANUP(scene_free) struct scene *s = scene_new();
		const struct report_options options = { .kind = kind->name, .json = true };
		CLEANUP(free) char *text = NULL;

		a_small_server(s);
		named(s, 1000 * MS, WORKER, "\"\\\n\xff{");
		loses(s, 1000 * MS, 500 * MS, 600 * MS);
		unreadable(s, 1000 * MS, 700 * MS, 800 * MS);
		text = report_of(s, &options, 80, true);
		assert_non_null(json_value(text));
		assert_string_equal(json_value(text), "\n");
	}
}

static void every_report_fits_every_width(void **state)
{
	for (const struct report_kind *kind = report_kinds; kind->name; kind++) {
		for (unsigned int width = 80; width <= 240; width += 7) {
			CLEANUP(scene_free) struct scene *s = scene_new();
			const struct report_options options = { .kind = kind->name };
			CLEANUP(free) char *text = NULL;

			a_small_server(s);
			loses(s, 1000 * MS, 500 * MS, 600 * MS);
			text = report_of(s, &options, width, width % 2);
			assert_fits(text, width, 40);
		}
	}
}

/* Many threads with many names, many kinds of waits, losses */
static void the_summary_never_exceeds_a_screen(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();
	const struct report_options options = { .kind = "summary" };
	CLEANUP(free) char *text = NULL;
	u64 t = 0;

	for (u32 i = 0; i < 300; i++) {
		char name[16];

		snprintf(name, sizeof(name), "thread-%u", i);
		exists(s, 0, 1000 + i, LEAVE_PREEMPTED);
		named(s, 0, 1000 + i, name);
	}
	for (u32 i = 0; i < 3000; i++, t += 10) {
		u32 tid = 1000 + i % 300;

		switches(s, t, IDLE, PREEMPTED, tid);
		blocks(s, t + 5, tid, i % WAIT_KIND_COUNT, (u16)(i % 40), 0, IDLE);
		wakes(s, t + 7, 1000, tid);
	}
	ends(s, t);
	text = report_of(s, &options, 80, true);
	assert_fits(text, 80, 24);
}

static void a_report_with_losses_says_lower_bound(void **state)
{
	for (const struct report_kind *kind = report_kinds; kind->name; kind++) {
		CLEANUP(scene_free) struct scene *s = scene_new();
		struct report_options options = { .kind = kind->name };
		CLEANUP(free) char *text = NULL, *json = NULL;

		loses(s, 100, 50, 90);
		ends(s, 1000);
		text = report_of(s, &options, 80, true);
		assert_non_null(strstr(text, "losses: 7 events: sched 7; "));
		assert_non_null(strstr(text, "lower bound"));
		options.json = true;
		json = report_of(s, &options, 80, true);
		assert_non_null(strstr(json, "\"losses\":{\"events\":7,"));
		assert_non_null(strstr(json, "\"lower_bound\":true"));
	}
}

static void left_out_rows_are_counted(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();
	struct report_options options = { .kind = "threads", .limit = 1 };
	CLEANUP(free) char *text = NULL, *all = NULL;

	a_small_server(s);
	text = report_of(s, &options, 80, true);
	assert_non_null(strstr(text, "2 more left out (--limit 0 shows all)\n"));
	options.limit = 0;
	options.all = true;
	all = report_of(s, &options, 80, true);
	assert_null(strstr(all, "left out"));
}

static void names_cannot_harm_a_terminal(void **state)
{
	for (const struct report_kind *kind = report_kinds; kind->name; kind++) {
		CLEANUP(scene_free) struct scene *s = scene_new();
		const struct report_options options = { .kind = kind->name };
		CLEANUP(free) char *text = NULL;

		exists(s, 0, WORKER, LEAVE_RUNNING);
		named(s, 1, WORKER, "\033[2J\rx\x9b");
		named(s, 1, MAIN, "\033]0;\a");
		switches(s, 10, WORKER, ASLEEP, MAIN);
		wakes(s, 20, MAIN, WORKER);
		switches(s, 30, MAIN, PREEMPTED, WORKER);
		ends(s, 100);
		text = report_of(s, &options, 80, true);
		for (const char *at = text; *at; at++)
			assert_true((unsigned char)*at >= 0x20 || *at == '\n');
		assert_null(strchr(text, '\x9b'));
	}
}

static void an_empty_trace_has_every_report(void **state)
{
	for (const struct report_kind *kind = report_kinds; kind->name; kind++) {
		CLEANUP(scene_free) struct scene *s = scene_new();
		struct report_options options = { .kind = kind->name };
		CLEANUP(free) char *text = NULL, *json = NULL;

		ends(s, 0);
		text = report_of(s, &options, 80, true);
		assert_fits(text, 80, 24);
		options.json = true;
		json = report_of(s, &options, 80, true);
		assert_int_equal(json[0], '{');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_summary_is_one_screen_that_says_where_the_time_went),
		cmocka_unit_test(threads_are_a_table_of_their_time),
		cmocka_unit_test(waits_say_for_what_and_woken_by_whom),
		cmocka_unit_test(syscalls_say_how_much_blocked_and_what_failed),
		cmocka_unit_test(sched_shows_latencies_and_who_ran_instead),
		cmocka_unit_test(threads_as_json_have_the_promised_shape),
		cmocka_unit_test(every_report_is_valid_json),
		cmocka_unit_test(every_report_fits_every_width),
		cmocka_unit_test(the_summary_never_exceeds_a_screen),
		cmocka_unit_test(a_report_with_losses_says_lower_bound),
		cmocka_unit_test(left_out_rows_are_counted),
		cmocka_unit_test(names_cannot_harm_a_terminal),
		cmocka_unit_test(an_empty_trace_has_every_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
