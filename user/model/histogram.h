/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* histogram - durations by size, exact to 1.6 % */
#ifndef TRACER_MODEL_HISTOGRAM_H
#define TRACER_MODEL_HISTOGRAM_H

#include "user/base/util.h"

#define HISTOGRAM_BITS    5 /* 32 bins for each doubling: a bin's middle is at most 1.6 % off */
#define HISTOGRAM_BINS    (1u << HISTOGRAM_BITS)
#define HISTOGRAM_OCTAVES (64 - HISTOGRAM_BITS)

/*
 * Log-linear: values below 32 have bins of their own, each doubling above has 32. The bins
 * of an octave are allocated with its first value. Count, total, least and most are exact.
 */
struct histogram {
	u64 count;
	u64 total;
	u64 least;
	u64 most;
	u64 *octaves[HISTOGRAM_OCTAVES + 1];
};

/* Return: 0 or -ENOMEM (then the value is not in it). */
int histogram_add(struct histogram *histogram, u64 value);

/* Adds all of @from. Return: 0 or -ENOMEM. */
int histogram_merge(struct histogram *histogram, const struct histogram *from);

/**
 * histogram_quantile() - the value that @share of all values do not exceed
 * @share: 0 to 1; 0.99 is the 99th percentile
 *
 * Return: within 1.6 %, and never outside of least and most; 0 when empty.
 */
u64 histogram_quantile(const struct histogram *histogram, double share);

/* How many values are at least @from and less than @to, powers of two or below 32. */
u64 histogram_between(const struct histogram *histogram, u64 from, u64 to);
void histogram_free(struct histogram *histogram);

#endif
