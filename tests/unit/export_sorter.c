// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* export_sorter - records come out in order, however many there are and however little memory */
#include "user/export/sorter.h"

#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include "tests/unit/unit.h"

#define RECORDS 20000

static u64 seed = 88172645463325252ULL;

static u32 below(u32 limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (u32)(seed >> 20) % limit;
}

/* A record tells its number and its key; its length is its own. */
struct record {
	u64 key;
	u32 number;
	u8 filler[40];
};

static size_t bytes_of(u32 number)
{
	return offsetof(struct record, filler) + number % 40;
}

static void add(struct sorter *sorter, u64 key, u32 number)
{
	struct record record = { .key = key, .number = number };

	memset(record.filler, (int)number & 0xff, sizeof(record.filler));
	assert_int_equal(sorter_add(sorter, key, &record, bytes_of(number)), 0);
}

/* Whole, in order of the keys, and of equal keys in the order in which they were added */
static void assert_sorted(struct sorter *sorter, u32 count)
{
	u64 key, before_key = 0;
	u32 before = 0, seen = 0;
	const u8 *data;
	size_t size;
	int r;

	assert_int_equal(sorter_finish(sorter), 0);
	while ((r = sorter_next(sorter, &key, &data, &size)) > 0) {
		struct record record = { 0 };

		assert_true(size <= sizeof(record));
		memcpy(&record, data, size);
		assert_true(record.key == key);
		assert_int_equal(size, bytes_of(record.number));
		for (size_t i = offsetof(struct record, filler); i < size; i++)
			assert_int_equal(data[i], record.number & 0xff);
		assert_true(key >= before_key);
		assert_true(!seen || key > before_key || record.number > before);
		before_key = key;
		before = record.number;
		seen++;
	}
	assert_int_equal(r, 0);
	assert_int_equal(seen, count);
}

static void keys_of_any_size_come_in_order(void **state)
{
	static const u64 masks[] = { 0, 7, 0xffff, 0xffffffffffULL, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		struct sorter sorter = { 0 };

		for (u32 n = 0; n < RECORDS; n++)
			add(&sorter, ((u64)below(UINT32_MAX) << 32 | below(UINT32_MAX)) & masks[i],
			    n);
		assert_int_equal(sorter.file, 0);
		assert_sorted(&sorter, RECORDS);
		sorter_free(&sorter);
	}
}

static void more_than_fits_goes_through_a_file(void **state)
{
	/* runs that are merged at the end; runs of runs, too */
	static const struct {
		u32 items, runs;
	} sizes[] = { { 1000, 0 }, { 100, 4 }, { 1, 100 } };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct sorter sorter = { .items_max = sizes[i].items, .runs_max = sizes[i].runs };
		u32 count = sizes[i].items == 1 ? 1000 : RECORDS;

		for (u32 n = 0; n < count; n++)
			add(&sorter, below(5000), n);
		assert_true(sorter.file);
		assert_sorted(&sorter, count);
		sorter_free(&sorter);
	}
}

static void memory_is_what_was_given(void **state)
{
	struct sorter sorter = { .bytes_max = 1 << 16 };

	/* almost in order: a few come late, one from the very begin */
	for (u32 n = 0; n < RECORDS; n++) {
		add(&sorter, n + 1 == RECORDS ? 0 : n - min(n, below(50) ? 0 : below(3000)), n);
		assert_true(sorter.used <= 1 << 16);
		assert_true(sorter.arena_room <= 1 << 16);
	}
	assert_true(sorter.run_count > 5);
	assert_sorted(&sorter, RECORDS);
	sorter_free(&sorter);
}

static void nothing_sorts_to_nothing(void **state)
{
	struct sorter sorter = { 0 };

	assert_sorted(&sorter, 0);
	sorter_free(&sorter);
}

static void a_record_that_is_too_long_is_refused(void **state)
{
	static const u8 long_one[SORTER_RECORD_MAX + 1];
	struct sorter sorter = { .items_max = 1 };
	const u8 *data;
	size_t size;
	u64 key;

	assert_int_equal(sorter_add(&sorter, 1, long_one, sizeof(long_one)), -E2BIG);
	for (int i = 0; i < 20; i++)
		assert_int_equal(sorter_add(&sorter, 20 - (u64)i, long_one, SORTER_RECORD_MAX), 0);
	assert_int_equal(sorter_finish(&sorter), 0);
	for (u64 i = 1; i <= 20; i++) {
		assert_int_equal(sorter_next(&sorter, &key, &data, &size), 1);
		assert_int_equal(key, i);
		assert_int_equal(size, SORTER_RECORD_MAX);
	}
	sorter_free(&sorter);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
	struct sorter sorter = { .items_max = 1 };

	setenv("TMPDIR", "/nonexistent/folder", 1);
	assert_int_equal(sorter_add(&sorter, 1, "a", 1), 0);
	assert_int_equal(sorter_add(&sorter, 2, "b", 1), -ENOENT);
	unsetenv("TMPDIR");
	sorter_free(&sorter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_any_size_come_in_order),
		cmocka_unit_test(more_than_fits_goes_through_a_file),
		cmocka_unit_test(memory_is_what_was_given),
		cmocka_unit_test(nothing_sorts_to_nothing),
		cmocka_unit_test(a_record_that_is_too_long_is_refused),
		cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
