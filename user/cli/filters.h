/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* filters - the options that choose a part of a trace, the same for all commands that read one */
#ifndef TRACER_CLI_FILTERS_H
#define TRACER_CLI_FILTERS_H

#include "user/base/cleanup.h"
#include "user/cli/command.h"
#include "user/model/filter.h"

/* What was typed */
struct filter_options {
	struct text_list pids;
	struct text_list tids;
	struct text_list names;
	struct text_list tasks;
	u64 from_ns;
	u64 to_ns;
};

/* Rows of a command's table, whose options struct @s has a struct filter_options @member */
#define FILTER_OPTIONS(s, member)                                                                  \
	{ "pid", 'p', OPTION_LIST, offsetof(struct s, member.pids), "PID[,PID...]",                \
	  "only threads of these processes [all]" },                                               \
	{ "tid", 't', OPTION_LIST, offsetof(struct s, member.tids), "TID[,TID...]",                \
	  "only these threads [all]" },                                                            \
	{ "name", 'n', OPTION_LIST, offsetof(struct s, member.names), "NAME",                      \
	  "only threads with NAME in their name; * ? [ make it a pattern [all]" },                 \
	{ "task", 0, OPTION_LIST, offsetof(struct s, member.tasks), "ID|NAME",                      \
	  "only what was done for this task, or for those with NAME in their name [all]" },        \
	{ "from", 0, OPTION_TIME, offsetof(struct s, member.from_ns), "TIME",                      \
	  "only from TIME after the start on [0]" },                                               \
	{ "to", 0, OPTION_TIME, offsetof(struct s, member.to_ns), "TIME",                          \
	  "only until TIME after the start [the end]" }

/**
 * filters_parse() - what was typed as a filter of the model
 * @filter:  filled; its times are since the start of the recording; to be given to filters_free()
 *           in any case
 * @options: as long as the filter is used
 *
 * Return: 0, -EINVAL or -ENOMEM with @err filled.
 */
int filters_parse(struct filter *filter, const struct filter_options *options, struct err *err);
void filters_free(struct filter *filter);

#endif
