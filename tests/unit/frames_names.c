// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* frames_names - frames have names by what the trace tells and by this very program */
#include "user/frames/frames.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/helpers_elf.h"
#include "tests/unit/unit.h"

enum { PID = 100, CHILD = 200 };

#define KERNEL_AT 0xffffffff81234567ULL

/* Two functions, one behind the other as far as anybody knows */
int first_function(int x);
int first_function(int x)
{
	return x * 3;
}

static u64 at(const void *function, u64 offset)
{
	return (u64)(uintptr_t)function + offset;
}

static void begins(struct frames *frames, const char *host)
{
	const struct clock_stamp now = clock_stamp_now();

	*frames = (struct frames){ 0 };
	frames_begin(frames, &(struct frames_options){ .host = host, .start = &now });
}

static void happens(struct frames *frames, struct trace_event event)
{
	event.time_ns = event.time_ns ?: clock_mono_ns();
	assert_int_equal(frames_event(frames, &event), 0);
}

static void maps(struct frames *frames, u32 pid)
{
	const struct trace_mapping code = own_code(pid);

	happens(frames, (struct trace_event){ .kind = EVENT_MAPPING, .mapping = &code });
}

static void tells_name(struct frames *frames, u32 pid, u32 image, u64 address, const char *name)
{
	const struct trace_symbol symbol = {
		.tgid = pid, .image = image, .address = address, .offset = 4, .name = name
	};

	happens(frames, (struct trace_event){ .kind = EVENT_SYMBOL, .symbol = &symbol });
}

static void runs_another(struct frames *frames, u32 pid)
{
	happens(frames,
		(struct trace_event){ .kind = EVENT_EXEC,
				      .exec = { .tid = pid, .old_tid = pid, .path = "/x" } });
}

static void forks(struct frames *frames, u32 parent, u32 pid)
{
	const struct event_fork fork = {
		.tid = pid, .tgid = pid, .parent_tid = parent, .parent_tgid = parent
	};

	happens(frames, (struct trace_event){ .kind = EVENT_FORK, .fork = &fork });
}

/* The name of @address, as frame @i of a stack of @pid (0: the kernel) */
static const char *name_of(struct frames *frames, u32 pid, u32 image, u64 address, u32 i)
{
	static char name[SYMBOLS_TEXT_MAX];
	const struct process process = { .pid = pid };
	const u64 addresses[] = { address, address };
	const struct stack stack = {
		.process = pid ? &process : NULL,
		.image = image,
		.count = 2,
		.frames = addresses,
	};

	return frames_name(name, frames, &stack, i);
}

static void names_come_from_the_files_that_are_mapped(void **state)
{
	struct symbols_frame frame;
	const struct process process = { .pid = PID };
	const u64 address = at(first_function, 1);
	const struct stack stack = { .process = &process, .count = 1, .frames = &address };
	const struct trace_mapping code = own_code(PID);
	struct frames frames;

	if (!code.build_id_bytes)
		skip();
	begins(&frames, NULL);
	maps(&frames, PID);
	assert_string_equal(name_of(&frames, PID, 0, address, 0), "first_function");
	for (int again = 0; again < 2; again++) {
		assert_true(frames_frame(&frames, &frame, &stack, 0));
		assert_string_equal(frame.name, "first_function");
		assert_int_equal(frame.name_offset, 1);
		assert_string_equal(frame.module, "frames_names");
		assert_int_equal(frame.mapping.address, code.address);
		assert_int_equal(frame.mapping.bytes, code.bytes);
		assert_int_equal(frame.mapping.offset, code.offset);
		assert_int_equal(frame.build_id_bytes, code.build_id_bytes);
	}
	frames_free(&frames);
}

static void a_return_address_is_of_the_call_before_it(void **state)
{
	struct frames frames;
	u64 begin = at(first_function, 0);

	if (!own_code(PID).build_id_bytes)
		skip();
	begins(&frames, NULL);
	maps(&frames, PID);
	/* A call that does not return may be the last instruction before another function. */
	assert_string_equal(name_of(&frames, PID, 0, begin, 0), "first_function");
	assert_string_not_equal(name_of(&frames, PID, 0, begin, 1), "first_function");
	assert_string_equal(name_of(&frames, PID, 0, begin + 1, 1), "first_function");
	frames_free(&frames);
}

static void what_the_trace_tells_comes_first(void **state)
{
	struct frames frames;

	begins(&frames, NULL);
	maps(&frames, PID);
	tells_name(&frames, PID, 0, at(first_function, 1), "told");
	assert_string_equal(name_of(&frames, PID, 0, at(first_function, 1), 0), "told");
	assert_string_equal(name_of(&frames, PID, 0, at(first_function, 1), 1), "told");
	frames_free(&frames);
}

static void a_later_name_replaces_an_earlier_one(void **state)
{
	struct frames frames;

	begins(&frames, NULL);
	tells_name(&frames, PID, 0, 0x1000, "jit_one");
	tells_name(&frames, PID, 0, 0x1000, "jit_two");
	tells_name(&frames, PID, 0, 0x1008, "");
	assert_string_equal(name_of(&frames, PID, 0, 0x1000, 0), "jit_two");
	assert_string_equal(name_of(&frames, PID, 0, 0x1008, 0), "[unknown]+0x1008");
	frames_free(&frames);
}

static void each_program_of_a_process_has_its_own_names(void **state)
{
	struct frames frames;

	begins(&frames, NULL);
	tells_name(&frames, PID, 0, 0x1000, "before");
	runs_another(&frames, PID);
	tells_name(&frames, PID, 1, 0x1000, "after");
	tells_name(&frames, CHILD, 0, 0x1000, "elsewhere");
	/* Told late: the program is gone already. */
	tells_name(&frames, PID, 0, 0x2000, "late");
	assert_string_equal(name_of(&frames, PID, 0, 0x1000, 0), "before");
	assert_string_equal(name_of(&frames, PID, 1, 0x1000, 0), "after");
	assert_string_equal(name_of(&frames, CHILD, 0, 0x1000, 0), "elsewhere");
	assert_string_equal(name_of(&frames, PID, 0, 0x2000, 0), "late");
	assert_string_equal(name_of(&frames, PID, 1, 0x2000, 0), "[unknown]+0x2000");
	assert_string_equal(name_of(&frames, PID, 2, 0x1000, 0), "[unknown]+0x1000");
	frames_free(&frames);
}

/* The recorder looks at mappings now and then: often behind a fork. */
static void a_forked_process_inherits_what_is_told_later(void **state)
{
	struct frames frames;

	if (!own_code(PID).build_id_bytes)
		skip();
	begins(&frames, NULL);
	forks(&frames, PID, CHILD);
	forks(&frames, CHILD, CHILD + 1);
	maps(&frames, PID);
	assert_string_equal(name_of(&frames, PID, 0, at(first_function, 1), 0), "first_function");
	assert_string_equal(name_of(&frames, CHILD, 0, at(first_function, 1), 0), "first_function");
	assert_string_equal(name_of(&frames, CHILD + 1, 0, at(first_function, 1), 0),
			    "first_function");
	frames_free(&frames);
}

static void a_forked_process_inherits_until_it_execs(void **state)
{
	struct frames frames;
	u64 address = at(first_function, 1);

	if (!own_code(PID).build_id_bytes)
		skip();
	begins(&frames, NULL);
	maps(&frames, PID);
	forks(&frames, PID, CHILD);
	forks(&frames, CHILD, CHILD + 1);
	assert_string_equal(name_of(&frames, CHILD, 0, address, 0), "first_function");
	assert_string_equal(name_of(&frames, CHILD + 1, 0, address, 0), "first_function");
	runs_another(&frames, CHILD);
	assert_string_not_equal(name_of(&frames, CHILD, 1, address, 0), "first_function");
	frames_free(&frames);
}

static void without_a_name_there_is_a_module_and_its_build_id(void **state)
{
	struct trace_mapping code = own_code(PID);
	char expected[256];
	struct frames frames;

	code.path = "/nowhere/libgone.so";
	code.build_id_bytes = 8;
	memcpy(code.build_id, "\x1f\x2e\x3d\x4c\x55\x66\x77\x88", 8);
	begins(&frames, NULL);
	happens(&frames, (struct trace_event){ .kind = EVENT_MAPPING, .mapping = &code });
	snprintf(expected, sizeof(expected), "libgone.so+0x%llx [1f2e3d4c]",
		 (unsigned long long)(code.offset + 0x10));
	assert_string_equal(name_of(&frames, PID, 0, code.address + 0x10, 0), expected);
	assert_string_equal(name_of(&frames, PID, 0, 0x10, 0), "[unknown]+0x10");
	assert_string_equal(name_of(&frames, PID + 1, 0, 0x10, 0), "[unknown]+0x10");
	frames_free(&frames);
}

static void kernel_names_are_those_of_the_trace_or_of_the_same_boot(void **state)
{
	struct frames frames;

	begins(&frames, "another machine");
	assert_string_equal(name_of(&frames, 0, 0, KERNEL_AT, 0), "[kernel]+0xffffffff81234567");
	frames_free(&frames);
	begins(&frames, "another machine");
	tells_name(&frames, 0, 0, KERNEL_AT, "futex_wait_queue");
	assert_string_equal(name_of(&frames, 0, 0, KERNEL_AT, 0), "futex_wait_queue");
	assert_string_equal(name_of(&frames, 0, 0, KERNEL_AT, 1), "futex_wait_queue");
	assert_string_not_equal(name_of(&frames, PID, 0, KERNEL_AT, 0), "futex_wait_queue");
	frames_free(&frames);
}

static void memory_for_names_is_bounded(void **state)
{
	char name[2048];
	struct frames frames;

	begins(&frames, NULL);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	for (u32 i = 0; i < 300000; i++) {
		if (i < 40000)
			snprintf(name, sizeof(name), "%06u", i), name[6] = 'x';
		tells_name(&frames, PID, 0, 0x1000 + i, i < 40000 ? name : "short");
	}
	assert_true(frames.unnamed);
	assert_true(frames.names.bytes <= 32 << 20);
	assert_true(frames.told_count <= 256 * 1024);
	assert_non_null(strstr(name_of(&frames, PID, 0, 0x1000, 0), "000000xxx"));
	frames_free(&frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_from_the_files_that_are_mapped),
		cmocka_unit_test(a_return_address_is_of_the_call_before_it),
		cmocka_unit_test(what_the_trace_tells_comes_first),
		cmocka_unit_test(a_later_name_replaces_an_earlier_one),
		cmocka_unit_test(each_program_of_a_process_has_its_own_names),
		cmocka_unit_test(a_forked_process_inherits_what_is_told_later),
		cmocka_unit_test(a_forked_process_inherits_until_it_execs),
		cmocka_unit_test(without_a_name_there_is_a_module_and_its_build_id),
		cmocka_unit_test(kernel_names_are_those_of_the_trace_or_of_the_same_boot),
		cmocka_unit_test(memory_for_names_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
