/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* annotate - finds what programs announce by themselves, and attaches to it */
#ifndef TRACER_RECORD_ANNOTATE_H
#define TRACER_RECORD_ANNOTATE_H

#include "user/record/probe_words.h"
#include "user/record/probes.h"
#include "user/record/ring.h"
#include "user/record/toll.h"
#include "user/trace/event.h"

struct annotate;

/**
 * annotate_new() - ready to find and attach
 * @probes: loaded; not owned
 * @words:  probes that the user named; stay; may be empty
 *
 * Files that probes name by their path are looked through at once.
 *
 * Return: 0; -ENOENT (no such file, function or probe), -ENOTSUP, ... with @err filled.
 */
int annotate_new(struct annotate **out, struct probes *probes, const struct probe_list *words,
		 struct err *err);

/* Takes all probes back. Accepts NULL. */
void annotate_free(struct annotate *annotate);
DEFINE_CLEANUP(struct annotate *, annotate_free)

/**
 * annotate_mapping() - a process of the target has mapped a file
 *
 * The first time that a file is seen it is looked through for the probes of
 * user/annotate/tracer.h, which are attached then: in all processes that use it, now and
 * later. Takes well under a millisecond for most files.
 */
void annotate_mapping(struct annotate *annotate, const struct trace_mapping *mapping);

/* The same for a command that is about to be run: a path, or a name that PATH leads to. */
void annotate_command(struct annotate *annotate, const char *name);

/* An annotation out of a ring: one hit of a probe. */
void annotate_hit(struct annotate *annotate, const struct trace_event *event);

/* What probes cost the target, as toll_look(). @lost: annotations, ever */
void annotate_toll(struct annotate *annotate, u64 lost, struct toll_report *report);

/* An event of the user's probes, as what it announces. */
int annotate_tell(struct annotate *annotate, const struct trace_event *event, ring_sink sink,
		  void *ctx);

/* As user_probes_unmatched(), of those that were found so far */
const char *annotate_unmatched(const struct annotate *annotate);

/* What could not be attached, the first time that happened; NULL: nothing. */
const struct err *annotate_trouble(const struct annotate *annotate);

#endif
