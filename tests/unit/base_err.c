// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* base_err - one error and one piece of advice */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/base/util.h"

static void fail_and_hint_return_the_code(void **state)
{
	struct err err = { 0 };

	assert_int_equal(fail(&err, -ENOENT, "cannot open '%s'", "x"), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.text, "cannot open 'x'");
	assert_int_equal(hint(&err, "try %d", 7), -ENOENT);
	assert_string_equal(err.hint, "try 7");
}

static void a_new_error_drops_the_old_advice(void **state)
{
	struct err err = { 0 };

	fail(&err, -ENOENT, "first");
	hint(&err, "advice for the first");
	fail(&err, -EIO, "second");
	assert_int_equal(err.code, -EIO);
	assert_string_equal(err.text, "second");
	assert_string_equal(err.hint, "");
}

static void an_error_may_quote_the_one_before(void **state)
{
	struct err err = { 0 };

	fail(&err, -EIO, "no space");
	hint(&err, "free some");
	fail(&err, -EIO, "cannot write: %s (%s)", err.text, err.hint);
	assert_string_equal(err.text, "cannot write: no space (free some)");
}

static void nobody_needs_to_listen(void **state)
{
	assert_int_equal(fail(NULL, -EIO, "text %s", "x"), -EIO);
	assert_int_equal(hint(NULL, "text"), -EINVAL);
}

static void a_long_text_is_cut_and_ended(void **state)
{
	struct err err = { 0 };
	char text[2048];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	fail(&err, -EIO, "%s", text);
	hint(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
	assert_int_equal(err.code, -EIO);
}

static int freed;

struct thing {
	int unused;
};

static void thing_free(struct thing *thing)
{
	freed++;
	free(thing);
}

DEFINE_CLEANUP(struct thing *, thing_free)

static struct thing *make(bool hand_over)
{
	CLEANUP(thing_free) struct thing *thing = calloc(1, sizeof(*thing));

	return hand_over ? take(thing) : NULL;
}

static void an_owner_frees_unless_it_hands_over(void **state)
{
	struct thing *thing;

	freed = 0;
	assert_null(make(false));
	assert_int_equal(freed, 1);
	thing = make(true);
	assert_int_equal(freed, 1);
	thing_free(thing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_and_hint_return_the_code),
		cmocka_unit_test(a_new_error_drops_the_old_advice),
		cmocka_unit_test(an_error_may_quote_the_one_before),
		cmocka_unit_test(nobody_needs_to_listen),
		cmocka_unit_test(a_long_text_is_cut_and_ended),
		cmocka_unit_test(an_owner_frees_unless_it_hands_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
