// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* symbols_usdt - static probes out of notes, also of damaged ones */
#include <elf.h>
#include <fcntl.h>
#include <string.h>

#include "tests/unit/helpers_elf.h"
#include "tests/unit/helpers_events.h"
#include "tests/unit/unit.h"
#include "user/symbols/usdt.h"

#define PROBE(base, name, args)                                                                \
	"990: nop\n.pushsection .note.stapsdt,\"\",\"note\"\n.balign 4\n.4byte 992f-991f, "    \
	"994f-993f, 3\n991: .asciz \"stapsdt\"\n992: .balign 4\n993: .8byte 990b, " base ", "  \
	"counter\n.asciz \"shop\"\n.asciz \"" name "\"\n.asciz \"" args "\"\n994: .balign 4\n" \
	".popsection\n"

static const char source[] =
	".text\n.globl here\nhere: " PROBE("_.stapsdt.base", "sale", "8@%rdi -4@-20(%rbp)")
		PROBE("_.stapsdt.base", "empty",
		      "") "ret\n.size here, .-here\n.type here, @function\n"
			  ".section .stapsdt.base,\"a\",@progbits\n_.stapsdt.base: .byte 0\n"
			  ".section .probes,\"aw\",@progbits\ncounter: .2byte 0\n";

static int setup(void **state)
{
	folder_make();
	file_make(in_folder("a.s"), source, sizeof(source) - 1);
	return runs("gcc -c -o %s %s && gcc -shared -nostdlib -o %s %s", in_folder("a.o"),
		    in_folder("a.s"), in_folder("a.so"), in_folder("a.o"))
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	folder_remove();
	return 0;
}

static int open_file(const char *name)
{
	int fd = open(in_folder(name), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void probes_are_found_with_their_place_and_arguments(void **state)
{
	CLEANUP(usdt_free) struct usdt_list list = { 0 };
	CLEANUP(close) int fd = open_file("a.so");
	struct elf_file elf;
	u8 instruction = 0;

	assert_int_equal(elf_file_read(&elf, fd), 0);
	assert_int_equal(usdt_read(&list, fd, &elf), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.refused, 0);
	assert_string_equal(list.probes[0].provider, "shop");
	assert_string_equal(list.probes[0].name, "sale");
	assert_string_equal(list.probes[0].args, "8@%rdi -4@-20(%rbp)");
	assert_string_equal(list.probes[1].args, "");
	assert_int_equal(pread(fd, &instruction, 1, (off_t)list.probes[0].offset), 1);
	assert_int_equal(instruction, 0x90);
	assert_int_equal(list.probes[1].offset, list.probes[0].offset + 1);
	assert_true(list.probes[0].counter);
	assert_int_equal(list.probes[0].counter, list.probes[1].counter);
}

static void a_file_without_probes_has_none(void **state)
{
	CLEANUP(usdt_free) struct usdt_list list = { 0 };
	struct buffer b = { 0 };
	struct elf_file elf;

	for (int wide = 0; wide < 2; wide++) {
		buffer_reset(&b);
		make_elf(&b, wide);
		file_make(in_folder("none"), b.data, b.size);
		{
			CLEANUP(close) int fd = open_file("none");

			assert_int_equal(elf_file_read(&elf, fd), 0);
			assert_int_equal(usdt_read(&list, fd, &elf), 0);
			assert_int_equal(list.count, 0);
		}
	}
	buffer_free(&b);
}

/* Whatever the bytes of the notes are, what is found lies within the file. */
static void damaged_notes_name_no_place_outside_the_file(void **state)
{
	CLEANUP(free) u8 *data = NULL;
	struct random r = { 5 };
	struct elf_file whole;
	size_t size, refused = 0, found = 0;

	data = load_file(in_folder("a.so"), &size);
	{
		CLEANUP(close) int fd = open_file("a.so");

		assert_int_equal(elf_file_read(&whole, fd), 0);
	}
	for (int i = 0; i < 600; i++) {
		CLEANUP(usdt_free) struct usdt_list list = { 0 };
		struct elf_file elf;
		u64 at = whole.probes_offset + random_below(&r, (u32)whole.probes_bytes);
		u8 was = data[at];

		data[at] = (u8)random_any(&r);
		file_make(in_folder("b.so"), data, size);
		data[at] = was;
		{
			CLEANUP(close) int fd = open_file("b.so");

			assert_int_equal(elf_file_read(&elf, fd), 0);
			assert_int_equal(usdt_read(&list, fd, &elf), 0);
		}
		for (size_t n = 0; n < list.count; n++) {
			assert_true(list.probes[n].offset < size);
			assert_true(list.probes[n].counter < size);
			assert_true(strlen(list.probes[n].args) < whole.probes_bytes);
		}
		refused += list.refused;
		found += list.count;
	}
	assert_true(refused > 0);
	assert_true(found > 600);
}

static void a_section_that_ends_early_is_no_harm(void **state)
{
	CLEANUP(close) int fd = open_file("a.so");
	struct elf_file elf;

	assert_int_equal(elf_file_read(&elf, fd), 0);
	for (u64 bytes = elf.probes_bytes; bytes; bytes--) {
		CLEANUP(usdt_free) struct usdt_list list = { 0 };

		elf.probes_bytes = bytes - 1;
		assert_int_equal(usdt_read(&list, fd, &elf), 0);
		assert_true(list.count < 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_are_found_with_their_place_and_arguments),
		cmocka_unit_test(a_file_without_probes_has_none),
		cmocka_unit_test(damaged_notes_name_no_place_outside_the_file),
		cmocka_unit_test(a_section_that_ends_early_is_no_harm),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
