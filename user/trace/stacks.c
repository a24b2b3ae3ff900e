// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* stacks - what an encoder remembers of stacks, to say it again where it is used */
#include "user/trace/stacks.h"

#include <errno.h>
#include <stdlib.h>

#include "user/base/cleanup.h"
#include "user/base/map.h"
#include "user/trace/format.h"

#define ROOM_FIRST 256u

static const struct field frame_fields[] = {
	UINT_FIELD(stack_frame, caller),
	UINT_FIELD(stack_frame, address),
};

static const struct field row_fields[] = {
	UINT_FIELD(stack_row, id),    UINT_FIELD(stack_row, tgid), UINT_FIELD(stack_row, image),
	UINT_FIELD(stack_row, flags), UINT_FIELD(stack_row, end),  UINT_FIELD(stack_row, frame),
};

const struct field_table stack_frame_fields = {
	.fields = frame_fields,
	.count = ARRAY_SIZE(frame_fields),
	.bytes = sizeof(struct stack_frame),
};

const struct field_table stack_row_fields = {
	.fields = row_fields,
	.count = ARRAY_SIZE(row_fields),
	.bytes = sizeof(struct stack_row),
};

void stacks_init(struct stacks *stacks)
{
	stacks->chunk = 1;
	stacks->trie.limit = STACK_NODES_MAX;
}

static u32 *find_slot(const struct stacks *stacks, u32 id)
{
	u32 at = (u32)hash_u64(id) & stacks->mask;

	while (stacks->slots[at] && stacks->entries[stacks->slots[at] - 1].id != id)
		at = (at + 1) & stacks->mask;
	return &stacks->slots[at];
}

static struct stack_entry *find(const struct stacks *stacks, u32 id)
{
	u32 position = stacks->slots ? *find_slot(stacks, id) : 0;

	return position ? &stacks->entries[position - 1] : NULL;
}

static void fill_slots(struct stacks *stacks)
{
	memset(stacks->slots, 0, (stacks->mask + 1) * sizeof(*stacks->slots));
	for (u32 i = 0; i < stacks->count; i++)
		*find_slot(stacks, stacks->entries[i].id) = i + 1;
}

/* Half of the slots are in use. */
static int grow(struct stacks *stacks)
{
	u32 room = min(max(stacks->room * 2, ROOM_FIRST), (u32)STACKS_MAX);
	struct stack_entry *entries = reallocarray(stacks->entries, room, sizeof(*entries));
	u32 *slots;

	if (!entries)
		return -ENOMEM;
	stacks->entries = entries;
	slots = reallocarray(stacks->slots, room * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	stacks->slots = slots;
	stacks->mask = room * 2 - 1;
	stacks->room = room;
	fill_slots(stacks);
	return 0;
}

/* How many chunks ago the oldest was used that stays, so that a quarter of them goes. */
static u32 age_to_keep(const struct stacks *stacks)
{
	u32 age = 1024;

	for (; age; age /= 2) {
		u32 older = 0;

		for (u32 i = 0; i < stacks->count; i++)
			older += stacks->chunk - stacks->entries[i].used >= age;
		if (older > stacks->count / 4 || (age == 1 && older))
			break;
	}
	return age;
}

/* Return: 0 when some were forgotten, -ENOSPC when all are in use, or -ENOMEM. */
static int forget(struct stacks *stacks)
{
	u32 age = stacks->full_chunk == stacks->chunk ? 0 : age_to_keep(stacks), kept = 0;
	CLEANUP(free) u32 *marks = NULL;

	if (!age)
		return -ENOSPC;
	if (age == 1)
		stacks->full_chunk = stacks->chunk; /* nothing more can go: no second try */
	marks = calloc((size_t)stacks->trie.count + 1, sizeof(*marks));
	if (!marks)
		return -ENOMEM;
	for (u32 i = 0; i < stacks->count; i++) {
		const struct stack_entry *entry = &stacks->entries[i];

		if (stacks->chunk - entry->used < age)
			trie_mark(&stacks->trie, marks, entry->leaf);
	}
	if (trie_keep(&stacks->trie, marks) < 0)
		return -ENOMEM;
	for (u32 i = 0; i < stacks->count; i++) {
		struct stack_entry entry = stacks->entries[i];

		if (stacks->chunk - entry.used >= age)
			continue;
		entry.leaf = marks[entry.leaf];
		stacks->entries[kept++] = entry;
	}
	stacks->forgotten += stacks->count - kept;
	stacks->count = kept;
	fill_slots(stacks);
	return 0;
}

static int add(struct stacks *stacks, u32 id)
{
	int r = 0;

	if (stacks->count == STACKS_MAX)
		r = forget(stacks);
	else if (stacks->count == stacks->room)
		r = grow(stacks);
	if (r < 0)
		return r;
	stacks->entries[stacks->count] = (struct stack_entry){ .id = id };
	*find_slot(stacks, id) = ++stacks->count;
	return 0;
}

static void tell(struct stacks *stacks, struct stack_entry *entry)
{
	if (entry->used == stacks->chunk && !entry->told)
		stacks->used_count--;
	entry->used = stacks->chunk;
	entry->told = true;
	entry->known = false;
	entry->leaf = 0;
}

int stacks_learn(struct stacks *stacks, const struct trace_stack *stack)
{
	u32 count = min(stack->frames.count, (u32)WORDS_FIELD_MAX), leaf = 0;
	struct stack_entry *entry = find(stacks, stack->id);
	int r = entry || !stack->id ? 0 : add(stacks, stack->id);

	if (r < 0 || !stack->id)
		return r == -ENOSPC ? 0 : r;
	/* What it was before counts no more, even if there is no room for what it is. */
	tell(stacks, find(stacks, stack->id));
	r = trie_put(&stacks->trie, &leaf, stack->frames.list, count);
	if (r == -ENOSPC) {
		r = forget(stacks);
		if (!r)
			r = trie_put(&stacks->trie, &leaf, stack->frames.list, count);
	}
	if (r < 0)
		return r == -ENOSPC ? 0 : r;
	entry = find(stacks, stack->id);
	entry->leaf = leaf;
	entry->tgid = stack->tgid;
	entry->image = stack->image;
	entry->flags = stack->flags & (u8)~STACK_RESTATED;
	entry->end = stack->end;
	entry->known = true;
	return 0;
}

void stacks_use(struct stacks *stacks, u32 id)
{
	struct stack_entry *entry = id ? find(stacks, id) : NULL;

	if (!entry || entry->used == stacks->chunk)
		return;
	entry->used = stacks->chunk;
	entry->told = false;
	stacks->used_count++;
}

static bool is_restated(const struct stacks *stacks, const struct stack_entry *entry)
{
	return entry->used == stacks->chunk && !entry->told && entry->known;
}

/* All frames of stacks that are said again. Numbers them in @marks. Return: how many. */
static u32 number_frames(const struct stacks *stacks, u32 *marks)
{
	u32 count = 0;

	for (u32 i = 0; i < stacks->count; i++)
		if (is_restated(stacks, &stacks->entries[i]))
			trie_mark(&stacks->trie, marks, stacks->entries[i].leaf);
	for (u32 n = 1; n <= stacks->trie.count; n++)
		if (marks[n])
			marks[n] = ++count;
	return count;
}

static void put_frames(const struct stacks *stacks, struct buffer *b, const u32 *marks, u32 count)
{
	CLEANUP(free) struct stack_frame *rows = calloc((size_t)count + 1, sizeof(*rows));

	if (!rows) {
		b->failed = true;
		return;
	}
	for (u32 n = 1; n <= stacks->trie.count; n++)
		if (marks[n])
			rows[marks[n] - 1] = (struct stack_frame){
				.caller = marks[stacks->trie.parents[n - 1]],
				.address = stacks->trie.addresses[n - 1],
			};
	buffer_varint(b, count);
	fields_put(b, &stack_frame_fields, rows, count);
}

static void put_rows(const struct stacks *stacks, struct buffer *b, const u32 *marks)
{
	CLEANUP(free)
	struct stack_row *rows = calloc((size_t)stacks->used_count + 1, sizeof(*rows));
	u32 count = 0;

	if (!rows) {
		b->failed = true;
		return;
	}
	for (u32 i = 0; i < stacks->count; i++) {
		const struct stack_entry *entry = &stacks->entries[i];

		if (is_restated(stacks, entry))
			rows[count++] = (struct stack_row){
				.id = entry->id,
				.tgid = entry->tgid,
				.image = entry->image,
				.flags = entry->flags,
				.end = entry->end,
				.frame = marks[entry->leaf],
			};
	}
	buffer_varint(b, count);
	fields_put(b, &stack_row_fields, rows, count);
}

void stacks_put(struct stacks *stacks, struct buffer *rows, struct buffer *frames)
{
	CLEANUP(free) u32 *marks = NULL;

	if (!stacks->used_count)
		return;
	marks = calloc((size_t)stacks->trie.count + 1, sizeof(*marks));
	if (!marks) {
		rows->failed = true;
		return;
	}
	put_frames(stacks, frames, marks, number_frames(stacks, marks));
	put_rows(stacks, rows, marks);
}

void stacks_next_chunk(struct stacks *stacks)
{
	stacks->chunk++;
	stacks->used_count = 0;
}

size_t stacks_bytes(const struct stacks *stacks)
{
	return stacks->room * sizeof(*stacks->entries) +
	       (stacks->slots ? (stacks->mask + 1) * sizeof(*stacks->slots) : 0) +
	       trie_bytes(&stacks->trie);
}

void stacks_free(struct stacks *stacks)
{
	free(stacks->entries);
	free(stacks->slots);
	trie_free(&stacks->trie);
}
