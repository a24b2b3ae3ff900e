/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* told - names of frames that were told once, to tell them again in each snapshot */
#ifndef TRACER_RECORD_TOLD_H
#define TRACER_RECORD_TOLD_H

#include "user/base/buffer.h"
#include "user/record/ring.h"

/*
 * At most TOLD_BYTES. When that is used up, the names of processes that have gone are forgotten;
 * what finds no room even so is told once, and a report looks for its name in the file that was
 * mapped.
 */
#define TOLD_BYTES (4u << 20)

struct told {
	struct buffer symbols;
	u64 refused;	/* for which there was no room */
	bool full;	/* nothing could be forgotten when it was tried last */
};

void told_learn(struct told *told, const struct trace_symbol *symbol);

/* Calls @sink with an EVENT_SYMBOL for each; its time is left to the sink. Return: 0, or what the
 * sink returned below 0. */
int told_again(const struct told *told, ring_sink sink, void *ctx);

void told_free(struct told *told);

#endif
