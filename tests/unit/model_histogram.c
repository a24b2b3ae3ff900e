// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_histogram - exact sums, quantiles within 1.6 % */
#include "user/model/histogram.h"

#include <stdlib.h>

#include "tests/unit/helpers_model.h"

static u64 random_u64(u64 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void assert_within(u64 value, u64 expected)
{
	double error = (double)value - (double)expected;

	assert_true((error < 0 ? -error : error) <= 0.016 * (double)expected + 0.5);
}

static int compare(const void *left, const void *right)
{
	u64 a = *(const u64 *)left, b = *(const u64 *)right;

	return a < b ? -1 : a > b;
}

static void quantiles_are_within_their_error(void **state)
{
	const double shares[] = { 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0 };
	u64 values[10000], seed = 42, total = 0;

	for (unsigned int spread = 1; spread < 64; spread += 7) {
		struct histogram h = { 0 };

		total = 0;
		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			values[i] = random_u64(&seed) >> (random_u64(&seed) % spread);
			total += values[i];
			assert_int_equal(histogram_add(&h, values[i]), 0);
		}
		qsort(values, ARRAY_SIZE(values), sizeof(values[0]), compare);
		for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
			size_t rank = (size_t)(shares[i] * ARRAY_SIZE(values) + 0.5);

			assert_within(histogram_quantile(&h, shares[i]), values[rank - 1]);
		}
		assert_int_equal(h.count, ARRAY_SIZE(values));
		assert_int_equal(h.total, total);
		assert_int_equal(h.least, values[0]);
		assert_int_equal(h.most, values[ARRAY_SIZE(values) - 1]);
		histogram_free(&h);
	}
}

static void the_largest_value_has_a_bin(void **state)
{
	struct histogram h = { 0 };

	assert_int_equal(histogram_add(&h, UINT64_MAX), 0);
	assert_int_equal(histogram_add(&h, 0), 0);
	assert_int_equal(histogram_quantile(&h, 1), UINT64_MAX);
	assert_int_equal(histogram_quantile(&h, 0.1), 0);
	histogram_free(&h);
}

static void merged_histograms_are_the_histogram_of_all(void **state)
{
	struct histogram a = { 0 }, b = { 0 }, all = { 0 };
	u64 seed = 7;

	for (int i = 0; i < 5000; i++) {
		u64 value = random_u64(&seed) >> 30;

		histogram_add(i % 3 ? &a : &b, value);
		histogram_add(&all, value);
	}
	assert_int_equal(histogram_merge(&a, &b), 0);
	assert_int_equal(a.count, all.count);
	assert_int_equal(a.total, all.total);
	assert_int_equal(a.least, all.least);
	for (int percent = 1; percent <= 100; percent++)
		assert_int_equal(histogram_quantile(&a, percent / 100.0),
				 histogram_quantile(&all, percent / 100.0));
	histogram_free(&a);
	histogram_free(&b);
	histogram_free(&all);
}

static void counts_between_powers_of_two_are_exact(void **state)
{
	struct histogram h = { 0 };

	for (u64 value = 0; value < 5000; value++)
		histogram_add(&h, value);
	assert_int_equal(histogram_between(&h, 0, 1024), 1024);
	assert_int_equal(histogram_between(&h, 1024, 2048), 1024);
	assert_int_equal(histogram_between(&h, 4096, 8192), 904);
	histogram_free(&h);
}

static void an_empty_histogram_says_0(void **state)
{
	struct histogram h = { 0 };

	assert_int_equal(histogram_quantile(&h, 0.99), 0);
	histogram_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_within_their_error),
		cmocka_unit_test(the_largest_value_has_a_bin),
		cmocka_unit_test(merged_histograms_are_the_histogram_of_all),
		cmocka_unit_test(counts_between_powers_of_two_are_exact),
		cmocka_unit_test(an_empty_histogram_says_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
