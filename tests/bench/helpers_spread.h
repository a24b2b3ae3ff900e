/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* helpers_spread - quartiles of what many rounds measured */
#ifndef TRACER_BENCH_HELPERS_SPREAD_H
#define TRACER_BENCH_HELPERS_SPREAD_H

#include <stddef.h>

struct spread {
	double low, median, high;
};

/* @values: at least one; sorted by the call */
struct spread spread_of(double *values, size_t count);

#endif
