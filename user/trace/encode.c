// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * encode - one event into the columns of its CPU
 *
 * Most of an event follows from the one before it on the same CPU: who runs there, who was
 * woken there, what a thread waits for usually. What follows is a flag of the event's
 * shape and costs nothing; decode.c is the mirror of this file, function by function.
 */
#include "user/trace/encode.h"

#include "user/trace/fields.h"

/* The chunk is full at the lower numbers, and takes no more at the higher. */
#define EVENTS_FULL (128U << 10)
#define RAW_FULL    ((size_t)1 << 20)
#define RAW_MOST    ((size_t)CHUNK_RAW_MAX / 2)

#define EVENT_COLUMN_BYTES 128 /* that one event takes in any column but DATA, at most */
#define RESERVE_EVENTS     8
#define ADDRESSES_MAX      4096 /* in a chunk's dictionary */
#define EXACT_RESULTS_MAX  128

static struct stream *new_stream(struct chunk_encoder *e, u16 cpu)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s)
		s->cpu = cpu;
	return e->streams[cpu] = s;
}

/* The stream's first event in this chunk: nothing is implied but who ran here. */
static int begin_stream(struct chunk_encoder *e, struct stream *s)
{
	s64 idle = threads_touch(&e->threads, 0); /* the first one is IDLE_THREAD */
	s64 running = s->running_known ? threads_touch(&e->threads, s->running_tid) : NO_THREAD;

	if (idle < 0 || running < 0)
		return -ENOMEM;
	s->running = (u32)running;
	s->first = s->running_known ? threads_at(&e->threads, s->running)->number + 1 : 0;
	s->woken = NO_THREAD;
	s->time_ns = e->begin_ns;
	s->address = 0;
	s->chunk = e->sequence + 1;
	memset(s->recent, 0, sizeof(s->recent));
	return 0;
}

static int reserve(struct chunk_encoder *e, struct stream *s)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < COLUMN_COUNT; i++) {
		if (buffer_reserve(&s->columns[i], RESERVE_EVENTS * EVENT_COLUMN_BYTES))
			return -ENOMEM;
		bytes += s->columns[i].size;
	}
	e->raw_bytes += bytes - s->counted;
	s->counted = bytes;
	s->room = RESERVE_EVENTS;
	return 0;
}

static inline int open_stream(struct chunk_encoder *e, u16 cpu, struct stream **out)
{
	struct stream *s;

	if (unlikely(cpu >= e->cpus))
		return -EINVAL;
	if (unlikely(e->events >= CHUNK_EVENTS_MAX || e->raw_bytes >= RAW_MOST))
		return -ENOSPC;
	s = e->streams[cpu];
	if (unlikely(!s))
		s = new_stream(e, cpu);
	if (unlikely(!s) || (unlikely(!s->room) && reserve(e, s)))
		return -ENOMEM;
	if (unlikely(s->chunk != e->sequence + 1) && begin_stream(e, s))
		return -ENOMEM;
	*out = s;
	return 0;
}

static inline void put(struct stream *s, enum column column, u64 value)
{
	struct buffer *b = &s->columns[column];

	b->size = (size_t)(varint_put(b->data + b->size, value) - b->data);
}

static inline void put_byte(struct stream *s, enum column column, u8 value)
{
	struct buffer *b = &s->columns[column];

	b->data[b->size++] = value;
}

static s64 add_shape(struct chunk_encoder *e, const struct shape *shape, u64 key)
{
	u64 *number = map_get(&e->shape_numbers, key);

	if (number)
		return (s64)*number;
	if (buffer_reserve(&e->shapes, sizeof(*shape)))
		return -ENOMEM;
	number = map_put(&e->shape_numbers, key);
	if (!number)
		return -ENOMEM;
	*number = e->shapes.size / sizeof(*shape);
	buffer_append(&e->shapes, shape, sizeof(*shape));
	return (s64)*number;
}

/* Return: the shape's number, or -ENOMEM. */
static inline s64 shape_number(struct chunk_encoder *e, struct shape shape)
{
	struct shape_cache *cached;
	s64 number;
	u64 key;

	memcpy(&key, &shape, sizeof(key));
	cached = &e->shape_cache[(key * 0x9e3779b97f4a7c15ULL) >> 55];
	if (likely(cached->used && cached->key == key))
		return cached->index;
	number = add_shape(e, &shape, key);
	if (number >= 0)
		*cached = (struct shape_cache){ key, (u32)number, 1 };
	return number;
}
_Static_assert(SHAPE_CACHE == 1 << (64 - 55), "the hash gives as many bits");

static inline void put_tag(struct stream *s, s64 number)
{
	if (likely(number < TAG_WIDE)) {
		put_byte(s, COLUMN_TAG, (u8)number);
		return;
	}
	put_byte(s, COLUMN_TAG, TAG_WIDE);
	put(s, COLUMN_VALUE, (u64)number - TAG_WIDE);
}

/* A number whose low byte is noise */
static inline void put_split(struct stream *s, enum column column, u64 value)
{
	put_byte(s, COLUMN_LOW, (u8)value);
	put(s, column, value >> 8);
}

static int step_back(struct chunk_encoder *e, struct stream *s, u64 time_ns)
{
	s64 number = shape_number(e, (struct shape){ .kind = EVENT_NONE });

	if (number < 0)
		return -ENOMEM;
	put_tag(s, number);
	put(s, COLUMN_VALUE, s->time_ns - time_ns);
	s->time_ns = time_ns;
	return 0;
}

/*
 * Tag and time. @inside_ns: of a call, its duration when nothing else happened in it; then
 * only the time before it is left to say.
 */
static inline int put_start(struct chunk_encoder *e, struct stream *s, struct shape shape,
			    u64 time_ns, u64 inside_ns)
{
	s64 number;

	if (unlikely(time_ns < s->time_ns) && step_back(e, s, time_ns))
		return -ENOMEM;
	number = shape_number(e, shape);
	if (unlikely(number < 0))
		return -ENOMEM;
	put_tag(s, number);
	put_split(s, COLUMN_TIME, time_ns - s->time_ns - inside_ns);
	s->time_ns = time_ns;
	s->room--;
	return 0;
}

static inline void put_thread(struct chunk_encoder *e, struct stream *s, u32 position)
{
	put(s, COLUMN_THREAD, threads_at(&e->threads, position)->number);
}

/* Return: the address's number in the chunk's dictionary; 0 when that has no room. */
static u64 address_number(struct chunk_encoder *e, u64 address)
{
	u64 *number = map_get(&e->address_numbers, address);

	if (number)
		return *number;
	if (e->address_numbers.count >= ADDRESSES_MAX ||
	    buffer_reserve(&e->addresses, sizeof(address)))
		return 0;
	number = map_put(&e->address_numbers, address);
	if (!number)
		return 0;
	buffer_append(&e->addresses, &address, sizeof(address));
	return *number = e->address_numbers.count;
}

static void put_address(struct chunk_encoder *e, struct stream *s, u64 address)
{
	u64 number = address_number(e, address);

	put(s, COLUMN_ADDRESS, number);
	if (number)
		return;
	put(s, COLUMN_ADDRESS, zigzag((s64)(address - s->address)));
	s->address = address;
}

static struct shape switch_shape(const struct chunk_encoder *e, const struct stream *s,
				 const struct event_switch *sw, const struct thread_entry *prev,
				 const struct thread_entry *next)
{
	const struct recent *recent = &s->recent[prev->number % RECENT_SLOTS];
	struct shape shape = {
		.kind = EVENT_SWITCH,
		.number = sw->syscall,
		.detail = (u16)(sw->prev_state | sw->wait_kind << 8),
	};

	if (s->running_known && s->running_tid == sw->prev_tid)
		shape.flags |= SHAPE_PREV_RUNNING;
	if (!sw->next_tid)
		shape.flags |= SHAPE_NEXT_IDLE;
	else if (s->woken == next->number)
		shape.flags |= SHAPE_NEXT_WOKEN;
	if (sw->object)
		shape.flags |= sw->object == recent->object ? SHAPE_OBJECT_SAME : SHAPE_OBJECT;
	if (sw->address)
		shape.flags |= sw->address == recent->address ? SHAPE_ADDRESS_SAME : SHAPE_ADDRESS;
	if (sw->futex_op <= INT16_MAX)
		shape.constant = (s16)sw->futex_op;
	else
		shape.flags |= SHAPE_FUTEX_OP;
	return shape;
}

static void put_switch(struct chunk_encoder *e, struct stream *s, const struct event_switch *sw,
		       struct shape shape, u32 prev_number)
{
	struct recent *recent = &s->recent[prev_number % RECENT_SLOTS];

	if (shape.flags & SHAPE_OBJECT)
		put(s, COLUMN_VALUE, sw->object);
	if (shape.flags & SHAPE_FUTEX_OP)
		put(s, COLUMN_VALUE, sw->futex_op);
	if (shape.flags & SHAPE_ADDRESS)
		put_address(e, s, sw->address);
	if (sw->object)
		recent->object = sw->object;
	if (sw->address)
		recent->address = sw->address;
}

static int add_switch(struct chunk_encoder *e, struct stream *s, const struct trace_event *event)
{
	const struct event_switch *sw = &event->sw;
	bool same = s->running_known && s->running_tid == sw->prev_tid;
	s64 prev = same ? s->running : threads_touch(&e->threads, sw->prev_tid);
	s64 next = threads_touch(&e->threads, sw->next_tid);
	struct thread_entry *from, *to;
	struct shape shape;

	if (prev < 0 || next < 0)
		return -ENOMEM;
	from = threads_at(&e->threads, (u32)prev);
	to = threads_at(&e->threads, (u32)next);
	shape = switch_shape(e, s, sw, from, to);
	if (put_start(e, s, shape, event->time_ns, 0))
		return -ENOMEM;
	if (!(shape.flags & SHAPE_PREV_RUNNING))
		put_thread(e, s, (u32)prev);
	if (!(shape.flags & (SHAPE_NEXT_IDLE | SHAPE_NEXT_WOKEN)))
		put_thread(e, s, (u32)next);
	put_switch(e, s, sw, shape, from->number);
	if (!sw->address)
		objects_use(&e->objects, sw->object);
	thread_leaves(from, event->time_ns, event->cpu, sw);
	thread_runs(to, event->time_ns, event->cpu);
	s->running = (u32)next;
	s->running_tid = sw->next_tid;
	s->running_known = true;
	return 0;
}

static int add_waking(struct chunk_encoder *e, struct stream *s, const struct trace_event *event)
{
	u32 waker_tid = WAKER_TID(event->waking.waker);
	s64 tid = threads_touch(&e->threads, event->waking.tid);
	s64 waker = waker_tid ? threads_touch(&e->threads, waker_tid) : NO_THREAD;
	struct shape shape = {
		.kind = (u8)event->kind,
		.detail = (u16)WAKER_CONTEXT(event->waking.waker),
	};

	if (tid < 0 || waker < 0)
		return -ENOMEM;
	if (s->woken == threads_at(&e->threads, (u32)tid)->number)
		shape.flags |= SHAPE_TID_WOKEN;
	if (!waker_tid)
		shape.flags |= SHAPE_WAKER_NONE;
	else if (s->running == (u32)waker)
		shape.flags |= SHAPE_WAKER_RUNNING;
	if (put_start(e, s, shape, event->time_ns, 0))
		return -ENOMEM;
	if (!(shape.flags & SHAPE_TID_WOKEN))
		put_thread(e, s, (u32)tid);
	if (!(shape.flags & (SHAPE_WAKER_NONE | SHAPE_WAKER_RUNNING)))
		put_thread(e, s, (u32)waker);
	s->woken = threads_at(&e->threads, (u32)tid)->number;
	thread_woken(threads_at(&e->threads, (u32)tid), event->time_ns);
	return 0;
}

/* Who made a call: nearly always the thread that runs on the CPU. */
static inline s64 caller(struct chunk_encoder *e, struct stream *s, u32 tid)
{
	if (likely(s->running_known && s->running_tid == tid))
		return s->running;
	return threads_touch(&e->threads, tid);
}

/*
 * Results that come often are part of the shape: small ones, as long as there are not too
 * many shapes. All others are a value.
 */
static inline bool is_common(const struct chunk_encoder *e, s64 result)
{
	return result >= -133 && result <= 16 &&
	       e->shapes.size / sizeof(struct shape) < TAG_WIDE / 2;
}

/* A call with nothing in it but itself: the clock need only tell of the time before it. */
static inline u64 inside(const struct stream *s, u64 time_ns, u64 duration_ns)
{
	return time_ns >= s->time_ns && time_ns - s->time_ns >= duration_ns ? duration_ns : 0;
}

static int add_syscall(struct chunk_encoder *e, struct stream *s, const struct trace_event *event)
{
	const struct trace_syscall *call = &event->syscall;
	s64 position = caller(e, s, call->tid);
	u64 inside_ns = inside(s, event->time_ns, call->duration_ns);
	struct shape shape = {
		.kind = EVENT_SYSCALL,
		.flags = inside_ns ? SHAPE_AFTER : 0,
		.number = call->syscall,
		.detail = call->flags,
	};

	if (position < 0)
		return -ENOMEM;
	if (s->running == (u32)position)
		shape.flags |= SHAPE_TID_RUNNING;
	if (!call->args)
		shape.detail &= (u16)~SYSCALL_ARGS;
	if (is_common(e, call->result))
		shape.constant = (s16)call->result;
	else
		shape.flags |= SHAPE_RESULT;
	if ((shape.detail & SYSCALL_ARGS) &&
	    buffer_reserve(&s->columns[COLUMN_DATA], 6 * VARINT_MAX))
		return -ENOMEM;
	if (put_start(e, s, shape, event->time_ns, inside_ns))
		return -ENOMEM;
	if (!(shape.flags & SHAPE_TID_RUNNING))
		put_thread(e, s, (u32)position);
	put_split(s, COLUMN_DURATION, call->duration_ns);
	if (shape.flags & SHAPE_RESULT)
		put(s, COLUMN_VALUE, zigzag(call->result));
	for (unsigned int i = 0; (shape.detail & SYSCALL_ARGS) && i < 6; i++)
		put(s, COLUMN_DATA, call->args[i]);
	return 0;
}

static struct shape futex_shape(const struct chunk_encoder *e, const struct stream *s,
				const struct trace_futex *call, u32 position,
				const struct recent *recent)
{
	struct shape shape = {
		.kind = EVENT_FUTEX,
		.number = (u16)(call->op | call->flags << 8),
	};

	if (s->running == position)
		shape.flags |= SHAPE_TID_RUNNING;
	if (call->value <= 2)
		shape.detail = (u16)call->value;
	else
		shape.flags |= SHAPE_VALUE;
	if (is_common(e, call->result))
		shape.constant = (s16)call->result;
	else
		shape.flags |= SHAPE_RESULT;
	if (call->address)
		shape.flags |=
			call->address == recent->address ? SHAPE_ADDRESS_SAME : SHAPE_ADDRESS;
	if (call->address2)
		shape.flags |= SHAPE_ADDRESS2;
	return shape;
}

static int add_futex(struct chunk_encoder *e, struct stream *s, const struct trace_event *event)
{
	const struct trace_futex *call = &event->futex;
	s64 position = caller(e, s, call->tid);
	u64 inside_ns = inside(s, event->time_ns, call->duration_ns);
	struct recent *recent;
	struct shape shape;

	if (position < 0)
		return -ENOMEM;
	recent = &s->recent[threads_at(&e->threads, (u32)position)->number % RECENT_SLOTS];
	shape = futex_shape(e, s, call, (u32)position, recent);
	if (inside_ns)
		shape.flags |= SHAPE_AFTER;
	if (call->address2 && buffer_reserve(&s->columns[COLUMN_DATA], VARINT_MAX))
		return -ENOMEM;
	if (put_start(e, s, shape, event->time_ns, inside_ns))
		return -ENOMEM;
	if (!(shape.flags & SHAPE_TID_RUNNING))
		put_thread(e, s, (u32)position);
	put_split(s, COLUMN_DURATION, call->duration_ns);
	if (shape.flags & SHAPE_VALUE)
		put(s, COLUMN_VALUE, call->value);
	if (shape.flags & SHAPE_RESULT)
		put(s, COLUMN_VALUE, zigzag(call->result));
	if (shape.flags & SHAPE_ADDRESS)
		put_address(e, s, call->address);
	if (shape.flags & SHAPE_ADDRESS2)
		put(s, COLUMN_DATA, call->address2);
	if (call->address)
		recent->address = call->address;
	return 0;
}

static const void *payload_of(const struct trace_event *event)
{
	switch (event->kind) {
	case EVENT_EXEC: return &event->exec;
	case EVENT_EXIT: return &event->exit;
	case EVENT_NAME: return &event->name;
	case EVENT_WAIT_STACK: return &event->wait_stack;
	case EVENT_SAMPLE: return &event->sample;
	case EVENT_TASK_BEGIN ... EVENT_SNAPSHOT: return &event->annotation;
	default: return event->thread; /* all others are pointers */
	}
}

static int learn_stacks(struct chunk_encoder *e, const struct trace_event *event)
{
	switch (event->kind) {
	case EVENT_STACK: return stacks_learn(&e->stacks, event->stack);
	case EVENT_WAIT_STACK:
		stacks_use(&e->stacks, event->wait_stack.user_stack);
		stacks_use(&e->stacks, event->wait_stack.kernel_stack);
		return 0;
	case EVENT_SAMPLE:
		stacks_use(&e->stacks, event->sample.user_stack);
		stacks_use(&e->stacks, event->sample.kernel_stack);
		return 0;
	default: return 0;
	}
}

/* The rare kinds: a length and the fields, so that a reader can skip a kind it does not know. */
static int add_rare(struct chunk_encoder *e, struct stream *s, const struct trace_event *event)
{
	struct buffer *data = &s->columns[COLUMN_DATA];
	struct buffer *payload = &e->head; /* idle until the chunk's end */

	buffer_reset(payload);
	fields_put_named(payload, &event_fields[event->kind], payload_of(event), &e->texts);
	if (payload->failed || buffer_reserve(data, payload->size + VARINT_MAX))
		return -ENOMEM;
	if (threads_learn(&e->threads, event))
		return -ENOMEM;
	if (event->kind == EVENT_OBJECT && objects_learn(&e->objects, event->object))
		return -ENOMEM;
	if (learn_stacks(e, event) || mapped_learn(&e->mapped, event) ||
	    begun_learn(&e->begun, event, &e->threads))
		return -ENOMEM;
	if (put_start(e, s, (struct shape){ .kind = (u8)event->kind }, event->time_ns, 0))
		return -ENOMEM;
	buffer_bytes(data, payload->data, payload->size);
	for (unsigned int i = 0; event->kind == EVENT_LOSS && i < CLASS_COUNT; i++)
		e->lost += event->loss->counts[i];
	return 0;
}

int chunk_add(struct chunk_encoder *e, const struct trace_event *event)
{
	struct stream *s;
	int r = open_stream(e, event->cpu, &s);

	if (unlikely(r < 0))
		return r;
	switch (event->kind) {
	case EVENT_SWITCH: r = add_switch(e, s, event); break;
	case EVENT_WAKING:
	case EVENT_WAKEUP:
	case EVENT_WAKEUP_NEW: r = add_waking(e, s, event); break;
	case EVENT_SYSCALL: r = add_syscall(e, s, event); break;
	case EVENT_FUTEX: r = add_futex(e, s, event); break;
	default:
		if (event->kind == EVENT_NONE || event->kind >= EVENT_KIND_COUNT)
			return -EINVAL;
		r = add_rare(e, s, event);
	}
	if (likely(!r))
		e->events++;
	return r;
}

bool chunk_full(const struct chunk_encoder *e)
{
	return e->events >= EVENTS_FULL || e->raw_bytes >= RAW_FULL;
}

u64 chunk_events(const struct chunk_encoder *e)
{
	return e->events;
}
