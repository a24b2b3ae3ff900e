/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* stacks - what an encoder remembers of stacks, to say it again where it is used */
#ifndef TRACER_TRACE_STACKS_H
#define TRACER_TRACE_STACKS_H

#include "user/base/buffer.h"
#include "user/trace/event.h"
#include "user/trace/fields.h"
#include "user/trace/trie.h"

/*
 * Limits: with 32 bytes a stack and 17 a frame at most 11 MiB. 100,000 stacks of 30 frames,
 * whose callers are mostly those of others, take 9.
 */
#define STACKS_MAX	 131072
#define STACK_NODES_MAX (384 << 10)

struct stack_entry {
	u32 id;
	u32 leaf; /* in the trie */
	u32 tgid;
	u32 image;
	u32 used; /* number of the last chunk that uses it */
	u8 flags;
	u8 end;
	bool told;  /* in that chunk, so it need not be said again there */
	bool known; /* else there was no room for what it has become */
};

struct stacks {
	struct stack_entry *entries;
	u32 *slots; /* hash of the id -> position + 1 */
	u32 count;
	u32 room;
	u32 mask;
	struct trie trie;
	u32 chunk;      /* counts from 1 */
	u32 full_chunk; /* in which all that could be forgotten was */
	u32 used_count; /* in the open chunk, told before it */
	u64 forgotten;
};

/* Rows of the sections: a frame names its caller, a stack its innermost frame. */
struct stack_frame {
	u64 address;
	u32 caller; /* number of a row above, from 1; 0: none */
};

struct stack_row {
	u32 id;
	u32 tgid;
	u32 image;
	u32 frame; /* number of a frame, from 1; 0: none */
	u8 flags;
	u8 end;
};

extern const struct field_table stack_frame_fields;
extern const struct field_table stack_row_fields;

void stacks_init(struct stacks *stacks);

/*
 * A stack is told, or told better. When there is no room, those that no chunk has used for the
 * longest time are forgotten: later chunks that refer to them do not tell them again, and a
 * reader that begins there finds nothing under their ids. A stack for which there is no room
 * even so is not remembered. Return: 0 or -ENOMEM.
 */
int stacks_learn(struct stacks *stacks, const struct trace_stack *stack);

/* An event of the open chunk refers to @id. */
void stacks_use(struct stacks *stacks, u32 id);

/* Those that the open chunk uses and that were told before it: the two sections, a count and
 * rows each. */
void stacks_put(struct stacks *stacks, struct buffer *rows, struct buffer *frames);
void stacks_next_chunk(struct stacks *stacks);
size_t stacks_bytes(const struct stacks *stacks);
void stacks_free(struct stacks *stacks);

#endif
