// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* spread - how many durations there were of which length */
#include "user/report/spread.h"

#include <string.h>

#include "user/base/text.h"
#include "user/report/table.h"

struct bucket {
	u64 from_ns;
	u64 to_ns;
	u64 count;
};

/* Octaves of about 1 us and more; everything below is one. */
#define BUCKET_FIRST 10
#define BUCKET_MAX   55

static size_t make_buckets(struct bucket buckets[BUCKET_MAX], const struct histogram *ns)
{
	size_t used = 0, last = 0;

	for (unsigned int bits = BUCKET_FIRST; bits < BUCKET_FIRST + BUCKET_MAX - 1; bits++) {
		u64 from_ns = bits == BUCKET_FIRST ? 0 : 1ULL << (bits - 1);
		u64 to_ns = 1ULL << bits, count = histogram_between(ns, from_ns, to_ns);

		if (!count && !used)
			continue;
		buckets[used++] = (struct bucket){ from_ns, to_ns, count };
		if (count)
			last = used;
	}
	return last;
}

void spread_print(const struct report *report, const struct histogram *ns)
{
	struct bucket buckets[BUCKET_MAX];
	size_t count = make_buckets(buckets, ns);
	char text[TEXT_MAX], from[CELL_TEXT_MAX], to[CELL_TEXT_MAX], bar[BAR_BYTES];
	u64 most = 0;

	for (size_t i = 0; i < count; i++)
		most = max(most, buckets[i].count);
	fprintf(report->out, "%sLATENCY%*sCOUNT%s\n", style_tone(&report->style, TONE_HEAD), 29, "",
		style_tone(&report->style, TONE_PLAIN));
	for (size_t i = 0; i < count; i++) {
		struct cell cell = { .number = buckets[i].from_ns };

		cell_show(from, report, CELL_NS, &cell);
		cell.number = buckets[i].to_ns;
		cell_show(to, report, CELL_NS, &cell);
		fprintf(report->out, "%*s%s to %*s%s  %15s  %s\n", 10 - (int)text_columns(from), "",
			from, 10 - (int)text_columns(to), "", to,
			text_count(text, buckets[i].count),
			bar_of(bar, &report->style, min(report->style.width - 43, 40u),
			       buckets[i].count, most));
	}
}

void spread_json(struct json *json, const char *key, const struct histogram *ns)
{
	struct bucket buckets[BUCKET_MAX];
	size_t count = make_buckets(buckets, ns);

	if (key)
		json_key(json, key);
	json_list(json);
	for (size_t i = 0; i < count; i++) {
		json_object(json);
		json_key_u64(json, "from_ns", buckets[i].from_ns);
		json_key_u64(json, "to_ns", buckets[i].to_ns);
		json_key_u64(json, "count", buckets[i].count);
		json_object_end(json);
	}
	json_list_end(json);
}

char *spread_bar(char to[SPREAD_BAR_BYTES], const struct report *report, const struct histogram *ns)
{
	static const char *const utf8[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { " ", ".", ".", ":", ":", "+", "+", "#", "#" };
	const char *const *marks = report->style.utf8 ? utf8 : ascii;
	struct bucket buckets[BUCKET_MAX];
	size_t count = make_buckets(buckets, ns), first;
	u64 most = 0;

	first = count > SPREAD_BAR_WIDTH ? count - SPREAD_BAR_WIDTH : 0;
	for (size_t i = first; i < count; i++)
		most = max(most, buckets[i].count);
	to[0] = 0;
	for (size_t i = first; i < count; i++)
		strcat(to, marks[buckets[i].count ? 1 + buckets[i].count * 7 / most : 0]);
	return to;
}
