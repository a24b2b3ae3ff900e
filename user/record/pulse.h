/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* pulse - triggers that no event meets: the clock, losses, and the pressure on the machine */
#ifndef TRACER_RECORD_PULSE_H
#define TRACER_RECORD_PULSE_H

#include "user/record/trigger.h"

struct pulse {
	u64 looked_ns;
	u64 events, lost;		/* when it looked */
	u64 next_ns[TRIGGERS_MAX];	/* of those that come again and again; 0: not begun */
	bool above[TRIGGERS_MAX];	/* of psi: it was when it looked; met once each time it rises */
};

/* What a trigger tells of how it was met */
typedef void (*pulse_met)(void *ctx, unsigned int trigger, const char *what);

/* @events, @lost: ever. Looks at most once a second, but for the clock. */
void pulse_look(struct pulse *pulse, const struct trigger *triggers, size_t count, u64 now_ns,
		u64 events, u64 lost, pulse_met met, void *ctx);

/* When to look next; UINT64_MAX: never. */
u64 pulse_due_ns(const struct pulse *pulse, const struct trigger *triggers, size_t count);

/**
 * pulse_pressure() - how much of the last ten seconds something waited for a resource
 * @share: set to 0 ... 1
 * @name:  "cpu", "memory", "io"
 *
 * Return: 0, or a negative errno with @err filled. Source: /proc/pressure.
 */
int pulse_pressure(double *share, const char *name, struct err *err);

#endif
