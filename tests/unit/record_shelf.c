// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* record_shelf - how many snapshots are taken, and which of them are kept */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "user/record/restraint.h"
#include "user/record/shelf.h"
#include "user/trace/writer.h"

#define SECOND NSEC_PER_SEC

static struct cause cause_of(u32 trigger, const char *what, u32 stack, u64 duration_ns)
{
	struct cause cause = { .trigger = trigger, .stack = stack, .duration_ns = duration_ns };

	snprintf(cause.text, sizeof(cause.text), "task:%u>1ms", trigger);
	snprintf(cause.what, sizeof(cause.what), "%s", what);
	return cause;
}

static void add_rate(struct restraint *restraint, const char *text)
{
	struct rate rate;
	struct err err = { 0 };

	assert_int_equal(rate_parse(&rate, text, &err), 0);
	assert_int_equal(restraint_add_rate(restraint, &rate, &err), 0);
}

static bool takes(struct restraint *restraint, const struct cause *cause, u64 second)
{
	u64 now = (1000 + second) * SECOND;

	if (!restraint_allows(restraint, cause, now))
		return false;
	restraint_took(restraint, cause, now);
	return true;
}

static void at_most_so_many_in_a_time(void **state)
{
	struct restraint restraint = { 0 };
	struct cause cause = cause_of(0, "a", 0, 1);
	int taken = 0;

	add_rate(&restraint, "3/10s");
	assert_true(takes(&restraint, &cause, 0));
	assert_true(takes(&restraint, &cause, 1));
	assert_true(takes(&restraint, &cause, 2));
	assert_false(takes(&restraint, &cause, 3));
	assert_false(takes(&restraint, &cause, 9));
	/* The first one is ten seconds ago. */
	assert_true(takes(&restraint, &cause, 10));
	assert_false(takes(&restraint, &cause, 10));
	assert_true(takes(&restraint, &cause, 11));
	restraint_free(&restraint);

	/* Both limits hold. */
	add_rate(&restraint, "1/1m");
	add_rate(&restraint, "5/1h");
	for (u64 second = 0; second < 3600; second++)
		taken += takes(&restraint, &cause, second);
	assert_int_equal(taken, 5);
	restraint_free(&restraint);
}

static void wrong_rates_are_pointed_at(void **state)
{
	static const struct {
		const char *text;
		unsigned int caret;
	} list[] = { { "3", 0 },        { "/1m", 0 }, { "0/1m", 0 }, { "x/1m", 0 },
		     { "99999/1m", 0 }, { "3/", 2 },  { "3/x", 2 },  { "3/0s", 2 } };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct rate rate;
		struct err err = { 0 };

		assert_int_equal(rate_parse(&rate, list[i].text, &err), -EINVAL);
		assert_string_equal(err.typed, list[i].text);
		assert_int_equal(err.caret, list[i].caret);
	}
}

static void one_of_a_kind(void **state)
{
	struct restraint restraint = { .once_per = ONCE_PER_TASK };
	struct cause a = cause_of(0, "a", 7, 1), b = cause_of(0, "b", 7, 1);
	struct cause other = cause_of(1, "a", 8, 1), bare = cause_of(1, "a", 0, 1);

	assert_true(takes(&restraint, &a, 0));
	assert_true(takes(&restraint, &b, 0));
	assert_false(takes(&restraint, &a, 1000));
	assert_false(takes(&restraint, &other, 1000));
	restraint_free(&restraint);

	restraint.once_per = ONCE_PER_TASK | ONCE_PER_TRIGGER;
	assert_true(takes(&restraint, &a, 0));
	assert_true(takes(&restraint, &other, 0));
	assert_false(takes(&restraint, &other, 0));
	restraint_free(&restraint);

	restraint.once_per = ONCE_PER_STACK;
	assert_true(takes(&restraint, &a, 0));
	assert_false(takes(&restraint, &b, 0));
	assert_true(takes(&restraint, &other, 0));
	/* Without a stack its name has to do. */
	assert_true(takes(&restraint, &bare, 0));
	assert_false(takes(&restraint, &bare, 0));
	restraint_free(&restraint);
}

static void kinds_have_names(void **state)
{
	struct err err = { 0 };
	u32 bits = 0;

	assert_int_equal(once_per_parse(&bits, "stack", &err), 0);
	assert_int_equal(once_per_parse(&bits, "trigger", &err), 0);
	assert_int_equal(bits, ONCE_PER_STACK | ONCE_PER_TRIGGER);
	assert_int_equal(once_per_parse(&bits, "thread", &err), -EINVAL);
	assert_true(*err.hint);
}

/* The shelf */

static void ignore(void *ctx, const char *path, int code)
{
	assert_int_equal(code, 0);
	++*(int *)ctx;
}

/* A file in this directory, as a snapshot of a cause is */
static void make(const char *path, const struct cause *cause)
{
	struct trace_cause is = { .trigger = cause->text, .duration_ns = cause->duration_ns };
	struct trace_manifest manifest = { .causes = &is, .cause_count = 1 };
	struct trace_info info = { .manifest = &manifest };
	struct trace_writer *writer;
	struct err err = { 0 };

	assert_int_equal(trace_writer_open(&writer, path, true, &info, &err), 0);
	assert_int_equal(trace_writer_finish(writer, NULL, &err), 0);
}

static struct shelf opened(const struct shelf_options *options)
{
	struct shelf shelf;
	struct err err = { 0 };

	assert_int_equal(shelf_open(&shelf, options, &err), 0);
	return shelf;
}

static int put(struct shelf *shelf, const char *path, u64 bytes, const struct cause *cause)
{
	int removed = 0;

	make(path, cause);
	assert_int_equal(shelf_add(shelf, path, bytes, cause, ignore, &removed), 0);
	return removed;
}

static bool there(const char *path)
{
	return !access(path, F_OK);
}

static void the_newest_are_kept(void **state)
{
	struct shelf shelf = opened(&(struct shelf_options){ .dir = "", .name = "x", .keep = 2 });
	struct cause cause = cause_of(0, "a", 0, 0);

	assert_int_equal(put(&shelf, "1.trace", 10, &cause), 0);
	assert_int_equal(put(&shelf, "2.trace", 10, &cause), 0);
	assert_int_equal(put(&shelf, "3.trace", 10, &cause), 1);
	assert_false(there("1.trace"));
	assert_true(there("2.trace") && there("3.trace"));
	shelf_close(&shelf);
}

static void as_many_as_fit_are_kept_and_always_the_last(void **state)
{
	struct shelf shelf =
		opened(&(struct shelf_options){ .dir = "", .name = "x", .keep_bytes = 100 });
	struct cause cause = cause_of(0, "a", 0, 0);

	put(&shelf, "1.trace", 40, &cause);
	put(&shelf, "2.trace", 40, &cause);
	assert_int_equal(put(&shelf, "3.trace", 40, &cause), 1);
	assert_false(there("1.trace"));
	assert_int_equal(put(&shelf, "4.trace", 500, &cause), 2);
	assert_true(there("4.trace"));
	assert_int_equal(shelf_count(&shelf), 1);
	shelf_close(&shelf);
}

static void the_slowest_of_each_trigger_are_kept(void **state)
{
	struct shelf shelf =
		opened(&(struct shelf_options){ .dir = "", .name = "x", .keep_slowest = 2 });
	struct cause c[] = { cause_of(0, "a", 0, 50), cause_of(0, "a", 0, 30),
			     cause_of(0, "a", 0, 40), cause_of(0, "a", 0, 20),
			     cause_of(1, "a", 0, 5),  cause_of(0, "a", 0, 0) };

	put(&shelf, "50.trace", 1, &c[0]);
	assert_true(shelf_wants(&shelf, &c[1]));
	put(&shelf, "30.trace", 1, &c[1]);
	/* A worse one replaces the mildest. */
	assert_true(shelf_wants(&shelf, &c[2]));
	assert_int_equal(put(&shelf, "40.trace", 1, &c[2]), 1);
	assert_true(there("50.trace") && there("40.trace") && !there("30.trace"));
	assert_false(shelf_wants(&shelf, &c[3]));
	/* Of another trigger, and of one without a duration */
	assert_true(shelf_wants(&shelf, &c[4]));
	assert_true(shelf_wants(&shelf, &c[5]));
	shelf_close(&shelf);
}

static void what_earlier_recorders_left_counts(void **state)
{
	static const char *const left[] = { "x-20260101-000000.trace", "x-12-20260101-000001.trace",
					    "x-12-20260101-000001-2.trace" };
	static const char *const others[] = { "y-20260101-000000.trace", "x-20260101.trace",
					      "x-20260101-000000.trace.partial",
					      "xx-20260101-000000.trace" };
	struct shelf_options options = { .dir = ".", .name = "x", .keep = 10 };
	struct cause cause = cause_of(3, "a", 0, 77);
	struct shelf shelf;
	FILE *strange;

	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		make(left[i], &cause);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		make(others[i], &cause);
	strange = fopen("x-20260102-000000.trace", "w");
	fputs("no trace", strange);
	fclose(strange);
	shelf = opened(&options);
	assert_int_equal(shelf_count(&shelf), ARRAY_SIZE(left));
	shelf_close(&shelf);
	options.keep = 0;
	options.keep_slowest = 3;
	shelf = opened(&options);
	assert_true(
		shelf_wants(&shelf, &(struct cause){ .text = "task:3>1ms", .duration_ns = 78 }));
	assert_false(
		shelf_wants(&shelf, &(struct cause){ .text = "task:3>1ms", .duration_ns = 77 }));
	shelf_close(&shelf);
}

static void names_are_free_ones(void **state)
{
	struct shelf shelf = opened(&(struct shelf_options){ .dir = ".", .name = "x", .pid = 12 });
	char *first = shelf_path(&shelf), *second;

	assert_int_equal(strncmp(first, "./x-12-20", 9), 0);
	make(first, &(struct cause){ 0 });
	second = shelf_path(&shelf);
	assert_string_not_equal(first, second);
	free(first);
	free(second);
	shelf_close(&shelf);
}

static int enter_directory(void **state)
{
	char *path = strdup("/tmp/tracer-shelf.XXXXXX");

	if (!mkdtemp(path) || chdir(path))
		return -1;
	*state = path;
	return 0;
}

static int leave_directory(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	if (chdir("/") || system(command))
		return -1;
	free(*state);
	return 0;
}

#define IN_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_most_so_many_in_a_time),
		cmocka_unit_test(wrong_rates_are_pointed_at),
		cmocka_unit_test(one_of_a_kind),
		cmocka_unit_test(kinds_have_names),
		IN_DIRECTORY(the_newest_are_kept),
		IN_DIRECTORY(as_many_as_fit_are_kept_and_always_the_last),
		IN_DIRECTORY(the_slowest_of_each_trigger_are_kept),
		IN_DIRECTORY(what_earlier_recorders_left_counts),
		IN_DIRECTORY(names_are_free_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
