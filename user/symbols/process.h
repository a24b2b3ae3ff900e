/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* process - what a process has mapped */
#ifndef TRACER_SYMBOLS_PROCESS_H
#define TRACER_SYMBOLS_PROCESS_H

#include "user/symbols/file.h"
#include "user/symbols/perf_map.h"

#define PROCESS_MAPPINGS_MAX 16384	/* a JIT may have more; then the oldest are forgotten */

struct mapping {
	u64 address;
	u64 bytes;
	u64 offset;
	struct file *file;	/* not owned; NULL: in no file */
};

struct process {
	u32 pid;	/* 0: /proc does not know it */
	struct mapping *mappings;	/* a ring, once it is full */
	u32 count;
	u32 room;
	u32 next;	/* where the next one goes */
	struct perf_map *perf_map;
	bool no_perf_map;
};

struct process *process_new(u32 pid);
void process_free(struct process *process);
DEFINE_CLEANUP(struct process *, process_free)

/* Return: 0 or -ENOMEM. */
int process_add(struct process *process, const struct mapping *mapping);

/* The newest mapping that holds @address, or NULL. */
const struct mapping *process_find(const struct process *process, u64 address);

/* The @i-th newest mapping, from 0 to count - 1 */
const struct mapping *process_mapping(const struct process *process, u32 i);

struct file_place process_place(const struct process *process, const struct mapping *mapping);

/* What its JIT compiler told; looked for once. NULL: nothing that could be trusted. */
const struct perf_map *process_perf_map(struct process *process);

#endif
