/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* notes - what was noted CPU by CPU, brought into the order of time */
#ifndef TRACER_RECORD_NOTES_H
#define TRACER_RECORD_NOTES_H

#include "user/base/buffer.h"

/* An event, as much of it as triggers need */
struct watch_note {
	u64 time_ns;
	u64 matches; /* triggers, as bits */
	u64 number;  /* of a task; the length of a call */
	u32 tid;
	u32 other; /* the next thread of a switch; the name of a task or region; a stack */
	u16 kind;  /* enum event_kind */
	u16 syscall;
	u8 state;
	u8 wait_kind;
	bool last;
};

struct notes {
	struct buffer list, spare; /* struct watch_note */
	struct buffer runs;	   /* u32: where each CPU's begin */
	u32 cpu;		   /* of the last one */
	u32 count;
};

/* One more, zeroed. Return: NULL: no memory. */
struct watch_note *notes_add(struct notes *notes, u32 cpu);

/* All of them in order of time; @notes->count tells how many. Return: NULL: no memory. */
const struct watch_note *notes_sort(struct notes *notes);

void notes_reset(struct notes *notes);
void notes_free(struct notes *notes);

#endif
