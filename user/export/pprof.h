/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* pprof - profiles as `go tool pprof` and everything else that knows profile.proto reads them */
#ifndef TRACER_EXPORT_PPROF_H
#define TRACER_EXPORT_PPROF_H

#include <stdio.h>

#include "user/export/tally.h"

/**
 * pprof_write() - one profile, gzip
 * @out:    where to; flushed
 * @tally: read
 *
 * Sample types are those of Go's profiles: contentions/count and delay/nanoseconds; of CPU
 * samples samples/count and cpu/nanoseconds. Each row is a sample with its labels:
 *
 *	thread, process		names, then
 *	tid, pid		numbers
 *	kind			of the wait: network, sync, ...; of a scheduler wait: the wait before
 *	why			of a scheduler wait: preempted, woken, ...
 *	syscall			that it waited in
 *	waker			who ended the wait
 *	lock			of a futex: its variable, or its address
 *	object			else what was waited for
 *
 * Locations are instructions of calls; code without a name is called "module+0x1234 [build id]".
 * Comments tell what is missing.
 *
 * Return: 0; -ENOMEM; the negative errno of writing. @err is filled.
 */
int pprof_write(FILE *out, const struct tally *tally, struct err *err);

#endif
