// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* perfetto_slices - system calls, waits and CPU samples of threads, for Perfetto */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/protobuf.h"
#include "user/base/text.h"
#include "user/export/perfetto.h"
#include "user/frames/futexes.h"

#define FTRACE_BLOCKED_REASON 18
#define ERRNO_MAX             4095 /* the kernel's own limit: smaller results are addresses */

enum reason_field { REASON_PID = 1, REASON_CALLER = 2, REASON_IO_WAIT = 3 };

enum perf_sample_field {
	PERF_CPU = 1,
	PERF_PID = 2,
	PERF_TID = 3,
	PERF_CALLSTACK_IID = 4,
	PERF_CPU_MODE = 5,
	PERF_TIMEBASE_COUNT = 6,
};
enum cpu_mode { MODE_KERNEL = 1, MODE_USER = 2 };

enum stack_sample_field {
	SAMPLE_TASK_CONTEXT = 1,
	SAMPLE_CALLSTACK_IID = 6,
	SAMPLE_WEIGHT = 11,
};
enum task_context_field { CONTEXT_PID = 2, CONTEXT_TID = 3 };

/* Names: each is looked for once */

#define CALLS_MAX (1 << 16)

static u32 *remembered(struct perfetto *p, u32 **list, u32 count, u32 at)
{
	static u32 none;

	if (!*list)
		*list = calloc(count, sizeof(**list));
	if (*list)
		return &(*list)[at];
	p->failed = -ENOMEM;
	return &none;
}

/* "sys_read": as readers name those that the kernel's own events tell of */
static u32 call_name(struct perfetto *p, const struct call *call)
{
	u32 *iid = remembered(p, &p->call_names, CALLS_MAX,
			      call->futex ? SYSCALL_NONE : call->syscall);
	char room[32], text[64] = "sys_futex";

	if (!*iid) {
		if (!call->futex)
			snprintf(text, sizeof(text), "sys_%s",
				 trace_syscall_name(p->export.info, call->syscall, room));
		*iid = names_of_text(&p->names, INTERNED_EVENTS, text);
	}
	return *iid;
}

static u32 call_text(struct perfetto *p, u16 syscall)
{
	u32 *iid = remembered(p, &p->call_texts, CALLS_MAX, syscall);
	char room[32];

	if (!*iid)
		*iid = names_of_text(&p->names, INTERNED_TEXTS,
				     trace_syscall_name(p->export.info, syscall, room));
	return *iid;
}

/* 0: the number has no name */
static u32 error_text(struct perfetto *p, u32 number)
{
	u32 *iid = remembered(p, &p->error_texts, ERRNO_MAX + 1, number);
	const char *name = *iid ? NULL : strerrorname_np((int)number);

	if (name)
		*iid = names_of_text(&p->names, INTERNED_TEXTS, name);
	return *iid;
}

static u32 wait_name(struct perfetto *p, u8 kind)
{
	u32 *iid = &p->wait_names[kind];

	if (!*iid)
		*iid = names_of_text(&p->names, INTERNED_EVENTS, wait_kind_name(kind));
	return *iid;
}

/* Calls */

static void note_result(struct perfetto *p, const struct call *call)
{
	u32 error = 0;

	if (call->result < 0 && call->result >= -ERRNO_MAX)
		error = error_text(p, (u32)-call->result);
	perfetto_note_number(p, KNOWN_RET, call->result);
	if (error)
		perfetto_note_interned(p, KNOWN_ERROR, error);
}

static void note_call(struct perfetto *p, const struct call *call)
{
	if (call->futex) {
		perfetto_note_interned(
			p, KNOWN_OP,
			names_of_text(&p->names, INTERNED_TEXTS, futex_op_name(call->futex_op)));
		perfetto_note_pointer(p, KNOWN_UADDR, call->address);
		perfetto_note_number(p, KNOWN_VAL, call->value);
		if (call->address2)
			perfetto_note_pointer(p, KNOWN_UADDR2, call->address2);
	}
	if (call->args)
		perfetto_note_list(p, KNOWN_ARGS, call->args, 6);
	note_result(p, call);
	if (call->blocked_ns)
		perfetto_note_number(p, KNOWN_BLOCKED_NS, (s64)call->blocked_ns);
	if (call->unentered)
		perfetto_note_flag(p, perfetto_annotation(p, "entered_before_the_recording"));
}

int perfetto_call(void *ctx, const struct call *call)
{
	struct perfetto *p = ctx;
	struct perfetto_thread *x = perfetto_thread(p, call->thread);
	u64 begin_ns = call->begin_ns, track;
	struct buffer *to;
	u32 name;

	if (!x)
		return p->failed;
	/* Slices of one track never overlap. */
	begin_ns = max(begin_ns, x->call_ns);
	begin_ns = min(begin_ns, call->end_ns);
	x->call_ns = call->end_ns;
	track = perfetto_track(p, call->thread, TRACK_CALLS);
	name = call_name(p, call);
	to = perfetto_event(p, begin_ns, TYPE_SLICE_BEGIN, track);
	proto_number(to, TRACK_EVENT_NAME_IID, name);
	proto_number(to, TRACK_EVENT_CATEGORY_IIDS, CATEGORY_SYSCALL);
	note_call(p, call);
	perfetto_event_end(p);
	perfetto_event(p, call->end_ns, TYPE_SLICE_END, track);
	perfetto_event_end(p);
	return p->failed;
}

/* Waits */

/* What is waited for, as in reports; 0: nothing known */
static u32 what_text_of(struct perfetto *p, const struct interval *interval)
{
	const struct what *what;
	const char *text, *module;
	char name[FUTEX_NAME_MAX], room[WHAT_TEXT_MAX];
	u32 number = 0, before = p->what_room;
	u32 *texts;

	if (whats_put(&p->whats, &number, p->export.timeline, interval->thread, &interval->wait) <
	    0)
		p->failed = -ENOMEM;
	what = number ? whats_get(&p->whats, number) : NULL;
	if (!what)
		return 0;
	if (number > before) {
		u32 more = before ? 2 * before : 64;

		more = max(more, number);

		texts = realloc(p->what_texts, more * sizeof(*texts));
		if (!texts) {
			p->failed = -ENOMEM;
			return 0;
		}
		memset(texts + before, 0, (more - before) * sizeof(*texts));
		p->what_texts = texts;
		p->what_room = more;
	}
	if (p->what_texts[number - 1])
		return p->what_texts[number - 1];
	text = what_text(room, what);
	if (what->futex && interval->thread->process->pid &&
	    futexes_name(name, &module, &p->export.frames, interval->thread->process->pid,
			 what->futex, interval->begin_ns))
		text = name;
	p->what_texts[number - 1] = names_of_text(&p->names, INTERNED_TEXTS, text);
	return p->what_texts[number - 1];
}

static void put_slice(struct perfetto *p, const struct interval *interval, u32 name, u32 stack)
{
	u64 track = perfetto_track(p, interval->thread, TRACK_WAITS);
	const struct wait *wait = &interval->wait;
	bool waits = interval->state == STATE_BLOCKED;
	u32 object = waits ? what_text_of(p, interval) : 0;
	struct buffer *to;

	to = perfetto_event(p, interval->begin_ns, TYPE_SLICE_BEGIN, track);
	proto_number(to, TRACK_EVENT_NAME_IID, name);
	proto_number(to, TRACK_EVENT_CATEGORY_IIDS, waits ? CATEGORY_WAIT : CATEGORY_LOSS);
	if (stack)
		proto_number(to, TRACK_EVENT_CALLSTACK_IID, stack);
	if (object)
		perfetto_note_interned(p, KNOWN_OBJECT, object);
	if (waits && wait->syscall != SYSCALL_NONE)
		perfetto_note_interned(p, KNOWN_SYSCALL, call_text(p, wait->syscall));
	if (waits && interval->flags & INTERVAL_CUT_END)
		perfetto_note_flag(p, KNOWN_UNFINISHED);
	perfetto_event_end(p);
	perfetto_event(p, interval->end_ns, TYPE_SLICE_END, track);
	perfetto_event_end(p);
}

/* The stack of a wait once more, with its time as weight, for flame graphs of that */
static void put_wait_sample(struct perfetto *p, const struct interval *interval, u32 stack)
{
	struct buffer *to =
		packet_at(&p->packets, interval->begin_ns, SEQUENCE_MAIN, SEQUENCE_NEEDED);
	size_t begin = proto_begin(to, PACKET_STACK_SAMPLE);
	size_t context = proto_begin(to, SAMPLE_TASK_CONTEXT);

	proto_number(to, CONTEXT_PID, perfetto_pid(interval->thread));
	proto_number(to, CONTEXT_TID, interval->thread->tid);
	proto_end(to, context);
	proto_number(to, SAMPLE_CALLSTACK_IID, stack);
	proto_number(to, SAMPLE_WEIGHT, interval->end_ns - interval->begin_ns);
	proto_end(to, begin);
	packet_end(&p->packets);
}

/* Readers take it for the wait that the thread is in at that time. */
static void put_reason(struct perfetto *p, const struct interval *interval)
{
	u32 function = perfetto_kernel_function(p, interval->where.kernel);
	struct buffer *to;
	size_t begin;

	if (!function || interval->end_ns - interval->begin_ns < 2)
		return;
	to = cpus_event(&p->cpus, interval->cpu, interval->begin_ns + 1, interval->thread->tid);
	if (!to)
		return;
	begin = proto_begin(to, FTRACE_BLOCKED_REASON);
	proto_number(to, REASON_PID, interval->thread->tid);
	proto_number(to, REASON_CALLER, function);
	proto_number(to, REASON_IO_WAIT,
		     interval->wait.kind == WAIT_DISK && interval->wait.leave == LEAVE_DISK);
	proto_end(to, begin);
	cpus_event_end(&p->cpus, interval->cpu);
}

int perfetto_interval(void *ctx, const struct interval *interval)
{
	struct perfetto *p = ctx;
	u32 stack;

	if (interval->state == STATE_UNKNOWN) {
		put_slice(p, interval,
			  names_of_text(&p->names, INTERNED_EVENTS, "events were lost"), 0);
		return p->failed;
	}
	if (interval->state != STATE_BLOCKED)
		return p->failed;
	stack = perfetto_stack(p, interval->where.user, interval->where.kernel);
	if (interval->where.kernel)
		put_reason(p, interval);
	if (p->every_wait || stack)
		put_slice(p, interval, wait_name(p, interval->wait.kind), stack);
	if (stack)
		put_wait_sample(p, interval, stack);
	return p->failed;
}

/* Samples */

static u64 *sample_count(struct perfetto *p, u16 cpu)
{
	u32 room = max(p->sample_room, 64u);
	u64 *counts;

	if (cpu < p->sample_room)
		return &p->sample_counts[cpu];
	while (room <= cpu)
		room *= 2;
	counts = realloc(p->sample_counts, room * sizeof(*counts));
	if (!counts)
		return NULL;
	memset(counts + p->sample_room, 0, (room - p->sample_room) * sizeof(*counts));
	p->sample_counts = counts;
	p->sample_room = room;
	return &counts[cpu];
}

int perfetto_sample(void *ctx, const struct sample *sample)
{
	struct perfetto *p = ctx;
	u64 period_ns = max(p->export.info->sample_period_ns, (u64)1);
	u32 stack =
		perfetto_stack(p, sample->user_stack, sample->kernel_stack) ?: perfetto_no_stack(p);
	u64 *count = sample_count(p, sample->cpu);
	struct buffer *to;
	size_t begin;

	if (!count || !perfetto_thread(p, sample->thread))
		return -ENOMEM;
	to = packet_at(&p->packets, sample->time_ns, SEQUENCE_MAIN, SEQUENCE_NEEDED);
	begin = proto_begin(to, PACKET_PERF_SAMPLE);
	proto_number(to, PERF_CPU, sample->cpu);
	proto_number(to, PERF_PID, perfetto_pid(sample->thread));
	proto_number(to, PERF_TID, sample->thread->tid);
	proto_number(to, PERF_CALLSTACK_IID, stack);
	proto_number(to, PERF_CPU_MODE, sample->kernel_stack ? MODE_KERNEL : MODE_USER);
	proto_number(to, PERF_TIMEBASE_COUNT, *count += period_ns);
	proto_end(to, begin);
	packet_end(&p->packets);
	return p->failed;
}
