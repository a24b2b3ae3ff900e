// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* threads - what an encoder remembers of threads, to say it again in each chunk */
#include "user/trace/threads.h"

#include <errno.h>
#include <stdlib.h>

/* Threads that only woke a thread of the target or ran instead of one: no more names than this. */
#define OUTSIDERS_MAX 16384

static const struct field row_fields[] = {
	UINT_FIELD(thread_row, is.tid),       UINT_FIELD(thread_row, known),
	UINT_FIELD(thread_row, is.tgid),      UINT_FIELD(thread_row, is.ns_tid),
	UINT_FIELD(thread_row, is.ns_tgid),   UINT_FIELD(thread_row, is.parent_tgid),
	UINT_FIELD(thread_row, is.flags),     UINT_FIELD(thread_row, is.state),
	UINT_FIELD(thread_row, is.wait_kind), UINT_FIELD(thread_row, is.syscall),
	UINT_FIELD(thread_row, is.object),    UINT_FIELD(thread_row, is.address),
	UINT_FIELD(thread_row, is.futex_op),  UINT_FIELD(thread_row, is.priority),
	UINT_FIELD(thread_row, is.start_ns),  BYTES_FIELD(thread_row, is.comm),
	UINT_FIELD(thread_row, is.since_ns),  UINT_FIELD(thread_row, cpu),
};

const struct field_table thread_row_fields = {
	.fields = row_fields,
	.count = ARRAY_SIZE(row_fields),
	.bytes = sizeof(struct thread_row),
};

static bool is_outsider(const struct thread_entry *t)
{
	return !t->now.known || (t->now.is.flags & THREAD_FOREIGN);
}

static int grow(void **array, size_t *room, size_t item)
{
	size_t more = *room ? *room * 2 : 64;
	void *moved = reallocarray(*array, more, item);

	if (!moved)
		return -ENOMEM;
	*array = moved;
	*room = more;
	return 0;
}

static s64 add_entry(struct threads *threads, u32 tid)
{
	size_t room = threads->room;
	u64 *value;
	u32 position;

	if (!threads->vacant_count && threads->count == threads->room) {
		size_t vacant_room = threads->room;

		if (grow((void **)&threads->vacant, &vacant_room, sizeof(*threads->vacant)) ||
		    grow((void **)&threads->entries, &room, sizeof(*threads->entries)))
			return -ENOMEM;
		threads->room = room;
	}
	value = map_put(&threads->by_tid, tid);
	if (!value)
		return -ENOMEM;
	position = threads->vacant_count ? threads->vacant[--threads->vacant_count]
					 : (u32)threads->count++;
	*value = position;
	threads->entries[position] = (struct thread_entry){
		.now = { .is = { .tid = tid, .syscall = SYSCALL_NONE } },
		.used = true,
	};
	return position;
}

s64 threads_touch(struct threads *threads, u32 tid)
{
	const u64 *found = map_get(&threads->by_tid, tid);
	s64 position = found ? (s64)*found : -1;
	struct thread_entry *t;

	if (likely(found) && likely(threads->entries[position].chunk == threads->chunk))
		return position;
	if (threads->row_count == threads->row_room &&
	    grow((void **)&threads->rows, &threads->row_room, sizeof(*threads->rows)))
		return -ENOMEM;
	if (!found)
		position = add_entry(threads, tid);
	if (position < 0)
		return position;
	t = threads_at(threads, (u32)position);
	t->chunk = threads->chunk;
	t->number = (u32)threads->row_count;
	threads->rows[threads->row_count++] = t->now;
	return position;
}

/* Return: whether an event of @time_ns is the newest of the thread. */
static bool moves(struct thread_entry *t, u64 time_ns)
{
	if (time_ns < t->moved_ns || !t->now.is.tid)
		return false;
	t->moved_ns = time_ns;
	return true;
}

static void set_state(struct thread_entry *t, u8 state, u64 time_ns)
{
	struct event_thread *is = &t->now.is;

	/* What comes after a thread's end is another one with the same number. */
	if (is->state == LEAVE_DEAD && state != LEAVE_DEAD)
		t->now.known = 0;
	is->state = state;
	is->since_ns = time_ns;
	is->wait_kind = 0;
	is->syscall = SYSCALL_NONE;
	is->object = 0;
	is->address = 0;
	is->futex_op = 0;
}

void thread_leaves(struct thread_entry *t, u64 time_ns, u16 cpu, const struct event_switch *sw)
{
	struct event_thread *is = &t->now.is;

	if (!moves(t, time_ns))
		return;
	set_state(t, sw->prev_state, time_ns);
	t->now.cpu = cpu;
	if (sw->prev_state == LEAVE_PREEMPTED)
		return; /* the rest of the event was left out: it means nothing */
	is->wait_kind = sw->wait_kind;
	is->syscall = sw->syscall;
	is->object = sw->object;
	is->address = sw->address;
	is->futex_op = sw->futex_op;
}

void thread_runs(struct thread_entry *t, u64 time_ns, u16 cpu)
{
	if (!moves(t, time_ns))
		return;
	set_state(t, LEAVE_RUNNING, time_ns);
	t->now.cpu = cpu;
}

void thread_woken(struct thread_entry *t, u64 time_ns)
{
	u8 state = t->now.is.state;

	/* A running thread that is woken was on its way to sleep: its switch comes, or never. */
	if (state == LEAVE_RUNNING || state == LEAVE_PREEMPTED || state == LEAVE_YIELDED)
		return;
	if (moves(t, time_ns))
		set_state(t, LEAVE_PREEMPTED, time_ns);
}

static void copy_state(struct event_thread *to, const struct event_thread *from)
{
	to->state = from->state;
	to->since_ns = from->since_ns;
	to->wait_kind = from->wait_kind;
	to->syscall = from->syscall;
	to->object = from->object;
	to->address = from->address;
	to->futex_op = from->futex_op;
}

static void learn_thread(struct thread_entry *t, u64 time_ns, u16 cpu,
			 const struct event_thread *th)
{
	struct event_thread before = t->now.is;

	if (time_ns >= t->named_ns) {
		t->now.is = *th;
		t->now.is.flags &= ~THREAD_RESTATED;
		t->now.known = 1;
		t->named_ns = time_ns;
	}
	if (moves(t, time_ns)) {
		t->now.cpu = cpu;
		if (!th->since_ns)
			t->now.is.since_ns = time_ns;
		return;
	}
	copy_state(&t->now.is, &before);
}

static void learn_fork(struct thread_entry *t, u64 time_ns, u16 cpu, const struct event_fork *fork)
{
	struct event_thread *is = &t->now.is;

	if (time_ns < t->named_ns)
		return;
	if (moves(t, time_ns)) {
		set_state(t, LEAVE_PREEMPTED, time_ns);
		t->now.cpu = cpu;
		t->exit_chunk = 0;
	}
	is->tgid = fork->tgid;
	is->ns_tid = fork->ns_tid;
	is->ns_tgid = fork->ns_tgid;
	is->parent_tgid = fork->parent_tgid;
	is->flags = fork->flags;
	is->priority = fork->priority;
	is->start_ns = time_ns;
	memcpy(is->comm, fork->comm, sizeof(is->comm));
	t->now.known = 1;
	t->named_ns = time_ns;
}

static void learn_name(struct thread_entry *t, u64 time_ns, const struct event_name *name)
{
	struct event_thread *is = &t->now.is;

	if (time_ns < t->named_ns)
		return;
	if (!t->now.known) {
		is->flags = name->flags & ~(u32)THREAD_RESTATED;
		is->start_ns = 0;
		is->ns_tid = is->ns_tgid = is->parent_tgid = 0;
		is->priority = 0;
	}
	is->tgid = name->tgid;
	memcpy(is->comm, name->comm, sizeof(is->comm));
	t->now.known = 1;
	t->named_ns = time_ns;
}

/* The thread that called exec takes the number of its process's first thread. */
static void learn_exec(struct thread_entry *t, struct thread_entry *old, u64 time_ns)
{
	struct event_thread before = t->now.is;

	if (t == old)
		return;
	if (time_ns >= t->exit_ns)
		t->exit_chunk = 0; /* it was the first thread's */
	if (time_ns >= t->named_ns) {
		t->now.is = old->now.is;
		t->now.is.tid = before.tid;
		t->now.is.ns_tid = t->now.is.ns_tgid;
		t->now.known = old->now.known;
		t->named_ns = time_ns;
	}
	if (moves(t, time_ns)) {
		copy_state(&t->now.is, &old->now.is);
		t->now.cpu = old->now.cpu;
	} else {
		copy_state(&t->now.is, &before);
	}
	/* Whatever is known of the other: nobody bears this number any more. */
	if (moves(old, time_ns))
		set_state(old, LEAVE_DEAD, time_ns);
}

int threads_learn(struct threads *threads, const struct trace_event *e)
{
	s64 position, old = 0;
	struct thread_entry *t;
	u32 tid;

	switch (e->kind) {
	case EVENT_THREAD: tid = e->thread->tid; break;
	case EVENT_FORK: tid = e->fork->tid; break;
	case EVENT_EXEC: tid = e->exec.tid; break;
	case EVENT_EXIT: tid = e->exit.tid; break;
	case EVENT_NAME: tid = e->name.tid; break;
	default: return 0;
	}
	position = threads_touch(threads, tid);
	if (e->kind == EVENT_EXEC)
		old = threads_touch(threads, e->exec.old_tid);
	if (position < 0 || old < 0)
		return -ENOMEM;
	t = threads_at(threads, (u32)position);
	switch (e->kind) {
	case EVENT_THREAD: learn_thread(t, e->time_ns, e->cpu, e->thread); break;
	case EVENT_FORK: learn_fork(t, e->time_ns, e->cpu, e->fork); break;
	case EVENT_EXEC: learn_exec(t, threads_at(threads, (u32)old), e->time_ns); break;
	case EVENT_NAME: learn_name(t, e->time_ns, &e->name); break;
	default:
		if (e->time_ns < t->moved_ns)
			break;
		t->exit_chunk = threads->chunk;
		t->exit_ns = e->time_ns;
	}
	return 0;
}

int threads_fill_rows(struct threads *threads)
{
	for (size_t i = 0; i < threads->count; i++) {
		const struct thread_entry *t = &threads->entries[i];

		if (!t->used || t->chunk == threads->chunk || is_outsider(t))
			continue;
		if (threads->row_count == threads->row_room &&
		    grow((void **)&threads->rows, &threads->row_room, sizeof(*threads->rows)))
			return -ENOMEM;
		threads->rows[threads->row_count++] = t->now;
	}
	return 0;
}

static void drop(struct threads *threads, size_t position)
{
	struct thread_entry *t = &threads->entries[position];

	map_remove(&threads->by_tid, t->now.is.tid);
	t->used = false;
	threads->vacant[threads->vacant_count++] = (u32)position;
}

/* The last switch of a thread comes after its EXIT, at times in the next chunk. */
static bool has_ended(const struct thread_entry *t, u64 chunk)
{
	return t->now.is.state == LEAVE_DEAD || (t->exit_chunk && t->exit_chunk < chunk);
}

static void drop_outsiders(struct threads *threads)
{
	for (u64 age = 1024; age && threads->outsiders > OUTSIDERS_MAX / 4 * 3; age /= 2) {
		for (size_t i = 0; i < threads->count; i++) {
			const struct thread_entry *t = &threads->entries[i];

			if (!t->used || !is_outsider(t) || threads->chunk - t->chunk < age)
				continue;
			drop(threads, i);
			threads->outsiders--;
		}
	}
}

void threads_next_chunk(struct threads *threads)
{
	threads->outsiders = 0;
	for (size_t i = 0; i < threads->count; i++) {
		const struct thread_entry *t = &threads->entries[i];

		if (!t->used)
			continue;
		if (has_ended(t, threads->chunk))
			drop(threads, i);
		else if (is_outsider(t))
			threads->outsiders++;
	}
	threads->chunk++;
	if (threads->outsiders > OUTSIDERS_MAX)
		drop_outsiders(threads);
	threads->row_count = 0;
}

void threads_free(struct threads *threads)
{
	map_free(&threads->by_tid);
	free(threads->entries);
	free(threads->vacant);
	free(threads->rows);
	*threads = (struct threads){ 0 };
}
