// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* tree - time by call path, from the root on */
#include "user/report/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/model/grow.h"
#include "user/report/table.h"

#define SHARE_LEAST 100u /* a line stands for 1 of so many, at least */
#define CHAIN_WHOLE 8u   /* a longer chain without branches loses its middle */
#define CHAIN_HEAD  2u
#define CHAIN_TAIL  5u
#define WIDE        100u /* columns from which on the longest wait is shown, too */
#define INDENT      2u

s64 tree_child(struct tree *tree, u32 parent, const char *name, bool leaf)
{
	u32 number = 0;
	u64 *slot;

	if (!tree->count) {
		if (!grow(&tree->nodes, 0, &tree->room, sizeof(*tree->nodes)))
			return -ENOMEM;
		tree->nodes[tree->count++] = (struct tree_node){ 0 };
	}
	if (names_put(&tree->names, &number, name, strlen(name)) < 0)
		return -ENOMEM;
	slot = map_put(&tree->numbers, (u64)parent << 32 | number << 1 | leaf);
	if (!slot)
		return -ENOMEM;
	if (*slot)
		return (s64)*slot;
	if (!grow(&tree->nodes, tree->count, &tree->room, sizeof(*tree->nodes)))
		return -ENOMEM;
	tree->nodes[tree->count] = (struct tree_node){
		.name = number,
		.next = tree->nodes[parent].first,
		.leaf = leaf,
	};
	tree->nodes[parent].first = tree->count;
	tree->nodes[parent].children++;
	return (s64)(*slot = tree->count++);
}

void tree_charge(struct tree *tree, u32 node, u64 count, u64 ns, u64 longest_ns)
{
	tree->nodes[node].count += count;
	tree->nodes[node].ns += ns;
	tree->nodes[node].longest_ns = max(tree->nodes[node].longest_ns, longest_ns);
}

void tree_free(struct tree *tree)
{
	names_free(&tree->names);
	free(tree->nodes);
	map_free(&tree->numbers);
	*tree = (struct tree){ 0 };
}

struct line {
	u32 node; /* the first of its chain */
	u32 depth;
	u64 ns;
};

struct lines {
	const struct tree *tree;
	struct line *list;
	u32 count;
	u32 room;
	u64 least_ns; /* of a line that is shown */
	u64 left_out;
};

static int compare_children(const void *left, const void *right, void *ctx)
{
	const struct tree *tree = ctx;
	const struct tree_node *a = &tree->nodes[*(const u32 *)left];
	const struct tree_node *b = &tree->nodes[*(const u32 *)right];

	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	if (a->leaf != b->leaf)
		return a->leaf ? 1 : -1;
	return strcmp(names_text(&tree->names, a->name), names_text(&tree->names, b->name));
}

/* Puts the children of all nodes in order. */
static int sort(struct tree *tree)
{
	CLEANUP(free) u32 *list = calloc((size_t)tree->count + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (u32 n = 0; n < tree->count; n++) {
		struct tree_node *node = &tree->nodes[n];
		u32 count = 0;

		for (u32 child = node->first; child; child = tree->nodes[child].next)
			list[count++] = child;
		if (count < 2)
			continue;
		qsort_r(list, count, sizeof(*list), compare_children, tree);
		node->first = list[0];
		for (u32 i = 0; i < count; i++)
			tree->nodes[list[i]].next = i + 1 < count ? list[i + 1] : 0;
	}
	return 0;
}

static const struct tree_node *only_child(const struct tree *tree, const struct tree_node *node)
{
	return node->children == 1 ? &tree->nodes[node->first] : NULL;
}

/* The last call of a chain without branches that begins with @node */
static const struct tree_node *chain_end(const struct tree *tree, const struct tree_node *node,
					 u32 *length)
{
	const struct tree_node *next;

	for (*length = 1; (next = only_child(tree, node)) && !next->leaf; ++*length)
		node = next;
	return node;
}

/* The lines of @node and all below it, in the order in which they are shown. The depth of a tree
 * is that of the longest stack. */
static int add_lines(struct lines *lines, u32 node, u32 depth)
{
	const struct tree *tree = lines->tree;
	const struct tree_node *end = &tree->nodes[node];
	u32 length;
	int r = 0;

	if (node) {
		if (!grow(&lines->list, lines->count, &lines->room, sizeof(*lines->list)))
			return -ENOMEM;
		lines->list[lines->count++] = (struct line){ node, depth, end->ns };
		if (end->leaf)
			return 0;
		end = chain_end(tree, end, &length);
		depth++;
		if (only_child(tree, end)) /* what kind of wait: said in the same line */
			return 0;
	}
	for (u32 child = end->first; child && !r; child = tree->nodes[child].next)
		r = add_lines(lines, child, depth);
	return r;
}

static int compare_ns(const void *left, const void *right)
{
	u64 a = *(const u64 *)left, b = *(const u64 *)right;

	return a < b ? 1 : a > b ? -1 : 0;
}

/* Which lines are shown: the hottest ones. A caller is as hot as what it calls, so what is shown
 * hangs together. */
static int choose(struct lines *lines, size_t limit, u64 whole_ns)
{
	CLEANUP(free) u64 *ns = calloc((size_t)lines->count + 1, sizeof(*ns));

	if (!ns)
		return -ENOMEM;
	for (u32 i = 0; i < lines->count; i++)
		ns[i] = lines->list[i].ns;
	qsort(ns, lines->count, sizeof(*ns), compare_ns);
	lines->least_ns = whole_ns / SHARE_LEAST;
	if (limit < lines->count)
		lines->least_ns = max(lines->least_ns, ns[limit - 1]);
	return 0;
}

struct pen {
	const struct report *report;
	unsigned int left;   /* column in which the text of a line begins */
	unsigned int column; /* in which it goes on */
};

/* @name behind @separator, in this line or in the next */
static void put(struct pen *pen, const char *separator, const char *name)
{
	unsigned int width = pen->report->style.width;
	unsigned int columns = (unsigned int)(text_columns(separator) + text_columns(name));

	if (pen->column > pen->left && pen->column + columns > width) {
		pen->column = pen->left + INDENT;
		fprintf(pen->report->out, "\n%*s", (int)pen->column, "");
		separator += strspn(separator, " ");
	}
	fputs(separator, pen->report->out);
	pen->column += (unsigned int)text_columns(separator);
	columns = pen->column < width ? width - pen->column : 1;
	put_cut(pen->report, name, columns);
	pen->column += min((unsigned int)text_columns(name), columns);
}

static void put_leaf(struct pen *pen, const struct tree *tree, const struct tree_node *leaf)
{
	char text[CELL_TEXT_MAX];

	snprintf(text, sizeof(text), "[%.240s]", names_text(&tree->names, leaf->name));
	put(pen, pen->column > pen->left ? " " : "", text);
}

/* "main > serve > (12 more) > read_request [network read]" */
static void put_chain(struct pen *pen, const struct tree *tree, const struct tree_node *node,
		      bool whole)
{
	const char *arrow = pen->report->style.utf8 ? " → " : " > ";
	const struct tree_node *leaf;
	char more[TEXT_MAX + 16], number[TEXT_MAX];
	u32 length;

	if (node->leaf) {
		put_leaf(pen, tree, node);
		return;
	}
	leaf = only_child(tree, chain_end(tree, node, &length));
	whole = whole || length <= CHAIN_WHOLE;
	for (u32 i = 0; i < length; i++, node = only_child(tree, node)) {
		const char *before = i ? arrow : "";

		if (whole || i < CHAIN_HEAD || i >= length - CHAIN_TAIL) {
			put(pen, before, names_text(&tree->names, node->name));
		} else if (i == CHAIN_HEAD) {
			snprintf(more, sizeof(more), "(%s more)",
				 text_count(number, length - CHAIN_HEAD - CHAIN_TAIL));
			put(pen, before, more);
		}
	}
	if (leaf)
		put_leaf(pen, tree, leaf);
}

static char *duration(char to[CELL_TEXT_MAX], const struct report *report, u64 ns)
{
	struct cell cell = { .number = ns };

	return cell_show(to, report, CELL_NS, &cell);
}

static void put_right(const struct report *report, const char *text, unsigned int width)
{
	unsigned int columns = (unsigned int)text_columns(text);

	fprintf(report->out, "%*s%s  ", columns < width ? (int)(width - columns) : 0, "", text);
}

static void put_line(const struct report *report, const struct tree *tree, const struct line *line,
		     unsigned int indent)
{
	bool wide = report->style.width >= WIDE;
	const struct tree_node *node = &tree->nodes[line->node];
	struct pen pen = { .report = report, .left = (wide ? 41 : 31) + indent };
	char text[CELL_TEXT_MAX], share[TEXT_MAX];

	put_right(report, duration(text, report, node->ns), 10);
	put_right(report, text_share(share, node->ns, tree->nodes[0].ns), 7);
	put_right(report, text_count(share, node->count), 8);
	if (wide)
		put_right(report, duration(text, report, node->longest_ns), 8);
	fprintf(report->out, "%*s", (int)indent, "");
	pen.column = pen.left;
	put_chain(&pen, tree, node, report->options->all);
	fputc('\n', report->out);
}

static void put_head(const struct report *report)
{
	fputs(style_tone(&report->style, TONE_HEAD), report->out);
	put_right(report, "TOTAL", 10);
	put_right(report, "SHARE", 7);
	put_right(report, "COUNT", 8);
	if (report->style.width >= WIDE)
		put_right(report, "LONGEST", 8);
	fprintf(report->out, "FUNCTIONS%s\n", style_tone(&report->style, TONE_PLAIN));
}

static void put_lines(const struct report *report, struct lines *lines, size_t limit)
{
	unsigned int deepest = (report->style.width - 31) / 2;
	char text[TEXT_MAX];
	size_t shown = 0;

	put_head(report);
	for (u32 i = 0; i < lines->count; i++) {
		const struct line *line = &lines->list[i];

		if (line->ns < lines->least_ns || shown == limit)
			continue;
		put_line(report, lines->tree, line, min(line->depth * INDENT, deepest));
		shown++;
	}
	if (shown < lines->count)
		fprintf(report->out, "%s%s more left out (--limit 0 shows all)%s\n",
			style_tone(&report->style, TONE_DIM),
			text_count(text, lines->count - shown),
			style_tone(&report->style, TONE_PLAIN));
}

int tree_print(const struct report *report, struct tree *tree, size_t fit)
{
	struct lines lines = { .tree = tree };
	size_t limit;
	int r;

	if (!tree->count)
		return 0;
	r = sort(tree);
	if (!r)
		r = add_lines(&lines, 0, 0);
	limit = report_limit(report, lines.count, fit);
	if (!r && !report->options->all)
		r = choose(&lines, limit, tree->nodes[0].ns);
	if (!r)
		put_lines(report, &lines, limit);
	free(lines.list);
	return r;
}
