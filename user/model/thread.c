// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* thread - threads and processes as the model knows them */
#include "user/model/thread.h"

#include <errno.h>
#include <stdlib.h>

#include "user/model/grow.h"

struct thread *thread_find(const struct thread_table *table, u32 tid)
{
	const u64 *slot = map_get(&table->live, tid);

	return slot ? (struct thread *)(uintptr_t)*slot : NULL;
}

struct process *process_get(struct thread_table *table, u32 pid)
{
	u64 *slot = map_put(&table->live_processes, pid);
	struct process *process;

	if (!slot)
		return NULL;
	if (*slot)
		return (struct process *)(uintptr_t)*slot;
	if (!grow(&table->processes, table->process_count, &table->process_room,
		  sizeof(*table->processes)))
		return NULL;
	process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	table->processes[table->process_count++] = process;
	process->id = table->process_count;
	process->pid = pid;
	process->begin_ns = UINT64_MAX;
	*slot = (uintptr_t)process;
	return process;
}

void process_lives(struct process *process, u64 begin_ns)
{
	process->alive++;
	process->begin_ns = min(process->begin_ns, begin_ns);
}

struct process *process_of_pid(const struct thread_table *table, u32 pid)
{
	const u64 *slot = map_get(&table->live_processes, pid);

	return slot ? (struct process *)(uintptr_t)*slot : NULL;
}

void process_forget(struct thread_table *table, u32 pid)
{
	map_remove(&table->live_processes, pid);
}

struct thread *thread_add(struct thread_table *table, u32 tid, u32 pid)
{
	struct process *process = process_get(table, pid);
	struct thread *thread;
	u64 *slot;

	if (!process || !grow(&table->threads, table->count, &table->room, sizeof(*table->threads)))
		return NULL;
	slot = map_put(&table->live, tid);
	thread = slot ? calloc(1, sizeof(*thread)) : NULL;
	if (!thread)
		return NULL;
	table->threads[table->count++] = thread;
	thread->id = table->count;
	thread->tid = tid;
	thread->process = process;
	*slot = (uintptr_t)thread;
	return thread;
}

int thread_rename(struct thread_table *table, struct thread *thread, const char *comm)
{
	int r = names_put(&table->names, &thread->name, comm, EVENT_COMM_BYTES);

	if (r < 0)
		return r;
	if (thread->process->pid && (thread->tid == thread->process->pid || !thread->process->name))
		thread->process->name = thread->name;
	return 0;
}

void thread_forget(struct thread_table *table, struct thread *thread)
{
	if (thread_find(table, thread->tid) == thread)
		map_remove(&table->live, thread->tid);
}

int thread_move(struct thread_table *table, struct thread *thread, u32 tid)
{
	u64 *slot;

	thread_forget(table, thread);
	slot = map_put(&table->live, tid);
	if (!slot)
		return -ENOMEM;
	*slot = (uintptr_t)thread;
	thread->tid = tid;
	return 0;
}

void thread_table_free(struct thread_table *table)
{
	for (u32 i = 0; i < table->count; i++) {
		free(table->threads[i]->track);
		free(table->threads[i]);
	}
	for (u32 i = 0; i < table->process_count; i++)
		free(table->processes[i]);
	free(table->threads);
	free(table->processes);
	map_free(&table->live);
	map_free(&table->live_processes);
	names_free(&table->names);
	*table = (struct thread_table){ 0 };
}
