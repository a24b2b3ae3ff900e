// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* base_buffer - bytes and integers go in and come out the same, or the reader says so */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/base/buffer.h"

static const u64 numbers[] = {
	0,          1,          127,        128,        16383,          16384,
	UINT32_MAX, 1ULL << 32, 1ULL << 62, 1ULL << 63, UINT64_MAX - 1, UINT64_MAX,
};

static struct cursor over(const void *data, size_t size)
{
	return (struct cursor){ .at = data, .end = (const u8 *)data + size };
}

static void a_varint_comes_back_as_it_was(void **state)
{
	struct buffer b = { 0 };
	struct cursor c;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		buffer_varint(&b, numbers[i]);
	c = over(b.data, b.size);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		assert_true(cursor_varint(&c) == numbers[i]);
	assert_false(c.failed);
	assert_ptr_equal(c.at, c.end);
	buffer_free(&b);
}

static void the_longest_varint_fits(void **state)
{
	u8 bytes[VARINT_MAX];

	assert_int_equal(varint_put(bytes, UINT64_MAX) - bytes, VARINT_MAX);
	assert_int_equal(varint_put(bytes, 127) - bytes, 1);
	assert_int_equal(varint_put(bytes, 128) - bytes, 2);
}

static void small_negative_numbers_are_short(void **state)
{
	static const s64 values[] = { 0, -1, 1, -64, 63, INT32_MIN, INT64_MIN, INT64_MAX };

	assert_int_equal(zigzag(-1), 1);
	assert_int_equal(zigzag(1), 2);
	assert_true(zigzag(INT64_MIN) == UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		u8 bytes[VARINT_MAX];
		struct cursor c =
			over(bytes, (size_t)(varint_put(bytes, zigzag(values[i])) - bytes));

		assert_true(cursor_svarint(&c) == values[i]);
	}
}

static void every_truncation_is_noticed(void **state)
{
	struct buffer b = { 0 };

	buffer_varint(&b, UINT64_MAX);
	buffer_bytes(&b, "abcdef", 6);
	for (size_t size = 0; size < b.size; size++) {
		u8 *exact = malloc(size ? size : 1); /* a read past it is seen by sanitizers */
		struct cursor c, sub;

		memcpy(exact, b.data, size);
		c = over(exact, size);
		cursor_varint(&c);
		sub = cursor_sub(&c);
		assert_true(c.failed);
		assert_true(sub.failed || sub.at == sub.end || size >= VARINT_MAX);
		free(exact);
	}
	buffer_free(&b);
}

static void a_varint_of_more_than_64_bits_is_refused(void **state)
{
	static const u8 endless[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
				      0x80, 0x80, 0x80, 0x80, 0x80, 0x00 };
	static const u8 too_large[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02
	};
	struct cursor c = over(endless, sizeof(endless));

	assert_int_equal(cursor_varint(&c), 0);
	assert_true(c.failed);
	c = over(too_large, sizeof(too_large));
	assert_int_equal(cursor_varint(&c), 0);
	assert_true(c.failed);
}

static void a_length_beyond_the_end_takes_nothing(void **state)
{
	u8 bytes[VARINT_MAX + 1];
	struct cursor c = over(bytes, (size_t)(varint_put(bytes, UINT64_MAX) - bytes));
	struct cursor sub = cursor_sub(&c);

	assert_true(c.failed);
	assert_true(sub.failed);
	assert_int_equal(cursor_u8(&sub), 0);
	assert_int_equal(cursor_varint(&sub), 0);
	assert_null(cursor_take(&sub, 1));
}

static void a_part_cannot_read_what_lies_behind_it(void **state)
{
	struct buffer b = { 0 };
	struct cursor c, sub;

	buffer_bytes(&b, "ab", 2);
	buffer_bytes(&b, "", 0);
	buffer_bytes(&b, "c", 1);
	c = over(b.data, b.size);
	sub = cursor_sub(&c);
	assert_int_equal(cursor_u8(&sub), 'a');
	assert_int_equal(cursor_u8(&sub), 'b');
	assert_false(sub.failed);
	assert_int_equal(cursor_u8(&sub), 0);
	assert_true(sub.failed);
	sub = cursor_sub(&c);
	assert_false(sub.failed);
	assert_ptr_equal(sub.at, sub.end);
	sub = cursor_sub(&c);
	assert_int_equal(cursor_u8(&sub), 'c');
	assert_false(c.failed);
	buffer_free(&b);
}

static void a_buffer_grows_and_keeps_its_bytes(void **state)
{
	struct buffer b = { 0 };
	u8 block[1000];

	for (unsigned int i = 0; i < 500; i++) {
		memset(block, (int)(i & 0xff), sizeof(block));
		buffer_append(&b, block, i);
	}
	assert_false(b.failed);
	assert_int_equal(b.size, 499 * 500 / 2);
	for (unsigned int i = 0, at = 0; i < 500; at += i++)
		for (unsigned int k = 0; k < i; k++)
			assert_int_equal(b.data[at + k], i & 0xff);
	buffer_free(&b);
	assert_null(b.data);
}

static void appending_nothing_needs_no_memory(void **state)
{
	struct buffer b = { 0 };

	buffer_append(&b, NULL, 0);
	assert_null(b.data);
	assert_false(b.failed);
}

static void an_impossible_size_fails_and_keeps_what_was_there(void **state)
{
	struct buffer b = { 0 };

	buffer_append(&b, "abc", 3);
	assert_int_equal(buffer_reserve(&b, SIZE_MAX), -ENOMEM);
	assert_true(b.failed);
	assert_int_equal(b.size, 3);
	assert_memory_equal(b.data, "abc", 3);
	buffer_reset(&b);
	assert_false(b.failed);
	buffer_free(&b);
}

static void random_bytes_never_read_past_their_end(void **state)
{
	unsigned int seed = 7;

	for (int round = 0; round < 5000; round++) {
		size_t size = (size_t)rand_r(&seed) % 40;
		u8 *bytes = malloc(size ? size : 1);
		struct cursor c = over(bytes, size);

		for (size_t i = 0; i < size; i++)
			bytes[i] = (u8)rand_r(&seed);
		while (!c.failed) {
			struct cursor sub = cursor_sub(&c);

			while (!sub.failed)
				cursor_svarint(&sub);
			cursor_u8(&c);
		}
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_varint_comes_back_as_it_was),
		cmocka_unit_test(the_longest_varint_fits),
		cmocka_unit_test(small_negative_numbers_are_short),
		cmocka_unit_test(every_truncation_is_noticed),
		cmocka_unit_test(a_varint_of_more_than_64_bits_is_refused),
		cmocka_unit_test(a_length_beyond_the_end_takes_nothing),
		cmocka_unit_test(a_part_cannot_read_what_lies_behind_it),
		cmocka_unit_test(a_buffer_grows_and_keeps_its_bytes),
		cmocka_unit_test(appending_nothing_needs_no_memory),
		cmocka_unit_test(an_impossible_size_fails_and_keeps_what_was_there),
		cmocka_unit_test(random_bytes_never_read_past_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
