/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* tree - time by call path, from the root on: merged by name, the hottest first, few lines */
#ifndef TRACER_REPORT_TREE_H
#define TRACER_REPORT_TREE_H

#include "user/model/names.h"
#include "user/report/report.h"

struct tree_node {
	u32 name; /* names_text() */
	u32 first; /* child, 0: none */
	u32 next;  /* the other children of the same parent */
	u32 children;
	bool leaf; /* says what kind of wait it was, not where */
	u64 ns;
	u64 count;
	u64 longest_ns;
};

struct tree {
	struct names names;
	struct tree_node *nodes; /* the first is the root, and has no name */
	u32 count;
	u32 room;
	struct map numbers; /* parent, name, leaf -> number of the node */
};

/* The child @name of node @parent (the root is 0), made when there is none; -ENOMEM. */
s64 tree_child(struct tree *tree, u32 parent, const char *name, bool leaf);

/* One row's numbers to a node of its path; call it for all of them, and for the root. */
void tree_charge(struct tree *tree, u32 node, u64 count, u64 ns, u64 longest_ns);

/**
 * tree_print() - as lines: the callers indented less than what they call
 * @fit: how many lines are shown without --limit; those below 1 % are left out then
 *
 * A chain of calls without branches is one line, its middle left out where it is long, unless
 * everything is asked for with --limit 0.
 *
 * Return: 0 or -ENOMEM.
 */
int tree_print(const struct report *report, struct tree *tree, size_t fit);
void tree_free(struct tree *tree);

#endif
