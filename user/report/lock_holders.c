// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* lock_holders - the lines below a lock: who held it, doing what */
#include "user/report/lock_holders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"
#include "user/report/lock_names.h"

#define NAMES_MAX    64 /* of holders of one lock; the rest is told as one */
#define NAMES_SHOWN  3
#define DOINGS_MAX   16
#define DOINGS_SHOWN 4

/* Threads of one name: pools are many */
struct named {
	u32 name;
	enum lock_part part;
	const struct lock_holder *most; /* the one with most time */
	u64 ns;
	u32 threads;
	u32 doing_count;
	struct lock_doing doing[DOINGS_MAX];
};

static void add_doing(struct named *named, const struct lock_doing *doing)
{
	struct lock_doing *at = named->doing;

	for (u32 i = 0; i < named->doing_count; i++) {
		if (at[i].state == doing->state && at[i].kind == doing->kind &&
		    at[i].syscall == doing->syscall && at[i].word == doing->word) {
			at[i].ns += doing->ns;
			return;
		}
	}
	if (named->doing_count < DOINGS_MAX) {
		at[named->doing_count++] = *doing;
		return;
	}
	at[DOINGS_MAX - 1].state = STATE_COUNT;
	at[DOINGS_MAX - 1].ns += doing->ns;
}

static int compare_named(const void *left, const void *right)
{
	const struct named *a = left, *b = right;

	return a->ns < b->ns ? 1 : a->ns > b->ns ? -1 : (a->name > b->name) - (a->name < b->name);
}

static int compare_doings(const void *left, const void *right)
{
	const struct lock_doing *a = left, *b = right;

	return a->ns < b->ns ? 1 : a->ns > b->ns ? -1 : 0;
}

/* Fills @list by name, most time first. Return: how many. */
static size_t by_name(struct named list[NAMES_MAX], const struct report *report,
		      const struct lock_row *row)
{
	const struct lock_holder *holders;
	u32 number = (u32)(row - report->locks.rows);
	size_t count = locks_holders(&report->locks, number, &holders), used = 0, at;

	for (size_t i = 0; i < count; i++) {
		u32 name = holders[i].thread ? holders[i].thread->name : 0;
		enum lock_part part = lock_part_of(row, &holders[i]);

		for (at = 0; at < used; at++)
			if (list[at].name == name && list[at].part == part)
				break;
		if (at == NAMES_MAX)
			at--;
		if (at == used)
			list[used++] =
				(struct named){ name, part, &holders[i], 0, 0, 0, { { 0 } } };
		list[at].ns += holders[i].ns;
		list[at].threads++;
		for (u32 j = 0; j < holders[i].doing_count; j++)
			add_doing(&list[at], &holders[i].doing[j]);
	}
	for (at = 0; at < used; at++)
		qsort(list[at].doing, list[at].doing_count, sizeof(list[at].doing[0]),
		      compare_doings);
	if (used)
		qsort(list, used, sizeof(*list), compare_named);
	return used;
}

static const char *part_text(enum lock_part part)
{
	switch (part) {
	case LOCK_HELD: return "held by";
	case LOCK_JOINED: return "joined:";
	default: return "released by";
	}
}

/* "held by flusher 98 %" */
static void who_of(char *to, size_t room, const struct report *report, const struct lock_row *row,
		   const struct named *named)
{
	char name[NAME_SHOWN_MAX], share[TEXT_MAX], pool[TEXT_MAX + 16] = "";

	name_show(name, names_text(&timeline_threads(report->timeline)->names, named->name));
	if (named->threads > 1)
		snprintf(pool, sizeof(pool), " (%u threads)", named->threads);
	snprintf(to, room, "%s %s%s %s", part_text(named->part), name, pool,
		 text_share(share, named->ns, row->ns.total));
}

/* "blocked in fsync 80 %, running 20 %" */
static void doings_of(char *to, size_t room, const struct report *report, const struct named *named)
{
	char share[TEXT_MAX], doing[CELL_TEXT_MAX];
	size_t used = 0;

	for (u32 i = 0; i < named->doing_count && i < DOINGS_SHOWN && used < room; i++) {
		/* Below a hundredth it explains nothing. */
		if (i && named->doing[i].ns * 100 < named->ns)
			break;
		used += (size_t)snprintf(to + used, room - used, "%s%s %s", i ? ", " : "",
					 lock_doing_text(doing, report, &named->doing[i]),
					 text_share(share, named->doing[i].ns, named->ns));
	}
}

bool lock_holder_line(char *to, size_t room, const struct report *report,
		      const struct lock_row *row)
{
	struct named list[NAMES_MAX];
	char who[128], doings[512];

	if (!by_name(list, report, row))
		return false;
	who_of(who, sizeof(who), report, row, &list[0]);
	doings_of(doings, sizeof(doings), report, &list[0]);
	snprintf(to, room, "%s: %s", who, doings);
	return true;
}

static void put_below(const struct report *report, const char *line, unsigned int indent)
{
	fprintf(report->out, "%*s", (int)indent, "");
	put_cut(report, line, report->style.width - indent);
	fputc('\n', report->out);
}

/* On one line, or on two when that is too narrow */
static void put_named(const struct report *report, const struct lock_row *row,
		      const struct named *named)
{
	char who[128], doings[512], line[1024];

	who_of(who, sizeof(who), report, row, named);
	doings_of(doings, sizeof(doings), report, named);
	snprintf(line, sizeof(line), "%s: %s", who, doings);
	if (text_columns(line) + 2 <= report->style.width) {
		put_below(report, line, 2);
		return;
	}
	put_below(report, who, 2);
	put_below(report, doings, 4);
}

static void put_rest(const struct report *report, const struct lock_row *row,
		     const struct named *list, size_t count, size_t shown)
{
	char line[256] = "", share[TEXT_MAX];
	u64 rest_ns = 0;
	size_t used = 0;

	for (size_t i = shown; i < count; i++)
		rest_ns += list[i].ns;
	if (rest_ns)
		used = (size_t)snprintf(line, sizeof(line), "%zu other%s %s", count - shown,
					count - shown == 1 ? "" : "s",
					text_share(share, rest_ns, row->ns.total));
	if (row->free_ns * 100 >= row->ns.total)
		used += (size_t)snprintf(line + used, sizeof(line) - used,
					 "%snobody, the next one on its way %s", used ? ", " : "",
					 text_share(share, row->free_ns, row->ns.total));
	if (row->unknown_ns * 100 >= row->ns.total)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%snot known %s",
					 used ? ", " : "",
					 text_share(share, row->unknown_ns, row->ns.total));
	if (used)
		put_below(report, line, 2);
}

void lock_holders_print(const struct report *report, const void *data)
{
	const struct lock_row *row = data;
	struct named list[NAMES_MAX];
	size_t count = by_name(list, report, row), shown = 0;
	char line[1024], text[CELL_TEXT_MAX];
	struct lock_stack stack;
	bool sampled;

	for (; shown < count && shown < NAMES_SHOWN; shown++) {
		if (shown && list[shown].ns * 20 < row->ns.total)
			break;
		put_named(report, row, &list[shown]);
		if (shown)
			continue;
		stack = lock_holder_stack(list[0].most, &sampled);
		/* What it is blocked in was said; by whom it was called is new. */
		lock_stack_text(text, report, &stack);
		if (stack.weight && *text && (sampled || strstr(text, " <- "))) {
			snprintf(line, sizeof(line), "%s %s", sampled ? "runs in" : "in", text);
			put_below(report, line, 4);
		}
	}
	put_rest(report, row, list, count, shown);
}
