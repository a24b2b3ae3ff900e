/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* helpers_profile - a reader of profile.proto that shares nothing with the writer */
#ifndef TRACER_TESTS_HELPERS_PROFILE_H
#define TRACER_TESTS_HELPERS_PROFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define READ_MAX   256 /* of anything; the tests' profiles are small */
#define READ_DEPTH 64

struct read_label {
	uint64_t key, text, number;
};

struct read_sample {
	uint64_t locations[READ_DEPTH], values[2];
	struct read_label labels[16];
	int location_count, value_count, label_count;
};

struct read_mapping {
	uint64_t id, start, limit, offset, file, build_id, has_functions, has_lines;
};

struct read_location {
	uint64_t id, mapping, address, function, line;
	int lines;
};

struct read_function {
	uint64_t id, name, system_name, file;
};

struct read_profile {
	uint64_t types[2][2]; /* type and unit: texts */
	uint64_t period_type[2];
	uint64_t time, duration, period, default_type;
	struct read_sample samples[READ_MAX];
	struct read_mapping mappings[READ_MAX];
	struct read_location locations[READ_MAX];
	struct read_function functions[READ_MAX];
	uint64_t comments[READ_MAX];
	char *texts[READ_MAX * 4];
	int type_count, sample_count, mapping_count, location_count, function_count, comment_count,
		text_count;
};

/* Reads a gzip file in memory; fails the test on anything that is not as the format says. */
struct read_profile *profile_read(const void *gzip, size_t size);
void profile_read_free(struct read_profile *profile);

/* The name of the @i-th frame of a sample, the innermost first; "" beyond */
const char *frame_name(const struct read_profile *profile, const struct read_sample *sample, int i);
const struct read_location *location_of(const struct read_profile *profile,
					const struct read_sample *sample, int i);
const struct read_mapping *mapping_of(const struct read_profile *profile,
				      const struct read_location *location);
/* A label's text or number; "" and 0 when there is none */
const char *label_text(const struct read_profile *profile, const struct read_sample *sample,
		       const char *key);
uint64_t label_number(const struct read_profile *profile, const struct read_sample *sample,
		      const char *key);

#endif
