// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* base_json - the writer's commas, quotes and escapes */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/base/json.h"

static char *memory;
static size_t memory_size;

static struct json begin(void)
{
	return (struct json){ .out = open_memstream(&memory, &memory_size) };
}

static void wrote(struct json *j, const char *expected)
{
	fclose(j->out);
	assert_string_equal(memory, expected);
	free(memory);
}

static void writes_text(const char *text, size_t size, const char *expected)
{
	struct json j = begin();

	json_text_bytes(&j, text, size);
	wrote(&j, expected);
}

static void commas_stand_between_values_only(void **state)
{
	struct json j = begin();

	json_object(&j);
	json_key(&j, "a");
	json_list(&j);
	json_u64(&j, 1);
	json_list(&j);
	json_list_end(&j);
	json_object(&j);
	json_object_end(&j);
	json_null(&j);
	json_list_end(&j);
	json_key_bool(&j, "b", true);
	json_key_s64(&j, "c", -1);
	json_key_text(&j, "d", NULL);
	json_object_end(&j);
	wrote(&j, "{\"a\":[1,[],{},null],\"b\":true,\"c\":-1,\"d\":null}");
}

static void values_outside_brackets_are_not_joined(void **state)
{
	struct json j = begin();

	for (u64 i = 0; i < 2; i++) {
		json_object(&j);
		json_key_u64(&j, "i", i);
		json_object_end(&j);
		fputc('\n', j.out);
	}
	wrote(&j, "{\"i\":0}\n{\"i\":1}\n");
}

static void control_characters_and_quotes_are_escaped(void **state)
{
	writes_text("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
	writes_text("\n\t\x1f\x7f", 4, "\"\\u000a\\u0009\\u001f\\u007f\"");
	writes_text("a\0b", 3, "\"a\\u0000b\"");
	writes_text("", 0, "\"\"");
}

static void what_is_not_utf8_becomes_the_replacement_character(void **state)
{
	writes_text("\xff", 1, "\"\\ufffd\"");
	writes_text("a\xc2", 2, "\"a\\ufffd\"");
	writes_text("\xe2\x82z", 3, "\"\\ufffd\\ufffdz\"");
	writes_text("\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"");
	writes_text("\xc2\xb5\xf0\x9f\x98\x80", 6, "\"\xc2\xb5\xf0\x9f\x98\x80\"");
}

static void a_key_is_escaped_too(void **state)
{
	struct json j = begin();

	json_object(&j);
	json_key_u64(&j, "a\"\n", UINT64_MAX);
	json_object_end(&j);
	wrote(&j, "{\"a\\\"\\u000a\":18446744073709551615}");
}

static void numbers_that_json_does_not_know_are_null(void **state)
{
	struct json j = begin();

	json_list(&j);
	json_double(&j, 1.5);
	json_double(&j, __builtin_nan(""));
	json_double(&j, -__builtin_inf());
	json_s64(&j, INT64_MIN);
	json_list_end(&j);
	wrote(&j, "[1.5,null,null,-9223372036854775808]");
}

static void levels_beyond_the_limit_still_close(void **state)
{
	struct json j = begin();
	char expected[2 * 2 * JSON_DEPTH_MAX + 1] = "";

	for (int i = 0; i < 2 * JSON_DEPTH_MAX; i++)
		json_list(&j);
	for (int i = 0; i < 2 * JSON_DEPTH_MAX; i++)
		json_list_end(&j);
	memset(expected, '[', sizeof(expected) / 2);
	memset(expected + sizeof(expected) / 2, ']', sizeof(expected) / 2);
	wrote(&j, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_stand_between_values_only),
		cmocka_unit_test(values_outside_brackets_are_not_joined),
		cmocka_unit_test(control_characters_and_quotes_are_escaped),
		cmocka_unit_test(what_is_not_utf8_becomes_the_replacement_character),
		cmocka_unit_test(a_key_is_escaped_too),
		cmocka_unit_test(numbers_that_json_does_not_know_are_null),
		cmocka_unit_test(levels_beyond_the_limit_still_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
