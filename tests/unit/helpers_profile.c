// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* helpers_profile - a reader of profile.proto that shares nothing with the writer */
#include "tests/unit/helpers_profile.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/unit/unit.h"

#define INFLATED_MAX (8 << 20)

struct span {
	const unsigned char *at, *end;
};

struct field {
	uint64_t number, value; /* value: of a varint, or bytes of the span */
	int wire;
	struct span span;
};

static uint64_t read_varint(struct span *in)
{
	uint64_t value = 0;

	for (int shift = 0;; shift += 7) {
		assert_true(in->at < in->end && shift < 70);
		value |= (uint64_t)(*in->at & 0x7f) << shift;
		if (!(*in->at++ & 0x80))
			return value;
	}
}

static bool next_field(struct span *in, struct field *field)
{
	uint64_t key;

	if (in->at == in->end)
		return false;
	key = read_varint(in);
	field->number = key >> 3;
	field->wire = key & 7;
	assert_true(field->number && (field->wire == 0 || field->wire == 2));
	field->value = read_varint(in);
	if (field->wire == 2) {
		assert_true(field->value <= (uint64_t)(in->end - in->at));
		field->span = (struct span){ in->at, in->at + field->value };
		in->at += field->value;
	}
	return true;
}

/* Fields 1, 2, ... of a message that has numbers only, into @to */
static void read_numbers(struct span in, uint64_t *to, uint64_t most)
{
	struct field f;

	while (next_field(&in, &f)) {
		assert_int_equal(f.wire, 0);
		if (f.number <= most)
			to[f.number - 1] = f.value;
	}
}

static int read_packed(struct span in, uint64_t *to, int most)
{
	int count = 0;

	while (in.at < in.end) {
		assert_true(count < most);
		to[count++] = read_varint(&in);
	}
	return count;
}

static void read_sample(struct read_sample *to, struct span in)
{
	struct field f;

	while (next_field(&in, &f)) {
		assert_int_equal(f.wire, 2);
		if (f.number == 1)
			to->location_count = read_packed(f.span, to->locations, READ_DEPTH);
		else if (f.number == 2)
			to->value_count = read_packed(f.span, to->values, 2);
		else if (f.number == 3)
			read_numbers(f.span, &to->labels[to->label_count++].key, 3);
	}
}

static void read_mapping(struct read_mapping *to, struct span in)
{
	uint64_t numbers[10] = { 0 };

	read_numbers(in, numbers, 10);
	*to = (struct read_mapping){ numbers[0], numbers[1], numbers[2], numbers[3],
				     numbers[4], numbers[5], numbers[6], numbers[8] };
}

static void read_location(struct read_location *to, struct span in)
{
	struct field f;

	while (next_field(&in, &f)) {
		uint64_t line[2] = { 0 };

		if (f.number == 1)
			to->id = f.value;
		else if (f.number == 2)
			to->mapping = f.value;
		else if (f.number == 3)
			to->address = f.value;
		if (f.number != 4)
			continue;
		read_numbers(f.span, line, 2);
		to->function = line[0];
		to->line = line[1];
		to->lines++;
	}
}

static void read_function(struct read_function *to, struct span in)
{
	uint64_t numbers[4] = { 0 };

	read_numbers(in, numbers, 4);
	*to = (struct read_function){ numbers[0], numbers[1], numbers[2], numbers[3] };
}

static void read_field(struct read_profile *p, const struct field *f)
{
	assert_true(p->sample_count < READ_MAX && p->location_count < READ_MAX);
	switch (f->number) {
	case 1: read_numbers(f->span, p->types[p->type_count++], 2); break;
	case 2: read_sample(&p->samples[p->sample_count++], f->span); break;
	case 3: read_mapping(&p->mappings[p->mapping_count++], f->span); break;
	case 4: read_location(&p->locations[p->location_count++], f->span); break;
	case 5: read_function(&p->functions[p->function_count++], f->span); break;
	case 6: p->texts[p->text_count++] = strndup((const char *)f->span.at, f->value); break;
	case 9: p->time = f->value; break;
	case 10: p->duration = f->value; break;
	case 11: read_numbers(f->span, p->period_type, 2); break;
	case 12: p->period = f->value; break;
	case 13: p->comment_count = read_packed(f->span, p->comments, READ_MAX); break;
	case 14: p->default_type = f->value; break;
	default: fail_msg("field %d of the profile", (int)f->number);
	}
}

/* Everything that is referred to is there. */
static void check(const struct read_profile *p)
{
	assert_string_equal(p->texts[0], "");
	assert_int_equal(p->type_count, 2);
	for (int i = 0; i < p->sample_count; i++) {
		assert_int_equal(p->samples[i].value_count, 2);
		assert_true(p->samples[i].location_count > 0);
		for (int j = 0; j < p->samples[i].location_count; j++)
			assert_non_null(location_of(p, &p->samples[i], j));
		for (int j = 0; j < p->samples[i].label_count; j++)
			assert_true(p->samples[i].labels[j].key);
	}
	for (int i = 0; i < p->location_count; i++) {
		assert_int_equal(p->locations[i].lines, 1);
		assert_true(p->locations[i].function);
		assert_true(!p->locations[i].mapping || mapping_of(p, &p->locations[i]));
	}
	for (int i = 0; i < p->function_count; i++)
		assert_true(p->functions[i].name && p->functions[i].name < (uint64_t)p->text_count);
}

struct read_profile *profile_read(const void *gzip, size_t size)
{
	struct read_profile *p = calloc(1, sizeof(*p));
	unsigned char *data = malloc(INFLATED_MAX);
	z_stream stream = { .next_in = (unsigned char *)gzip,
			    .avail_in = (unsigned int)size,
			    .next_out = data,
			    .avail_out = INFLATED_MAX };
	struct span in;
	struct field f;

	assert_int_equal(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.avail_in, 0);
	in = (struct span){ data, data + stream.total_out };
	inflateEnd(&stream);
	while (next_field(&in, &f))
		read_field(p, &f);
	free(data);
	check(p);
	return p;
}

void profile_read_free(struct read_profile *p)
{
	for (int i = 0; i < p->text_count; i++)
		free(p->texts[i]);
	free(p);
}

const struct read_location *location_of(const struct read_profile *p,
					const struct read_sample *sample, int i)
{
	for (int j = 0; i < sample->location_count && j < p->location_count; j++)
		if (p->locations[j].id == sample->locations[i])
			return &p->locations[j];
	return NULL;
}

const struct read_mapping *mapping_of(const struct read_profile *p,
				      const struct read_location *location)
{
	for (int i = 0; i < p->mapping_count; i++)
		if (p->mappings[i].id == location->mapping)
			return &p->mappings[i];
	return NULL;
}

const char *frame_name(const struct read_profile *p, const struct read_sample *sample, int i)
{
	const struct read_location *location = location_of(p, sample, i);

	for (int j = 0; location && j < p->function_count; j++)
		if (p->functions[j].id == location->function)
			return p->texts[p->functions[j].name];
	return "";
}

static const struct read_label *find_label(const struct read_profile *p,
					   const struct read_sample *sample, const char *key)
{
	for (int i = 0; i < sample->label_count; i++)
		if (!strcmp(p->texts[sample->labels[i].key], key))
			return &sample->labels[i];
	return NULL;
}

const char *label_text(const struct read_profile *p, const struct read_sample *sample,
		       const char *key)
{
	const struct read_label *label = find_label(p, sample, key);

	return label ? p->texts[label->text] : "";
}

uint64_t label_number(const struct read_profile *p, const struct read_sample *sample,
		      const char *key)
{
	const struct read_label *label = find_label(p, sample, key);

	return label ? label->number : 0;
}
