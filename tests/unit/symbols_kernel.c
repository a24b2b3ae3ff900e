// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* symbols_kernel - names of kernel functions from /proc/kallsyms */
#include "user/symbols/kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/err.h"
#include "user/symbols/symbols.h"

#include "tests/unit/unit.h"

static int read_text(struct kernel **kernel, const char *text)
{
	CLEANUP(fclose) FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	assert_non_null(file);
	return kernel_read(kernel, file);
}

static void assert_found(const struct kernel *kernel, u64 address, const char *name,
			 const char *module, u64 offset)
{
	const char *found, *found_module;
	u64 begin;

	assert_int_equal(kernel_find(kernel, address, &found, &begin, &found_module), !!name);
	if (!name)
		return;
	assert_string_equal(found, name);
	assert_string_equal(found_module, module);
	assert_int_equal(address - begin, offset);
}

static void functions_are_found_with_their_modules(void **state)
{
	CLEANUP(kernel_free) struct kernel *kernel = NULL;

	assert_int_equal(read_text(&kernel, "0000000000000000 A fixed_percpu_data\n"
					    "ffffffff81000100 T __do_it\n"
					    "ffffffff81000100 t do_it\n"
					    "ffffffff81000000 T _stext\n"
					    "ffffffff81000200 D a_variable\n"
					    "garbage\n\n"
					    "ffffffffc0000000 t nft_do_chain\t[nf_tables]\n"
					    "ffffffffc0100000 t other\t[other]\n"
					    "ffffffffc0000100 t nft_more\t[nf_tables]\n"),
			 0);
	assert_found(kernel, 0xffffffff81000000, "_stext", "", 0);
	assert_found(kernel, 0xffffffff81000120, "do_it", "", 0x20);
	assert_found(kernel, 0xffffffffc0000010, "nft_do_chain", "nf_tables", 0x10);
	assert_found(kernel, 0xffffffffc0000180, "nft_more", "nf_tables", 0x80);
	assert_found(kernel, 0xffffffffc0100001, "other", "other", 1);
	assert_found(kernel, 0xffffffff80ffffff, NULL, NULL, 0);
	assert_found(kernel, 0xfffffffff0000000, NULL, NULL, 0);
	assert_found(kernel, 0x400000, NULL, NULL, 0);
}

static void hidden_addresses_are_an_error(void **state)
{
	struct kernel *kernel = NULL;

	assert_int_equal(read_text(&kernel, "0000000000000000 T _stext\n"
					    "0000000000000000 T do_it\n"),
			 -EACCES);
	assert_int_equal(read_text(&kernel, "nothing\n"), -ENODATA);
	assert_null(kernel);
}

static void the_running_kernel_is_read_when_it_may_be(void **state)
{
	const struct symbols_options options = { .here = true };
	CLEANUP(symbols_free) struct symbols *symbols = NULL;
	CLEANUP(fclose) FILE *file = fopen("/proc/kallsyms", "re");
	char line[256] = "", name[128] = "", text[SYMBOLS_TEXT_MAX];
	struct symbols_frame frame;
	unsigned long address = 0;

	assert_int_equal(symbols_new(&symbols, &options, NULL), 0);
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx %*c %127s", &address, name) == 2 && !strcmp(name, "schedule"))
			break;
	if (!address || strcmp(name, "schedule")) {
		assert_false(symbols_kernel(symbols, &frame, 0xffffffff81000000));
		assert_string_equal(symbols_text(text, &frame), "[kernel]+0xffffffff81000000");
		skip();
	}
	assert_true(symbols_kernel(symbols, &frame, address + 4));
	assert_string_equal(frame.name, "schedule");
	assert_string_equal(frame.module, "[kernel]");
	assert_int_equal(frame.name_offset, 4);
	assert_false(symbols_counts(symbols)->kernel_hidden);
}

static void another_machines_kernel_has_no_names(void **state)
{
	CLEANUP(symbols_free) struct symbols *symbols = NULL;
	struct symbols_frame frame;

	assert_int_equal(symbols_new(&symbols, NULL, NULL), 0);
	assert_false(symbols_kernel(symbols, &frame, 0xffffffff81000000));
	assert_true(symbols_counts(symbols)->kernel_hidden);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_found_with_their_modules),
		cmocka_unit_test(hidden_addresses_are_an_error),
		cmocka_unit_test(the_running_kernel_is_read_when_it_may_be),
		cmocka_unit_test(another_machines_kernel_has_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
