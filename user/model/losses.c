// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* losses - which events are missing */
#include "user/model/losses.h"

#include <errno.h>
#include <stdlib.h>

#include "user/model/grow.h"

static void join(struct losses_row *to, const struct losses_row *from)
{
	to->from_ns = min(to->from_ns, from->from_ns);
	to->to_ns = max(to->to_ns, from->to_ns);
	for (int class = 0; class < CLASS_COUNT; class ++)
		to->counts[class] += from->counts[class];
}

/* Each row takes in the next one of the same CPU, where there is one among the next 64. */
static void halve(struct losses *losses)
{
	u32 kept = 0;

	for (u32 i = 0; i < losses->count; i++) {
		struct losses_row *row = &losses->rows[i];

		if (row->cpu == CPU_UNKNOWN - 1)
			continue;
		for (u32 j = i + 1; j < min(losses->count, i + 64); j++) {
			struct losses_row *next = &losses->rows[j];

			if (next->cpu != row->cpu || next->unreadable != row->unreadable)
				continue;
			join(row, next);
			next->cpu = CPU_UNKNOWN - 1;
			break;
		}
		losses->rows[kept++] = *row;
	}
	losses->count = kept;
}

static int on_loss(void *ctx, const struct trace_loss *loss, u16 cpu)
{
	struct losses *losses = ctx;
	struct losses_row *row;

	if (losses->count >= LOSSES_MAX)
		halve(losses);
	if (!grow(&losses->rows, losses->count, &losses->room, sizeof(*losses->rows)))
		return -ENOMEM;
	row = &losses->rows[losses->count++];
	*row = (struct losses_row){
		.cpu = loss->unreadable ? CPU_UNKNOWN : cpu,
		.unreadable = loss->unreadable,
		.from_ns = loss->from_ns,
		.to_ns = max(loss->from_ns, loss->to_ns),
	};
	for (int class = 0; class < CLASS_COUNT; class ++) {
		row->counts[class] = loss->counts[class];
		losses->counts[class] += loss->counts[class];
		losses->events += loss->counts[class];
	}
	losses->unreadable += loss->unreadable;
	return 0;
}

struct sink losses_sink(struct losses *losses)
{
	return (struct sink){ .ctx = losses, .loss = on_loss };
}

void losses_free(struct losses *losses)
{
	free(losses->rows);
	*losses = (struct losses){ 0 };
}
