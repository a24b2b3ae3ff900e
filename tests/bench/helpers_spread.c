// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* helpers_spread - quartiles of what many rounds measured */
#include "tests/bench/helpers_spread.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread spread_of(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return (struct spread){ values[count / 4], values[count / 2], values[3 * count / 4] };
}
