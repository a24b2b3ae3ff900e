// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* perfetto_tree - names of processes and threads, for Perfetto */
#include <string.h>

#include "user/base/protobuf.h"
#include "user/export/perfetto.h"

enum tree_field { TREE_PROCESSES = 1, TREE_THREADS = 2 };
enum tree_process_field {
	TREE_PID = 1,
	TREE_CMDLINE = 3,
	TREE_KTHREAD = 8,
	TREE_CMDLINE_IS_COMM = 9,
};
enum tree_thread_field { TREE_TID = 1, TREE_NAME = 2, TREE_TGID = 3 };

#define TREE_BYTES (64 << 10) /* of a packet */

static void put_process(struct perfetto *p, struct buffer *to, const struct process *process,
			const struct thread *thread)
{
	const char *name = process_name(p->export.timeline, process);
	size_t begin = proto_begin(to, TREE_PROCESSES);

	/* Without a command line, readers leave it out. */
	proto_number(to, TREE_PID, process->pid);
	proto_item(to, TREE_CMDLINE, name, strlen(name));
	proto_bool(to, TREE_KTHREAD, thread->flags & THREAD_KERNEL);
	proto_bool(to, TREE_CMDLINE_IS_COMM, true);
	proto_end(to, begin);
}

static void put_thread(struct perfetto *p, struct buffer *to, u32 tid, const struct thread *thread)
{
	size_t begin = proto_begin(to, TREE_THREADS);

	proto_number(to, TREE_TID, tid);
	proto_text(to, TREE_NAME, thread_name(p->export.timeline, thread));
	proto_number(to, TREE_TGID, thread->process->pid);
	proto_end(to, begin);
}

static void put_exec_name(struct perfetto *p, const struct perfetto_thread *x,
			  const struct thread *thread)
{
	struct buffer *to;
	size_t begin;

	if (!x->exec_ns)
		return;
	to = packet_at(&p->packets, x->exec_ns + 1, SEQUENCE_MAIN, 0);
	begin = proto_begin(to, PACKET_PROCESS_TREE);
	put_thread(p, to, x->tid, thread);
	proto_end(to, begin);
	packet_end(&p->packets);
}

/* Threads that readers know from one time on come in one packet. A name is the last one. */
void perfetto_put_names(struct perfetto *p)
{
	const struct thread_table *threads = timeline_threads(p->export.timeline);
	u32 count = min(threads->count, p->thread_room);

	for (u32 i = 0; i < count && !p->failed;) {
		u64 born_ns = p->threads[i].born_ns;
		struct buffer *to;
		size_t begin;

		if (!p->threads[i].named && ++i)
			continue;
		to = packet_at(&p->packets, born_ns, SEQUENCE_MAIN, 0);
		begin = proto_begin(to, PACKET_PROCESS_TREE);

		for (; i < count && (!p->threads[i].named || p->threads[i].born_ns == born_ns) &&
		       to->size - begin < TREE_BYTES;
		     i++) {
			const struct thread *thread = threads->threads[i];
			u64 *known;

			if (!p->threads[i].named || !thread->process->pid)
				continue;
			perfetto_knows(p, thread->process, born_ns);
			if (p->failed)
				break;
			known = &p->processes[thread->process->id - 1];
			if (!(*known & PROCESS_NAMED))
				put_process(p, to, thread->process, thread);
			*known |= PROCESS_NAMED;
			put_thread(p, to, p->threads[i].old_tid ?: p->threads[i].tid, thread);
		}
		proto_end(to, begin);
		packet_end(&p->packets);
	}
	for (u32 i = 0; i < count; i++)
		put_exec_name(p, &p->threads[i], threads->threads[i]);
}
