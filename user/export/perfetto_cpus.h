/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * perfetto_cpus - who ran on each CPU and who woke whom, as the events of Perfetto's scheduler
 *
 * A reader of that format has no intervals: it follows the switches of each CPU, and takes for the waker
 * whoever runs on the CPU that a waking is told of. So all stretches of a CPU become one chain of
 * switches, and a waking whose waker is not in that chain is told in another way.
 */
#ifndef TRACER_EXPORT_PERFETTO_CPUS_H
#define TRACER_EXPORT_PERFETTO_CPUS_H

#include "user/export/perfetto_packets.h"
#include "user/model/timeline.h"

/* The kernel's own states, as its tracepoint reports them */
enum raw_state {
	RAW_RUNNABLE = 0,
	RAW_SLEEPING = 0x1,
	RAW_DISK = 0x2,
	RAW_STOPPED = 0x4,
	RAW_DEAD = 0x10,
	RAW_PARKED = 0x40, /* also: what it does is not known */
	RAW_IDLE = 0x80,
	RAW_PREEMPTED = 0x100,
};

#define RUN_OPEN  1 /* it goes on behind the end */
#define RUN_FOUND 2 /* it began before the window */
#define RUN_MOMENT 4 /* a thread outside the export took the CPU: more is not known */

struct cpu_run {
	u64 begin_ns;
	u64 end_ns;
	u32 tid;
	u32 name; /* names_text() */
	s32 priority;
	u16 state; /* enum raw_state, how it ended */
	u8 flags;  /* RUN_* */
};

#define WAKE_SOFTIRQ 0x10 /* as the kernel marks them */
#define WAKE_HARDIRQ 0x08

enum wake_how {
	WAKE_NORMAL,
	WAKE_FOREIGN, /* the waker is not part of the export: when it ran is known only by this */
	WAKE_UNKNOWN, /* the same, unless it turns out to be the target's before this is written */
	WAKE_BEHIND,  /* its time is that of the switch-out that it ends: behind that one */
};

struct cpu_wake {
	u64 time_ns;
	u32 order;
	u32 tid;
	u32 name;
	s32 priority;
	u32 waker; /* tid; 0: the idle thread */
	u32 waker_name;
	s32 waker_priority;
	u16 target; /* where the thread ran last */
	u8 context; /* WAKE_SOFTIRQ, WAKE_HARDIRQ; 0: a thread */
	u8 how;     /* enum wake_how */
};

struct cpu;

struct cpus {
	struct packets *packets;
	const struct timeline *timeline;
	u64 begin_ns; /* of the window */
	u32 window;   /* stretches that are kept in case one comes late */
	struct cpu **list;
	u32 room;
	struct cpu_run *homeless; /* whose CPU is not known */
	u32 homeless_count;
	u32 homeless_room;
	struct lanes *lanes;
	u32 order;
	struct map foreign; /* tids of others that may have been told of */
	struct map ours; /* tids of threads of the target, all that there were */
	u16 spare;       /* the first CPU for stretches that overlap others of theirs; 0: none yet */
	u32 cpu_count;
	u64 overlapping; /* how many did */
	u64 clipped;     /* ... and were cut, since there was no room beside either */
	int failed;
};

/* @cpu_count: how many there are about. Return: 0 or -ENOMEM. */
int cpus_begin(struct cpus *cpus, struct packets *packets, const struct timeline *timeline,
	       u64 begin_ns, u32 cpu_count);

/* @cpu: may be CPU_UNKNOWN */
void cpus_run(struct cpus *cpus, u16 cpu, const struct cpu_run *run);
void cpus_wake(struct cpus *cpus, u16 cpu, const struct cpu_wake *wake);

/* One whose thread runs on @cpu at the same time: before that, and known by the waker's number. */
void cpus_wake_before(struct cpus *cpus, u16 cpu, const struct cpu_wake *wake);

/* Any other event: its message is appended to what is returned, until cpus_event_end(). NULL
 * without memory. */
struct buffer *cpus_event(struct cpus *cpus, u16 cpu, u64 time_ns, u32 tid);
void cpus_event_end(struct cpus *cpus, u16 cpu);

/* Events of the CPU were lost. */
void cpus_lost(struct cpus *cpus, u16 cpu);

/* Return: 0 or -ENOMEM. */
int cpus_finish(struct cpus *cpus);
void cpus_free(struct cpus *cpus);

#endif
