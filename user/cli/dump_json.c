// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* dump_json - one event as a line of NDJSON */
#include <inttypes.h>
#include <string.h>

#include "user/base/json.h"
#include "user/cli/dump.h"

static void put_thread(struct json *j, const struct dump *d, u32 tid)
{
	const struct dump_thread *th = dump_thread(d, tid);

	json_key_u64(j, "tid", tid);
	if (!th)
		return;
	json_key_u64(j, "pid", th->tgid);
	json_key_text(j, "name", th->comm);
}

static void put_object_id(struct json *j, const struct dump *d, u32 id)
{
	char text[OBJECT_TEXT_MAX];

	dump_object_text(d, id, text);
	json_key_u64(j, "object", id);
	json_key_text(j, "object_text", text);
}

static void put_syscall_name(struct json *j, const struct dump *d, u16 syscall)
{
	char room[32];

	if (syscall != SYSCALL_NONE)
		json_key_text(j, "syscall", trace_syscall_name(d->info, syscall, room));
}

static void put_address(struct json *j, const char *key, u64 address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	json_key_text(j, key, text);
}

static void put_wait(struct json *j, const struct dump *d, u8 state, u8 wait_kind, u16 syscall,
		     u32 object, u64 address, u32 futex_op)
{
	json_key_text(j, "state", leave_state_name(state));
	if (state != LEAVE_SLEEPING && state != LEAVE_DISK)
		return;
	json_key_text(j, "wait", wait_kind_name(wait_kind));
	put_syscall_name(j, d, syscall);
	if (address) {
		json_key_text(j, "futex", futex_op_name(futex_op));
		put_address(j, "address", address);
		json_key_u64(j, "value", object);
	} else if (object) {
		put_object_id(j, d, object);
	}
}

static void put_switch(struct json *j, const struct dump *d, const struct event_switch *sw)
{
	json_key_u64(j, "prev_tid", sw->prev_tid);
	json_key_u64(j, "next_tid", sw->next_tid);
	if (sw->prev_tid)
		put_wait(j, d, sw->prev_state, sw->wait_kind, sw->syscall, sw->object, sw->address,
			 sw->futex_op);
}

static void put_waking(struct json *j, const struct event_waking *w)
{
	json_key_u64(j, "waker_tid", WAKER_TID(w->waker));
	json_key_text(j, "waker_context", waker_context_name(WAKER_CONTEXT(w->waker)));
}

static void put_call(struct json *j, s64 result, u64 duration_ns, u16 flags)
{
	json_key_s64(j, "result", result);
	if (!(flags & SYSCALL_UNENTERED))
		json_key_u64(j, "duration_ns", duration_ns);
	json_key_bool(j, "blocked", flags & SYSCALL_BLOCKED);
}

static void put_syscall(struct json *j, const struct dump *d, const struct trace_syscall *call)
{
	put_syscall_name(j, d, call->syscall);
	json_key_u64(j, "number", call->syscall);
	put_call(j, call->result, call->duration_ns, call->flags);
	if (!call->args)
		return;
	json_key(j, "args");
	json_list(j);
	for (unsigned int i = 0; i < 6; i++)
		json_u64(j, call->args[i]);
	json_list_end(j);
}

static void put_futex(struct json *j, const struct trace_futex *call)
{
	json_key_text(j, "futex", futex_op_name(call->op));
	if (call->address)
		put_address(j, "address", call->address);
	if (call->address2)
		put_address(j, "address2", call->address2);
	json_key_u64(j, "value", call->value);
	put_call(j, call->result, call->duration_ns, call->flags);
}

static void put_known_thread(struct json *j, const struct dump *d, const struct event_thread *th)
{
	json_key_u64(j, "ns_tid", th->ns_tid);
	json_key_u64(j, "ns_pid", th->ns_tgid);
	json_key_u64(j, "parent_pid", th->parent_tgid);
	json_key_s64(j, "priority", th->priority);
	json_key_bool(j, "kernel", th->flags & THREAD_KERNEL);
	json_key_bool(j, "foreign", th->flags & THREAD_FOREIGN);
	put_wait(j, d, th->state, th->wait_kind, th->syscall, th->object, th->address,
		 th->futex_op);
}

static void put_exit(struct json *j, const struct event_exit *e)
{
	json_key_u64(j, "exit_status", e->exit_code >> 8 & 0xff);
	json_key_u64(j, "exit_signal", e->exit_code & 0x7f);
	json_key_bool(j, "last", e->last);
}

static void put_mapping(struct json *j, const struct trace_mapping *m)
{
	char build_id[2 * BUILD_ID_MAX + 1] = "";

	for (unsigned int i = 0; i < m->build_id_bytes; i++)
		snprintf(build_id + 2 * i, 3, "%02x", m->build_id[i]);
	put_address(j, "address", m->address);
	json_key_u64(j, "bytes", m->bytes);
	json_key_u64(j, "offset", m->offset);
	json_key_text(j, "path", m->path);
	json_key_text(j, "build_id", build_id);
}

static void put_loss(struct json *j, const struct dump *d, const struct trace_loss *loss)
{
	json_key_u64(j, "from_ns", loss->from_ns - d->begin_ns);
	json_key_u64(j, "to_ns", loss->to_ns - d->begin_ns);
	json_key_bool(j, "unreadable", loss->unreadable);
	json_key(j, "lost");
	json_object(j);
	for (unsigned int i = 0; i < CLASS_COUNT; i++)
		json_key_u64(j, event_class_name(i), loss->counts[i]);
	json_object_end(j);
}

static void put_stack(struct json *j, const struct trace_stack *s)
{
	json_key_u64(j, "stack", s->id);
	json_key_bool(j, "kernel", !s->tgid);
	json_key_text(j, "end", stack_end_name(s->end));
	json_key_bool(j, "unsure", s->flags & STACK_UNSURE);
	json_key(j, "frames");
	json_list(j);
	for (u32 i = 0; i < s->frames.count; i++) {
		char text[20];

		snprintf(text, sizeof(text), "0x%" PRIx64, s->frames.list[i]);
		json_text(j, text);
	}
	json_list_end(j);
}

static void put_where(struct json *j, u32 user_stack, u32 kernel_stack)
{
	json_key_u64(j, "user_stack", user_stack);
	json_key_u64(j, "kernel_stack", kernel_stack);
}

static void put_wait_stack(struct json *j, const struct dump *d, const struct event_wait_stack *w)
{
	json_key_text(j, "moment", stack_moment_name(w->moment));
	put_where(j, w->user_stack, w->kernel_stack);
	if (w->enter_ns)
		json_key_u64(j, "enter_ns", w->enter_ns - d->begin_ns);
	json_key_u64(j, "lock_word", w->lock_word);
	json_key_u64(j, "lock_owner", w->lock_owner);
	json_key_u64(j, "lock_kind", w->lock_kind);
	json_key_u64(j, "lock_users", w->lock_users);
}

static void put_symbol(struct json *j, const struct trace_symbol *s)
{
	put_address(j, "address", s->address);
	json_key_text(j, "function", s->name);
	json_key_u64(j, "offset", s->offset);
}

static void put_task(struct json *j, const char *key, u64 task)
{
	char text[20];

	/* Numbers that JSON readers would round */
	snprintf(text, sizeof(text), "%" PRIx64, task);
	json_key_text(j, key, text);
}

static void put_counter(struct json *j, const struct trace_annotation *a)
{
	double real;

	json_key_text(j, "counter", a->name);
	memcpy(&real, &a->value, sizeof(real));
	json_key(j, "value");
	if (a->flags & ANNOTATION_REAL)
		json_double(j, real);
	else
		json_s64(j, (s64)a->value);
}

static void put_annotation(struct json *j, const struct trace_event *e)
{
	const struct trace_annotation *a = &e->annotation;

	switch (e->kind) {
	case EVENT_TASK_BEGIN:
		json_key_text(j, "task_name", a->name);
		if (a->value)
			put_task(j, "parent", a->value);
		break;
	case EVENT_REGION_BEGIN:
	case EVENT_REGION_END: json_key_text(j, "region", a->name); break;
	case EVENT_LOG:
		json_key_text(j, "category", a->name);
		json_key_text(j, "text", a->text);
		break;
	case EVENT_COUNTER: put_counter(j, a); break;
	case EVENT_LINK: json_key_text(j, "traceparent", a->text); break;
	case EVENT_SNAPSHOT: json_key_text(j, "reason", a->text); break;
	default: break;
	}
	if (a->task)
		put_task(j, "task", a->task);
	json_key_bool(j, "cut", a->flags & (ANNOTATION_CUT_NAME | ANNOTATION_CUT_TEXT));
	json_key_bool(j, "unreadable", a->flags & (ANNOTATION_BAD_NAME | ANNOTATION_BAD_TEXT));
	json_key_bool(j, "not_utf8", a->flags & ANNOTATION_NOT_UTF8);
	json_key_bool(j, "probed", a->flags & ANNOTATION_PROBED);
}

static void put_fields(struct json *j, const struct dump *d, const struct trace_event *e)
{
	switch (e->kind) {
	case EVENT_SWITCH: put_switch(j, d, &e->sw); break;
	case EVENT_WAKING:
	case EVENT_WAKEUP:
	case EVENT_WAKEUP_NEW: put_waking(j, &e->waking); break;
	case EVENT_THREAD: put_known_thread(j, d, e->thread); break;
	case EVENT_FORK:
		json_key_u64(j, "parent_tid", e->fork->parent_tid);
		json_key_u64(j, "parent_pid", e->fork->parent_tgid);
		break;
	case EVENT_EXEC:
		json_key_u64(j, "old_tid", e->exec.old_tid);
		json_key_text(j, "path", e->exec.path);
		break;
	case EVENT_EXIT: put_exit(j, &e->exit); break;
	case EVENT_SYSCALL: put_syscall(j, d, &e->syscall); break;
	case EVENT_FUTEX: put_futex(j, &e->futex); break;
	case EVENT_OBJECT:
		put_object_id(j, d, e->object->id);
		json_key_text(j, "type", object_type_name(e->object->type));
		break;
	case EVENT_MAPPING: put_mapping(j, e->mapping); break;
	case EVENT_LOSS: put_loss(j, d, e->loss); break;
	case EVENT_STACK: put_stack(j, e->stack); break;
	case EVENT_WAIT_STACK: put_wait_stack(j, d, &e->wait_stack); break;
	case EVENT_SAMPLE: put_where(j, e->sample.user_stack, e->sample.kernel_stack); break;
	case EVENT_SYMBOL: put_symbol(j, e->symbol); break;
	case EVENT_TASK_BEGIN ... EVENT_SNAPSHOT: put_annotation(j, e); break;
	default: break;
	}
}

void dump_json(const struct dump *d, const struct trace_event *e)
{
	struct json j = { .out = d->out };
	u32 tid = dump_subject(e);

	json_object(&j);
	json_key_u64(&j, "time_ns", e->time_ns - d->begin_ns);
	json_key_u64(&j, "cpu", e->cpu);
	json_key_text(&j, "kind", event_kind_name(e->kind));
	if (tid)
		put_thread(&j, d, tid);
	put_fields(&j, d, e);
	if (trace_event_is_restated(e))
		json_key_bool(&j, "restated", true);
	json_object_end(&j);
	fputc('\n', d->out);
}
