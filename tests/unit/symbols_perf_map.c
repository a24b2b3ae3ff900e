// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* symbols_perf_map - what JIT compilers tell, and what others put in their place */
#include "user/symbols/perf_map.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "user/base/map.h"

#include "tests/unit/helpers_elf.h"
#include "tests/unit/unit.h"

static const char *write_map(const char *text)
{
	const char *path = in_folder("perf-1.map");

	remove(path);
	file_make(path, text, strlen(text));
	return path;
}

static void assert_found(const struct perf_map *map, u64 address, const char *name)
{
	u64 begin;
	const char *found = perf_map_find(map, address, &begin);

	if (!name) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, name);
	assert_true(begin <= address);
}

static void functions_are_found_by_their_addresses(void **state)
{
	CLEANUP(perf_map_free) struct perf_map *map = NULL;
	const char *path = write_map("7f0000001000 20 first\n"
				     "7f0000001020 8 LazyCompile:~second /app/x.js:3\n"
				     "0x7F0000002000 0x10 with 0x\n");

	assert_int_equal(perf_map_open(&map, "", path, getuid()), 0);
	assert_int_equal(map->index.count, 3);
	assert_int_equal(map->skipped, 0);
	assert_found(map, 0x7f0000001000, "first");
	assert_found(map, 0x7f000000101f, "first");
	assert_found(map, 0x7f0000001027, "LazyCompile:~second /app/x.js:3");
	assert_found(map, 0x7f0000001028, NULL);
	assert_found(map, 0x7f0000002001, "with 0x");
	assert_found(map, 0xfff, NULL);
}

static void where_memory_was_used_again_the_last_one_counts(void **state)
{
	CLEANUP(perf_map_free) struct perf_map *map = NULL;
	const char *path = write_map("1000 100 old\n1040 10 small\n0ff0 80 new\n1000 10 newest\n");

	assert_int_equal(perf_map_open(&map, "", path, getuid()), 0);
	assert_found(map, 0x1008, "newest");
	assert_found(map, 0x1048, "new");
	assert_found(map, 0x1090, "old");
}

static void lines_of_garbage_are_left_out_and_counted(void **state)
{
	CLEANUP(perf_map_free) struct perf_map *map = NULL;
	char text[200000];
	const char *path;
	size_t size;

	size = (size_t)sprintf(text, "\n1000\n1000 10\n1000 10 \nxyz 10 a\n1000 0 empty\n"
				     "ffffffffffffffff 10 far\n11111111111111111 1 long\n"
				     "2000 10 good\n");
	memset(text + size, 'x', sizeof(text) - size);
	memcpy(text + sizeof(text) - 40, "\n3000 10 better\n4000 10 on its way", 35);
	path = write_map("");
	file_make(path, text, sizeof(text) - 6);
	assert_int_equal(perf_map_open(&map, "", path, getuid()), 0);
	assert_int_equal(map->index.count, 2);
	assert_int_equal(map->skipped, 10);
	assert_found(map, 0x2000, "good");
	assert_found(map, 0x3000, "better");
}

static void bytes_of_any_kind_do_no_harm(void **state)
{
	u64 seed = 3;

	for (int round = 0; round < 300; round++) {
		static const char alphabet[] = "0123456789abcdefx \n\n \0\xff";
		CLEANUP(perf_map_free) struct perf_map *map = NULL;
		const char *path = write_map("");
		char text[2000];

		for (size_t i = 0; i < sizeof(text); i++) {
			seed = hash_u64(seed + 1);
			text[i] = alphabet[(seed >> 9) % (sizeof(alphabet) - 1)];
		}
		file_make(path, text, sizeof(text));
		assert_int_equal(perf_map_open(&map, "", path, getuid()), 0);
		for (u64 address = 0; address < 0x2000; address += 7) {
			u64 begin;

			perf_map_find(map, address, &begin);
		}
	}
}

static void what_is_no_regular_file_is_refused(void **state)
{
	struct perf_map *map = NULL;
	const char *real = write_map("1000 10 a\n"), *link = in_folder("link");

	assert_int_equal(symlink(real, link), 0);
	assert_int_equal(perf_map_open(&map, "", link, getuid()), -ELOOP);
	assert_int_equal(mkdir(in_folder("directory"), 0700), 0);
	assert_int_equal(perf_map_open(&map, "", in_folder("directory"), getuid()), -EINVAL);
	/* Nobody writes into it: who waits for that waits for ever. */
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	assert_int_equal(perf_map_open(&map, "", in_folder("fifo"), getuid()), -EINVAL);
	assert_int_equal(perf_map_open(&map, "", in_folder("nothing"), getuid()), -ENOENT);
	assert_int_equal(perf_map_open(&map, "", "/dev/null", getuid()), -EINVAL);
	assert_int_equal(perf_map_open(&map, "", "relative", getuid()), -ENOENT);
	assert_null(map);
}

static void a_file_of_another_user_is_refused(void **state)
{
	struct perf_map *map = NULL;
	const char *path = write_map("1000 10 a\n");

	/* Without root the file is ours, and the process somebody else's. */
	if (geteuid())
		assert_int_equal(perf_map_open(&map, "", path, getuid() + 1), -EPERM);
	else
		assert_int_equal(chown(path, 4711, 4711) ||
					 perf_map_open(&map, "", path, 4712) != -EPERM,
				 0);
	assert_null(map);
}

static void links_below_another_root_stay_there(void **state)
{
	CLEANUP(perf_map_free) struct perf_map *map = NULL;
	char root[256];

	snprintf(root, sizeof(root), "%s", in_folder("root"));
	assert_true(runs("mkdir -p '%s/real' && ln -sfn /real '%s/tmp'", root, root));
	assert_true(runs("echo '1000 10 inside' > '%s/real/perf-1.map'", root));
	assert_int_equal(perf_map_open(&map, root, "/tmp/perf-1.map", getuid()), 0);
	assert_found(map, 0x1000, "inside");
}

static void gigabytes_are_read_to_a_limit(void **state)
{
	CLEANUP(perf_map_free) struct perf_map *map = NULL;
	const char *path = write_map("1000 10 a\n");

	assert_int_equal(truncate(path, 3LL << 30), 0); /* sparse: takes no room */
	assert_int_equal(perf_map_open(&map, "", path, getuid()), 0);
	assert_true(map->cut);
	assert_found(map, 0x1000, "a");
}

static int make_folder(void **state)
{
	folder_make();
	return 0;
}

static int remove_folder(void **state)
{
	folder_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_found_by_their_addresses),
		cmocka_unit_test(where_memory_was_used_again_the_last_one_counts),
		cmocka_unit_test(lines_of_garbage_are_left_out_and_counted),
		cmocka_unit_test(bytes_of_any_kind_do_no_harm),
		cmocka_unit_test(what_is_no_regular_file_is_refused),
		cmocka_unit_test(a_file_of_another_user_is_refused),
		cmocka_unit_test(links_below_another_root_stay_there),
		cmocka_unit_test(gigabytes_are_read_to_a_limit),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
