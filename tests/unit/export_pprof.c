// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* export_pprof - a written story as a profile, read back by a reader of its own */
#include "user/export/pprof.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/export/output.h"

#include "tests/unit/helpers_elf.h"
#include "tests/unit/helpers_model.h"
#include "tests/unit/helpers_profile.h"
#include "tests/unit/helpers_tally.h"

#undef fail

#define KERNEL_AT 0xffffffff81234567ULL

int queue_lock;

int queue_pop(int x);
int queue_pop(int x)
{
	return x * 3 + queue_lock;
}

static struct read_profile *read_back;

/* The profile, read back */
static const struct read_profile *is_written(struct story *story)
{
	CLEANUP(free) char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);

	assert_int_equal(tally_finish(&story->tally), 0);
	assert_int_equal(pprof_write(out, &story->tally, NULL), 0);
	fclose(out);
	read_back = profile_read(made, size);
	return read_back;
}

static const char *text(const struct read_profile *p, u64 number)
{
	assert_true(number < (u64)p->text_count);
	return p->texts[number];
}

static void a_wait_has_its_stack_and_its_labels(void **state)
{
	const u64 user[] = { 0x1000, 0x2000 }, kernel[] = { KERNEL_AT };
	const struct read_profile *p;
	const struct read_sample *sample;
	struct story story;

	begins(&story, "sync");
	story.lock = 0x7000;
	has_stack(&story, 1, MAIN, STACK_END_ROOT, user, 2);
	has_stack(&story, 2, 0, STACK_END_ROOT, kernel, 1);
	has_name(&story, MAIN, 0x1000, "pop");
	has_name(&story, MAIN, 0x2000, "main_loop");
	has_name(&story, 0, KERNEL_AT, "futex_wait");
	waits(&story, WORKER, 3 * MS, WAIT_SYNC, 1, 2);
	waits(&story, WORKER, 2 * MS, WAIT_SYNC, 1, 2);
	waits(&story, WORKER, 7 * MS, WAIT_DISK, 1, 2);
	p = is_written(&story);
	assert_int_equal(p->sample_count, 1);
	sample = &p->samples[0];
	assert_int_equal(sample->values[0], 2);
	assert_int_equal(sample->values[1], 5 * MS);
	assert_int_equal(sample->location_count, 3);
	assert_string_equal(frame_name(p, sample, 0), "futex_wait");
	assert_string_equal(frame_name(p, sample, 1), "pop");
	assert_string_equal(frame_name(p, sample, 2), "main_loop");
	assert_string_equal(label_text(p, sample, "thread"), "worker");
	assert_string_equal(label_text(p, sample, "process"), "main");
	assert_string_equal(label_text(p, sample, "kind"), "sync");
	assert_string_equal(label_text(p, sample, "waker"), "main");
	assert_string_equal(label_text(p, sample, "lock"), "0x7000");
	assert_int_equal(label_number(p, sample, "tid"), WORKER);
	assert_int_equal(label_number(p, sample, "pid"), MAIN);
	profile_read_free(read_back);
	story_ends(&story);
}

static void the_head_is_as_go_has_it(void **state)
{
	static const struct {
		const char *kind, *type0, *type1, *period_type;
		u64 period;
	} expected[] = {
		{ "sync", "contentions", "delay", "contentions", 1 },
		{ "sched", "contentions", "delay", "contentions", 1 },
		{ "cpu", "samples", "cpu", "cpu", 10101010 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct read_profile *p;
		struct story story;

		begins(&story, expected[i].kind);
		p = is_written(&story);
		assert_string_equal(text(p, p->types[0][0]), expected[i].type0);
		assert_string_equal(text(p, p->types[0][1]), "count");
		assert_string_equal(text(p, p->types[1][0]), expected[i].type1);
		assert_string_equal(text(p, p->types[1][1]), "nanoseconds");
		assert_string_equal(text(p, p->period_type[0]), expected[i].period_type);
		assert_string_equal(text(p, p->default_type), expected[i].type1);
		assert_int_equal(p->period, expected[i].period);
		assert_int_equal(p->time, 1700000000 * NSEC_PER_SEC);
		assert_int_equal(p->duration, 1000 * MS);
		assert_string_equal(text(p, p->comments[p->comment_count - 1]), "losses: none");
		profile_read_free(read_back);
		story_ends(&story);
	}
}

static void code_has_its_mapping_and_its_caller_the_call(void **state)
{
	const struct trace_mapping code = own_code(MAIN);
	const u64 pop = (u64)(uintptr_t)queue_pop, user[] = { pop + 1, pop + 3 };
	const u64 kernel[] = { KERNEL_AT };
	const struct read_profile *p;
	const struct read_location *location;
	const struct read_mapping *mapping;
	struct story story;
	char id[64] = "";

	if (!code.build_id_bytes)
		skip();
	for (u8 i = 0; i < code.build_id_bytes; i++)
		sprintf(id + 2 * i, "%02x", code.build_id[i]);
	begins(&story, "sync");
	story.lock = (u64)(uintptr_t)&queue_lock;
	happens(&story, (struct trace_event){ .kind = EVENT_MAPPING, .mapping = &code });
	has_stack(&story, 1, MAIN, STACK_END_ROOT, user, 2);
	has_stack(&story, 2, 0, STACK_END_ROOT, kernel, 1);
	waits(&story, MAIN, 3 * MS, WAIT_SYNC, 1, 2);
	p = is_written(&story);
	assert_string_equal(frame_name(p, &p->samples[0], 1), "queue_pop");
	assert_string_equal(frame_name(p, &p->samples[0], 2), "queue_pop");
	assert_string_equal(label_text(p, &p->samples[0], "lock"), "queue_lock");
	location = location_of(p, &p->samples[0], 0);
	assert_string_equal(text(p, mapping_of(p, location)->file), "[kernel.kallsyms]");
	assert_int_equal(location->address, KERNEL_AT);
	location = location_of(p, &p->samples[0], 1);
	assert_int_equal(location->address, pop + 1);
	assert_int_equal(location_of(p, &p->samples[0], 2)->address, pop + 2);
	/* The program is the first mapping, though the kernel's frame came before it. */
	mapping = mapping_of(p, location);
	assert_ptr_equal(mapping, &p->mappings[0]);
	assert_int_equal(mapping->start, code.address);
	assert_int_equal(mapping->limit, code.address + code.bytes);
	assert_int_equal(mapping->offset, code.offset);
	assert_string_equal(text(p, mapping->build_id), id);
	assert_string_equal(text(p, mapping->file), code.path);
	assert_true(mapping->has_functions);
	profile_read_free(read_back);
	story_ends(&story);
}

/* Also waits without a stack, with a stack that ends early, and with code that has no name */
static void nothing_is_missing_and_nothing_is_a_bare_number(void **state)
{
	const u64 user[] = { 0x1000, 0x2000 };
	const struct read_profile *p;
	u64 count = 0, ns = 0, found = 0;
	struct story story;

	begins(&story, "wait");
	has_stack(&story, 1, MAIN, STACK_END_MEMORY, user, 2);
	waits(&story, MAIN, 99 * US, WAIT_SYNC, 0, 0);
	waits(&story, MAIN, 4 * MS, WAIT_DISK, 0, 0);
	waits(&story, WORKER, 5 * MS, WAIT_NETWORK, 1, 0);
	p = is_written(&story);
	for (int i = 0; i < p->sample_count; i++) {
		const struct read_sample *sample = &p->samples[i];
		const char *first = frame_name(p, sample, 0);

		count += sample->values[0];
		ns += sample->values[1];
		found |= !strcmp(first, "[no stack: wait shorter than 100us]") ? 1 : 0;
		found |= !strcmp(first, "[no stack]") ? 2 : 0;
		if (strcmp(first, "[unknown]+0x1000"))
			continue;
		found |= 4;
		assert_string_equal(frame_name(p, sample, 1), "[unknown]+0x1fff");
		assert_string_equal(frame_name(p, sample, 2), "[truncated stack]");
		assert_int_equal(sample->location_count, 3);
	}
	assert_int_equal(found, 7);
	assert_int_equal(count, 3);
	assert_int_equal(ns, 9 * MS + 99 * US);
	profile_read_free(read_back);
	story_ends(&story);
}

static void a_scheduler_wait_says_why(void **state)
{
	const struct read_profile *p;
	struct interval interval;
	struct story story;

	begins(&story, "sched");
	interval = (struct interval){
		.thread = thread_of(story.scene, WORKER),
		.begin_ns = 1000,
		.end_ns = 3000,
		.state = STATE_RUNNABLE,
		.why = WHY_PREEMPTED,
	};
	assert_int_equal(story.sink.interval(story.sink.ctx, &interval), 0);
	interval.why = WHY_WOKEN;
	interval.end_ns = 2000;
	interval.wait = (struct wait){ .kind = WAIT_PIPE, .syscall = SYSCALL_NONE };
	assert_int_equal(story.sink.interval(story.sink.ctx, &interval), 0);
	p = is_written(&story);
	assert_int_equal(p->sample_count, 2);
	assert_int_equal(p->samples[0].values[1], 2000);
	assert_string_equal(label_text(p, &p->samples[0], "why"), "preempted");
	assert_string_equal(label_text(p, &p->samples[0], "kind"), "");
	assert_string_equal(label_text(p, &p->samples[0], "waker"), "");
	assert_string_equal(label_text(p, &p->samples[1], "why"), "woken");
	assert_string_equal(label_text(p, &p->samples[1], "kind"), "pipe");
	assert_string_equal(label_text(p, &p->samples[1], "waker"), "not seen");
	profile_read_free(read_back);
	story_ends(&story);
}

static void losses_are_told(void **state)
{
	const struct read_profile *p;
	struct story story;

	begins(&story, "sync");
	story.tally.losses.events = 1234;
	p = is_written(&story);
	assert_string_equal(text(p, p->comments[p->comment_count - 1]),
			    "losses: 1,234 events; times and counts are a lower bound");
	profile_read_free(read_back);
	story_ends(&story);
}

static void a_file_is_whole_or_not_there(void **state)
{
	struct output output;
	char line[16] = "";
	FILE *file;

	folder_make();
	assert_int_equal(chdir(in_folder(".")), 0);
	assert_int_equal(output_open(&output, NULL, "x/app.trace", ".sync.pb.gz", NULL), 0);
	assert_string_equal(output.path, "app.sync.pb.gz");
	fputs("new", output.file);
	assert_int_equal(output_finish(&output, NULL), 0);
	output_close(&output);
	/* A made name is never one that is taken. */
	assert_int_equal(output_open(&output, NULL, "app.trace", ".sync.pb.gz", NULL), -EEXIST);
	/* A named file stays until the new one is whole. */
	assert_int_equal(output_open(&output, "app.sync.pb.gz", "-", "", NULL), 0);
	fputs("other", output.file);
	output_close(&output);
	file = fopen("app.sync.pb.gz", "re");
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	assert_string_equal(line, "new");
	assert_true(runs("[ \"$(ls | wc -l)\" = 1 ]"));
	/* What was not finished leaves nothing. */
	assert_int_equal(output_open(&output, NULL, "-", ".svg", NULL), 0);
	output_close(&output);
	assert_int_not_equal(access("tracer.svg", F_OK), 0);
	assert_int_equal(output_open(&output, "no/such/folder", "-", "", NULL), -ENOENT);
	assert_int_equal(output_open(&output, "/dev/null", "-", "", NULL), 0);
	assert_int_equal(output_finish(&output, NULL), 0);
	output_close(&output);
	assert_int_equal(chdir("/"), 0);
	folder_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait_has_its_stack_and_its_labels),
		cmocka_unit_test(the_head_is_as_go_has_it),
		cmocka_unit_test(code_has_its_mapping_and_its_caller_the_call),
		cmocka_unit_test(nothing_is_missing_and_nothing_is_a_bare_number),
		cmocka_unit_test(a_scheduler_wait_says_why),
		cmocka_unit_test(losses_are_told),
		cmocka_unit_test(a_file_is_whole_or_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
