// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* process - what a process has mapped */
#include "user/symbols/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct process *process_new(u32 pid)
{
	struct process *process = calloc(1, sizeof(*process));

	if (process)
		process->pid = pid;
	return process;
}

void process_free(struct process *process)
{
	if (!process)
		return;
	perf_map_free(process->perf_map);
	free(process->mappings);
	free(process);
}

int process_add(struct process *process, const struct mapping *mapping)
{
	const struct mapping *known = process_find(process, mapping->address);
	struct mapping *grown;
	u32 room;

	/* The beginning of a chunk tells again what is known. */
	if (known && !memcmp(known, mapping, sizeof(*known)))
		return 0;
	if (process->count == process->room && process->room < PROCESS_MAPPINGS_MAX) {
		room = process->room ? process->room * 2 : 16;
		grown = realloc(process->mappings, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		process->mappings = grown;
		process->room = room;
		process->next = process->count;
	}
	process->mappings[process->next] = *mapping;
	process->next = (process->next + 1) % process->room;
	if (process->count < process->room)
		process->count++;
	return 0;
}

const struct mapping *process_mapping(const struct process *process, u32 i)
{
	return &process->mappings[(process->next + process->room - 1 - i) % process->room];
}

const struct mapping *process_find(const struct process *process, u64 address)
{
	for (u32 i = 0; i < process->count; i++) {
		const struct mapping *mapping = process_mapping(process, i);

		if (address >= mapping->address && address - mapping->address < mapping->bytes)
			return mapping;
	}
	return NULL;
}

struct file_place process_place(const struct process *process, const struct mapping *mapping)
{
	return (struct file_place){
		.pid = process->pid,
		.address = mapping->address,
		.bytes = mapping->bytes,
	};
}

/* Its user, and its number in its own PID namespace. */
static bool read_status(u32 pid, uid_t *user, u32 *inner_pid)
{
	CLEANUP(fclose) FILE *file = NULL;
	char line[512];
	unsigned int effective;

	snprintf(line, sizeof(line), "/proc/%u/status", pid);
	file = fopen(line, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		char *last = strrchr(line, '\t');

		if (sscanf(line, "Uid: %*u %u", &effective) == 1)
			*user = effective;
		else if (!strncmp(line, "NSpid:", 6) && last)
			*inner_pid = (u32)strtoul(last, NULL, 10);
	}
	return true;
}

const struct perf_map *process_perf_map(struct process *process)
{
	u32 inner_pid = process->pid;
	char root[64], path[64];
	uid_t user = geteuid();

	if (process->perf_map || process->no_perf_map || !process->pid)
		return process->perf_map;
	/* Of a process that is gone nobody knows whose it was: then only root's file, or ours. */
	if (read_status(process->pid, &user, &inner_pid)) {
		snprintf(root, sizeof(root), "/proc/%u/root", process->pid);
		snprintf(path, sizeof(path), "/tmp/perf-%u.map", inner_pid);
		if (!perf_map_open(&process->perf_map, root, path, user))
			return process->perf_map;
	}
	snprintf(path, sizeof(path), "/tmp/perf-%u.map", process->pid);
	if (perf_map_open(&process->perf_map, "", path, user))
		process->no_perf_map = true;
	return process->perf_map;
}
