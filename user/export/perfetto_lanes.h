/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* perfetto_lanes - switches and wakings of one CPU as lists of numbers: Perfetto's CompactSched */
#ifndef TRACER_EXPORT_PERFETTO_LANES_H
#define TRACER_EXPORT_PERFETTO_LANES_H

#include "user/export/perfetto_cpus.h"

struct lanes {
	struct buffer switch_time, prev_state, next_tid, next_priority, next_name;
	struct buffer waking_time, woken_tid, target, woken_priority, woken_name, context;
	struct buffer table;  /* encoded names */
	struct buffer events; /* other events of the bundle, encoded */
	u32 names;            /* in the table */
	u32 *numbers;         /* by names_text() number: generation and number in the table */
	u32 room;
	u32 generation;
	u64 switch_ns; /* of the latest one */
	u64 waking_ns;
};

void lanes_switch(struct lanes *lanes, const struct cpus *cpus, u64 time_ns, u16 prev_state,
		  const struct cpu_run *next);
void lanes_waking(struct lanes *lanes, const struct cpus *cpus, const struct cpu_wake *wake);

/* A waking that names its waker. Readers do not learn from it what context that was. */
void lanes_long_waking(struct lanes *lanes, const struct cpus *cpus, const struct cpu_wake *wake);
/* From the idle thread, whoever was there before */
void lanes_long_switch(struct lanes *lanes, const struct cpus *cpus, u64 time_ns,
		       const struct cpu_run *next);

/* One event of lanes->events: begun, ended by lanes_event_end(). */
size_t lanes_event(struct lanes *lanes, const struct cpus *cpus, u64 time_ns, u32 tid);
void lanes_event_end(struct lanes *lanes, size_t begin);

/* Whether there is nothing in it. */
bool lanes_are_empty(const struct lanes *lanes);

/* Writes them as one bundle, if there is anything, and empties them. */
void lanes_put(struct lanes *lanes, struct cpus *cpus, u16 cpu, bool lost);
void lanes_free(struct lanes *lanes);

#endif
