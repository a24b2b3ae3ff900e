/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* trie - stacks that share their callers: a frame is its address and the frame that called it */
#ifndef TRACER_TRACE_TRIE_H
#define TRACER_TRACE_TRIE_H

#include "user/base/util.h"

/*
 * Nodes are numbered from 1 in the order in which they came, so a node's number is higher than
 * that of its caller. 12 bytes a node, and 4 to 11 for finding it.
 */
struct trie {
	u64 *addresses; /* by number - 1 */
	u32 *parents;   /* the same; 0: nobody called it */
	u32 *slots;     /* hash -> number; 0: none */
	u32 count;
	u32 room;
	u32 mask;  /* slots - 1 */
	u32 limit; /* most nodes; 0: no limit but memory */
};

/**
 * trie_put() - find or add a stack
 * @leaf:   set on success: the innermost frame's number, 0 when there are no frames
 * @frames: innermost first
 *
 * Return: 0, -ENOSPC at the limit, or -ENOMEM.
 */
int trie_put(struct trie *trie, u32 *leaf, const u64 *frames, u32 count);

/* The stack that ends in @leaf, innermost first; at most @room frames. Return: how many. */
u32 trie_get(const struct trie *trie, u32 leaf, u64 *frames, u32 room);

/* Marks @leaf and all its callers in @marks, which has an element for each node and one more. */
void trie_mark(const struct trie *trie, u32 *marks, u32 leaf);

/*
 * Lets go of all nodes that are not marked. Afterwards marks[number] is the new number of a
 * node. Return: 0, or -ENOMEM (then nothing has changed).
 */
int trie_keep(struct trie *trie, u32 *marks);

size_t trie_bytes(const struct trie *trie);
void trie_free(struct trie *trie);

#endif
