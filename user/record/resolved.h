/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* resolved - what became of the stacks that were told while recording */
#ifndef TRACER_RECORD_RESOLVED_H
#define TRACER_RECORD_RESOLVED_H

#include "user/base/util.h"

struct resolved {
	u64 stacks;	/* that it was told of */
	u64 corrected;	/* of these, walked again */
	u64 symbols;	/* names told */
	u64 rules;	/* given to the programs */
	u64 refused;	/* stacks for which there was no room in its queue */
	u64 left;	/* stacks that it has not come to, when it was ended */
};

#endif
