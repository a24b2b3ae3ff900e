/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * trigger - what a user types to say when a snapshot is to be taken
 *
 *	signal				SIGUSR1; always there
 *	snapshot[:REASON]		the program asks for it: tracer_snapshot()
 *	task:NAME>TIME			a task lasts longer; also while it is still running
 *	region:NAME>TIME		a region of a thread
 *	syscall:NAME>TIME		a system call
 *	wait:KIND>TIME			a thread is blocked: sync, network, disk, ...; any
 *	sched-wait>TIME			it could run, and has no CPU
 *	log:CATEGORY[~TEXT]		a log of the category that contains the text
 *	probe:PATH:FUNCTION		it is called; or PATH:PROVIDER:PROBE
 *	crash				a fatal signal ends a process
 *	exit				the target ends, or the recorder is asked to
 *	losses>SHARE%			of the events of a second
 *	psi:RESOURCE>SHARE%		pressure on cpu, memory or io, in the last ten seconds
 *	every:TIME			again and again
 *	sample:SHARE%[:NAME]		of the tasks of this name, when they end
 *
 * In NAME, REASON and CATEGORY * and ? stand for others. TIME is 200ms, 30s, 1m; SHARE may have a fraction.
 */
#ifndef TRACER_RECORD_TRIGGER_H
#define TRACER_RECORD_TRIGGER_H

#include "user/base/err.h"
#include "user/base/util.h"

#define TRIGGER_TEXT_MAX 256
#define TRIGGERS_MAX	 64

enum trigger_kind {
	TRIGGER_SIGNAL,
	TRIGGER_SNAPSHOT,
	TRIGGER_TASK,
	TRIGGER_REGION,
	TRIGGER_SYSCALL,
	TRIGGER_WAIT,
	TRIGGER_SCHED_WAIT,
	TRIGGER_LOG,
	TRIGGER_PROBE,
	TRIGGER_CRASH,
	TRIGGER_EXIT,
	TRIGGER_LOSSES,
	TRIGGER_PSI,
	TRIGGER_EVERY,
	TRIGGER_SAMPLE,
	TRIGGER_KIND_COUNT,
};

#define TRIGGER_ANY_WAIT 255

struct trigger {
	enum trigger_kind kind;
	u8 wait_kind;			/* enum wait_kind; TRIGGER_ANY_WAIT */
	u64 time_ns;			/* of a duration: more than this; of every: so often */
	double share;			/* 0 to 1 */
	char text[TRIGGER_TEXT_MAX];	/* as it was typed */
	char name[TRIGGER_TEXT_MAX];	/* a pattern; "*" when none was typed. Of a probe: its words */
	char contains[TRIGGER_TEXT_MAX]; /* of a log; "": any. Of a probe: its label */
};

/**
 * trigger_parse() - one of --on
 * @to: filled
 *
 * Return: 0, or -EINVAL with @err filled, which points at the place.
 */
int trigger_parse(struct trigger *to, const char *text, struct err *err);

/*
 * A probe: what --log has to be told, so that it is recorded under a label that the trigger knows;
 * @number: of the trigger. Return: 0, or -EINVAL with @err filled.
 */
int trigger_label(struct trigger *trigger, unsigned int number, char words[2 * TRIGGER_TEXT_MAX],
		  struct err *err);

/* Whether @name is what the trigger's pattern means. */
bool trigger_matches(const struct trigger *trigger, const char *name);

/* Whether it is about something that lasts. */
bool trigger_lasts(const struct trigger *trigger);

#endif
