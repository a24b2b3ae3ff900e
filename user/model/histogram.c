// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* histogram - durations by size */
#include "user/model/histogram.h"

#include <errno.h>
#include <stdlib.h>

/* Octave 0 holds 0..31, octave n the values from 32 << (n - 1) to twice that. */
static unsigned int octave_of(u64 value)
{
	unsigned int bits = value ? 64 - (unsigned int)__builtin_clzll(value) : 0;

	return bits > HISTOGRAM_BITS ? bits - HISTOGRAM_BITS : 0;
}

static unsigned int bin_of(u64 value, unsigned int octave)
{
	return (unsigned int)(value >> (octave ? octave - 1 : 0)) & (HISTOGRAM_BINS - 1);
}

static u64 bin_begin(unsigned int octave, unsigned int bin)
{
	return octave ? (u64)(HISTOGRAM_BINS + bin) << (octave - 1) : bin;
}

static u64 bin_width(unsigned int octave)
{
	return octave ? 1ULL << (octave - 1) : 1;
}

static u64 *octave_bins(struct histogram *histogram, unsigned int octave)
{
	if (!histogram->octaves[octave])
		histogram->octaves[octave] = calloc(HISTOGRAM_BINS, sizeof(u64));
	return histogram->octaves[octave];
}

int histogram_add(struct histogram *histogram, u64 value)
{
	unsigned int octave = octave_of(value);
	u64 *bins = octave_bins(histogram, octave);

	if (!bins)
		return -ENOMEM;
	bins[bin_of(value, octave)]++;
	histogram->least = histogram->count ? min(histogram->least, value) : value;
	histogram->most = max(histogram->most, value);
	histogram->count++;
	histogram->total += value;
	return 0;
}

int histogram_merge(struct histogram *histogram, const struct histogram *from)
{
	if (!from->count)
		return 0;
	for (unsigned int octave = 0; octave <= HISTOGRAM_OCTAVES; octave++) {
		u64 *bins;

		if (!from->octaves[octave])
			continue;
		bins = octave_bins(histogram, octave);
		if (!bins)
			return -ENOMEM;
		for (unsigned int bin = 0; bin < HISTOGRAM_BINS; bin++)
			bins[bin] += from->octaves[octave][bin];
	}
	histogram->least = histogram->count ? min(histogram->least, from->least) : from->least;
	histogram->most = max(histogram->most, from->most);
	histogram->count += from->count;
	histogram->total += from->total;
	return 0;
}

u64 histogram_quantile(const struct histogram *histogram, double share)
{
	u64 rank = (u64)(share * (double)histogram->count + 0.5), seen = 0;

	if (!histogram->count)
		return 0;
	rank = max(rank, 1ULL);
	if (rank >= histogram->count)
		return histogram->most;
	for (unsigned int octave = 0; octave <= HISTOGRAM_OCTAVES; octave++) {
		for (unsigned int bin = 0; histogram->octaves[octave] && bin < HISTOGRAM_BINS;
		     bin++) {
			u64 middle = bin_begin(octave, bin) + bin_width(octave) / 2;

			seen += histogram->octaves[octave][bin];
			if (seen >= rank)
				return max(histogram->least, min(middle, histogram->most));
		}
	}
	return histogram->most;
}

u64 histogram_between(const struct histogram *histogram, u64 from, u64 to)
{
	u64 count = 0;

	for (unsigned int octave = 0; octave <= HISTOGRAM_OCTAVES; octave++) {
		for (unsigned int bin = 0; histogram->octaves[octave] && bin < HISTOGRAM_BINS;
		     bin++) {
			u64 begin = bin_begin(octave, bin);

			if (begin >= from && begin < to)
				count += histogram->octaves[octave][bin];
		}
	}
	return count;
}

void histogram_free(struct histogram *histogram)
{
	for (unsigned int octave = 0; octave <= HISTOGRAM_OCTAVES; octave++)
		free(histogram->octaves[octave]);
	*histogram = (struct histogram){ 0 };
}
