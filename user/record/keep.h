/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* keep - where a session's chunks go: a file, or the window of a flight recorder */
#ifndef TRACER_RECORD_KEEP_H
#define TRACER_RECORD_KEEP_H

#include "user/record/inside.h"

/* Opens it. @start: when the recording begins. Return: 0, or a negative errno with @err filled. */
int keep_open(struct session *session, const struct clock_stamp *start, struct err *err);

/* Bytes in the file, or in the window. */
u64 keep_bytes(const struct session *session);

/* The last chunk, the totals; closes it. Return: 0, or what went wrong with @err filled. */
int keep_finish(struct session *session, struct err *err);

/* Gives up what was not finished. */
void keep_abandon(struct session *session);

/* Why a recording ended that ended with the error @code. */
enum trace_end keep_end_of(int code);

#endif
