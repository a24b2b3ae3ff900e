/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* request - what a client of the server asks for, from its path and query */
#ifndef TRACER_SERVE_REQUEST_H
#define TRACER_SERVE_REQUEST_H

#include "user/base/err.h"
#include "user/base/util.h"

enum request_kind {
	REQUEST_INDEX,	  /* what there is */
	REQUEST_RECORD,	  /* a trace, or what is made of one */
	REQUEST_SNAPSHOT, /* of the running recorder */
	REQUEST_STATUS,
	REQUEST_METRICS,
};

struct request {
	enum request_kind kind;
	const char *path;	/* as documented; of static storage */
	const char *profile;	/* for `tracer pprof`; NULL: none */
	const char *format;	/* for `tracer export`; NULL: none */
	u64 duration_ns;
	u32 pid;		/* 0: the server's target */
};

/* What was given behind the question mark; NULL: not given */
struct request_words {
	const char *seconds;
	const char *pid;
	const char *format;
};

/**
 * request_parse() - what the path and its words ask for
 *
 * Return: 0; -ENOENT when there is no such path, -EINVAL when a word is wrong, with @err filled.
 */
int request_parse(struct request *to, const char *path, const struct request_words *words,
		  u64 longest_ns, struct err *err);

/* The answer to REQUEST_INDEX: every path and what it is for */
extern const char request_index[];

#endif
