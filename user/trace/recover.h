/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* recover - chunks that lie in a file in any order, into a trace */
#ifndef TRACER_TRACE_RECOVER_H
#define TRACER_TRACE_RECOVER_H

#include "user/base/err.h"
#include "user/base/util.h"

struct recovered {
	u64 chunks;
	u64 events;
	u64 from_ns, to_ns;
	u64 left_out; /* chunks that are good, but not next to the newest ones */
};

/**
 * trace_recover() - the newest chunks that follow one another without a gap, as a trace
 * @out:     filled on success
 * @from:    a file with a head, and behind it chunks in any order, with anything between them: a
 *           flight recorder's window, or a trace that was damaged
 * @to:      the trace
 * @replace: @to may exist
 *
 * Nothing in @from is trusted, and it is not changed.
 *
 * Return: 0; -EBADMSG when it is no such file; -ENODATA when no chunk is in it; what writing
 * returned, with @err filled.
 */
int trace_recover(struct recovered *out, const char *from, const char *to, bool replace,
		  struct err *err);

#endif
