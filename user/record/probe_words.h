/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * probe_words - what a user types to name probes
 *
 *	[NAME=]PLACE[~PLACE]
 *	PLACE	PATH:FUNCTION[(ARGS)]		a function; * and ? match several
 *		PATH:PROVIDER:PROBE[(ARGS)]	a static probe (USDT); "usdt:" may stand before
 *	PATH	with a "/": that file; else the name of a file that the target has mapped:
 *		"libc.so.6", "libpython3*"
 *	ARGS	letters with commas between, one for each argument from the first on: s text,
 *		d and u 32-bit numbers, l a 64-bit number, x the same in hex, - leave it out
 *
 * The second place may leave out what is as in the first: PATH:PROVIDER:query__start~query__done.
 */
#ifndef TRACER_RECORD_PROBE_WORDS_H
#define TRACER_RECORD_PROBE_WORDS_H

#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/base/util.h"

#define PROBE_WORD_MAX 512

struct probe_place {
	char path[PROBE_WORD_MAX];
	char provider[PROBE_WORD_MAX];	/* "": a function */
	char name[PROBE_WORD_MAX];
	char args[16];			/* the letters; "": what is usual */
};

struct probe_words {
	u16 kind;			/* EVENT_TASK_BEGIN, EVENT_REGION_BEGIN, EVENT_LOG */
	bool optional;			/* of a set: need not be there */
	char label[PROBE_WORD_MAX];	/* "": named after the function or probe */
	struct probe_place begin;
	struct probe_place end;		/* name "": none */
};

/**
 * probe_words_parse() - one of --region, --task, --log
 * @to:     filled
 * @kind:   EVENT_TASK_BEGIN, EVENT_REGION_BEGIN, EVENT_LOG
 * @option: as errors call it: "--region"
 *
 * Return: 0 or -EINVAL with @err filled.
 */
int probe_words_parse(struct probe_words *to, u16 kind, const char *text, const char *option,
		      struct err *err);

struct probe_list {
	struct probe_words *words;
	size_t count;
};

/* Adds one. Return: 0, -ENOMEM, or as probe_words_parse(). */
int probe_list_add(struct probe_list *list, u16 kind, const char *text, const char *option,
		   struct err *err);

/**
 * probe_list_read() - a set of probes from a file
 * @name: a path; or the name of a set that was installed with tracer: "gc", "postgresql"
 *
 * Lines of "region WORDS", "task WORDS" or "log WORDS"; empty ones and those that begin with #
 * are left alone. Those that are not there are no error.
 *
 * Return: 0; -ENOENT, -EINVAL, ... with @err filled, which names the line.
 */
int probe_list_read(struct probe_list *list, const char *name, struct err *err);

void probe_list_free(struct probe_list *list);
static inline void probe_list_free_at_end(struct probe_list *list)
{
	probe_list_free(list);
}

#endif
