// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trace_stacks - each chunk tells the stacks that its events refer to; memory for them is bounded */
#include "tests/unit/helpers_damage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/trace/stacks.h"

#include <cmocka.h> /* last: it has a macro named fail */

#define LIST     CLEANUP(event_list_free) struct event_list
#define BEGIN_NS (1000 * NSEC_PER_SEC)
#define SECOND   NSEC_PER_SEC

/* A stack of @count frames from @leaf down to the root at @root, told in second @second */
static void stack_told(struct event_list *list, u64 second, u32 id, u64 leaf, u32 count)
{
	struct trace_event *e = list_add(list, BEGIN_NS + second * SECOND + id, 0, EVENT_STACK);
	struct trace_stack *stack = (struct trace_stack *)(uintptr_t)e->stack;
	u64 *frames = arena_take(&list->arena, (count + 1) * sizeof(*frames));

	for (u32 i = 0; i < count; i++)
		frames[i] = leaf + i * 0x100;
	*stack = (struct trace_stack){
		.id = id,
		.tgid = 100,
		.image = 3,
		.end = STACK_END_DEPTH,
		.frames = { frames, count },
	};
}

static void waited_at(struct event_list *list, u64 second, u32 user, u32 kernel)
{
	struct trace_event *e =
		list_add(list, BEGIN_NS + second * SECOND + SECOND / 2, 1, EVENT_WAIT_STACK);

	e->wait_stack.tid = 100;
	e->wait_stack.user_stack = user;
	e->wait_stack.kernel_stack = kernel;
}

static void sampled_at(struct event_list *list, u64 second, u32 user, u32 kernel)
{
	struct trace_event *e =
		list_add(list, BEGIN_NS + second * SECOND + SECOND / 2, 1, EVENT_SAMPLE);

	e->sample.tid = 100;
	e->sample.user_stack = user;
	e->sample.kernel_stack = kernel;
}

/* Writes a chunk for each second. */
static void write_seconds(const struct event_list *in)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *encoder = NULL;
	struct trace_writer *writer = NULL;
	struct err err = { 0 };
	struct chunk chunk;
	size_t from = 0;

	assert_int_equal(chunk_encoder_new(&encoder, 8, BEGIN_NS, &err), 0);
	assert_int_equal(trace_writer_open(&writer, "a.trace", true, &some_info, &err), 0);
	for (u64 end_ns = BEGIN_NS + SECOND; from < in->count; end_ns += SECOND) {
		size_t to = from;

		while (to < in->count && in->events[to].time_ns < end_ns)
			to++;
		encode_range(encoder, in, from, to);
		assert_int_equal(chunk_finish(encoder, end_ns, &chunk, &err), 0);
		assert_int_equal(trace_writer_chunk(writer, &chunk, &err), 0);
		from = to;
	}
	assert_int_equal(trace_writer_finish(writer, &some_totals, &err), 0);
}

/* The events of chunk @nth alone, with what it says again */
static void read_second(struct event_list *out, const struct event_list *in, size_t nth)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	const struct trace_chunk_info *chunks;
	const struct trace_event *event;
	struct err err = { 0 };

	write_seconds(in);
	assert_int_equal(trace_reader_open(&reader, "a.trace", &err), 0);
	assert_true(trace_reader_chunks(reader, &chunks) > nth);
	assert_int_equal(trace_reader_seek(reader, chunks[nth].end_ns, &err), 0);
	while (trace_reader_next(reader, &event, &err) == 1) {
		if (event->time_ns >= BEGIN_NS + (nth + 1) * SECOND)
			break;
		list_copy(out, event);
	}
}

static const struct trace_stack *restated(const struct event_list *list, u32 id)
{
	const struct trace_stack *found = NULL;

	for (size_t i = 0; i < list->count; i++) {
		if (list->events[i].kind != EVENT_STACK || list->events[i].stack->id != id ||
		    !trace_event_is_restated(&list->events[i]))
			continue;
		assert_null(found);
		found = list->events[i].stack;
	}
	return found;
}

static void stacks_are_restated_where_they_are_used(void **state)
{
	LIST in = { 0 }, out = { 0 };
	const struct trace_stack *stack;

	stack_told(&in, 0, 7, 0x1000, 5);
	stack_told(&in, 0, 8, 0x1000, 4);
	stack_told(&in, 0, 9, 0x9000, 1);
	stack_told(&in, 0, 10, 0, 0);
	waited_at(&in, 0, 7, 0);
	waited_at(&in, 1, 7, 9);
	sampled_at(&in, 1, 10, 0);
	read_second(&out, &in, 1);
	stack = restated(&out, 7);
	assert_non_null(stack);
	assert_int_equal(stack->tgid, 100);
	assert_int_equal(stack->image, 3);
	assert_int_equal(stack->end, STACK_END_DEPTH);
	assert_int_equal(stack->flags, STACK_RESTATED);
	assert_int_equal(stack->frames.count, 5);
	for (u32 i = 0; i < 5; i++)
		assert_int_equal(stack->frames.list[i], 0x1000 + i * 0x100);
	assert_null(restated(&out, 8));
	assert_int_equal(restated(&out, 9)->frames.list[0], 0x9000);
	assert_int_equal(restated(&out, 10)->frames.count, 0);
}

static void a_chunk_that_tells_a_stack_does_not_restate_it(void **state)
{
	LIST in = { 0 }, out = { 0 };

	stack_told(&in, 0, 7, 0x1000, 5);
	waited_at(&in, 0, 7, 0);
	read_second(&out, &in, 0);
	assert_int_equal(out.count, 2);
	assert_null(restated(&out, 7));
}

static void a_stack_that_is_told_again_replaces_what_was_told(void **state)
{
	LIST in = { 0 }, out = { 0 };

	stack_told(&in, 0, 7, 0x1000, 5);
	waited_at(&in, 1, 7, 0);
	stack_told(&in, 2, 7, 0x5000, 2);
	waited_at(&in, 2, 7, 0);
	waited_at(&in, 3, 7, 0);
	read_second(&out, &in, 2);
	assert_null(restated(&out, 7));
	event_list_free(&out);
	out = (struct event_list){ 0 };
	read_second(&out, &in, 3);
	assert_int_equal(restated(&out, 7)->frames.count, 2);
	assert_int_equal(restated(&out, 7)->frames.list[0], 0x5000);
}

static void the_last_told(const struct trace_stack *last[32], const struct event_list *list,
			  u64 second)
{
	memset(last, 0, 32 * sizeof(*last));
	for (size_t i = 0; i < list->count; i++)
		if (list->events[i].kind == EVENT_STACK &&
		    list->events[i].time_ns < BEGIN_NS + second * SECOND)
			last[list->events[i].stack->id] = list->events[i].stack;
}

/* Each chunk alone tells of all stacks that it refers to exactly what was last told of them. */
static void any_chunk_alone_knows_its_stacks(void **state)
{
	struct random r = { 31 };

	for (unsigned int round = 0; round < 20; round++) {
		LIST in = { 0 };

		list_random(&in, &r, 900, 1, BEGIN_NS);
		for (size_t i = 0; i < in.count; i++)
			in.events[i].time_ns = BEGIN_NS + i / 100 * SECOND + i;
		for (u64 second = 1; second < 9; second++) {
			const struct trace_stack *last[32];
			LIST out = { 0 };
			bool told[32] = { 0 };

			the_last_told(last, &in, second);
			read_second(&out, &in, second);
			for (size_t i = 0; i < out.count; i++)
				if (out.events[i].kind == EVENT_STACK)
					told[out.events[i].stack->id] = true;
			for (size_t i = 0; i < out.count; i++) {
				const struct trace_event *e = &out.events[i];
				u32 id = e->kind == EVENT_WAIT_STACK ? e->wait_stack.user_stack
					 : e->kind == EVENT_SAMPLE   ? e->sample.kernel_stack
								     : 0;

				assert_true(!id || !last[id] || told[id]);
				if (e->kind != EVENT_STACK || !trace_event_is_restated(e))
					continue;
				id = e->stack->id;
				assert_int_equal(e->stack->frames.count, last[id]->frames.count);
				assert_memory_equal(e->stack->frames.list, last[id]->frames.list,
						    e->stack->frames.count * sizeof(u64));
				assert_int_equal(e->stack->tgid, last[id]->tgid);
			}
		}
	}
}

/* Stack number @n of a call tree: whoever differs in a high bit differs near the root. */
static void tree_stack(struct trace_stack *stack, u64 frames[30], u32 n)
{
	for (u32 i = 0; i < 30; i++)
		frames[29 - i] = 0x400000 + i * 0x1000 + (i < 8 ? 0 : n >> (29 - i)) % 2 * 0x10;
	frames[0] = 0x500000 + n % 3;
	*stack = (struct trace_stack){ .id = n + 1, .tgid = 1, .frames = { frames, 30 } };
}

static void a_hundred_thousand_stacks_take_a_few_mib(void **state)
{
	struct stacks stacks = { 0 };
	struct buffer rows = { 0 }, frames = { 0 };
	u64 list[30], back[30];
	struct trace_stack stack;

	stacks_init(&stacks);
	for (u32 n = 0; n < 100000; n++) {
		tree_stack(&stack, list, n);
		assert_int_equal(stacks_learn(&stacks, &stack), 0);
	}
	assert_int_equal(stacks.forgotten, 0);
	assert_int_equal(stacks.count, 100000);
	assert_true(stacks_bytes(&stacks) <= 9 << 20);
	for (u32 n = 0; n < 100000; n++) {
		tree_stack(&stack, list, n);
		assert_int_equal(stacks.entries[n].id, n + 1);
		assert_int_equal(trie_get(&stacks.trie, stacks.entries[n].leaf, back, 30), 30);
		assert_memory_equal(back, list, sizeof(list));
	}
	stacks_next_chunk(&stacks);
	for (u32 n = 0; n < 100000; n++)
		stacks_use(&stacks, n + 1);
	stacks_put(&stacks, &rows, &frames);
	assert_true(rows.size + frames.size < 100000 * 16);
	buffer_free(&rows);
	buffer_free(&frames);
	stacks_free(&stacks);
}

static void the_stacks_unused_for_longest_are_forgotten_first(void **state)
{
	struct buffer rows = { 0 }, frames = { 0 };
	struct stacks stacks = { 0 };
	u64 address;
	struct trace_stack stack = { .frames = { &address, 1 } };

	stacks_init(&stacks);
	for (u32 id = 1; id <= 3 * STACKS_MAX; id++) {
		if (id % 1000 == 0) {
			stacks_next_chunk(&stacks);
			stacks_use(&stacks, 77); /* in every chunk */
		}
		stack.id = id;
		address = 0x1000 + id;
		assert_int_equal(stacks_learn(&stacks, &stack), 0);
		assert_true(stacks.count <= STACKS_MAX);
	}
	assert_true(stacks_bytes(&stacks) <= 11 << 20);
	assert_true(stacks.forgotten >= 2 * STACKS_MAX);
	stacks_next_chunk(&stacks);
	stacks_use(&stacks, 77);
	stacks_use(&stacks, 78);
	stacks_use(&stacks, 3 * STACKS_MAX);
	assert_int_equal(stacks.used_count, 2); /* 78 is not known any more */
	for (u32 i = 0; i < stacks.count; i++) {
		assert_int_equal(trie_get(&stacks.trie, stacks.entries[i].leaf, &address, 1), 1);
		assert_int_equal(address, 0x1000 + stacks.entries[i].id);
	}
	stacks_put(&stacks, &rows, &frames);
	assert_int_equal(rows.data[0], 2);
	buffer_free(&rows);
	buffer_free(&frames);
	stacks_free(&stacks);
}

/* Stacks that share nothing: frames run out before stacks do, even within one chunk. */
static void a_stack_without_room_is_not_restated_as_what_it_was(void **state)
{
	struct stacks stacks = { 0 };
	u64 frames[STACK_FRAMES_MAX];
	struct trace_stack stack = { .id = 1, .frames = { frames, 1 } };
	struct random r = { 5 };

	stacks_init(&stacks);
	frames[0] = 0x1234;
	assert_int_equal(stacks_learn(&stacks, &stack), 0);
	for (stack.id = 2; stack.id <= 2 * STACK_NODES_MAX / STACK_FRAMES_MAX; stack.id++) {
		for (u32 i = 0; i < STACK_FRAMES_MAX; i++)
			frames[i] = random_u64(&r);
		stack.frames.count = STACK_FRAMES_MAX;
		assert_int_equal(stacks_learn(&stacks, &stack), 0);
	}
	assert_true(stacks.trie.count <= STACK_NODES_MAX);
	assert_true(stacks_bytes(&stacks) <= 11 << 20);
	stack.id = 1;
	assert_int_equal(stacks_learn(&stacks, &stack), 0);
	stacks_next_chunk(&stacks);
	stacks_use(&stacks, 1);
	stacks_use(&stacks, 2);
	for (u32 i = 0; i < stacks.count; i++)
		if (stacks.entries[i].id == 1)
			assert_false(stacks.entries[i].known);
	/* In the next chunk there is room again: all but two can go. */
	assert_int_equal(stacks_learn(&stacks, &stack), 0);
	assert_true(stacks.forgotten > 1000);
	stacks_free(&stacks);
}

static void store_sections(const u8 *stacks, size_t stack_bytes, const u8 *frames,
			   size_t frame_bytes)
{
	struct buffer b = { 0 };

	buffer_varint(&b, SECTION_STACKS);
	buffer_bytes(&b, stacks, stack_bytes);
	buffer_varint(&b, SECTION_FRAMES);
	buffer_bytes(&b, frames, frame_bytes);
	store_hostile(b.data, b.size, (struct chunk_head){ .raw_bytes = (u32)b.size });
	buffer_free(&b);
}

static void frames_that_lead_nowhere_are_refused(void **state)
{
	/* One stack: id 1, tgid 0, image 0, flags 0, end 0, frame 1 or 2; one frame: caller, address */
	static const u8 good[] = { 1, 2, 0, 0, 0, 0, 2 }, beyond[] = { 1, 2, 0, 0, 0, 0, 4 };
	static const u8 frame[] = { 1, 0, 2 }, itself[] = { 1, 2, 2 };
	static const u8 circle[] = { 2, 4, 1, 2, 2 }, nobody[] = { 0 };
	static const u8 above[] = { 1, 200, 1, 2 };
	struct trace_damage damage;
	LIST out = { 0 };

	store_sections(good, sizeof(good), frame, sizeof(frame));
	assert_true(try_file("hostile.trace", &out, &damage));
	assert_int_equal(damage.bad_chunks, 0);
	store_sections(beyond, sizeof(beyond), frame, sizeof(frame));
	assert_bad_chunk();
	store_sections(good, sizeof(good), itself, sizeof(itself));
	assert_bad_chunk();
	store_sections(good, sizeof(good), circle, sizeof(circle));
	assert_bad_chunk();
	store_sections(good, sizeof(good), nobody, sizeof(nobody));
	assert_bad_chunk();
	store_sections(good, sizeof(good), above, sizeof(above));
	assert_bad_chunk();
	store_section(SECTION_STACKS, good, sizeof(good));
	assert_bad_chunk();
}

/* A chain of @frames frames, and @count stacks that end in its end */
static void store_chain(u32 frames, u32 count)
{
	struct buffer rows = { 0 }, chain = { 0 };

	buffer_varint(&chain, frames);
	for (u32 column = 0; column < 2; column++)
		for (u32 i = 0; i < frames; i++)
			buffer_varint(&chain, i || column ? 2 : 0);
	buffer_varint(&rows, count);
	for (u32 column = 0; column < 6; column++)
		for (u32 i = 0; i < count; i++)
			buffer_varint(&rows, column == 0             ? 2
					     : column == 5 && i == 0 ? 2 * frames
								     : 0);
	store_sections(rows.data, rows.size, chain.data, chain.size);
	buffer_free(&rows);
	buffer_free(&chain);
}

static void a_few_bytes_do_not_become_gigabytes(void **state)
{
	struct trace_damage damage;
	LIST out = { 0 };

	store_chain(1024, 10);
	assert_true(try_file("hostile.trace", &out, &damage));
	assert_int_equal(damage.bad_chunks, 0);
	store_chain(1025, 10);
	assert_bad_chunk();
	store_chain(1024, 1000000);
	assert_bad_chunk();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stacks_are_restated_where_they_are_used),
		TEST(a_chunk_that_tells_a_stack_does_not_restate_it),
		TEST(a_stack_that_is_told_again_replaces_what_was_told),
		TEST(any_chunk_alone_knows_its_stacks),
		TEST(a_hundred_thousand_stacks_take_a_few_mib),
		TEST(the_stacks_unused_for_longest_are_forgotten_first),
		TEST(a_stack_without_room_is_not_restated_as_what_it_was),
		TEST(frames_that_lead_nowhere_are_refused),
		TEST(a_few_bytes_do_not_become_gigabytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
