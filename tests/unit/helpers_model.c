// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* helpers_model - scenarios for the model */
#include "tests/unit/helpers_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static u16 present_cpu;

static int remember_interval(void *ctx, const struct interval *interval)
{
	struct scene *s = ctx;

	s->intervals = realloc(s->intervals, (s->interval_count + 1) * sizeof(*interval));
	s->intervals[s->interval_count++] = *interval;
	return 0;
}

static int remember_call(void *ctx, const struct call *call)
{
	struct scene *s = ctx;

	s->calls = realloc(s->calls, (s->call_count + 1) * sizeof(*call));
	s->calls[s->call_count++] = *call;
	return 0;
}

static int remember_sample(void *ctx, const struct sample *sample)
{
	struct scene *s = ctx;

	s->samples = realloc(s->samples, (s->sample_count + 1) * sizeof(*sample));
	s->samples[s->sample_count++] = *sample;
	return 0;
}

static int remember_thread(void *ctx, const struct thread *thread, enum thread_change change,
			   u64 at_ns)
{
	struct scene *s = ctx;

	s->begun += change == THREAD_BEGINS;
	s->ended += change == THREAD_ENDS;
	s->renamed += change == THREAD_RENAMED;
	s->execed += change == THREAD_EXECS;
	return 0;
}

struct scene *scene_filtered(const struct filter *filter)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct sink sink = {
		.ctx = s,
		.interval = remember_interval,
		.call = remember_call,
		.thread = remember_thread,
		.sample = remember_sample,
	};

	assert_int_equal(timeline_new(&s->timeline, 0, NULL), 0);
	if (filter)
		timeline_set_filter(s->timeline, filter);
	struct sink sinks[] = { sink,
				times_sink(&s->times),
				waits_sink(&s->waits, s->timeline),
				calls_sink(&s->call_table),
				sched_sink(&s->sched),
				losses_sink(&s->losses) };
	for (size_t i = 0; i < ARRAY_SIZE(sinks); i++)
		assert_int_equal(timeline_attach(s->timeline, &sinks[i]), 0);
	present_cpu = 0;
	return s;
}

struct scene *scene_new(void)
{
	return scene_filtered(NULL);
}

void scene_free(struct scene *s)
{
	if (!s)
		return;
	waits_free(&s->waits);
	times_free(&s->times);
	calls_free(&s->call_table);
	sched_free(&s->sched);
	losses_free(&s->losses);
	timeline_free(s->timeline);
	free(s->intervals);
	free(s->calls);
	free(s->samples);
	free(s);
}

void on_cpu(u16 cpu)
{
	present_cpu = cpu;
}

void tells(struct scene *s, const struct trace_event *event)
{
	assert_int_equal(timeline_event(s->timeline, event), 0);
}

static struct trace_event at(u64 t, enum event_kind kind)
{
	return (struct trace_event){ .time_ns = t, .kind = kind, .cpu = present_cpu };
}

static void thread_event(struct scene *s, u64 t, u32 tid, enum leave_state state, u32 flags,
			 const char *comm)
{
	struct trace_event e = at(t, EVENT_THREAD);
	struct event_thread thread = {
		.tid = tid,
		.tgid = flags & THREAD_FOREIGN ? tid : MAIN,
		.state = state,
		.flags = flags,
		.syscall = 202,
		.wait_kind = WAIT_SYNC,
		.address = 0x1000,
	};

	snprintf(thread.comm, sizeof(thread.comm), "%s", comm);
	e.thread = &thread;
	tells(s, &e);
}

static const char *comm_of(u32 tid)
{
	return tid == MAIN ? "main" : tid == WORKER ? "worker" : "other";
}

void exists(struct scene *s, u64 t, u32 tid, enum leave_state state)
{
	thread_event(s, t, tid, state, 0, comm_of(tid));
}

void restates(struct scene *s, u64 t, u32 tid, enum leave_state state)
{
	thread_event(s, t, tid, state, THREAD_RESTATED, comm_of(tid));
}

void stranger(struct scene *s, u64 t, u32 tid, const char *comm)
{
	thread_event(s, t, tid, LEAVE_RUNNING, THREAD_FOREIGN, comm);
}

void forks(struct scene *s, u64 t, u32 tid)
{
	struct trace_event e = at(t, EVENT_FORK);
	struct event_fork fork = { .tid = tid, .tgid = MAIN, .parent_tid = MAIN };

	snprintf(fork.comm, sizeof(fork.comm), "%s", comm_of(tid));
	e.fork = &fork;
	tells(s, &e);
}

void named(struct scene *s, u64 t, u32 tid, const char *comm)
{
	struct trace_event e = at(t, EVENT_NAME);

	e.name = (struct event_name){ .tid = tid, .tgid = MAIN };
	memcpy(e.name.comm, comm, strnlen(comm, sizeof(e.name.comm)));
	tells(s, &e);
}

void switches(struct scene *s, u64 t, u32 prev, enum leave_state state, u32 next)
{
	struct trace_event e = at(t, EVENT_SWITCH);

	e.sw = (struct event_switch){ .prev_tid = prev, .next_tid = next, .prev_state = state };
	if (state == LEAVE_SLEEPING || state == LEAVE_DISK) {
		e.sw.wait_kind = WAIT_SYNC;
		e.sw.syscall = 202;
		e.sw.address = 0x1000;
	} else {
		e.sw.syscall = SYSCALL_NONE;
	}
	tells(s, &e);
}

void blocks(struct scene *s, u64 t, u32 prev, enum wait_kind kind, u16 nr, u32 object, u32 next)
{
	struct trace_event e = at(t, EVENT_SWITCH);

	e.sw = (struct event_switch){
		.prev_tid = prev,
		.next_tid = next,
		.prev_state = LEAVE_SLEEPING,
		.wait_kind = kind,
		.syscall = nr,
		.object = object,
	};
	tells(s, &e);
}

void wakes(struct scene *s, u64 t, u32 waker, u32 tid)
{
	interrupt_wakes(s, t, WAKER_THREAD, waker, tid);
}

void interrupt_wakes(struct scene *s, u64 t, enum waker_context context, u32 on, u32 tid)
{
	struct trace_event e = at(t, EVENT_WAKING);

	e.waking = (struct event_waking){ .tid = tid, .waker = on | (u32)context << 28 };
	tells(s, &e);
}

void syscall_ends(struct scene *s, u64 t, u32 tid, u16 nr, u64 duration_ns, s64 result)
{
	struct trace_event e = at(t, EVENT_SYSCALL);

	e.syscall = (struct trace_syscall){
		.tid = tid,
		.syscall = nr,
		.duration_ns = duration_ns,
		.result = result,
	};
	tells(s, &e);
}

void futex_ends(struct scene *s, u64 t, u32 tid, u64 duration_ns)
{
	struct trace_event e = at(t, EVENT_FUTEX);

	e.futex = (struct trace_futex){ .tid = tid, .duration_ns = duration_ns };
	tells(s, &e);
}

void execs(struct scene *s, u64 t, u32 tid, u32 old_tid)
{
	struct trace_event e = at(t, EVENT_EXEC);

	e.exec = (struct trace_exec){ .tid = tid, .old_tid = old_tid, .path = "/bin/true" };
	tells(s, &e);
}

void exits(struct scene *s, u64 t, u32 tid)
{
	struct trace_event e = at(t, EVENT_EXIT);

	e.exit = (struct event_exit){ .tid = tid, .tgid = MAIN };
	tells(s, &e);
}

static void loss_event(struct scene *s, u64 t, u64 from_ns, u64 to_ns, bool damaged)
{
	struct trace_event e = at(t, EVENT_LOSS);
	struct trace_loss loss = { .from_ns = from_ns, .to_ns = to_ns, .unreadable = damaged };

	if (!damaged)
		loss.counts[CLASS_SCHED] = 7;
	e.loss = &loss;
	tells(s, &e);
}

void loses(struct scene *s, u64 t, u64 from_ns, u64 to_ns)
{
	loss_event(s, t, from_ns, to_ns, false);
}

void unreadable(struct scene *s, u64 t, u64 from_ns, u64 to_ns)
{
	loss_event(s, t, from_ns, to_ns, true);
}

void stack_is(struct scene *s, u64 t, u32 id, u64 leaf, u32 count)
{
	struct trace_event e = at(t, EVENT_STACK);
	u64 frames[STACK_FRAMES_MAX];
	struct trace_stack stack = { .id = id, .tgid = MAIN, .frames = { frames, count } };

	for (u32 i = 0; i < count; i++)
		frames[i] = leaf + i;
	e.stack = &stack;
	tells(s, &e);
}

void stack_at(struct scene *s, u64 t, enum stack_moment moment, u32 tid, u32 user, u64 enter_ns)
{
	struct trace_event e = at(t, EVENT_WAIT_STACK);

	e.wait_stack = (struct event_wait_stack){
		.tid = tid,
		.moment = moment,
		.user_stack = 10 * user,
		.kernel_stack = 10 * user + 1,
		.enter_ns = enter_ns,
		.lock_word = 2,
		.lock_owner = OTHER,
		.lock_users = 1,
	};
	tells(s, &e);
}

void sampled(struct scene *s, u64 t, u32 tid, u32 user)
{
	struct trace_event e = at(t, EVENT_SAMPLE);

	e.sample =
		(struct event_sample){ .tid = tid, .user_stack = user, .kernel_stack = user + 1 };
	tells(s, &e);
}

void object_is(struct scene *s, const struct event_object *object)
{
	struct trace_event e = at(0, EVENT_OBJECT);

	e.object = object;
	tells(s, &e);
}

void ends(struct scene *s, u64 t)
{
	assert_int_equal(timeline_finish(s->timeline, t), 0);
}

u64 time_ns(const struct scene *s, u32 tid, enum thread_state state)
{
	u64 ns = 0;

	for (size_t i = 0; i < s->interval_count; i++)
		if (s->intervals[i].thread->tid == tid && s->intervals[i].state == state)
			ns += s->intervals[i].end_ns - s->intervals[i].begin_ns;
	return ns;
}

u64 observed_ns(const struct scene *s, u32 tid)
{
	u64 ns = 0;

	for (u32 i = 0; i < s->times.count; i++)
		if (s->times.rows[i].thread && s->times.rows[i].thread->tid == tid)
			ns += s->times.rows[i].observed_ns;
	return ns;
}

size_t intervals_of(const struct scene *s, u32 tid)
{
	size_t count = 0;

	for (size_t i = 0; i < s->interval_count; i++)
		count += s->intervals[i].thread->tid == tid;
	return count;
}

const struct interval *interval_of(const struct scene *s, u32 tid, enum thread_state state,
				   size_t n)
{
	for (size_t i = 0; i < s->interval_count; i++)
		if (s->intervals[i].thread->tid == tid && s->intervals[i].state == state && !n--)
			return &s->intervals[i];
	return NULL;
}

const struct thread *thread_of(const struct scene *s, u32 tid)
{
	const struct thread_table *table = timeline_threads(s->timeline);

	for (u32 i = table->count; i > 0; i--)
		if (table->threads[i - 1]->tid == tid)
			return table->threads[i - 1];
	return NULL;
}

static void assert_thread_joins(const struct scene *s, const struct thread *t)
{
	u64 at_ns = t->begin_ns, known_ns = 0;

	for (size_t i = 0; i < s->interval_count; i++) {
		const struct interval *interval = &s->intervals[i];

		if (interval->thread != t)
			continue;
		assert_int_equal(interval->begin_ns, at_ns);
		assert_true(interval->end_ns >= interval->begin_ns);
		at_ns = interval->end_ns;
		if (interval->state != STATE_UNKNOWN)
			known_ns += interval->end_ns - interval->begin_ns;
	}
	assert_int_equal(at_ns, t->end_ns);
	if (t->id <= s->times.count && s->times.rows[t->id - 1].thread) {
		const struct times_row *row = &s->times.rows[t->id - 1];

		assert_int_equal(row->observed_ns, known_ns);
		assert_int_equal(row->observed_ns + row->unknown_ns, t->end_ns - t->begin_ns);
		assert_int_equal(row->observed_ns,
				 row->execution.ns + row->scheduler_wait.ns + times_waits(row).ns);
	}
}

void assert_sums_hold(const struct scene *s)
{
	const struct thread_table *table = timeline_threads(s->timeline);

	for (u32 i = 0; i < table->count; i++)
		if (table->threads[i]->target)
			assert_thread_joins(s, table->threads[i]);
}
