// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* helpers_go - a reader of Go's execution trace that shares nothing with the writer */
#include "tests/unit/helpers_go.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/map.h"

#include "tests/unit/unit.h"

#define NONE       UINT64_MAX
#define ARGS_MAX   6
#define NESTED_MAX 1024

enum p_state { P_NEW, P_RUNNING, P_IDLE, P_SYSCALL };
enum g_state { G_NEW, G_RUNNABLE, G_RUNNING, G_SYSCALL, G_WAITING, G_GONE };

struct p {
	u64 id;
	enum p_state state;
	u64 gen, seq, m;
};

struct region {
	u64 task;
	char *name;
};

struct g {
	u64 id;
	enum g_state state;
	u64 gen, seq, m;
	u64 since_ns;
	int profile; /* that what it does now counts in */
	bool has_run;
	struct region regions[NESTED_MAX];
	u32 nested;
};

struct m {
	u64 id;
	struct p *p;
	struct g *g;
};

struct event {
	u64 time_ns;
	u64 m;
	u8 type;
	u64 args[ARGS_MAX];
};

struct name {
	char *text;
	bool used;
};

struct reader {
	struct read_go *go;
	FILE *out; /* text; NULL */
	const u8 *at, *end;
	u32 version;
	u64 gen;
	bool clock;
	struct event *events;
	size_t count, room;
	struct map strings; /* of the generation: id -> struct name * */
	struct map stacks;  /* id -> struct name *: the leaf */
	struct map last;    /* M -> time of its latest event in batches */
	struct map ps, gs, ms, tasks;
	u64 first_gen;
};

/* The arguments of each type of timed event; ' ': no such event. n: number, s: string, k: stack */
static const char *const shapes[] = {
	[9] = "nk",   [10] = "nn",  [11] = "",    [12] = "nnn",  [13] = "nn",   [14] = "nkk",
	[15] = "n",   [16] = "nn",  [17] = "",    [18] = "",     [19] = "sk",   [20] = "sk",
	[21] = "nnk", [22] = "nk",  [23] = "",    [24] = "",     [25] = "nnn",  [40] = "nnsk",
	[41] = "nk",  [42] = "nsk", [43] = "nsk", [44] = "nssk", [48] = "nnnk",
};

static u64 number(const u8 **at, const u8 *end)
{
	u64 value = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		assert_true(*at < end);
		value |= (u64)(**at & 0x7f) << shift;
		if (!(*(*at)++ & 0x80))
			return value;
	}
	broken("a number of more than ten bytes");
	return 0;
}

static void *thing(struct map *map, u64 id, size_t size)
{
	u64 *slot = map_put(map, id);

	assert_non_null(slot);
	if (!*slot) {
		*slot = (uintptr_t)calloc(1, size);
		*(u64 *)(uintptr_t)*slot = id;
	}
	return (void *)(uintptr_t)*slot;
}

static void names_free(struct map *map, bool used)
{
	map_for_each(map, slot) {
		struct name *name = (struct name *)(uintptr_t)slot->value;

		if (used && !name->used)
			broken("'%s' is in a table, and nobody uses it", name->text);
		free(name->text);
		free(name);
	}
	map_clear(map);
}

static void define(struct map *map, u64 id, const u8 *text, size_t size)
{
	u64 *slot = map_put(map, id);
	struct name *name = calloc(1, sizeof(*name));

	assert_true(id);
	assert_non_null(slot);
	assert_false(*slot); /* told twice */
	name->text = strndup((const char *)text, size);
	*slot = (uintptr_t)name;
}

static const char *use(struct map *map, u64 id)
{
	u64 *slot = id ? map_get(map, id) : NULL;
	struct name *name = slot ? (struct name *)(uintptr_t)*slot : NULL;

	if (!id)
		return "";
	if (!name)
		broken("%" PRIu64 " is in no table", id);
	name->used = true;
	return name->text;
}

/* Tables */

static void read_strings(struct reader *r, const u8 *at, const u8 *end)
{
	while (at < end) {
		u64 id, size;

		assert_int_equal(*at++, 5);
		id = number(&at, end);
		size = number(&at, end);
		assert_true(size <= 1024 && size <= (u64)(end - at));
		define(&r->strings, id, at, size);
		at += size;
	}
}

/* The strings of frames may be told later: they are looked up when the generation is whole. */
static void read_stacks(struct reader *r, const u8 *at, const u8 *end, bool resolve)
{
	while (at < end) {
		u64 id, frames, leaf = 0, root = 0;
		char text[4096];

		assert_int_equal(*at++, 3);
		id = number(&at, end);
		frames = number(&at, end);
		assert_in_range(frames, 1, 128);
		for (u64 i = 0; i < frames; i++) {
			u64 pc = number(&at, end), function = number(&at, end);
			u64 file = number(&at, end);

			number(&at, end);
			assert_true(pc);
			if (resolve) {
				use(&r->strings, function);
				use(&r->strings, file);
			}
			leaf = i ? leaf : function;
			root = function;
		}
		if (!resolve)
			continue;
		if (frames > 1)
			snprintf(text, sizeof(text), "%s < %s", use(&r->strings, leaf),
				 use(&r->strings, root));
		else
			snprintf(text, sizeof(text), "%s", use(&r->strings, root));
		define(&r->stacks, id, (const u8 *)text, strlen(text));
	}
}

static void read_samples(struct reader *r, const u8 *at, const u8 *end)
{
	while (at < end) {
		assert_int_equal(*at++, 7);
		for (int i = 0; i < 4; i++)
			number(&at, end);
		use(&r->stacks, number(&at, end));
		r->go->samples++;
	}
}

static void read_clock(struct reader *r, const u8 *at, const u8 *end)
{
	assert_false(r->clock);
	r->clock = true;
	if (r->version >= 25)
		assert_int_equal(*at++, 50);
	assert_int_equal(*at++, 8);
	assert_int_equal(number(&at, end), 1000000000);
	if (r->version >= 25) {
		assert_int_equal(*at++, 51);
		for (int i = 0; i < 4; i++)
			number(&at, end);
	}
	assert_ptr_equal(at, end);
}

static void read_events(struct reader *r, u64 m, u64 time_ns, const u8 *at, const u8 *end)
{
	u64 *last = map_put(&r->last, m);

	assert_non_null(last);
	while (at < end) {
		struct event *e;

		if (r->count == r->room) {
			r->room = r->room ? r->room * 2 : 1024;
			r->events = reallocarray(r->events, r->room, sizeof(*r->events));
			assert_non_null(r->events);
		}
		e = &r->events[r->count++];
		*e = (struct event){ .m = m, .type = *at++ };
		if (e->type >= ARRAY_SIZE(shapes) || !shapes[e->type])
			broken("an event of type %u", e->type);
		assert_true(e->type < 45 || r->version >= 23);
		time_ns += number(&at, end);
		e->time_ns = time_ns;
		assert_true(time_ns > *last);
		*last = time_ns;
		for (size_t i = 0; i < strlen(shapes[e->type]); i++)
			e->args[i] = number(&at, end);
	}
}

/* The batches of one generation, twice: what is in tables has to be known first. */
static void read_batches(struct reader *r, int round)
{
	const u8 *at = r->at;

	while (at < r->end) {
		u64 gen, m, time_ns, size;
		const u8 *batch = at, *end;

		assert_int_equal(*at++, 1);
		gen = number(&at, r->end);
		if (gen != r->gen) {
			at = batch;
			break;
		}
		m = number(&at, r->end);
		time_ns = number(&at, r->end);
		size = number(&at, r->end);
		assert_in_range(size, 1, 65536);
		assert_true(size <= (u64)(r->end - at));
		end = at + size;
		if (*at == 4 || *at == 2 || *at == 6 || *at == 8 || *at == 50)
			assert_true(m == NONE);
		if (*at == 4 && round == 0)
			read_strings(r, at + 1, end);
		else if (*at == 2 && round <= 1)
			read_stacks(r, at + 1, end, round == 1);
		else if (*at == 6 && round == 2)
			read_samples(r, at + 1, end);
		else if ((*at == 8 || *at == 50) && round == 0)
			read_clock(r, at, end);
		else if (*at > 8 && *at != 50 && round == 2)
			read_events(r, m, time_ns, at, end);
		at = end;
	}
	if (round == 2)
		r->at = at;
}

/* What events do: as the reader of Go has it */

static struct m *m_of(struct reader *r, const struct event *e)
{
	return thing(&r->ms, e->m, sizeof(struct m));
}

#define BAD(e, ...)                                                                            \
	do {                                                                                   \
		print_error("\nevent %u of M %" PRIu64 " at %" PRIu64 ": ", (e)->type, (e)->m, \
			    (e)->time_ns);                                                     \
		broken(__VA_ARGS__);                                                           \
	} while (0)

#define NEED(e, condition)                        \
	do {                                      \
		if (!(condition))                 \
			BAD(e, "%s", #condition); \
	} while (0)

static struct g *running_g(struct reader *r, const struct event *e)
{
	struct m *m = m_of(r, e);

	NEED(e, m->p && m->g);
	NEED(e, m->g->state == G_RUNNING || m->g->state == G_SYSCALL);
	return m->g;
}

/* The state ends that lasted since g->since_ns. */
static void change(struct reader *r, const struct event *e, struct g *g, enum g_state state,
		   int profile)
{
	struct read_profile_sum *sum = &r->go->sums[g->profile];

	if ((g->state == G_WAITING || g->state == G_SYSCALL || g->state == G_RUNNABLE) &&
	    g->has_run) {
		sum->count++;
		sum->ns += e->time_ns - g->since_ns;
	}
	g->state = state;
	g->profile = profile;
	g->since_ns = e->time_ns;
}

static void take_seq(struct reader *r, const struct event *e, u64 *gen, u64 *seq, u64 found)
{
	NEED(e, *gen == r->gen);
	if (found != *seq + 1)
		BAD(e, "sequence %" PRIu64 " after %" PRIu64, found, *seq);
	*seq = found;
}

static void on_proc(struct reader *r, const struct event *e)
{
	struct p *p = thing(&r->ps, e->args[0], sizeof(*p));
	struct m *m = m_of(r, e);

	if (e->type == 10) {
		NEED(e, !m->p && p->state == P_IDLE);
		take_seq(r, e, &p->gen, &p->seq, e->args[1]);
		p->state = P_RUNNING;
		m->p = p;
		p->m = m->id;
	} else if (e->args[1] == 2) {
		NEED(e, p->state == P_NEW || p->state == P_IDLE);
		p->state = P_IDLE;
		p->gen = r->gen;
		p->seq = 0;
	} else {
		NEED(e, e->args[1] == 1 && p->state == P_RUNNING && m->p == p);
		p->gen = r->gen;
		p->seq = 0;
	}
}

static void on_status(struct reader *r, const struct event *e)
{
	static const enum g_state states[] = { G_NEW, G_RUNNABLE, G_RUNNING, G_SYSCALL, G_WAITING };
	struct g *g = thing(&r->gs, e->args[0], sizeof(*g));

	NEED(e, e->args[2] >= 1 && e->args[2] <= 4);
	NEED(e, g->state == states[e->args[2]]);
	if (g->state == G_RUNNING)
		NEED(e, e->args[1] == e->m && m_of(r, e)->g == g);
	else
		NEED(e, e->args[1] == NONE && g->state != G_SYSCALL);
	g->gen = r->gen;
	g->seq = 0;
}

static void on_create(struct reader *r, const struct event *e)
{
	struct g *g = thing(&r->gs, e->args[0], sizeof(*g));
	struct m *m = m_of(r, e);

	NEED(e, m->p && (!m->g || m->g->state == G_RUNNING));
	NEED(e, g->state == G_NEW); /* an id is never used again */
	NEED(e, *use(&r->stacks, e->args[1]));
	change(r, e, g, G_RUNNABLE, READ_SCHED);
	g->gen = r->gen;
	g->seq = 0;
	r->go->gs++;
}

static void on_start(struct reader *r, const struct event *e)
{
	struct g *g = thing(&r->gs, e->args[0], sizeof(*g));
	struct m *m = m_of(r, e);

	NEED(e, m->p && m->p->state == P_RUNNING && !m->g && g->state == G_RUNNABLE);
	take_seq(r, e, &g->gen, &g->seq, e->args[1]);
	change(r, e, g, G_RUNNING, READ_OTHER);
	g->has_run = true;
	g->m = m->id;
	m->g = g;
}

static void on_unblock(struct reader *r, const struct event *e)
{
	struct g *g = thing(&r->gs, e->args[0], sizeof(*g));

	NEED(e, g->state == G_WAITING);
	NEED(e, e->args[2]);
	take_seq(r, e, &g->gen, &g->seq, e->args[1]);
	change(r, e, g, G_RUNNABLE, READ_SCHED);
}

static int profile_of(const char *reason)
{
	if (!strcmp(reason, "network"))
		return READ_NET;
	if (strstr(reason, "chan") || strstr(reason, "sync") || strstr(reason, "select"))
		return READ_SYNC;
	return READ_OTHER;
}

/* Go's own words: other readers know no others. */
static void check_reason(const struct event *e, const char *reason)
{
	static const char *const known[] = { "unspecified",    "network",   "sync",
					     "sleep",          "preempted", "system goroutine wait",
					     "runtime.Gosched" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i], reason))
			return;
	BAD(e, "the reason '%s'", reason);
}

static void on_leave(struct reader *r, const struct event *e)
{
	struct g *g = running_g(r, e);
	struct m *m = m_of(r, e);
	const char *reason;

	NEED(e, g->state == G_RUNNING);
	if (e->type == 17) {
		change(r, e, g, G_GONE, READ_OTHER);
		NEED(e, !g->nested);
		m->g = NULL;
		return;
	}
	reason = use(&r->strings, e->args[0]);
	check_reason(e, reason);
	NEED(e, e->args[1]);
	if (e->type == 19)
		change(r, e, g, G_RUNNABLE, READ_SCHED);
	else
		change(r, e, g, G_WAITING, profile_of(reason));
	m->g = NULL;
}

static void on_syscall(struct reader *r, const struct event *e)
{
	struct m *m = m_of(r, e);

	if (e->type == 22) {
		struct g *g = running_g(r, e);

		NEED(e, g->state == G_RUNNING && m->p->state == P_RUNNING);
		NEED(e, e->args[1]);
		take_seq(r, e, &m->p->gen, &m->p->seq, e->args[0]);
		m->p->state = P_SYSCALL;
		change(r, e, g, G_SYSCALL, READ_SYSCALL);
		return;
	}
	NEED(e, m->g && m->g->state == G_SYSCALL && !m->p);
	change(r, e, m->g, G_RUNNABLE, READ_SCHED);
	m->g = NULL;
}

static void on_region(struct reader *r, const struct event *e)
{
	struct g *g = running_g(r, e);
	const char *name = use(&r->strings, e->args[1]);
	struct region *inner = g->nested ? &g->regions[g->nested - 1] : NULL;

	if (e->type == 42) {
		assert_true(g->nested < NESTED_MAX);
		g->regions[g->nested++] = (struct region){ e->args[0], strdup(name) };
		return;
	}
	if (!inner)
		return; /* it began before the trace */
	NEED(e, inner->task == e->args[0] && !strcmp(inner->name, name));
	free(inner->name);
	g->nested--;
}

static void on_task(struct reader *r, const struct event *e)
{
	u64 *task = map_put(&r->tasks, e->args[0]);

	running_g(r, e);
	assert_non_null(task);
	NEED(e, e->args[0]);
	if (e->type == 40)
		NEED(e, *task == 0); /* an id is never used again */
	*task = e->type == 40 ? 1 : 2;
}

static void apply(struct reader *r, const struct event *e)
{
	struct m *m = m_of(r, e);

	switch (e->type) {
	case 10:
	case 13: on_proc(r, e); break;
	case 11:
		NEED(e, m->p && (m->p->state == P_RUNNING || m->p->state == P_SYSCALL));
		m->p->state = P_IDLE;
		m->p = NULL;
		break;
	case 14: on_create(r, e); break;
	case 16: on_start(r, e); break;
	case 17:
	case 19:
	case 20: on_leave(r, e); break;
	case 21: on_unblock(r, e); break;
	case 22:
	case 24: on_syscall(r, e); break;
	case 25:
	case 48: on_status(r, e); break;
	case 40:
	case 41: on_task(r, e); break;
	case 42:
	case 43: on_region(r, e); break;
	case 9:
	case 44: running_g(r, e); break;
	default: BAD(e, "nothing is known of it");
	}
}

static void tell(struct reader *r, const struct event *e)
{
	static const char *const names[] = {
		[9] = "ProcsChange",    [10] = "ProcStart",    [11] = "ProcStop",
		[13] = "ProcStatus",    [14] = "GoCreate",     [16] = "GoStart",
		[17] = "GoDestroy",     [19] = "GoStop",       [20] = "GoBlock",
		[21] = "GoUnblock",     [22] = "SyscallBegin", [24] = "SyscallEndBlocked",
		[25] = "GoStatus",      [40] = "TaskBegin",    [41] = "TaskEnd",
		[42] = "RegionBegin",   [43] = "RegionEnd",    [44] = "Log",
		[48] = "GoStatusStack",
	};
	const char *shape = shapes[e->type];

	if (r->out)
		fprintf(r->out, "%" PRIu64 " M%" PRIu64 " %s", e->time_ns, e->m, names[e->type]);
	for (size_t i = 0; shape[i]; i++) {
		const char *text = shape[i] == 's'   ? use(&r->strings, e->args[i])
				   : shape[i] == 'k' ? use(&r->stacks, e->args[i])
						     : NULL;

		if (r->out && text)
			fprintf(r->out, " '%s'", text);
		else if (r->out)
			fprintf(r->out, " %" PRId64, (s64)e->args[i]);
	}
	if (r->out)
		fputc('\n', r->out);
}

static int by_time(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	return a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
}

static void read_generation(struct reader *r)
{
	r->clock = false;
	r->count = 0;
	for (int round = 0; round < 3; round++)
		read_batches(r, round);
	assert_true(r->clock);
	assert_true(r->count);
	qsort(r->events, r->count, sizeof(*r->events), by_time);
	for (size_t i = 0; i < r->count; i++) {
		const struct event *e = &r->events[i];

		if (e->time_ns <= r->go->last_ns)
			BAD(e, "not later than the event before");
		r->go->first_ns = r->go->first_ns ?: e->time_ns;
		r->go->last_ns = e->time_ns;
		tell(r, e);
		apply(r, e);
	}
	r->go->events += r->count;
	r->go->generations++;
	names_free(&r->stacks, true);
	names_free(&r->strings, true);
}

static void free_all(struct reader *r)
{
	struct map *maps[] = { &r->ps, &r->gs, &r->ms };

	map_for_each(&r->gs, slot) {
		struct g *g = (struct g *)(uintptr_t)slot->value;

		while (g->nested)
			free(g->regions[--g->nested].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		map_for_each(maps[i], slot)
			free((void *)(uintptr_t)slot->value);
		map_free(maps[i]);
	}
	map_free(&r->strings);
	map_free(&r->stacks);
	map_free(&r->last);
	map_free(&r->tasks);
	free(r->events);
}

void go_read(struct read_go *go, const void *data, size_t size, bool with_text)
{
	struct reader r = { .go = go, .at = data, .end = (const u8 *)data + size };
	size_t text_size;

	*go = (struct read_go){ 0 };
	r.out = with_text ? open_memstream(&go->text, &text_size) : NULL;
	assert_true(size > 16);
	memcpy(go->header, data, 16);
	assert_memory_equal(go->header, "go 1.", 5);
	assert_memory_equal(go->header + 7, " trace\0\0\0", 9);
	r.version = (u32)atoi(go->header + 5);
	r.at += 16;
	while (r.at < r.end) {
		r.gen++;
		read_generation(&r);
	}
	go->ps = r.ps.count;
	free_all(&r);
	if (r.out)
		fclose(r.out);
}

void go_read_free(struct read_go *go)
{
	free(go->text);
	*go = (struct read_go){ 0 };
}
