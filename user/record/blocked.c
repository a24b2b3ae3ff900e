// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* blocked - the stacks of threads that still wait, walked from outside */
#include "user/record/blocked.h"

#include <inttypes.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/record/host.h"
#include "user/record/memory.h"

#define ALL_NS (200 * NSEC_PER_MSEC)

/* What a mutex of glibc begins with */
struct mutex_head {
	u32 lock;
	u32 count;
	u32 owner;
	u32 users;
	u32 kind;
	u32 spins;
};

/* How often a thread left a CPU, ever; as the kernel's own count. 0: it has gone. */
static u64 switches_of(u32 tgid, u32 tid)
{
	CLEANUP(fclose) FILE *file = NULL;
	u64 voluntary = 0, other = 0;
	char line[256];

	snprintf(line, sizeof(line), "/proc/%u/task/%u/status", tgid, tid);
	file = fopen(line, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %" SCNu64, &voluntary) != 1)
			sscanf(line, "nonvoluntary_ctxt_switches: %" SCNu64, &other);
	return voluntary + other;
}

/* The id of a stack, which is told when it is new. Return: 0 when it cannot be told. */
static u32 tell_stack(struct blocked *blocked, const struct trace_stack *stack, ring_sink sink,
		      void *ctx)
{
	u64 who[] = { hash_bytes(stack->frames.list, stack->frames.count * sizeof(u64)),
		      stack->tgid, stack->image, stack->end, stack->flags };
	u64 *id = map_put(&blocked->ids, hash_bytes(who, sizeof(who)));
	struct trace_stack told = *stack;
	struct trace_event event = { .kind = EVENT_STACK, .stack = &told };

	if (id && *id)
		return (u32)*id;
	told.id = --blocked->next_id;
	if (sink(ctx, &event) < 0)
		return 0;
	if (id)
		*id = told.id;
	return told.id;
}

static u32 walk(struct blocked *blocked, struct resolve *resolve,
		const struct blocked_thread *thread, ring_sink sink, void *ctx)
{
	struct unwind_regs regs = {
		.pc = thread->pc, .sp = thread->sp, .bp = thread->bp, .exact_pc = true
	};
	struct memory memory;
	struct trace_stack stack = { .tgid = thread->tgid, .image = thread->image };
	u64 frames[STACK_FRAMES_MAX];
	bool sure;

	memory_begin(&memory, (pid_t)thread->tgid, thread->sp);
	stack.frames.list = frames;
	stack.frames.count = resolve_walk(resolve, frames, thread->tgid, thread->image, &regs,
					  memory_word, &memory, &stack.end, &sure);
	stack.flags = sure ? 0 : STACK_UNSURE;
	if (switches_of(thread->tgid, thread->tid) != thread->switches)
		return 0;
	resolve_names(resolve, &stack, true);
	return tell_stack(blocked, &stack, sink, ctx);
}

/* A wait that began before the recording: what it waits for was not looked at then. */
static void look_at_lock(struct event_wait_stack *to, const struct blocked_thread *thread)
{
	struct mutex_head head = { 0 };

	if (!thread->futex || to->lock_word || to->lock_owner)
		return;
	/* A futex can be the last word of a page. */
	if (memory_read(&head, (pid_t)thread->tgid, thread->futex, sizeof(head)) < sizeof(head))
		head = (struct mutex_head){ .lock = head.lock };
	to->lock_word = head.lock;
	to->lock_owner = head.owner;
	to->lock_kind = head.kind;
	to->lock_users = head.users;
}

void blocked_thread_tell(struct blocked *blocked, struct resolve *resolve,
			 const struct blocked_thread *thread, ring_sink sink, void *ctx)
{
	struct event_wait_stack body = {
		.tid = thread->tid,
		.moment = STACK_AT_END,
		.kernel_stack = thread->kernel_stack,
		.lock_word = thread->lock_word,
		.lock_owner = thread->lock_owner,
		.lock_kind = thread->lock_kind,
		.lock_users = thread->lock_users,
	};
	struct trace_event event = { .kind = EVENT_WAIT_STACK };
	u64 now = clock_mono_ns();

	/* Long after the last one it is another round. */
	if (!blocked->until_ns || now > blocked->until_ns + ALL_NS)
		blocked->until_ns = now + ALL_NS;
	/* Elsewhere /proc and this call number processes in another way. */
	if (thread->tgid && now < blocked->until_ns && host_in_first_pid_namespace()) {
		look_at_lock(&body, thread);
		body.user_stack = walk(blocked, resolve, thread, sink, ctx);
	}
	if (!body.user_stack && !body.kernel_stack)
		return;
	event.wait_stack = body;
	sink(ctx, &event);
}

void blocked_free(struct blocked *blocked)
{
	map_free(&blocked->ids);
}
