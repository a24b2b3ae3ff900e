// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* pulse - triggers that no event meets: the clock, losses, and the pressure on the machine */
#include "user/record/pulse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOOK_NS     NSEC_PER_SEC
#define LOSS_EVENTS 100 /* of fewer in a second a share says nothing */

int pulse_pressure(double *share, const char *name, struct err *err)
{
	char path[64];
	double some;
	FILE *file;
	int found;

	snprintf(path, sizeof(path), "/proc/pressure/%s", name);
	file = fopen(path, "re");
	if (!file) {
		fail(err, -errno, "cannot read '%s': %s", path, strerror(errno));
		return hint(err, "this kernel does not measure pressure; it may want psi=1");
	}
	found = fscanf(file, "some avg10=%lf", &some);
	fclose(file);
	if (found != 1)
		return fail(err, -EIO, "'%s' does not tell the pressure", path);
	*share = some / 100;
	return 0;
}

static void look_at_pressure(struct pulse *pulse, const struct trigger *t, unsigned int i,
			     pulse_met met, void *ctx)
{
	struct err unused = { 0 };
	char what[64];
	double share;
	bool above;

	if (pulse_pressure(&share, t->name, &unused))
		return;
	above = share > t->share;
	if (above && !pulse->above[i]) {
		snprintf(what, sizeof(what), "pressure on %.16s %.1f %%", t->name, share * 100);
		met(ctx, i, what);
	}
	pulse->above[i] = above;
}

static void look_at_losses(const struct pulse *pulse, const struct trigger *t, unsigned int i,
			   u64 events, u64 lost, pulse_met met, void *ctx)
{
	u64 more_lost = lost - pulse->lost, all = events - pulse->events + more_lost;
	char what[96];

	if (all < LOSS_EVENTS || (double)more_lost <= t->share * (double)all)
		return;
	snprintf(what, sizeof(what), "%" PRIu64 " of %" PRIu64 " events of a second were lost",
		 more_lost, all);
	met(ctx, i, what);
}

void pulse_look(struct pulse *pulse, const struct trigger *triggers, size_t count, u64 now_ns,
		u64 events, u64 lost, pulse_met met, void *ctx)
{
	bool look = now_ns >= pulse->looked_ns + LOOK_NS;

	for (unsigned int i = 0; i < count; i++) {
		const struct trigger *t = &triggers[i];

		if (t->kind == TRIGGER_PSI && look)
			look_at_pressure(pulse, t, i, met, ctx);
		if (t->kind == TRIGGER_LOSSES && look && pulse->looked_ns)
			look_at_losses(pulse, t, i, events, lost, met, ctx);
		if (t->kind != TRIGGER_EVERY || now_ns < pulse->next_ns[i])
			continue;
		if (pulse->next_ns[i])
			met(ctx, i, "");
		pulse->next_ns[i] = now_ns + t->time_ns;
	}
	if (!look)
		return;
	pulse->looked_ns = now_ns;
	pulse->events = events;
	pulse->lost = lost;
}

u64 pulse_due_ns(const struct pulse *pulse, const struct trigger *triggers, size_t count)
{
	u64 due_ns = UINT64_MAX;

	for (unsigned int i = 0; i < count; i++) {
		if (triggers[i].kind == TRIGGER_EVERY)
			due_ns = min(due_ns, pulse->next_ns[i]);
		if (triggers[i].kind == TRIGGER_PSI || triggers[i].kind == TRIGGER_LOSSES)
			due_ns = min(due_ns, pulse->looked_ns + LOOK_NS);
	}
	return due_ns;
}
