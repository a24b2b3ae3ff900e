// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* base_text - numbers as a person types and reads them */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/base/text.h"

#define SEC NSEC_PER_SEC

static void a_duration_has_three_significant_digits(void **state)
{
	static const struct {
		u64 ns;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1 ns" },
		{ 999, "999 ns" },
		{ 1000, "1.00 µs" },
		{ 1234, "1.23 µs" },
		{ 9994, "9.99 µs" },
		{ 9996, "10.0 µs" },
		{ 99940, "99.9 µs" },
		{ 99960, "100 µs" },
		{ 999400, "999 µs" },
		{ 999600, "1.00 ms" },
		{ 312000, "312 µs" },
		{ 1240000000, "1.24 s" },
		{ 999960000, "1.00 s" },
		{ 12 * SEC + SEC / 2, "12.5 s" },
		{ 59940000000, "59.9 s" },
		{ 59960000000, "1 min 00 s" },
		{ 60 * SEC, "1 min 00 s" },
		{ 200 * SEC, "3 min 20 s" },
		{ 3599 * SEC + 600000000, "1 h 00 min" },
		{ 7199 * SEC, "1 h 59 min" },
		{ 48 * 3600 * SEC, "2 d 00 h" },
		{ UINT64_MAX, "213503 d 23 h" },
	};
	char text[TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(text_duration(text, rows[i].ns), rows[i].text);
}

static void bytes_are_shown_in_powers_of_1024(void **state)
{
	static const struct {
		u64 bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 512, "512 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 4096, "4.0 KiB" },
		{ 10240, "10 KiB" },
		{ 1024 * 1024 - 1, "1.0 MiB" },
		{ 64 << 20, "64 MiB" },
		{ UINT64_MAX, "16 EiB" },
	};
	char text[TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(text_bytes(text, rows[i].bytes), rows[i].text);
}

static void a_count_has_a_comma_every_three_digits(void **state)
{
	char text[TEXT_MAX];

	assert_string_equal(text_count(text, 0), "0");
	assert_string_equal(text_count(text, 999), "999");
	assert_string_equal(text_count(text, 1000), "1,000");
	assert_string_equal(text_count(text, 12345678), "12,345,678");
	assert_string_equal(text_count(text, UINT64_MAX), "18,446,744,073,709,551,615");
}

static void a_share_is_never_zero_when_there_is_a_part(void **state)
{
	char text[TEXT_MAX];

	assert_string_equal(text_share(text, 0, 0), "-");
	assert_string_equal(text_share(text, 5, 0), "-");
	assert_string_equal(text_share(text, 0, 10), "0 %");
	assert_string_equal(text_share(text, 1, 1000000), "<0.1 %");
	assert_string_equal(text_share(text, 4, 1000), "0.4 %");
	assert_string_equal(text_share(text, 123, 1000), "12.3 %");
	assert_string_equal(text_share(text, 10, 10), "100 %");
	assert_string_equal(text_share(text, UINT64_MAX, UINT64_MAX), "100 %");
}

static void a_time_is_read_with_its_unit(void **state)
{
	static const struct {
		const char *text;
		u64 ns;
	} rows[] = {
		{ "200ms", 200 * NSEC_PER_MSEC },
		{ "30s", 30 * SEC },
		{ "30", 30 * SEC },
		{ "1.5s", 1500 * NSEC_PER_MSEC },
		{ ".5s", 500 * NSEC_PER_MSEC },
		{ "10m", 600 * SEC },
		{ "10min", 600 * SEC },
		{ "2h", 7200 * SEC },
		{ "1d", 86400 * SEC },
		{ "50us", 50000 },
		{ "50µs", 50000 },
		{ "7ns", 7 },
		{ "5 s", 5 * SEC },
		{ "0", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 ns = 1;

		assert_int_equal(parse_duration(&ns, rows[i].text, "--x", NULL), 0);
		assert_int_equal(ns, rows[i].ns);
	}
}

static const char *const garbage[] = {
	"",    "s",  "-1", "-1s", "+1s",  " 1",  "1x",  "1s2", "1 s x", "0x10",  "nan",
	"inf", "1e", ".",  "..5", "1..5", "1,5", "1ss", "--",  "\xff",  "1\xff", "1e999",
};

static void what_is_no_time_changes_nothing_and_names_the_option(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		struct err err = { 0 };
		u64 ns = 42;

		assert_int_equal(parse_duration(&ns, garbage[i], "--window", &err), -EINVAL);
		assert_int_equal(ns, 42);
		assert_int_equal(err.code, -EINVAL);
		assert_non_null(strstr(err.text, "--window"));
		assert_true(err.hint[0]);
	}
}

static void a_time_beyond_three_centuries_is_refused(void **state)
{
	struct err err = { 0 };
	u64 ns = 42;

	assert_int_equal(parse_duration(&ns, "200000d", "--window", &err), -EINVAL);
	assert_int_equal(parse_duration(&ns, "99999999999999999999", "--window", &err), -EINVAL);
	assert_int_equal(ns, 42);
	assert_non_null(strstr(err.text, "too long"));
}

static void a_size_is_read_in_powers_of_1024(void **state)
{
	static const struct {
		const char *text;
		u64 bytes;
	} rows[] = {
		{ "4096", 4096 },      { "4096B", 4096 },
		{ "512K", 512 << 10 }, { "512k", 512 << 10 },
		{ "64M", 64 << 20 },   { "64MiB", 64 << 20 },
		{ "1.5M", 3 << 19 },   { "2G", 2ULL << 30 },
		{ "1T", 1ULL << 40 },  { "0", 0 },
	};
	u64 bytes;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(parse_size(&bytes, rows[i].text, "--memory", NULL), 0);
		assert_int_equal(bytes, rows[i].bytes);
	}
	bytes = 42;
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++)
		assert_int_equal(parse_size(&bytes, garbage[i], "--memory", NULL), -EINVAL);
	assert_int_equal(parse_size(&bytes, "99999999T", "--memory", NULL), -EINVAL);
	assert_int_equal(bytes, 42);
}

static void a_number_is_decimal_whole_and_in_its_range(void **state)
{
	struct err err = { 0 };
	u64 number = 42;

	assert_int_equal(parse_number(&number, "7", 1, 9, "--limit", &err), 0);
	assert_int_equal(number, 7);
	assert_int_equal(parse_number(&number, "18446744073709551615", 0, UINT64_MAX, "-n", &err),
			 0);
	assert_true(number == UINT64_MAX);

	number = 42;
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++)
		assert_int_equal(parse_number(&number, garbage[i], 0, 9, "-n", &err), -EINVAL);
	assert_int_equal(parse_number(&number, "1.5", 0, 9, "-n", &err), -EINVAL);
	assert_int_equal(parse_number(&number, "0", 1, 9, "-n", &err), -EINVAL);
	assert_int_equal(parse_number(&number, "10", 1, 9, "-n", &err), -EINVAL);
	assert_string_equal(err.hint, "it can be 1 to 9");
	assert_int_equal(parse_number(&number, "18446744073709551616", 0, UINT64_MAX, "-n", &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "out of range"));
	assert_int_equal(number, 42);
}

static void only_well_formed_utf8_has_a_length(void **state)
{
	static const struct {
		const char *text;
		size_t size, length;
	} rows[] = {
		{ "a", 1, 1 },
		{ "", 0, 0 },
		{ "\0", 1, 1 },
		{ "\xc2\xb5", 2, 2 },
		{ "\xc2\xb5", 1, 0 }, /* cut off */
		{ "\xc0\x80", 2, 0 }, /* overlong */
		{ "\xc1\xbf", 2, 0 },
		{ "\xe0\x80\x80", 3, 0 },
		{ "\xe2\x82\xac", 3, 3 },
		{ "\xed\xa0\x80", 3, 0 }, /* a surrogate */
		{ "\xf0\x8f\xbf\xbf", 4, 0 },
		{ "\xf0\x9f\x98\x80", 4, 4 },
		{ "\xf4\x90\x80\x80", 4, 0 }, /* beyond U+10FFFF */
		{ "\xf5\x80\x80\x80", 4, 0 },
		{ "\x80", 1, 0 },
		{ "\xff", 1, 0 },
		{ "\xe2\x28\xa1", 3, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(utf8_length(rows[i].text, rows[i].size), rows[i].length);
}

static void columns_count_characters_not_bytes(void **state)
{
	assert_int_equal(text_columns(""), 0);
	assert_int_equal(text_columns("312 µs"), 6);
	assert_int_equal(text_columns("\xff\xfe"), 2);
	assert_int_equal(text_columns("a\xe2\x82"), 3);
}

static void printable_text_holds_no_control_character(void **state)
{
	char to[16];

	assert_int_equal(text_printable(to, sizeof(to), "a\033[31m\n"), 7);
	assert_string_equal(to, "a?[31m?");
	text_printable(to, sizeof(to),
		       "\xc2\x9b"
		       "1m\x7f\xff"); /* CSI in one character */
	assert_string_equal(to, "?1m??");
	text_printable(to, sizeof(to), "312 µs");
	assert_string_equal(to, "312 µs");
}

static void printable_text_is_never_cut_inside_a_character(void **state)
{
	char to[8] = "xxxxxxx";

	assert_int_equal(text_printable(to, 0, "abc"), 0);
	assert_int_equal(to[0], 'x');
	assert_int_equal(text_printable(to, 1, "abc"), 0);
	assert_string_equal(to, "");
	assert_int_equal(text_printable(to, 3, "a€"), 1);
	assert_string_equal(to, "a");
	assert_int_equal(text_printable(to, 5, "a€b"), 4);
	assert_string_equal(to, "a€");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_duration_has_three_significant_digits),
		cmocka_unit_test(bytes_are_shown_in_powers_of_1024),
		cmocka_unit_test(a_count_has_a_comma_every_three_digits),
		cmocka_unit_test(a_share_is_never_zero_when_there_is_a_part),
		cmocka_unit_test(a_time_is_read_with_its_unit),
		cmocka_unit_test(what_is_no_time_changes_nothing_and_names_the_option),
		cmocka_unit_test(a_time_beyond_three_centuries_is_refused),
		cmocka_unit_test(a_size_is_read_in_powers_of_1024),
		cmocka_unit_test(a_number_is_decimal_whole_and_in_its_range),
		cmocka_unit_test(only_well_formed_utf8_has_a_length),
		cmocka_unit_test(columns_count_characters_not_bytes),
		cmocka_unit_test(printable_text_holds_no_control_character),
		cmocka_unit_test(printable_text_is_never_cut_inside_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
