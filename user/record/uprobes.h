/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* uprobes - a program attached to places in a file, whoever runs it */
#ifndef TRACER_RECORD_UPROBES_H
#define TRACER_RECORD_UPROBES_H

#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/base/util.h"

struct bpf_program;

struct uprobe_site {
	u64 offset;	/* in the file */
	u64 counter;	/* offset of the semaphore that is raised meanwhile; 0: none */
	u64 cookie;	/* that the program gets */
};

/* What this kernel can do for programs of uprobes. Source: it is tried. */
struct uprobes_kernel {
	bool sleepable;	/* programs may wait for a page (6.0) */
	bool multi;	/* one link for many places (6.6) */
};

struct uprobes_kernel uprobes_kernel(void);

/* Before the program is loaded: how it will be attached. */
void uprobes_prepare(struct bpf_program *program, const struct uprobes_kernel *kernel);

struct uprobes;

/**
 * uprobes_attach() - run a program whenever one of many places is reached
 * @out:	set on success
 * @program:	prepared and loaded
 * @fd:		the file, open for reading; which name it has, if any, does not matter
 * @sites:	at least one
 * @on_return:	when the function that begins there returns, not when it begins
 *
 * All or nothing. Each process that has the file mapped, and all that will, get the probes;
 * none is stopped for it.
 *
 * Return: 0; -EINVAL (a place where no instruction begins), -EPERM, ... with @err filled.
 */
int uprobes_attach(struct uprobes **out, const struct uprobes_kernel *kernel,
		   struct bpf_program *program, int fd, const struct uprobe_site *sites,
		   size_t count, bool on_return, struct err *err);

/* Accepts NULL. */
void uprobes_detach(struct uprobes *uprobes);
DEFINE_CLEANUP(struct uprobes *, uprobes_detach)

#endif
