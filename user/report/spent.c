// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* spent - where some time went, in one line; and what programs announced against the rules */
#include <string.h>

#include "user/base/text.h"
#include "user/report/table.h"
#include "user/report/tasks.h"

#define PARTS_MAX   (3 + WAIT_KIND_COUNT)
#define PARTS_SHOWN 4

struct part {
	const char *name;
	u64 ns;
};

static int compare_parts(const void *left, const void *right)
{
	const struct part *a = left, *b = right;

	return a->ns < b->ns ? 1 : a->ns > b->ns ? -1 : strcmp(a->name, b->name);
}

char *spent_text(char to[SPENT_TEXT_MAX], const struct spent *spent, u64 whole)
{
	struct part parts[PARTS_MAX] = {
		{ "execution", spent->execution_ns },
		{ "scheduler wait", spent->scheduler_wait_ns },
		{ "not known", spent->unknown_ns },
	};
	char share[TEXT_MAX];
	size_t used = 0;

	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++)
		parts[3 + kind] = (struct part){ wait_kind_name((enum wait_kind)kind),
						 spent->waits_ns[kind] };
	qsort(parts, PARTS_MAX, sizeof(parts[0]), compare_parts);
	to[0] = 0;
	for (int i = 0; i < PARTS_SHOWN && parts[i].ns; i++) {
		/* Below a hundredth it explains nothing. */
		if (i && parts[i].ns * 100 < whole)
			break;
		used += (size_t)snprintf(to + used, SPENT_TEXT_MAX - used, "%s%s %s", i ? ", " : "",
					 parts[i].name, text_share(share, parts[i].ns, whole));
	}
	return to;
}

char *went_text(char to[WENT_TEXT_MAX], const struct spent *spent, u64 latency_ns, u64 attended_ns)
{
	u64 rest_ns = latency_ns - min(attended_ns, latency_ns);
	char share[TEXT_MAX], text[SPENT_TEXT_MAX];

	spent_text(text, spent, spent_sum(spent));
	if (rest_ns && rest_ns * 100 >= latency_ns)
		snprintf(to, WENT_TEXT_MAX, "%s%sno thread worked for it %s", text,
			 *text ? "; " : "", text_share(share, rest_ns, latency_ns));
	else
		snprintf(to, WENT_TEXT_MAX, "%s", text);
	return to;
}

void spent_json(struct json *json, const struct spent *spent)
{
	json_key_u64(json, "observed_ns", spent_sum(spent));
	json_key_u64(json, "execution_ns", spent->execution_ns);
	json_key_u64(json, "scheduler_wait_ns", spent->scheduler_wait_ns);
	json_key(json, "waits");
	json_object(json);
	for (int kind = 0; kind < WAIT_KIND_COUNT; kind++)
		if (spent->waits_ns[kind])
			json_key_u64(json, wait_kind_name((enum wait_kind)kind),
				     spent->waits_ns[kind]);
	json_object_end(json);
	json_key_u64(json, "unknown_ns", spent->unknown_ns);
}

static void misuse_json(const struct timeline_counts *counts, struct json *json)
{
	json_key(json, "misuse");
	json_object(json);
	for (int i = MISUSE_NONE + 1; i < MISUSE_COUNT; i++)
		json_key_u64(json, misuse_name((enum misuse)i), counts->misuse[i]);
	json_object_end(json);
}

void misuse_show(const struct report *report, struct json *json)
{
	const struct timeline_counts *counts = timeline_counts(report->timeline);
	char text[TEXT_MAX], line[128];

	if (json) {
		misuse_json(counts, json);
		return;
	}
	for (int i = MISUSE_NONE + 1; i < MISUSE_COUNT; i++)
		if (counts->misuse[i]) {
			snprintf(line, sizeof(line), "misuse: %s: %s", misuse_text((enum misuse)i),
				 text_count(text, counts->misuse[i]));
			line_show(report, line);
		}
}

void line_show(const struct report *report, const char *line)
{
	put_cut(report, line, report->style.width);
	fputc('\n', report->out);
}

char *ns_text(char to[WHEN_TEXT_MAX], const struct report *report, u64 ns)
{
	char text[CELL_TEXT_MAX];
	struct cell cell = { .number = ns };

	snprintf(to, WHEN_TEXT_MAX, "%.31s", cell_show(text, report, CELL_NS, &cell));
	return to;
}

char *when_text(char to[WHEN_TEXT_MAX], const struct report *report, u64 time_ns)
{
	u64 start_ns = timeline_start_ns(report->timeline);

	snprintf(to, WHEN_TEXT_MAX, "%.6f s",
		 (double)(time_ns > start_ns ? time_ns - start_ns : 0) / 1e9);
	return to;
}
