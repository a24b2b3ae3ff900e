// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* helpers_events - making, comparing, writing and reading events in tests of the trace */
#include "tests/unit/helpers_events.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "user/trace/fields.h"

#include <cmocka.h> /* last: it has a macro named fail */

static const u16 numbers[] = { 0, 1, 232, 0 | SYSCALL_COMPAT };
static const char *const names[] = { "read", "write", "epoll_wait", "restart_syscall" };

const struct trace_info some_info = {
	.tracer_version = "0.1.0",
	.host = "examplehost",
	.kernel_release = "6.1.0-13-amd64",
	.kernel_version = "#1 SMP",
	.machine = "x86_64",
	.cpu_count = 4,
	.page_bytes = 4096,
	.memory_bytes = 8ULL << 30,
	.command_line = "tracer -p 4711",
	.target = "process 4711 (server)",
	.class_mask = 0x1f,
	.follows_children = true,
	.stack_min_ns = 20000,
	.sample_period_ns = 10101010,
	.start = { 1000 * NSEC_PER_SEC, 1001 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC },
	.syscall_numbers = numbers,
	.syscall_names = names,
	.syscall_count = ARRAY_SIZE(numbers),
};

const struct trace_totals some_totals = {
	.end = { 2000 * NSEC_PER_SEC, 2001 * NSEC_PER_SEC, 1700001000 * NSEC_PER_SEC },
	.why = TRACE_END_ASKED,
	.events = 123456,
	.recorded = { 100000, 456, 20000, 3000, ~0ULL },
	.lost = { 1, 2, 3, 4, 5 },
	.untracked_threads = 7,
	.recorder_cpu_ns = 987654321,
	.recorder_memory_bytes = 32 << 20,
};

void event_list_free(struct event_list *list)
{
	free(list->events);
	arena_free(&list->arena);
}

struct trace_event *list_add(struct event_list *list, u64 time_ns, u16 cpu, u16 kind)
{
	struct trace_event *e;

	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 256;
		list->events = reallocarray(list->events, list->room, sizeof(*list->events));
		assert_non_null(list->events);
	}
	e = &list->events[list->count++];
	memset(e, 0, sizeof(*e));
	e->time_ns = time_ns;
	e->cpu = cpu;
	e->kind = kind;
	if (kind < EVENT_KIND_COUNT && event_fields[kind].pointer)
		e->thread = arena_take(&list->arena, event_fields[kind].bytes);
	return e;
}

/* Payloads are const to all but who makes them. */
#define PAYLOAD(event, s) ((struct s *)(uintptr_t)(event)->thread)

/* What the fields of a row point to lives as long as the list. */
static void own_fields(struct event_list *list, const struct field_table *table, u8 *row)
{
	for (unsigned int i = 0; i < table->count; i++) {
		u8 *field = row + table->fields[i].offset;

		if (table->fields[i].type == FIELD_TEXT || table->fields[i].type == FIELD_NAME) {
			const char **text = (const char **)field;

			*text = arena_text(&list->arena, *text, strlen(*text));
		} else if (table->fields[i].type == FIELD_WORDS) {
			struct trace_words *words = (struct trace_words *)field;
			u64 *copy = arena_take(&list->arena, (words->count + 1) * sizeof(*copy));

			if (words->count)
				memcpy(copy, words->list, words->count * sizeof(*copy));
			words->list = copy;
		}
	}
}

void list_copy(struct event_list *list, const struct trace_event *event)
{
	struct trace_event *e = list_add(list, event->time_ns, event->cpu, event->kind);
	const struct field_table *table = &event_fields[event->kind];
	const void *payload = e->thread;

	*e = *event;
	if (event->kind == EVENT_SYSCALL && event->syscall.args) {
		u64 *args = arena_take(&list->arena, 6 * sizeof(*args));

		memcpy(args, event->syscall.args, 6 * sizeof(*args));
		e->syscall.args = args;
	}
	if (event->kind == EVENT_EXEC || trace_event_is_annotation(event))
		own_fields(list, table, (u8 *)&e->exec);
	if (!table->pointer)
		return;
	e->thread = payload;
	memcpy(PAYLOAD(e, event_thread), event->thread, table->bytes);
	own_fields(list, table, (u8 *)PAYLOAD(e, event_thread));
}

struct trace_event *list_switch(struct event_list *list, u64 time_ns, u16 cpu, u32 prev, u8 state,
				u32 next)
{
	struct trace_event *e = list_add(list, time_ns, cpu, EVENT_SWITCH);

	e->sw.prev_tid = prev;
	e->sw.next_tid = next;
	e->sw.prev_state = state;
	return e;
}

struct trace_event *list_waking(struct event_list *list, u64 time_ns, u16 cpu, u32 tid, u32 waker)
{
	struct trace_event *e = list_add(list, time_ns, cpu, EVENT_WAKING);

	e->waking.tid = tid;
	e->waking.waker = waker;
	return e;
}

struct trace_event *list_thread(struct event_list *list, u64 time_ns, u32 tid, const char *comm)
{
	struct trace_event *e = list_add(list, time_ns, 0, EVENT_THREAD);
	struct event_thread *th = PAYLOAD(e, event_thread);

	th->tid = tid;
	th->tgid = tid / 100 * 100;
	th->state = LEAVE_SLEEPING;
	th->syscall = SYSCALL_NONE;
	th->priority = 120;
	memcpy(th->comm, comm, min(strlen(comm), sizeof(th->comm)));
	return e;
}

struct trace_event *list_fork(struct event_list *list, u64 time_ns, u16 cpu, u32 parent, u32 tid,
			      const char *comm)
{
	struct trace_event *e = list_add(list, time_ns, cpu, EVENT_FORK);
	struct event_fork *fork = PAYLOAD(e, event_fork);

	fork->tid = tid;
	fork->tgid = parent;
	fork->parent_tid = parent;
	fork->parent_tgid = parent;
	memcpy(fork->comm, comm, min(strlen(comm), sizeof(fork->comm)));
	return e;
}

struct trace_event *list_name(struct event_list *list, u64 time_ns, u32 tid, const char *comm)
{
	struct trace_event *e = list_add(list, time_ns, 0, EVENT_NAME);

	e->name.tid = tid;
	e->name.tgid = tid;
	memcpy(e->name.comm, comm, min(strlen(comm), sizeof(e->name.comm)));
	return e;
}

struct trace_event *list_exit(struct event_list *list, u64 time_ns, u16 cpu, u32 tid)
{
	struct trace_event *e = list_add(list, time_ns, cpu, EVENT_EXIT);

	e->exit.tid = tid;
	e->exit.tgid = tid;
	return e;
}

struct trace_event *list_exec(struct event_list *list, u64 time_ns, u16 cpu, u32 old_tid, u32 tid)
{
	struct trace_event *e = list_add(list, time_ns, cpu, EVENT_EXEC);

	e->exec.tid = tid;
	e->exec.old_tid = old_tid;
	e->exec.path = "/bin/other";
	return e;
}

struct trace_event *list_object(struct event_list *list, u64 time_ns, u32 id, u16 port)
{
	struct trace_event *e = list_add(list, time_ns, 0, EVENT_OBJECT);
	struct event_object *object = PAYLOAD(e, event_object);

	object->id = id;
	object->type = OBJECT_SOCKET;
	object->local_port = port;
	return e;
}

struct trace_event *list_syscall(struct event_list *list, u64 time_ns, u16 cpu, u32 tid, u16 number)
{
	struct trace_event *e = list_add(list, time_ns, cpu, EVENT_SYSCALL);

	e->syscall.tid = tid;
	e->syscall.syscall = number;
	return e;
}

u64 random_u64(struct random *r)
{
	r->state += 0x9e3779b97f4a7c15ULL;
	u64 x = r->state;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

u32 random_below(struct random *r, u32 below)
{
	return (u32)(random_u64(r) % below);
}

u64 random_any(struct random *r)
{
	switch (random_below(r, 6)) {
	case 0: return 0;
	case 1: return ~0ULL;
	case 2: return 1ULL << random_below(r, 64);
	case 3: return (1ULL << random_below(r, 64)) - 1;
	case 4: return random_below(r, 200);
	default: return random_u64(r) >> random_below(r, 64);
	}
}

static u32 random_tid(struct random *r)
{
	if (!random_below(r, 50))
		return (u32)random_any(r) & 0x0fffffff;
	return random_below(r, 40) * 100003;
}

static void random_switch(struct trace_event *e, struct random *r)
{
	e->sw = (struct event_switch){
		.prev_tid = random_tid(r),
		.next_tid = random_tid(r),
		.prev_state = (u8)random_below(r, random_below(r, 9) ? LEAVE_STATE_COUNT : 256),
		.wait_kind = (u8)random_any(r),
		.syscall = (u16)random_any(r),
		.object = (u32)random_any(r),
		.address = random_any(r),
		.futex_op = (u32)random_any(r),
	};
}

static void random_syscall(struct event_list *list, struct trace_event *e, struct random *r)
{
	u64 *args;

	e->syscall = (struct trace_syscall){
		.tid = random_tid(r),
		.syscall = (u16)random_below(r, random_below(r, 9) ? 4 : 65536),
		.flags = (u16)random_below(r, 4),
		.duration_ns = random_below(r, 3) ? random_below(r, 1000) : random_any(r),
		.result = random_below(r, 3) ? -(s64)random_below(r, 5) : (s64)random_any(r),
	};
	if (random_below(r, 4))
		return;
	args = arena_take(&list->arena, 6 * sizeof(*args));
	for (int i = 0; i < 6; i++)
		args[i] = random_any(r);
	e->syscall.flags |= SYSCALL_ARGS;
	e->syscall.args = args;
}

static void random_futex(struct trace_event *e, struct random *r)
{
	e->futex = (struct trace_futex){
		.tid = random_tid(r),
		.op = (u8)random_any(r),
		.flags = (u8)random_any(r),
		.value = (u32)random_any(r),
		.duration_ns = random_any(r),
		.result = (s64)random_any(r),
		.address = random_any(r),
		.address2 = random_any(r),
	};
}

static void random_words(struct event_list *list, struct trace_words *words, struct random *r)
{
	u64 *any = arena_take(&list->arena, STACK_FRAMES_MAX * sizeof(*any));

	*words = (struct trace_words){ .list = any, .count = random_below(r, STACK_FRAMES_MAX) };
	for (u32 i = 0; i < words->count; i++)
		any[i] = random_any(r);
}

/* Few numbers, so that stacks are told again, and referred to after and before they are. */
static void random_stacks(struct trace_event *e, struct random *r)
{
	if (e->kind == EVENT_STACK) {
		PAYLOAD(e, trace_stack)->id = random_below(r, 24);
		PAYLOAD(e, trace_stack)->flags &= (u8)~STACK_RESTATED;
	} else if (e->kind == EVENT_WAIT_STACK) {
		e->wait_stack.user_stack = random_below(r, 32);
		e->wait_stack.kernel_stack = random_below(r, 32);
	} else if (e->kind == EVENT_SAMPLE) {
		e->sample.user_stack = random_below(r, 32);
		e->sample.kernel_stack = random_below(r, 32);
	}
}

/* Any bytes in the fields of a rare kind: texts stay as they are. */
static void random_fields(struct event_list *list, struct trace_event *e, struct random *r)
{
	const struct field_table *table = &event_fields[e->kind];
	u8 *row = table->pointer ? (u8 *)PAYLOAD(e, event_thread) : (u8 *)&e->exec;

	for (unsigned int i = 0; i < table->count; i++) {
		const struct field *f = &table->fields[i];
		u64 any = random_any(r);

		if (f->type == FIELD_UINT)
			memcpy(row + f->offset, &any, f->bytes);
		else if (f->type == FIELD_BYTES)
			for (u64 n = 0, size = random_below(r, f->bytes + 1u); n < size; n++)
				row[f->offset + n] = (u8)random_any(r);
		else if (f->type == FIELD_WORDS)
			random_words(list, (struct trace_words *)(row + f->offset), r);
		else
			*(const char **)(row + f->offset) = arena_text(
				&list->arena, "/usr/lib/libexample.so.6", random_below(r, 24));
	}
	random_stacks(e, r);
	if (e->kind == EVENT_MAPPING)
		PAYLOAD(e, trace_mapping)->build_id_bytes %= BUILD_ID_MAX + 1;
	if (e->kind == EVENT_THREAD)
		PAYLOAD(e, event_thread)->flags &= ~(u32)THREAD_RESTATED;
	if (e->kind == EVENT_NAME)
		e->name.flags &= ~(u32)THREAD_RESTATED;
	if (trace_event_is_annotation(e))
		e->annotation.flags &= (u16)~ANNOTATION_RESTATED;
}

static void random_event(struct event_list *list, struct random *r, u64 time_ns, u16 cpu)
{
	static const u8 common[] = { EVENT_SWITCH, EVENT_WAKING, EVENT_WAKEUP, EVENT_SYSCALL,
				     EVENT_FUTEX };
	u16 kind = random_below(r, 4) ? common[random_below(r, ARRAY_SIZE(common))]
				      : (u16)(1 + random_below(r, EVENT_KIND_COUNT - 1));
	struct trace_event *e = list_add(list, time_ns, cpu, kind);

	switch (kind) {
	case EVENT_SWITCH: random_switch(e, r); break;
	case EVENT_WAKING:
	case EVENT_WAKEUP:
	case EVENT_WAKEUP_NEW:
		e->waking.tid = random_tid(r);
		e->waking.waker = random_tid(r) | random_below(r, 16) << 28;
		break;
	case EVENT_SYSCALL: random_syscall(list, e, r); break;
	case EVENT_FUTEX: random_futex(e, r); break;
	default: random_fields(list, e, r);
	}
}

void list_random(struct event_list *list, struct random *r, size_t count, u16 cpus, u64 begin_ns)
{
	for (u64 time_ns = begin_ns; count; count--) {
		time_ns += 1 + random_below(r, random_below(r, 10) ? 2000 : 2000000);
		random_event(list, r, time_ns, (u16)random_below(r, cpus));
	}
}

static bool same_field(const struct field *f, const u8 *a, const u8 *b)
{
	const struct trace_words *words = (const void *)a, *others = (const void *)b;

	switch (f->type) {
	case FIELD_UINT:
	case FIELD_BYTES: return memcmp(a, b, f->bytes) == 0;
	case FIELD_NAME:
	case FIELD_TEXT: return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
	default:
		return words->count == others->count &&
		       (!words->count ||
			memcmp(words->list, others->list, words->count * sizeof(u64)) == 0);
	}
}

static bool same_fields(const struct field_table *table, const void *a, const void *b)
{
	for (unsigned int i = 0; i < table->count; i++) {
		const struct field *f = &table->fields[i];

		if (!same_field(f, (const u8 *)a + f->offset, (const u8 *)b + f->offset)) {
			fprintf(stderr, "field %u differs\n", i);
			return false;
		}
	}
	return true;
}

static bool same_syscall(const struct trace_syscall *a, const struct trace_syscall *b)
{
	return a->tid == b->tid && a->syscall == b->syscall && a->flags == b->flags &&
	       a->duration_ns == b->duration_ns && a->result == b->result && !a->args == !b->args &&
	       (!a->args || !memcmp(a->args, b->args, 6 * sizeof(u64)));
}

static bool same_futex(const struct trace_futex *a, const struct trace_futex *b)
{
	return a->tid == b->tid && a->op == b->op && a->flags == b->flags && a->value == b->value &&
	       a->duration_ns == b->duration_ns && a->result == b->result &&
	       a->address == b->address && a->address2 == b->address2;
}

static bool same_payload(const struct trace_event *a, const struct trace_event *b)
{
	switch (a->kind) {
	case EVENT_SWITCH: return memcmp(&a->sw, &b->sw, sizeof(a->sw)) == 0;
	case EVENT_WAKING:
	case EVENT_WAKEUP:
	case EVENT_WAKEUP_NEW: return memcmp(&a->waking, &b->waking, sizeof(a->waking)) == 0;
	case EVENT_SYSCALL: return same_syscall(&a->syscall, &b->syscall);
	case EVENT_FUTEX: return same_futex(&a->futex, &b->futex);
	default:
		return event_fields[a->kind].pointer
			       ? same_fields(&event_fields[a->kind], a->thread, b->thread)
			       : same_fields(&event_fields[a->kind], &a->exec, &b->exec);
	}
}

bool same_event(const struct trace_event *a, const struct trace_event *b)
{
	bool same = a->time_ns == b->time_ns && a->cpu == b->cpu && a->kind == b->kind &&
		    same_payload(a, b);

	if (!same)
		fprintf(stderr, "%s at %llu on CPU %u is not %s at %llu on CPU %u\n",
			event_kind_name(a->kind), (unsigned long long)a->time_ns, a->cpu,
			event_kind_name(b->kind), (unsigned long long)b->time_ns, b->cpu);
	return same;
}

void encode_range(struct chunk_encoder *encoder, const struct event_list *list, size_t from,
		  size_t to)
{
	unsigned int cpus = 0;

	for (size_t i = from; i < to; i++)
		cpus = max(cpus, list->events[i].cpu + 1u);
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		for (size_t i = from; i < to; i++)
			if (list->events[i].cpu == cpu)
				assert_int_equal(chunk_add(encoder, &list->events[i]), 0);
}

void write_trace(const char *path, const struct event_list *list, size_t per_chunk, u64 begin_ns)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *encoder = NULL;
	struct trace_writer *writer = NULL;
	struct err err = { 0 };
	struct chunk chunk;

	assert_int_equal(chunk_encoder_new(&encoder, 64, begin_ns, &err), 0);
	assert_int_equal(trace_writer_open(&writer, path, true, &some_info, &err), 0);
	for (size_t from = 0; from < list->count; from += per_chunk) {
		size_t to = min(from + per_chunk, list->count);
		u64 end_ns = list->events[to - 1].time_ns;

		encode_range(encoder, list, from, to);
		assert_int_equal(chunk_finish(encoder, end_ns, &chunk, &err), 0);
		assert_int_equal(trace_writer_chunk(writer, &chunk, &err), 0);
	}
	assert_int_equal(trace_writer_finish(writer, &some_totals, &err), 0);
}

void read_trace(struct event_list *list, struct trace_reader *reader, bool restated)
{
	const struct trace_event *event;
	struct err err = { 0 };
	u64 last_ns = 0;
	int r;

	while ((r = trace_reader_next(reader, &event, &err)) == 1) {
		assert_true(event->time_ns >= last_ns);
		last_ns = event->time_ns;
		if (restated || !trace_event_is_restated(event))
			list_copy(list, event);
	}
	assert_int_equal(r, 0);
}

void read_file(struct event_list *list, const char *path)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	struct err err = { 0 };

	assert_int_equal(trace_reader_open(&reader, path, &err), 0);
	read_trace(list, reader, false);
}

int enter_directory(void **state)
{
	char name[] = "/tmp/tracer-unit-XXXXXX";

	return mkdtemp(name) && chdir(name) == 0 ? 0 : -1;
}

int leave_directory(void **state)
{
	char name[4096];

	if (!getcwd(name, sizeof(name)) || system("rm -rf ./* ./.[!.]*") != 0 || chdir("/") < 0)
		return -1;
	return rmdir(name);
}

u8 *load_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	u8 *data;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	data = malloc((size_t)st.st_size + 1);
	assert_non_null(data);
	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	close(fd);
	*size = (size_t)st.st_size;
	return data;
}

void store_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

void read_from_chunk(struct event_list *out, const struct event_list *in, size_t nth)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *encoder = NULL;
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	const struct trace_chunk_info *chunks;
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
	assert_int_equal(trace_reader_open(&reader, "a.trace", &err), 0);
	assert_true(trace_reader_chunks(reader, &chunks) > nth);
	assert_int_equal(trace_reader_seek(reader, chunks[nth].end_ns, &err), 0);
	read_trace(out, reader, true);
}

size_t count_restated(const struct event_list *list, u16 kind)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += list->events[i].kind == kind && trace_event_is_restated(&list->events[i]);
	return count;
}
