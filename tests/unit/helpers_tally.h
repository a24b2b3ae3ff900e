/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* helpers_tally - stories with stacks, added up by stack */
#ifndef TRACER_TESTS_HELPERS_TALLY_H
#define TRACER_TESTS_HELPERS_TALLY_H

#include "user/export/tally.h"

#include "tests/unit/helpers_model.h"

#define US NSEC_PER_USEC
#define MS NSEC_PER_MSEC

/* Process MAIN ("main") with its thread WORKER ("worker"); waits of 100 us have stacks */
struct story {
	struct scene *scene;
	struct tally tally;
	struct sink sink; /* of the profile, to be fed by hand */
	u64 lock;         /* address of the futex that is waited for */
};

void begins(struct story *story, const char *kind);
void story_ends(struct story *story);
void happens(struct story *story, struct trace_event event);

void has_stack(struct story *story, u32 id, u32 tgid, u8 end, const u64 *frames, u32 count);
void has_name(struct story *story, u32 tgid, u64 address, const char *name);
/* A wait that MAIN ends; @user, @kernel: ids of stacks */
void waits(struct story *story, u32 tid, u64 ns, enum wait_kind kind, u32 user, u32 kernel);

#endif
