// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* report_announced - what the reports of tasks, regions and logs look like */
#include "user/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"

#include "tests/unit/helpers_tasks.h"

#define MS NSEC_PER_MSEC

/* clang-format off */
static const char TASKS[] =
	"TASK      COUNT  INCOMPLETE      P50      P99  EXECUTION  SCHED WAIT\n"
	"checkout      3           1  10.1 ms  40.0 ms    25.0 ms           0\n"
	"  all: disk 50.0 %, execution 50.0 %\n"
	"  slowest: #2 at 0.100000 s, 40.0 ms: disk 50.0 %, execution 50.0 %\n"
	"payment       1           0  25.0 ms  25.0 ms          0           0\n"
	"  all: no thread worked for it 100 %\n"
	"misuse: tasks ended twice: 1\n"
	"losses: none\n";

static const char REGIONS[] =
	"REGION  COUNT    TOTAL     MEAN      P50      P99  LONGEST  RUN/SCHED/WAIT\n"
	"save        2  50.0 ms  25.0 ms  10.1 ms  40.0 ms  40.0 ms  ######......\n"
	"  disk 50.0 %, execution 50.0 %\n"
	"\n"
	"LATENCY                             COUNT\n"
	"   8.39 ms to    16.8 ms                1  #####################################\n"
	"   16.8 ms to    33.6 ms                0  \n"
	"   33.6 ms to    67.1 ms                1  #####################################\n"
	"misuse: tasks ended twice: 1\n"
	"losses: none\n";

static const char LOGS[] =
	"      TIME  TID  THREAD  TASK         CATEGORY  TEXT\n"
	"0.010001 s  101  worker  checkout #1  db        1 rows ?[31m?\n"
	"0.100001 s  101  worker  checkout #2  db        1 rows ?[31m?\n"
	"0.200000 s  101  worker  -                      on its own\n"
	"misuse: tasks ended twice: 1\n"
	"losses: none\n";
/* clang-format on */

/* Two checkouts, of which the second has a payment that nobody works for; one goes on. */
static void a_small_shop(struct play *p)
{
	exists(p->scene, 0, MAIN, LEAVE_SLEEPING);
	exists(p->scene, 0, WORKER, LEAVE_RUNNING);
	for (u64 i = 1; i <= 2; i++) {
		u64 at = i == 1 ? 10 * MS : 100 * MS, length = i == 1 ? 10 * MS : 40 * MS;

		task_begins(p, at, WORKER, 10 + i, "checkout");
		task_enters(p, at, WORKER, 10 + i);
		region_begins(p, at, WORKER, "save");
		logs(p, at + 1000, WORKER, TASK_NONE, "db", "1 rows \x1b[31m\n");
		if (i == 2)
			task_begins_in(p, at + 5 * MS, WORKER, 20, 12, "payment");
		blocks(p->scene, at + length / 4, WORKER, WAIT_DISK, 74, 0, IDLE);
		wakes(p->scene, at + length * 3 / 4, OTHER, WORKER);
		switches(p->scene, at + length * 3 / 4, IDLE, PREEMPTED, WORKER);
		if (i == 2)
			task_ends(p, 125 * MS + 5 * MS, WORKER, 20);
		region_ends(p, at + length, WORKER, "save");
		task_ends(p, at + length, WORKER, 10 + i);
	}
	task_ends(p, 150 * MS, WORKER, 11);
	logs(p, 200 * MS, WORKER, TASK_NONE, "", "on its own");
	task_begins(p, 300 * MS, WORKER, 30, "checkout");
	ends(p->scene, 1000 * MS);
}

static char *report_of(const struct report_options *options, unsigned int width, bool utf8,
		       void (*story)(struct play *p))
{
	CLEANUP(play_free) struct play *p = play_new();
	const struct report_kind *kind = report_kind_find(options->kind);
	char *text = NULL;
	size_t size;
	struct report report = {
		.out = open_memstream(&text, &size),
		.options = options,
		.style = { .width = width, .utf8 = utf8 },
		.path = "a.trace",
		.timeline = p->timeline,
	};

	assert_int_equal(report_attach(&report, kind->needs & ~(unsigned int)NEEDS_FRAMES), 0);
	if (story)
		story(p);
	else
		ends(p->scene, 1000);
	assert_int_equal(report_write(&report, kind), 0);
	fclose(report.out);
	p->scene->timeline = report.timeline;
	report.timeline = NULL;
	report_free(&report);
	return text;
}

static void assert_reports(const char *kind, const char *expected)
{
	CLEANUP(free)
	char *text = report_of(&(struct report_options){ .kind = kind }, 80, false, a_small_shop);

	assert_string_equal(text, expected);
}

static void tasks_are_a_table_with_the_slowest_of_each(void **state)
{
	assert_reports("tasks", TASKS);
}

static void one_kind_of_region_has_its_latencies_drawn(void **state)
{
	assert_reports("regions", REGIONS);
}

static void logs_cannot_harm_a_terminal(void **state)
{
	assert_reports("logs", LOGS);
}

static void assert_fits(const char *text, unsigned int width)
{
	while (*text) {
		const char *end = strchr(text, '\n');
		char line[1024];

		assert_non_null(end);
		assert_true(end - text < (ptrdiff_t)sizeof(line));
		memcpy(line, text, (size_t)(end - text));
		line[end - text] = 0;
		assert_true(text_columns(line) <= width);
		text = end + 1;
	}
}

static const char *const kinds[] = { "tasks", "regions", "logs" };

static void every_report_fits_every_width_with_and_without_announcements(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (unsigned int width = 60; width <= 200; width += 20) {
			const struct report_options options = { .kind = kinds[i] };
			CLEANUP(free) char *full = report_of(&options, width, true, a_small_shop);
			CLEANUP(free) char *empty = report_of(&options, width, true, NULL);

			assert_fits(full, width);
			assert_fits(empty, width);
			assert_true(*empty);
		}
	}
}

/* Brackets and quotes are balanced, and nothing follows. */
static void assert_is_json_object(const char *text)
{
	int depth = 0;
	bool quoted = false;

	assert_int_equal(*text, '{');
	for (; *text; text++) {
		assert_true(!quoted || (unsigned char)*text >= ' ');
		if (quoted && *text == '\\')
			text++;
		else if (*text == '"')
			quoted = !quoted;
		else if (!quoted && strchr("{[", *text))
			depth++;
		else if (!quoted && strchr("}]", *text) && !--depth)
			break;
	}
	assert_string_equal(text, "}\n");
}

static void as_json_they_are_objects_with_all_misuse(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct report_options options = { .kind = kinds[i], .json = true };
		CLEANUP(free) char *text = report_of(&options, 80, true, a_small_shop);

		assert_is_json_object(text);
		assert_non_null(strstr(text, "\"task_ended_twice\":1"));
		for (int misuse = MISUSE_NONE + 1; misuse < MISUSE_COUNT; misuse++)
			assert_non_null(strstr(text, misuse_name((enum misuse)misuse)));
	}
}

static void a_limit_keeps_the_first_logs_and_counts_all(void **state)
{
	const struct report_options options = { .kind = "logs", .json = true, .limit = 1 };
	CLEANUP(free) char *text = report_of(&options, 80, true, a_small_shop);

	assert_non_null(strstr(text, "\"log_count\":3"));
	assert_non_null(strstr(text, "1 rows"));
	assert_null(strstr(text, "on its own"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_are_a_table_with_the_slowest_of_each),
		cmocka_unit_test(one_kind_of_region_has_its_latencies_drawn),
		cmocka_unit_test(logs_cannot_harm_a_terminal),
		cmocka_unit_test(every_report_fits_every_width_with_and_without_announcements),
		cmocka_unit_test(as_json_they_are_objects_with_all_misuse),
		cmocka_unit_test(a_limit_keeps_the_first_logs_and_counts_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
