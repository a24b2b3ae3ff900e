/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* toll - what probes cost the target: how often they are reached, at the price of this machine */
#ifndef TRACER_RECORD_TOLL_H
#define TRACER_RECORD_TOLL_H

#include <sys/types.h>

#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/base/util.h"

struct probes;
struct toll;

#define TOLL_PERCENT_WORTH_A_WORD 5

/* The dearest stretch of a recording so far */
struct toll_report {
	u32 percent;	/* of the CPU time of the processes that reach probes; 0: nothing to tell */
	u64 per_second;	/* hits */
	u64 hit_ns;	/* price of one */
	pid_t pid;	/* the process with most of them */
	size_t processes;
};

/* @probes: stays. Return: 0 or -ENOMEM with @err filled. */
int toll_new(struct toll **out, struct probes *probes, struct err *err);

/* Accepts NULL. */
void toll_free(struct toll *toll);
DEFINE_CLEANUP(struct toll *, toll_free)

/* A thread has reached a probe. @stepped: at an instruction that the kernel does not emulate */
void toll_hit(struct toll *toll, u32 tid, bool stepped);

/* As many hits more were lost: whose, is not known. */
void toll_lost(struct toll *toll, u64 hits);

/**
 * toll_look() - compares what probes took with the CPU time of those who reached them
 * @report: changed when it was more than ever before
 *
 * To be called some times a second. It judges stretches in which the processes have had some
 * CPU time. The price of a hit is measured when it is first needed, on this process; it is that
 * of a probe at an entry, without what reading texts takes: what is reported is rather too low.
 */
void toll_look(struct toll *toll, struct toll_report *report);

/* Whether the kernel has to let the program execute what stands at a probe, which is dear. */
bool toll_is_stepped(const u8 *instruction, size_t bytes);

#endif
