// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* report_futexes - waits for variables of this very program show their names */
#include "user/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/helpers_elf.h"
#include "tests/unit/helpers_model.h"

#define MS NSEC_PER_MSEC

int queue_lock[10] = { 1 };

static const struct trace_info info = { .host = "h", .target = "t", .cpu_count = 2 };

struct story {
	struct scene *scene;
	struct frames frames;
};

static void happens(struct story *story, u64 t, const struct trace_event *event)
{
	struct trace_event at = *event;

	at.time_ns = t;
	tells(story->scene, &at);
}

static void maps(struct story *story, u64 t, const struct trace_mapping *mapping)
{
	happens(story, t, &(struct trace_event){ .kind = EVENT_MAPPING, .mapping = mapping });
}

static void runs_another(struct story *story, u64 t)
{
	happens(story, t,
		&(struct trace_event){ .kind = EVENT_EXEC,
				       .exec = { .tid = MAIN, .old_tid = MAIN, .path = "/x" } });
}

/* MAIN waits for @address from @t to @t + 10 ms */
static void waits_for(struct story *story, u64 t, const void *address)
{
	const struct trace_event out = {
		.time_ns = t,
		.kind = EVENT_SWITCH,
		.sw = { .prev_tid = MAIN,
			.prev_state = ASLEEP,
			.wait_kind = WAIT_SYNC,
			.syscall = 202,
			.address = (u64)(uintptr_t)address },
	};

	tells(story->scene, &out);
	interrupt_wakes(story->scene, t + 10 * MS, WAKER_HARDIRQ, IDLE, MAIN);
	switches(story->scene, t + 11 * MS, IDLE, PREEMPTED, MAIN);
}

static void begins(struct story *story)
{
	const struct sink sink = frames_sink(&story->frames);

	story->scene = scene_new();
	assert_int_equal(timeline_attach(story->scene->timeline, &sink), 0);
	exists(story->scene, 0, MAIN, LEAVE_RUNNING);
}

/* The report @kind; ends the story */
static char *told(struct story *story, const char *kind, bool json)
{
	const struct report_options options = { .kind = kind, .json = json };
	char *text = NULL;
	size_t size;
	struct report report = {
		.out = open_memstream(&text, &size),
		.options = &options,
		.style = { .width = 160, .utf8 = true },
		.path = "a.trace",
		.info = &info,
		.timeline = story->scene->timeline,
		.times = story->scene->times,
		.frames = story->frames,
	};

	ends(story->scene, 1000 * MS);
	report.end_ns = timeline_now_ns(story->scene->timeline);
	report.waits = story->scene->waits;
	report.sched = story->scene->sched;
	report.times = story->scene->times;
	assert_int_equal(report_write(&report, report_kind_find(kind)), 0);
	fclose(report.out);
	story->scene->waits = report.waits;
	story->scene->sched = report.sched;
	frames_free(&story->frames);
	scene_free(story->scene);
	return text;
}

static const char *bare(char room[64])
{
	snprintf(room, 64, "futex 0x%lx", (unsigned long)(uintptr_t)queue_lock);
	return room;
}

static void a_lock_is_shown_by_its_name(void **state)
{
	const struct trace_mapping code = own_code(MAIN);

	for (int i = 0; i < 2; i++) {
		CLEANUP(free) char *text = NULL;
		struct story story = { 0 };
		char room[64];

		if (!code.build_id_bytes)
			skip();
		begins(&story);
		maps(&story, 5, &code);
		waits_for(&story, 100 * MS, queue_lock);
		text = told(&story, i ? "summary" : "waits", false);
		assert_non_null(strstr(text, "futex queue_lock (report_futexes)"));
		assert_null(strstr(text, bare(room)));
	}
}

static void json_keeps_the_address(void **state)
{
	const struct trace_mapping code = own_code(MAIN);
	CLEANUP(free) char *text = NULL;
	struct story story = { 0 };
	char room[64], expected[256];

	if (!code.build_id_bytes)
		skip();
	begins(&story);
	maps(&story, 5, &code);
	waits_for(&story, 100 * MS, &queue_lock[2]);
	text = told(&story, "waits", true);
	bare(room);
	snprintf(expected, sizeof(expected),
		 "\"object\":\"futex 0x%lx\",\"symbol\":\"queue_lock+0x8\","
		 "\"module\":\"report_futexes\"",
		 (unsigned long)(uintptr_t)&queue_lock[2]);
	assert_non_null(strstr(text, expected));
}

static void without_a_name_the_address_stays(void **state)
{
	CLEANUP(free) char *text = NULL, *json = NULL;
	struct trace_mapping code = own_code(MAIN);
	struct story story = { 0 };
	char room[64];

	code.build_id_bytes = max(code.build_id_bytes, (u8)8);
	code.build_id[0] ^= 1;
	begins(&story);
	maps(&story, 5, &code);
	waits_for(&story, 100 * MS, queue_lock);
	text = told(&story, "waits", false);
	assert_non_null(strstr(text, bare(room)));
	begins(&story);
	waits_for(&story, 100 * MS, queue_lock);
	json = told(&story, "waits", true);
	assert_non_null(strstr(json, "\"symbol\":null,\"module\":null"));
}

static void another_program_in_the_same_process_has_other_names(void **state)
{
	const struct trace_mapping code = own_code(MAIN);
	CLEANUP(free) char *before = NULL, *after = NULL, *unknown = NULL;
	struct story story = { 0 };
	char room[64];

	if (!code.build_id_bytes)
		skip();
	/* What is mapped belongs to the program before the exec, as does the wait. */
	begins(&story);
	maps(&story, 5, &code);
	waits_for(&story, 100 * MS, queue_lock);
	runs_another(&story, 200 * MS);
	before = told(&story, "waits", false);
	assert_non_null(strstr(before, "futex queue_lock ("));
	/* The wait is after the exec, and nothing is known of that program. */
	begins(&story);
	maps(&story, 5, &code);
	runs_another(&story, 50 * MS);
	waits_for(&story, 100 * MS, queue_lock);
	unknown = told(&story, "waits", false);
	assert_non_null(strstr(unknown, bare(room)));
	/* It turns out to be the same program. */
	begins(&story);
	maps(&story, 5, &code);
	runs_another(&story, 50 * MS);
	maps(&story, 60 * MS, &code);
	waits_for(&story, 100 * MS, queue_lock);
	after = told(&story, "waits", false);
	assert_non_null(strstr(after, "futex queue_lock ("));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_is_shown_by_its_name),
		cmocka_unit_test(json_keeps_the_address),
		cmocka_unit_test(without_a_name_the_address_stays),
		cmocka_unit_test(another_program_in_the_same_process_has_other_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
