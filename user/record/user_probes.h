/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* user_probes - the probes that a user named, attached wherever their files turn up */
#ifndef TRACER_RECORD_USER_PROBES_H
#define TRACER_RECORD_USER_PROBES_H

#include "user/record/probe_words.h"
#include "user/record/probes.h"
#include "user/record/ring.h"
#include "user/symbols/elf.h"
#include "user/symbols/usdt.h"

struct user_probes;

/* A file that the target has mapped or that a probe names */
struct probe_file {
	int fd;
	const char *path;	/* as the target names it */
	u64 device;		/* as struct trace_mapping has it */
	u64 inode;
	const struct elf_file *elf;
	const struct usdt_list *usdt;
};

/* @words: not owned, stay. Return: 0 or -ENOMEM with @err filled. */
int user_probes_new(struct user_probes **out, struct probes *probes,
		    const struct probe_list *words, struct err *err);

/* Takes all probes back. Accepts NULL. */
void user_probes_free(struct user_probes *user);
DEFINE_CLEANUP(struct user_probes *, user_probes_free)

/* Whether a probe is wanted in this file. */
bool user_probes_want(const struct user_probes *user, const char *path, u64 device, u64 inode);

/**
 * user_probes_attach() - all probes that are wanted in a file
 *
 * Return: 0; -ENOENT (there is no such function or probe in it), -ENOTSUP (a return probe on
 * Go code), -E2BIG, ... with @err filled.
 */
int user_probes_attach(struct user_probes *user, const struct probe_file *file, struct err *err);

/**
 * user_probes_tell() - what a hit announces, as one to three events
 * @event: with a number in annotation.probe, and its arguments as text
 */
int user_probes_tell(struct user_probes *user, const struct trace_event *event, ring_sink sink,
		     void *ctx);

/* Whether the kernel has to let the program execute what stands at the probe of a hit. */
bool user_probes_stepped(const struct user_probes *user, const struct trace_event *event);

/*
 * The file of the first probe that none had, as it was named; "": of those in a file of probes not
 * one was found; NULL: all are attached.
 */
const char *user_probes_unmatched(const struct user_probes *user);

/* The path of the @number-th file that probes name with a "/"; NULL: no more. */
const char *user_probes_path(const struct user_probes *user, size_t number);

#endif
