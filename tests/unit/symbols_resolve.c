// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* symbols_resolve - this very process: its functions, its variables, its libraries */
#include "user/symbols/symbols.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>

#include "user/base/clock.h"
#include "user/symbols/elf.h"

#include "tests/unit/helpers_elf.h"
#include "tests/unit/unit.h"

#define ME    7 /* the number of this run of this program */
#define OTHER 8

int queue_lock[10] = { 1 };
static int hidden_lock;
static char zeroes[4096];

static __attribute__((noinline)) void hidden_function(void)
{
	__asm__ volatile("nop; nop; nop; nop");
}

static u64 address_of(const void *of)
{
	return (u64)(uintptr_t)of;
}

static struct symbols *of_this_process(const struct symbols_options *options, u64 address,
				       struct symbols_mapping *found)
{
	const struct symbols_options here = { .here = true };
	struct symbols *symbols;

	assert_int_equal(symbols_new(&symbols, options ?: &here, NULL), 0);
	add_mappings(symbols, ME, (u32)getpid(), address, found);
	return symbols;
}

static void assert_data(struct symbols *symbols, const void *of, const char *name, u64 offset)
{
	struct symbols_frame frame;

	assert_true(symbols_data(symbols, &frame, ME, address_of(of)));
	assert_string_equal(frame.name, name);
	assert_int_equal(frame.name_offset, offset);
}

static void own_functions_have_names(void **state)
{
	CLEANUP(symbols_free) struct symbols *symbols = of_this_process(NULL, 0, NULL);
	struct symbols_frame frame, same;

	assert_true(symbols_code(symbols, &frame, ME, address_of(hidden_function)));
	assert_string_equal(frame.name, "hidden_function");
	assert_string_equal(frame.module, "symbols_resolve");
	assert_int_equal(frame.name_offset, 0);
	assert_null(frame.file);
	assert_true(symbols_code(symbols, &same, ME, address_of(hidden_function) + 1));
	assert_ptr_equal(same.name, frame.name);
	assert_int_equal(same.name_offset, 1);
}

static void own_variables_have_names(void **state)
{
	CLEANUP(symbols_free) struct symbols *symbols = of_this_process(NULL, 0, NULL);

	assert_data(symbols, queue_lock, "queue_lock", 0);
	assert_data(symbols, &queue_lock[3], "queue_lock", 12);
	assert_data(symbols, &hidden_lock, "hidden_lock", 0);
	assert_data(symbols, &zeroes[4095], "zeroes", 4095);
}

static void libraries_have_names(void **state)
{
	CLEANUP(symbols_free) struct symbols *symbols = of_this_process(NULL, 0, NULL);
	struct symbols_frame frame;

	assert_true(symbols_code(symbols, &frame, ME, address_of(getenv)));
	assert_string_equal(frame.name, "getenv");
	assert_memory_equal(frame.module, "libc.so", 7);
	assert_int_equal(frame.path[0], '/');
	assert_data(symbols, stdout, "_IO_2_1_stdout_", 0);
}

static void heap_and_stack_have_none(void **state)
{
	CLEANUP(symbols_free) struct symbols *symbols = of_this_process(NULL, 0, NULL);
	CLEANUP(free) void *heap = malloc(16);
	struct symbols_frame frame;

	assert_false(symbols_data(symbols, &frame, ME, address_of(heap)));
	assert_false(symbols_data(symbols, &frame, ME, address_of(&frame)));
	assert_string_equal(frame.module, "[unknown]");
	assert_false(symbols_data(symbols, &frame, OTHER, address_of(queue_lock)));
	assert_false(symbols_code(symbols, &frame, OTHER, address_of(hidden_function)));
}

static void what_is_not_known_is_never_a_bare_number(void **state)
{
	CLEANUP(symbols_free) struct symbols *symbols = NULL;
	struct symbols_mapping mapping = {
		.process = ME,
		.address = 0x7f0000001000,
		.bytes = 0x1000,
		.offset = 0x3000,
		.inode = 1,
		.path = "/no/such/libgone.so.1",
		.build_id_bytes = 20,
		.build_id = { 0x1f, 0x2e, 0x3d, 0x4c, 0x5b },
	};
	struct symbols_frame frame;
	char text[SYMBOLS_TEXT_MAX];

	assert_int_equal(symbols_new(&symbols, NULL, NULL), 0);
	assert_int_equal(symbols_add_mapping(symbols, &mapping), 0);
	assert_false(symbols_code(symbols, &frame, ME, 0x7f0000001234));
	assert_string_equal(symbols_text(text, &frame), "libgone.so.1+0x3234 [1f2e3d4c]");
	assert_false(symbols_code(symbols, &frame, ME, 0x7f0000002000));
	assert_string_equal(symbols_text(text, &frame), "[unknown]+0x7f0000002000");
	assert_int_equal(symbols_counts(symbols)->missing, 1);
}

static void a_replaced_binary_has_no_names(void **state)
{
	struct symbols_mapping mine = { 0 };
	CLEANUP(symbols_free)
	struct symbols *symbols = of_this_process(NULL, address_of(hidden_function), &mine);
	struct symbols_frame frame;
	char text[SYMBOLS_TEXT_MAX];

	mine.process = OTHER;
	mine.inode++;
	assert_int_equal(symbols_add_mapping(symbols, &mine), 0);
	if (mine.build_id_bytes)
		assert_true(symbols_code(symbols, &frame, OTHER, address_of(hidden_function)));
	mine.build_id[2] ^= 1;
	mine.build_id_bytes = max(mine.build_id_bytes, (u8)8);
	assert_int_equal(symbols_add_mapping(symbols, &mine), 0);
	assert_false(symbols_code(symbols, &frame, OTHER, address_of(hidden_function)));
	assert_false(symbols_data(symbols, &frame, OTHER, address_of(queue_lock)));
	symbols_code(symbols, &frame, OTHER, address_of(hidden_function));
	assert_memory_equal(symbols_text(text, &frame), "symbols_resolve+0x", 18);
	assert_non_null(strchr(text, '['));
}

static void without_a_build_id_it_must_be_the_same_unchanged_inode(void **state)
{
	struct symbols_mapping mine = { 0 };
	CLEANUP(symbols_free)
	struct symbols *symbols = of_this_process(NULL, address_of(hidden_function), &mine);
	CLEANUP(symbols_free) struct symbols *elsewhere = NULL;
	const struct {
		u64 inode, seen_ns;
		bool known;
	} cases[] = {
		{ mine.inode, 0, true },  { mine.inode, clock_ns(CLOCK_REALTIME), true },
		{ mine.inode, 1, false }, { mine.inode + 1, 0, false },
		{ 0, 0, false },
	};
	struct symbols_frame frame;

	mine.build_id_bytes = 0;
	/* So that it is not found as what is mapped. */
	mine.bytes -= 4096;
	for (u64 i = 0; i < ARRAY_SIZE(cases); i++) {
		/* A path of its own each, for the same file is asked once. */
		char path[4200];

		snprintf(path, sizeof(path), "%.*s%s", (int)i, "////////", mine.path);
		mine.process = 100 + i;
		mine.inode = cases[i].inode;
		mine.seen_ns = cases[i].seen_ns;
		{
			struct symbols_mapping mapping = mine;

			mapping.path = path;
			assert_int_equal(symbols_add_mapping(symbols, &mapping), 0);
		}
		assert_int_equal(
			symbols_code(symbols, &frame, 100 + i, address_of(hidden_function)),
			cases[i].known);
	}
	/* On another machine an inode says nothing. */
	mine.inode = cases[0].inode;
	mine.seen_ns = 0;
	assert_int_equal(symbols_new(&elsewhere, NULL, NULL), 0);
	assert_int_equal(symbols_add_mapping(elsewhere, &mine), 0);
	assert_false(symbols_code(elsewhere, &frame, mine.process, address_of(hidden_function)));
}

static void a_newer_mapping_replaces_an_older_one(void **state)
{
	CLEANUP(symbols_free) struct symbols *symbols = of_this_process(NULL, 0, NULL);
	struct symbols_mapping over = {
		.process = ME,
		.pid = (u32)getpid(),
		.address = address_of(hidden_function) & ~4095ULL,
		.bytes = 4096,
		.path = "",
	};
	struct symbols_frame frame;

	assert_int_equal(symbols_add_mapping(symbols, &over), 0);
	assert_false(symbols_code(symbols, &frame, ME, address_of(hidden_function)));
	assert_string_equal(frame.module, "[jit]");
}

static void a_forgotten_process_is_unknown(void **state)
{
	CLEANUP(symbols_free) struct symbols *symbols = of_this_process(NULL, 0, NULL);
	struct symbols_frame frame;

	symbols_forget(symbols, ME);
	symbols_forget(symbols, ME);
	assert_false(symbols_code(symbols, &frame, ME, address_of(hidden_function)));
	assert_string_equal(frame.module, "[unknown]");
}

/* Two files, and room for the symbols of one and a half */
static void symbols_that_were_put_away_come_back(void **state)
{
	CLEANUP(close) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct symbols_options small = { .here = true };
	CLEANUP(symbols_free) struct symbols *symbols = NULL;
	struct symbols_mapping mine = { 0 };
	struct symbols_frame frame;
	struct elf_file elf;

	assert_int_equal(elf_file_read(&elf, fd), 0);
	small.memory_bytes = (elf.symtab.bytes + elf.dynsym.bytes) / 24 * 16 * 3 / 2;
	symbols = of_this_process(&small, address_of(hidden_function), &mine);
	if (!mine.build_id_bytes)
		skip();
	folder_make();
	assert_true(runs("cp /proc/%d/exe '%s'", getpid(), in_folder("copy")));
	mine.process = OTHER;
	mine.pid = 0x7fffffff;
	mine.inode++;
	mine.path = in_folder("copy");
	assert_int_equal(symbols_add_mapping(symbols, &mine), 0);
	for (int i = 0; i < 20; i++) {
		assert_true(symbols_code(symbols, &frame, ME, address_of(hidden_function)));
		assert_string_equal(frame.module, "symbols_resolve");
		assert_true(symbols_code(symbols, &frame, OTHER, address_of(hidden_function)));
		assert_string_equal(frame.module, "copy");
	}
	assert_int_equal(symbols_counts(symbols)->oversize, 0);
	assert_true(symbols_counts(symbols)->evicted > 20);
	folder_remove();
}

static void a_file_with_too_many_symbols_has_none(void **state)
{
	const struct symbols_options tiny = { .here = true, .memory_bytes = 1024 };
	CLEANUP(symbols_free) struct symbols *symbols = of_this_process(&tiny, 0, NULL);
	struct symbols_frame frame;

	for (int i = 0; i < 3; i++)
		assert_false(symbols_code(symbols, &frame, ME, address_of(getenv)));
	assert_memory_equal(frame.module, "libc.so", 7);
	assert_int_equal(symbols_counts(symbols)->oversize, 1);
}

static void the_vdso_has_names(void **state)
{
	u64 begin = getauxval(AT_SYSINFO_EHDR);
	struct symbols_mapping vdso = { 0 };
	CLEANUP(symbols_free) struct symbols *symbols = of_this_process(NULL, begin, &vdso);
	struct symbols_frame frame;
	bool found = false;

	if (!begin)
		skip();
	assert_string_equal(vdso.path, "[vdso]");
	for (u64 at = begin; at < begin + vdso.bytes && !found; at++)
		found = symbols_code(symbols, &frame, ME, at) &&
			strstr(frame.name, "clock_gettime");
	assert_true(found);
	assert_string_equal(frame.module, "[vdso]");
	assert_string_equal(frame.path, "");
	/* A process that is gone had the same. */
	vdso.process = OTHER;
	vdso.pid = 0x7fffffff;
	vdso.address += 0x10000000;
	assert_int_equal(symbols_add_mapping(symbols, &vdso), 0);
	assert_true(symbols_code(symbols, &frame, OTHER, begin + frame.offset + 0x10000000));
}

static void code_of_a_jit_has_the_names_that_it_told(void **state)
{
	CLEANUP(symbols_free) struct symbols *symbols = NULL;
	const struct symbols_options here = { .here = true };
	struct symbols_mapping mapping = {
		.process = ME, .pid = (u32)getpid(), .address = 0x10000, .bytes = 0x1000, .path = ""
	};
	struct symbols_frame frame;
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	file_make(path, "10100 20 jitted\nwrong\n", 22);
	assert_int_equal(symbols_new(&symbols, &here, NULL), 0);
	assert_int_equal(symbols_add_mapping(symbols, &mapping), 0);
	assert_true(symbols_code(symbols, &frame, ME, 0x10110));
	assert_string_equal(frame.name, "jitted");
	assert_string_equal(frame.module, "[jit]");
	assert_int_equal(frame.name_offset, 0x10);
	assert_false(symbols_code(symbols, &frame, ME, 0x10120));
	assert_int_equal(symbols_counts(symbols)->perf_lines, 1);
	remove(path);
}

static void lines_come_when_they_are_asked_for(void **state)
{
	const struct symbols_options options = { .here = true, .lines = true };
	CLEANUP(symbols_free) struct symbols *symbols = of_this_process(&options, 0, NULL);
	struct symbols_frame frame;

	assert_true(symbols_code(symbols, &frame, ME, address_of(hidden_function)));
	if (!frame.file)
		skip(); /* built without -g */
	assert_non_null(strstr(frame.file, "symbols_resolve.c"));
	assert_in_range(frame.line, 20, 40);
	assert_true(symbols_code(symbols, &frame, ME, address_of(getenv)));
}

/* A JIT that maps all the time: the newest count, and it does not take all memory. */
static void very_many_mappings_are_bounded(void **state)
{
	CLEANUP(symbols_free) struct symbols *symbols = NULL;
	struct symbols_mapping mapping = { .process = ME, .bytes = 4096, .path = "" };
	struct symbols_frame frame;

	assert_int_equal(symbols_new(&symbols, NULL, NULL), 0);
	for (u64 i = 0; i < 20000; i++) {
		mapping.address = (1 + i) * 4096;
		assert_int_equal(symbols_add_mapping(symbols, &mapping), 0);
	}
	symbols_code(symbols, &frame, ME, 20000 * 4096ULL);
	assert_string_equal(frame.module, "[jit]");
	symbols_code(symbols, &frame, ME, 4096);
	assert_string_equal(frame.module, "[unknown]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_functions_have_names),
		cmocka_unit_test(own_variables_have_names),
		cmocka_unit_test(libraries_have_names),
		cmocka_unit_test(heap_and_stack_have_none),
		cmocka_unit_test(what_is_not_known_is_never_a_bare_number),
		cmocka_unit_test(a_replaced_binary_has_no_names),
		cmocka_unit_test(without_a_build_id_it_must_be_the_same_unchanged_inode),
		cmocka_unit_test(a_newer_mapping_replaces_an_older_one),
		cmocka_unit_test(a_forgotten_process_is_unknown),
		cmocka_unit_test(symbols_that_were_put_away_come_back),
		cmocka_unit_test(a_file_with_too_many_symbols_has_none),
		cmocka_unit_test(the_vdso_has_names),
		cmocka_unit_test(code_of_a_jit_has_the_names_that_it_told),
		cmocka_unit_test(lines_come_when_they_are_asked_for),
		cmocka_unit_test(very_many_mappings_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
