/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* probe_args - where the arguments of a probe lie */
#ifndef TRACER_RECORD_PROBE_ARGS_H
#define TRACER_RECORD_PROBE_ARGS_H

#include "bpf/annotate.h"
#include "user/base/util.h"

/**
 * probe_args_usdt() - the arguments of a static probe
 * @to:      filled; at most PROBE_ARGS_MAX of them
 * @text:    of its note: "8@%rdi -4@-20(%rbp) 4@$7"; not trusted
 * @letters: of struct probe_place; "": all, as texts where they look like such
 *
 * Return: how many arguments lie where they cannot be read, or are too many.
 */
unsigned int probe_args_usdt(struct probe_layout *to, const char *text, const char *letters);

/* The arguments of a function, in the registers that it is called with; "": none. */
void probe_args_function(struct probe_layout *to, const char *letters);

#endif
