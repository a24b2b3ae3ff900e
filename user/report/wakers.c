// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* wakers - who released whom, and the chains of that */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"
#include "user/report/table.h"

#define GET(name, type, statement)                                                               \
	static void get_##name(struct cell *cell, const struct report *report, const void *data) \
	{                                                                                        \
		const type *row = data;                                                          \
                                                                                                 \
		statement;                                                                       \
	}

static const char *name_of(const struct report *report, u32 name)
{
	return names_text(&timeline_threads(report->timeline)->names, name);
}

/* "worker", "softirq (worker)", "interrupt", "not seen". Return: @to */
static char *who_text(char to[WAKER_TEXT_MAX], const struct report *report,
		      const struct wakers_who *who)
{
	const struct waits_waker waker = {
		.name = who->name,
		.context = who->context,
		.missing = who->missing,
	};

	return waker_text(to, report->timeline, &waker);
}

static void set_who(struct cell *cell, const struct report *report, const struct wakers_who *who)
{
	char text[WAKER_TEXT_MAX];

	cell_text(cell, who_text(text, report, who));
}

static void set_name(struct cell *cell, const struct report *report, u32 name)
{
	cell->none = !*name_of(report, name);
	cell_text(cell, name_of(report, name));
}

static const char *context_of(const struct wakers_who *who)
{
	return who->missing ? "missing" : waker_context_name(who->context);
}

GET(woken, struct wakers_pair, cell_text(cell, name_of(report, row->woken)))
GET(kind, struct wakers_pair, cell_text(cell, wait_kind_name(row->kind)))
GET(who, struct wakers_pair, set_who(cell, report, &row->who))
GET(by, struct wakers_pair, set_name(cell, report, row->who.name))
GET(context, struct wakers_pair, cell_text(cell, context_of(&row->who)))
GET(count, struct wakers_pair, cell->number = row->ns.count)
GET(total, struct wakers_pair, cell->number = row->ns.total)
GET(p50, struct wakers_pair, cell->number = histogram_quantile(&row->ns, 0.5))
GET(p99, struct wakers_pair, cell->number = histogram_quantile(&row->ns, 0.99))
GET(longest, struct wakers_pair, cell->number = row->ns.most)
GET(latency, struct wakers_pair, cell->number = row->latency_ns)

static void get_from(struct cell *cell, const struct report *report, const void *data)
{
	char text[CELL_TEXT_MAX];

	report_function(text, report, ((const struct wakers_pair *)data)->from);
	cell->none = !*text;
	cell_text(cell, text);
}

static const struct column pair_columns[] = {
	{ "WOKEN", "woken", CELL_TEXT, 0, false, get_woken, NULL },
	{ "KIND", "kind", CELL_TEXT, 0, false, get_kind, NULL },
	{ "BY", NULL, CELL_TEXT, 0, false, get_who, NULL },
	{ NULL, "by", CELL_TEXT, 0, false, get_by, NULL },
	{ NULL, "context", CELL_TEXT, 0, false, get_context, NULL },
	{ "COUNT", "count", CELL_COUNT, 0, false, get_count, NULL },
	{ "WAITED", "total_ns", CELL_NS, 0, false, get_total, NULL },
	{ "P50", "p50_ns", CELL_NS, 2, false, get_p50, NULL },
	{ "P99", "p99_ns", CELL_NS, 1, false, get_p99, NULL },
	{ "LONGEST", "longest_ns", CELL_NS, 3, false, get_longest, NULL },
	{ NULL, "scheduler_wait_ns", CELL_NS, 0, false, get_latency, NULL },
	{ "WAKER IN", "function", CELL_TEXT, 0, true, get_from, NULL },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

/* The links of a chain, from the first cause to the last. Return: how many. */
static u32 links_of(const struct wakers_link *links[WAKERS_DEPTH_MAX], const struct report *report,
		    u32 number)
{
	u32 count = 0;

	for (u32 at = number + 1; at && count < WAKERS_DEPTH_MAX;) {
		links[count++] = &report->wakers.links[at - 1];
		at = links[count - 1]->before;
	}
	return count;
}

/* "timer -> producer -> worker -> writer" */
static void get_chain(struct cell *cell, const struct report *report, const void *row)
{
	const struct wakers_link *links[WAKERS_DEPTH_MAX];
	u32 count = links_of(links, report, *(const u32 *)row);
	char who[WAKER_TEXT_MAX], name[NAME_SHOWN_MAX], text[CELL_TEXT_MAX] = "";
	size_t used = 0;

	for (u32 i = 0; i < count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s -> ",
					 who_text(who, report, &links[i]->who));
	if (used < sizeof(text))
		snprintf(text + used, sizeof(text) - used, "%s",
			 name_show(name, name_of(report, links[count - 1]->woken)));
	cell_text(cell, text);
}
GET(chain_count, u32, cell->number = report->wakers.links[*row].count)
GET(chain_ns, u32, cell->number = report->wakers.links[*row].ns)
GET(chain_longest, u32, cell->number = report->wakers.links[*row].longest_ns)

static void json_chain(struct json *json, const struct report *report, const void *row)
{
	const struct wakers_link *links[WAKERS_DEPTH_MAX];
	u32 count = links_of(links, report, *(const u32 *)row);

	json_list(json);
	for (u32 i = 0; i < count; i++) {
		const char *name = name_of(report, links[i]->who.name);

		json_object(json);
		json_key_text(json, "name", *name ? name : NULL);
		json_key_text(json, "context", context_of(&links[i]->who));
		json_key_text(json, "ended", wait_kind_name((enum wait_kind)links[i]->kind));
		json_object_end(json);
	}
	json_list_end(json);
}

static void get_chain_woken(struct cell *cell, const struct report *report, const void *row)
{
	const struct wakers_link *links[WAKERS_DEPTH_MAX];
	u32 count = links_of(links, report, *(const u32 *)row);

	cell_text(cell, name_of(report, links[count - 1]->woken));
}

static const struct column chain_columns[] = {
	{ "COUNT", "count", CELL_COUNT, 0, false, get_chain_count, NULL },
	{ "WAITED", "total_ns", CELL_NS, 0, false, get_chain_ns, NULL },
	{ "LONGEST", "longest_ns", CELL_NS, 3, false, get_chain_longest, NULL },
	{ "WHO RELEASED WHOM", NULL, CELL_TEXT, 0, false, get_chain, NULL },
	{ NULL, "woken", CELL_TEXT, 0, false, get_chain_woken, NULL },
	{ NULL, "chain", CELL_TEXT, 0, false, NULL, json_chain },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

/* Chains of one link are the pairs. */
static u32 drop_short(struct report *report)
{
	struct wakers *wakers = &report->wakers;
	u32 count = 0;

	for (u32 i = 0; i < wakers->chain_count; i++)
		if (wakers->links[wakers->chains[i]].depth > 1)
			wakers->chains[count++] = wakers->chains[i];
	return wakers->chain_count = count;
}

int report_wakers(struct report *report, struct json *json)
{
	struct wakers *wakers = &report->wakers;
	struct table pairs = {
		.name = "wakers",
		.columns = pair_columns,
		.row_bytes = sizeof(struct wakers_pair),
		.fit = 12,
	};
	struct table chains = {
		.name = "chains",
		.columns = chain_columns,
		.row_bytes = sizeof(u32),
		.fit = 10,
	};
	int r = history_finish(&report->history);

	if (r >= 0)
		r = wakers_sort(wakers);
	if (r < 0)
		return r;
	pairs.rows = wakers->pairs;
	pairs.row_count = wakers->count;
	chains.row_count = json ? wakers->chain_count : drop_short(report);
	chains.rows = wakers->chains;
	r = table_show(report, json, &pairs);
	if (r < 0 || (!json && !chains.row_count))
		return r;
	if (!json)
		fputc('\n', report->out);
	return table_show(report, json, &chains);
}
