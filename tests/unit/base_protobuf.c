// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* base_protobuf - the bytes are those that the format's description gives, and gzip reads back */
#include "user/base/protobuf.h"

#include <stdlib.h>
#include <zlib.h>

#include "user/base/gzip.h"

#include "tests/unit/unit.h"

#define assert_bytes(buffer, ...)                                                  \
	do {                                                                       \
		const u8 expected_[] = { __VA_ARGS__ };                            \
                                                                                   \
		assert_false((buffer)->failed);                                    \
		assert_int_equal((buffer)->size, sizeof(expected_));               \
		assert_memory_equal((buffer)->data, expected_, sizeof(expected_)); \
		buffer_free(buffer);                                               \
	} while (0)

static void numbers_are_varints_behind_their_field(void **state)
{
	struct buffer b = { 0 };

	proto_u64(&b, 1, 150);
	assert_bytes(&b, 0x08, 0x96, 0x01);
	proto_u64(&b, 16, 1);
	assert_bytes(&b, 0x80, 0x01, 0x01);
	proto_s64(&b, 2, -2);
	assert_bytes(&b, 0x10, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
	proto_bool(&b, 3, true);
	assert_bytes(&b, 0x18, 0x01);
}

static void zeros_and_fixed_numbers_of_proto2(void **state)
{
	struct buffer b = { 0 };

	proto_number(&b, 1, 0);
	proto_number(&b, 20, 300);
	assert_bytes(&b, 0x08, 0x00, 0xa0, 0x01, 0xac, 0x02);
	proto_fixed64(&b, 47, 0x0102030405060708);
	assert_bytes(&b, 0xf9, 0x02, 8, 7, 6, 5, 4, 3, 2, 1);
	proto_double(&b, 5, 1.5);
	assert_bytes(&b, 0x29, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f);
}

static void messages_nest_where_they_are_written(void **state)
{
	struct buffer b = { 0 };
	size_t outer, inner;

	outer = proto_begin(&b, 1);
	proto_number(&b, 2, 7);
	inner = proto_begin(&b, 3);
	proto_text(&b, 1, "x");
	proto_end(&b, inner);
	proto_end(&b, outer);
	outer = proto_begin(&b, 4);
	proto_end(&b, outer);
	assert_bytes(&b, 0x0a, 0x07, 0x10, 0x07, 0x1a, 0x03, 0x0a, 0x01, 'x', 0x22, 0x00);
}

static void long_messages_have_long_lengths(void **state)
{
	char text[20000];
	struct buffer whole = { 0 }, part = { 0 }, b = { 0 };
	size_t outer, inner;

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 0;
	outer = proto_begin(&b, 1);
	inner = proto_begin(&b, 2);
	proto_text(&b, 3, text);
	proto_end(&b, inner);
	proto_end(&b, outer);
	proto_text(&part, 3, text);
	proto_item(&whole, 2, part.data, part.size);
	buffer_reset(&part);
	proto_item(&part, 1, whole.data, whole.size);
	assert_int_equal(b.size, part.size);
	assert_memory_equal(b.data, part.data, b.size);
	buffer_free(&whole);
	buffer_free(&part);
	buffer_free(&b);
}

static void texts_have_their_length(void **state)
{
	struct buffer b = { 0 };

	proto_text(&b, 2, "testing");
	assert_bytes(&b, 0x12, 0x07, 't', 'e', 's', 't', 'i', 'n', 'g');
	proto_bytes(&b, 3, "\x08\x96\x01", 3);
	assert_bytes(&b, 0x1a, 0x03, 0x08, 0x96, 0x01);
}

static void lists_of_numbers_are_packed(void **state)
{
	struct buffer b = { 0 };

	proto_packed(&b, 4, (const u64[]){ 3, 270, 86942 }, 3);
	assert_bytes(&b, 0x22, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05);
	/* Zeros inside count. */
	proto_packed(&b, 4, (const u64[]){ 0, 1 }, 2);
	assert_bytes(&b, 0x22, 0x02, 0x00, 0x01);
}

static void what_is_empty_is_left_out_but_not_from_lists(void **state)
{
	struct buffer b = { 0 };

	proto_u64(&b, 1, 0);
	proto_bool(&b, 1, false);
	proto_text(&b, 1, "");
	proto_packed(&b, 1, NULL, 0);
	assert_int_equal(b.size, 0);
	proto_item(&b, 6, "", 0);
	assert_bytes(&b, 0x32, 0x00);
}

static void gzip_gives_back_what_was_written(void **state)
{
	const size_t size = 3000000;
	CLEANUP(free) u8 *in = malloc(size);
	CLEANUP(free) u8 *back = malloc(size);
	CLEANUP(gzip_free) struct gzip *gzip = NULL;
	CLEANUP(free) char *made = NULL;
	size_t made_size, at = 0;
	FILE *out = open_memstream(&made, &made_size);
	z_stream stream = { 0 };
	u32 seed = 7;

	for (size_t i = 0; i < size; i++) {
		seed = seed * 1103515245 + 12345;
		in[i] = (u8)(seed >> 16 & (i < size / 2 ? 0xff : 0x3));
	}
	assert_int_equal(gzip_new(&gzip, out, NULL), 0);
	for (size_t piece = 1; at < size; piece = piece * 3 + 1) {
		size_t part = min(piece, size - at);

		assert_int_equal(gzip_write(gzip, in + at, part), 0);
		at += part;
	}
	assert_int_equal(gzip_finish(gzip), 0);
	fclose(out);
	assert_int_equal(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
	stream.next_in = (u8 *)made;
	stream.avail_in = (unsigned int)made_size;
	stream.next_out = back;
	stream.avail_out = (unsigned int)size;
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.total_out, size);
	assert_int_equal(stream.avail_in, 0);
	inflateEnd(&stream);
	assert_memory_equal(in, back, size);
}

static void gzip_says_that_the_disk_is_full(void **state)
{
	CLEANUP(gzip_free) struct gzip *gzip = NULL;
	CLEANUP(fclose) FILE *full = fopen("/dev/full", "we");

	if (!full)
		skip();
	setvbuf(full, NULL, _IONBF, 0);
	assert_int_equal(gzip_new(&gzip, full, NULL), 0);
	gzip_write(gzip, "x", 1);
	assert_int_equal(gzip_finish(gzip), -ENOSPC);
	assert_int_equal(gzip_write(gzip, "x", 1), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_varints_behind_their_field),
		cmocka_unit_test(zeros_and_fixed_numbers_of_proto2),
		cmocka_unit_test(messages_nest_where_they_are_written),
		cmocka_unit_test(long_messages_have_long_lengths),
		cmocka_unit_test(texts_have_their_length),
		cmocka_unit_test(lists_of_numbers_are_packed),
		cmocka_unit_test(what_is_empty_is_left_out_but_not_from_lists),
		cmocka_unit_test(gzip_gives_back_what_was_written),
		cmocka_unit_test(gzip_says_that_the_disk_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
