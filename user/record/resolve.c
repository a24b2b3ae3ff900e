// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* resolve - what new stacks teach: rules for the programs, better frames, names */
#include "user/record/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/record/host.h"
#include "user/record/memory.h"

#define TOLD_MAX      (128 * 1024)  /* names; beyond that they are told again */
#define PROCESSES_MAX 65536         /* in each of the small tables */
#define GONE_MAX      256           /* processes that ended whose mappings are still known */
#define TABLES_BYTES  (16ULL << 20) /* of symbols, so that the recorder stays below 64 MiB */

/* The latest image that a process is known to have, and how many execs were heard of */
#define IMAGE(image, execs) ((u64)(execs) << 32 | (image))
#define IMAGE_EXECS(value)  ((u32)((value) >> 32))

static u64 process_of(u32 tgid, u32 image)
{
	return (u64)image << 32 | tgid;
}

int resolve_begin(struct resolve *resolve, struct unwind_bucket *buckets, ring_sink sink, void *ctx,
		  struct err *err)
{
	const struct symbols_options options = { .here = true, .memory_bytes = TABLES_BYTES };

	*resolve = (struct resolve){ .rules.buckets = buckets, .sink = sink, .ctx = ctx };
	resolve->gone = calloc(GONE_MAX, sizeof(*resolve->gone));
	if (!resolve->gone)
		return fail(err, -ENOMEM, "no memory to resolve stacks");
	return symbols_new(&resolve->symbols, &options, err);
}

void resolve_free(struct resolve *resolve)
{
	symbols_free(resolve->symbols);
	map_free(&resolve->told);
	map_free(&resolve->images);
	map_free(&resolve->parents);
	map_free(&resolve->mapped);
	free(resolve->gone);
}

static void put(struct map *map, u64 key, u64 value)
{
	u64 *slot;

	/* A bound, not a cache: what is forgotten is found out again, or stays unnamed. */
	if (map->count >= PROCESSES_MAX)
		map_clear(map);
	slot = map_put(map, key);
	if (slot)
		*slot = value;
}

u32 resolve_image(const struct resolve *resolve, u32 tgid)
{
	u64 *image = map_get(&resolve->images, tgid);

	return image ? (u32)*image : 0;
}

static void forget(struct resolve *resolve, u32 tgid)
{
	for (u32 image = 0; image <= resolve_image(resolve, tgid) && image < 16; image++) {
		symbols_forget(resolve->symbols, process_of(tgid, image));
		map_remove(&resolve->mapped, process_of(tgid, image));
		map_remove(&resolve->parents, process_of(tgid, image));
	}
	map_remove(&resolve->images, tgid);
}

void resolve_fork(struct resolve *resolve, u32 tgid, u32 parent_tgid)
{
	u32 parent_image = resolve_image(resolve, parent_tgid);

	/* The number comes again: what is known is of another process, the rules too. */
	if (map_get(&resolve->mapped, process_of(tgid, resolve_image(resolve, tgid)))) {
		forget(resolve, tgid);
		if (resolve->rules.buckets)
			rules_clear(&resolve->rules);
		map_clear(&resolve->told);
	}
	put(&resolve->parents, process_of(tgid, 0), process_of(parent_tgid, parent_image) + 1);
}

void resolve_exec(struct resolve *resolve, u32 tgid)
{
	u64 *known = map_get(&resolve->images, tgid);
	u32 execs = known ? IMAGE_EXECS(*known) + 1 : 1;

	/* A stack of the new program may have come before, from another CPU. */
	put(&resolve->images, tgid, IMAGE(max(resolve_image(resolve, tgid), execs), execs));
}

void resolve_exit(struct resolve *resolve, u32 tgid)
{
	u32 *slot = &resolve->gone[resolve->gone_count++ % GONE_MAX];

	/* Its last stacks may still be on their way. */
	if (*slot)
		forget(resolve, *slot);
	*slot = tgid;
}

void resolve_mapping(struct resolve *resolve, const struct trace_mapping *mapping)
{
	u64 process = process_of(mapping->tgid, resolve_image(resolve, mapping->tgid));
	struct symbols_mapping added = {
		.process = process,
		.pid = mapping->tgid,
		.address = mapping->address,
		.bytes = mapping->bytes,
		.offset = mapping->offset,
		.inode = mapping->inode,
		.device = mapping->device,
		.path = mapping->path,
		.build_id_bytes = mapping->build_id_bytes,
	};

	resolve->mappings++;
	memcpy(added.build_id, mapping->build_id, sizeof(added.build_id));
	added.seen_ns = clock_ns(CLOCK_REALTIME);
	if (!symbols_add_mapping(resolve->symbols, &added))
		put(&resolve->mapped, process, 1);
}

/* Whose mappings hold for a process: a child has those of its parent until it tells its own. */
static u64 mapped_process(const struct resolve *resolve, u32 tgid, u32 image)
{
	u64 process = process_of(tgid, image);

	for (unsigned int i = 0; i < 16 && !map_get(&resolve->mapped, process); i++) {
		u64 *parent = map_get(&resolve->parents, process);

		if (!parent)
			break;
		process = *parent - 1;
	}
	return process;
}

/* Return: whether it is known; a new one is given to the programs. */
static bool find_rule(struct resolve *resolve, struct unwind *rule, u32 tgid, u32 image, u64 at)
{
	u64 key = unwind_key(tgid, image, at);

	if (resolve->rules.buckets && rules_find(&resolve->rules, rule, key))
		return true;
	if (!symbols_unwind(resolve->symbols, rule, mapped_process(resolve, tgid, image), at))
		return false;
	if (resolve->rules.buckets)
		rules_set(&resolve->rules, key, rule);
	return true;
}

u32 resolve_walk(struct resolve *resolve, u64 *frames, u32 tgid, u32 image,
		 struct unwind_regs *regs, unwind_read read, void *ctx, u8 *end, bool *sure)
{
	static const struct unwind guess = { .how = FRAME_BY_FP };
	enum unwind_result result;
	u32 count = 0;

	*sure = true;
	do {
		struct unwind rule;

		if (count == STACK_FRAMES_MAX) {
			*end = STACK_END_DEPTH;
			return count;
		}
		frames[count++] = regs->pc;
		if (!find_rule(resolve, &rule, tgid, image, regs->pc - !regs->exact_pc)) {
			rule = guess;
			*sure = false;
		}
		result = unwind_step(regs, &rule, read, ctx);
	} while (result == UNWIND_STEPPED);
	*end = result == UNWIND_AT_ROOT     ? STACK_END_ROOT
	       : result == UNWIND_NO_MEMORY ? STACK_END_MEMORY
					    : STACK_END_CHAIN;
	return count;
}

/* @address: as it is in the stack. Return: false when it lies in no mapping that is known. */
static bool tell_name(struct resolve *resolve, const struct trace_stack *stack, u64 address,
		      bool call)
{
	u64 words[] = { stack->tgid, stack->image, address };
	u64 key = hash_bytes(words, sizeof(words)), at = address - call, *slot;
	struct trace_symbol symbol = { .tgid = stack->tgid,
				       .image = stack->image,
				       .address = address };
	struct trace_event event = { .kind = EVENT_SYMBOL, .symbol = &symbol };
	struct symbols_frame frame;
	bool named;

	if (map_get(&resolve->told, key))
		return true;
	named = stack->tgid ? symbols_code(resolve->symbols, &frame,
					   mapped_process(resolve, stack->tgid, stack->image), at)
			    : symbols_kernel(resolve->symbols, &frame, at);
	if (!named && !strcmp(frame.module, "[unknown]"))
		return false;
	if (named) {
		symbol.name = frame.name;
		symbol.offset = frame.name_offset + call;
		if (resolve->sink(resolve->ctx, &event) < 0)
			return true;
		resolve->named++;
	}
	if (resolve->told.count >= TOLD_MAX)
		map_clear(&resolve->told);
	slot = map_put(&resolve->told, key);
	if (slot)
		*slot = 1;
	return true;
}

bool resolve_names(struct resolve *resolve, const struct trace_stack *stack, bool last)
{
	bool known = true;

	for (u32 i = 0; i < stack->frames.count; i++)
		known &= tell_name(resolve, stack, stack->frames.list[i], i);
	return known || last;
}

/* The words that came with a stack */
static bool read_words(void *ctx, u64 address, u64 *word)
{
	const struct ring_stack *stack = ctx;
	u64 offset = address - stack->sp;

	if (address < stack->sp || offset & 7 || offset / 8 >= stack->words)
		return false;
	*word = stack->word[offset / 8];
	return true;
}

/* Whether a function keeps its frame as the programs take it to, where they have no rule */
static bool keeps_fp(const struct unwind *rule)
{
	return rule->how == FRAME_BY_FP || (rule->how == FRAME_BY_BP && rule->cfa_offset == 16 &&
					    rule->bp_offset == -16 && rule->ra_offset == -8);
}

/* Where our last frame is among those that the programs found, which may have left some out; as
 * far out as it can be in a recursion. Return: their number, or 0: nowhere. */
static u32 find_among(const struct trace_words *theirs, u32 count, u64 last)
{
	for (u32 i = min(count, theirs->count); i-- > 1;)
		if (theirs->list[i] == last)
			return i;
	return 0;
}

/*
 * Where the words end, the programs may know how it goes on: what they found from our last frame
 * on, if that is among theirs, and as long as it is code. @sure: whether they cannot have been
 * wrong in that. Return: how many frames there are now; 0: what looks like no code may be told yet.
 */
static u32 join(struct resolve *resolve, struct trace_stack *better, u64 *frames, u32 count,
		const struct trace_stack *told, bool last, bool *sure)
{
	u32 i = find_among(&told->frames, count, frames[count - 1]);
	struct unwind rule;

	if (!i)
		return count;
	*sure = true;
	for (;; i++) {
		if (!find_rule(resolve, &rule, told->tgid, told->image, told->frames.list[i] - 1)) {
			/* What is no code was taken for a caller by mistake. */
			*sure = false;
			better->end = STACK_END_CHAIN;
			return last ? count - 1 : 0;
		}
		/* Nobody gets to where a thread begins by mistake. */
		*sure = rule.how == FRAME_IS_ROOT || (*sure && keeps_fp(&rule));
		if (i + 1 == told->frames.count || count == STACK_FRAMES_MAX)
			break;
		frames[count++] = told->frames.list[i + 1];
	}
	better->end = i + 1 == told->frames.count ? told->end : STACK_END_DEPTH;
	return count;
}

/*
 * Learns the rules of the callers that lie beyond the words of a stack, in the memory that the
 * process has now. What is there may have changed since: so it is no part of this stack, but the
 * next one like it will be walked to its root.
 */
static void learn_callers(struct resolve *resolve, const struct trace_stack *told,
			  const struct unwind_regs *from)
{
	struct unwind_regs regs = *from;
	u64 frames[STACK_FRAMES_MAX];
	struct memory memory;
	bool sure;
	u8 end;

	/* Elsewhere this call numbers processes in another way. */
	if (!resolve->rules.buckets || !host_in_first_pid_namespace())
		return;
	memory_begin(&memory, (pid_t)told->tgid, regs.sp);
	if (memory.bytes)
		resolve_walk(resolve, frames, told->tgid, told->image, &regs, memory_word, &memory,
			     &end, &sure);
}

/* Rules for all frames, which were not known when the stack was taken */
static bool learn(struct resolve *resolve, const struct trace_stack *stack)
{
	bool known = true;
	struct unwind rule;

	for (u32 i = 0; i < stack->frames.count; i++)
		known &= find_rule(resolve, &rule, stack->tgid, stack->image,
				   stack->frames.list[i] - (i > 0));
	return known;
}

/* The frames up to the first one that is in no code. Return: how many. */
static u32 code_only(struct resolve *resolve, const struct trace_stack *told, const u64 *frames,
		     u32 count)
{
	u64 process = mapped_process(resolve, told->tgid, told->image);
	struct symbols_frame frame;
	u32 i = 1;

	while (i < count && symbols_place(resolve->symbols, &frame, process, frames[i] - 1))
		i++;
	return i;
}

/*
 * Walks an unsure stack again. @better: filled. Where the @last rule that there will be is
 * missing, it goes on by guesses and stays unsure. Return: false when a rule is missing.
 */
static bool walk_again(struct resolve *resolve, struct trace_stack *better, u64 *frames,
		       const struct ring_stack *stack, bool last)
{
	const struct trace_stack *told = &stack->stack;
	struct unwind_regs regs = {
		.pc = told->frames.list[0], .sp = stack->sp, .bp = stack->bp, .exact_pc = true
	};
	bool sure;
	u8 end;
	u32 count = resolve_walk(resolve, frames, told->tgid, told->image, &regs, read_words,
				 (void *)stack, &end, &sure);

	*better = *told;
	if (!sure && !last)
		return false;
	better->end = end;
	if (!sure) {
		count = code_only(resolve, told, frames, count);
	} else if (end == STACK_END_MEMORY) {
		learn_callers(resolve, told, &regs);
		count = join(resolve, better, frames, count, told, last, &sure);
		if (!count)
			return false;
	}
	better->frames = (struct trace_words){ frames, count };
	if (sure)
		better->flags &= (u8)~STACK_UNSURE;
	return true;
}

/* Its exec may have been lost, or is yet to come. */
static void saw_image(struct resolve *resolve, u32 tgid, u32 image)
{
	u64 *known = map_get(&resolve->images, tgid);

	if (image > resolve_image(resolve, tgid))
		put(&resolve->images, tgid, IMAGE(image, known ? IMAGE_EXECS(*known) : 0));
}

bool resolve_frames(struct resolve *resolve, struct ring_stack *stack, u64 *frames, bool last)
{
	struct trace_stack better = stack->stack;
	struct trace_event event = { .kind = EVENT_STACK, .stack = &better };
	bool known;

	if (better.tgid)
		saw_image(resolve, better.tgid, better.image);
	if (!(better.flags & STACK_UNSURE) || !better.tgid || !better.frames.count)
		return true;
	known = stack->words ? walk_again(resolve, &better, frames, stack, last)
			     : learn(resolve, &better);
	if (!known)
		return last;
	if (!stack->words)
		return true;
	if (resolve->sink(resolve->ctx, &event) >= 0)
		resolve->corrected++;
	*stack = (struct ring_stack){ .stack = better };
	return true;
}
