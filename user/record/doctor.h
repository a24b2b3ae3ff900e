/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* doctor - what this kernel and this user allow, what follows, and what to do about it */
#ifndef TRACER_RECORD_DOCTOR_H
#define TRACER_RECORD_DOCTOR_H

#include "user/base/err.h"
#include "user/base/util.h"

enum fact_state {
	FACT_OK,
	FACT_UNKNOWN,	/* it cannot be known without rights; nothing follows */
	FACT_WARNING,	/* recording works, but less, slower or dearer */
	FACT_PROBLEM,	/* recording does not work */
};

struct fact {
	const char *name;
	enum fact_state state;
	char found[160];
	char means[160];	/* what follows from it; may be empty */
	char advice[160];	/* what to do; may be empty */
};

#define DOCTOR_FACTS_MAX 32

struct doctor {
	struct fact facts[DOCTOR_FACTS_MAX];
	size_t count;
};

/**
 * doctor_examine() - look at everything that recording needs
 * @doctor: filled
 *
 * Reads /proc and /sys, and for the rest tries: loads a program that does nothing, attaches
 * it to sched_switch, makes the maps that a recording needs, and removes all of it. Needs no
 * rights (what it cannot know is FACT_UNKNOWN), never waits and leaves nothing behind.
 */
void doctor_examine(struct doctor *doctor);

/* Whether no fact is a problem. */
bool doctor_works(const struct doctor *doctor);

/* "ok", "unknown", "warning", "problem" */
const char *fact_state_name(enum fact_state state);

/**
 * doctor_explain() - why the kernel refused, in one line, and what to do about it
 * @err:  filled as by fail() and hint()
 * @code: negative errno of what was refused
 * @what: what was refused: "load the kernel programs"
 *
 * For whoever opens, loads or attaches BPF programs. Looks at the rights, the BTF, the
 * kernel's version, lockdown, seccomp and namespaces, and names the first that explains
 * @code; otherwise says @what failed with which error.
 *
 * Return: @code, or -ENOTSUP for -EINVAL, which would be taken for a wrong command line.
 */
int doctor_explain(struct err *err, int code, const char *what);

/* For doctor.c and its parts: add a fact, then what it means and what to do. */
struct fact *doctor_add(struct doctor *doctor, const char *name, enum fact_state state,
			const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void fact_means(struct fact *fact, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fact_advice(struct fact *fact, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Facts that are found by trying, in doctor_try.c */
void doctor_try(struct doctor *doctor);

#endif
