// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* ring - what the programs wrote, back into events */
#include "user/record/ring.h"

#include <limits.h>
#include <stddef.h>

#include "user/record/announced.h"

#define TIME_MASK      ((1ULL << EVENT_TIME_BITS) - 1)
#define BODY_WORDS     (EVENT_SIZE_MAX / sizeof(u64))
#define PREFETCH_BYTES 512 /* ahead, to be written: another CPU has the lines */

/* A record may be shorter than its struct: the rest reads as zero. */
union body {
	u64 words[BODY_WORDS];
	struct event_switch sw;
	struct event_waking waking;
	struct event_thread thread;
	struct event_fork fork;
	struct event_exec exec;
	struct event_exit exit;
	struct event_name name;
	struct event_syscall syscall;
	struct event_futex futex;
	struct event_syscall_brief syscall_brief;
	struct event_futex_brief futex_brief;
	struct event_object object;
	struct event_mapping mapping;
	struct event_stack stack;
	struct event_stack_memory stack_memory;
	struct event_wait_stack wait_stack;
	struct event_sample sample;
	struct event_annotation annotation;
};

/* What an event points to while it is handed over */
struct decoded {
	struct trace_event event;
	struct trace_mapping mapping;
	struct ring_stack stack;
	struct announced announced;
	union body body;
};

_Static_assert(offsetof(struct ring_stack, stack) == 0, "ring_stack_of() relies on it");

static void decode_syscall(struct trace_syscall *to, const struct event_syscall *from)
{
	to->tid = from->tid;
	to->syscall = from->syscall;
	to->flags = from->flags & ~SYSCALL_WIDE;
	to->duration_ns = from->duration_ns | (u64)from->duration_high << 32;
	to->result = from->flags & SYSCALL_WIDE
			     ? (s64)((u64)(u32)from->result | (u64)(u32)from->result_high << 32)
			     : from->result;
	to->args = from->flags & SYSCALL_ARGS ? (const u64 *)from->args : NULL;
}

static void decode_futex(struct trace_futex *to, const struct event_futex *from)
{
	to->tid = from->tid;
	to->op = from->op;
	to->flags = from->flags & ~FUTEX_WIDE;
	to->value = from->value;
	to->duration_ns = from->duration_ns;
	to->result = from->result;
	to->address = from->address;
	to->address2 = from->address2;
	if (from->flags & FUTEX_WIDE) {
		to->value |= from->value_high << 16;
		to->duration_ns |= (u64)from->duration_high << 32;
	}
}

/* @words: of the body that were in the record */
static bool decode_stack(struct ring_stack *to, const struct event_stack *from, size_t words)
{
	if (sizeof(*from) / sizeof(u64) + from->frames + from->words > words)
		return false;
	*to = (struct ring_stack){
		.stack = {
			.id = from->id,
			.tgid = from->tgid,
			.image = from->image,
			.flags = from->flags,
			.end = from->end,
			.frames = { (const u64 *)from->data, from->frames },
		},
		.sp = from->sp,
		.bp = from->bp,
		.words = from->words,
		.word = (const u64 *)from->data + from->frames,
	};
	return true;
}

static bool decode_memory(struct ring_stack *to, const struct event_stack_memory *from,
			  size_t words)
{
	if (sizeof(*from) / sizeof(u64) > words || !from->id)
		return false;
	*to = (struct ring_stack){
		.stack.id = from->id,
		.sp = from->address,
		.words = (u32)(words - sizeof(*from) / sizeof(u64)),
		.word = (const u64 *)from->data,
	};
	return true;
}

/*
 * Takes a record out of the ring: any word of it may be the head word of a later one, so all are
 * cleared. Word by word, since most records have but a few: what compilers make of memcpy() and
 * memset() here takes as long as all the rest.
 */
static void take_record(union body *body, u16 kind, u64 *record, size_t words)
{
	/* What is missing at a struct's end reads as zero; none but one is longer. */
	size_t need = (kind == EVENT_EXEC ? sizeof(*body) : sizeof(body->thread)) / sizeof(u64);
	size_t i, taken = min(words - 1, BODY_WORDS);

	record[0] = 0;
	for (i = 0; i < taken; i++) {
		u64 word = __atomic_load_n(record + 1 + i, __ATOMIC_RELAXED);

		__atomic_store_n(record + 1 + i, 0, __ATOMIC_RELAXED);
		body->words[i] = word;
	}
	for (; i < words - 1; i++)
		__atomic_store_n(record + 1 + i, 0, __ATOMIC_RELAXED);
	for (i = taken; i < need; i++)
		__atomic_store_n(&body->words[i], 0, __ATOMIC_RELAXED);
}

static void decode_syscall_brief(struct trace_syscall *to, const struct event_syscall_brief *from)
{
	to->tid = from->tid;
	to->syscall = from->syscall;
	to->flags = from->blocked ? SYSCALL_BLOCKED : 0;
	to->duration_ns = from->duration_ns;
	to->result = (s64)from->result - SYSCALL_BRIEF_BIAS;
	to->args = NULL;
}

static void decode_futex_brief(struct trace_futex *to, const struct event_futex_brief *from)
{
	to->tid = from->tid;
	to->op = from->op;
	to->flags = 0;
	to->value = from->value == FUTEX_BRIEF_ALL ? INT_MAX : from->value;
	to->duration_ns = from->duration_ns;
	to->result = (s32)from->result - FUTEX_BRIEF_BIAS;
	to->address = from->address;
	to->address2 = 0;
}

/* Return: whether it is a kind that we know. @words: of the body that were in the record */
static bool decode(struct decoded *to, u16 kind, size_t words)
{
	struct trace_event *event = &to->event;
	union body *body = &to->body;

	event->kind = kind;
	switch (kind) {
	case EVENT_SWITCH: event->sw = body->sw; return true;
	case EVENT_WAKING:
	case EVENT_WAKEUP:
	case EVENT_WAKEUP_NEW: event->waking = body->waking; return true;
	case EVENT_SYSCALL: decode_syscall(&event->syscall, &body->syscall); return true;
	case EVENT_FUTEX: decode_futex(&event->futex, &body->futex); return true;
	case EVENT_SYSCALL_BRIEF:
		event->kind = EVENT_SYSCALL;
		decode_syscall_brief(&event->syscall, &body->syscall_brief);
		return true;
	case EVENT_FUTEX_BRIEF:
		event->kind = EVENT_FUTEX;
		decode_futex_brief(&event->futex, &body->futex_brief);
		return true;
	case EVENT_THREAD: event->thread = &body->thread; return true;
	case EVENT_FORK: event->fork = &body->fork; return true;
	case EVENT_EXEC:
		body->exec.path[EVENT_PATH_BYTES - 1] = 0;
		event->exec.tid = body->exec.tid;
		event->exec.old_tid = body->exec.old_tid;
		event->exec.path = body->exec.path;
		return true;
	case EVENT_EXIT: event->exit = body->exit; return true;
	case EVENT_NAME: event->name = body->name; return true;
	case EVENT_OBJECT: event->object = &body->object; return true;
	case EVENT_MAPPING:
		to->mapping = (struct trace_mapping){
			.tgid = body->mapping.tgid,
			.address = body->mapping.address,
			.bytes = body->mapping.bytes,
			.path = "",
		};
		event->mapping = &to->mapping;
		return true;
	case EVENT_STACK:
		event->stack = &to->stack.stack;
		return decode_stack(&to->stack, &body->stack, words);
	case EVENT_STACK_MEMORY:
		event->stack = &to->stack.stack;
		return decode_memory(&to->stack, &body->stack_memory, words);
	case EVENT_TASK_BEGIN ... EVENT_SNAPSHOT:
		return announced_read(&event->annotation, &to->announced, &body->annotation,
				      words * sizeof(u64));
	case EVENT_WAIT_STACK: event->wait_stack = body->wait_stack; return true;
	case EVENT_SAMPLE: event->sample = body->sample; return true;
	default: return false;
	}
}

/* The 48 bits that a record holds, as the time nearest before @near_ns + 2^47 */
static u64 full_time(u64 bits, u64 near_ns)
{
	u64 time_ns = (near_ns & ~TIME_MASK) | bits;

	if (time_ns > near_ns + (TIME_MASK >> 1) && time_ns > TIME_MASK)
		time_ns -= TIME_MASK + 1;
	else if (time_ns + (TIME_MASK >> 1) < near_ns)
		time_ns += TIME_MASK + 1;
	return time_ns;
}

bool ring_next_ns(u64 *time_ns, const struct ring *ring, u32 ring_bytes, u64 cut_ns)
{
	const u64 *record = (const u64 *)(ring->data + (ring->tail & (ring_bytes - 1)));
	u64 head;

	if (__atomic_load_n(ring->head, __ATOMIC_ACQUIRE) == ring->tail)
		return false;
	head = __atomic_load_n(record, __ATOMIC_ACQUIRE);
	if (!head || full_time(head >> EVENT_TIME_SHIFT, cut_ns) > cut_ns)
		return false;
	*time_ns = full_time(head >> EVENT_TIME_SHIFT, cut_ns);
	return true;
}

int ring_drain(struct ring *ring, u16 cpu, u32 ring_bytes, u64 cut_ns, ring_sink sink, void *ctx,
	       bool *stalled)
{
	u64 reserved = __atomic_load_n(ring->head, __ATOMIC_ACQUIRE);
	struct decoded decoded;
	u64 tail = ring->tail;
	int result = 0;

	while (tail < reserved) {
		u64 *record = (u64 *)(ring->data + (tail & (ring_bytes - 1)));
		u64 head = __atomic_load_n(record, __ATOMIC_ACQUIRE);
		size_t bytes = (head & 0xff) * EVENT_SIZE_UNIT;
		u16 kind = head >> EVENT_KIND_SHIFT & 0xff;
		u64 time_ns;

		__builtin_prefetch((char *)record + PREFETCH_BYTES, 1);
		if (!head) {
			*stalled = true;
			break;
		}
		time_ns = full_time(head >> EVENT_TIME_SHIFT, cut_ns);
		if (time_ns > cut_ns)
			break;
		decoded.event.time_ns = time_ns;
		decoded.event.cpu = cpu;
		take_record(&decoded.body, kind, record, bytes / sizeof(u64));
		if (decode(&decoded, kind, bytes / sizeof(u64) - 1)) {
			int r = sink(ctx, &decoded.event);

			result = result ?: r;
		}
		tail += bytes;
		/* Give the memory back now and then, not for each record: the line is shared. */
		if (tail - ring->tail > ring_bytes / 16) {
			ring->tail = tail;
			__atomic_store_n(ring->given_back, tail, __ATOMIC_RELEASE);
		}
	}
	ring->tail = tail;
	__atomic_store_n(&ring->drain->rung, 0, __ATOMIC_RELAXED);
	__atomic_store_n(ring->given_back, tail, __ATOMIC_RELEASE);
	return result;
}
