// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* symbols_elf - symbol tables of good, damaged and hostile ELF files */
#include "user/symbols/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/base/map.h"

#include "tests/unit/helpers_elf.h"
#include "tests/unit/unit.h"

#define MOST 1000

static int file_of(const struct buffer *b, size_t size)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->data, size), size);
	return fd;
}

/* All that is done with a file: tables, index, every name */
static int read_all(int fd)
{
	struct elf_file elf;
	struct index index;
	char name[ELF_NAME_MAX];
	u64 bias;
	int r = elf_file_read(&elf, fd);

	if (r < 0)
		return r;
	elf_file_bias(&bias, &elf, 0x7f0000000000, 0);
	elf_file_holds(&elf, 0x2000);
	r = elf_file_index(&index, fd, &elf.symtab, fd, &elf.dynsym, elf.wide, MOST);
	if (r < 0)
		return r;
	for (u32 i = 0; i < index.count; i++) {
		bool dyn = index.entries[i].key & INDEX_DYN;

		elf_file_name(name, fd, dyn ? &elf.dynsym : &elf.symtab, index.entries[i].name);
	}
	r = (int)index.count;
	index_free(&index);
	return r;
}

static void assert_names(const struct elf_file *elf, int fd, u64 address, bool object,
			 const char *expected)
{
	CLEANUP(free) struct index_entry *owned = NULL;
	const struct index_entry *found[INDEX_ALIASES];
	char name[ELF_NAME_MAX];
	struct index index;

	assert_int_equal(
		elf_file_index(&index, fd, &elf->symtab, fd, &elf->dynsym, elf->wide, MOST), 0);
	owned = index.entries;
	if (!expected) {
		assert_int_equal(index_find(found, &index, address, object), 0);
		return;
	}
	assert_int_equal(index_find(found, &index, address, object), 1);
	assert_int_equal(elf_file_name(name, fd, &elf->symtab, found[0]->name), strlen(expected));
	assert_string_equal(name, expected);
}

static void functions_and_variables_are_found_in_both_classes(void **state)
{
	for (int wide = 0; wide < 2; wide++) {
		struct buffer b = { 0 };
		struct elf_file elf;
		int fd;

		make_elf(&b, wide);
		fd = file_of(&b, b.size);
		assert_int_equal(elf_file_read(&elf, fd), 0);
		assert_int_equal(elf.wide, wide);
		assert_int_equal(elf.segment_count, 1);
		assert_names(&elf, fd, 0x1000, false, "alpha");
		assert_names(&elf, fd, 0x101f, false, "alpha");
		assert_names(&elf, fd, 0x1020, false, "_ZN4beta5gammaEv");
		assert_names(&elf, fd, 0x1030, false, NULL);
		assert_names(&elf, fd, 0xfff, false, NULL);
		assert_names(&elf, fd, 0x2027, true, "queue_lock");
		assert_names(&elf, fd, 0x2028, true, NULL);
		assert_names(&elf, fd, 0x2000, false, NULL);
		assert_names(&elf, fd, 0x1000, true, NULL);
		assert_string_equal(elf.link, "x.debug");
		assert_int_equal(elf.link_crc, 0x11223344);
		close(fd);
		buffer_free(&b);
	}
}

static void a_mapping_says_where_a_file_was_loaded(void **state)
{
	const struct elf_file elf = {
		.segment_count = 3,
		.segments = { { .offset = 0, .file_bytes = 0x800, .bytes = 0x800 },
			      { .offset = 0x840,
				.file_bytes = 0x5000,
				.address = 0x1840,
				.bytes = 0x5000,
				.executable = true },
			      { .offset = 0x5840,
				.file_bytes = 0x100,
				.address = 0x7840,
				.bytes = 0x4000 } },
	};
	u64 bias;

	assert_true(elf_file_bias(&bias, &elf, 0x7f0000001000, 0));
	assert_int_equal(bias, 0x7f0000000000);
	assert_true(elf_file_bias(&bias, &elf, 0x7f0000003000, 0x2000));
	assert_int_equal(bias, 0x7f0000000000);
	assert_false(elf_file_bias(&bias, &elf, 0x7f0000003000, 0x6000));
	assert_true(elf_file_holds(&elf, 0xb83f));
	assert_false(elf_file_holds(&elf, 0xb840));
	assert_false(elf_file_holds(&elf, 0x800));
}

static void a_file_cut_anywhere_has_fewer_symbols_or_none(void **state)
{
	for (int wide = 0; wide < 2; wide++) {
		struct buffer b = { 0 };

		make_elf(&b, wide);
		for (size_t size = 0; size < b.size; size++) {
			int fd = file_of(&b, size);
			int r = read_all(fd);

			assert_true(r <= 3);
			close(fd);
		}
		buffer_free(&b);
	}
}

static void a_file_with_any_bit_wrong_does_no_harm(void **state)
{
	for (int wide = 0; wide < 2; wide++) {
		struct buffer b = { 0 };

		make_elf(&b, wide);
		for (size_t bit = 0; bit < b.size * 8; bit++) {
			int fd;

			b.data[bit / 8] ^= (u8)(1 << bit % 8);
			fd = file_of(&b, b.size);
			read_all(fd);
			close(fd);
			b.data[bit / 8] ^= (u8)(1 << bit % 8);
		}
		buffer_free(&b);
	}
}

static void random_damage_does_no_harm(void **state)
{
	u64 seed = 1;

	for (int round = 0; round < 20000; round++) {
		struct buffer b = { 0 };
		int fd;

		make_elf(&b, round & 1);
		for (int i = 0; i < 1 + round % 7; i++) {
			static const u8 bytes[] = { 0, 1, 0x7f, 0x80, 0xff };

			seed = hash_u64(seed + 1);
			b.data[seed % b.size] = bytes[(seed >> 32) % sizeof(bytes)];
		}
		fd = file_of(&b, b.size);
		read_all(fd);
		close(fd);
		buffer_free(&b);
	}
}

static void tables_that_lie_are_no_tables(void **state)
{
	static const u64 lies[] = { UINT64_MAX, INT64_MAX, 1ULL << 40, 0x7fffffffffffff00 };
	struct buffer b = { 0 };
	Elf64_Ehdr head;

	make_elf(&b, true);
	memcpy(&head, b.data, sizeof(head));
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		for (int section = 0; section < 5; section++) {
			for (size_t at = 0; at + 8 <= sizeof(Elf64_Shdr); at += 4) {
				u8 *field = b.data + head.e_shoff + at +
					    (size_t)section * sizeof(Elf64_Shdr);
				u64 before;
				int fd;

				memcpy(&before, field, 8);
				memcpy(field, &lies[i], 8);
				fd = file_of(&b, b.size);
				assert_true(read_all(fd) <= 3);
				close(fd);
				memcpy(field, &before, 8);
			}
		}
	}
	buffer_free(&b);
}

/* A table that names itself as its names, and one that covers the whole file */
static void cyclic_tables_end(void **state)
{
	struct buffer b = { 0 };
	Elf64_Shdr section;
	Elf64_Ehdr head;
	int fd;

	make_elf(&b, true);
	memcpy(&head, b.data, sizeof(head));
	memcpy(&section, b.data + head.e_shoff + sizeof(section), sizeof(section));
	section.sh_link = 1;
	memcpy(b.data + head.e_shoff + sizeof(section), &section, sizeof(section));
	fd = file_of(&b, b.size);
	assert_int_equal(read_all(fd), 0);
	close(fd);
	section.sh_link = 2;
	section.sh_offset = 8;
	section.sh_size = b.size - 8;
	memcpy(b.data + head.e_shoff + sizeof(section), &section, sizeof(section));
	fd = file_of(&b, b.size);
	read_all(fd);
	close(fd);
	buffer_free(&b);
}

static void more_symbols_than_there_is_room_for_are_refused(void **state)
{
	struct buffer b = { 0 };
	struct index index = { 0 };
	struct elf_file elf;
	int fd;

	make_elf(&b, true);
	fd = file_of(&b, b.size);
	assert_int_equal(elf_file_read(&elf, fd), 0);
	assert_int_equal(elf_file_index(&index, fd, &elf.symtab, fd, &elf.dynsym, true, 2), -E2BIG);
	assert_null(index.entries);
	assert_int_equal(elf_file_index(&index, fd, &elf.symtab, fd, &elf.dynsym, true, 3), 0);
	assert_int_equal(index.count, 3);
	index_free(&index);
	close(fd);
	buffer_free(&b);
}

static void a_file_that_shrinks_meanwhile_ends_quietly(void **state)
{
	struct buffer b = { 0 };
	struct index index;
	char name[ELF_NAME_MAX];
	struct elf_file elf;
	int fd;

	make_elf(&b, true);
	fd = file_of(&b, b.size);
	assert_int_equal(elf_file_read(&elf, fd), 0);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(elf_file_index(&index, fd, &elf.symtab, fd, &elf.dynsym, true, MOST), 0);
	assert_int_equal(index.count, 0);
	assert_int_equal(elf_file_name(name, fd, &elf.symtab, 1), 0);
	index_free(&index);
	close(fd);
	buffer_free(&b);
}

static void what_is_no_elf_file_is_refused(void **state)
{
	struct elf_file elf;
	int fds[2];
	int fd = memfd_create("text", MFD_CLOEXEC);

	assert_int_equal(elf_file_read(&elf, fd), -ENOEXEC);
	assert_int_equal(write(fd, "#!/bin/sh\n", 10), 10);
	assert_int_equal(elf_file_read(&elf, fd), -ENOEXEC);
	close(fd);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(elf_file_read(&elf, fds[0]), -ENOEXEC);
	close(fds[0]);
	close(fds[1]);
}

static void an_index_is_sorted_whatever_comes(void **state)
{
	u64 seed = 7;

	for (u32 count = 0; count < 5000; count = count * 2 + 1) {
		struct index index = { .count = count };

		index.entries = calloc(count + 1, sizeof(*index.entries));
		assert_non_null(index.entries);
		for (u32 i = 0; i < count; i++)
			index.entries[i].key = (seed = hash_u64(seed + i)) % 1000 << 8;
		index_sort(&index);
		for (u32 i = 1; i < count; i++)
			assert_true(index.entries[i - 1].key <= index.entries[i].key);
		index_free(&index);
	}
}

static void of_symbols_within_each_other_the_inner_one_counts(void **state)
{
	struct index_entry entries[] = { { index_key(100, 0), 100, 1 },
					 { index_key(120, 0), 10, 2 },
					 { index_key(140, 0), 0, 3 },
					 { index_key(150, 0), 1, 4 } };
	const struct index index = { entries, ARRAY_SIZE(entries), 20 };
	static const struct {
		u64 address;
		u32 name;
	} expected[] = { { 99, 0 },  { 100, 1 }, { 120, 2 }, { 130, 1 }, { 140, 3 },
			 { 149, 3 }, { 150, 4 }, { 151, 1 }, { 199, 1 }, { 200, 0 } };
	const struct index_entry *found[INDEX_ALIASES];

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		unsigned int count = index_find(found, &index, expected[i].address, false);

		assert_int_equal(count, expected[i].name != 0);
		if (count)
			assert_int_equal(found[0]->name, expected[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_and_variables_are_found_in_both_classes),
		cmocka_unit_test(a_mapping_says_where_a_file_was_loaded),
		cmocka_unit_test(a_file_cut_anywhere_has_fewer_symbols_or_none),
		cmocka_unit_test(a_file_with_any_bit_wrong_does_no_harm),
		cmocka_unit_test(random_damage_does_no_harm),
		cmocka_unit_test(tables_that_lie_are_no_tables),
		cmocka_unit_test(cyclic_tables_end),
		cmocka_unit_test(more_symbols_than_there_is_room_for_are_refused),
		cmocka_unit_test(a_file_that_shrinks_meanwhile_ends_quietly),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(an_index_is_sorted_whatever_comes),
		cmocka_unit_test(of_symbols_within_each_other_the_inner_one_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
