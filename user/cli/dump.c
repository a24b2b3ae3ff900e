// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* dump - every event of a trace as a line */
#include "user/cli/dump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/base/text.h"
#include "user/cli/command.h"

extern const struct command dump_command;

struct dump_options {
	bool json;
	bool restated;
	u64 from_ns;
	u64 to_ns;
	u64 tid;
	u64 pid;
};

const struct dump_thread *dump_thread(const struct dump *d, u32 tid)
{
	const u64 *value = map_get(&d->threads, tid);

	return value ? (const struct dump_thread *)(uintptr_t)*value : NULL;
}

u32 dump_subject(const struct trace_event *e)
{
	switch (e->kind) {
	case EVENT_SWITCH: return e->sw.prev_tid ? e->sw.prev_tid : e->sw.next_tid;
	case EVENT_WAKING:
	case EVENT_WAKEUP:
	case EVENT_WAKEUP_NEW: return e->waking.tid;
	case EVENT_THREAD: return e->thread->tid;
	case EVENT_FORK: return e->fork->tid;
	case EVENT_EXEC: return e->exec.tid;
	case EVENT_EXIT: return e->exit.tid;
	case EVENT_NAME: return e->name.tid;
	case EVENT_SYSCALL: return e->syscall.tid;
	case EVENT_FUTEX: return e->futex.tid;
	case EVENT_MAPPING: return e->mapping->tgid;
	case EVENT_WAIT_STACK: return e->wait_stack.tid;
	case EVENT_SAMPLE: return e->sample.tid;
	case EVENT_STACK: return e->stack->tgid;
	case EVENT_SYMBOL: return e->symbol->tgid;
	case EVENT_TASK_BEGIN ... EVENT_SNAPSHOT: return e->annotation.tid;
	default: return 0;
	}
}

/* The other one; 0: none. */
static u32 second_subject(const struct trace_event *e)
{
	switch (e->kind) {
	case EVENT_SWITCH: return e->sw.next_tid;
	case EVENT_WAKING:
	case EVENT_WAKEUP:
	case EVENT_WAKEUP_NEW: return WAKER_TID(e->waking.waker);
	case EVENT_FORK: return e->fork->parent_tid;
	case EVENT_EXEC: return e->exec.old_tid;
	default: return 0;
	}
}

/* Room for @tid or @id that stays; NULL when memory ran out. */
static void *remember(struct map *map, u64 key, size_t bytes)
{
	u64 *value = map_put(map, key);

	if (value && !*value)
		*value = (uintptr_t)calloc(1, bytes);
	return value ? (void *)(uintptr_t)*value : NULL;
}

static int name_thread(struct dump *d, u32 tid, u32 tgid, const char comm[EVENT_COMM_BYTES])
{
	struct dump_thread *th = remember(&d->threads, tid, sizeof(*th));
	char raw[EVENT_COMM_BYTES + 1] = "";

	if (!th)
		return -ENOMEM;
	th->tgid = tgid;
	memcpy(raw, comm, EVENT_COMM_BYTES);
	text_printable(th->comm, sizeof(th->comm), raw);
	return 0;
}

static int learn_exec(struct dump *d, const struct trace_exec *exec)
{
	const struct dump_thread *old = dump_thread(d, exec->old_tid);

	if (!old || exec->old_tid == exec->tid)
		return 0;
	return name_thread(d, exec->tid, old->tgid, old->comm);
}

static int learn(struct dump *d, const struct trace_event *e)
{
	struct event_object *object;

	switch (e->kind) {
	case EVENT_THREAD: return name_thread(d, e->thread->tid, e->thread->tgid, e->thread->comm);
	case EVENT_FORK: return name_thread(d, e->fork->tid, e->fork->tgid, e->fork->comm);
	case EVENT_NAME: return name_thread(d, e->name.tid, e->name.tgid, e->name.comm);
	case EVENT_EXEC: return learn_exec(d, &e->exec);
	case EVENT_OBJECT:
		object = remember(&d->objects, e->object->id, sizeof(*object));
		if (!object)
			return -ENOMEM;
		*object = *e->object;
		return 0;
	default: return 0;
	}
}

static void address_text(char *to, size_t room, const struct event_object *o, const u8 address[16],
			 u16 port)
{
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(o->family == AF_INET ? AF_INET : AF_INET6, address, text, sizeof(text));
	snprintf(to, room, o->family == AF_INET ? "%s:%u" : "[%s]:%u", text, port);
}

static void socket_text(const struct event_object *o, char to[OBJECT_TEXT_MAX])
{
	char local[64], remote[64];
	const char *protocol = o->protocol == IPPROTO_TCP   ? "tcp"
			       : o->protocol == IPPROTO_UDP ? "udp"
							    : "ip";

	if (o->family == AF_UNIX) {
		snprintf(to, OBJECT_TEXT_MAX, "unix socket %" PRIu64, (u64)o->inode);
		return;
	}
	if (o->family != AF_INET && o->family != AF_INET6) {
		snprintf(to, OBJECT_TEXT_MAX, "socket of family %u", o->family);
		return;
	}
	address_text(local, sizeof(local), o, o->local_address, o->local_port);
	address_text(remote, sizeof(remote), o, o->remote_address, o->remote_port);
	if (o->remote_port)
		snprintf(to, OBJECT_TEXT_MAX, "%s %s - %s", protocol, local, remote);
	else
		snprintf(to, OBJECT_TEXT_MAX, "%s %s", protocol, local);
}

void dump_object_text(const struct dump *d, u32 id, char to[OBJECT_TEXT_MAX])
{
	const u64 *value = map_get(&d->objects, id);
	const struct event_object *o = value ? (const void *)(uintptr_t)*value : NULL;

	if (!o)
		snprintf(to, OBJECT_TEXT_MAX, "object %u", id);
	else if (o->type == OBJECT_SOCKET)
		socket_text(o, to);
	else if (o->inode)
		snprintf(to, OBJECT_TEXT_MAX, "%s inode %" PRIu64 " on %u:%u",
			 object_type_name(o->type), (u64)o->inode, o->device >> 20,
			 o->device & 0xfffff);
	else
		snprintf(to, OBJECT_TEXT_MAX, "%s %u", object_type_name(o->type), id);
}

static bool is_of_process(const struct dump *d, u32 tid, u64 pid)
{
	const struct dump_thread *th = dump_thread(d, tid);

	return tid && (tid == pid || (th && th->tgid == pid));
}

static bool is_wanted(const struct dump *d, const struct dump_options *o,
		      const struct trace_event *e)
{
	u32 first = dump_subject(e), second = second_subject(e);

	if (trace_event_is_restated(e) && !o->restated)
		return false;
	if (e->time_ns - d->begin_ns < o->from_ns)
		return false;
	if (o->tid && first != o->tid && second != o->tid)
		return false;
	return !o->pid || is_of_process(d, first, o->pid) || is_of_process(d, second, o->pid);
}

static int print_all(struct dump *d, struct trace_reader *reader, const struct dump_options *o,
		     struct err *err)
{
	const struct trace_event *event;
	int r;

	while ((r = trace_reader_next(reader, &event, err)) == 1) {
		if (event->time_ns - d->begin_ns > o->to_ns)
			return 0;
		if (learn(d, event))
			return fail(err, -ENOMEM, "no memory for the names of the trace");
		if (!is_wanted(d, o, event))
			continue;
		if (o->json)
			dump_json(d, event);
		else
			dump_text(d, event);
		if (ferror(d->out))
			return errno == EPIPE ? 0 : fail(err, -EIO, "cannot write the events");
	}
	return r;
}

static void free_values(struct map *map)
{
	map_for_each(map, slot)
		free((void *)(uintptr_t)slot->value);
	map_free(map);
}

static int dump_run(void *options, char **args, int count, struct err *err)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	const struct dump_options *o = options;
	struct dump d = { .out = stdout };
	int r;

	if (count != 1) {
		fail(err, -EINVAL, "dump: %s", count ? "one file at a time" : "no file is named");
		return hint(err, "tracer dump FILE");
	}
	r = trace_reader_open(&reader, args[0], err);
	if (r < 0)
		return r;
	d.info = trace_reader_info(reader);
	d.begin_ns = trace_reader_begin_ns(reader);
	r = trace_reader_seek(reader, d.begin_ns + o->from_ns, err);
	if (!r)
		r = print_all(&d, reader, o, err);
	free_values(&d.threads);
	free_values(&d.objects);
	return r;
}

static void dump_defaults(void *options)
{
	((struct dump_options *)options)->to_ns = UINT64_MAX;
}

#define OFFSET(member) offsetof(struct dump_options, member)

static const struct option_spec dump_options[] = {
	{ "json", 0, OPTION_FLAG, OFFSET(json), NULL, "one JSON object per line (NDJSON)" },
	{ "from", 0, OPTION_TIME, OFFSET(from_ns), "TIME", "begin so long after the start [0]" },
	{ "to", 0, OPTION_TIME, OFFSET(to_ns), "TIME", "end so long after the start [end]" },
	{ "tid", 0, OPTION_NUMBER, OFFSET(tid), "TID", "only events of this thread" },
	{ "pid", 'p', OPTION_NUMBER, OFFSET(pid), "PID", "only events of this process" },
	{ "restated", 0, OPTION_FLAG, OFFSET(restated), NULL,
	  "also the threads and objects that each chunk tells of again" },
	{ 0 },
};

const struct command dump_command = {
	.name = "dump",
	.usage = "FILE [--json] [--from TIME] [--to TIME] [--tid TID] [--pid PID]",
	.summary = "every event of a trace as a line of text",
	.details = "Each line: seconds since the start, CPU, process/thread, name, kind, and what "
		   "the\n"
		   "event says. FILE may be - for standard input.\n\n"
		   "  tracer dump server.trace --from 1.5s --to 1.6s --tid 4711\n"
		   "  tracer dump server.trace --json | jq 'select(.kind == \"syscall\")'\n",
	.options = dump_options,
	.options_bytes = sizeof(struct dump_options),
	.defaults = dump_defaults,
	.run = dump_run,
};
