// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* dump_text - one event as a line that a person reads */
#include <inttypes.h>
#include <string.h>

#include "user/base/text.h"
#include "user/cli/dump.h"

/* "4711 (redis-server)", "4711", "idle" */
static void put_thread(const struct dump *d, const char *before, u32 tid)
{
	const struct dump_thread *th = dump_thread(d, tid);

	if (!tid)
		fprintf(d->out, "%sidle", before);
	else if (th && th->comm[0])
		fprintf(d->out, "%s%u (%s)", before, tid, th->comm);
	else
		fprintf(d->out, "%s%u", before, tid);
}

static void put_printable(const struct dump *d, const char *before, const char *text)
{
	char safe[512];

	text_printable(safe, sizeof(safe), text);
	fprintf(d->out, "%s%s", before, safe);
}

static const char *call_name(const struct dump *d, u16 syscall, char room[32])
{
	return trace_syscall_name(d->info, syscall, room);
}

/* What a thread is blocked in: the same for a switch and for a thread that was there before */
static void put_wait(const struct dump *d, u8 state, u8 wait_kind, u16 syscall, u32 object,
		     u64 address, u32 futex_op)
{
	char room[32], text[OBJECT_TEXT_MAX];

	fprintf(d->out, " %s", leave_state_name(state));
	if (state != LEAVE_SLEEPING && state != LEAVE_DISK)
		return;
	fprintf(d->out, " %s", wait_kind_name(wait_kind));
	if (syscall != SYSCALL_NONE)
		fprintf(d->out, " in %s", call_name(d, syscall, room));
	if (address) {
		fprintf(d->out, " %s 0x%" PRIx64 " value %u", futex_op_name(futex_op), address,
			object);
	} else if (object) {
		dump_object_text(d, object, text);
		fprintf(d->out, " on %s", text);
	}
}

static void put_switch(const struct dump *d, const struct event_switch *sw)
{
	if (sw->prev_tid)
		put_wait(d, sw->prev_state, sw->wait_kind, sw->syscall, sw->object, sw->address,
			 sw->futex_op);
	else
		fprintf(d->out, " from idle");
	put_thread(d, " -> ", sw->next_tid);
}

static void put_waking(const struct dump *d, const struct event_waking *w)
{
	if (!w->waker)
		return;
	if (WAKER_CONTEXT(w->waker) == WAKER_THREAD)
		put_thread(d, " by ", WAKER_TID(w->waker));
	else
		fprintf(d->out, " by %s", waker_context_name(WAKER_CONTEXT(w->waker)));
	if (WAKER_CONTEXT(w->waker) != WAKER_THREAD)
		put_thread(d, " on top of ", WAKER_TID(w->waker));
}

/* How a call ended: value or errno, how long it took, whether it blocked */
static void put_result(const struct dump *d, s64 result, u64 duration_ns, bool blocked,
		       bool unentered)
{
	char duration[TEXT_MAX];

	if (result < 0 && result >= -4095)
		fprintf(d->out, " = -%s",
			strerrorname_np((int)-result) ? strerrorname_np((int)-result) : "?");
	else
		fprintf(d->out, " = %" PRId64, result);
	fprintf(d->out, ", %s%s",
		unentered ? "began before the recording" : text_duration(duration, duration_ns),
		blocked ? ", blocked" : "");
}

static void put_syscall(const struct dump *d, const struct trace_syscall *call)
{
	char room[32];

	fprintf(d->out, " %s", call_name(d, call->syscall, room));
	for (unsigned int i = 0; call->args && i < 6; i++)
		fprintf(d->out, "%s0x%" PRIx64, i ? ", " : "(", call->args[i]);
	if (call->args)
		fprintf(d->out, ")");
	put_result(d, call->result, call->duration_ns, call->flags & SYSCALL_BLOCKED,
		   call->flags & SYSCALL_UNENTERED);
}

static void put_futex(const struct dump *d, const struct trace_futex *call)
{
	fprintf(d->out, " %s", futex_op_name(call->op));
	if (call->address)
		fprintf(d->out, " 0x%" PRIx64, call->address);
	fprintf(d->out, " value %u", call->value);
	if (call->address2)
		fprintf(d->out, " second 0x%" PRIx64, call->address2);
	put_result(d, call->result, call->duration_ns, call->flags & FUTEX_BLOCKED,
		   call->flags & FUTEX_UNENTERED);
}

static void put_mapping(const struct dump *d, const struct trace_mapping *m)
{
	fprintf(d->out, " 0x%" PRIx64 "..0x%" PRIx64 " offset 0x%" PRIx64, m->address,
		m->address + m->bytes, m->offset);
	put_printable(d, " ", m->path);
	for (unsigned int i = 0; i < m->build_id_bytes; i++)
		fprintf(d->out, "%s%02x", i ? "" : " build id ", m->build_id[i]);
}

static void put_loss(const struct dump *d, const struct trace_loss *loss)
{
	char text[TEXT_MAX];

	if (loss->unreadable)
		fprintf(d->out, " a damaged stretch of the file: what happened is not known");
	for (unsigned int i = 0; i < CLASS_COUNT; i++)
		if (loss->counts[i])
			fprintf(d->out, " %" PRIu64 " %s", loss->counts[i], event_class_name(i));
	fprintf(d->out, " within %s", text_duration(text, loss->to_ns - loss->from_ns));
}

static void put_object(const struct dump *d, const struct event_object *object)
{
	char text[OBJECT_TEXT_MAX];

	dump_object_text(d, object->id, text);
	fprintf(d->out, " %u: %s", object->id, text);
}

static void put_exit(const struct dump *d, const struct event_exit *e)
{
	u32 code = e->exit_code;

	if (code & 0x7f)
		fprintf(d->out, " by signal %u%s", code & 0x7f, code & 0x80 ? ", core dumped" : "");
	else
		fprintf(d->out, " status %u", code >> 8 & 0xff);
	if (e->last)
		fprintf(d->out, ", last of process %u", e->tgid);
}

static void put_stack(const struct dump *d, const struct trace_stack *s)
{
	fprintf(d->out, " %u%s, to its %s%s:", s->id, s->tgid ? "" : " kernel",
		stack_end_name(s->end), s->flags & STACK_UNSURE ? ", unsure" : "");
	for (u32 i = 0; i < s->frames.count; i++)
		fprintf(d->out, " %" PRIx64, s->frames.list[i]);
}

static void put_where(const struct dump *d, u32 user_stack, u32 kernel_stack)
{
	if (user_stack)
		fprintf(d->out, " user stack %u", user_stack);
	if (kernel_stack)
		fprintf(d->out, " kernel stack %u", kernel_stack);
}

static void put_wait_stack(const struct dump *d, const struct event_wait_stack *w)
{
	fprintf(d->out, " at %s", stack_moment_name(w->moment));
	put_where(d, w->user_stack, w->kernel_stack);
	if (w->lock_word || w->lock_owner || w->lock_kind)
		fprintf(d->out, " futex word %#x owner %u kind %u users %u", w->lock_word,
			w->lock_owner, w->lock_kind, w->lock_users);
}

static void put_symbol(const struct dump *d, const struct trace_symbol *s)
{
	fprintf(d->out, " %" PRIx64, s->address);
	put_printable(d, " ", s->name);
	fprintf(d->out, "+%#" PRIx64, s->offset);
}

static void put_counter(const struct dump *d, const struct trace_annotation *a)
{
	double real;

	memcpy(&real, &a->value, sizeof(real));
	if (a->flags & ANNOTATION_REAL)
		fprintf(d->out, " = %g", real);
	else
		fprintf(d->out, " = %" PRId64, (s64)a->value);
}

static void put_task(const struct dump *d, const char *before, u64 task)
{
	if (task == TASK_EARLIER)
		fprintf(d->out, "%sbegun before the recording", before);
	else if (task)
		fprintf(d->out, "%s%" PRIx64, before, task);
}

static void put_annotation(const struct dump *d, const struct trace_event *e)
{
	const struct trace_annotation *a = &e->annotation;

	if (a->name[0])
		put_printable(d, " ", a->name);
	if (e->kind == EVENT_COUNTER)
		put_counter(d, a);
	if (a->text[0])
		put_printable(d, e->kind == EVENT_LOG ? ": " : " ", a->text);
	put_task(d, " task ", a->task);
	if (e->kind == EVENT_TASK_BEGIN)
		put_task(d, " of ", a->value);
	if (a->flags & (ANNOTATION_CUT_NAME | ANNOTATION_CUT_TEXT))
		fprintf(d->out, " (cut)");
	if (a->flags & (ANNOTATION_BAD_NAME | ANNOTATION_BAD_TEXT))
		fprintf(d->out, " (in memory that cannot be read)");
	if (a->flags & ANNOTATION_NOT_UTF8)
		fprintf(d->out, " (not UTF-8)");
	if (a->flags & ANNOTATION_PROBED)
		fprintf(d->out, " (by a probe)");
}

static void put_fields(const struct dump *d, const struct trace_event *e)
{
	switch (e->kind) {
	case EVENT_SWITCH: put_switch(d, &e->sw); break;
	case EVENT_WAKING:
	case EVENT_WAKEUP:
	case EVENT_WAKEUP_NEW: put_waking(d, &e->waking); break;
	case EVENT_THREAD:
		put_wait(d, e->thread->state, e->thread->wait_kind, e->thread->syscall,
			 e->thread->object, e->thread->address, e->thread->futex_op);
		break;
	case EVENT_FORK: put_thread(d, " of ", e->fork->parent_tid); break;
	case EVENT_EXEC:
		put_printable(d, " ", e->exec.path);
		if (e->exec.old_tid != e->exec.tid)
			fprintf(d->out, " by thread %u", e->exec.old_tid);
		break;
	case EVENT_EXIT: put_exit(d, &e->exit); break;
	case EVENT_SYSCALL: put_syscall(d, &e->syscall); break;
	case EVENT_FUTEX: put_futex(d, &e->futex); break;
	case EVENT_OBJECT: put_object(d, e->object); break;
	case EVENT_MAPPING: put_mapping(d, e->mapping); break;
	case EVENT_LOSS: put_loss(d, e->loss); break;
	case EVENT_STACK: put_stack(d, e->stack); break;
	case EVENT_WAIT_STACK: put_wait_stack(d, &e->wait_stack); break;
	case EVENT_SAMPLE: put_where(d, e->sample.user_stack, e->sample.kernel_stack); break;
	case EVENT_SYMBOL: put_symbol(d, e->symbol); break;
	case EVENT_TASK_BEGIN ... EVENT_SNAPSHOT: put_annotation(d, e); break;
	default: break;
	}
}

void dump_text(const struct dump *d, const struct trace_event *e)
{
	u32 tid = dump_subject(e);
	const struct dump_thread *th = dump_thread(d, tid);
	u64 ns = e->time_ns - d->begin_ns;
	char who[48] = "-";

	if (tid && th)
		snprintf(who, sizeof(who), "%u/%u", th->tgid, tid);
	else if (tid)
		snprintf(who, sizeof(who), "%u", tid);
	fprintf(d->out, "%4" PRIu64 ".%09" PRIu64 " [%03u] %-15s %-16s %-10s",
		(u64)(ns / NSEC_PER_SEC), (u64)(ns % NSEC_PER_SEC), e->cpu, who, th ? th->comm : "",
		event_kind_name(e->kind));
	put_fields(d, e);
	if (trace_event_is_restated(e))
		fprintf(d->out, " (said again)");
	fputc('\n', d->out);
}
